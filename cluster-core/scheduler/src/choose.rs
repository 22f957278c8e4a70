//! The decision: which node a pod runs on, or why on none.

use crate::plugins::{Cycle, Filter, PLUGINS, Refusal, SCORINGS};
use crate::prelude::*;

/// Below this many nodes all of them are looked at, and never fewer.
const FEWEST_NODES: usize = 100;

/// Chooses nodes. Remembers where the last search ended, so that all nodes get their turn.
#[derive(Debug, Clone)]
pub struct Chooser {
    start: usize,
    random: u64,
}

impl Chooser {
    /// A chooser whose choices between equals follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { start: 0, random: seed | 1 }
    }

    /// The node for a pod. The cluster has to be settled.
    pub fn choose(&mut self, cluster: &Cluster, profile: &Profile, pod: &PodInfo) -> Result<NodeId, Diagnosis> {
        let cycle = Cycle { pod, cluster, profile };
        let mut diagnosis = Diagnosis::new(cluster.order().len());
        if cluster.order().is_empty() {
            return Err(diagnosis);
        }
        let filters = match prepare(&cycle) {
            Ok(filters) => filters,
            Err((plugin, refusal)) => {
                diagnosis.refuse_all(plugin, &refusal);
                return Err(diagnosis);
            }
        };
        let feasible = self.search(&cycle, &filters, &mut diagnosis);
        match feasible.as_slice() {
            [] => Err(diagnosis),
            [only] => Ok(only.id),
            _ => Ok(self.best(&cycle, &feasible)),
        }
    }

    /// Nodes the pod can run on, as many as are worth comparing.
    fn search<'a>(&mut self, cycle: &Cycle<'a>, filters: &Filters<'a>, diagnosis: &mut Diagnosis) -> Vec<&'a NodeInfo> {
        let cluster = cycle.cluster;
        // A pod for which room was made goes there if it still can.
        if let Some(id) = cycle.pod.nominated_node().and_then(|name| cluster.find(name))
            && check(cycle, filters, cluster.node(id)).is_ok()
        {
            return vec![cluster.node(id)];
        }
        let order = cluster.order();
        if let Some(names) = cycle.pod.required_nodes.pinned() {
            let pinned: Vec<NodeId> = names.iter().filter_map(|name| cluster.find(name)).collect();
            let (absent, pinning) = (order.len() - pinned.len(), PLUGINS[NODE_AFFINITY].name);
            diagnosis.count(format!("node(s) didn't satisfy plugin(s) [{pinning}]"), absent);
            diagnosis.plugins |= u32::from(absent > 0) << NODE_AFFINITY;
            return passing(cycle, filters, diagnosis, pinned, usize::MAX).0;
        }
        let start = self.start % order.len();
        let round = order[start..].iter().chain(&order[..start]).copied();
        let (feasible, looked_at) =
            passing(cycle, filters, diagnosis, round, worth_comparing(order.len(), cycle.profile.percentage));
        self.start = (start + looked_at) % order.len();
        feasible
    }

    /// The node with the highest score; one of them by chance when several have it.
    fn best(&mut self, cycle: &Cycle<'_>, nodes: &[&NodeInfo]) -> NodeId {
        let mut totals = vec![0_i64; nodes.len()];
        let mut scores = Vec::with_capacity(nodes.len());
        for (scoring, weight) in SCORINGS.iter().zip(cycle.profile.weights).filter(|(_, weight)| *weight > 0) {
            let Some(scorer) = (scoring.prepare)(cycle, nodes) else { continue };
            scores.clear();
            scores.extend(nodes.iter().map(|node| scorer.score(node)));
            scorer.normalise(&mut scores);
            for (total, score) in totals.iter_mut().zip(&scores) {
                *total += weight * score;
            }
        }
        let most = totals.iter().copied().max().unwrap_or_default();
        let best: Vec<NodeId> = nodes.iter().zip(&totals).filter(|(_, t)| **t == most).map(|(n, _)| n.id).collect();
        best[self.next_random() as usize % best.len()]
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 16
    }
}

/// The first `enough` nodes that no filter refuses, and how many were looked at.
fn passing<'a>(
    cycle: &Cycle<'a>,
    filters: &Filters<'a>,
    diagnosis: &mut Diagnosis,
    nodes: impl IntoIterator<Item = NodeId>,
    enough: usize,
) -> (Vec<&'a NodeInfo>, usize) {
    let (mut feasible, mut looked_at) = (Vec::new(), 0);
    for node in nodes.into_iter().map(|id| cycle.cluster.node(id)) {
        looked_at += 1;
        match check(cycle, filters, node) {
            Ok(()) => feasible.push(node),
            Err((plugin, refusal)) => diagnosis.refuse(node.id, plugin, refusal),
        }
        if feasible.len() >= enough {
            break;
        }
    }
    (feasible, looked_at)
}

/// The place of the plugin in the table that pins pods to nodes by name.
const NODE_AFFINITY: usize = 3;

/// How many feasible nodes are compared: all of a small cluster, a falling share of a large one when none was chosen.
fn worth_comparing(nodes: usize, percentage: usize) -> usize {
    if nodes < FEWEST_NODES {
        return nodes;
    }
    let percentage = if percentage > 0 { percentage.min(100) } else { 50_usize.saturating_sub(nodes / 125).max(5) };
    (nodes * percentage / 100).max(FEWEST_NODES)
}

/// The filters that have something to say about a pod, with their plugins' places.
pub(crate) type Filters<'a> = Vec<(usize, Box<dyn Filter + 'a>)>;

/// Asks every plugin for its filter; fails with the plugin that is against all nodes.
pub(crate) fn prepare<'a>(cycle: &Cycle<'a>) -> Result<Filters<'a>, (usize, Refusal)> {
    let mut filters = Filters::new();
    let disabled = cycle.profile.disabled;
    for (place, plugin) in PLUGINS.iter().enumerate().filter(|(place, _)| disabled & (1 << place) == 0) {
        match (plugin.filter)(cycle) {
            Ok(Some(filter)) => filters.push((place, filter)),
            Ok(None) => {}
            Err(refusal) => return Err((place, refusal)),
        }
    }
    Ok(filters)
}

/// Everything that is against the node.
pub(crate) fn refusals(filters: &Filters<'_>, node: &NodeInfo) -> Vec<Refusal> {
    filters.iter().filter_map(|(_, filter)| filter.check(node).err()).collect()
}

/// Whether the pod can run on the node, and also could if the pods that wait for the node were there.
pub(crate) fn check(cycle: &Cycle<'_>, filters: &Filters<'_>, node: &NodeInfo) -> Result<(), (usize, Refusal)> {
    let run = |node: &NodeInfo| {
        filters.iter().try_for_each(|(place, filter)| filter.check(node).map_err(|refusal| (*place, refusal)))
    };
    let ahead = |pod: &PodInfo| pod.priority >= cycle.pod.priority && pod.uid != cycle.pod.uid;
    let waiting = cycle.cluster.waiting_for(node.id);
    if waiting.iter().any(|pod| ahead(pod)) {
        let mut crowded = node.clone();
        waiting.iter().filter(|pod| ahead(pod)).for_each(|pod| crowded.add(pod.clone()));
        run(&crowded)?;
    }
    run(node)
}
