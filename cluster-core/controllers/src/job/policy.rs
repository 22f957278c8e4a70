//! What a failed pod means for its job: the pod failure policy.

use crate::prelude::*;

/// What is done about a failed pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Count,
    Ignore,
    FailIndex,
    FailJob(String),
}

/// The first rule that fits decides; without one the failure counts.
pub(super) fn judge(job: &Job, pod: &Pod) -> Action {
    let policy = job.spec.as_ref().and_then(|spec| spec.pod_failure_policy.as_ref());
    if pods::phase(pod) != "Failed" {
        return Action::Count;
    }
    for (index, rule) in policy.iter().flat_map(|policy| &policy.rules).enumerate() {
        let Some(why) = matches(rule, pod) else { continue };
        return match rule.action.as_str() {
            "Ignore" => Action::Ignore,
            "FailIndex" => Action::FailIndex,
            "FailJob" => Action::FailJob(format!("{why} matching FailJob rule at index {index}")),
            _ => Action::Count,
        };
    }
    Action::Count
}

fn matches(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if let Some(wanted) = &rule.on_exit_codes {
        let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
        let concerned = |container: &&ContainerStatus| {
            wanted.container_name.as_deref().is_none_or(|name| name.is_empty() || name == container.name)
        };
        for container in containers.filter(concerned) {
            let ended = container.state.as_ref().and_then(|state| state.terminated.as_ref());
            let Some(code) = ended.map(|ended| ended.exit_code).filter(|code| *code != 0) else { continue };
            if wanted.values.contains(&code) == (wanted.operator == "In") {
                let pod = pod.key();
                return Some(format!("Container {} for pod {pod} failed with exit code {code}", container.name));
            }
        }
    }
    for wanted in rule.on_pod_conditions.iter().flatten() {
        let state = wanted.status.as_deref().unwrap_or("True");
        let mut conditions = status.conditions.iter().flatten();
        if conditions.any(|condition| condition.type_ == wanted.type_ && condition.status == state) {
            return Some(format!("Pod {} has condition {}", pod.key(), wanted.type_));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;
    use serde_json::json;

    #[test]
    fn the_first_matching_rule_decides() {
        let job: Job =
            serde_json::from_value(json!({"metadata": {}, "spec": {"template": {}, "podFailurePolicy": {"rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
                {"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [7]}},
                {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}},
            ]}}}))
            .expect("a job");
        let failed = |code: i32, condition: &str| {
            pod(json!({"metadata": {"name": "p", "namespace": "ns"}, "status": {"phase": "Failed",
                "conditions": [{"type": condition, "status": "True"}],
                "containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": {"exitCode": code}}}]}}))
        };
        assert_eq!(judge(&job, &failed(1, "DisruptionTarget")), Action::Ignore);
        let why = "Container c for pod ns/p failed with exit code 42 matching FailJob rule at index 1";
        assert_eq!(judge(&job, &failed(42, "x")), Action::FailJob(why.into()));
        assert_eq!(judge(&job, &failed(3, "x")), Action::Count);
        assert_eq!(judge(&job, &failed(7, "x")), Action::Ignore);
    }
}
