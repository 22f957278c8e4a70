//! The Node object of a simulated node.

use crate::{Error, SIMULATED};
use cluster_client::{Client, DeleteOptions, Object};
use futures::{StreamExt, TryStreamExt};
use ipnet::Ipv4Net;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition, NodeStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The addresses of all pods on simulated nodes, and on others that a launcher does not make; a node has a /24 of it. The
/// real nodes' are elsewhere.
pub const POD_SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 128, 0, 0), 9);
const MOST: u32 = 1 << (24 - 9);
/// Requests under way at once.
const REQUESTS: usize = 32;
/// A node with this annotation gives no sign of life, as one whose machine is off.
const DOWN: &str = "devcluster.io/simulated-down";

/// Whether ordinary pods stay away from the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taint {
    /// Only pods that tolerate [`SIMULATED`] come: real nodes run the others.
    NoSchedule,
    /// Every pod may come.
    None,
}

/// Creates `count` simulated nodes `PREFIX-1`, `PREFIX-2` and so on, leaving out the numbers that are taken. Gives their
/// names.
pub async fn add_nodes(client: &Client, prefix: &str, count: usize, taint: Taint) -> Result<Vec<String>, Error> {
    let taken: BTreeSet<u32> = client.list::<Node>("", "").await?.iter().filter_map(number).collect();
    let free: Vec<u32> = (1..MOST).filter(|number| !taken.contains(number)).take(count).collect();
    if free.len() < count {
        return Err(Error::TooMany(MOST - 1));
    }
    let nodes: Vec<Node> = free.into_iter().map(|number| node(prefix, number, taint)).collect::<Result<_, _>>()?;
    let create = |node: Node| {
        let client = client.clone();
        async move { client.create(&node).await }
    };
    let made = futures::stream::iter(nodes).map(create).buffered(REQUESTS);
    Ok(made.map_ok(|node| node.metadata.name.unwrap_or_default()).try_collect().await?)
}

/// Adds or removes simulated nodes until there are `count`; those with the highest numbers go first, and their pods with
/// them.
pub async fn scale_nodes(client: &Client, prefix: &str, count: usize, taint: Taint) -> Result<(), Error> {
    let mut nodes = client.list::<Node>("", "").await?;
    nodes.retain(is_simulated);
    nodes.sort_by_key(number);
    let surplus = nodes.split_off(count.min(nodes.len()));
    add_nodes(client, prefix, count - nodes.len(), taint).await?;
    let delete = |node: Node| {
        let client = client.clone();
        async move {
            let deleted = client.delete_this(&node, DeleteOptions::default()).await;
            cluster_client::Error::ignore_gone(deleted).map(drop)
        }
    };
    Ok(futures::stream::iter(surplus).map(delete).buffer_unordered(REQUESTS).try_collect().await?)
}

/// The number behind a node's name and addresses.
fn number(node: &Node) -> Option<u32> {
    let pods: Ipv4Net = node.spec.as_ref()?.pod_cidr.as_ref()?.parse().ok()?;
    POD_SUBNET.contains(&pods).then(|| (pods.network().to_bits() - POD_SUBNET.network().to_bits()) >> 8)
}

fn node(prefix: &str, number: u32, taint: Taint) -> Result<Node, cluster_client::Error> {
    let name = format!("{prefix}-{number}");
    let pods = format!("{}/24", Ipv4Addr::from_bits(POD_SUBNET.network().to_bits() + (number << 8)));
    let labels = json!({
        SIMULATED: "true", "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
    });
    let taints = (taint == Taint::NoSchedule).then(|| json!([{"key": SIMULATED, "effect": "NoSchedule"}]));
    let node = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": pods, "podCIDRs": [pods], "taints": taints},
    });
    let decode = |source| cluster_client::Error::Decode { kind: "Node", source };
    let mut node: Node = serde_json::from_value(node).map_err(decode)?;
    let status = status(&node, Timestamp::now());
    node.status = Some(serde_json::from_value(status).map_err(decode)?);
    Ok(node)
}

pub(crate) fn is_simulated(node: &Node) -> bool {
    node.label(SIMULATED).is_some()
}

/// Whether the node does anything.
pub(crate) fn is_up(node: &Node) -> bool {
    is_simulated(node) && node.annotation(DOWN).is_none()
}

/// Whether the node's status lacks what [`status`] says.
pub(crate) fn needs_report(node: &Node) -> bool {
    let Some(status) = &node.status else { return true };
    let ready = status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    !ready || status.allocatable.is_none() || unoffered(status).next().is_some()
}

/// The devices, named with a domain, that somebody put into the node's capacity only.
fn unoffered(status: &NodeStatus) -> impl Iterator<Item = (&String, &Quantity)> {
    let offered = |name: &String| status.allocatable.as_ref().is_some_and(|all| all.contains_key(name));
    status.capacity.iter().flatten().filter(move |(name, _)| name.contains('/') && !offered(name))
}

/// The node's own address: the first of its pods' network.
pub(crate) fn address(node: &Node) -> Option<Ipv4Addr> {
    node.spec.as_ref()?.pod_cidr.as_ref()?.parse::<Ipv4Net>().ok()?.hosts().next()
}

/// The status of a node that lives. Resources that the object names already stay.
pub(crate) fn status(node: &Node, now: Timestamp) -> Value {
    let empty = NodeStatus::default();
    let before = node.status.as_ref().unwrap_or(&empty);
    let size = json!({"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"});
    let named = before.capacity.as_ref().or(before.allocatable.as_ref()).map_or(size, |capacity| json!(capacity));
    let mut offered = before.allocatable.as_ref().map_or(named.clone(), |all| json!(all));
    for (name, amount) in unoffered(before) {
        offered[name] = json!(amount);
    }
    let conditions = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ];
    let conditions = conditions.map(|(kind, status, reason, message)| {
        let same = |old: &&NodeCondition| old.type_ == kind && old.status == status;
        let since = before.conditions.iter().flatten().find(same).and_then(|old| old.last_transition_time.clone());
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": Time(now), "lastTransitionTime": since.unwrap_or(Time(now)),
        })
    });
    let mut addresses = vec![json!({"type": "Hostname", "address": node.metadata.name})];
    addresses.extend(address(node).map(|address| json!({"type": "InternalIP", "address": address})));
    json!({
        "capacity": named, "allocatable": offered,
        "addresses": addresses, "conditions": conditions,
        "nodeInfo": {
            "architecture": "amd64", "operatingSystem": "linux", "osImage": "simulated", "kernelVersion": "simulated",
            "containerRuntimeVersion": "simulated://1", "kubeletVersion": "v1.37.0", "kubeProxyVersion": "",
            "machineID": "", "systemUUID": "", "bootID": "",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_fake_server::FakeServer;

    #[tokio::test]
    async fn nodes_get_free_numbers_and_networks_of_their_own() {
        let client = FakeServer::new().client();
        assert_eq!(add_nodes(&client, "sim", 3, Taint::None).await.expect("made"), ["sim-1", "sim-2", "sim-3"]);
        client.delete::<Node>("", "sim-2", &Default::default()).await.expect("deleted");
        assert_eq!(add_nodes(&client, "sim", 2, Taint::NoSchedule).await.expect("made"), ["sim-2", "sim-4"]);
        let nodes: Vec<Node> = client.list("", "").await.expect("listed");
        let seen = |node: &Node| (number(node), address(node), node.spec.as_ref().is_some_and(|s| s.taints.is_some()));
        let of = |number: u8, tainted| (Some(u32::from(number)), Some(Ipv4Addr::new(10, 128, number, 1)), tainted);
        assert_eq!(nodes.iter().map(seen).collect::<Vec<_>>(), [of(1, false), of(2, true), of(3, false), of(4, true)]);
        assert!(nodes.iter().all(|node| is_up(node) && !needs_report(node)));
    }

    #[tokio::test]
    async fn nodes_are_scaled_from_the_end_and_only_the_simulated_ones() {
        let client = FakeServer::new().client();
        let real: Node = serde_json::from_value(json!({"metadata": {"name": "real"}})).expect("a node");
        client.create(&real).await.expect("created");
        for (count, expected) in [(12, 13), (12, 13), (3, 4), (0, 1)] {
            scale_nodes(&client, "sim", count, Taint::None).await.expect("scaled");
            let nodes: Vec<Node> = client.list("", "").await.expect("listed");
            assert_eq!(nodes.len(), expected);
            let highest = nodes.iter().filter_map(number).max().unwrap_or_default();
            assert_eq!(highest as usize, count, "the highest numbers go first");
        }
    }

    #[test]
    fn a_status_keeps_resources_and_times_that_are_there() {
        let node = json!({
            "metadata": {"name": "n"}, "status": {
                "capacity": {"cpu": "1"},
                "conditions": [
                    {"type": "DiskPressure", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                    {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                ],
            },
        });
        let node: Node = serde_json::from_value(node).expect("a node");
        assert!(needs_report(&node));
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().expect("a time");
        let status = status(&node, now);
        assert_eq!((&status["capacity"], &status["allocatable"]), (&json!({"cpu": "1"}), &json!({"cpu": "1"})));
        let since = |place: usize| &status["conditions"][place]["lastTransitionTime"];
        assert_eq!((since(1), since(3)), (&json!("2026-01-01T00:00:00Z"), &json!("2026-01-02T00:00:00Z")));
        assert_eq!(status["conditions"][1]["reason"], "KubeletHasNoDiskPressure");
    }

    #[test]
    fn a_device_that_is_put_into_the_capacity_can_be_asked_for() {
        let mut value = json!({
            "metadata": {"name": "n"}, "status": {
                "capacity": {"cpu": "1", "example.com/dongle": "5", "example.com/kept": "8"},
                "allocatable": {"cpu": "1", "example.com/kept": "7"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        });
        let node = |value: &Value| -> Node { serde_json::from_value(value.clone()).expect("a node") };
        assert!(needs_report(&node(&value)));
        value["status"] = status(&node(&value), Timestamp::now());
        let all = json!({"cpu": "1", "example.com/dongle": "5", "example.com/kept": "7"});
        assert_eq!(value["status"]["allocatable"], all);
        assert!(!needs_report(&node(&value)));
    }
}
