//! Counts a set's pods for its status.

use super::kind::Replicated;
use crate::meta::{has_labels, seconds};
use crate::prelude::*;

pub(super) fn observe<K: Replicated>(set: &K, owned: &[Arc<Pod>], now: &Time) -> ReplicaSetStatus {
    let labels = set.template().metadata.and_then(|meta| meta.labels).unwrap_or_default();
    let min_ready = seconds(set.min_ready_seconds());
    let active: Vec<&Arc<Pod>> = owned.iter().filter(|pod| is_active(pod)).collect();
    let those = |test: &dyn Fn(&Pod) -> bool| Some(active.iter().filter(|pod| test(pod)).count() as i32);
    let leaving = owned.iter().filter(|pod| pod.is_deleting() && !is_finished(pod));
    ReplicaSetStatus {
        replicas: active.len() as i32,
        fully_labeled_replicas: those(&|pod| has_labels(pod.metadata.labels.as_ref(), &labels)),
        ready_replicas: those(&is_ready),
        available_replicas: those(&|pod| is_available(pod, min_ready, now)),
        terminating_replicas: Some(leaving.count() as i32),
        ..ReplicaSetStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta;
    use crate::pods::tests::pod;
    use serde_json::json;

    #[test]
    fn only_active_pods_count_as_replicas() {
        let now = meta::now();
        let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": now.0.to_string()}]);
        let pods = [
            pod(json!({"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running", "conditions": ready}})),
            pod(json!({"metadata": {}, "status": {"phase": "Pending"}})),
            pod(json!({"metadata": {}, "status": {"phase": "Failed"}})),
            pod(json!({"metadata": {"deletionTimestamp": now.0.to_string()}, "status": {"phase": "Running"}})),
        ];
        let set = |min_ready: i32| -> ReplicaSet {
            serde_json::from_value(json!({"metadata": {}, "spec": {"selector": {}, "minReadySeconds": min_ready,
                "template": {"metadata": {"labels": {"a": "b"}}}}}))
            .expect("a set")
        };
        let one = Some(1);
        let expected = ReplicaSetStatus {
            replicas: 2,
            fully_labeled_replicas: one,
            ready_replicas: one,
            available_replicas: one,
            terminating_replicas: one,
            ..ReplicaSetStatus::default()
        };
        assert_eq!(observe(&set(0), &pods, &now), expected);
        assert_eq!(observe(&set(60), &pods, &now), ReplicaSetStatus { available_replicas: Some(0), ..expected });
    }
}
