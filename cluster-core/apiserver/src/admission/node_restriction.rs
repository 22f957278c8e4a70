//! NodeRestriction: a kubelet changes only its own node, its own pods and its own leases.

use crate::kinds::pod::MIRROR;
use crate::kinds::prelude::*;
use cluster_object::pod::references;

/// Refuses what a kubelet may not do.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let Some(node) = request.user.node_name() else { return Ok(()) };
    let target = if request.name.is_empty() { meta::name(request.object) } else { request.name };
    let foreign = target != node;
    let why = match (request.resource.storage.as_str(), request.operation, request.subresource) {
        ("nodes", ..) => own_node(request, node, target),
        ("coordination.k8s.io/leases", ..) if request.namespace == "kube-node-lease" && foreign => {
            Some("can only access node lease with the same name as the requesting node".to_owned())
        }
        ("storage.k8s.io/csinodes", ..) if foreign => {
            Some("can only access CSINode with the same name as the requesting node".to_owned())
        }
        ("pods", Operation::Create, "") => mirror(request.object, node, lookup),
        ("pods", ..) => own_pod(request, node, lookup),
        ("serviceaccounts", Operation::Create, "token") => token(request, node, lookup),
        _ => None,
    };
    why.map_or(Ok(()), |why| Err(request.forbidden(&why)))
}

/// Why a kubelet may not write a Node so.
fn own_node(request: &AdmissionRequest<'_>, node: &str, target: &str) -> Option<String> {
    if target != node {
        return Some(format!("node {node:?} is not allowed to modify node {target:?}"));
    }
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return None;
    }
    let (new, old) = (&*request.object, request.old.unwrap_or(&Value::Null));
    for (what, path) in [("taints", "spec.taints"), ("ownerReferences", "metadata.ownerReferences")] {
        if request.old.is_some() && meta::get(old, path) != meta::get(new, path) {
            return Some(format!("node {node:?} is not allowed to modify {what}"));
        }
    }
    let labels = |object| meta::get(object, "metadata.labels");
    let all = entries(labels(new)).chain(entries(labels(old))).map(|(key, _)| key.as_str());
    let changed = all.filter(|key| labels(new).get(key) != labels(old).get(key) && name::is_guarded_on_nodes(key));
    let changed = Vec::from_iter(changed.collect::<BTreeSet<_>>()).join(", ");
    match (changed.as_str(), request.old) {
        ("", _) => None,
        (keys, None) => Some(format!("node {node:?} is not allowed to set the following labels: {keys}")),
        (keys, Some(_)) => Some(format!("is not allowed to modify labels: {keys}")),
    }
}

/// Why a kubelet may not make this pod: one that only mirrors a pod of its own refers to nothing.
fn mirror(pod: &Value, node: &str, lookup: &dyn Lookup) -> Option<String> {
    if meta::annotation(pod, MIRROR).is_none() {
        return Some(format!("pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"));
    }
    let only = |what: &str| Some(format!("node {node:?} can only create pods with {what} set to itself"));
    if meta::text(pod, "spec.nodeName") != node {
        return only("spec.nodeName");
    }
    let [owner] = items(&pod["metadata"]["ownerReferences"]) else {
        let several = !is_empty(&pod["metadata"]["ownerReferences"]);
        return only(if several { "a single owner reference" } else { "an owner reference" });
    };
    if (&owner["apiVersion"], &owner["kind"], text(&owner["name"])) != (&json!("v1"), &json!("Node"), node) {
        return only("an owner reference");
    }
    if owner["controller"] != true {
        return only("a controller owner reference");
    }
    if owner["blockOwnerDeletion"] == true {
        return Some(format!("node {node:?} must not set blockOwnerDeletion on an owner reference"));
    }
    let stored = lookup.find("nodes", "", node).map(|node| meta::uid(&node).to_owned()).unwrap_or_default();
    let given = text(&owner["uid"]);
    if given != stored {
        return Some(format!("node {node} UID mismatch: expected {given} got {stored}"));
    }
    let sources = items(&pod["spec"]["volumes"]).iter().flat_map(|volume| items(&volume["projected"]["sources"]));
    let bundles = sources.filter(|source| !source["clusterTrustBundle"].is_null()).map(|_| "clustertrustbundles");
    let what = match references(&pod["spec"]).into_iter().map(|(resource, _)| resource).chain(bundles).next()? {
        "serviceaccounts" => "a service account",
        resource => resource,
    };
    Some(format!("node {node:?} can not create pods that reference {what}"))
}

/// Why a kubelet may not do this to a pod.
fn own_pod(request: &AdmissionRequest<'_>, node: &str, lookup: &dyn Lookup) -> Option<String> {
    let stored = lookup.find("pods", request.namespace, request.name).filter(|_| request.old.is_none());
    let old = request.old.or(stored.as_deref())?;
    if meta::text(old, "spec.nodeName") != node {
        let what = match (request.operation, request.subresource) {
            (Operation::Delete, _) => "delete pods",
            (_, "eviction") => "evict pods",
            _ => "update pod status for pods",
        };
        return Some(format!("node {node:?} can only {what} with spec.nodeName set to itself"));
    }
    let differs = |path| !is_empty(meta::get(old, path)) || !is_empty(meta::get(request.object, path));
    let differs = |path| differs(path) && meta::get(old, path) != meta::get(request.object, path);
    match (request.operation, request.subresource) {
        (Operation::Update, "status") if differs("metadata.labels") => {
            Some(format!("node {node:?} cannot update labels through pod status"))
        }
        (Operation::Update, "status") if differs("status.resourceClaimStatuses") => {
            Some(format!("node {node:?} cannot update resource claim statues"))
        }
        _ => None,
    }
}

/// Why a kubelet may not have this token: it gets those of its pods, which end with them.
fn token(request: &AdmissionRequest<'_>, node: &str, lookup: &dyn Lookup) -> Option<String> {
    let bound = &request.object["spec"]["boundObjectRef"];
    let (name, uid) = (text(&bound["name"]), text(&bound["uid"]));
    if (text(&bound["apiVersion"]), text(&bound["kind"])) != ("v1", "Pod") || name.is_empty() {
        return Some("node requested token not bound to a pod".to_owned());
    }
    if uid.is_empty() {
        return Some("node requested token with a pod binding without a uid".to_owned());
    }
    let Some(pod) = lookup.find("pods", request.namespace, name) else {
        return Some(format!("pod {name:?} not found"));
    };
    if meta::uid(&pod) != uid {
        let why = "does not match the UID in record. The object might have been deleted and then recreated";
        return Some(format!("the UID in the bound object reference ({uid}) {why}"));
    }
    let elsewhere = meta::text(&pod, "spec.nodeName") != node;
    elsewhere.then(|| "node requested token bound to a pod scheduled on a different node".to_owned())
}
