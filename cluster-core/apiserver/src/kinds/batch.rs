//! Jobs and cron jobs.

use super::BASE;
use super::cells::{OwnCell, age, human_duration};
use super::pod::{defaults, validation};
use super::rules::named;
use super::walk::{At, child, default, default_text, int, is_empty, items, text};
use super::workloads::{labels_from_template, selected_template};
use crate::registry::Strategy;
use cluster_object::field::{Error, Errors};
use cluster_object::meta;
use cluster_object::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub(super) const JOB: Strategy = Strategy {
    defaults: job_defaults,
    prepare_create: |job| {
        job["status"] = json!({});
        generate_selector(job);
    },
    validate: |job| {
        let (mut errors, at) = (Errors::new(), At::root(job));
        job_spec(&at, &mut errors);
        selected_template(&at, &mut errors);
        errors
    },
    validate_update: job_update,
    selectable_fields: &[("status.successful", |job| int(&job["status"]["succeeded"]).to_string())],
    ..BASE
};

pub(super) const CRON_JOB: Strategy = Strategy {
    defaults: |object| {
        if let Some(job) = super::walk::at(object, "spec.jobTemplate.spec") {
            defaults::template(&mut job["template"]);
        }
    },
    prepare_create: |object| object["status"] = json!({}),
    validate: cron_job,
    ..BASE
};

fn job_defaults(job: &mut Value) {
    labels_from_template(job);
    let Some(spec) = child(job, "spec") else { return };
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    let per_index = !spec["backoffLimitPerIndex"].is_null();
    default(spec, "backoffLimit", if per_index { i32::MAX } else { 6 });
    let failure_policy = !spec["podFailurePolicy"].is_null();
    default_text(spec, "podReplacementPolicy", if failure_policy { "Failed" } else { "TerminatingOrFailed" });
    defaults::template(&mut spec["template"]);
}

/// Gives the job a selector of its own, from its uid.
fn generate_selector(job: &mut Value) {
    let (uid, name) = (meta::uid(job).to_owned(), meta::name(job).to_owned());
    let Some(spec) = child(job, "spec") else { return };
    if spec["manualSelector"] == true {
        return;
    }
    for (key, value) in [
        ("controller-uid", &uid),
        ("job-name", &name),
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
    ] {
        let labels = &mut spec["template"]["metadata"]["labels"];
        if labels.is_null() || labels.is_object() {
            labels[key] = value.clone().into();
        }
    }
    if is_empty(&spec["selector"]) {
        spec["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    }
}

fn job_spec(job: &At<'_>, errors: &mut Errors) {
    let spec = job.get("spec");
    errors.extend(spec.faults(named("JobSpec")));
    let mode = spec.get("completionMode");
    if mode.text() == "Indexed" && !spec.get("completions").is_set() {
        errors.push(spec.get("completions").missing(&format!("when completion mode is {}", mode.text())));
    }
    let policy = spec.get("template.spec.restartPolicy");
    if policy.text() == "Always" {
        errors.push(Error::required(&policy.path, "valid values: \"OnFailure\", \"Never\""));
    } else {
        policy.one_of(&["OnFailure", "Never"], errors);
    }
}

fn job_update(new: &Value, old: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(new).get("spec"));
    let old = &old["spec"];
    if new["spec"]["completionMode"] != "Indexed" {
        spec.get("completions").unchanged(&old["completions"], &mut errors);
    }
    let (new_template, old_template) = (scheduling_free(spec.value), scheduling_free(old));
    let suspended = old["suspend"] == true;
    if spec.value["template"] != old["template"] && !(suspended && new_template == old_template) {
        errors.push(spec.get("template").invalid("field is immutable"));
    }
    errors
}

/// The template without what may change while a job is suspended.
fn scheduling_free(spec: &Value) -> Value {
    let mut template = spec["template"].clone();
    if let Some(pod) = child(&mut template, "spec") {
        for field in ["nodeSelector", "affinity", "tolerations", "schedulingGates"] {
            drop(super::walk::remove(pod, field));
        }
    }
    if let Some(metadata) = child(&mut template, "metadata") {
        drop(super::walk::remove(metadata, "annotations"));
        drop(super::walk::remove(metadata, "labels"));
    }
    template
}

fn cron_job(object: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
    let name = At::root(object).get("metadata.name");
    if name.text().len() > 52 {
        errors.push(name.invalid("must be no more than 52 characters"));
    }
    let schedule = spec.get("schedule");
    if schedule.required(&mut errors) {
        if schedule.text().contains("TZ") {
            errors.push(schedule.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
        } else if let Err(why) = Schedule::parse(schedule.text(), &TimeZone::UTC) {
            errors.push(schedule.invalid(&why));
        }
    }
    let zone = spec.get("timeZone");
    if zone.is_set() && (zone.is_empty() || TimeZone::get(zone.text()).is_err()) {
        errors.push(zone.invalid(&format!("unknown time zone {}", zone.text())));
    }
    let job = spec.get("jobTemplate");
    job_spec(&job, &mut errors);
    if job.get("spec.selector").is_set() {
        errors.push(job.get("spec.selector").invalid("`selector` will be auto-generated"));
    }
    errors.extend(validation::template(&job.get("spec.template")));
    errors
}

fn job_status(job: &Value) -> Value {
    let holds =
        |kind: &str| items(&job["status"]["conditions"]).iter().any(|c| c["type"] == kind && c["status"] == "True");
    if holds("Complete") {
        return "Complete".into();
    }
    if holds("Failed") {
        return "Failed".into();
    }
    if meta::deletion_timestamp(job).is_some() {
        return "Terminating".into();
    }
    ["Suspended", "FailureTarget", "SuccessCriteriaMet"]
        .into_iter()
        .find(|kind| holds(kind))
        .unwrap_or("Running")
        .into()
}

fn completions(job: &Value) -> Value {
    let (spec, done) = (&job["spec"], int(&job["status"]["succeeded"]));
    match (spec["completions"].as_i64(), int(&spec["parallelism"])) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallelism) if parallelism > 1 => format!("{done}/1 of {parallelism}"),
        _ => format!("{done}/1"),
    }
    .into()
}

fn duration(job: &Value) -> Value {
    let seconds = |field: &str| text(&job["status"][field]).parse::<Timestamp>().ok().map(Timestamp::as_second);
    match (seconds("startTime"), seconds("completionTime")) {
        (None, _) => "".into(),
        (Some(start), None) => human_duration(Timestamp::now().as_second() - start).into(),
        (Some(start), Some(end)) => human_duration(end - start).into(),
    }
}

pub(super) const JOB_CELLS: &[OwnCell] =
    &[("Status", job_status), ("Completions", completions), ("Duration", duration)];

pub(super) const CRON_JOB_CELLS: &[OwnCell] = &[
    ("Suspend", |o| if o["spec"]["suspend"] == true { "True" } else { "False" }.into()),
    ("Last Schedule", |o| match &o["status"]["lastScheduleTime"] {
        Value::Null => "<none>".into(),
        time => age(time).into(),
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_gets_a_selector_from_its_uid() {
        let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"spec": {}}}});
        (JOB.defaults)(&mut job);
        (JOB.prepare_create)(&mut job);
        assert_eq!(job["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"], "u");
        assert_eq!(job["spec"]["template"]["metadata"]["labels"]["job-name"], "j");
        assert_eq!((int(&job["spec"]["completions"]), int(&job["spec"]["backoffLimit"])), (1, 6));
        assert_eq!(completions(&job), "0/1");
        assert_eq!(job_status(&job), "Running");
    }
}
