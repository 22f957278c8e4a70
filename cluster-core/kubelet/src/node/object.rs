//! The Node object: labels, taints, capacity, conditions. Pure.

use super::facts::{Pressure, architecture, capacity, disk, names};
use crate::options::MAX_PODS;
use crate::prelude::*;
use cluster_config::Role;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

const MAX_IMAGES: usize = 50;
/// Bytes of memory that pods do not get, so that the node can act before the kernel does.
const RESERVED_MEMORY: i64 = super::facts::LEAST_MEMORY;

/// What the status says of how the node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Health {
    /// Why the engine does not answer, if it does not.
    pub(super) engine: Option<String>,
    pub(super) network: bool,
    pub(super) pressure: Pressure,
    /// What the node has for containers.
    pub(super) images: Vec<ImageInfo>,
}

impl Health {
    pub(super) fn is_ready(&self) -> bool {
        self.engine.is_none() && self.network
    }
}

/// A new Node without its status.
pub(super) fn node(options: &KubeletOptions) -> core::Node {
    let own = &options.node;
    let mut labels = own.labels.clone();
    for prefix in ["kubernetes.io", "beta.kubernetes.io"] {
        labels.insert(format!("{prefix}/arch"), architecture().to_owned());
        labels.insert(format!("{prefix}/os"), "linux".to_owned());
    }
    labels.insert("kubernetes.io/hostname".to_owned(), own.name.clone());
    // The labels that go with it are not for a kubelet to give.
    let taint = (own.role == Role::Master).then(|| core::Taint {
        key: "node-role.kubernetes.io/control-plane".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..core::Taint::default()
    });
    let spec = core::NodeSpec {
        pod_cidr: Some(own.pod_cidr.to_string()),
        pod_cidrs: Some(vec![own.pod_cidr.to_string()]),
        taints: taint.map(|taint| vec![taint]),
        ..core::NodeSpec::default()
    };
    let metadata = ObjectMeta { name: Some(own.name.clone()), labels: Some(labels), ..ObjectMeta::default() };
    core::Node { metadata, spec: Some(spec), status: None }
}

fn resources(options: &KubeletOptions, reserved_memory: i64) -> BTreeMap<String, Quantity> {
    let size = capacity();
    let [(bytes, _), _] = disk(&options.root);
    let entries = [
        ("cpu", (size.cpu_milli / 1000).to_string()),
        ("memory", format!("{}Ki", (size.memory - reserved_memory).max(0) / 1024)),
        ("ephemeral-storage", format!("{}Ki", bytes / 1024)),
        ("hugepages-1Gi", "0".to_owned()),
        ("hugepages-2Mi", "0".to_owned()),
        ("pods", MAX_PODS.to_string()),
    ];
    entries.into_iter().map(|(name, amount)| (name.to_owned(), Quantity(amount))).collect()
}

/// What the node gives to pods: what it has itself, and what others have put into its status.
pub(crate) fn allocatable(options: &KubeletOptions, status: Option<&core::NodeStatus>) -> BTreeMap<String, Quantity> {
    let mut all = resources(options, RESERVED_MEMORY);
    all.extend(extended(status).map(|(name, amount)| (name.clone(), amount.clone())));
    all
}

/// Resources that others put into the node's capacity, like devices: named with a domain.
fn extended(status: Option<&core::NodeStatus>) -> impl Iterator<Item = (&String, &Quantity)> {
    let capacity = status.and_then(|s| s.capacity.as_ref());
    capacity.into_iter().flatten().filter(|(name, _)| name.contains('/'))
}

/// Whether pods can ask for all that the node has.
pub(super) fn offers_all(node: &core::Node) -> bool {
    let status = node.status.as_ref();
    let offered = status.and_then(|s| s.allocatable.as_ref());
    extended(status).all(|(name, amount)| offered.and_then(|all| all.get(name)) == Some(amount))
}

/// The status; `before` gives the times of conditions that did not change.
pub(super) fn status(
    options: &KubeletOptions,
    engine: &str,
    health: &Health,
    before: Option<&core::NodeStatus>,
) -> core::NodeStatus {
    let [kernel, os, machine, system, boot] = names();
    let address = |type_: &str, address: String| core::NodeAddress { type_: type_.to_owned(), address };
    let mut images: Vec<&ImageInfo> = health.images.iter().collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.size));
    let image = |i: &ImageInfo| core::ContainerImage { names: Some(i.names.clone()), size_bytes: Some(i.size) };
    core::NodeStatus {
        addresses: Some(vec![
            address("InternalIP", options.node.address.to_string()),
            address("Hostname", options.node.name.clone()),
        ]),
        capacity: Some(resources(options, 0)),
        allocatable: Some(allocatable(options, before)),
        conditions: Some(conditions(health, before, Timestamp::now())),
        daemon_endpoints: Some(core::NodeDaemonEndpoints {
            kubelet_endpoint: Some(core::DaemonEndpoint { port: i32::from(options.listen.port()) }),
        }),
        images: Some(images.into_iter().take(MAX_IMAGES).map(image).collect()),
        node_info: Some(core::NodeSystemInfo {
            architecture: architecture().to_owned(),
            boot_id: boot,
            container_runtime_version: format!("docker://{engine}"),
            kernel_version: kernel,
            kubelet_version: "v1.37.0".to_owned(),
            kube_proxy_version: String::new(),
            machine_id: machine,
            system_uuid: system,
            operating_system: "linux".to_owned(),
            os_image: os,
            ..core::NodeSystemInfo::default()
        }),
        ..core::NodeStatus::default()
    }
}

/// The conditions of shortages, in the order of [`Pressure`]: the reasons when there is one and when there is none, and
/// what the kubelet then has.
pub(crate) const SHORTAGES: [(&str, [&str; 2], [&str; 2]); 3] = [
    (
        "MemoryPressure",
        ["KubeletHasInsufficientMemory", "KubeletHasSufficientMemory"],
        ["insufficient memory available", "sufficient memory available"],
    ),
    ("DiskPressure", ["KubeletHasDiskPressure", "KubeletHasNoDiskPressure"], ["disk pressure", "no disk pressure"]),
    (
        "PIDPressure",
        ["KubeletHasInsufficientPID", "KubeletHasSufficientPID"],
        ["insufficient PID available", "sufficient PID available"],
    ),
];

fn conditions(health: &Health, before: Option<&core::NodeStatus>, now: Timestamp) -> Vec<core::NodeCondition> {
    let why = match (&health.engine, health.network) {
        (Some(why), _) => format!("container runtime is down: {why}"),
        (None, false) => {
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady".to_owned()
        }
        (None, true) => "kubelet is posting ready status".to_owned(),
    };
    let ready = health.is_ready();
    let shortages = SHORTAGES.into_iter().zip(health.pressure).map(|((type_, [yes, no], [bad, good]), short)| {
        let (reason, has) = if short { (yes, bad) } else { (no, good) };
        (type_, short, reason, format!("kubelet has {has}"))
    });
    let ready = ("Ready", ready, if ready { "KubeletReady" } else { "KubeletNotReady" }, why);
    let old = |type_: &str| before.and_then(|s| s.conditions.as_ref()?.iter().find(|c| c.type_ == type_));
    let condition = |(type_, on, reason, message): (&str, bool, &str, String)| {
        let status = if on { "True" } else { "False" };
        let since = old(type_).filter(|c| c.status == status).and_then(|c| c.last_transition_time.clone());
        core::NodeCondition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_heartbeat_time: Some(Time(now)),
            last_transition_time: since.or(Some(Time(now))),
        }
    };
    shortages.chain([ready]).map(condition).collect()
}

/// The status as a strategic merge patch that replaces the addresses.
pub(super) fn status_patch(status: &core::NodeStatus) -> serde_json::Value {
    let mut status = serde_json::json!(status);
    if let Some(addresses) = status["addresses"].as_array_mut() {
        addresses.insert(0, serde_json::json!({"$patch": "replace"}));
    }
    serde_json::json!({"status": status})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_needs_engine_and_network_and_keeps_its_time() {
        let health = |engine: Option<&str>, network| Health {
            engine: engine.map(str::to_owned),
            network,
            pressure: Pressure::default(),
            images: Vec::new(),
        };
        let ready = |h: &Health| conditions(h, None, Timestamp::UNIX_EPOCH).pop().expect("Ready is last");
        for (state, status, reason) in [
            (health(None, true), "True", "KubeletReady"),
            (health(None, false), "False", "KubeletNotReady"),
            (health(Some("gone"), true), "False", "KubeletNotReady"),
        ] {
            assert_eq!((ready(&state).status.as_str(), ready(&state).reason.as_deref()), (status, Some(reason)));
        }
        let before = core::NodeStatus {
            conditions: Some(conditions(&health(None, true), None, Timestamp::UNIX_EPOCH)),
            ..core::NodeStatus::default()
        };
        let later = conditions(&health(None, true), Some(&before), Timestamp::now());
        assert!(later.iter().all(|c| c.last_transition_time == Some(Time(Timestamp::UNIX_EPOCH))));
    }

    #[test]
    fn only_a_master_keeps_pods_away_that_do_not_tolerate_it() {
        let mut options = crate::options::tests::options();
        for (role, taints) in [(Role::Worker, 0), (Role::Master, 1)] {
            options.node.role = role;
            assert_eq!(node(&options).spec.and_then(|spec| spec.taints).map_or(0, |taints| taints.len()), taints);
        }
    }

    #[test]
    fn what_others_add_to_the_capacity_is_offered_to_pods() {
        let node = |allocatable: serde_json::Value| -> core::Node {
            let status =
                serde_json::json!({"capacity": {"cpu": "2", "example.com/dongle": "3"}, "allocatable": allocatable});
            serde_json::from_value(serde_json::json!({"status": status})).expect("a node")
        };
        let before = node(serde_json::json!({"cpu": "2"}));
        assert!(!offers_all(&before));
        let options = crate::options::tests::options();
        let health = Health { engine: None, network: true, pressure: Pressure::default(), images: Vec::new() };
        let after = status(&options, "1", &health, before.status.as_ref());
        assert_eq!(after.allocatable.expect("some")["example.com/dongle"].0, "3");
        assert!(offers_all(&node(serde_json::json!({"example.com/dongle": "3"}))));
    }
}
