//! What a cron job does now: which jobs it forgets, whether a run is due, and what happens to runs under way.

use crate::prelude::*;
use cluster_object::schedule::Schedule;
use jiff::tz::TimeZone;

/// More missed runs than this are told.
const MANY: usize = 100;
/// So much after its minute a run is looked for.
const SLACK: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) status: CronJobStatus,
    pub(super) delete: Vec<Arc<Job>>,
    /// The time of the run to start.
    pub(super) start: Option<Timestamp>,
    /// Type, reason and message.
    pub(super) events: Vec<(&'static str, &'static str, String)>,
    pub(super) again: Option<Duration>,
}

impl Plan {
    fn warn(&mut self, reason: &'static str, message: String) {
        self.events.push(("Warning", reason, message));
    }
}

/// `Complete` or `Failed` when a job ended.
pub(super) fn outcome(job: &Job) -> Option<&'static str> {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    ["Complete", "Failed"].into_iter().find(|kind| conditions::is_true(conditions, kind))
}

/// Whether the jobs that are under way are those the status lists.
pub(super) fn agree(cron: &CronJob, jobs: &[Arc<Job>]) -> bool {
    let listed = cron.status.as_ref().and_then(|status| status.active.as_deref()).unwrap_or_default();
    let is_listed = |job: &&Arc<Job>| listed.iter().any(|known| known.uid == job.metadata.uid);
    let running = jobs.iter().filter(|job| outcome(job).is_none());
    running.clone().all(|job| is_listed(&job)) && jobs.iter().filter(is_listed).count() == listed.len()
}

pub(super) fn plan(cron: &CronJob, jobs: &[Arc<Job>], now: Timestamp) -> Plan {
    let mut plan = Plan { status: cron.status.clone().unwrap_or_default(), ..Plan::default() };
    forget(jobs, &mut plan);
    clean_up(cron, jobs, &mut plan);
    if cron.metadata.deletion_timestamp.is_none() && cron.spec.suspend != Some(true) {
        due(cron, jobs, now, &mut plan);
    }
    plan.status.active = plan.status.active.filter(|active| !active.is_empty());
    plan
}

/// Takes jobs that ended or vanished off the list of active ones.
fn forget(jobs: &[Arc<Job>], plan: &mut Plan) {
    let mut active = plan.status.active.take().unwrap_or_default();
    for job in jobs {
        let listed = active.iter().any(|known| known.uid.as_deref() == Some(job.uid()));
        match outcome(job) {
            None if !listed => {
                plan.warn(
                    "UnexpectedJob",
                    format!("Saw a job that the controller did not create or forgot: {}", job.name()),
                );
                active.push(reference(job.as_ref()));
            }
            Some(kind) if listed => {
                active.retain(|known| known.uid.as_deref() != Some(job.uid()));
                let text = format!("Saw completed job: {}, condition: {kind}", job.name());
                plan.events.push(("Normal", "SawCompletedJob", text));
            }
            _ => {}
        }
        let ended = job.status.as_ref().and_then(|status| status.completion_time.clone());
        if outcome(job) == Some("Complete") && ended > plan.status.last_successful_time {
            plan.status.last_successful_time = ended;
        }
    }
    let present = |uid: Option<&str>| jobs.iter().any(|job| Some(job.uid()) == uid);
    let (kept, gone): (Vec<_>, Vec<_>) = active.into_iter().partition(|known| present(known.uid.as_deref()));
    for lost in gone {
        let text = format!("Active job went missing: {}", lost.name.unwrap_or_default());
        plan.events.push(("Normal", "MissingJob", text));
    }
    plan.status.active = Some(kept);
}

/// Deletes the oldest of the jobs that ended, beyond as many as are kept of each kind.
fn clean_up(cron: &CronJob, jobs: &[Arc<Job>], plan: &mut Plan) {
    let limits = [
        ("Complete", cron.spec.successful_jobs_history_limit.unwrap_or(3)),
        ("Failed", cron.spec.failed_jobs_history_limit.unwrap_or(1)),
    ];
    for (kind, limit) in limits {
        let mut ended: Vec<_> = jobs.iter().filter(|job| outcome(job) == Some(kind)).cloned().collect();
        ended.sort_by_key(|job| {
            let started = job.status.as_ref().and_then(|status| status.start_time.as_ref());
            (started.map(|time| time.0), job.created(), job.name().to_owned())
        });
        let surplus = ended.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
        plan.delete.extend(ended.into_iter().take(surplus));
    }
}

fn due(cron: &CronJob, jobs: &[Arc<Job>], now: Timestamp, plan: &mut Plan) {
    let text = &cron.spec.schedule;
    let zone = match cron.spec.time_zone.as_deref() {
        None => TimeZone::UTC,
        Some(zone) => match TimeZone::get(zone) {
            Ok(found) => found,
            Err(_) => {
                return plan.warn("UnknownTimeZone", format!("invalid timeZone: {zone:?}: unknown time zone {zone}"));
            }
        },
    };
    let schedule = match Schedule::parse(text, &zone) {
        Ok(schedule) => schedule,
        Err(why) => return plan.warn("UnparseableSchedule", format!("unparseable schedule: {text:?} : {why}")),
    };
    let last = plan.status.last_schedule_time.as_ref().or(cron.metadata.creation_timestamp.as_ref());
    let base = last.map_or(now, |time| time.0);
    plan.again = match schedule {
        Schedule::Every(_) => schedule.latest(base, now, MANY).map_or(base, |(last, _)| last).into(),
        Schedule::Calendar(_) => Some(now),
    }
    .and_then(|from| schedule.next(from))
    .map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default() + SLACK);
    let deadline = cron.spec.starting_deadline_seconds.map(SignedDuration::from_secs);
    // A deadline may be longer than time goes on.
    let since = |deadline| now.saturating_sub(deadline).map_or(base, |since| base.max(since));
    let earliest = deadline.map_or(base, since);
    let Some((time, many)) = schedule.latest(earliest, now, MANY) else { return };
    if many {
        let text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
        plan.warn("TooManyMissedTimes", text.to_owned());
    }
    if deadline.is_some_and(|deadline| time.saturating_add(deadline).is_ok_and(|end| end < now)) {
        let time = time.strftime("%a, %d %b %Y %H:%M:%S %z");
        return plan.warn("MissSchedule", format!("Missed scheduled time to start a job: {time}"));
    }
    start(cron, jobs, time, plan);
}

fn start(cron: &CronJob, jobs: &[Arc<Job>], time: Timestamp, plan: &mut Plan) {
    let wanted = job_name(cron, time);
    let active = plan.status.active.clone().unwrap_or_default();
    let known = active.iter().any(|job| job.name.as_ref() == Some(&wanted));
    if known || plan.status.last_schedule_time.as_ref().is_some_and(|last| last.0 == time) {
        return;
    }
    match cron.spec.concurrency_policy.as_deref() {
        Some("Forbid") if !active.is_empty() => {
            let text = "Not starting job because prior execution is running and concurrency policy is Forbid";
            plan.events.push(("Normal", "JobAlreadyActive", text.to_owned()));
            return;
        }
        Some("Replace") => {
            let listed = |job: &&Arc<Job>| active.iter().any(|known| known.uid == job.metadata.uid);
            plan.delete.extend(jobs.iter().filter(listed).cloned());
            plan.status.active = None;
        }
        _ => {}
    }
    plan.start = Some(time);
    plan.status.last_schedule_time = Some(Time(time));
}

/// The name of a run: equal for equal times, so that none is started twice.
pub(super) fn job_name(cron: &CronJob, time: Timestamp) -> String {
    format!("{}-{}", cron.name(), time.as_second() / 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A job of the run in minute `n` after the hour; `a` is active, `c` complete, `f` failed.
    fn job(text: &str) -> Arc<Job> {
        let (state, minute) = text.split_at(1);
        let kind = match state {
            "c" => vec![json!({"type": "Complete", "status": "True"})],
            "f" => vec![json!({"type": "Failed", "status": "True"})],
            _ => Vec::new(),
        };
        let time = format!("2026-01-01T00:{minute:0>2}:00Z");
        Arc::new(
            serde_json::from_value(json!({"metadata": {"name": text, "uid": text},
            "status": {"conditions": kind, "startTime": time, "completionTime": time}}))
            .expect("a job"),
        )
    }

    #[test]
    fn runs_start_when_they_are_due_and_old_jobs_go() {
        let forbid = json!({"concurrencyPolicy": "Forbid"});
        let replace = json!({"concurrencyPolicy": "Replace"});
        // Rules, minute of the last run, jobs of which those with `a` are listed as active, the present minute;
        // the minute of the started run, deleted jobs, reasons of events.
        let cases = [
            (json!({}), 0, "", 9, "", "", ""),
            (json!({}), 0, "", 10, "10", "", ""),
            (json!({}), 0, "", 35, "30", "", ""),
            (json!({}), 10, "a10", 15, "", "", ""),
            (json!({}), 10, "a10", 20, "20", "", ""),
            (forbid, 10, "a10", 20, "", "", "JobAlreadyActive"),
            (replace, 10, "a10", 20, "20", "a10", ""),
            (json!({"suspend": true}), 0, "", 35, "", "", ""),
            (json!({"startingDeadlineSeconds": 120}), 0, "", 35, "", "", ""),
            (json!({"startingDeadlineSeconds": 600}), 0, "", 35, "30", "", ""),
            (json!({"startingDeadlineSeconds": i64::MAX / 2}), 0, "", 35, "30", "", ""),
            (json!({"timeZone": "Mars/One"}), 0, "", 35, "", "", "UnknownTimeZone"),
            (json!({"schedule": "often"}), 0, "", 35, "", "", "UnparseableSchedule"),
            (json!({}), 50, "c10 c20 c30 c40 f12 f13", 55, "", "c10 f12", ""),
        ];
        for (rules, last, jobs, minute, started, deleted, reasons) in cases {
            let mut spec = json!({"schedule": "*/10 * * * *", "jobTemplate": {}});
            spec.as_object_mut().expect("an object").extend(rules.as_object().cloned().unwrap_or_default());
            let jobs: Vec<_> = jobs.split_whitespace().map(job).collect();
            let active: Vec<Value> = jobs
                .iter()
                .filter(|job| outcome(job).is_none())
                .map(|job| json!({"name": job.name(), "uid": job.uid()}))
                .collect();
            let cron = json!({"metadata": {"name": "tick"}, "spec": spec, "status": {"active": active,
                "lastScheduleTime": format!("2026-01-01T00:{last:02}:00Z")}});
            let cron: CronJob = serde_json::from_value(cron).expect("a cron job");
            let now: Timestamp = format!("2026-01-01T00:{minute:02}:01Z").parse().expect("a time");
            let plan = plan(&cron, &jobs, now);
            let start = plan.start.map(|time| time.to_zoned(TimeZone::UTC).minute().to_string()).unwrap_or_default();
            assert_eq!(start, started, "{rules} {minute}");
            let names: Vec<_> = plan.delete.iter().map(|job| job.name()).collect();
            assert_eq!(names.join(" "), deleted, "{rules} {minute}");
            let found: Vec<_> = plan.events.iter().map(|(_, reason, _)| *reason).collect();
            assert_eq!(found.join(" "), reasons, "{rules} {minute}");
        }
    }
}
