//! Ports of the node itself that lead to one of its pods (`hostPort`).

use super::model::Endpoint;
use crate::prelude::*;
use cluster_client::pods::is_finished;
use k8s_openapi::api::core::v1::{ContainerPort, Pod};

/// One port of the node: its address, when only one is meant, protocol (`tcp`, `udp`, `sctp`) and number.
pub(super) type HostPort = (Option<Ipv4Addr>, String, u16);

/// Where the ports of this node's pods lead.
pub(super) fn host_ports(pods: &[Arc<Pod>]) -> BTreeMap<HostPort, Endpoint> {
    pods.iter().flat_map(|pod| of_pod(pod)).collect()
}

fn of_pod(pod: &Pod) -> Vec<(HostPort, Endpoint)> {
    let Some(spec) = pod.spec.as_ref().filter(|s| s.host_network != Some(true)) else { return Vec::new() };
    let address = pod.status.as_ref().and_then(|s| s.pod_ip.as_deref()?.parse().ok());
    let Some(address) = address.filter(|_| !is_finished(pod)) else { return Vec::new() };
    let lead = |port: &ContainerPort| {
        let number = |n: i32| u16::try_from(n).ok().filter(|n| *n != 0);
        let host = port.host_ip.as_deref().and_then(|ip| ip.parse::<Ipv4Addr>().ok());
        let protocol = port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
        let key = (host.filter(|ip| !ip.is_unspecified()), protocol, number(port.host_port?)?);
        Some((key, Endpoint { address, port: number(port.container_port)? }))
    };
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.flat_map(|c| c.ports.iter().flatten()).filter_map(lead).collect()
}
