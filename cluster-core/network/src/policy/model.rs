//! Policies, pods and namespaces as far as filtering needs them.

use crate::prelude::*;
use cluster_client::pods::is_finished;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

type Labels = BTreeMap<String, String>;

/// A pod with an address of its own.
#[derive(Debug, Clone)]
pub(super) struct PodFacts {
    pub(super) address: Ipv4Addr,
    pub(super) namespace: String,
    pub(super) labels: Labels,
    /// Name, protocol and number of its named ports.
    pub(super) ports: Vec<(String, String, i32)>,
    /// Whether it runs on this node.
    pub(super) local: bool,
}

/// Everything the table is made from.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Namespace and content of each policy.
    pub(super) policies: Vec<(String, NetworkPolicySpec)>,
    pub(super) pods: Vec<PodFacts>,
    pub(super) namespaces: BTreeMap<String, Labels>,
}

impl Model {
    pub(super) fn read(
        policies: &[Arc<NetworkPolicy>],
        pods: &[Arc<Pod>],
        namespaces: &[Arc<Namespace>],
        node: &str,
    ) -> Self {
        let policy = |p: &Arc<NetworkPolicy>| Some((p.metadata.namespace.clone()?, p.spec.clone()?));
        let namespace = |n: &Arc<Namespace>| (n.name().to_owned(), n.metadata.labels.clone().unwrap_or_default());
        // A pod's address is free before its object is gone: it is the newest one's.
        let mut in_order: Vec<&Arc<Pod>> = pods.iter().collect();
        in_order.sort_by_key(|pod| (!pod.is_deleting(), pod.created()));
        let pods = in_order.into_iter().filter_map(|pod| facts(pod, node));
        let by_address: BTreeMap<Ipv4Addr, PodFacts> = pods.map(|pod| (pod.address, pod)).collect();
        Self {
            policies: policies.iter().filter_map(policy).collect(),
            pods: by_address.into_values().collect(),
            namespaces: namespaces.iter().map(namespace).collect(),
        }
    }

    /// The pods a peer's selectors choose, seen from a policy in `namespace`.
    pub(super) fn chosen<'a>(
        &'a self,
        peer: &'a NetworkPolicyPeer,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a PodFacts> {
        self.pods.iter().filter(move |pod| {
            let in_namespace = match &peer.namespace_selector {
                Some(selector) => self.namespaces.get(&pod.namespace).is_some_and(|labels| selects(selector, labels)),
                None => pod.namespace == namespace,
            };
            in_namespace && peer.pod_selector.as_ref().is_none_or(|selector| selects(selector, &pod.labels))
        })
    }
}

/// Whether a label selector chooses these labels.
pub(super) fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    cluster_client::labels::selector(Some(selector)).matches(|key| labels.get(key).map(String::as_str))
}

fn facts(pod: &Pod, node: &str) -> Option<PodFacts> {
    let (spec, status) = (pod.spec.as_ref()?, pod.status.as_ref()?);
    if is_finished(pod) || spec.host_network == Some(true) {
        return None;
    }
    let ports =
        spec.containers.iter().chain(spec.init_containers.iter().flatten()).flat_map(|c| c.ports.iter().flatten());
    let named = |p: &k8s_openapi::api::core::v1::ContainerPort| {
        Some((p.name.clone()?, p.protocol.clone().unwrap_or_else(|| "TCP".to_owned()), p.container_port))
    };
    Some(PodFacts {
        address: status.pod_ip.as_ref()?.parse().ok()?,
        namespace: pod.namespace().to_owned(),
        labels: pod.metadata.labels.clone().unwrap_or_default(),
        ports: ports.filter_map(named).collect(),
        local: spec.node_name.as_deref() == Some(node),
    })
}
