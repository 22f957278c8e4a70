//! Requests and limits in the kernel's terms, and the quality-of-service class they add up to.

use crate::runtime::Limits;
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;

type Amounts = BTreeMap<String, Text>;

/// A quantity in thousandths, or nothing when it is absent or unreadable.
pub(crate) fn milli(amounts: Option<&Amounts>, name: &str) -> Option<i64> {
    amounts?.get(name)?.0.parse::<Quantity>().ok().map(Quantity::milli_value)
}

/// A quantity in whole units, rounded up.
pub(crate) fn whole(amounts: Option<&Amounts>, name: &str) -> Option<i64> {
    amounts?.get(name)?.0.parse::<Quantity>().ok().map(Quantity::value)
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(crate) fn qos_class(spec: &PodSpec) -> &'static str {
    let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
    let positive = |amounts: Option<&Amounts>, name| milli(amounts, name).filter(|v| *v > 0);
    let mut any = false;
    let mut guaranteed = true;
    for container in containers() {
        let resources = container.resources.as_ref();
        for name in ["cpu", "memory"] {
            let limit = positive(resources.and_then(|r| r.limits.as_ref()), name);
            let request = positive(resources.and_then(|r| r.requests.as_ref()), name).or(limit);
            any |= limit.is_some() || request.is_some();
            guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// The kernel's limits of a container on a node with this much memory.
pub(crate) fn limits(spec: &PodSpec, container: &Container, node_memory: i64) -> Limits {
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|r: &ResourceRequirements| r.limits.as_ref());
    let requests = resources.and_then(|r| r.requests.as_ref());
    let cpu_limit = milli(limits, "cpu").unwrap_or_default();
    let cpu_request = milli(requests, "cpu").unwrap_or(cpu_limit);
    Limits {
        cpu_shares: (cpu_request * 1024 / 1000).max(2),
        cpu_quota: if cpu_limit > 0 { (cpu_limit * 100).max(1000) } else { 0 },
        memory: whole(limits, "memory").unwrap_or_default(),
        oom_score_adj: oom_score_adj(spec, whole(requests, "memory").or(whole(limits, "memory")), node_memory),
    }
}

fn oom_score_adj(spec: &PodSpec, memory_request: Option<i64>, node_memory: i64) -> i64 {
    let critical = spec.priority.unwrap_or_default() >= 2_000_000_000;
    match qos_class(spec) {
        _ if critical => -997,
        "Guaranteed" => -997,
        "BestEffort" => 1000,
        _ => (1000 - 1000 * memory_request.unwrap_or_default() / node_memory.max(1)).clamp(3, 999),
    }
}

/// What one container asks for in whole units.
pub(crate) fn container_request(spec: &PodSpec, container: &str, name: &str) -> i64 {
    let found = spec.containers.iter().find(|c| c.name == container);
    found.map_or(0, |c| asked(c.resources.as_ref(), name, Quantity::value))
}

fn asked(resources: Option<&ResourceRequirements>, name: &str, unit: fn(Quantity) -> i64) -> i64 {
    let text = resources.and_then(|r| r.requests.as_ref()?.get(name));
    text.and_then(|t| t.0.parse::<Quantity>().ok()).map_or(0, unit)
}

/// What a pod takes of a resource: its containers together, or what its init containers need at their peak, whichever
/// is more, and its overhead.
pub(crate) fn request(spec: &PodSpec, name: &str, unit: fn(Quantity) -> i64) -> i64 {
    let (mut sidecars, mut peak) = (0, 0);
    for init in spec.init_containers.iter().flatten() {
        let own = asked(init.resources.as_ref(), name, unit);
        peak = peak.max(sidecars + own);
        if init.restart_policy.as_deref() == Some("Always") {
            sidecars += own;
        }
    }
    let running: i64 = spec.containers.iter().map(|c| asked(c.resources.as_ref(), name, unit)).sum();
    let of_pod = spec.resources.as_ref().filter(|r| r.requests.as_ref().is_some_and(|a| a.contains_key(name)));
    let overhead = spec.overhead.as_ref().and_then(|o| o.get(name)?.0.parse::<Quantity>().ok()).map_or(0, unit);
    overhead + if of_pod.is_some() { asked(of_pod, name, unit) } else { peak.max(sidecars + running) }
}

/// The cgroup that holds the containers of this class.
pub(crate) fn cgroup_parent(spec: &PodSpec, driver: &str) -> String {
    let class = qos_class(spec).to_lowercase();
    match (driver, class.as_str()) {
        ("systemd", "guaranteed") => "kubepods.slice".to_owned(),
        ("systemd", class) => format!("kubepods-{class}.slice"),
        (_, "guaranteed") => "/kubepods".to_owned(),
        (_, class) => format!("/kubepods/{class}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(resources: &serde_json::Value) -> PodSpec {
        serde_json::from_value(json!({"containers": [{"name": "c", "resources": resources}]})).expect("a pod spec")
    }

    #[test]
    fn classes_and_limits_follow_requests() {
        let cases = [
            (json!({}), "BestEffort", (2, 0, 0, 1000)),
            (json!({"requests": {"cpu": "100m"}}), "Burstable", (102, 0, 0, 999)),
            (json!({"limits": {"cpu": "500m", "memory": "64Mi"}}), "Guaranteed", (512, 50_000, 64 << 20, -997)),
            (json!({"requests": {"memory": "512Mi"}, "limits": {"memory": "1Gi"}}), "Burstable", (2, 0, 1 << 30, 500)),
        ];
        for (resources, class, (cpu_shares, cpu_quota, memory, oom_score_adj)) in cases {
            let spec = spec(&resources);
            assert_eq!(qos_class(&spec), class, "{resources}");
            let wanted = Limits { cpu_shares, cpu_quota, memory, oom_score_adj };
            assert_eq!(limits(&spec, &spec.containers[0], 1 << 30), wanted, "{resources}");
        }
    }
}
