//! How `kubectl get pods` shows a pod.

use crate::kinds::cells::{age, or_none};
use crate::kinds::prelude::*;

/// Columns of pods.
pub(crate) const CELLS: &[OwnCell] = &[
    ("Ready", |pod| Summary::of(pod).ready.into()),
    ("Status", |pod| Summary::of(pod).status.into()),
    ("Restarts", |pod| Summary::of(pod).restarts.into()),
    ("IP", |pod| or_none(&pod["status"]["podIPs"][0], "ip")),
    ("Readiness Gates", readiness_gates),
];

/// The conditions of the row of a pod that ended.
pub(crate) fn finished(pod: &Value) -> Value {
    let message = match meta::text(pod, "status.phase") {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return Value::Null,
    };
    json!([{"type": "Completed", "status": "True", "reason": pod["status"]["phase"], "message": message}])
}

/// What the first columns say.
struct Summary {
    ready: String,
    status: String,
    restarts: String,
}

/// Restarts counted so far and when the last was.
#[derive(Default, Clone)]
struct Restarts {
    count: i64,
    last: String,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += int(&status["restartCount"]);
        let finished = meta::text(status, "lastState.terminated.finishedAt");
        if finished > self.last.as_str() {
            finished.clone_into(&mut self.last);
        }
    }
}

impl Summary {
    fn of(pod: &Value) -> Self {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let restartable = |name: &str| {
            items(&spec["initContainers"]).iter().any(|c| text(&c["name"]) == name && c["restartPolicy"] == "Always")
        };
        let sidecars = items(&spec["initContainers"]).iter().filter(|c| c["restartPolicy"] == "Always").count();
        let total = items(&spec["containers"]).len() + sidecars;
        let (mut ready, mut restarts, mut sidecar_restarts) = (0, Restarts::default(), Restarts::default());
        let mut reason = first_reason(status);
        let mut initializing = false;
        for (index, container) in items(&status["initContainerStatuses"]).iter().enumerate() {
            restarts.add(container);
            let sidecar = restartable(text(&container["name"]));
            if sidecar {
                sidecar_restarts.add(container);
            }
            match init_reason(container, sidecar, index, items(&spec["initContainers"]).len()) {
                Some(why) => {
                    (reason, initializing) = (why, true);
                    break;
                }
                None if sidecar && container["ready"] == true => ready += 1,
                None => {}
            }
        }
        if !initializing || meta::is_true(pod, "Initialized") {
            restarts = sidecar_restarts;
            let mut running = false;
            for container in items(&status["containerStatuses"]).iter().rev() {
                restarts.add(container);
                if let Some(why) = container_reason(container) {
                    reason = why;
                } else if container["ready"] == true && !container["state"]["running"].is_null() {
                    running = true;
                    ready += 1;
                }
            }
            if reason == "Completed" && running {
                let shown = if meta::is_true(pod, "Ready") { "Running" } else { "NotReady" };
                shown.clone_into(&mut reason);
            }
        }
        if meta::deletion_timestamp(pod).is_some() {
            if status["reason"] == "NodeLost" {
                "Unknown".clone_into(&mut reason);
            } else if !matches!(text(&status["phase"]), "Succeeded" | "Failed") {
                "Terminating".clone_into(&mut reason);
            }
        }
        let restarts = match restarts {
            Restarts { count, last } if count != 0 && !last.is_empty() => {
                format!("{count} ({} ago)", age(&last.into()))
            }
            Restarts { count, .. } => count.to_string(),
        };
        Self { ready: format!("{ready}/{total}"), status: reason, restarts }
    }
}

/// The pod's own reason, or its phase.
fn first_reason(status: &Value) -> String {
    let gated = |c: &Value| c["type"] == "PodScheduled" && c["reason"] == "SchedulingGated";
    if items(&status["conditions"]).iter().any(gated) {
        return "SchedulingGated".to_owned();
    }
    let own = text(&status["reason"]);
    if own.is_empty() { text(&status["phase"]) } else { own }.to_owned()
}

/// Why initialisation is not past this container; `None` when it is.
fn init_reason(container: &Value, sidecar: bool, index: usize, total: usize) -> Option<String> {
    let state = &container["state"];
    let waiting = meta::text(state, "waiting.reason");
    if state["terminated"].is_object() {
        return if int(&state["terminated"]["exitCode"]) == 0 {
            None
        } else {
            Some(format!("Init:{}", terminated_reason(&state["terminated"])))
        };
    }
    if sidecar && container["started"] == true {
        return None;
    }
    if waiting.is_empty() || waiting == "PodInitializing" {
        return Some(format!("Init:{index}/{total}"));
    }
    Some(format!("Init:{waiting}"))
}

/// What an ordinary container waits for or ended with.
fn container_reason(container: &Value) -> Option<String> {
    let state = &container["state"];
    match meta::text(state, "waiting.reason") {
        "" => state["terminated"].is_object().then(|| terminated_reason(&state["terminated"])),
        waiting => Some(waiting.to_owned()),
    }
}

fn terminated_reason(terminated: &Value) -> String {
    match (text(&terminated["reason"]), int(&terminated["signal"])) {
        ("", 0) => format!("ExitCode:{}", int(&terminated["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn readiness_gates(pod: &Value) -> Value {
    let gates = items(&pod["spec"]["readinessGates"]);
    if gates.is_empty() {
        return "<none>".into();
    }
    let met = gates.iter().filter(|gate| meta::is_true(pod, text(&gate["conditionType"]))).count();
    format!("{met}/{}", gates.len()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(pod: &Value, ready: &str, status: &str, restarts: &str) {
        let summary = Summary::of(pod);
        assert_eq!(
            (summary.ready.as_str(), summary.status.as_str(), summary.restarts.as_str()),
            (ready, status, restarts)
        );
    }

    #[test]
    fn status_reads_as_upstreams() {
        let spec = json!({"containers": [{"name": "a"}], "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]});
        let pod = |status: Value| json!({"spec": spec, "status": status});
        check(&pod(json!({"phase": "Pending"})), "0/2", "Pending", "0");
        check(
            &pod(json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]})),
            "0/2",
            "Init:0/2",
            "0",
        );
        check(
            &pod(
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
            ),
            "0/2",
            "Init:CrashLoopBackOff",
            "2",
        );
        let done = json!([
            {"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
            {"name": "s", "started": true, "ready": true, "state": {"running": {}}}
        ]);
        check(
            &pod(
                json!({"phase": "Running", "initContainerStatuses": done, "containerStatuses": [{"name": "a", "ready": true, "state": {"running": {}}}]}),
            ),
            "2/2",
            "Running",
            "0",
        );
    }

    #[test]
    fn crashes_completions_and_deletion_show() {
        let pod = |container: Value| json!({"spec": {"containers": [{"name": "a"}]}, "status": {"phase": "Running", "containerStatuses": [container]}});
        let minutes_ago =
            (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(125)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        check(
            &pod(
                json!({"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"finishedAt": minutes_ago}}}),
            ),
            "0/1",
            "CrashLoopBackOff",
            "3 (2m5s ago)",
        );
        check(&pod(json!({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}})), "0/1", "Completed", "0");
        check(&pod(json!({"state": {"terminated": {"exitCode": 3}}})), "0/1", "ExitCode:3", "0");
        let mut going = pod(json!({"ready": true, "state": {"running": {}}}));
        going["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        check(&going, "1/1", "Terminating", "0");
    }
}
