//! Requests and limits in the kernel's terms, and the quality-of-service class they add up to.

use crate::runtime::Limits;
use cluster_client::pods::is_sidecar;
use cluster_object::pod;
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// What the kernel takes for a share of the CPUs.
const LEAST_SHARES: i64 = 2;
const MOST_SHARES: i64 = 262_144;

/// Where the kernel shows groups of processes.
pub(crate) const GROUPS: &str = "/sys/fs/cgroup";

type Amounts = BTreeMap<String, Text>;

/// How much of a resource: thousandths of a CPU, of all else whole units, rounded up.
pub(crate) fn units(resource: &str, amount: Quantity) -> i64 {
    if resource == "cpu" { amount.milli_value() } else { amount.value() }
}

/// Whether the pod has resources as a whole.
fn is_set_as_whole(spec: &PodSpec) -> bool {
    let lists = spec.resources.iter().flat_map(|whole| [&whole.requests, &whole.limits]).flatten();
    pod::is_set_as_whole(lists.flat_map(BTreeMap::keys).map(String::as_str))
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(crate) fn qos_class(spec: &PodSpec) -> &'static str {
    let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
    let owners: Vec<_> = if is_set_as_whole(spec) {
        vec![spec.resources.as_ref()]
    } else {
        containers().map(|container| container.resources.as_ref()).collect()
    };
    pod::qos_class(
        owners
            .into_iter()
            .flat_map(|owner| ["cpu", "memory"].map(|name| (of(owner, REQUESTS, name), of(owner, LIMITS, name)))),
    )
}

/// The kernel's limits of a container on a node with this much memory.
pub(crate) fn limits(spec: &PodSpec, container: &Container, node_memory: i64) -> Limits {
    let resources = container.resources.as_ref();
    let memory = of(resources, REQUESTS, "memory").or_else(|| of(resources, LIMITS, "memory")).map(Quantity::value);
    Limits { oom_score_adj: oom_score_adj(spec, memory, node_memory), ..bounds(resources) }
}

/// What requests and limits of CPU and memory are to the kernel.
fn bounds(resources: Option<&ResourceRequirements>) -> Limits {
    let amount = |side, name| of(resources, side, name);
    let cpu_limit = amount(LIMITS, "cpu").map(Quantity::milli_value).unwrap_or_default();
    let cpu_request = amount(REQUESTS, "cpu").map_or(cpu_limit, Quantity::milli_value);
    Limits {
        cpu_shares: shares(cpu_request),
        cpu_quota: if cpu_limit > 0 { (cpu_limit * 100).max(1000) } else { 0 },
        memory: amount(LIMITS, "memory").map(Quantity::value).unwrap_or_default(),
        oom_score_adj: 0,
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
        for (file, value) in [
            (groups.join("cpu/kubepods").join(class).join("cpu.shares"), shares),
            (groups.join("kubepods").join(class).join("cpu.weight"), weight(shares)),
        ] {
            if let Err(error) = tell(&file, &value.to_string()) {
                tracing::warn!(%error, file = %file.display(), "failed to tell a group of processes what it may take");
            }
        }
    }
}

/// Shares of the first kind of control groups in the second's words.
fn weight(shares: i64) -> i64 {
    (shares - LEAST_SHARES) * 9999 / (MOST_SHARES - LEAST_SHARES) + 1
}

/// Writes to a file of a control group, where it is there and says something else.
fn tell(file: &Path, value: &str) -> std::io::Result<()> {
    let differs = std::fs::read_to_string(file).is_ok_and(|now| now.trim() != value);
    if differs { std::fs::write(file, value) } else { Ok(()) }
}

/// Lets the containers of a pod with resources as a whole take no more than that together. Their group below `groups` is
/// there once its sandbox is.
pub(crate) fn limit_pod(groups: &Path, spec: &PodSpec, parent: &str) -> Result<(), String> {
    if !is_set_as_whole(spec) {
        return Ok(());
    }
    let parent = parent.trim_start_matches('/');
    let Limits { cpu_shares, cpu_quota, memory, .. } = bounds(spec.resources.as_ref());
    // The kernel would end containers rather than refuse.
    for (hierarchy, file) in [("memory", "memory.usage_in_bytes"), ("", "memory.current")] {
        let text = std::fs::read_to_string(groups.join(hierarchy).join(parent).join(file)).unwrap_or_default();
        if let Some(usage) = text.trim().parse::<i64>().ok().filter(|usage| memory > 0 && *usage > memory) {
            return Err(format!("attempting to set pod memory limit ({memory}) below current usage ({usage})"));
        }
    }
    let or = |amount: i64, none: &str| if amount > 0 { amount.to_string() } else { none.to_owned() };
    for (hierarchy, file, value) in [
        ("cpu", "cpu.shares", cpu_shares.to_string()),
        ("cpu", "cpu.cfs_quota_us", or(cpu_quota, "-1")),
        ("memory", "memory.limit_in_bytes", or(memory, "-1")),
        ("", "cpu.weight", weight(cpu_shares).to_string()),
        ("", "cpu.max", format!("{} 100000", or(cpu_quota, "max"))),
        ("", "memory.max", or(memory, "max")),
    ] {
        tell(&groups.join(hierarchy).join(parent).join(file), &value).map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(())
}

/// Removes the groups below `groups` that a pod had to itself.
pub(crate) fn remove_groups(groups: &Path, uid: &str) {
    let hierarchies = std::fs::read_dir(groups).into_iter().flatten().flatten().map(|entry| entry.path());
    for kubepods in hierarchies.chain([groups.to_owned()]).map(|hierarchy| hierarchy.join("kubepods")) {
        for class in ["", "burstable", "besteffort"] {
            let group = kubepods.join(class).join(format!("pod{uid}"));
            match std::fs::remove_dir(&group) {
                Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    tracing::warn!(%error, group = %group.display(), "failed to remove a pod's group of processes");
                }
                _ => {}
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

/// The group that holds the pod's containers: that of its class, in which a pod with resources as a whole has its own.
pub(crate) fn cgroup_parent(spec: &PodSpec, uid: &str) -> String {
    let group = match qos_class(spec) {
        "Guaranteed" => "/kubepods".to_owned(),
        class => format!("/kubepods/{}", class.to_lowercase()),
    };
    if is_set_as_whole(spec) { format!("{group}/pod{uid}") } else { group }
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
    }

    #[test]
    fn a_pod_with_resources_as_a_whole_has_a_group_that_holds_its_containers_to_them() {
        let mut whole = spec(&json!({"limits": {"memory": "64Mi"}}));
        assert_eq!(cgroup_parent(&whole, "u"), "/kubepods/burstable");
        let resources = json!({"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "1Gi"}});
        whole.resources = serde_json::from_value(resources).expect("resources");
        let own = limits(&whole, &whole.containers[0], 1 << 30);
        assert_eq!((own.cpu_quota, own.memory), (0, 64 << 20), "a container has its own limits alone");
        let groups = tempfile::tempdir().expect("a folder");
        let parent = cgroup_parent(&whole, "u");
        assert_eq!(parent, "/kubepods/burstable/podu");
        let expected = [
            ("cpu", "cpu.shares", "256"),
            ("cpu", "cpu.cfs_quota_us", "50000"),
            ("memory", "memory.limit_in_bytes", "1073741824"),
            ("", "cpu.weight", "10"),
            ("", "cpu.max", "50000 100000"),
            ("", "memory.max", "1073741824"),
        ];
        let folder = |hierarchy: &str| groups.path().join(hierarchy).join(&parent[1..]);
        for (hierarchy, file, _) in expected {
            std::fs::create_dir_all(folder(hierarchy)).expect("made");
            std::fs::write(folder(hierarchy).join(file), "before").expect("written");
        }
        let usage = folder("memory").join("memory.usage_in_bytes");
        std::fs::write(&usage, "1073741825").expect("written");
        assert!(
            limit_pod(groups.path(), &whole, &parent)
                .is_err_and(|why| why.contains("below current usage (1073741825)"))
        );
        std::fs::remove_file(usage).expect("removed");
        limit_pod(groups.path(), &whole, &parent).expect("told");
        for (hierarchy, file, value) in expected {
            assert_eq!(std::fs::read_to_string(folder(hierarchy).join(file)).expect("a value"), value, "{file}");
            std::fs::remove_file(folder(hierarchy).join(file)).expect("removed");
        }
        remove_groups(groups.path(), "other");
        assert!(folder("memory").exists());
        remove_groups(groups.path(), "u");
        assert!(["cpu", "memory", ""].iter().all(|hierarchy| !folder(hierarchy).exists()));
    }
}
