//! What a job's status may become: whoever writes it, what ended stays ended and what was counted stays counted.

use super::job_policies::{count_indexes, intervals};
use crate::kinds::prelude::*;

fn finished(job: &Value) -> bool {
    meta::is_true(job, "Complete") || meta::is_true(job, "Failed")
}

/// Faults of a change of the status. What did not change is not judged, since a change of the spec may have made it
/// wrong, and the controller needs a write to mend it.
pub(super) fn check(at: &At<'_>, old: &Value, errors: &mut Errors) {
    let (spec, status, was) = (&at.value["spec"], at.get("status"), &old["status"]);
    let changed = |field: &str| {
        let (now, was) = (&status.value[field], &was[field]);
        now != was && !(is_empty(now) && is_empty(was))
    };
    let (is, had) = (|kind: &str| meta::is_true(at.value, kind), |kind: &str| meta::is_true(old, kind));
    let flips = |kind: &str| is(kind) != had(kind);
    let both = |one: &str, other: &str| (flips(one) || flips(other)) && is(one) && is(other);
    let alone = |last: &str, first: &str| (flips(last) || flips(first)) && is(last) && !is(first);
    let (complete, met, was_met) = (is("Complete"), is("SuccessCriteriaMet"), had("SuccessCriteriaMet"));
    let conditions = status.get("conditions").path;
    let verdict = |why: &str| Error::new(&conditions, Reason::Invalid, format!("Invalid value: {why}"));
    let ended =
        |kind: &str| (had(kind) && !is(kind), verdict(&format!("cannot disable the terminal {kind}=True condition")));
    let [start, end, ready, succeeded] =
        ["startTime", "completionTime", "ready", "succeeded"].map(|field| status.get(field));
    let time = |at: &At<'_>| at.text().parse::<Timestamp>().ok();
    let backwards = time(&start).zip(time(&end)).is_some_and(|(start, end)| end < start);
    let (start_changed, end_changed) = (changed("startTime"), changed("completionTime"));
    let completes = flips("Complete") || end_changed;
    // The pods of a job whose indexes are all run at once go with the indexes when it is made smaller.
    let shrinks = text(&spec["completionMode"]) == "Indexed" && spec["completions"] == spec["parallelism"];

    uncounted(&status.get("uncountedTerminatedPods"), errors);
    errors.extend(those([
        (both("Complete", "Failed"), verdict("cannot set Complete=True and Failed=true conditions")),
        (both("Complete", "FailureTarget"), verdict("cannot set Complete=True and FailureTarget=true conditions")),
        (
            completes && end.is_set() && !complete,
            end.invalid("cannot set completionTime when there is no Complete=True condition"),
        ),
        (completes && complete && !end.is_set(), end.missing("completionTime is required for Complete jobs")),
        ((start_changed || end_changed) && backwards, end.invalid("completionTime cannot be set before startTime")),
        (
            alone("Failed", "FailureTarget"),
            verdict("cannot set Failed=True condition without the FailureTarget=true condition"),
        ),
        (
            alone("Complete", "SuccessCriteriaMet"),
            verdict("cannot set Complete=True condition without the SuccessCriteriaMet=true condition"),
        ),
    ]));
    if finished(at.value) {
        at_the_end(&status, &|field| finished(old) != finished(at.value) || changed(field), errors);
    }
    indexes(spec, &status, &changed, errors);
    let more_ready = (changed("ready") || changed("active")) && ready.int() > int(&status.value["active"]);
    let fewer = !shrinks && int(succeeded.value) < int(&was["succeeded"]);
    let ends_again = end.is_set() && !was["completionTime"].is_null() && end_changed;
    let starts_again = !was["startTime"].is_null() && start_changed && spec["suspend"] != true;
    errors.extend(those([
        (more_ready, ready.invalid("cannot set more ready pods than active")),
        (met && is("Failed"), verdict("cannot set SuccessCriteriaMet=True and Failed=true conditions")),
        (met && is("FailureTarget"), verdict("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")),
        (
            !spec["successPolicy"].is_null() && !met && complete,
            verdict("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"),
        ),
        ended("Failed"),
        ended("Complete"),
        ended("FailureTarget"),
        (fewer, succeeded.invalid_number("cannot decrease the succeeded counter")),
        (ends_again, end.invalid("completionTime cannot be mutated")),
        (starts_again, start.missing("startTime cannot be removed for unsuspended job")),
        (was_met && !met, verdict("cannot disable the SuccessCriteriaMet=True condition")),
        (
            had("Complete") && !was_met && met,
            verdict("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"),
        ),
    ]));
}

/// The faults that there are.
fn those<const N: usize>(faults: [(bool, Error); N]) -> impl Iterator<Item = Error> {
    faults.into_iter().filter_map(|(found, fault)| found.then_some(fault))
}

/// No pod waits twice to be counted.
fn uncounted(pods: &At<'_>, errors: &mut Errors) {
    let mut seen = Vec::new();
    for pod in ["succeeded", "failed"].iter().flat_map(|list| pods.get(list).items().collect::<Vec<_>>()) {
        if pod.is_empty() {
            errors.push(pod.invalid("must not be empty"));
        } else {
            pod.unique(&mut seen, pod.text().to_owned(), errors);
        }
    }
}

/// What a job that is over may not have, of what changed.
fn at_the_end(status: &At<'_>, changed: &dyn Fn(&str) -> bool, errors: &mut Errors) {
    let [active, start, uncounted, terminating] =
        ["active", "startTime", "uncountedTerminatedPods", "terminating"].map(|field| status.get(field));
    let lists = ["succeeded", "failed"].map(|list| &uncounted.value[list]);
    let left = changed("uncountedTerminatedPods") && lists.iter().any(|list| !is_empty(list));
    let shown = json!({"Succeeded": lists[0], "Failed": lists[1]});
    let why = "uncountedTerminatedPods needs to be empty for finished job";
    errors.extend(those([
        (changed("active") && active.int() > 0, active.invalid("active>0 is invalid for finished job")),
        (changed("startTime") && !start.is_set(), start.missing("startTime is required for finished job")),
        (left, Error::invalid(&uncounted.path, &shown, why)),
        (
            changed("terminating") && terminating.int() > 0,
            terminating.invalid("terminating>0 is invalid for finished job"),
        ),
    ]));
}

fn indexes(spec: &Value, status: &At<'_>, changed: &dyn Fn(&str) -> bool, errors: &mut Errors) {
    let [done, failed] = ["completedIndexes", "failedIndexes"].map(|field| status.get(field));
    let completions = spec["completions"].as_i64();
    let per_index = !spec["backoffLimitPerIndex"].is_null();
    for (field, name, fits) in [(&done, "completedIndexes", true), (&failed, "failedIndexes", per_index)] {
        if let Some(completions) = completions.filter(|_| fits && changed(name))
            && let Err(why) = count_indexes(field.text(), completions)
        {
            errors.push(field.invalid(&format!("error parsing {name}: {why}")));
        }
    }
    if changed("completedIndexes") && !done.is_empty() && text(&spec["completionMode"]) != "Indexed" {
        errors.push(done.invalid("cannot set non-empty completedIndexes when non-indexed completion mode"));
    }
    if changed("failedIndexes") && failed.is_set() && !per_index {
        errors.push(failed.invalid("cannot set non-null failedIndexes when backoffLimitPerIndex is null"));
    }
    if let Some(completions) = completions.filter(|_| changed("completedIndexes") || changed("failedIndexes")) {
        let both = |a: &(i64, i64)| {
            let meets = |b: &(i64, i64)| (a.0 <= b.1 && b.0 <= a.1).then(|| a.0.max(b.0));
            intervals(failed.text(), completions).flatten().find_map(|b| meets(&b))
        };
        if let Some(index) = intervals(done.text(), completions).flatten().find_map(|a| both(&a)) {
            errors.push(failed.invalid(&format!("failedIndexes and completedIndexes overlap at index: {index}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "2026-01-01T00:00:00Z";
    const END: &str = "2026-01-01T00:01:00Z";

    fn verdicts(kinds: &[&str]) -> Value {
        kinds.iter().map(|kind| json!({"type": kind, "status": "True"})).collect()
    }

    fn faults(spec: &Value, old: &Value, new: &Value) -> Vec<String> {
        let job = |status: &Value| json!({"spec": spec, "status": status});
        let mut errors = Errors::new();
        check(&At::root(&job(new)), &job(old), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_ended_stays_ended_and_is_told_in_upstreams_words() {
        let done = json!({"startTime": START, "completionTime": END, "succeeded": 1, "uncountedTerminatedPods": {},
            "conditions": verdicts(&["SuccessCriteriaMet", "Complete"])});
        let failed = json!({"startTime": START, "failed": 1, "conditions": verdicts(&["FailureTarget", "Failed"])});
        let with = |status: &Value, fields: Value| {
            let mut status = status.clone();
            status.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
            status
        };
        let running = json!({"startTime": START, "active": 2, "ready": 1});
        let (all, plain) = (&["Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"], json!({}));
        let table: [(&Value, Value, &[&str]); 16] = [
            (&running, done.clone(), &[]),
            (&running, failed.clone(), &[]),
            (&plain, running.clone(), &[]),
            (&done, with(&done, json!({"ready": 0, "active": 0})), &[]),
            (
                &running,
                with(&done, json!({"conditions": verdicts(all)})),
                &[
                    "conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
                    "conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions",
                    "conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions",
                    "conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
                ],
            ),
            (
                &running,
                with(&failed, json!({"conditions": verdicts(&["Failed"])})),
                &[
                    "conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
                ],
            ),
            (
                &running,
                with(&done, json!({"conditions": verdicts(&["Complete"])})),
                &[
                    "conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
                ],
            ),
            (
                &plain,
                json!({"conditions": verdicts(&["SuccessCriteriaMet", "Complete"]), "active": 1, "terminating": 2,
                    "uncountedTerminatedPods": {"failed": ["a"]}}),
                &[
                    "completionTime: Required value: completionTime is required for Complete jobs",
                    "active: Invalid value: 1: active>0 is invalid for finished job",
                    "startTime: Required value: startTime is required for finished job",
                    "uncountedTerminatedPods: Invalid value: {\"Failed\":[\"a\"],\"Succeeded\":null}: uncountedTerminatedPods needs to be empty for finished job",
                    "terminating: Invalid value: 2: terminating>0 is invalid for finished job",
                ],
            ),
            (
                &running,
                with(&running, json!({"completionTime": END})),
                &[
                    "completionTime: Invalid value: \"2026-01-01T00:01:00Z\": cannot set completionTime when there is no Complete=True condition",
                ],
            ),
            (
                &running,
                with(&done, json!({"completionTime": "2025-01-01T00:00:00Z"})),
                &[
                    "completionTime: Invalid value: \"2025-01-01T00:00:00Z\": completionTime cannot be set before startTime",
                ],
            ),
            (
                &done,
                with(&done, json!({"completionTime": "2026-01-01T00:02:00Z"})),
                &["completionTime: Invalid value: \"2026-01-01T00:02:00Z\": completionTime cannot be mutated"],
            ),
            (
                &done,
                json!({"succeeded": 0}),
                &[
                    "conditions: Invalid value: cannot disable the terminal Complete=True condition",
                    "succeeded: Invalid value: 0: cannot decrease the succeeded counter",
                    "startTime: Required value: startTime cannot be removed for unsuspended job",
                    "conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
                ],
            ),
            (
                &running,
                with(&running, json!({"ready": 3})),
                &["ready: Invalid value: 3: cannot set more ready pods than active"],
            ),
            (
                &running,
                with(&running, json!({"completedIndexes": "0", "failedIndexes": "1"})),
                &[
                    "completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when non-indexed completion mode",
                    "failedIndexes: Invalid value: \"1\": cannot set non-null failedIndexes when backoffLimitPerIndex is null",
                ],
            ),
            (
                &running,
                with(&running, json!({"uncountedTerminatedPods": {"succeeded": ["a", ""], "failed": ["a"]}})),
                &[
                    "uncountedTerminatedPods.succeeded[1]: Invalid value: \"\": must not be empty",
                    "uncountedTerminatedPods.failed[0]: Duplicate value: \"a\"",
                ],
            ),
            (
                &json!({"conditions": verdicts(&["Complete"])}),
                json!({"conditions": verdicts(&["Complete", "SuccessCriteriaMet"])}),
                &[
                    "conditions: Invalid value: cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
                ],
            ),
        ];
        for (old, new, expected) in table {
            let expected: Vec<String> = expected.iter().map(|fault| format!("status.{fault}")).collect();
            assert_eq!(faults(&json!({"completions": 2}), old, &new), expected, "{new}");
        }
        let suspended = json!({"suspend": true});
        assert_eq!(faults(&suspended, &json!({"startTime": START}), &json!({})), Vec::<String>::new());
        let policy = json!({"successPolicy": {}});
        let complete = json!({"conditions": verdicts(&["Complete"])});
        assert_eq!(
            faults(&policy, &complete, &complete),
            [
                "status.conditions: Invalid value: cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
            ]
        );
    }

    #[test]
    fn indexes_are_in_order_below_the_completions_and_end_one_way() {
        let spec = json!({"completionMode": "Indexed", "completions": 5, "parallelism": 5, "backoffLimitPerIndex": 1});
        let status = |done: &str, failed: &str| json!({"completedIndexes": done, "failedIndexes": failed});
        let table: [(&str, &str, &[&str]); 4] = [
            ("0,2-3", "1,4", &[]),
            (
                "3,1",
                "0-1-2",
                &[
                    "completedIndexes: Invalid value: \"3,1\": error parsing completedIndexes: non-increasing order, previous: 3, current: 1",
                    "failedIndexes: Invalid value: \"0-1-2\": error parsing failedIndexes: the fragment \"0-1-2\" violates the requirement that an index interval can have at most two parts separated by '-'",
                ],
            ),
            (
                "0-9",
                "",
                &["completedIndexes: Invalid value: \"0-9\": error parsing completedIndexes: too large index: \"9\""],
            ),
            (
                "0-2",
                "1-3",
                &["failedIndexes: Invalid value: \"1-3\": failedIndexes and completedIndexes overlap at index: 1"],
            ),
        ];
        for (done, failed, expected) in table {
            let expected: Vec<String> = expected.iter().map(|fault| format!("status.{fault}")).collect();
            assert_eq!(faults(&spec, &json!({}), &status(done, failed)), expected, "{done} {failed}");
        }
        // A change of the spec may leave indexes too many; counts go down with them.
        let beyond = json!({"completedIndexes": "0-9", "succeeded": 10});
        assert_eq!(faults(&spec, &beyond, &json!({"completedIndexes": "0-9", "succeeded": 5})), Vec::<String>::new());
    }
}
