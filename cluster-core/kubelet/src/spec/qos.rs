//! Requests and limits in the kernel's terms, and the quality-of-service class they add up to.

use crate::runtime::Limits;
use cluster_client::pods::is_sidecar;
use cluster_object::pod;
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;
use std::path::Path;

/// What the kernel takes for a share of the CPUs.
const LEAST_SHARES: i64 = 2;
const MOST_SHARES: i64 = 262_144;

type Amounts = BTreeMap<String, Text>;

/// A quantity in thousandths, or nothing when it is absent or unreadable.
pub(crate) fn milli(amounts: Option<&Amounts>, name: &str) -> Option<i64> {
    parse(amounts?.get(name)?).map(Quantity::milli_value)
}

/// A quantity in whole units, rounded up.
pub(crate) fn whole(amounts: Option<&Amounts>, name: &str) -> Option<i64> {
    parse(amounts?.get(name)?).map(Quantity::value)
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(crate) fn qos_class(spec: &PodSpec) -> &'static str {
    let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
    let lists = spec.resources.iter().flat_map(|whole| [&whole.requests, &whole.limits]).flatten();
    let owners: Vec<_> = if pod::is_set_as_whole(lists.flat_map(BTreeMap::keys).map(String::as_str)) {
        vec![spec.resources.as_ref()]
    } else {
        containers().map(|container| container.resources.as_ref()).collect()
    };
    pod::qos_class(owners.into_iter().flat_map(|owner| {
        let amount = |amounts: Option<&Amounts>, name| parse(amounts?.get(name)?);
        ["cpu", "memory"].map(|name| {
            let request = amount(owner.and_then(|r| r.requests.as_ref()), name);
            (request, amount(owner.and_then(|r| r.limits.as_ref()), name))
        })
    }))
}

/// The kernel's limits of a container on a node with this much memory; one without its own has its pod's.
pub(crate) fn limits(spec: &PodSpec, container: &Container, node_memory: i64) -> Limits {
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|r: &ResourceRequirements| r.limits.as_ref());
    let requests = resources.and_then(|r| r.requests.as_ref());
    let whole_pod = spec.resources.as_ref().and_then(|r| r.limits.as_ref());
    let cpu_limit = milli(limits, "cpu").or_else(|| milli(whole_pod, "cpu")).unwrap_or_default();
    let cpu_request = milli(requests, "cpu").or_else(|| milli(limits, "cpu")).unwrap_or_default();
    Limits {
        cpu_shares: shares(cpu_request),
        cpu_quota: if cpu_limit > 0 { (cpu_limit * 100).max(1000) } else { 0 },
        memory: whole(limits, "memory").or_else(|| whole(whole_pod, "memory")).unwrap_or_default(),
        oom_score_adj: oom_score_adj(spec, whole(requests, "memory").or(whole(limits, "memory")), node_memory),
    }
}

fn shares(milli: i64) -> i64 {
    (milli * 1024 / 1000).clamp(LEAST_SHARES, MOST_SHARES)
}

/// Gives the groups of the classes below `groups` their part of the CPUs: what their pods ask for, and as good as nothing
/// where nobody asks. Groups come with their first container. Source: upstream's `setCPUCgroupConfig`.
pub(crate) fn share_cpus<'a>(groups: &Path, pods: impl Iterator<Item = &'a PodSpec>) {
    let burstable = pods.filter(|spec| qos_class(spec) == "Burstable");
    let asked = burstable.map(|spec| request(spec, "cpu").milli_value()).sum();
    for (class, shares) in [("burstable", shares(asked)), ("besteffort", LEAST_SHARES)] {
        let weight = (shares - LEAST_SHARES) * 9999 / (MOST_SHARES - LEAST_SHARES) + 1;
        let first = (groups.join("cpu/kubepods").join(class).join("cpu.shares"), shares);
        let second = (groups.join("kubepods").join(class).join("cpu.weight"), weight);
        for (file, value) in [first, second] {
            let value = value.to_string();
            if std::fs::read_to_string(&file).is_ok_and(|now| now.trim() != value)
                && let Err(error) = std::fs::write(&file, value)
            {
                tracing::warn!(%error, file = %file.display(), "failed to share the CPUs between classes of pods");
            }
        }
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
    found.and_then(|c| of(c.resources.as_ref(), REQUESTS, name)).map_or(0, Quantity::value)
}

/// A quantity that can be read.
pub(crate) fn parse(text: &Text) -> Option<Quantity> {
    Quantity::parse(&text.0).ok()
}

/// The requests or the limits of a pod or a container.
type Side = fn(&ResourceRequirements) -> Option<&Amounts>;
const REQUESTS: Side = |resources| resources.requests.as_ref();
const LIMITS: Side = |resources| resources.limits.as_ref();

fn of(resources: Option<&ResourceRequirements>, side: Side, name: &str) -> Option<Quantity> {
    parse(side(resources?)?.get(name)?)
}

/// What a pod takes of a resource.
pub(crate) fn request(spec: &PodSpec, name: &str) -> Quantity {
    total(spec, REQUESTS, name)
}

/// The pod as a whole or its containers at their peak, and its overhead.
fn total(spec: &PodSpec, side: Side, name: &str) -> Quantity {
    let container = |container: &Container| of(container.resources.as_ref(), side, name);
    let init = spec.init_containers.iter().flatten().map(|c| (container(c), is_sidecar(c)));
    let whole = of(spec.resources.as_ref(), side, name);
    let containers = whole.or_else(|| pod::peak(spec.containers.iter().map(container), init));
    let overhead = spec.overhead.as_ref().and_then(|overhead| parse(overhead.get(name)?));
    containers.unwrap_or_default() + overhead.unwrap_or_default()
}

/// Bytes of memory that a pod may take, if it or each of its containers is limited.
pub(crate) fn memory_limit(spec: &PodSpec) -> Option<i64> {
    let limited = |resources| of(resources, LIMITS, "memory").is_some_and(|limit| limit.value() > 0);
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let known = limited(spec.resources.as_ref()) || containers.all(|c| limited(c.resources.as_ref()));
    known.then(|| total(spec, LIMITS, "memory").value())
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
    fn classes_of_pods_share_the_cpus_by_what_they_ask_for() {
        let groups = tempfile::tempdir().expect("a folder");
        let file = |path: &str| groups.path().join(path);
        let all = [
            "cpu/kubepods/burstable/cpu.shares",
            "cpu/kubepods/besteffort/cpu.shares",
            "kubepods/burstable/cpu.weight",
        ]
        .map(file);
        for file in &all {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, "1024\n").expect("written");
        }
        let asking = |cpu: &str| spec(&json!({"requests": {"cpu": cpu}}));
        let guaranteed = spec(&json!({"limits": {"cpu": "4", "memory": "1Gi"}}));
        for (pods, expected) in [
            (vec![asking("1500m"), asking("500m"), guaranteed, spec(&json!({}))], ["2048", "2", "79"]),
            (vec![], ["2", "2", "1"]),
        ] {
            share_cpus(groups.path(), pods.iter());
            assert_eq!(all.clone().map(|file| std::fs::read_to_string(file).expect("a value")), expected);
        }
        assert!(!file("kubepods/besteffort").exists());
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
        let mut whole = spec(&json!({"limits": {"memory": "64Mi"}}));
        whole.resources =
            serde_json::from_value(json!({"limits": {"cpu": "500m", "memory": "1Gi"}})).expect("resources");
        let shared = limits(&whole, &whole.containers[0], 1 << 30);
        assert_eq!((shared.cpu_shares, shared.cpu_quota, shared.memory), (2, 50_000, 64 << 20));
    }
}
