//! The rules of a job, each as a table row or a short story.

use super::*;
use crate::pods::tests::pod as make;
use cluster_client::Object;
use serde_json::{Value, json};

fn job(spec: Value, status: Value) -> Job {
    let mut full = json!({"template": {"spec": {"containers": [], "restartPolicy": "Never"}}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        full[key] = value.clone();
    }
    let value = json!({"metadata": {"name": "j", "namespace": "ns", "uid": "job"}, "spec": full, "status": status});
    serde_json::from_value(value).expect("a job")
}

fn at(now: &Time, seconds: i64) -> String {
    (now.0 - jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn pod(name: &str, phase: &str, tracked: bool, ended: Option<String>) -> Arc<Pod> {
    let finalizers: &[&str] = if tracked { &[TRACKING] } else { &[] };
    let state = json!({"terminated": {"exitCode": 1, "finishedAt": ended}});
    make(json!({"metadata": {"name": name, "uid": name, "finalizers": finalizers}, "status": {"phase": phase,
        "containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]}}))
}

fn conditions(plan: &Plan) -> Vec<String> {
    plan.status.conditions.iter().flatten().map(|c| format!("{}={} {}", c.type_, c.status, c.reason())).collect()
}

#[test]
fn enough_pods_are_kept_at_work() {
    let now = meta::now();
    // parallelism, completions, succeeded before, running: created, deleted
    let cases = [
        (json!(3), json!(5), 0, 0, (3, 0)),
        (json!(3), json!(5), 3, 1, (1, 0)),
        (json!(3), json!(5), 4, 0, (1, 0)),
        (json!(1), json!(5), 0, 3, (0, 2)),
        (json!(2), json!(null), 0, 0, (2, 0)),
        (json!(2), json!(null), 1, 1, (0, 0)),
        (json!(0), json!(5), 0, 2, (0, 2)),
    ];
    for (parallelism, completions, succeeded, running, expected) in cases {
        let spec = json!({"parallelism": parallelism, "completions": completions});
        let job = job(spec, json!({"succeeded": succeeded}));
        let pods: Vec<_> = (0..running).map(|n| pod(&format!("p{n}"), "Running", true, None)).collect();
        let plan = plan(&job, &pods, true, &now);
        assert_eq!(
            (plan.create.len(), plan.delete.len()),
            expected,
            "{parallelism} {completions} {succeeded} {running}"
        );
        let unsettled = super::plan(&job, &pods, false, &now);
        assert!(unsettled.create.is_empty() && unsettled.delete.is_empty());
    }
}

#[test]
fn a_pod_is_noted_then_freed_then_counted_and_only_then_is_the_job_complete() {
    let now = meta::now();
    let spec = json!({"parallelism": 1, "completions": 1});
    let first = plan(&job(spec.clone(), json!({})), &[pod("p", "Succeeded", true, None)], true, &now);
    let uncounted = first.status.uncounted_terminated_pods.clone().expect("set");
    assert_eq!(uncounted.succeeded, Some(vec!["p".to_owned()]));
    assert_eq!((first.free.len(), first.create.len(), first.status.succeeded), (1, 0, None));
    assert_eq!(conditions(&first), ["SuccessCriteriaMet=True CompletionsReached"]);

    let status = serde_json::to_value(&first.status).expect("json");
    let second = plan(&job(spec, status), &[pod("p", "Succeeded", false, None)], true, &now);
    assert_eq!((second.status.succeeded, second.free.len()), (Some(1), 0));
    assert_eq!(conditions(&second)[1], "Complete=True CompletionsReached");
    assert!(second.status.completion_time.is_some());
    assert_eq!(second.events, [("Normal", "Completed".to_owned(), "Job completed".to_owned())]);
}

#[test]
fn a_job_fails_for_its_limits_once_its_pods_are_gone() {
    let now = meta::now();
    let failed: Vec<_> = (0..2).map(|n| pod(&format!("f{n}"), "Failed", false, Some(at(&now, 999)))).collect();
    let started = json!({"startTime": at(&now, 100), "failed": 2});
    let cases = [
        (json!({"backoffLimit": 1}), "BackoffLimitExceeded"),
        (json!({"backoffLimit": 2, "activeDeadlineSeconds": 100}), "DeadlineExceeded"),
        (json!({"backoffLimit": 2, "activeDeadlineSeconds": 101}), ""),
        (json!({"backoffLimit": 2}), ""),
    ];
    for (spec, reason) in cases {
        let text = spec.to_string();
        let plan = plan(&job(spec.clone(), started.clone()), &failed, true, &now);
        match reason {
            "" => assert_eq!((conditions(&plan), plan.create.len()), (vec![], 1), "{text}"),
            reason => {
                assert_eq!(
                    conditions(&plan),
                    [format!("FailureTarget=True {reason}"), format!("Failed=True {reason}")]
                );
            }
        }
        let with_running = [failed.clone(), vec![pod("r", "Running", true, None)]].concat();
        let waiting = super::plan(&job(spec, started.clone()), &with_running, true, &now);
        assert_eq!(
            (conditions(&waiting).len(), waiting.delete.len()),
            (usize::from(!reason.is_empty()), usize::from(!reason.is_empty()))
        );
    }
}

#[test]
fn a_failed_pod_is_replaced_after_a_growing_pause() {
    let now = meta::now();
    for (failures, ago, expected) in [(1, 4, Some(6)), (1, 11, None), (3, 15, Some(25)), (3, 41, None)] {
        let pods: Vec<_> = (0..failures).map(|n| pod(&format!("f{n}"), "Failed", false, Some(at(&now, ago)))).collect();
        let plan = plan(&job(json!({}), json!({"failed": failures})), &pods, true, &now);
        assert_eq!((plan.again.map(|again| again.as_secs()), plan.create.is_empty()), (expected, expected.is_some()));
    }
}

#[test]
fn a_suspended_job_has_no_pods_and_its_clock_starts_anew() {
    let now = meta::now();
    let running = [pod("r", "Running", true, None)];
    let first = plan(&job(json!({"suspend": true}), json!({"startTime": at(&now, 9)})), &running, true, &now);
    assert_eq!((first.delete.len(), first.status.start_time.is_none()), (1, true));
    assert_eq!(conditions(&first), ["Suspended=True JobSuspended"]);
    let status = serde_json::to_value(&first.status).expect("json");
    let second = plan(&job(json!({"suspend": false}), status), &[], true, &now);
    assert_eq!(conditions(&second), ["Suspended=False JobResumed"]);
    assert_eq!((second.create.len(), second.status.start_time.is_some()), (1, true));
}

fn indexed(name: &str, phase: &str, index: u32, notes: impl Iterator<Item = (String, String)>) -> Arc<Pod> {
    let mut pod = (*pod(name, phase, true, Some("2026-01-01T00:00:00Z".to_owned()))).clone();
    pod.metadata.annotations = Some(notes.chain([(indexes::INDEX.to_owned(), index.to_string())]).collect());
    Arc::new(pod)
}

fn created(plan: &Plan) -> Vec<u32> {
    plan.create.iter().flatten().map(|(index, _)| *index).collect()
}

#[test]
fn every_index_is_worked_on_once() {
    let now = meta::now();
    let indexed = |name: &str, phase: &str, index: u32| indexed(name, phase, index, std::iter::empty());
    let spec = json!({"completionMode": "Indexed", "parallelism": 4, "completions": 6});
    let pods = [indexed("a", "Succeeded", 1), indexed("b", "Running", 2)];
    let plan = plan(&job(spec, json!({"completedIndexes": "0", "succeeded": 1})), &pods, true, &now);
    assert_eq!((plan.status.completed_indexes.as_deref(), plan.status.succeeded), (Some("0,1"), Some(2)));
    assert_eq!(created(&plan), [3, 4, 5]);
    assert_eq!(plan.free.len(), 1);
}

#[test]
fn a_job_that_shrinks_ends_what_is_beyond_it() {
    let now = meta::now();
    let pods: Vec<_> = (0..4).map(|n| indexed(&format!("p{n}"), "Running", n, std::iter::empty())).collect();
    let twin = indexed("twin", "Running", 1, std::iter::empty());
    let spec = json!({"completionMode": "Indexed", "parallelism": 3, "completions": 3});
    let plan = plan(&job(spec, json!({})), &[pods, vec![twin]].concat(), true, &now);
    let gone: Vec<_> = plan.delete.iter().map(|pod| pod.name()).collect();
    assert_eq!((gone, created(&plan)), (vec!["p3", "twin"], vec![]));
}

#[test]
fn an_index_is_given_up_after_its_own_limit_and_the_others_go_on() {
    let now = meta::now();
    let spec = json!({"completionMode": "Indexed", "parallelism": 2, "completions": 2, "backoffLimit": 99,
        "backoffLimitPerIndex": 1, "maxFailedIndexes": 1});
    let first = [indexed("a", "Failed", 0, std::iter::empty()), indexed("b", "Running", 1, std::iter::empty())];
    let once = plan(&job(spec.clone(), json!({})), &first, true, &now);
    assert_eq!((created(&once), once.free.len()), (vec![0], 0), "the failed pod stays until its successor is there");
    let (_, failures) = once.create[0].expect("an index");

    let again = [first[0].clone(), first[1].clone(), indexed("c", "Failed", 0, failures.notes())];
    let twice = plan(&job(spec.clone(), json!({})), &again, true, &now);
    assert_eq!((twice.status.failed_indexes.as_deref(), created(&twice)), (Some("0"), vec![]));
    let freed: Vec<_> = twice.free.iter().map(|pod| pod.name()).collect();
    assert_eq!((freed, conditions(&twice)), (vec!["a", "c"], vec![]));

    let last = [indexed("b", "Succeeded", 1, std::iter::empty())];
    let end = plan(&job(spec.clone(), json!({"failedIndexes": "0"})), &last, true, &now);
    assert_eq!(conditions(&end), ["FailureTarget=True FailedIndexes", "Failed=True FailedIndexes"]);
    let both = plan(&job(spec, json!({"failedIndexes": "0,1"})), &[], true, &now);
    assert_eq!(conditions(&both)[0], "FailureTarget=True MaxFailedIndexesExceeded");
}

#[test]
fn a_success_policy_ends_a_job_before_all_is_done() {
    let now = meta::now();
    let spec = json!({"completionMode": "Indexed", "parallelism": 3, "completions": 3,
        "successPolicy": {"rules": [{"succeededIndexes": "1"}]}});
    let pods = [indexed("a", "Running", 0, std::iter::empty()), indexed("b", "Succeeded", 1, std::iter::empty())];
    let first = plan(&job(spec.clone(), json!({})), &pods, true, &now);
    assert_eq!((conditions(&first), first.delete.len()), (vec!["SuccessCriteriaMet=True SuccessPolicy".to_owned()], 1));
    let status = serde_json::to_value(&first.status).expect("json");
    let second = plan(&job(spec, status), &[], true, &now);
    assert_eq!(conditions(&second)[1], "Complete=True SuccessPolicy");

    let all = json!({"completionMode": "Indexed", "parallelism": 1, "completions": 1,
        "successPolicy": {"rules": [{"succeededIndexes": "0"}]}});
    let done = plan(&job(all, json!({})), &[indexed("a", "Succeeded", 0, std::iter::empty())], true, &now);
    assert_eq!(conditions(&done)[0], "SuccessCriteriaMet=True SuccessPolicy");
}
