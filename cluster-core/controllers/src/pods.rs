//! Facts about pods: are they ready, available, active, and which of them goes first when there are too many.

use crate::prelude::*;
pub(crate) use cluster_client::pods::{holding, is_finished, node, phase};
use std::cmp::Ordering;

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Neither finished nor on its way out.
pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !pod.is_deleting()
}

pub(crate) fn ready_condition(pod: &Pod) -> Option<&PodCondition> {
    conditions::get(pod.status.as_ref()?.conditions.as_ref(), "Ready")
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    holding(pod, "Ready").is_some()
}

fn ready_since(pod: &Pod) -> Option<&Time> {
    holding(pod, "Ready")?.last_transition_time.as_ref()
}

/// Ready for at least `min_ready`.
pub(crate) fn is_available(pod: &Pod, min_ready: Duration, now: &Time) -> bool {
    is_ready(pod) && (min_ready.is_zero() || ready_since(pod).is_some_and(|time| since(time, now) >= min_ready))
}

/// How long until a ready pod becomes available; `None` when it is, or is not ready.
pub(crate) fn until_available(pod: &Pod, min_ready: Duration, now: &Time) -> Option<Duration> {
    meta::left(ready_since(pod)?, min_ready, now)
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|container| container.restart_count).max().unwrap_or_default()
}

fn deletion_cost(pod: &Pod) -> i32 {
    pod.annotation(DELETION_COST).and_then(|cost| cost.parse().ok()).unwrap_or_default()
}

/// Ages of one power of two count as equal, so that it is not always the newest pods that go.
fn age_class(nanos: Option<i128>, now: &Time) -> u32 {
    let age = nanos.map_or(0, |nanos| (now.0.as_nanosecond() - nanos).max(0));
    128 - age.leading_zeros()
}

/// The pod with a condition that says why it has to go.
pub(crate) fn disrupted(pod: &Pod, reason: &str, message: &str) -> Pod {
    let mut marked = pod.clone();
    let target = PodCondition::build("DisruptionTarget", "True", reason, message.to_owned());
    let target = PodCondition { observed_generation: pod.metadata.generation, ..target };
    conditions::set(&mut marked.status.get_or_insert_default().conditions, target);
    marked
}

/// The `count` of `pods` that are deleted first: those that did least so far, and of those that share a node with many
/// of `related` the most crowded.
pub(crate) fn to_delete(pods: &[Arc<Pod>], related: &[Arc<Pod>], count: usize, now: &Time) -> Vec<Arc<Pod>> {
    if count >= pods.len() {
        return pods.to_vec();
    }
    let mut crowd: HashMap<&str, usize> = HashMap::new();
    for pod in related.iter().filter(|pod| is_active(pod)) {
        *crowd.entry(node(pod)).or_default() += 1;
    }
    let rank = |pod: &Pod| crowd.get(node(pod)).copied().unwrap_or_default();
    let mut ranked = pods.to_vec();
    ranked.sort_by(|a, b| compare(a, b, &rank, now));
    ranked.truncate(count);
    ranked
}

fn compare(a: &Pod, b: &Pod, rank: &impl Fn(&Pod) -> usize, now: &Time) -> Ordering {
    let phase_order = |pod: &Pod| match phase(pod) {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    };
    let ready_at = |pod: &Pod| ready_since(pod).map(|time| time.0.as_nanosecond());
    let ready_age = |pod: &Pod| if is_ready(pod) { age_class(ready_at(pod), now) } else { 0 };
    let age = |pod: &Pod| age_class(Some(pod.created()).filter(|time| *time != i128::MAX), now);
    (!node(a).is_empty())
        .cmp(&!node(b).is_empty())
        .then_with(|| phase_order(a).cmp(&phase_order(b)))
        .then_with(|| is_ready(a).cmp(&is_ready(b)))
        .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
        .then_with(|| rank(b).cmp(&rank(a)))
        .then_with(|| ready_age(a).cmp(&ready_age(b)))
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| age(a).cmp(&age(b)))
        .then_with(|| a.uid().cmp(b.uid()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn pod(value: Value) -> Arc<Pod> {
        Arc::new(serde_json::from_value(value).expect("a pod"))
    }

    #[test]
    fn the_pod_that_did_least_goes_first() {
        let now = meta::now();
        let ago = |seconds: i64| (now.0 - jiff::SignedDuration::from_secs(seconds)).to_string();
        let make = |name: &str, node: &str, phase: &str, ready: Option<i64>, extra: Value| {
            let conditions: Vec<Value> = ready
                .map(|at| json!({"type": "Ready", "status": "True", "lastTransitionTime": ago(at)}))
                .into_iter()
                .collect();
            let mut pod = json!({
                "metadata": {"name": name, "uid": name, "creationTimestamp": ago(5000)},
                "spec": {"containers": [], "nodeName": node}, "status": {"phase": phase, "conditions": conditions},
            });
            for (pointer, value) in extra.as_object().into_iter().flatten() {
                pod[pointer.as_str()] = value.clone();
            }
            pod
        };
        let cost = |cost: &str| {
            json!({"metadata": {"name": "cheap", "uid": "cheap", "creationTimestamp": ago(5000),
            "annotations": {DELETION_COST: cost}}})
        };
        let pods: Vec<_> = [
            make("good", "n1", "Running", Some(4000), Value::Null),
            make("crowded", "n2", "Running", Some(4000), Value::Null),
            make("fresh", "n1", "Running", Some(3), Value::Null),
            make("unready", "n1", "Running", None, Value::Null),
            make("pending", "n1", "Pending", None, Value::Null),
            make("unassigned", "", "Pending", None, Value::Null),
            make("cheap", "n1", "Running", Some(4000), cost("-5")),
        ]
        .into_iter()
        .map(pod)
        .collect();
        let mut related = pods.clone();
        related.extend((0..9).map(|n| pod(make(&format!("r{n}"), "n2", "Running", Some(1), Value::Null))));
        let order: Vec<String> = (1..=6)
            .filter_map(|count| to_delete(&pods, &related, count, &now).last().map(|pod| pod.name().to_owned()))
            .collect();
        assert_eq!(order, ["unassigned", "pending", "unready", "cheap", "crowded", "fresh"]);
    }

    #[test]
    fn availability_needs_min_ready_seconds() {
        let now = meta::now();
        let at = (now.0 - jiff::SignedDuration::from_secs(10)).to_string();
        let pod = pod(json!({"metadata": {}, "status": {"conditions":
            [{"type": "Ready", "status": "True", "lastTransitionTime": at}]}}));
        assert!(is_available(&pod, Duration::from_secs(10), &now));
        assert!(!is_available(&pod, Duration::from_secs(11), &now));
        assert_eq!(until_available(&pod, Duration::from_secs(15), &now), Some(Duration::from_secs(5)));
    }
}
