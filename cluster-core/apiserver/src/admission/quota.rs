//! ResourceQuota: no new object beyond what a namespace's quotas allow.

use super::limits::pod_total;
use super::{AdmissionRequest, Lookup, Operation};
use crate::kinds::pod::qos;
use crate::kinds::walk::{entries, items, text};
use crate::verbs::Call;
use cluster_object::meta;
use cluster_object::quantity::Quantity;
use cluster_object::status::Status;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// Who may count and write in a namespace with quotas: one at a time, so that two that fit alone do not both get in.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Turn>>>);

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    async fn take(&self, namespace: &str) -> OwnedMutexGuard<()> {
        let turn = Arc::clone(self.0.lock().entry(namespace.to_owned()).or_default());
        turn.lock_owned().await
    }

    /// Forgets a namespace that is gone.
    pub(crate) fn forget(&self, namespace: &str) {
        self.0.lock().remove(namespace);
    }
}

/// Refuses what would exceed a quota. The caller writes before it gives the turn back.
pub(crate) async fn charge(
    call: &Call<'_>,
    operation: Operation,
    name: &str,
    object: &mut Value,
    old: Option<&Value>,
) -> Result<Option<OwnedMutexGuard<()>>, Status> {
    let namespace = call.info.namespace.as_str();
    if namespace.is_empty() || call.server.list("resourcequotas", Some(namespace)).is_empty() {
        return Ok(None);
    }
    let turn = call.server.turns.take(namespace).await;
    let (user, resource, query, notes) = (&call.user, &*call.resource, &call.query, &*call.notes);
    let subresource = "";
    let request =
        AdmissionRequest { user, operation, resource, subresource, namespace, name, object, old, query, notes };
    check(&request, call.server)?;
    Ok(Some(turn))
}

pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let storage = request.resource.storage.as_str();
    for quota in lookup.list("resourcequotas", Some(request.namespace)) {
        if in_scope(&quota, storage, request.object) {
            one(request, &quota, lookup)?;
        }
    }
    Ok(())
}

fn one(request: &AdmissionRequest<'_>, quota: &Value, lookup: &dyn Lookup) -> Result<(), Status> {
    let storage = request.resource.storage.as_str();
    let (mut asked, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    let new_pod = storage == "pods" && request.operation == Operation::Create;
    let missing = if new_pod { unspecified(&quota["spec"]["hard"], request.object) } else { Vec::new() };
    let old = request.old.filter(|old| counts(old, storage) && in_scope(quota, storage, old));
    let mut present = None;
    for (name, hard) in entries(&quota["spec"]["hard"]) {
        let (Some(wanted), Ok(hard)) = (usage(name, storage, request.object), Quantity::from_value(hard)) else {
            continue;
        };
        let held = old.and_then(|old| usage(name, storage, old)).unwrap_or_default();
        if wanted <= held {
            continue;
        }
        let wanted = wanted - held;
        let all = present.get_or_insert_with(|| lookup.list(storage, Some(request.namespace)));
        let counted = all.iter().filter(|o| counts(o, storage) && in_scope(quota, storage, o));
        let sum: Quantity = counted.filter_map(|o| usage(name, storage, o)).sum();
        if sum + wanted > hard {
            asked.push(format!("{name}={wanted}"));
            used.push(format!("{name}={sum}"));
            limited.push(format!("{name}={hard}"));
        }
    }
    let quota = meta::name(quota);
    if !missing.is_empty() {
        return Err(request.forbidden(&format!("failed quota: {quota}: must specify {}", missing.join("; "))));
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

/// Whether a quota is about an object: about any object when it has no scopes, else about the pods (or the claims) that
/// are within all of them.
fn in_scope(quota: &Value, storage: &str, object: &Value) -> bool {
    let plain = items(meta::get(quota, "spec.scopes")).iter().map(|scope| (text(scope), "Exists", &Value::Null));
    let selected = items(meta::get(quota, "spec.scopeSelector.matchExpressions"));
    let selected = selected.iter().map(|one| (text(&one["scopeName"]), text(&one["operator"]), &one["values"]));
    plain.chain(selected).all(|(scope, operator, values)| {
        let spec = &object["spec"];
        let holds = |value: &Value| {
            let value = text(value);
            let listed = items(values).iter().any(|one| text(one) == value);
            match operator {
                "In" => listed,
                "NotIn" => !value.is_empty() && !listed,
                "DoesNotExist" => value.is_empty(),
                _ => !value.is_empty(),
            }
        };
        match (storage, scope) {
            ("pods", "Terminating") => !spec["activeDeadlineSeconds"].is_null(),
            ("pods", "NotTerminating") => spec["activeDeadlineSeconds"].is_null(),
            ("pods", "BestEffort") => qos::class(spec) == "BestEffort",
            ("pods", "NotBestEffort") => qos::class(spec) != "BestEffort",
            ("pods", "PriorityClass") => holds(&spec["priorityClassName"]),
            ("pods", "CrossNamespacePodAffinity") => crosses_namespaces(spec),
            ("persistentvolumeclaims", "VolumeAttributesClass") => holds(&spec["volumeAttributesClassName"]),
            _ => false,
        }
    })
}

/// Whether a pod's affinity looks at other namespaces.
fn crosses_namespaces(spec: &Value) -> bool {
    let terms = ["podAffinity", "podAntiAffinity"].into_iter().flat_map(|kind| {
        let affinity = &spec["affinity"][kind];
        let required = items(&affinity["requiredDuringSchedulingIgnoredDuringExecution"]).iter();
        let preferred = items(&affinity["preferredDuringSchedulingIgnoredDuringExecution"]).iter();
        required.chain(preferred.map(|weighted| &weighted["podAffinityTerm"]))
    });
    terms.into_iter().any(|term| !items(&term["namespaces"]).is_empty() || !term["namespaceSelector"].is_null())
}

/// What a quota on CPU or memory wants every container to say, and the containers that do not.
fn unspecified(hard: &Value, pod: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, _) in entries(hard) {
        let (list, resource) = match name.as_str() {
            "cpu" | "memory" => ("requests", name.as_str()),
            "requests.cpu" | "limits.cpu" | "requests.memory" | "limits.memory" => {
                name.split_once('.').unwrap_or_default()
            }
            _ => continue,
        };
        let containers = ["containers", "initContainers"].into_iter().flat_map(|list| items(&pod["spec"][list]));
        let silent = containers.filter(|c| c["resources"][list][resource].is_null()).map(|c| text(&c["name"]));
        let mut silent: Vec<&str> = silent.collect();
        silent.sort_unstable();
        if !silent.is_empty() {
            missing.push(format!("{name} for: {}", silent.join(",")));
        }
    }
    missing.sort();
    missing
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
        ("pods", "cpu" | "memory" | "ephemeral-storage") => Some(amount(&pod_total(object, "requests"), name)),
        ("pods", _) if name.starts_with("hugepages-") => Some(amount(&pod_total(object, "requests"), name)),
        ("pods", _) => {
            let (list, resource) = name.split_once('.').filter(|(list, _)| matches!(*list, "requests" | "limits"))?;
            (resource != "storage").then(|| amount(&pod_total(object, list), resource))
        }
        ("persistentvolumeclaims", _) => {
            let (class, name) =
                name.split_once(".storageclass.storage.k8s.io/").map_or((None, name), |(c, n)| (Some(c), n));
            let own = class.is_none_or(|class| text(&object["spec"]["storageClassName"]) == class);
            match name {
                "requests.storage" if own => Some(amount(&object["spec"]["resources"]["requests"], "storage")),
                "persistentvolumeclaims" if own => Some(Quantity::new(1)),
                _ => None,
            }
        }
        ("services", "services.loadbalancers") if service("LoadBalancer") => Some(Quantity::new(1)),
        ("services", "services.nodeports") if service("NodePort") || service("LoadBalancer") => {
            let ports = object["spec"]["ports"].as_array().map_or(0, Vec::len);
            Some(Quantity::new(i64::try_from(ports).unwrap_or(i64::MAX)))
        }
        _ => None,
    }
}
