//! What a kubelet is told: its node, its folders, its certificates.

use crate::prelude::*;
use cluster_config::{CLUSTER_DOMAIN, KUBELET_PORT, NodeConfig, Role, path, pki_file};
use cluster_pki::Pair;
use cluster_pki::tls::{self, Clients};
use rustls::ServerConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A kubelet's configuration.
#[derive(Debug, Clone)]
pub struct KubeletOptions {
    /// The node's name.
    pub node_name: String,
    /// The node's address.
    pub address: IpAddr,
    /// The pods' subnet on this node; goes into the Node object.
    pub pod_cidr: Option<String>,
    /// The cluster's DNS server.
    pub dns_address: Option<IpAddr>,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// Labels of the Node beside the standard ones.
    pub labels: BTreeMap<String, String>,
    /// Taints of a new Node, as `key[=value]:effect`.
    pub taints: Vec<String>,
    /// The folder for pods' files.
    pub root: PathBuf,
    /// The node's folder of logs.
    pub logs: PathBuf,
    /// The folder of static pods' manifests.
    pub manifests: Option<PathBuf>,
    /// The image that holds a pod's namespaces.
    pub pause_image: String,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The server's certificates; without them there is no server.
    pub tls: Option<Arc<ServerConfig>>,
    /// The time between renewals of the node's lease.
    pub lease_renew: Duration,
    /// The lease's duration.
    pub lease_duration: Duration,
    /// Turns true when routes, proxy and DNS of the node are set up; Ready waits for it.
    pub network_ready: watch::Receiver<bool>,
    /// The most pods this node takes.
    pub max_pods: u32,
}

impl KubeletOptions {
    /// Options for a standalone kubelet with defaults everywhere.
    pub fn standalone(node_name: &str, address: IpAddr) -> Self {
        Self {
            node_name: node_name.to_owned(),
            address,
            pod_cidr: None,
            dns_address: None,
            cluster_domain: CLUSTER_DOMAIN.to_owned(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            root: PathBuf::from(path::KUBELET),
            logs: PathBuf::from("/var/log"),
            manifests: Some(PathBuf::from(path::MANIFESTS)),
            pause_image: "registry.k8s.io/pause:3.10".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, KUBELET_PORT)),
            tls: None,
            lease_renew: Duration::from_secs(10),
            lease_duration: Duration::from_secs(40),
            network_ready: watch::channel(true).1,
            max_pods: 110,
        }
    }

    /// Options for a node of a cluster, with the certificates in `pki`.
    pub fn from_node(config: &NodeConfig, pki: &Path, network_ready: watch::Receiver<bool>) -> std::io::Result<Self> {
        // The labels that go with it are not for a kubelet to give.
        let taint =
            (config.role == Role::Master).then(|| "node-role.kubernetes.io/control-plane:NoSchedule".to_owned());
        let read = |name: &str| std::fs::read_to_string(pki.join(name));
        let pair = Pair { cert: read(pki_file::KUBELET_CERT)?, key: read(pki_file::KUBELET_KEY)? };
        let tls = tls::server(&pair, &read(pki_file::CA_CERT)?, Clients::Optional).map_err(std::io::Error::other)?;
        Ok(Self {
            pod_cidr: Some(config.pod_cidr.to_string()),
            dns_address: Some(IpAddr::V4(config.dns_address)),
            labels: config.labels.clone(),
            taints: Vec::from_iter(taint),
            tls: Some(tls),
            lease_renew: Duration::from_secs(u64::from(config.healing.lease_renew_seconds.max(1))),
            lease_duration: Duration::from_secs(u64::from(config.healing.node_grace_seconds.max(1))),
            network_ready,
            ..Self::standalone(&config.name, IpAddr::V4(config.address))
        })
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
            "clusterDNS": Vec::from_iter(self.dns_address),
            "clusterDomain": self.cluster_domain,
            "maxPods": self.max_pods,
            "nodeLeaseDurationSeconds": self.lease_duration.as_secs(),
            "podCIDR": self.pod_cidr,
            "staticPodPath": self.manifests,
            "enableServer": true,
            "enableDebuggingHandlers": true,
            "enableSystemLogHandler": true,
        })
    }
}
