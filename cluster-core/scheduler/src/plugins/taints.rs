//! Taints and tolerations.

use super::{Cycle, Prepared, Refusal, Score, Scorer, scale};
use crate::model::NodeInfo;
use cluster_client::nodes::{covers, tolerated};
use k8s_openapi::api::core::v1::{Taint, Toleration};

/// The first taint that keeps the pod from the node.
pub(super) fn repelling<'n>(node: &'n NodeInfo, tolerations: &[Toleration]) -> Option<&'n Taint> {
    let hard = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    node.facts.taints.iter().filter(hard).find(|taint| !tolerated(tolerations, taint))
}

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let tolerations = cycle.pod.tolerations();
    Ok(Some(Box::new(move |node: &NodeInfo| match repelling(node, tolerations) {
        None => Ok(()),
        Some(_) => Err(Refusal::final_("node(s) had untolerated taint(s)")),
    })))
}

/// Counts the taints that would rather not have the pod.
struct Reluctant<'a>(Vec<&'a Toleration>);

impl Score for Reluctant<'_> {
    fn score(&self, node: &NodeInfo) -> i64 {
        let soft = node.facts.taints.iter().filter(|taint| taint.effect == "PreferNoSchedule");
        soft.filter(|taint| !self.0.iter().any(|toleration| covers(toleration, taint))).count() as i64
    }

    fn normalise(&self, scores: &mut [i64]) {
        scale(scores, true);
    }
}

pub(super) fn score<'a>(cycle: &Cycle<'a>, nodes: &[&'a NodeInfo]) -> Scorer<'a> {
    if !nodes.iter().any(|node| node.facts.taints.iter().any(|taint| taint.effect == "PreferNoSchedule")) {
        return None;
    }
    let soft = |t: &&Toleration| matches!(t.effect.as_deref().unwrap_or_default(), "" | "PreferNoSchedule");
    Some(Box::new(Reluctant(cycle.pod.tolerations().iter().filter(soft).collect())))
}
