//! Affinity and anti-affinity between pods, in both directions.

use super::{Cycle, Filter, Happening, MAX_SCORE, Prepared, Refusal, Score, Scorer};
use crate::model::{Class, Labels, Nodes, PodTerm, Topology};
use crate::prelude::*;

/// For one topology: an amount per value.
struct Tally {
    topology: Arc<Topology>,
    counts: Vec<i64>,
}

impl Tally {
    fn new(cycle: &Cycle<'_>, key: &Arc<str>) -> Self {
        let topology = cycle.cluster.topology(key);
        Self { counts: topology.counters(), topology }
    }

    fn add(&mut self, nodes: &Nodes, each: i64) {
        for (node, count) in nodes {
            if let Some(value) = self.topology.of(*node) {
                self.counts[value] += each * i64::from(*count);
            }
        }
    }

    fn at(&self, node: &NodeInfo) -> i64 {
        self.topology.of(node.id).map_or(0, |value| self.counts[value])
    }
}

/// The tallies by topology key.
#[derive(Default)]
struct Tallies(HashMap<Arc<str>, Tally>);

impl Tallies {
    fn add(&mut self, cycle: &Cycle<'_>, term: &PodTerm, nodes: &Nodes, each: i64) {
        let key = &term.topology_key;
        if !self.0.contains_key(key) {
            self.0.insert(key.clone(), Tally::new(cycle, key));
        }
        if let Some(tally) = self.0.get_mut(key) {
            tally.add(nodes, each);
        }
    }
}

struct Rules {
    /// One per required affinity term, counting pods that fulfil all of them.
    wanted: Vec<Tally>,
    /// One per required anti-affinity term.
    shunned: Vec<Tally>,
    /// Pods that do not want this one near.
    shunning: Tallies,
    /// No pod fulfils the required affinity, but this one would: it may be the first.
    first: bool,
}

fn namespace<'a>(cycle: &Cycle<'a>, name: &str) -> Option<&'a Labels> {
    cycle.cluster.objects.namespaces.get(name)
}

/// The classes that one of the terms can select.
fn candidates<'a>(cycle: &Cycle<'a>, terms: &'a [PodTerm]) -> impl Iterator<Item = (&'a Class, &'a Nodes)> {
    let cycle = *cycle;
    cycle
        .cluster
        .classes
        .by_namespace()
        .filter(move |(name, _)| {
            let labels = namespace(&cycle, name);
            terms.iter().any(|term| term.covers(name, labels))
        })
        .flat_map(|(_, classes)| classes)
}

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let own = &cycle.pod.class;
    let affinity = &own.affinity;
    let own_labels = namespace(cycle, &own.namespace);
    let mut shunning = Tallies::default();
    for (class, nodes) in cycle.cluster.classes.with_rules() {
        for term in class.affinity.anti_required.iter().filter(|term| term.selects(own, own_labels)) {
            shunning.add(cycle, term, nodes, 1);
        }
    }
    if affinity.required.is_empty() && affinity.anti_required.is_empty() && shunning.0.is_empty() {
        return Ok(None);
    }
    let tallies =
        |terms: &[PodTerm]| -> Vec<Tally> { terms.iter().map(|t| Tally::new(cycle, &t.topology_key)).collect() };
    let (mut wanted, mut shunned) = (tallies(&affinity.required), tallies(&affinity.anti_required));
    for (class, nodes) in candidates(cycle, &affinity.required) {
        let labels = namespace(cycle, &class.namespace);
        if affinity.required.iter().all(|term| term.selects(class, labels)) {
            for tally in &mut wanted {
                tally.add(nodes, 1);
            }
        }
    }
    for (class, nodes) in candidates(cycle, &affinity.anti_required) {
        let labels = namespace(cycle, &class.namespace);
        for (term, tally) in affinity.anti_required.iter().zip(&mut shunned) {
            if term.selects(class, labels) {
                tally.add(nodes, 1);
            }
        }
    }
    let nobody = wanted.iter().all(|tally| tally.counts.iter().all(|count| *count == 0));
    let first = nobody && affinity.required.iter().all(|term| term.selects(own, own_labels));
    Ok(Some(Box::new(Rules { wanted, shunned, shunning, first })))
}

impl Filter for Rules {
    fn check(&self, node: &NodeInfo) -> Result<(), Refusal> {
        let labelled = self.wanted.iter().all(|tally| tally.topology.of(node.id).is_some());
        if !labelled || !(self.first || self.wanted.iter().all(|tally| tally.at(node) > 0)) {
            return Err(Refusal::final_("node(s) didn't match pod affinity rules"));
        }
        if self.shunned.iter().any(|tally| tally.at(node) > 0) {
            return Err(Refusal::resolvable("node(s) didn't match pod anti-affinity rules"));
        }
        if self.shunning.0.values().any(|tally| tally.at(node) > 0) {
            return Err(Refusal::resolvable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }
}

pub(super) fn helps(cycle: &Cycle<'_>, happening: &Happening<'_>) -> bool {
    let own = &cycle.pod.class;
    let selected = |terms: &[PodTerm], class: &Class| {
        terms.iter().any(|term| term.selects(class, namespace(cycle, &class.namespace)))
    };
    let left = |pod: &PodInfo| {
        selected(&own.affinity.anti_required, &pod.class) || selected(&pod.class.affinity.anti_required, own)
    };
    match happening {
        Happening::Node(_) | Happening::Namespace => true,
        Happening::PodPlaced(pod) => selected(&own.affinity.required, &pod.class),
        Happening::PodGone(pod, _) => left(pod),
        _ => false,
    }
}

/// The sums of weights near each node.
struct Attraction(Vec<Tally>);

pub(super) fn score<'a>(cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Scorer<'a> {
    let own = &cycle.pod.class;
    let mut tallies = Tallies::default();
    for (weight, term) in &own.affinity.preferred {
        for (class, nodes) in candidates(cycle, std::slice::from_ref(term)) {
            if term.selects(class, namespace(cycle, &class.namespace)) {
                tallies.add(cycle, term, nodes, *weight);
            }
        }
    }
    let own_labels = namespace(cycle, &own.namespace);
    for (class, nodes) in cycle.cluster.classes.with_rules() {
        // A pod that needs this one near likes it a little, too.
        let required = class.affinity.required.iter().map(|term| (cycle.profile.hard_affinity_weight, term));
        let preferred = class.affinity.preferred.iter().map(|(weight, term)| (*weight, term));
        for (weight, term) in required.chain(preferred).filter(|(_, term)| term.selects(own, own_labels)) {
            tallies.add(cycle, term, nodes, weight);
        }
    }
    let tallies: Vec<Tally> = tallies.0.into_values().collect();
    if tallies.is_empty() { None } else { Some(Box::new(Attraction(tallies))) }
}

impl Score for Attraction {
    fn score(&self, node: &NodeInfo) -> i64 {
        self.0.iter().map(|tally| tally.at(node)).sum()
    }

    fn normalise(&self, scores: &mut [i64]) {
        let (least, most) = (scores.iter().copied().min(), scores.iter().copied().max());
        let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
        for score in scores {
            *score = if most > least { MAX_SCORE * (*score - least) / (most - least) } else { 0 };
        }
    }
}
