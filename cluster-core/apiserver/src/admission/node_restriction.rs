//! NodeRestriction: a kubelet changes only its own node, its own pods and its own lease.

use crate::kinds::prelude::*;

/// Refuses what a kubelet may not do.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let Some(node) = request.user.node_name() else { return Ok(()) };
    let refuse = |why: String| Err(request.forbidden(&why));
    match request.resource.storage.as_str() {
        "nodes" => {
            let target = if request.name.is_empty() { meta::name(request.object) } else { request.name };
            if target != node {
                return refuse(format!("node {node:?} is not allowed to modify node {target:?}"));
            }
            let taints = |object| meta::get(object, "spec.taints");
            let retaints = request.operation == Operation::Update
                && request.old.is_some_and(|old| taints(old) != taints(request.object));
            if retaints {
                return refuse(format!("node {node:?} is not allowed to modify taints"));
            }
            let (new, old) = (guarded(request.object), request.old.map(guarded).unwrap_or_default());
            let changed = new.iter().chain(&old).find(|(key, _)| new.get(*key) != old.get(*key));
            if let (Some((label, _)), true) = (changed, request.operation != Operation::Delete) {
                return refuse(format!("node {node:?} is not allowed to modify labels: {label}"));
            }
        }
        "coordination.k8s.io/leases" if request.namespace == "kube-node-lease" => {
            let target = if request.name.is_empty() { meta::name(request.object) } else { request.name };
            if target != node {
                return refuse("can only access node lease with the same name as the requesting node".to_owned());
            }
        }
        "pods" => return pod(request, lookup, node),
        _ => {}
    }
    Ok(())
}

/// The labels that keep workloads on nodes which no kubelet can name itself.
fn guarded(object: &Value) -> BTreeMap<&String, &Value> {
    let labels = entries(meta::get(object, "metadata.labels"));
    labels.filter(|(key, _)| key.starts_with("node-restriction.kubernetes.io/")).collect()
}

fn pod(request: &AdmissionRequest<'_>, lookup: &dyn Lookup, node: &str) -> Result<(), Status> {
    let creates = request.operation == Operation::Create && request.subresource.is_empty();
    if creates && meta::annotation(request.object, "kubernetes.io/config.mirror").is_none() {
        let why = format!(
            "pod does not have \"kubernetes.io/config.mirror\" annotation, node {node:?} can only create mirror pods"
        );
        return Err(request.forbidden(&why));
    }
    let given = if creates { Some(&*request.object) } else { request.old };
    let stored = if given.is_none() { lookup.find("pods", request.namespace, request.name) } else { None };
    let Some(subject) = given.or(stored.as_deref()) else { return Ok(()) };
    if meta::text(subject, "spec.nodeName") == node {
        return Ok(());
    }
    let what = match (request.operation, request.subresource) {
        _ if creates => "create pods with spec.nodeName set to itself",
        (Operation::Delete, _) => "delete pods with spec.nodeName set to itself",
        (_, "eviction") => "evict pods with spec.nodeName set to itself",
        _ => "update pod status for pods with spec.nodeName set to itself",
    };
    Err(request.forbidden(&format!("node {node:?} can only {what}")))
}
