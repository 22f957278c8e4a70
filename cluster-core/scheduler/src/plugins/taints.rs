//! Taints and tolerations.

use super::{Cycle, Prepared, Refusal, Score, Scorer, scale};
use crate::model::NodeInfo;
use k8s_openapi::api::core::v1::{Taint, Toleration};

/// Whether one of the tolerations covers the taint.
pub(crate) fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let covers = |wanted: &Option<String>, actual: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == actual)
    };
    let value = toleration.value.as_deref().unwrap_or_default();
    let actual = taint.value.as_deref().unwrap_or_default();
    let compare = |good: fn(&i64, &i64) -> bool| {
        actual.parse().ok().zip(value.parse().ok()).is_some_and(|(actual, bound): (i64, i64)| good(&actual, &bound))
    };
    covers(&toleration.effect, &taint.effect)
        && covers(&toleration.key, &taint.key)
        && match toleration.operator.as_deref().unwrap_or_default() {
            "" | "Equal" => value == actual,
            "Exists" => true,
            "Gt" => compare(i64::gt),
            "Lt" => compare(i64::lt),
            _ => false,
        }
}

/// The first taint that keeps the pod from the node.
pub(super) fn repelling<'n>(node: &'n NodeInfo, tolerations: &[Toleration]) -> Option<&'n Taint> {
    let hard = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    node.facts.taints.iter().filter(hard).find(|taint| !tolerated(taint, tolerations))
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
        soft.filter(|taint| !self.0.iter().any(|toleration| tolerates(toleration, taint))).count() as i64
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
