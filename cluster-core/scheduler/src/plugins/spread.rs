//! Topology spread: like pods spread over zones, hosts or any other label's values.

use super::taints::repelling;
use super::{Cycle, Filter, Happening, MAX_SCORE, Prepared, Refusal, Score, Scorer};
use crate::model::{Spread, Topology};
use crate::prelude::*;

/// A score no node can have: the node lacks a label and comes last.
const IGNORED: i64 = i64::MIN;

/// Runs over the pods that are counted: how many of them each node has.
fn counted<'a>(cluster: &'a Cluster, pod: &PodInfo, selector: &Selector) -> impl Iterator<Item = (&'a NodeInfo, i64)> {
    let classes = cluster.classes.in_namespace(&pod.class.namespace);
    let matching = classes.filter(move |(class, _)| !class.terminating && class.matches(selector));
    matching.flat_map(|(_, nodes)| nodes.iter().map(|(id, count)| (cluster.node(*id), i64::from(*count))))
}

/// Whether the constraint counts pods on this node.
fn included(constraint: &Spread, pod: &PodInfo, node: &NodeInfo) -> bool {
    node.exists
        && (!constraint.honor_affinity || pod.required_nodes.allow(&node.facts))
        && (!constraint.honor_taints || repelling(node, pod.tolerations()).is_none())
}

struct Hard {
    max_skew: i64,
    topology: Arc<Topology>,
    counts: Vec<i64>,
    least: i64,
    own: i64,
    key: Arc<str>,
}

struct HardRules(Vec<Hard>);

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let constraints = constraints(cycle, true);
    if constraints.is_empty() {
        return Ok(None);
    }
    let rules = constraints.iter().map(|constraint| hard(cycle, constraint, &constraints)).collect();
    Ok(Some(Box::new(HardRules(rules))))
}

fn hard(cycle: &Cycle<'_>, constraint: &Spread, all: &[Spread]) -> Hard {
    let Cycle { pod, cluster, .. } = *cycle;
    let topology = cluster.topology(&constraint.key);
    let keys: Vec<Arc<Topology>> = all.iter().map(|other| cluster.topology(&other.key)).collect();
    let counts_at = |node: &NodeInfo| {
        let labelled = keys.iter().all(|key| key.of(node.id).is_some());
        topology.of(node.id).filter(|_| labelled && included(constraint, pod, node))
    };
    let mut domains = vec![false; topology.size];
    for value in cluster.order().iter().filter_map(|id| counts_at(cluster.node(*id))) {
        domains[value] = true;
    }
    let mut counts = topology.counters();
    for (node, count) in counted(cluster, pod, &constraint.selector) {
        if let Some(value) = counts_at(node) {
            counts[value] += count;
        }
    }
    let present = counts.iter().zip(&domains).filter(|(_, domain)| **domain).map(|(count, _)| *count);
    let (size, least) = present.fold((0, i64::MAX), |(size, least), count| (size + 1, least.min(count)));
    let least = if size < constraint.min_domains { 0 } else { least };
    let own = i64::from(pod.class.matches(&constraint.selector));
    Hard { max_skew: constraint.max_skew, topology, counts, least, own, key: constraint.key.clone() }
}

impl Filter for HardRules {
    fn check(&self, node: &NodeInfo) -> Result<(), Refusal> {
        const MISMATCH: &str = "node(s) didn't match pod topology spread constraints";
        for rule in &self.0 {
            if node.facts.label(&rule.key).is_none() {
                return Err(Refusal::final_(format!("{MISMATCH} (missing required label)")));
            }
            let there = rule.topology.of(node.id).map_or(0, |value| rule.counts[value]);
            if there + rule.own - rule.least > rule.max_skew {
                return Err(Refusal::resolvable(MISMATCH));
            }
        }
        Ok(())
    }
}

pub(super) fn helps(cycle: &Cycle<'_>, happening: &Happening<'_>) -> bool {
    let counts = |pod: &PodInfo| {
        pod.class.namespace == cycle.pod.class.namespace
            && constraints(cycle, true).iter().any(|constraint| pod.class.matches(&constraint.selector))
    };
    match happening {
        Happening::Node(_) | Happening::NodeGone => true,
        Happening::PodPlaced(pod) | Happening::PodGone(pod, _) => counts(pod),
        _ => false,
    }
}

struct Soft {
    max_skew: i64,
    topology: Arc<Topology>,
    counts: Vec<i64>,
    weight: f64,
}

struct SoftRules {
    rules: Vec<Soft>,
    /// A node without one of the labels comes last.
    needs_all: bool,
}

/// The pod's constraints of one kind. A pod that names none has its scheduler's, together with its like.
fn constraints<'a>(cycle: &Cycle<'a>, hard: bool) -> Cow<'a, [Spread]> {
    let pod = cycle.pod;
    if has_own(pod) {
        return Cow::Borrowed(if hard { &pod.hard_spread } else { &pod.soft_spread });
    }
    let configured = cycle.profile.spread.as_ref().map(|(must, should)| if hard { must } else { should });
    if configured.map_or(hard, Vec::is_empty) {
        return Cow::Borrowed(&[]);
    }
    let Some(selector) = cycle.cluster.objects.siblings(pod) else { return Cow::Borrowed(&[]) };
    let over = |key: &str, max_skew| Spread {
        key: key.into(),
        max_skew,
        min_domains: 1,
        selector: selector.clone(),
        honor_affinity: true,
        honor_taints: false,
    };
    Cow::Owned(match configured {
        Some(list) => list.iter().map(|one| Spread { selector: selector.clone(), ..one.clone() }).collect(),
        None => vec![over("kubernetes.io/hostname", 3), over("topology.kubernetes.io/zone", 5)],
    })
}

fn has_own(pod: &PodInfo) -> bool {
    !pod.hard_spread.is_empty() || !pod.soft_spread.is_empty()
}

pub(super) fn score<'a>(cycle: &Cycle<'a>, nodes: &[&'a NodeInfo]) -> Scorer<'a> {
    let pod = cycle.pod;
    let named = has_own(pod) || cycle.profile.spread.is_some();
    let constraints = constraints(cycle, false);
    if constraints.is_empty() {
        return None;
    }
    let topologies: Vec<Arc<Topology>> = constraints.iter().map(|c| cycle.cluster.topology(&c.key)).collect();
    let complete = |node: &NodeInfo| !named || topologies.iter().all(|topology| topology.of(node.id).is_some());
    let rules = constraints.iter().zip(&topologies).map(|(constraint, topology)| {
        let mut tracked = vec![false; topology.size];
        for value in nodes.iter().filter(|node| complete(node)).filter_map(|node| topology.of(node.id)) {
            tracked[value] = true;
        }
        let mut counts = topology.counters();
        for (node, count) in counted(cycle.cluster, pod, &constraint.selector) {
            if let Some(value) = topology.of(node.id).filter(|value| tracked[*value])
                && complete(node)
                && included(constraint, pod, node)
            {
                counts[value] += count;
            }
        }
        let size = tracked.iter().filter(|tracked| **tracked).count() as f64;
        Soft { max_skew: constraint.max_skew, topology: topology.clone(), counts, weight: (size + 2.0).ln() }
    });
    Some(Box::new(SoftRules { rules: rules.collect(), needs_all: named }))
}

impl Score for SoftRules {
    fn score(&self, node: &NodeInfo) -> i64 {
        let mut sum = 0.0;
        for rule in &self.rules {
            match rule.topology.of(node.id) {
                Some(value) => sum += rule.counts[value] as f64 * rule.weight + (rule.max_skew - 1) as f64,
                None if self.needs_all => return IGNORED,
                None => {}
            }
        }
        sum.round() as i64
    }

    fn normalise(&self, scores: &mut [i64]) {
        let real = || scores.iter().copied().filter(|score| *score != IGNORED);
        let (least, most) = (real().min().unwrap_or_default(), real().max().unwrap_or_default());
        for score in scores {
            *score = match *score {
                IGNORED => 0,
                _ if most == 0 => MAX_SCORE,
                own => MAX_SCORE * (most + least - own) / most,
            };
        }
    }
}
