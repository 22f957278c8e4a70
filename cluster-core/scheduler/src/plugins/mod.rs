//! The rules of scheduling: each plugin refuses nodes, scores them, or both, and knows what may change its mind.

mod affinity;
mod images;
mod node;
mod pods;
mod ports;
mod resources;
mod spread;
mod taints;
mod volumes;

pub(crate) use volumes::unbound_claims;

use crate::model::{Cluster, NodeInfo, PodInfo};
use cluster_client::ObjectKey;
use std::borrow::Cow;

/// The best score of a node.
pub(crate) const MAX_SCORE: i64 = 100;

/// One decision: a pod, and the cluster it is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cycle<'a> {
    pub(crate) pod: &'a PodInfo,
    pub(crate) cluster: &'a Cluster,
}

/// Why a node, or every node, is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reasons: Vec<Cow<'static, str>>,
    /// Whether fewer pods on the node could help.
    pub(crate) resolvable: bool,
}

impl Refusal {
    pub(crate) fn resolvable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reasons: vec![reason.into()], resolvable: true }
    }

    pub(crate) fn final_(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reasons: vec![reason.into()], resolvable: false }
    }
}

/// Refuses nodes for one pod.
pub(crate) trait Filter {
    fn check(&self, node: &NodeInfo) -> Result<(), Refusal>;
}

impl<F: Fn(&NodeInfo) -> Result<(), Refusal>> Filter for F {
    fn check(&self, node: &NodeInfo) -> Result<(), Refusal> {
        self(node)
    }
}

/// Ranks the nodes that are left for one pod.
pub(crate) trait Score {
    fn score(&self, node: &NodeInfo) -> i64;

    /// Brings all scores into the range from 0 to [`MAX_SCORE`].
    fn normalise(&self, _scores: &mut [i64]) {}
}

impl<F: Fn(&NodeInfo) -> i64> Score for F {
    fn score(&self, node: &NodeInfo) -> i64 {
        self(node)
    }
}

/// `None` when the plugin has nothing against any node; a refusal is for all of them.
pub(crate) type Prepared<'a> = Result<Option<Box<dyn Filter + 'a>>, Refusal>;
type Scorer<'a> = Option<Box<dyn Score + 'a>>;

/// What happened in the cluster that may make room for a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happening<'a> {
    /// A node appeared or changed.
    Node(&'a NodeInfo),
    NodeGone,
    PodPlaced(&'a PodInfo),
    /// A pod left its node, or takes less of it, or does not wait for it any more.
    PodGone(&'a PodInfo, &'a NodeInfo),
    /// A namespace's labels.
    Namespace,
    Claim(&'a ObjectKey),
    /// A volume or a storage class.
    Storage,
}

/// One plugin; the order of [`PLUGINS`] is the order in which nodes are refused.
pub(crate) struct Plugin {
    pub(crate) name: &'static str,
    pub(crate) filter: for<'a> fn(&Cycle<'a>) -> Prepared<'a>,
    /// Whether a pod that this plugin refused everywhere should be tried again.
    pub(crate) helps: fn(&Cycle<'_>, &Happening<'_>) -> bool,
}

/// A scoring rule with its weight.
pub(crate) struct Scoring {
    pub(crate) weight: i64,
    pub(crate) prepare: for<'a> fn(&Cycle<'a>, &[&'a NodeInfo]) -> Scorer<'a>,
}

pub(crate) static PLUGINS: [Plugin; 9] = [
    Plugin { name: "NodeUnschedulable", filter: node::schedulable, helps: |c, h| at_node(c, h, node::schedulable) },
    Plugin { name: "NodeName", filter: node::named, helps: |c, h| at_node(c, h, node::named) },
    Plugin { name: "TaintToleration", filter: taints::filter, helps: |c, h| at_node(c, h, taints::filter) },
    Plugin { name: "NodeAffinity", filter: affinity::filter, helps: |c, h| at_node(c, h, affinity::filter) },
    Plugin { name: "NodePorts", filter: ports::filter, helps: |c, h| at_node_or_left(c, h, ports::filter) },
    Plugin {
        name: "NodeResourcesFit",
        filter: resources::filter,
        helps: |c, h| at_node_or_left(c, h, resources::filter),
    },
    Plugin { name: "VolumeBinding", filter: volumes::filter, helps: volumes::helps },
    Plugin { name: "PodTopologySpread", filter: spread::filter, helps: spread::helps },
    Plugin { name: "InterPodAffinity", filter: pods::filter, helps: pods::helps },
];

pub(crate) static SCORINGS: [Scoring; 7] = [
    Scoring { weight: 3, prepare: taints::score },
    Scoring { weight: 2, prepare: affinity::score },
    Scoring { weight: 2, prepare: spread::score },
    Scoring { weight: 2, prepare: pods::score },
    Scoring { weight: 1, prepare: resources::least_allocated },
    Scoring { weight: 1, prepare: resources::balanced },
    Scoring { weight: 1, prepare: images::score },
];

/// Whether the plugin lets the pod onto this node now.
fn passes(cycle: &Cycle<'_>, node: &NodeInfo, filter: for<'a> fn(&Cycle<'a>) -> Prepared<'a>) -> bool {
    filter(cycle).is_ok_and(|filter| filter.is_none_or(|filter| filter.check(node).is_ok()))
}

fn at_node(cycle: &Cycle<'_>, happening: &Happening<'_>, filter: for<'a> fn(&Cycle<'a>) -> Prepared<'a>) -> bool {
    matches!(happening, Happening::Node(node) if passes(cycle, node, filter))
}

fn at_node_or_left(
    cycle: &Cycle<'_>,
    happening: &Happening<'_>,
    filter: for<'a> fn(&Cycle<'a>) -> Prepared<'a>,
) -> bool {
    matches!(happening, Happening::Node(node) | Happening::PodGone(_, node) if passes(cycle, node, filter))
}

/// Scales scores so that the best has [`MAX_SCORE`]; reversed, so that zero has it.
fn scale(scores: &mut [i64], reverse: bool) {
    let most = scores.iter().copied().max().unwrap_or_default();
    for score in scores {
        if most > 0 {
            *score = *score * MAX_SCORE / most;
        }
        if reverse {
            *score = MAX_SCORE - *score;
        }
    }
}

#[cfg(test)]
mod tests;
