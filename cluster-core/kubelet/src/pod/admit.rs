//! Whether a pod that was assigned to this node may run here: the last word against what the scheduler did not know,
//! or was not asked. Pure; reasons and messages are upstream's kubelet's.

use crate::node::{Pressure, SHORTAGES};
use crate::spec::qos::{parse, qos_class, request, units};
use cluster_client::nodes;
use cluster_client::pods::host_ports;
use cluster_object::pod::is_safe_sysctl;
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

/// What the node gives to pods, by resource.
pub(crate) type Allocatable = BTreeMap<String, Quantity>;

/// Why a pod is turned away: reason and message of its status.
pub(crate) type Refusal = (String, String);

/// Priorities from here on belong to the cluster's own pods.
const CRITICAL: i32 = 2_000_000_000;

/// Whether a pod is one of the cluster's own, which pressure does not touch.
pub(crate) fn is_critical(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|s| s.priority).is_some_and(|priority| priority >= CRITICAL)
        || super::mirror::is_static(pod)
}

/// Decides on `pod` beside the `others` that hold resources of the node.
pub(crate) fn admit(
    pod: &Pod,
    others: &[std::sync::Arc<Pod>],
    allocatable: &Allocatable,
    pressure: Pressure,
) -> Result<(), Refusal> {
    let Some(spec) = pod.spec.as_ref() else { return Ok(()) };
    let refuse = |reason: &str, message: String| Err((reason.to_owned(), format!("Pod was rejected: {message}")));
    let conditions = SHORTAGES.iter().zip(pressure).filter(|(_, short)| *short);
    let conditions: Vec<&str> = conditions.map(|((name, ..), _)| *name).collect();
    // Who asks for memory is let in while nothing else is short.
    let asks = conditions == ["MemoryPressure"] && qos_class(spec) != "BestEffort";
    if !conditions.is_empty() && !asks && !is_critical(pod) {
        return refuse("Evicted", format!("The node had condition: [{}]. ", conditions.join(" ")));
    }
    if let Some(name) = forbidden_sysctl(spec) {
        return refuse("SysctlForbidden", format!("forbidden sysctl: {name:?} not allowlisted"));
    }
    if wants_profile(pod, spec) {
        return refuse("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host".to_owned());
    }
    if let Some(short) = shortages(spec, others, allocatable).next() {
        return refuse(&format!("OutOf{}", short.name), short.to_string());
    }
    let mut held = others.iter().filter_map(|p| p.spec.as_ref()).flat_map(host_ports);
    if held.any(|held| host_ports(spec).any(|port| port.conflicts(&held))) {
        let message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
        return refuse("NodePorts", message.to_owned());
    }
    Ok(())
}

/// Decides whether the node is for the pod, which may have been bound without the scheduler. Manifests of the node's own
/// folder stand for themselves, whatever its taints say.
pub(crate) fn place(pod: &Pod, node: &Node) -> Result<(), Refusal> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let (reason, why) = if !nodes::admits(pod, node) {
        ("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    } else if !super::mirror::is_static(pod) && !nodes::tolerates(tolerations, node, &["NoExecute"]) {
        ("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    } else {
        return Ok(());
    };
    Err((reason.to_owned(), format!("Pod was rejected: Predicate {reason} failed: {why}")))
}

/// Why a running pod's new requests cannot be met: reason and message of its condition `PodResizePending`.
pub(crate) fn resize_verdict(
    pod: &Pod,
    others: &[std::sync::Arc<Pod>],
    allocatable: &Allocatable,
) -> Option<(&'static str, String)> {
    let spec = pod.spec.as_ref()?;
    let alone = shortages(spec, &[], allocatable).next();
    if let Some(short) = alone {
        let Shortage { name, requested, capacity, .. } = short;
        let message = format!("Node didn't have enough capacity: {name}, requested: {requested}, capacity: {capacity}");
        return Some(("Infeasible", message));
    }
    shortages(spec, others, allocatable).next().map(|short| ("Deferred", short.to_string()))
}

/// A resource that the node has too little of.
struct Shortage<'a> {
    name: &'a str,
    requested: i64,
    used: i64,
    capacity: i64,
}

impl std::fmt::Display for Shortage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, requested, used, capacity } = self;
        write!(
            f,
            "Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
        )
    }
}

/// Resources in the order in which they are told of; all others follow.
const FIRST: [&str; 4] = ["pods", "cpu", "memory", "ephemeral-storage"];

/// What the node has too little of. What it has nothing of at all may be the cluster's to give, as for the scheduler.
fn shortages<'a>(
    spec: &PodSpec,
    others: &[std::sync::Arc<Pod>],
    allocatable: &'a Allocatable,
) -> impl Iterator<Item = Shortage<'a>> {
    let asked = move |spec: &PodSpec, name: &str| if name == "pods" { 1 } else { units(name, request(spec, name)) };
    let more = allocatable.keys().map(String::as_str).filter(|name| !FIRST.contains(name));
    FIRST.into_iter().chain(more).filter_map(move |name| {
        let capacity = units(name, parse(allocatable.get(name)?)?);
        let requested = asked(spec, name);
        let used = || others.iter().filter_map(|p| p.spec.as_ref()).map(|spec| asked(spec, name)).sum();
        let used = if requested > 0 { used() } else { 0 };
        (requested > 0 && requested + used > capacity).then_some(Shortage { name, requested, used, capacity })
    })
}

fn forbidden_sysctl(spec: &PodSpec) -> Option<&str> {
    let wanted = spec.security_context.as_ref()?.sysctls.iter().flatten();
    wanted.map(|s| s.name.as_str()).find(|name| !is_safe_sysctl(&name.replace('/', ".")))
}

/// The annotations that were there before the field, by container.
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Whether a container is to run under any profile of AppArmor's, which a node that is a container does not have.
fn wants_profile(pod: &Pod, spec: &PodSpec) -> bool {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let own = containers.filter_map(|c| c.security_context.as_ref()?.app_armor_profile.as_ref());
    let whole = spec.security_context.as_ref().and_then(|s| s.app_armor_profile.as_ref());
    let mut older = pod.metadata.annotations.iter().flatten().filter(|(key, _)| key.starts_with(APP_ARMOR));
    own.chain(whole).any(|profile| profile.type_ != "Unconfined") || older.any(|(_, value)| value != "unconfined")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn pod(spec: Value) -> Arc<Pod> {
        Arc::new(serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).expect("a pod"))
    }

    fn asking(cpu: &str, memory: &str) -> Value {
        json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]})
    }

    /// What a node has that takes so many pods.
    fn node(pods: u32) -> Allocatable {
        let all = json!({"cpu": "1", "memory": "1Gi", "ephemeral-storage": "10Gi", "pods": pods.to_string(),
            "hugepages-2Mi": "0", "example.com/dongle": "2"});
        serde_json::from_value(all).expect("amounts")
    }

    #[test]
    fn a_pod_runs_only_where_it_fits_and_is_allowed() {
        let requests = |requests: Value| json!({"containers": [{"name": "c", "resources": {"requests": requests}}]});
        let plain = json!({"containers": [{"name": "c"}]});
        let mut sysctl = plain.clone();
        sysctl["securityContext"] = json!({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]});
        let mut safe = plain.clone();
        safe["securityContext"] = json!({"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]});
        let profile =
            |kind: &str| json!({"containers": [{"name": "c", "securityContext": {"appArmorProfile": {"type": kind}}}]});
        let mut critical = plain.clone();
        critical["priority"] = json!(CRITICAL);
        let one = || vec![pod(asking("600m", "100Mi"))];
        let stored = || vec![pod(requests(json!({"ephemeral-storage": "8Gi", "example.com/dongle": "1"})))];
        let full = || vec![pod(plain.clone()), pod(plain.clone()), pod(plain.clone())];
        let none = Pressure::default();
        let (memory, disk, pids) = ([true, false, false], [true, true, false], [false, false, true]);
        let cases = [
            (plain.clone(), one(), none, None),
            (asking("400m", "1Mi"), one(), none, None),
            (asking("401m", "1Mi"), one(), none, Some(("OutOfcpu", "cpu, requested: 401, used: 600, capacity: 1000"))),
            (asking("1m", "1Gi"), one(), none, Some(("OutOfmemory", "memory, requested: 1073741824"))),
            (plain.clone(), full(), none, Some(("OutOfpods", "pods, requested: 1, used: 3, capacity: 3"))),
            (plain.clone(), one(), memory, Some(("Evicted", "The node had condition: [MemoryPressure]"))),
            (asking("1m", "1Mi"), one(), memory, None),
            (asking("1m", "1Mi"), one(), disk, Some(("Evicted", "had condition: [MemoryPressure DiskPressure]"))),
            (asking("1m", "1Mi"), one(), pids, Some(("Evicted", "had condition: [PIDPressure]"))),
            (critical.clone(), one(), memory, None),
            (critical, one(), disk, None),
            (sysctl, one(), none, Some(("SysctlForbidden", "\"kernel.msgmax\" not allowlisted"))),
            (safe, one(), none, None),
            (profile("Localhost"), one(), none, Some(("AppArmor", "AppArmor is not enabled on the host"))),
            (profile("RuntimeDefault"), one(), none, Some(("AppArmor", "AppArmor is not enabled on the host"))),
            (profile("Unconfined"), one(), none, None),
            (requests(json!({"ephemeral-storage": "2Gi", "example.com/dongle": "1"})), stored(), none, None),
            (
                requests(json!({"ephemeral-storage": "3Gi"})),
                stored(),
                none,
                Some((
                    "OutOfephemeral-storage",
                    "Node didn't have enough resource: ephemeral-storage, requested: 3221225472, used: 8589934592, \
                     capacity: 10737418240",
                )),
            ),
            (
                requests(json!({"example.com/dongle": "2"})),
                stored(),
                none,
                Some(("OutOfexample.com/dongle", "example.com/dongle, requested: 2, used: 1, capacity: 2")),
            ),
            (requests(json!({"hugepages-2Mi": "2Mi"})), one(), none, Some(("OutOfhugepages-2Mi", "capacity: 0"))),
            (requests(json!({"example.com/nobody-knows": "5"})), one(), none, None),
        ];
        for (spec, others, pressure, expected) in cases {
            let got = admit(&pod(spec.clone()), &others, &node(3), pressure);
            match (got, expected) {
                (Ok(()), None) => {}
                (Err((reason, message)), Some((wanted, part))) if reason == wanted && message.contains(part) => {}
                (got, _) => panic!("{spec}: {got:?}"),
            }
        }
    }

    #[test]
    fn an_old_annotation_asks_for_a_profile_too() {
        for (profile, fits) in [("unconfined", true), ("runtime/default", false)] {
            let mut asking = (*pod(json!({"containers": [{"name": "c"}]}))).clone();
            asking.metadata.annotations = Some([(format!("{APP_ARMOR}c"), profile.to_owned())].into());
            assert_eq!(admit(&asking, &[], &node(3), Pressure::default()).is_ok(), fits, "{profile}");
        }
    }

    #[test]
    fn a_pod_runs_only_where_selector_affinity_and_taints_let_it() {
        let node = json!({"metadata": {"name": "n", "labels": {"disk": "ssd"}}, "spec": {"taints": [
            {"key": "a", "effect": "NoSchedule"}, {"key": "b", "effect": "NoExecute"}]}});
        let node: Node = serde_json::from_value(node).expect("a node");
        let affinity = |zone: &str| {
            let terms = json!([{"matchExpressions": [{"key": zone, "operator": "Exists"}]}]);
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}})
        };
        let tolerant = json!([{"key": "b", "operator": "Exists"}]);
        let cases = [
            (json!({"tolerations": tolerant}), Ok(())),
            (json!({}), Err("TaintToleration")),
            (json!({"tolerations": tolerant, "nodeSelector": {"disk": "ssd"}}), Ok(())),
            (json!({"tolerations": tolerant, "nodeSelector": {"disk": "hdd"}}), Err("NodeAffinity")),
            (json!({"tolerations": tolerant, "affinity": affinity("disk")}), Ok(())),
            (json!({"tolerations": tolerant, "affinity": affinity("zone")}), Err("NodeAffinity")),
        ];
        for (mut spec, expected) in cases {
            spec["containers"] = json!([]);
            let verdict = place(&pod(spec.clone()), &node).map_err(|(reason, _)| reason);
            assert_eq!(verdict, expected.map_err(str::to_owned), "{spec}");
        }
    }

    #[test]
    fn a_port_of_the_node_leads_to_one_pod() {
        let with = |port: Value| json!({"containers": [{"name": "c", "ports": [port]}]});
        let held = vec![pod(with(json!({"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"})))];
        let cases = [
            (json!({"containerPort": 8080}), true),
            (json!({"containerPort": 80, "hostPort": 8081}), true),
            (json!({"containerPort": 80, "hostPort": 8080}), false),
            (json!({"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}), true),
            (json!({"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"}), false),
            (json!({"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.2"}), true),
        ];
        for (port, fits) in cases {
            let verdict = admit(&pod(with(port.clone())), &held, &node(9), Pressure::default());
            assert_eq!(
                verdict.map_err(|(reason, _)| reason),
                if fits { Ok(()) } else { Err("NodePorts".to_owned()) },
                "{port}"
            );
        }
    }

    #[test]
    fn a_resize_waits_for_room_and_is_hopeless_beyond_the_nodes_size() {
        let others = vec![pod(asking("600m", "100Mi"))];
        for (cpu, expected) in [("400m", None), ("500m", Some("Deferred")), ("2", Some("Infeasible"))] {
            let verdict = resize_verdict(&pod(asking(cpu, "1Mi")), &others, &node(3));
            assert_eq!(verdict.map(|(reason, _)| reason), expected, "{cpu}");
        }
    }
}
