//! Why a pod does not run.

use super::{Finding, Health, condition, number, text};
use crate::prelude::*;

pub(super) fn pod(pod: &Value) -> Finding {
    let status = &pod["status"];
    match text(&status["phase"]) {
        "Succeeded" => return Finding { health: Health::Done, ..Finding::default() },
        "Failed" => return failed(pod),
        _ => {}
    }
    if let Some(("False", reason, message)) = condition(pod, "PodScheduled") {
        return unscheduled(reason, message);
    }
    let containers = ["initContainerStatuses", "containerStatuses"].map(|field| meta::items(&status[field]).iter());
    let findings = containers.into_iter().flatten().filter_map(|status| {
        let name = Some(text(&status["name"]).to_owned());
        Some(Finding { container: name, ..container(status)? })
    });
    // The worst one tells most.
    if let Some(worst) = findings.min_by_key(|finding| finding.health) {
        return worst;
    }
    not_ready(pod)
}

fn failed(pod: &Value) -> Finding {
    let status = &pod["status"];
    let (reason, message) = (text(&status["reason"]), text(&status["message"]));
    if !reason.is_empty() {
        let why = match reason {
            "Evicted" => say("why.pod.evicted"),
            _ => say("why.pod.failed-for").with("reason", reason),
        };
        return Finding::bad(why.because(message)).remedy("delete", "do.delete-pod");
    }
    let [first, then] = ["initContainerStatuses", "containerStatuses"].map(|field| meta::items(&status[field]));
    let mut containers = first.iter().chain(then);
    let ended = containers.find(|status| number(&status["state"]["terminated"]["exitCode"]) != 0);
    let why = ended.map_or_else(
        || say("why.pod.failed"),
        |status| has_ended(text(&status["name"]), &status["state"]["terminated"]),
    );
    Finding::bad(why).remedy("logs", "do.logs")
}

/// The scheduler's reasons, each with its number of nodes.
fn unscheduled(reason: &str, message: &str) -> Finding {
    if reason == "SchedulingGated" {
        return Finding::warn(say("why.pod.gated"));
    }
    let Some((nodes, reasons)) = message.split_once(" nodes are available: ") else {
        return Finding::bad(say("why.pod.no-node").because(message));
    };
    let (reasons, rest) = reasons.split_once(". ").unwrap_or((reasons.trim_end_matches('.'), ""));
    let reasons: Vec<String> = reasons.split(", ").map(str::to_owned).collect();
    let total = nodes.split('/').nth(1).unwrap_or(nodes);
    let why = say("why.pod.fits-nowhere").with("nodes", total).with("reasons", reasons.join(", "));
    let finding = Finding::bad(why).evidence(reasons.clone()).evidence([rest.to_owned()]);
    let has = |word: &str| reasons.iter().any(|reason| reason.contains(word));
    if has("Insufficient") || has("unschedulable") {
        return finding.remedy("add-node", "do.add-node");
    }
    finding.remedy("edit", "do.edit-requests")
}

/// What is wrong with one container; nothing when it runs, has ended well or waits for its turn.
fn container(status: &Value) -> Option<Finding> {
    let (name, state, last) = (text(&status["name"]), &status["state"], &status["lastState"]["terminated"]);
    let restarts = number(&status["restartCount"]);
    let waiting = &state["waiting"];
    if waiting.is_object() {
        let (reason, message) = (text(&waiting["reason"]), text(&waiting["message"]));
        return Some(match reason {
            "" | "PodInitializing" => return None,
            "ContainerCreating" => Finding::warn(say("why.pod.creating")),
            "CrashLoopBackOff" => crash_loop(name, restarts, last),
            "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName" => {
                let why = say("why.container.image").with("image", text(&status["image"]));
                Finding::bad(why.saying("answer", &registry(message)))
                    .evidence([format!("container {name}: {reason}"), message.to_owned()])
                    .remedy("load-image", "do.load-image")
            }
            _ => {
                let why = say("why.container.cannot-start").with("name", name).with("reason", reason);
                // What a running pod names cannot be edited.
                let absent = ["configmap \"", "secret \""].iter().any(|kind| message.starts_with(kind));
                let finding = Finding::bad(why.because(message)).evidence([message.to_owned()]);
                if absent && message.ends_with("\" not found") {
                    finding.remedy("create-missing", "do.create-missing")
                } else {
                    finding.remedy("edit", "do.edit")
                }
            }
        });
    }
    let ended = &state["terminated"];
    if ended.is_object() && number(&ended["exitCode"]) != 0 {
        return Some(Finding::bad(has_ended(name, ended)).evidence(hint(ended)).remedy("logs", "do.logs"));
    }
    let killed = text(&last["reason"]) == "OOMKilled" && state["running"].is_object() && status["ready"] != true;
    killed.then(|| crash_loop(name, restarts, last))
}

fn crash_loop(name: &str, restarts: i64, last: &Value) -> Finding {
    let times = match restarts {
        1 => say("why.container.once"),
        _ => say("why.container.times").with("times", restarts),
    };
    let why = say("why.container.again").with("name", name).saying("how", &ending(last)).saying("times", &times);
    let finding = Finding::bad(why).evidence(hint(last));
    if text(&last["reason"]) == "OOMKilled" {
        return finding.remedy("edit", "do.raise-memory");
    }
    finding.remedy("previous-logs", "do.previous-logs")
}

fn has_ended(name: &str, ended: &Value) -> Saying {
    say("why.container.ended").with("name", name).saying("how", &ending(ended))
}

/// How a container ended.
fn ending(ended: &Value) -> Saying {
    match (text(&ended["reason"]), number(&ended["exitCode"]), number(&ended["signal"])) {
        ("OOMKilled", ..) => say("why.ended.memory"),
        ("StartError" | "ContainerCannotRun", ..) => say("why.ended.not-started").because(text(&ended["message"])),
        (_, 0, 0) => say("why.ended.well"),
        (_, 127, _) => say("why.ended.not-found"),
        (_, 126, _) => say("why.ended.not-executable"),
        (_, 137, _) => say("why.ended.killed"),
        (_, 139, _) => say("why.ended.crashed"),
        (_, code, _) => say("why.ended.code").with("code", code),
    }
}

/// The last lines a container left as its message.
fn hint(ended: &Value) -> Vec<String> {
    let lines = text(&ended["message"]).lines().rev().filter(|line| !line.trim().is_empty()).take(3);
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.reverse();
    lines
}

/// What the registry answered, without the wrapping of those who passed it on.
fn registry(message: &str) -> Saying {
    let answer = message.rsplit("Error response from daemon: ").next().unwrap_or(message);
    let answer = answer.rsplit_once("ErrImagePull: ").map_or(answer, |(_, rest)| rest);
    // The line says already that there is no image, and which.
    let answer = answer
        .strip_prefix("failed to pull image ")
        .and_then(|rest| rest.split_once(": "))
        .map_or(answer, |(_, rest)| rest);
    if answer.is_empty() { say("why.container.no-answer") } else { Saying::verbatim(answer) }
}

/// A pod whose containers run, as far as anybody knows.
fn not_ready(pod: &Value) -> Finding {
    let statuses = meta::items(&pod["status"]["containerStatuses"]);
    let waiting: Vec<&str> =
        statuses.iter().filter(|status| status["ready"] != true).map(|status| text(&status["name"])).collect();
    match condition(pod, "Ready") {
        Some(("True", ..)) => Finding::default(),
        Some((_, "ReadinessGatesNotReady", message)) => Finding::warn(say("why.pod.readiness-gate").because(message)),
        _ if statuses.is_empty() => Finding::warn(say("why.pod.creating")),
        Some((_, _, message)) if waiting.is_empty() => Finding::warn(say("why.pod.not-ready").because(message)),
        _ => {
            let why = match waiting.as_slice() {
                [one] => say("why.container.not-ready").with("name", one),
                many => say("why.containers.not-ready").with("names", many.join(", ")),
            };
            Finding::warn(why).remedy("logs", "do.logs")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn waiting(reason: &str, message: &str, last: Value) -> Value {
        json!({"status": {"phase": "Pending", "containerStatuses": [{
            "name": "web", "image": "shop:2", "restartCount": 4, "ready": false,
            "state": {"waiting": {"reason": reason, "message": message}}, "lastState": {"terminated": last},
        }]}})
    }

    #[test]
    fn a_line_says_why_a_pod_does_not_run() {
        let unscheduled = |message: &str| {
            json!({"status": {"phase": "Pending", "conditions":
                [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}})
        };
        let exit =
            |code: i64, reason: &str| json!({"exitCode": code, "reason": reason, "message": "first\n\nlast words\n"});
        let running = |ready: bool| {
            json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                "containerStatuses": [{"name": "web", "ready": ready, "state": {"running": {}}}]}})
        };
        let table = [
            (running(true), Health::Ok, "", None),
            (running(false), Health::Warn, "runs, but container web is not ready yet", Some("logs")),
            (json!({"status": {"phase": "Succeeded"}}), Health::Done, "", None),
            (
                json!({"status": {"phase": "Failed",
                    "initContainerStatuses": [{"name": "prepare", "state": {"terminated": exit(3, "Error")}}]}}),
                Health::Bad,
                "container prepare ended with exit code 3",
                Some("logs"),
            ),
            (json!({"status": {"phase": "Pending"}}), Health::Warn, "is being created", None),
            (waiting("ContainerCreating", "", Value::Null), Health::Warn, "is being created", None),
            (
                waiting("CrashLoopBackOff", "back-off 40s", exit(3, "Error")),
                Health::Bad,
                "container web ended with exit code 3; started again 4 times",
                Some("previous-logs"),
            ),
            (
                waiting("CrashLoopBackOff", "", exit(137, "OOMKilled")),
                Health::Bad,
                "container web was killed: it used more memory than its limit; started again 4 times",
                Some("edit"),
            ),
            (
                waiting(
                    "ImagePullBackOff",
                    "Back-off pulling image \"shop:2\": ErrImagePull: failed to pull image \"shop:2\": manifest unknown",
                    Value::Null,
                ),
                Health::Bad,
                "cannot get the image shop:2: manifest unknown",
                Some("load-image"),
            ),
            (
                waiting("CreateContainerConfigError", "configmap \"x\" not found", Value::Null),
                Health::Bad,
                "container web cannot start: CreateContainerConfigError: configmap \"x\" not found",
                Some("create-missing"),
            ),
            (
                waiting("RunContainerError", "no such program", Value::Null),
                Health::Bad,
                "container web cannot start: RunContainerError: no such program",
                Some("edit"),
            ),
            (
                unscheduled(
                    "0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient cpu. preemption: none",
                ),
                Health::Bad,
                "fits on none of 3 nodes: 1 node(s) had untolerated taint {a: b}, 2 Insufficient cpu",
                Some("add-node"),
            ),
            (
                unscheduled("0/1 nodes are available: 1 node(s) were unschedulable."),
                Health::Bad,
                "fits on none of 1 nodes: 1 node(s) were unschedulable",
                Some("add-node"),
            ),
            (
                json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}}),
                Health::Bad,
                "was evicted: low on memory",
                Some("delete"),
            ),
        ];
        for (object, health, why, remedy) in table {
            let found = pod(&object);
            assert_eq!((found.health, found.why_text()), (health, why), "{object}");
            assert_eq!(found.remedy.map(|remedy| remedy.action), remedy, "{object}");
        }
    }

    #[test]
    fn evidence_has_the_last_words_and_every_reason_of_the_scheduler() {
        let crashed = pod(&waiting("CrashLoopBackOff", "", json!({"exitCode": 1, "message": "first\n\nlast words\n"})));
        assert_eq!(crashed.evidence, ["first", "last words"]);
        let found = unscheduled("Unschedulable", "0/3 nodes are available: 1 a, 2 b. preemption: c");
        assert_eq!(found.evidence, ["1 a", "2 b", "preemption: c"]);
    }
}
