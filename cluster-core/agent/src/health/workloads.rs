//! Why a workload does not have the pods it wants.

use super::{Finding, Health, condition, number};
use crate::prelude::*;

fn wanted(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

pub(super) fn deployment(object: &Value) -> Finding {
    let status = &object["status"];
    if let Some(("False", "ProgressDeadlineExceeded", message)) = condition(object, "Progressing") {
        let finding = Finding::bad(say("why.rollout.stuck")).evidence([message.to_owned()]);
        // Before the first revision there is none to go back to.
        let first = object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1";
        return if first { finding.remedy("edit", "do.edit") } else { finding.remedy("roll-back", "do.roll-back") };
    }
    if let Some(("True", reason, message)) = condition(object, "ReplicaFailure") {
        return Finding::bad(say("why.pods.refused").with("message", message)).evidence([reason.to_owned()]);
    }
    if object["spec"]["paused"] == true {
        return Finding::warn(say("why.rollout.paused"));
    }
    let wanted = wanted(object);
    replicas(wanted, number(&status["readyReplicas"]), (number(&status["updatedReplicas"]), wanted))
}

/// Whether pods are replaced by hand alone.
fn by_hand(object: &Value) -> bool {
    object["spec"]["updateStrategy"]["type"] == "OnDelete"
}

pub(super) fn stateful_set(object: &Value) -> Finding {
    let (status, wanted) = (&object["status"], wanted(object));
    let held_back = number(&object["spec"]["updateStrategy"]["rollingUpdate"]["partition"]);
    let due = if by_hand(object) { 0 } else { wanted - held_back };
    replicas(wanted, number(&status["readyReplicas"]), (number(&status["updatedReplicas"]), due))
}

pub(super) fn replica_set(object: &Value) -> Finding {
    if let Some(("True", _, message)) = condition(object, "ReplicaFailure") {
        return Finding::bad(say("why.pods.refused").with("message", message));
    }
    replicas(wanted(object), number(&object["status"]["readyReplicas"]), (0, 0))
}

pub(super) fn daemon_set(object: &Value) -> Finding {
    let status = &object["status"];
    let of = |field: &str| number(&status[field]);
    let wanted = of("desiredNumberScheduled");
    let due = if by_hand(object) { 0 } else { wanted };
    replicas(wanted, of("numberReady"), (of("updatedNumberScheduled"), due))
}

/// `updated` is how many pods are, and how many are to be.
fn replicas(wanted: i64, ready: i64, (updated, due): (i64, i64)) -> Finding {
    match () {
        () if ready < wanted => Finding::warn(say("why.pods.ready").with("ready", ready).with("wanted", wanted)),
        () if updated < due => Finding::warn(say("why.pods.updated").with("updated", updated).with("wanted", due)),
        () => Finding::default(),
    }
}

pub(super) fn job(object: &Value) -> Finding {
    if let Some(("True", reason, message)) = condition(object, "Failed") {
        let why = say("why.pod.failed-for").with("reason", if message.is_empty() { reason } else { message });
        return Finding::bad(why).evidence([reason.to_owned()]).remedy("logs", "do.logs");
    }
    if let Some(("True", ..)) = condition(object, "Complete") {
        return Finding { health: Health::Done, ..Finding::default() };
    }
    if object["spec"]["suspend"] == true {
        return Finding::warn(say("why.job.suspended"));
    }
    match number(&object["status"]["failed"]) {
        0 => Finding::default(),
        failed => Finding::warn(say("why.job.retries").with("failed", failed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_what_a_workload_lacks() {
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({"spec": {"replicas": 2}, "status": {"readyReplicas": 1, "updatedReplicas": 1, "conditions":
                [{"type": kind, "status": status, "reason": reason, "message": message}]}})
        };
        let counts = |ready: i64, updated: i64| json!({"spec": {"replicas": 2}, "status": {"readyReplicas": ready, "updatedReplicas": updated}});
        let held_back = |strategy: Value| json!({"spec": {"replicas": 3, "updateStrategy": strategy}, "status": {"readyReplicas": 3, "updatedReplicas": 1}});
        let partition = |of: i64| held_back(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": of}}));
        let table: [(fn(&Value) -> Finding, Value, Health, &str); 14] = [
            (deployment, counts(2, 2), Health::Ok, ""),
            (deployment, counts(1, 2), Health::Warn, "1 of 2 pods are ready"),
            (deployment, counts(2, 1), Health::Warn, "1 of 2 pods are up to date"),
            (
                deployment,
                condition("Progressing", "False", "ProgressDeadlineExceeded", "x"),
                Health::Bad,
                "its rollout is stuck: the new pods do not become ready",
            ),
            (
                replica_set,
                condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota"),
                Health::Bad,
                "its pods cannot be created: exceeded quota",
            ),
            (stateful_set, counts(0, 2), Health::Warn, "0 of 2 pods are ready"),
            (stateful_set, partition(2), Health::Ok, ""),
            (stateful_set, partition(1), Health::Warn, "1 of 2 pods are up to date"),
            (stateful_set, held_back(json!({"type": "OnDelete"})), Health::Ok, ""),
            (
                daemon_set,
                json!({"spec": {"updateStrategy": {"type": "OnDelete"}}, "status": {"desiredNumberScheduled": 3,
                    "numberReady": 3, "updatedNumberScheduled": 1}}),
                Health::Ok,
                "",
            ),
            (
                daemon_set,
                json!({"status": {"desiredNumberScheduled": 3, "numberReady": 3, "updatedNumberScheduled": 3}}),
                Health::Ok,
                "",
            ),
            (job, condition("Complete", "True", "", ""), Health::Done, ""),
            (job, condition("Failed", "True", "BackoffLimitExceeded", "too often"), Health::Bad, "failed: too often"),
            (job, json!({"status": {"failed": 2}}), Health::Warn, "2 of its pods have failed; it tries again"),
        ];
        for (assess, object, health, why) in table {
            let found = assess(&object);
            assert_eq!((found.health, found.why_text()), (health, why), "{object}");
        }
    }

    #[test]
    fn a_stuck_rollout_goes_back_only_where_there_was_a_revision_before() {
        for (revision, remedy) in [("1", "edit"), ("2", "roll-back")] {
            let object = json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": revision}}, "status":
                {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}});
            assert_eq!(deployment(&object).remedy.map(|remedy| remedy.action), Some(remedy));
        }
    }
}
