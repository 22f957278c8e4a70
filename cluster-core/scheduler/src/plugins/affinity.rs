//! Node selectors and node affinity.

use super::{Cycle, Prepared, Refusal, Score, Scorer, scale};
use crate::prelude::*;

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let (required, added) = (&cycle.pod.required_nodes, &cycle.profile.added_nodes);
    if required.allows_all() && added.allows_all() {
        return Ok(None);
    }
    if required.pinned().is_some_and(|names| names.is_empty()) {
        return Err(Refusal::final_("pod affinity terms conflict"));
    }
    Ok(Some(Box::new(move |node: &NodeInfo| {
        if !added.allow(&node.facts) {
            Err(Refusal::final_("node(s) didn't match scheduler-enforced node affinity"))
        } else if required.allow(&node.facts) {
            Ok(())
        } else {
            Err(Refusal::final_("node(s) didn't match Pod's node affinity/selector"))
        }
    })))
}

/// Sums the weights of the terms a node fulfils.
struct Preferred<'a>([&'a [(i64, NodeSelectorTerm)]; 2]);

impl Score for Preferred<'_> {
    fn score(&self, node: &NodeInfo) -> i64 {
        self.0
            .iter()
            .copied()
            .flatten()
            .filter(|(_, term)| node.facts.is_picked([term]))
            .map(|(weight, _)| weight)
            .sum()
    }

    fn normalise(&self, scores: &mut [i64]) {
        scale(scores, false);
    }
}

pub(super) fn score<'a>(cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Scorer<'a> {
    let preferred = [cycle.pod.preferred_nodes.as_slice(), &cycle.profile.added_preferences];
    if preferred.iter().all(|terms| terms.is_empty()) { None } else { Some(Box::new(Preferred(preferred))) }
}
