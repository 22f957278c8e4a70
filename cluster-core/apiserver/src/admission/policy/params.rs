//! The parameters that a binding gives its policy.

use crate::kinds::prelude::*;

/// The objects to evaluate the policy with, one after the other; a null stands for a policy without parameters. An
/// error says why they cannot be told.
pub(super) fn of(
    server: &ApiServer,
    request: &AdmissionRequest<'_>,
    policy: &Value,
    binding: &Value,
) -> Result<Vec<Arc<Value>>, String> {
    let (kind, reference) = (&policy["paramKind"], &binding["spec"]["paramRef"]);
    if kind.is_null() || reference.is_null() {
        return Ok(vec![Arc::default()]);
    }
    let (version, name) = (text(&kind["apiVersion"]), text(&kind["kind"]));
    let (group, only) = version.split_once('/').unwrap_or(("", version));
    let resource = server.registry.by_kind(group, only, name).ok_or_else(|| {
        format!("failed to configure policy: failed to find resource referenced by paramKind: '{version}, Kind={name}'")
    })?;
    let given = text(&reference["namespace"]);
    let namespace = match (resource.namespaced(), given.is_empty()) {
        (false, true) => "",
        (false, false) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
        (true, false) => given,
        (true, true) if request.namespace.is_empty() => {
            return Err(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned()
            );
        }
        (true, true) => request.namespace,
    };
    let stored: Vec<Arc<Value>> = match text(&reference["name"]) {
        "" => {
            let selector = Selector::from_label_selector(&reference["selector"]).map_err(|e| e.clone())?;
            let all = server.list(&resource.storage, Some(namespace));
            all.into_iter().filter(|object| selector.matches(|key| meta::label(object, key))).collect()
        }
        name => server.find(&resource.storage, namespace, name).into_iter().collect(),
    };
    if stored.is_empty() && reference["parameterNotFoundAction"] != "Allow" {
        return Err(
            "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
                .to_owned(),
        );
    }
    Ok(stored)
}
