//! What a deployment reports: counts, and the conditions Available, Progressing and ReplicaFailure.

use super::rollout::{bounds, total, wanted};
use crate::prelude::*;

pub(super) const PROGRESSING: &str = "Progressing";
const AVAILABLE: &str = "Available";
const REPLICA_FAILURE: &str = "ReplicaFailure";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const COMPLETE: &str = "NewReplicaSetAvailable";

/// How long a rollout may make no progress; `None` for ever.
pub(super) fn deadline(deployment: &Deployment) -> Option<Duration> {
    deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX).map(seconds)
}

pub(super) fn condition(kind: &str, status: &str, reason: &str, message: String) -> DeploymentCondition {
    let condition = DeploymentCondition::build(kind, status, reason, message);
    DeploymentCondition { last_update_time: Some(meta::now()), ..condition }
}

/// Upstream's rule for replacing: the same status for the same reason is no news.
pub(super) fn set(status: &mut DeploymentStatus, new: DeploymentCondition) {
    let old = conditions::get(status.conditions.as_ref(), new.kind());
    if old.is_none_or(|old| old.status() != new.status() || old.reason() != new.reason()) {
        conditions::set(&mut status.conditions, new);
    }
}

/// The counts and whether there are enough pods; the other conditions are kept.
pub(super) fn counts(
    deployment: &Deployment,
    new: Option<&Arc<ReplicaSet>>,
    all: &[Arc<ReplicaSet>],
) -> DeploymentStatus {
    let statuses: Vec<&ReplicaSetStatus> = all.iter().filter_map(|set| set.status.as_ref()).collect();
    let sum = |count: fn(&ReplicaSetStatus) -> Option<i32>| statuses.iter().filter_map(|status| count(status)).sum();
    let available: i32 = sum(|status| status.available_replicas);
    let old = deployment.status.clone().unwrap_or_default();
    let mut status = DeploymentStatus {
        observed_generation: Some(deployment.generation()),
        replicas: Some(sum(|status| Some(status.replicas))),
        updated_replicas: Some(new.and_then(|set| set.status.as_ref()).map_or(0, |status| status.replicas)),
        ready_replicas: Some(sum(|status| status.ready_replicas)),
        available_replicas: Some(available),
        unavailable_replicas: Some((total(all) - available).max(0)),
        terminating_replicas: Some(sum(|status| status.terminating_replicas)),
        collision_count: old.collision_count,
        conditions: old.conditions,
    };
    let enough = available >= wanted(deployment) - bounds(deployment).unavailable;
    let (state, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set(&mut status, condition(AVAILABLE, state, reason, message.to_owned()));
    status
}

/// Whether the rollout is through.
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = Some(wanted(deployment));
    status.updated_replicas == wanted
        && status.replicas == wanted
        && status.available_replicas == wanted
        && status.observed_generation >= deployment.metadata.generation
}

fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let left =
        |status: &DeploymentStatus| status.replicas.unwrap_or_default() - status.updated_replicas.unwrap_or_default();
    new.updated_replicas.unwrap_or_default() > old.updated_replicas.unwrap_or_default()
        || left(new) < left(old)
        || new.ready_replicas.unwrap_or_default() > old.ready_replicas.unwrap_or_default()
        || new.available_replicas.unwrap_or_default() > old.available_replicas.unwrap_or_default()
}

pub(super) fn progressing(status: &DeploymentStatus) -> Option<&DeploymentCondition> {
    conditions::get(status.conditions.as_ref(), PROGRESSING)
}

/// How long until a rollout without progress is given up; `None` when there is nothing to wait for.
pub(super) fn until_timeout(deployment: &Deployment, status: &DeploymentStatus, now: &Time) -> Option<Duration> {
    let current = progressing(status)?;
    if is_complete(deployment, status) || current.reason() == TIMED_OUT || current.reason() == COMPLETE {
        return None;
    }
    let waited = since(current.last_update_time.as_ref()?, now);
    Some(deadline(deployment)?.saturating_sub(waited) + Duration::from_secs(1))
}

fn is_timed_out(deployment: &Deployment, status: &DeploymentStatus, now: &Time) -> bool {
    let (Some(current), Some(deadline)) = (progressing(status), deadline(deployment)) else { return false };
    match current.reason() {
        COMPLETE => false,
        TIMED_OUT => true,
        _ => current.last_update_time.as_ref().is_some_and(|time| since(time, now) > deadline),
    }
}

/// The status of a deployment in a rollout.
pub(super) fn rollout(
    deployment: &Deployment,
    new: Option<&Arc<ReplicaSet>>,
    all: &[Arc<ReplicaSet>],
    now: &Time,
) -> DeploymentStatus {
    let mut status = counts(deployment, new, all);
    let old = deployment.status.clone().unwrap_or_default();
    if deadline(deployment).is_none() {
        conditions::remove(&mut status.conditions, PROGRESSING);
    }
    let was_complete = status.replicas == status.updated_replicas
        && progressing(&status).is_some_and(|current| current.reason() == COMPLETE);
    if deadline(deployment).is_some() && !was_complete {
        let what = match new {
            Some(set) => format!("ReplicaSet {:?}", set.name()),
            None => format!("Deployment {:?}", deployment.name()),
        };
        if is_complete(deployment, &status) {
            set(&mut status, condition(PROGRESSING, "True", COMPLETE, format!("{what} has successfully progressed.")));
        } else if is_progressing(&old, &status) {
            // The update time moves although the condition may read the same: the deadline counts from here.
            let news = condition(PROGRESSING, "True", "ReplicaSetUpdated", format!("{what} is progressing."));
            conditions::set(&mut status.conditions, news);
        } else if is_timed_out(deployment, &status, now) {
            set(&mut status, condition(PROGRESSING, "False", TIMED_OUT, format!("{what} has timed out progressing.")));
        }
    }
    set_failure(&mut status, new, all);
    status
}

/// Hands on why pods cannot be made: the newest set's reason first.
fn set_failure(status: &mut DeploymentStatus, new: Option<&Arc<ReplicaSet>>, all: &[Arc<ReplicaSet>]) {
    let failure = new.into_iter().chain(all).find_map(|set| {
        let failure = conditions::get(set.status.as_ref()?.conditions.as_ref(), REPLICA_FAILURE)?;
        Some((failure.status().to_owned(), failure.reason().to_owned(), failure.message.clone().unwrap_or_default()))
    });
    match failure {
        Some((state, reason, message)) => set(status, condition(REPLICA_FAILURE, &state, &reason, message)),
        None => conditions::remove(&mut status.conditions, REPLICA_FAILURE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::slice::from_ref;

    fn set_of(size: i32, ready: i32) -> Arc<ReplicaSet> {
        let value = json!({"metadata": {"name": "web-1"}, "spec": {"replicas": size, "selector": {}}, "status":
            {"replicas": size, "readyReplicas": ready, "availableReplicas": ready}});
        Arc::new(serde_json::from_value(value).expect("a set"))
    }

    fn texts(status: &DeploymentStatus, kind: &str) -> Option<(String, String, String)> {
        let found = conditions::get(status.conditions.as_ref(), kind)?;
        Some((found.status().to_owned(), found.reason().to_owned(), found.message.clone().unwrap_or_default()))
    }

    fn owned(status: &str, reason: &str, message: &str) -> Option<(String, String, String)> {
        Some((status.to_owned(), reason.to_owned(), message.to_owned()))
    }

    #[test]
    fn a_rollout_progresses_completes_and_times_out() {
        let value = json!({"metadata": {"name": "web", "generation": 1},
            "spec": {"replicas": 2, "selector": {}, "template": {}, "progressDeadlineSeconds": 60}});
        let mut deployment: Deployment = serde_json::from_value(value).expect("a deployment");
        let now = meta::now();
        let half = set_of(2, 1);
        let status = rollout(&deployment, Some(&half), from_ref(&half), &now);
        assert_eq!(texts(&status, AVAILABLE).expect("set").1, "MinimumReplicasUnavailable");
        let expected = owned("True", "ReplicaSetUpdated", "ReplicaSet \"web-1\" is progressing.");
        assert_eq!(texts(&status, PROGRESSING), expected);
        assert_eq!(status.unavailable_replicas, Some(1));
        assert!(until_timeout(&deployment, &status, &now).is_some_and(|left| left.as_secs() >= 60));

        deployment.status = Some(status);
        let late = Time(now.0 + jiff::SignedDuration::from_secs(90));
        let stuck = rollout(&deployment, Some(&half), from_ref(&half), &late);
        let expected = owned("False", "ProgressDeadlineExceeded", "ReplicaSet \"web-1\" has timed out progressing.");
        assert_eq!(texts(&stuck, PROGRESSING), expected);
        assert_eq!(until_timeout(&deployment, &stuck, &late), None);

        let full = set_of(2, 2);
        let done = rollout(&deployment, Some(&full), from_ref(&full), &now);
        let expected = owned("True", "NewReplicaSetAvailable", "ReplicaSet \"web-1\" has successfully progressed.");
        assert_eq!(texts(&done, PROGRESSING), expected);
        assert_eq!(
            texts(&done, AVAILABLE),
            owned("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        );
    }
}
