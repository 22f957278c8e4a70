//! A node: what it offers, and what the pods on it take.

use super::resources::amount;
use super::{Labels, Resources};
use crate::prelude::*;
use cluster_client::nodes::term_selects;
use cluster_object::pod::{Demand, HostPort};

/// A node's place in the cluster's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// What the scheduler reads of a Node object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct NodeFacts {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) taints: Vec<Taint>,
    pub(crate) unschedulable: bool,
    pub(crate) allocatable: Resources,
    pub(crate) max_pods: i64,
    /// Sizes by every name of each image.
    pub(crate) images: HashMap<String, i64>,
}

impl NodeFacts {
    pub(crate) fn read(node: &Node) -> Self {
        let (spec, status) = (node.spec.as_ref(), node.status.as_ref());
        let allocatable = status.and_then(|s| s.allocatable.as_ref());
        let images = status.and_then(|s| s.images.as_ref()).into_iter().flatten().flat_map(|image| {
            let size = image.size_bytes.unwrap_or_default();
            image.names.iter().flatten().map(move |name| (name.clone(), size))
        });
        Self {
            name: node.name().to_owned(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: spec.and_then(|s| s.taints.clone()).unwrap_or_default(),
            unschedulable: spec.and_then(|s| s.unschedulable).unwrap_or_default(),
            allocatable: allocatable.map(Resources::read).unwrap_or_default(),
            max_pods: allocatable.and_then(|list| list.get("pods")).map_or(0, |q| amount("pods", q)),
            images: images.collect(),
        }
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    /// Whether one of these terms picks the node.
    pub(crate) fn is_picked<'t>(&self, terms: impl IntoIterator<Item = &'t NodeSelectorTerm>) -> bool {
        terms.into_iter().any(|term| term_selects(term, &self.name, &self.labels))
    }
}

/// A node with the pods on it.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    pub(crate) id: NodeId,
    pub(crate) facts: Arc<NodeFacts>,
    /// Pods can be known before their node is, and after it is gone.
    pub(crate) exists: bool,
    pub(crate) pods: Vec<Arc<PodInfo>>,
    pub(crate) requested: Resources,
    /// With every container counted for something.
    pub(crate) counted: Resources,
    pub(crate) ports: Vec<HostPort>,
}

impl NodeInfo {
    pub(crate) fn new(id: NodeId, name: &str) -> Self {
        Self {
            id,
            facts: Arc::new(NodeFacts { name: name.to_owned(), ..NodeFacts::default() }),
            exists: false,
            pods: Vec::new(),
            requested: Resources::default(),
            counted: Resources::default(),
            ports: Vec::new(),
        }
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.facts.name
    }

    pub(crate) fn add(&mut self, pod: Arc<PodInfo>) {
        self.requested.add(&pod.requests);
        self.counted.add(&pod.counted);
        self.ports.extend(pod.ports.iter().cloned());
        self.pods.push(pod);
    }

    pub(crate) fn remove(&mut self, pod: &PodInfo) {
        let Some(at) = self.pods.iter().position(|p| p.uid == pod.uid) else { return };
        let pod = self.pods.swap_remove(at);
        self.requested.subtract(&pod.requests);
        self.counted.subtract(&pod.counted);
        for port in &pod.ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(at);
            }
        }
    }
}
