//! What a cluster is made of: its nodes, addresses, ports and mounts.

mod validate;

use cluster_config::{API_PORT, ApiServer, Healing, NodeConfig, Role};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const POD_PREFIX: u8 = 24;
/// So many nodes are described at once; no cluster has room for as many.
pub(crate) const MOST_NODES: u16 = 500;

/// A whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// For example `dev`.
    pub name: String,
    /// The node image.
    pub image: String,
    /// The addresses of the nodes; none until one is chosen.
    pub subnet: Option<Ipv4Net>,
    /// The addresses of pods.
    pub pod_subnet: Ipv4Net,
    /// The addresses of services.
    pub service_subnet: Ipv4Net,
    /// Where the host reaches the API server.
    pub api_address: IpAddr,
    /// Its port there; 0 until one is chosen.
    pub api_port: u16,
    /// Masters and workers.
    pub nodes: Vec<NodeSpec>,
    /// Timings of self-healing.
    #[serde(default)]
    pub healing: Healing,
    /// What the API server is told.
    #[serde(default)]
    pub api_server: ApiServer,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeSpec {
    /// Its container's name, for example `dev-worker-1`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Fixes its address and its pods' addresses; counted from 1, unique in the cluster.
    pub index: u16,
    /// Labels beside the standard ones.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Folders and files of the host.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Ports of the host that lead into the node.
    #[serde(default)]
    pub ports: Vec<Port>,
}

/// A folder or file of the host inside a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// On the host, absolute.
    pub host_path: String,
    /// In the node, absolute.
    pub container_path: String,
    /// Whether the node may not write.
    #[serde(default)]
    pub read_only: bool,
}

/// A port of the host that leads into a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// In the node.
    pub container_port: u16,
    /// On the host; 0 for any.
    #[serde(default)]
    pub host_port: u16,
    /// On the host.
    #[serde(default = "everywhere")]
    pub listen_address: IpAddr,
    /// What is forwarded.
    #[serde(default)]
    pub protocol: Protocol,
}

fn everywhere() -> IpAddr {
    Ipv4Addr::UNSPECIFIED.into()
}

/// A transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// As Docker writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl ClusterSpec {
    /// A cluster with the default networks.
    pub fn new(name: &str, image: &str, masters: u16, workers: u16) -> Self {
        let mut spec = Self {
            name: name.to_owned(),
            image: image.to_owned(),
            subnet: None,
            pod_subnet: net([10, 244, 0, 0], 16),
            service_subnet: net([10, 96, 0, 0], 16),
            api_address: Ipv4Addr::LOCALHOST.into(),
            api_port: 0,
            nodes: Vec::new(),
            healing: Healing::default(),
            api_server: ApiServer::default(),
        };
        for (role, count) in [(Role::Master, masters), (Role::Worker, workers)] {
            for _ in 0..count.min(MOST_NODES) {
                spec.push(role);
            }
        }
        spec
    }

    /// Adds a node under the first free name and index, and returns it.
    pub fn push(&mut self, role: Role) -> &mut NodeSpec {
        let taken: BTreeSet<u16> = self.nodes.iter().map(|node| node.index).collect();
        let index = (1..u16::MAX).find(|index| !taken.contains(index)).unwrap_or(u16::MAX);
        let name = (1..u32::MAX)
            .map(|number| format!("{}-{}-{number}", self.name, role.as_str()))
            .find(|name| self.node(name).is_none())
            .unwrap_or_default();
        let (labels, mounts, ports) = Default::default();
        let at = self.nodes.len();
        self.nodes.push(NodeSpec { name, role, index, labels, mounts, ports });
        &mut self.nodes[at]
    }

    /// The node of a name, which may leave the cluster's name out: `worker-1` for `dev-worker-1`.
    pub fn node(&self, name: &str) -> Option<&NodeSpec> {
        let full = format!("{}-{name}", self.name);
        self.nodes.iter().find(|node| node.name == name || node.name == full)
    }

    /// The nodes of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &NodeSpec> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// For messages: `1 master and 2 workers`.
    pub fn summary(&self) -> String {
        let count = |role: Role| {
            let count = self.of(role).count();
            format!("{count} {}{}", role.as_str(), if count == 1 { "" } else { "s" })
        };
        format!("{} and {}", count(Role::Master), count(Role::Worker))
    }

    /// What a cluster that is there has, and what is asked for instead. What is left at its default is not asked for.
    pub fn differs(&self, present: &Self) -> Option<(String, String)> {
        if self.summary() != present.summary() {
            return Some((present.summary(), self.summary()));
        }
        let default = Self::new(&self.name, &self.image, 0, 0);
        let [asked, there, default] = [self, present, &default].map(Self::choices);
        let mut asked = asked.as_object().into_iter().flatten();
        let (what, _) = asked.find(|(what, choice)| ![&there[*what], &default[*what]].contains(choice))?;
        Some((format!("other {what}"), "as described".to_owned()))
    }

    fn choices(&self) -> Value {
        let special = |role: Role| -> Value {
            let nodes = self.of(role).map(|node| json!([node.labels, node.mounts, node.ports]));
            nodes.filter(|node| *node != json!([{}, [], []])).collect()
        };
        json!({
            "networks": [self.pod_subnet, self.service_subnet, self.api_address],
            "timings of healing": self.healing,
            "API server arguments": self.api_server,
            "labels, mounts or ports of masters": special(Role::Master),
            "labels, mounts or ports of workers": special(Role::Worker),
        })
    }

    /// The name of the Docker network and of the kubeconfig context.
    pub fn context(&self) -> String {
        format!("devcluster-{}", self.name)
    }

    /// The API server's service.
    pub fn api_service(&self) -> Ipv4Addr {
        nth(self.service_subnet, 1)
    }

    /// The API server as the host reaches it.
    pub fn server_url(&self) -> String {
        let everywhere = self.api_address.is_unspecified();
        let address = if everywhere { Ipv4Addr::LOCALHOST.into() } else { self.api_address };
        format!("https://{}", SocketAddr::new(address, self.api_port))
    }

    /// The API servers as the host reaches them: the published one first, then, where the host can reach containers,
    /// the other masters.
    pub fn server_urls(&self) -> Vec<String> {
        let others = self.of(Role::Master).skip(1);
        let others = others.map(|master| format!("https://{}:{API_PORT}", self.address(master)));
        std::iter::once(self.server_url()).chain(others).collect()
    }

    /// A node's fixed address; the subnet's first one is the gateway's. Needs [`Self::subnet`] to be chosen.
    pub fn address(&self, node: &NodeSpec) -> Ipv4Addr {
        nth(self.subnet.unwrap_or_default(), u32::from(node.index) + 1)
    }

    /// What the node is told.
    pub fn node_config(&self, node: &NodeSpec) -> NodeConfig {
        let first = nth(self.pod_subnet, u32::from(node.index) << (32 - POD_PREFIX));
        NodeConfig {
            cluster: self.name.clone(),
            name: node.name.clone(),
            role: node.role,
            address: self.address(node),
            pod_cidr: Ipv4Net::new_assert(first, POD_PREFIX),
            pod_subnet: self.pod_subnet,
            service_subnet: self.service_subnet,
            dns_address: nth(self.service_subnet, 10),
            masters: self.of(Role::Master).map(|master| self.address(master)).collect(),
            labels: node.labels.clone(),
            healing: self.healing.clone(),
            api_server: if node.role == Role::Master { self.api_server.clone() } else { ApiServer::default() },
        }
    }
}

fn net(address: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(address.into(), prefix)
}

fn nth(net: Ipv4Net, offset: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(net.network()).wrapping_add(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dev() -> ClusterSpec {
        ClusterSpec { subnet: Some(net([172, 30, 0, 0], 24)), ..ClusterSpec::new("dev", "image", 1, 2) }
    }

    #[test]
    fn every_node_has_its_own_fixed_addresses() {
        let spec = dev();
        let configs: Vec<_> = spec.nodes.iter().map(|node| spec.node_config(node)).collect();
        let shown: Vec<_> = configs.iter().map(|c| format!("{} {} {}", c.name, c.address, c.pod_cidr)).collect();
        assert_eq!(
            shown,
            [
                "dev-master-1 172.30.0.2 10.244.1.0/24",
                "dev-worker-1 172.30.0.3 10.244.2.0/24",
                "dev-worker-2 172.30.0.4 10.244.3.0/24"
            ]
        );
        assert_eq!(configs[1].masters, [Ipv4Addr::new(172, 30, 0, 2)]);
        assert_eq!(configs[0].dns_address, Ipv4Addr::new(10, 96, 0, 10));
    }

    #[test]
    fn what_is_asked_for_must_be_there_and_what_is_not_may_be() {
        let (mut special, mut other, mut told) = (dev(), dev(), dev());
        special.nodes[1].labels.insert("tier".to_owned(), "front".to_owned());
        other.nodes[1].labels.insert("tier".to_owned(), "back".to_owned());
        told.api_server.reading = Some(7);
        let named = |asked: &ClusterSpec, present: &ClusterSpec| asked.differs(present).map(|(present, _)| present);
        assert_eq!(named(&dev(), &special), None);
        assert_eq!(named(&special, &special), None);
        assert_eq!(named(&special, &other).as_deref(), Some("other labels, mounts or ports of workers"));
        assert_eq!(named(&special, &dev()).as_deref(), Some("other labels, mounts or ports of workers"));
        assert_eq!(named(&told, &dev()).as_deref(), Some("other API server arguments"));
        assert_eq!(named(&ClusterSpec::new("dev", "image", 1, 3), &dev()).as_deref(), Some("1 master and 2 workers"));
    }

    #[test]
    fn masters_alone_are_told_about_the_api_server() {
        let mut spec = dev();
        spec.api_server.reading = Some(7);
        let told = |at: usize| spec.node_config(&spec.nodes[at]).api_server.reading;
        assert_eq!((told(0), told(1)), (Some(7), None));
    }

    #[test]
    fn the_host_reaches_the_published_master_first_and_then_the_others() {
        let spec = ClusterSpec { subnet: Some(net([172, 30, 0, 0], 24)), ..ClusterSpec::new("dev", "image", 3, 1) };
        spec.validate().expect("three masters are fine");
        let urls = spec.server_urls();
        assert_eq!(urls, ["https://127.0.0.1:0", "https://172.30.0.3:6443", "https://172.30.0.4:6443"]);
    }

    #[test]
    fn a_new_node_takes_the_first_free_name_and_index() {
        let mut spec = dev();
        spec.nodes.remove(1);
        let added = spec.push(Role::Worker).clone();
        assert_eq!((added.name.as_str(), added.index), ("dev-worker-1", 2));
        assert_eq!(spec.push(Role::Worker).name, "dev-worker-3");
        assert_eq!(spec.node("worker-2").map(|node| node.index), Some(3));
    }
}
