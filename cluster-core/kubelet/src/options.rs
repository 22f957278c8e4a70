//! What a kubelet is told: its node, its folders, its certificates.

use crate::prelude::*;
use cluster_config::{CLUSTER_DOMAIN, KUBELET_PORT, NodeConfig, path, pki_file};
use cluster_pki::Pair;
use cluster_pki::tls::{self, Clients};
use rustls::ServerConfig;
use std::net::{Ipv4Addr, SocketAddr};

/// The most pods a node takes. Source: upstream's default.
pub(crate) const MAX_PODS: usize = 110;

/// A kubelet's configuration.
#[derive(Debug, Clone)]
pub struct KubeletOptions {
    /// The node.
    pub node: NodeConfig,
    /// The folder for pods' files.
    pub root: PathBuf,
    /// The node's folder of logs.
    pub logs: PathBuf,
    /// The folder of static pods' manifests.
    pub manifests: PathBuf,
    /// The image that holds a pod's namespaces.
    pub pause_image: String,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The server's certificates; without them there is no server.
    pub tls: Option<Arc<ServerConfig>>,
    /// Turns true when routes, proxy and DNS of the node are set up; Ready waits for it.
    pub network_ready: watch::Receiver<bool>,
}

impl KubeletOptions {
    /// Options for a kubelet without a server, on a node whose network is ready.
    pub fn new(node: NodeConfig) -> Self {
        Self {
            node,
            root: PathBuf::from(path::KUBELET),
            logs: PathBuf::from("/var/log"),
            manifests: PathBuf::from(path::MANIFESTS),
            pause_image: "registry.k8s.io/pause:3.10".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, KUBELET_PORT)),
            tls: None,
            network_ready: watch::channel(true).1,
        }
    }

    /// Options for a node of a cluster, with the certificates in `pki`.
    pub fn from_node(config: &NodeConfig, pki: &Path, network_ready: watch::Receiver<bool>) -> std::io::Result<Self> {
        let read = |name: &str| std::fs::read_to_string(pki.join(name));
        let pair = Pair { cert: read(pki_file::KUBELET_CERT)?, key: read(pki_file::KUBELET_KEY)? };
        let tls = tls::server(&pair, &read(pki_file::CA_CERT)?, Clients::Optional).map_err(std::io::Error::other)?;
        Ok(Self { tls: Some(tls), network_ready, ..Self::new(config.clone()) })
    }

    /// The lease's duration.
    pub(crate) fn lease_duration(&self) -> Duration {
        Duration::from_secs(u64::from(self.node.healing.node_grace_seconds.max(1)))
    }

    /// The fields of upstream's `KubeletConfiguration` that mean something here.
    pub(crate) fn configuration(&self) -> Value {
        json!({
            "kind": "KubeletConfiguration",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "address": self.listen.ip(),
            "port": self.listen.port(),
            "authentication": {"anonymous": {"enabled": false}, "webhook": {"enabled": true}},
            "authorization": {"mode": "Webhook"},
            "clusterDNS": [self.node.dns_address],
            "clusterDomain": CLUSTER_DOMAIN,
            "maxPods": MAX_PODS,
            "nodeLeaseDurationSeconds": self.lease_duration().as_secs(),
            "podCIDR": self.node.pod_cidr,
            "staticPodPath": self.manifests,
            "enableServer": true,
            "enableDebuggingHandlers": true,
            "enableSystemLogHandler": true,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Options for the node `n1`.
    pub(crate) fn options() -> KubeletOptions {
        let node = json!({
            "cluster": "c", "name": "n1", "role": "worker", "address": "10.0.0.1", "podCidr": "10.244.1.0/24",
            "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16", "dnsAddress": "10.96.0.10", "masters": [],
        });
        KubeletOptions::new(serde_json::from_value(node).expect("a node"))
    }
}
