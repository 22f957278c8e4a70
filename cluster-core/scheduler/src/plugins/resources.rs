//! Room on the node: whether the pod's requests fit, how much stays free, how evenly it is used.

use super::{Cycle, MAX_SCORE, Prepared, Refusal, Scorer};
use crate::model::{NodeInfo, Resources};
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

/// The more of a node's CPU and memory is free, the better.
pub(super) fn least_allocated<'a>(cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Scorer<'a> {
    let wanted = &cycle.pod.counted;
    Some(Box::new(move |node: &NodeInfo| {
        let offered = &node.facts.allocatable;
        let pairs =
            [(node.counted.cpu + wanted.cpu, offered.cpu), (node.counted.memory + wanted.memory, offered.memory)];
        let scores = pairs.iter().filter(|(_, offered)| *offered > 0);
        let scores = scores.map(|(taken, offered)| share((offered - taken).max(0), *offered));
        let (sum, count) = scores.fold((0, 0), |(sum, count), score| (sum + score, count + 1));
        if count == 0 { 0 } else { sum / count }
    }))
}

fn share(part: i64, whole: i64) -> i64 {
    (i128::from(part) * i128::from(MAX_SCORE) / i128::from(whole)) as i64
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
