//! Counts a set's pods for its status.

use super::kind::Replicated;
use crate::meta::{has_labels, seconds};
use crate::pods::{is_active, is_available, is_finished, is_ready};
use crate::prelude::*;

/// What the status reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) replicas: i32,
    pub(super) fully_labeled: i32,
    pub(super) ready: i32,
    pub(super) available: i32,
    pub(super) terminating: i32,
}

pub(super) fn observe<K: Replicated>(set: &K, owned: &[Arc<Pod>], now: &Time) -> Observed {
    let labels = set.template().metadata.and_then(|meta| meta.labels).unwrap_or_default();
    count(&labels, set.min_ready_seconds(), owned, now)
}

fn count(labels: &Labels, min_ready: i32, owned: &[Arc<Pod>], now: &Time) -> Observed {
    let mut observed = Observed::default();
    for pod in owned {
        if pod.is_deleting() && !is_finished(pod) {
            observed.terminating += 1;
        }
        if is_active(pod) {
            observed.replicas += 1;
            observed.fully_labeled += i32::from(has_labels(pod.metadata.labels.as_ref(), labels));
            observed.ready += i32::from(is_ready(pod));
            observed.available += i32::from(is_available(pod, seconds(min_ready), now));
        }
    }
    observed
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
        let labels = [("a".to_owned(), "b".to_owned())].into();
        let expected = Observed { replicas: 2, fully_labeled: 1, ready: 1, available: 1, terminating: 1 };
        assert_eq!(count(&labels, 0, &pods, &now), expected);
        assert_eq!(count(&labels, 60, &pods, &now), Observed { available: 0, ..expected });
    }
}
