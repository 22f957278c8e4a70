//! Jobs and cron jobs.

use super::cells::human_duration;
use super::workloads::labels_from_template;
use super::{job_policies, job_status};
use crate::kinds::prelude::*;
use jiff::tz::TimeZone;

/// The label of a job's pods that its selector asks for.
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

pub(super) const JOB: Strategy = Strategy {
    defaults: job_defaults,
    prepare_create: generate_selector,
    validate: |at, errors| {
        generated(at, errors);
        job_spec(at, errors);
    },
    validate_update: job_update,
    validate_status: job_status::check,
    ..Strategy::NONE
};

pub(super) const CRON_JOB: Strategy =
    Strategy { validate: |at, errors| job_spec(&at.get("spec.jobTemplate"), errors), ..Strategy::NONE };

fn job_defaults(job: &mut Value) {
    labels_from_template(job);
    let Some(spec) = child(job, "spec") else { return };
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
}

/// Gives the job a selector of its own, from its uid.
fn generate_selector(job: &mut Value) {
    let (uid, name) = (meta::uid(job).to_owned(), meta::name(job).to_owned());
    let Some(spec) = child(job, "spec") else { return };
    if spec["manualSelector"] == true {
        return;
    }
    default(&mut spec["template"], "metadata", json!({}));
    default(&mut spec["template"]["metadata"], "labels", json!({}));
    for (key, value) in own_labels(&uid, &name) {
        default(&mut spec["template"]["metadata"]["labels"], key, value);
    }
    default(spec, "selector", json!({}));
    default(&mut spec["selector"], "matchLabels", json!({}));
    default(&mut spec["selector"]["matchLabels"], CONTROLLER_UID, uid);
}

/// The labels by which a job knows its pods.
fn own_labels<'a>(uid: &'a str, name: &'a str) -> [(&'static str, &'a str); 4] {
    let old = ("controller-uid", "job-name");
    [(CONTROLLER_UID, uid), ("batch.kubernetes.io/job-name", name), (old.0, uid), (old.1, name)]
}

/// Faults of a selector and labels that are not those the job got, and that nobody asked to keep.
fn generated(job: &At<'_>, errors: &mut Errors) {
    let (spec, labels) = (job.get("spec"), job.get("spec.template.metadata.labels"));
    if spec.value["manualSelector"] == true || !spec.get("selector").is_set() {
        return;
    }
    let own = own_labels(meta::uid(job.value), meta::name(job.value));
    for (key, wanted) in own {
        let (path, why) = (labels.path.key(key), format!("must be '{wanted}'"));
        match labels.value.get(key) {
            None => errors.push(Error::required(&path, &why)),
            Some(given) if given != wanted => errors.push(Error::invalid(&path, labels.value, &why)),
            Some(_) => {}
        }
    }
    let label = |wanted: &str| own.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    if Selector::from_label_selector(&spec.value["selector"]).is_ok_and(|selector| !selector.matches(label)) {
        errors.push(spec.get("selector").invalid("`selector` not auto-generated"));
    }
}

fn job_spec(job: &At<'_>, errors: &mut Errors) {
    let spec = job.get("spec");
    job_policies::check(&spec, errors);
    let policy = spec.get("template.spec.restartPolicy");
    match policy.text() {
        "" | "Always" => errors.push(policy.missing("valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if spec.get("podFailurePolicy").is_set() => {
            errors.push(policy.invalid("only \"Never\" is supported when podFailurePolicy is specified"));
        }
        _ => policy.one_of(&["OnFailure", "Never"], errors),
    }
}

/// Whether the text is a domain and a path below it.
pub(super) fn domain_prefixed_path(text: &str) -> Result<(), String> {
    let Some((host, path)) = text.split_once('/').filter(|(host, path)| !host.is_empty() && !path.is_empty()) else {
        return Err("must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned());
    };
    name::dns_subdomain(host)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    if path.chars().all(fits) {
        return Ok(());
    }
    let regex = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
    Err(format!("Invalid path (e.g. 'my/path', regex used for validation is '{regex}')"))
}

fn job_update(at: &At<'_>, old: &Value, errors: &mut Errors) {
    let spec = at.get("spec");
    let suspended = old["spec"]["suspend"] == true && old["status"]["startTime"].is_null();
    let old = &old["spec"];
    let (new_template, old_template) = (scheduling_free(spec.value), scheduling_free(old));
    if spec.value["template"] != old["template"] && !(suspended && new_template == old_template) {
        errors.push(spec.get("template").invalid("field is immutable"));
    }
}

/// The template without what may change of a job that is suspended and does not run.
fn scheduling_free(spec: &Value) -> Value {
    let mut template = spec["template"].clone();
    let scheduling = ["nodeSelector", "tolerations", "schedulingGates", "affinity.nodeAffinity"];
    for path in scheduling.map(|field| format!("spec.{field}")) {
        drop(meta::remove(&mut template, &path));
    }
    let bare = is_empty(meta::get(&template, "spec.affinity")).then_some("spec.affinity");
    for path in bare.into_iter().chain(["metadata.annotations", "metadata.labels"]) {
        drop(meta::remove(&mut template, path));
    }
    template
}

/// Whether the text is the name of a time zone.
pub(super) fn time_zone(text: &str) -> Result<(), String> {
    if text.eq_ignore_ascii_case("local") {
        return Err("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones".to_owned());
    }
    TimeZone::get(text).map(drop).map_err(|_| format!("unknown time zone {text}"))
}

fn duration(job: &Value) -> Value {
    let seconds = |field: &str| text(&job["status"][field]).parse::<Timestamp>().ok().map(Timestamp::as_second);
    match (seconds("startTime"), seconds("completionTime")) {
        (None, _) => "".into(),
        (Some(start), None) => human_duration(Timestamp::now().as_second() - start).into(),
        (Some(start), Some(end)) => human_duration(end - start).into(),
    }
}

pub(super) const JOB_CELLS: &[OwnCell] = &[("Duration", duration)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_gets_a_selector_from_its_uid() {
        let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"spec": {}}}});
        named("Job").fill(&mut job);
        (JOB.defaults)(&mut job);
        (JOB.prepare_create)(&mut job);
        assert_eq!(job["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"], "u");
        assert_eq!(job["spec"]["template"]["metadata"]["labels"]["job-name"], "j");
        assert_eq!((int(&job["spec"]["completions"]), int(&job["spec"]["backoffLimit"])), (1, 6));
    }
}
