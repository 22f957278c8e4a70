//! A pod in the form the plugins read.

use super::requests::of_pod;
use super::{Class, Classes, Disk, PodAffinity, RequiredNodes, Resources};
use crate::prelude::*;
use cluster_client::pods::{host_ports, node};
use cluster_client::volumes::claim_name;
use cluster_object::pod::{HostPort, with_tag};
use k8s_openapi::api::core::v1::{
    NodeAffinity, NodeSelectorTerm, PodSpec, Toleration, TopologySpreadConstraint, Volume,
};
use std::ops::Deref;

/// A volume claim that a pod uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) key: ObjectKey,
    /// It is made for the pod, by a controller.
    pub(crate) ephemeral: bool,
}

impl Claim {
    fn of(pod: &Pod, volume: &Volume) -> Option<Self> {
        let ephemeral = volume.persistent_volume_claim.is_none();
        claim_name(pod, volume).map(|name| Self { key: ObjectKey::new(pod.namespace(), &name), ephemeral })
    }
}

/// A topology spread constraint.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    pub(crate) key: Arc<str>,
    pub(crate) max_skew: i64,
    pub(crate) min_domains: usize,
    pub(crate) selector: Selector,
    pub(crate) honor_affinity: bool,
    pub(crate) honor_taints: bool,
}

impl Spread {
    /// The API server has made requirements of `matchLabelKeys` when the pod was created.
    pub(crate) fn read(constraint: &TopologySpreadConstraint) -> Self {
        Self {
            key: constraint.topology_key.as_str().into(),
            max_skew: i64::from(constraint.max_skew),
            min_domains: constraint.min_domains.map_or(1, |n| usize::try_from(n).unwrap_or(1)),
            selector: labels::selector(constraint.label_selector.as_ref()),
            honor_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honor_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
        }
    }
}

/// A pod, and what decisions look at, parsed once.
#[derive(Debug)]
pub struct PodInfo {
    pub(crate) pod: Arc<Pod>,
    facts: Arc<PodFacts>,
}

impl Deref for PodInfo {
    type Target = PodFacts;

    fn deref(&self) -> &PodFacts {
        &self.facts
    }
}

/// All that a pod's status does not change.
#[derive(Debug)]
pub struct PodFacts {
    pub(crate) key: ObjectKey,
    pub(crate) uid: Arc<str>,
    pub(crate) priority: i32,
    pub(crate) requests: Resources,
    pub(crate) counted: Resources,
    pub(crate) class: Arc<Class>,
    pub(crate) ports: Vec<HostPort>,
    pub(crate) required_nodes: RequiredNodes,
    pub(crate) preferred_nodes: Vec<(i64, NodeSelectorTerm)>,
    pub(crate) hard_spread: Vec<Spread>,
    pub(crate) soft_spread: Vec<Spread>,
    pub(crate) images: Vec<String>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) disks: Vec<Disk>,
}

impl PodInfo {
    /// Reads a pod.
    pub fn new(pod: Arc<Pod>) -> Self {
        Self::among(&Classes::default(), pod)
    }

    /// Reads a pod that shares what it can with others.
    pub(crate) fn among(classes: &Classes, pod: Arc<Pod>) -> Self {
        let absent = PodSpec::default();
        let (meta, spec) = (&pod.metadata, pod.spec.as_ref().unwrap_or(&absent));
        let namespace = meta.namespace.clone().unwrap_or_default();
        let labels = meta.labels.clone().unwrap_or_default();
        let affinity = PodAffinity::read(spec.affinity.as_ref(), &namespace);
        let class = Class { namespace, labels, terminating: pod.is_deleting(), affinity };
        let (requests, counted) = of_pod(&pod);
        let constraints = spec.topology_spread_constraints.as_deref().unwrap_or_default();
        let spread = |when: &str| -> Vec<Spread> {
            let of = constraints.iter().filter(|c| c.when_unsatisfiable == when);
            of.map(Spread::read).collect()
        };
        let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
        let facts = PodFacts {
            key: pod.key(),
            uid: pod.uid().into(),
            priority: spec.priority.unwrap_or_default(),
            requests,
            counted,
            ports: host_ports(spec).collect(),
            required_nodes: RequiredNodes::read(spec),
            preferred_nodes: preferred_nodes(spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref())),
            hard_spread: spread("DoNotSchedule"),
            soft_spread: spread("ScheduleAnyway"),
            images: containers().filter_map(|c| c.image.as_deref()).map(with_tag).collect(),
            claims: spec.volumes.iter().flatten().filter_map(|volume| Claim::of(&pod, volume)).collect(),
            disks: spec.volumes.iter().flatten().flat_map(Disk::read).collect(),
            class: classes.shared(class),
        };
        Self { pod, facts: Arc::new(facts) }
    }

    /// The same pod in a newer state that says nothing new to decisions.
    pub(crate) fn renewed(&self, pod: Arc<Pod>) -> Self {
        Self { pod, facts: self.facts.clone() }
    }

    pub(crate) fn spec(&self) -> Option<&PodSpec> {
        self.pod.spec.as_ref()
    }

    pub(crate) fn tolerations(&self) -> &[Toleration] {
        self.spec().and_then(|s| s.tolerations.as_deref()).unwrap_or_default()
    }

    /// The node the pod is bound to.
    pub(crate) fn node_name(&self) -> Option<&str> {
        Some(node(&self.pod)).filter(|name| !name.is_empty())
    }

    /// The scheduler whose pod it is; empty for the default one.
    pub(crate) fn scheduler_name(&self) -> &str {
        self.spec().and_then(|s| s.scheduler_name.as_deref()).unwrap_or_default()
    }

    /// The node room is being made on for this pod.
    pub(crate) fn nominated_node(&self) -> Option<&str> {
        let name = self.pod.status.as_ref().and_then(|s| s.nominated_node_name.as_deref());
        name.filter(|name| !name.is_empty())
    }

    /// Whether something must be done with the pod before it may be scheduled.
    pub(crate) fn is_gated(&self) -> bool {
        self.spec().and_then(|s| s.scheduling_gates.as_ref()).is_some_and(|gates| !gates.is_empty())
    }
}

/// The weighed terms of a node affinity.
pub(crate) fn preferred_nodes(affinity: Option<&NodeAffinity>) -> Vec<(i64, NodeSelectorTerm)> {
    let preferred = affinity.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_deref());
    let weighed = preferred.unwrap_or_default().iter().filter(|term| term.weight != 0);
    weighed.map(|term| (i64::from(term.weight), term.preference.clone())).collect()
}
