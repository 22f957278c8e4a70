//! ResourceQuota: no new object beyond what a namespace's quotas allow.

use super::limits::pod_total;
use super::{AdmissionRequest, Lookup, Operation};
use crate::kinds::walk::{entries, text};
use cluster_object::meta;
use cluster_object::quantity::Quantity;
use cluster_object::status::Status;
use serde_json::Value;

/// Refuses a new object that would exceed a quota.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let creates = request.operation == Operation::Create && request.subresource.is_empty();
    if !creates || request.namespace.is_empty() {
        return Ok(());
    }
    for quota in lookup.list("resourcequotas", Some(request.namespace)) {
        if meta::get(&quota, "spec.scopes").is_null() && meta::get(&quota, "spec.scopeSelector").is_null() {
            one(request, &quota, lookup)?;
        }
    }
    Ok(())
}

fn one(request: &AdmissionRequest<'_>, quota: &Value, lookup: &dyn Lookup) -> Result<(), Status> {
    let storage = request.resource.storage.as_str();
    let (mut missing, mut asked, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut present = None;
    for (name, hard) in entries(&quota["spec"]["hard"]) {
        let (Some(wanted), Ok(hard)) = (usage(name, storage, request.object), Quantity::from_value(hard)) else {
            continue;
        };
        if wanted.is_zero() && storage == "pods" {
            missing.push(name.clone());
            continue;
        }
        let all = present.get_or_insert_with(|| lookup.list(storage, Some(request.namespace)));
        let sum: Quantity = all.iter().filter(|o| counts(o, storage)).filter_map(|o| usage(name, storage, o)).sum();
        if sum + wanted > hard {
            asked.push(format!("{name}={wanted}"));
            used.push(format!("{name}={sum}"));
            limited.push(format!("{name}={hard}"));
        }
    }
    let quota = meta::name(quota);
    if !missing.is_empty() {
        return Err(request.forbidden(&format!("failed quota: {quota}: must specify {}", missing.join(","))));
    }
    if asked.is_empty() {
        return Ok(());
    }
    Err(request.forbidden(&format!(
        "exceeded quota: {quota}, requested: {}, used: {}, limited: {}",
        asked.join(","),
        used.join(","),
        limited.join(",")
    )))
}

/// Finished pods use nothing.
fn counts(object: &Value, storage: &str) -> bool {
    storage != "pods" || !matches!(meta::text(object, "status.phase"), "Succeeded" | "Failed")
}

/// How much of the quota's resource an object uses; `None` when the resource is not about its kind.
fn usage(name: &str, storage: &str, object: &Value) -> Option<Quantity> {
    let amount = |list: &Value, resource: &str| Quantity::from_value(&list[resource]).unwrap_or_default();
    let plural = storage.rsplit('/').next().unwrap_or(storage);
    let counted = match storage.split_once('/') {
        Some((group, _)) => format!("count/{plural}.{group}"),
        None => format!("count/{plural}"),
    };
    let core = [
        "pods",
        "services",
        "configmaps",
        "secrets",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "resourcequotas",
    ];
    if name == counted || (core.contains(&name) && name == storage) {
        return Some(Quantity::new(1));
    }
    let service = |kind: &str| text(&object["spec"]["type"]) == kind;
    match (storage, name) {
        ("pods", "cpu" | "requests.cpu") => Some(amount(&pod_total(object, "requests"), "cpu")),
        ("pods", "memory" | "requests.memory") => Some(amount(&pod_total(object, "requests"), "memory")),
        ("pods", "limits.cpu") => Some(amount(&pod_total(object, "limits"), "cpu")),
        ("pods", "limits.memory") => Some(amount(&pod_total(object, "limits"), "memory")),
        ("persistentvolumeclaims", "requests.storage") => {
            Some(amount(&object["spec"]["resources"]["requests"], "storage"))
        }
        ("services", "services.loadbalancers") if service("LoadBalancer") => Some(Quantity::new(1)),
        ("services", "services.nodeports") if service("NodePort") || service("LoadBalancer") => {
            let ports = object["spec"]["ports"].as_array().map_or(0, Vec::len);
            Some(Quantity::new(i64::try_from(ports).unwrap_or(i64::MAX)))
        }
        _ => None,
    }
}
