//! Preemption: pods of lower priority give way when that makes room.

use crate::choose::{check, prepare};
use crate::prelude::*;
use cluster_client::pods;
use std::cmp::Reverse;

/// On how many nodes preemption is tried, at least.
const FEWEST_CANDIDATES: usize = 100;

/// What preemption can do for a pod.
#[derive(Debug)]
pub(crate) enum Preemption {
    /// These pods have to go.
    Possible { node: NodeId, victims: Vec<Arc<PodInfo>> },
    /// The pod may not preempt, or has done so already; why.
    Ineligible(&'static str),
    /// Nothing; why.
    Impossible(String),
}

/// What it takes to make room on one node.
#[derive(Debug)]
struct Candidate {
    node: NodeId,
    /// The most important first.
    victims: Vec<Arc<PodInfo>>,
    /// How many of them break a disruption budget.
    violations: usize,
}

/// Looks for the node on which the fewest and least important pods have to go. Leaves the cluster as it is.
pub(crate) fn preempt(
    cluster: &mut Cluster,
    profile: &Profile,
    pod: &Arc<PodInfo>,
    diagnosis: &Diagnosis,
) -> Preemption {
    if let Some(why) = ineligible(cluster, pod, diagnosis) {
        return Preemption::Ineligible(why);
    }
    let nodes = cluster.order().to_vec();
    let (hopeful, helpless): (Vec<_>, Vec<_>) = nodes.iter().partition(|id| diagnosis.resolvable.contains(id));
    let mut failed = Diagnosis::new(nodes.len());
    failed.count("Preemption is not helpful for scheduling", helpless.len());
    let enough = (nodes.len() / 10).max(FEWEST_CANDIDATES);
    let mut candidates: Vec<Candidate> = Vec::new();
    for node in hopeful {
        match try_on(cluster, profile, pod, node) {
            Ok(candidate) => candidates.push(candidate),
            Err(refusal) => refusal.reasons.into_iter().for_each(|reason| failed.count(reason, 1)),
        }
        if candidates.len() >= enough && candidates.iter().any(|candidate| candidate.violations == 0) {
            break;
        }
    }
    match candidates.into_iter().min_by_key(cost) {
        Some(Candidate { node, victims, .. }) => Preemption::Possible { node, victims },
        None => Preemption::Impossible(failed.to_string()),
    }
}

/// Why the pod may not preempt others.
fn ineligible(cluster: &Cluster, pod: &PodInfo, diagnosis: &Diagnosis) -> Option<&'static str> {
    if pod.spec().and_then(|s| s.preemption_policy.as_deref()) == Some("Never") {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let node = cluster.find(pod.nominated_node()?).filter(|node| diagnosis.resolvable.contains(node))?;
    let leaving = cluster.node(node).pods.iter().any(|other| other.priority < pod.priority && is_preempted(other));
    leaving.then_some("not eligible due to a terminating pod on the nominated node.")
}

/// Whether the pod is on its way out because of an earlier preemption.
fn is_preempted(pod: &PodInfo) -> bool {
    let target = pods::holding(&pod.pod, "DisruptionTarget").and_then(|target| target.reason.as_deref());
    pod.class.terminating && target == Some("PreemptionByScheduler")
}

/// The order of candidates; the least is the best.
fn cost(candidate: &Candidate) -> impl Ord + use<> {
    let highest = candidate.victims.first().map_or(i32::MIN, |victim| victim.priority);
    let sum: i64 = candidate.victims.iter().map(|victim| i64::from(victim.priority) - i64::from(i32::MIN)).sum();
    let important = candidate.victims.iter().filter(|victim| victim.priority == highest);
    let oldest = important.map(|victim| start_time(victim)).min();
    (candidate.violations, highest, sum, candidate.victims.len(), Reverse(oldest))
}

fn start_time(pod: &PodInfo) -> jiff::Timestamp {
    let time = pod.pod.status.as_ref().and_then(|s| s.start_time.as_ref());
    time.map_or(jiff::Timestamp::MAX, |time| time.0)
}

/// The most important first.
fn importance(pod: &PodInfo) -> impl Ord + use<> {
    (Reverse(pod.priority), start_time(pod))
}

/// Takes all less important pods from the node, then puts back as many as the pod leaves room for.
fn try_on(cluster: &mut Cluster, profile: &Profile, pod: &Arc<PodInfo>, node: NodeId) -> Result<Candidate, Refusal> {
    let lower = cluster.node(node).pods.iter().filter(|other| other.priority < pod.priority);
    let mut lower: Vec<(Arc<PodInfo>, bool)> =
        lower.map(|other| (other.clone(), cluster.is_assumed(&other.uid))).collect();
    if lower.is_empty() {
        return Err(Refusal::final_("No preemption victims found for incoming pod"));
    }
    lower.sort_by_key(|(other, _)| importance(other));
    let name = cluster.node(node).name().to_owned();
    for (other, _) in &lower {
        cluster.remove_pod(&other.uid);
    }
    let candidate = reprieve(cluster, profile, pod, node, &lower);
    for (other, assumed) in lower {
        cluster.place(other, &name, assumed);
    }
    candidate
}

fn reprieve(
    cluster: &mut Cluster,
    profile: &Profile,
    pod: &Arc<PodInfo>,
    node: NodeId,
    lower: &[(Arc<PodInfo>, bool)],
) -> Result<Candidate, Refusal> {
    fits(cluster, profile, pod, node)?;
    let name = cluster.node(node).name().to_owned();
    let pods: Vec<&PodInfo> = lower.iter().map(|(other, _)| other.as_ref()).collect();
    let violating = violating(&cluster.objects.budgets, &pods);
    let (mut victims, mut violations) = (Vec::new(), 0);
    // Pods that a budget protects are the first that may stay.
    for protected in [true, false] {
        for ((other, assumed), _) in lower.iter().zip(&violating).filter(|(_, breaks)| **breaks == protected) {
            cluster.place(other.clone(), &name, *assumed);
            if fits(cluster, profile, pod, node).is_err() {
                cluster.remove_pod(&other.uid);
                victims.push(other.clone());
                violations += usize::from(protected);
            }
        }
    }
    victims.sort_by_key(|victim| importance(victim));
    Ok(Candidate { node, victims, violations })
}

fn fits(cluster: &Cluster, profile: &Profile, pod: &PodInfo, node: NodeId) -> Result<(), Refusal> {
    let cycle = Cycle { pod, cluster, profile };
    let result = prepare(&cycle).and_then(|filters| check(&cycle, &filters, cluster.node(node)));
    result.map_err(|(_, refusal)| refusal)
}

/// For each pod, whether a disruption budget forbids that it goes after those before it went.
fn violating(budgets: &HashMap<ObjectKey, Arc<PodDisruptionBudget>>, pods: &[&PodInfo]) -> Vec<bool> {
    let mut allowed: Vec<_> = budgets
        .iter()
        .filter_map(|(key, budget)| {
            let selector = labels::selector(budget.spec.as_ref()?.selector.as_ref());
            let status = budget.status.as_ref();
            (!selector.is_empty())
                .then(|| (key, selector, status, status.and_then(|s| s.disruptions_allowed).unwrap_or(0)))
        })
        .collect();
    let mut breaks = |pod: &PodInfo| {
        let mut broken = false;
        for (key, selector, status, left) in &mut allowed {
            let disrupted =
                status.and_then(|s| s.disrupted_pods.as_ref()).is_some_and(|d| d.contains_key(&*pod.key.name));
            if key.namespace == pod.key.namespace && pod.class.matches(selector) && !disrupted {
                *left -= 1;
                broken |= *left < 0;
            }
        }
        broken
    };
    pods.iter().map(|pod| breaks(pod)).collect()
}

#[cfg(test)]
mod tests;
