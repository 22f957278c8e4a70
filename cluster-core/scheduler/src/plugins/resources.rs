//! Room on the node: whether the pod's requests fit, how much stays free, how evenly it is used.

use super::{Cycle, MAX_SCORE, Prepared, Refusal, Scorer};
use crate::model::{NodeInfo, Resources};
use crate::profile::Strategy;
use std::borrow::Cow;

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let wanted = &cycle.pod.requests;
    Ok(Some(Box::new(move |node: &NodeInfo| fit(wanted, node))))
}

fn fit(wanted: &Resources, node: &NodeInfo) -> Result<(), Refusal> {
    let (offered, taken) = (&node.facts.allocatable, &node.requested);
    let mut refusal = Refusal { reasons: Vec::new(), resolvable: true };
    if node.pods.len() as i64 + 1 > node.facts.max_pods {
        refusal.reasons.push("Too many pods".into());
    }
    let mut check = |wanted: i64, offered: i64, taken: i64, reason: &dyn Fn() -> Cow<'static, str>| {
        if wanted > 0 && wanted > offered - taken {
            refusal.reasons.push(reason());
            refusal.resolvable &= wanted <= offered;
        }
    };
    check(wanted.cpu, offered.cpu, taken.cpu, &|| "Insufficient cpu".into());
    check(wanted.memory, offered.memory, taken.memory, &|| "Insufficient memory".into());
    check(wanted.storage, offered.storage, taken.storage, &|| "Insufficient ephemeral-storage".into());
    for (name, amount) in &wanted.extended {
        let of = |resources: &Resources| resources.extended.get(name).copied().unwrap_or_default();
        check(*amount, of(offered), of(taken), &|| format!("Insufficient {name}").into());
    }
    if refusal.reasons.is_empty() { Ok(()) } else { Err(refusal) }
}

/// How well the node's use of the profile's resources fits its strategy, once the pod is there.
pub(super) fn fit_score<'a>(cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Scorer<'a> {
    let (strategy, wanted) = (&cycle.profile.strategy, &cycle.pod.counted);
    // An extended resource counts for the pods that want it.
    let basic = |name: &str| matches!(name, "cpu" | "memory" | "ephemeral-storage");
    let resources: Vec<(&str, i64, i64)> = cycle
        .profile
        .resources
        .iter()
        .map(|(name, weight)| (name.as_str(), *weight, wanted.get(name)))
        .filter(|(name, _, wanted)| basic(name) || *wanted > 0)
        .collect();
    Some(Box::new(move |node: &NodeInfo| {
        let (mut sum, mut weights) = (0, 0);
        for (name, weight, wanted) in &resources {
            let offered = node.facts.allocatable.get(name);
            if offered <= 0 {
                continue;
            }
            let score = strategy.score(node.counted.get(name) + wanted, offered);
            // With a shape, a resource without a score does not count at all.
            if score > 0 || !matches!(strategy, Strategy::Ratio(_)) {
                sum += score * weight;
                weights += weight;
            }
        }
        match (weights, strategy) {
            (0, _) => 0,
            (weights, Strategy::Ratio(_)) => (sum as f64 / weights as f64).round() as i64,
            (weights, _) => sum / weights,
        }
    }))
}

impl Strategy {
    fn score(&self, taken: i64, offered: i64) -> i64 {
        match self {
            Self::Least => share((offered - taken).max(0), offered),
            Self::Most => share(taken.min(offered), offered),
            Self::Ratio(shape) => on_shape(shape, if taken > offered { 100 } else { share(taken, offered) }),
        }
    }
}

/// The height of a broken line at a place.
fn on_shape(shape: &[(i64, i64)], at: i64) -> i64 {
    let Some(next) = shape.iter().position(|(x, _)| at <= *x) else { return shape.last().map_or(0, |(_, y)| *y) };
    let (right, top) = shape[next];
    let Some((left, bottom)) = next.checked_sub(1).map(|before| shape[before]) else { return top };
    bottom + (top - bottom) * (at - left) / (right - left)
}

fn share(part: i64, whole: i64) -> i64 {
    // Most products fit, and a wide division costs ten narrow ones.
    let wide = || (i128::from(part) * i128::from(MAX_SCORE) / i128::from(whole)) as i64;
    part.checked_mul(MAX_SCORE).map_or_else(wide, |product| product / whole)
}

/// The closer the used shares of CPU and memory, the better. A pod that requests nothing changes neither.
pub(super) fn balanced<'a>(cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Scorer<'a> {
    let wanted = &cycle.pod.requests;
    if wanted.cpu == 0 && wanted.memory == 0 {
        return None;
    }
    Some(Box::new(move |node: &NodeInfo| {
        let (offered, taken) = (&node.facts.allocatable, &node.requested);
        let fraction = |taken: i64, offered: i64| (taken as f64 / offered as f64).min(1.0);
        let spread = if offered.cpu > 0 && offered.memory > 0 {
            let cpu = fraction(taken.cpu + wanted.cpu, offered.cpu);
            (cpu - fraction(taken.memory + wanted.memory, offered.memory)).abs() / 2.0
        } else {
            0.0
        };
        ((1.0 - spread) * MAX_SCORE as f64) as i64
    }))
}
