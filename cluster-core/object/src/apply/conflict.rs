//! What becomes of the other managers' fields when an object changes.

use super::entries::{Entry, Id};
use super::field_set::{FieldSet, display};
use super::typed::Changes;
use crate::status::{Cause, Details, Status};
use std::collections::BTreeMap;

/// Takes changed fields from the managers in `entries`: removed ones always, changed ones with `force` or when all of
/// them are `free`.
pub(super) fn resolve(entries: &mut [Entry], changes: &Changes, force: bool, free: &FieldSet) -> Result<(), Status> {
    let written = &changes.written;
    let contested = |entry: &Entry| {
        let mut fields = entry.fields.intersection(written);
        fields.subtract(free);
        fields
    };
    let conflicts: Vec<(&Id, FieldSet)> =
        entries.iter().map(|entry| (&entry.id, contested(entry))).filter(|(_, fields)| !fields.is_empty()).collect();
    if !force && !conflicts.is_empty() {
        return Err(error(&conflicts));
    }
    for entry in entries {
        entry.fields.subtract(written);
        entry.fields.subtract(&changes.removed);
    }
    Ok(())
}

/// 409 with a cause for each field.
fn error(conflicts: &[(&Id, FieldSet)]) -> Status {
    let mut by_manager: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, fields) in conflicts {
        let paths = fields.paths().iter().map(|path| display(path)).collect::<Vec<_>>();
        by_manager.entry(describe(id)).or_default().extend(paths);
    }
    let cause = |manager: &str, field: &String| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {manager}"),
        field: field.clone(),
    };
    let causes: Vec<Cause> =
        by_manager.iter().flat_map(|(manager, fields)| fields.iter().map(|field| cause(manager, field))).collect();
    let message = match causes.as_slice() {
        [only] => format!("Apply failed with 1 conflict: {}: {}", only.message, only.field),
        all => {
            let texts: Vec<String> = by_manager
                .iter()
                .map(|(manager, fields)| format!("conflicts with {manager}:\n- {}", fields.join("\n- ")))
                .collect();
            format!("Apply failed with {} conflicts: {}", all.len(), texts.join("\n"))
        }
    };
    let details = Details { causes, ..Details::default() };
    Status { details: Some(Box::new(details)), ..Status::new(409, "Conflict", message) }
}

fn describe(id: &Id) -> String {
    let mut text = format!("{:?}", id.manager);
    if !id.subresource.is_empty() {
        text = format!("{text} with subresource {:?}", id.subresource);
    }
    if id.operation == "Update" {
        text = format!("{text} using {}", id.api_version);
    }
    text
}
