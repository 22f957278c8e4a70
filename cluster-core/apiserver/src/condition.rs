//! Conditions that the server itself writes into the status of objects.

use crate::kinds::prelude::*;

/// Sets a condition; its time changes with its status only.
pub(crate) fn set(object: &mut Value, kind: &str, status: bool, reason: &str, message: &str) {
    let status = if status { "True" } else { "False" };
    let mut conditions = items(&object["status"]["conditions"]).to_vec();
    let present = conditions.iter().position(|c| c["type"] == kind);
    let same = present.map(|at| &conditions[at]).filter(|c| c["status"] == status);
    let since = same.map_or_else(|| meta::now().into(), |c| c["lastTransitionTime"].clone());
    let condition = json!({
        "type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message,
    });
    match present {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
    object["status"]["conditions"] = conditions.into();
}
