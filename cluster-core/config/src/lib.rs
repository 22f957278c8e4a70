//! What the host tells a node: the contract between the launcher, which writes it, and the node, which reads it.

mod api_server;
mod webhook;

pub use api_server::{ApiServer, FileForm, Oidc};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The port of the API server in the cluster's network.
pub const API_PORT: u16 = 6443;
/// The port on which the etcds of several masters reach each other.
pub const ETCD_PORT: u16 = 2380;
/// The port of the kubelet.
pub const KUBELET_PORT: u16 = 10250;
/// The cluster's DNS domain.
pub const CLUSTER_DOMAIN: &str = "cluster.local";
/// The label of nodes that have no machine; also the key of the taint that keeps ordinary pods away from them.
pub const SIMULATED: &str = "devcluster.io/simulated";

/// Fixed paths inside a node's container.
pub mod path {
    /// The node's [`super::NodeConfig`] as JSON.
    pub const NODE_CONFIG: &str = "/etc/devcluster/node.json";
    /// The folder of certificates and keys; see [`super::pki_file`].
    pub const PKI: &str = "/etc/devcluster/pki";
    /// The node binary; put there at `up`.
    pub const BINARY: &str = "/usr/local/bin/devcluster-node";
    /// Manifests of static pods.
    pub const MANIFESTS: &str = "/etc/kubernetes/manifests";
    /// State that outlives restarts of the container: store, kubelet folders.
    pub const STATE: &str = "/var/lib/devcluster";
    /// The folder of etcd, on each of several masters.
    pub const ETCD: &str = "/var/lib/devcluster/etcd";
    /// Folders that stand for a cloud's disks; all nodes share them.
    pub const DISKS: &str = "/var/lib/devcluster-disks";
    /// The kubelet's folder.
    pub const KUBELET: &str = "/var/lib/kubelet";
    /// Image archives that the node loads into its engine at its first start.
    pub const IMAGES: &str = "/usr/share/devcluster/images";
}

/// File names below [`path::PKI`]. `*.crt` and `*.key` are PEM.
pub mod pki_file {
    /// The cluster's CA certificate; on every node.
    pub const CA_CERT: &str = "ca.crt";
    /// The CA's key; on masters.
    pub const CA_KEY: &str = "ca.key";
    /// The API server's serving certificate; on masters.
    pub const API_CERT: &str = "apiserver.crt";
    /// Its key.
    pub const API_KEY: &str = "apiserver.key";
    /// The API server's client certificate towards kubelets; on masters.
    pub const KUBELET_CLIENT_CERT: &str = "apiserver-kubelet-client.crt";
    /// Its key.
    pub const KUBELET_CLIENT_KEY: &str = "apiserver-kubelet-client.key";
    /// The key that signs service account tokens; on masters.
    pub const SERVICE_ACCOUNT_KEY: &str = "sa.key";
    /// 32 bytes, base64: encrypts secrets at rest; on masters.
    pub const ENCRYPTION_KEY: &str = "encryption.key";
    /// The certificate that etcds of several masters show each other; on masters.
    pub const ETCD_CERT: &str = "etcd.crt";
    /// Its key.
    pub const ETCD_KEY: &str = "etcd.key";
    /// The kubelet's certificate, for serving and as a client (`system:node:NAME`, group `system:nodes`).
    pub const KUBELET_CERT: &str = "kubelet.crt";
    /// Its key.
    pub const KUBELET_KEY: &str = "kubelet.key";
    /// The service proxy's client certificate (`system:kube-proxy`).
    pub const PROXY_CERT: &str = "kube-proxy.crt";
    /// Its key.
    pub const PROXY_KEY: &str = "kube-proxy.key";
}

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the control plane; tainted against ordinary pods.
    #[serde(alias = "control-plane")]
    Master,
    /// Runs pods.
    Worker,
}

impl Role {
    /// The word in container names and labels: `master` or `worker`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Worker => "worker",
        }
    }
}

/// Everything one node must know before it can reach the API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeConfig {
    /// The cluster, for example `dev`.
    pub cluster: String,
    /// The node and its container, for example `dev-worker-1`.
    pub name: String,
    /// What the node is for.
    pub role: Role,
    /// Its fixed address in the cluster's network.
    pub address: Ipv4Addr,
    /// The pods of this node, a /24 of [`Self::pod_subnet`].
    pub pod_cidr: Ipv4Net,
    /// All pods, 10.244.0.0/16 by default.
    pub pod_subnet: Ipv4Net,
    /// All services, 10.96.0.0/16 by default.
    pub service_subnet: Ipv4Net,
    /// The DNS service, 10.96.0.10 by default; the API server's service is the subnet's first address.
    pub dns_address: Ipv4Addr,
    /// Addresses of all masters; the node talks to `https://ADDRESS:6443`.
    pub masters: Vec<Ipv4Addr>,
    /// Labels beside the standard ones.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Timings of self-healing.
    #[serde(default)]
    pub healing: Healing,
    /// What a master's API server is told.
    #[serde(default)]
    pub api_server: ApiServer,
}

impl NodeConfig {
    /// Whether this is one of several masters, which share their state through etcd.
    pub fn has_etcd(&self) -> bool {
        self.role == Role::Master && self.masters.len() > 1
    }
}

/// How fast the cluster reacts to a lost node. The defaults are shorter than upstream's (40 s and 300 s), because a
/// developer watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Healing {
    /// Seconds without a lease renewal until a node is NotReady.
    pub node_grace_seconds: u32,
    /// `tolerationSeconds` given to pods for not-ready and unreachable nodes.
    pub eviction_seconds: u32,
    /// Seconds between lease renewals.
    pub lease_renew_seconds: u32,
}

impl Default for Healing {
    fn default() -> Self {
        Self { node_grace_seconds: 14, eviction_seconds: 10, lease_renew_seconds: 4 }
    }
}
