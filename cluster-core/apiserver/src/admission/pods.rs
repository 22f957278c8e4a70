//! Priority, RuntimeClass, PodTopologyLabels, DefaultTolerationSeconds and TaintNodesByCondition.

use super::include;
use crate::kinds::prelude::*;
use cluster_object::pod;
use cluster_object::status::Cause;
use std::fmt::Display;

const CLASSES: &str = "scheduling.k8s.io/priorityclasses";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Turns a pod's priority class into numbers.
pub(super) fn priority(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let named = meta::text(request.object, "spec.priorityClassName").to_owned();
    let class = if named.is_empty() {
        let all = lookup.list(CLASSES, None);
        all.into_iter().filter(|class| class["globalDefault"] == true).min_by_key(|class| int(&class["value"]))
    } else {
        let found = lookup.find(CLASSES, "", &named).or_else(|| system_class(&named));
        Some(found.ok_or_else(|| request.forbidden(&format!("no PriorityClass with name {named} was found")))?)
    };
    let (value, policy) = class.as_ref().map_or((0, ""), |c| (int(&c["value"]), text(&c["preemptionPolicy"])));
    let policy = if policy.is_empty() { "PreemptLowerPriority" } else { policy };
    let computed = |what: &str, given: &dyn Display, computed: &dyn Display| {
        request.forbidden(&format!(
            "the {what} ({given}) must not be provided in pod spec; priority admission controller computed {computed} \
             from the given PriorityClass name"
        ))
    };
    let given = meta::get(request.object, "spec.priority").as_i64();
    if let Some(given) = given.filter(|given| *given != value) {
        return Err(computed("integer value of priority", &given, &value));
    }
    let given = meta::text(request.object, "spec.preemptionPolicy");
    if !given.is_empty() && given != policy {
        return Err(computed("string value of PreemptionPolicy", &given, &policy));
    }
    let Some(spec) = child(request.object, "spec") else { return Ok(()) };
    spec["priority"] = value.into();
    spec["preemptionPolicy"] = policy.into();
    if let Some(class) = class.filter(|_| named.is_empty()) {
        spec["priorityClassName"] = meta::name(&class).into();
    }
    Ok(())
}

/// Keeps what an update leaves out: it was given when the pod was made, and cannot change.
pub(super) fn keep_priority(object: &mut Value, old: &Value) {
    for field in ["priority", "preemptionPolicy"] {
        if let (Some(spec), Some(value)) = (child(object, "spec"), old["spec"].get(field)) {
            default(spec, field, value.clone());
        }
    }
}

fn system_class(name: &str) -> Option<Arc<Value>> {
    let value = match name {
        "system-node-critical" => 2_000_001_000,
        "system-cluster-critical" => 2_000_000_000,
        _ => return None,
    };
    Some(Arc::new(json!({"metadata": {"name": name}, "value": value})))
}

/// Refuses a second global default class.
pub(super) fn one_default_priority(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let writes = matches!(request.operation, Operation::Create | Operation::Update);
    if request.resource.storage != CLASSES || !writes || request.object["globalDefault"] != true {
        return Ok(());
    }
    let all = lookup.list(CLASSES, None);
    match all.iter().find(|class| class["globalDefault"] == true && meta::name(class) != meta::name(request.object)) {
        Some(other) => Err(request.forbidden(&format!(
            "PriorityClass {} is already marked as default. Only one default can exist",
            meta::name(other)
        ))),
        None => Ok(()),
    }
}

/// Takes overhead and node constraints from the pod's runtime class.
pub(super) fn runtime_class(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let name = meta::text(request.object, "spec.runtimeClassName").to_owned();
    let given = meta::get(request.object, "spec.overhead").clone();
    let undefined = || {
        let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
        if is_empty(&given) { Ok(()) } else { Err(request.forbidden(why)) }
    };
    if name.is_empty() {
        return undefined();
    }
    let Some(class) = lookup.find("node.k8s.io/runtimeclasses", "", &name) else {
        return Err(request.forbidden(&format!("pod rejected: RuntimeClass {name:?} not found")));
    };
    let overhead = meta::get(&class, "overhead.podFixed");
    if is_empty(overhead) {
        undefined()?;
    } else if !is_empty(&given) && given != *overhead {
        let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
        return Err(request.forbidden(why));
    }
    let given = meta::get(request.object, "spec.nodeSelector");
    let selector = || entries(meta::get(&class, "scheduling.nodeSelector"));
    if let Some((key, value)) = selector().find(|(key, value)| given.get(key).is_some_and(|given| given != *value)) {
        let (wanted, has) = (text(value), text(&given[key]));
        let why = format!(
            "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {has}"
        );
        return Err(request.forbidden(&why));
    }
    let Some(spec) = child(request.object, "spec") else { return Ok(()) };
    if !is_empty(overhead) {
        spec["overhead"] = overhead.clone();
    }
    for (key, value) in selector() {
        default(spec, "nodeSelector", json!({}));
        spec["nodeSelector"][key] = value.clone();
    }
    for toleration in items(meta::get(&class, "scheduling.tolerations")) {
        include(spec, "tolerations", toleration.clone());
    }
    Ok(())
}

/// Tells a pod that gets its node where that is: its workload reads it as labels.
pub(super) fn topology(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) {
    let path = match request.subresource {
        _ if request.resource.storage != "pods" => return,
        "" => "spec.nodeName",
        "binding" if request.object["target"]["kind"] == "Node" => "target.name",
        _ => return,
    };
    let name = meta::text(request.object, path);
    let Some(node) = lookup.find("nodes", "", name).filter(|_| !name.is_empty()) else { return };
    for key in ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"] {
        if let Some(place) = meta::label(&node, key) {
            default(&mut request.object["metadata"], "labels", json!({}));
            request.object["metadata"]["labels"][key] = place.into();
        }
    }
}

/// Lets a pod stay for a while on a node that is not ready or unreachable.
pub(super) fn default_tolerations(pod: &mut Value, seconds: i64) {
    let Some(spec) = child(pod, "spec") else { return };
    for key in [NOT_READY, UNREACHABLE] {
        let tolerated = items(&spec["tolerations"])
            .iter()
            .any(|t| (text(&t["key"]) == key || is_empty(&t["key"])) && matches!(text(&t["effect"]), "" | "NoExecute"));
        if !tolerated {
            let added = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
            include(spec, "tolerations", added);
        }
    }
}

/// A new node takes no pods before it is ready.
pub(super) fn taint_new_node(node: &mut Value) {
    default(node, "spec", json!({}));
    let Some(spec) = child(node, "spec") else { return };
    let there = items(&spec["taints"]).iter().any(|t| t["key"] == NOT_READY && t["effect"] == "NoSchedule");
    if !there {
        include(spec, "taints", json!({"key": NOT_READY, "effect": "NoSchedule"}));
    }
}

/// Refuses to resize a pod to what its node could not give it if it were alone there.
pub(super) fn resize(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let (storage, spec) = (request.resource.storage.as_str(), &request.object["spec"]);
    let resizes = (storage, request.subresource, request.operation) == ("pods", "resize", Operation::Update);
    let name = text(&spec["nodeName"]);
    if !resizes || name.is_empty() || request.old.is_some_and(|old| old["spec"] == *spec) {
        return Ok(());
    }
    let Some(node) = lookup.find("nodes", "", name) else {
        return Err(request.forbidden(&format!("node {name:?} not found")));
    };
    let short = |resource: &str, number: fn(Quantity) -> i64| {
        let requested = pod::total(spec, "requests", resource)?;
        let allocatable = Quantity::from_value(&node["status"]["allocatable"][resource]).unwrap_or(Quantity::new(0));
        let (asked, there) = (number(requested), number(allocatable));
        (requested > allocatable).then(|| format!("{resource}, requested: {asked}, allocatable: {there}"))
    };
    let short: Vec<String> =
        [short("cpu", Quantity::milli_value), short("memory", Quantity::value)].into_iter().flatten().collect();
    if short.is_empty() {
        return Ok(());
    }
    let why = format!("node didn't have enough allocatable resources: {}", short.join("; "));
    let mut refusal = request.forbidden(&why);
    if let Some(details) = &mut refusal.details {
        details.causes.push(Cause { reason: "NodeCapacity".to_owned(), ..Cause::default() });
    }
    Err(refusal)
}
