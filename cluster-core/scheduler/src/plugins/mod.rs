//! The rules of scheduling: each plugin refuses nodes, scores them, or both, and knows what may change its mind.

mod affinity;
mod disks;
mod images;
mod limits;
mod node;
mod pods;
mod ports;
mod resources;
mod spread;
mod taints;
mod volumes;
mod zones;

pub(crate) use volumes::{SELECTED_NODE, unbound_claims};

use crate::prelude::*;

/// The best score of a node.
pub(crate) const MAX_SCORE: i64 = 100;

/// One decision: a pod, the cluster it is for, and what its scheduler was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cycle<'a> {
    pub(crate) pod: &'a PodInfo,
    pub(crate) cluster: &'a Cluster,
    pub(crate) profile: &'a Profile,
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

/// Kinds of happenings, as a set of bits.
type Kinds = u8;
const NODE: Kinds = 1;
const NODE_GONE: Kinds = 2;
const PLACED: Kinds = 4;
const GONE: Kinds = 8;
const NAMESPACE: Kinds = 16;
const STORAGE: Kinds = 32;

impl Happening<'_> {
    fn kind(&self) -> Kinds {
        match self {
            Self::Node(_) => NODE,
            Self::NodeGone => NODE_GONE,
            Self::PodPlaced(_) => PLACED,
            Self::PodGone(..) => GONE,
            Self::Namespace => NAMESPACE,
            Self::Claim(_) | Self::Storage => STORAGE,
        }
    }

    /// The plugins whose mind this may change.
    pub(crate) fn interests(&self) -> PluginSet {
        let interested = PLUGINS.iter().enumerate().filter(|(_, plugin)| plugin.wakes & self.kind() != 0);
        interested.fold(0, |set, (place, _)| set | 1 << place)
    }
}

/// One plugin; the order of [`PLUGINS`] is the order in which nodes are refused.
pub(crate) struct Plugin {
    pub(crate) name: &'static str,
    pub(crate) filter: MakeFilter,
    /// What may change its mind.
    wakes: Kinds,
    /// Whether a pod that this plugin refused everywhere should be tried again.
    pub(crate) helps: fn(&Cycle<'_>, &Happening<'_>) -> bool,
}

/// A scoring rule with its weight.
pub(crate) struct Scoring {
    pub(crate) name: &'static str,
    pub(crate) weight: i64,
    pub(crate) prepare: for<'a> fn(&Cycle<'a>, &[&'a NodeInfo]) -> Scorer<'a>,
}

pub(crate) static PLUGINS: [Plugin; 12] = [
    plugin("NodeUnschedulable", NODE, node::schedulable, |c, h| at_node(c, h, node::schedulable)),
    plugin("NodeName", NODE, node::named, |c, h| at_node(c, h, node::named)),
    plugin("TaintToleration", NODE, taints::filter, |c, h| at_node(c, h, taints::filter)),
    plugin("NodeAffinity", NODE, affinity::filter, |c, h| at_node(c, h, affinity::filter)),
    plugin("NodePorts", NODE | GONE, ports::filter, |c, h| at_node(c, h, ports::filter)),
    plugin("NodeResourcesFit", NODE | GONE, resources::filter, |c, h| at_node(c, h, resources::filter)),
    plugin("VolumeRestrictions", NODE | GONE | STORAGE, disks::filter, |c, h| at_volumes(c, h, disks::filter)),
    plugin("NodeVolumeLimits", NODE | GONE | STORAGE, limits::filter, |c, h| at_volumes(c, h, limits::filter)),
    plugin("VolumeBinding", NODE | STORAGE, volumes::filter, |c, h| at_volumes(c, h, volumes::filter)),
    plugin("VolumeZone", NODE | STORAGE, zones::filter, |c, h| at_volumes(c, h, zones::filter)),
    plugin("PodTopologySpread", NODE | NODE_GONE | PLACED | GONE, spread::filter, spread::helps),
    plugin("InterPodAffinity", NODE | PLACED | GONE | NAMESPACE, pods::filter, pods::helps),
];

type MakeFilter = for<'a> fn(&Cycle<'a>) -> Prepared<'a>;

const fn plugin(
    name: &'static str,
    wakes: Kinds,
    filter: MakeFilter,
    helps: fn(&Cycle<'_>, &Happening<'_>) -> bool,
) -> Plugin {
    Plugin { name, filter, wakes, helps }
}

/// How many scoring rules there are.
pub(crate) const SCORING_COUNT: usize = 7;

pub(crate) static SCORINGS: [Scoring; SCORING_COUNT] = [
    Scoring { name: "TaintToleration", weight: 3, prepare: taints::score },
    Scoring { name: "NodeAffinity", weight: 2, prepare: affinity::score },
    Scoring { name: "PodTopologySpread", weight: 2, prepare: spread::score },
    Scoring { name: "InterPodAffinity", weight: 2, prepare: pods::score },
    Scoring { name: "NodeResourcesFit", weight: 1, prepare: resources::fit_score },
    Scoring { name: "NodeResourcesBalancedAllocation", weight: 1, prepare: resources::balanced },
    Scoring { name: "ImageLocality", weight: 1, prepare: images::score },
];

/// Whether the plugin lets the pod onto this node now.
fn passes(cycle: &Cycle<'_>, node: &NodeInfo, filter: MakeFilter) -> bool {
    filter(cycle).is_ok_and(|filter| filter.is_none_or(|filter| filter.check(node).is_ok()))
}

/// Whether the plugin lets the pod onto the node where it happened.
fn at_node(cycle: &Cycle<'_>, happening: &Happening<'_>, filter: MakeFilter) -> bool {
    matches!(happening, Happening::Node(node) | Happening::PodGone(_, node) if passes(cycle, node, filter))
}

/// The same, also when it happened to the pod's volumes.
fn at_volumes(cycle: &Cycle<'_>, happening: &Happening<'_>, filter: MakeFilter) -> bool {
    at_node(cycle, happening, filter) || volumes::concern(cycle, happening)
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
#[cfg(test)]
mod volume_tests;
