//! What a job does next: counts what ended, ends the job when it is decided, else keeps enough pods at work.

use super::indexes;
use super::policy::{self, Action};
use super::retries::{self, Failures};
use super::success;
use crate::pods::{is_active, is_finished, is_ready, phase, to_delete};
use crate::prelude::*;

pub(super) const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const MAX_BACKOFF: Duration = Duration::from_mins(10);

/// What brings a job forward, in this order: the status first, so that no pod is forgotten before it is counted.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) status: JobStatus,
    /// Pods that are counted and may go.
    pub(super) free: Vec<Arc<Pod>>,
    pub(super) delete: Vec<Arc<Pod>>,
    /// The completion index of each new pod and its failures before; `None` where the job has none.
    pub(super) create: Vec<Option<(u32, Failures)>>,
    /// Type, reason and message.
    pub(super) events: Vec<(&'static str, String, String)>,
    pub(super) again: Option<Duration>,
}

pub(super) fn is_tracked(pod: &Pod) -> bool {
    pod.finalizers().iter().any(|finalizer| finalizer == TRACKING)
}

pub(super) fn is_over(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions::is_true(conditions, "Complete") || conditions::is_true(conditions, "Failed")
}

pub(super) fn is_indexed(spec: &JobSpec) -> bool {
    spec.completion_mode.as_deref() == Some("Indexed")
}

pub(super) fn has_failed(spec: &JobSpec, pod: &Pod) -> bool {
    let replaces_terminating = spec.pod_replacement_policy.as_deref() != Some("Failed");
    phase(pod) == "Failed" || (replaces_terminating && pod.is_deleting() && phase(pod) != "Succeeded")
}

/// Everything a decision needs, counted once.
struct Tally {
    succeeded: i32,
    failed: i32,
    active: Vec<Arc<Pod>>,
    terminating: usize,
    /// A pod whose failure ends the job.
    fatal: Option<String>,
    done: BTreeSet<u32>,
    /// The indexes that are given up.
    failed_indexes: BTreeSet<u32>,
    /// Nothing waits to be moved from the uncounted to the counts.
    is_settled: bool,
}

/// `settled` says that the cache shows all pods that were made and deleted.
pub(super) fn plan(job: &Job, pods: &[Arc<Pod>], settled: bool, now: &Time) -> Plan {
    let spec = job.spec.clone().unwrap_or_default();
    let mut plan = Plan { status: job.status.clone().unwrap_or_default(), ..Plan::default() };
    if is_over(job) {
        plan.free = pods.iter().filter(|pod| is_tracked(pod)).cloned().collect();
        return plan;
    }
    // Also a job that is over at once has begun.
    if spec.suspend != Some(true) {
        plan.status.start_time.get_or_insert_with(|| now.clone());
    }
    let tally = count(job, &spec, pods, &mut plan);
    if !decide(&spec, pods, &tally, &mut plan, now) {
        work(job, &spec, pods, &tally, settled, &mut plan, now);
    }
    plan
}

/// Moves the pods that ended into the status: first by UID, and once their finalizer is gone, as a number.
fn count(job: &Job, spec: &JobSpec, pods: &[Arc<Pod>], plan: &mut Plan) -> Tally {
    let status = &mut plan.status;
    let mut uncounted = status.uncounted_terminated_pods.take().unwrap_or_default();
    let tracked = |id: &String| pods.iter().any(|pod| pod.uid() == id && is_tracked(pod));
    for (list, number) in
        [(&mut uncounted.succeeded, &mut status.succeeded), (&mut uncounted.failed, &mut status.failed)]
    {
        let before = list.as_ref().map_or(0, Vec::len);
        if let Some(list) = list {
            list.retain(tracked);
        }
        let moved = before - list.as_ref().map_or(0, Vec::len);
        if moved > 0 {
            *number = Some(number.unwrap_or_default() + moved as i32);
        }
    }
    let completions = completions(spec);
    let mut done = indexes::parse(status.completed_indexes.as_deref().unwrap_or_default(), completions);
    let mut failed_indexes = indexes::parse(status.failed_indexes.as_deref().unwrap_or_default(), completions);
    let ended = |pod: &&Arc<Pod>| is_tracked(pod) && (phase(pod) == "Succeeded" || has_failed(spec, pod));
    let ended: Vec<(&Arc<Pod>, Option<Action>)> = pods
        .iter()
        .filter(ended)
        .map(|pod| (pod, (phase(pod) != "Succeeded").then(|| policy::judge(job, pod))))
        .collect();
    for (pod, action) in &ended {
        let Some(index) = indexes::of(pod).filter(|index| is_indexed(spec) && *index < completions) else { continue };
        match action {
            None => drop(done.insert(index)),
            Some(action) if retries::is_last(spec, pod, action) => drop(failed_indexes.insert(index)),
            Some(_) => {}
        }
    }
    failed_indexes.retain(|index| !done.contains(index));
    let mut verdicts = ["FailureTarget", "SuccessCriteriaMet"].into_iter();
    let is_decided = verdicts.any(|kind| conditions::is_true(status.conditions.as_ref(), kind));
    let (mut fatal, mut remembering) = (None, 0);
    let add = |list: &mut Option<Vec<String>>, pod: &Pod| {
        let list = list.get_or_insert_default();
        if !list.iter().any(|known| known == pod.uid()) {
            list.push(pod.uid().to_owned());
        }
    };
    for (pod, action) in ended {
        let index = indexes::of(pod).filter(|_| is_indexed(spec));
        if let Some(Action::FailJob(why)) = &action {
            fatal.get_or_insert_with(|| why.clone());
        }
        let given_up = index.is_some_and(|index| failed_indexes.contains(&index) || done.contains(&index));
        match action {
            None if index.is_some() => {}
            None => add(&mut uncounted.succeeded, pod),
            Some(action) if !is_decided && !given_up && retries::remembers(spec, pod, pods) => {
                remembering += i32::from(action != Action::Ignore);
                continue;
            }
            Some(Action::Ignore) => {}
            Some(_) => add(&mut uncounted.failed, pod),
        }
        plan.free.push(pod.clone());
    }
    let waiting = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len) as i32;
    let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).cloned().collect();
    let terminating = pods.iter().filter(|pod| pod.is_deleting() && !is_finished(pod)).count();
    if is_indexed(spec) {
        status.completed_indexes = Some(indexes::format(&done));
        status.succeeded = Some(done.len() as i32);
    }
    if spec.backoff_limit_per_index.is_some() {
        status.failed_indexes = Some(indexes::format(&failed_indexes));
    }
    status.active = Some(active.len() as i32);
    status.ready = Some(active.iter().filter(|pod| is_ready(pod)).count() as i32);
    status.terminating = Some(terminating as i32);
    let tally = Tally {
        succeeded: status.succeeded.unwrap_or_default() + waiting(&uncounted.succeeded),
        failed: status.failed.unwrap_or_default() + waiting(&uncounted.failed) + remembering,
        is_settled: waiting(&uncounted.succeeded) + waiting(&uncounted.failed) + remembering == 0,
        active,
        terminating,
        fatal,
        done,
        failed_indexes,
    };
    for list in [&mut uncounted.succeeded, &mut uncounted.failed] {
        *list = list.take().filter(|list| !list.is_empty());
    }
    status.uncounted_terminated_pods = Some(uncounted);
    tally
}

fn set(plan: &mut Plan, kind: &str, status: &str, reason: &str, message: &str) {
    let old = conditions::get(plan.status.conditions.as_ref(), kind);
    if old.is_none_or(|old| old.status != status) {
        let new = JobCondition::build(kind, status, reason, message.to_owned());
        conditions::set(&mut plan.status.conditions, JobCondition { last_probe_time: Some(meta::now()), ..new });
    }
}

/// Whether the job is decided, one way or the other; then its remaining pods are ended and the verdict is written.
fn decide(spec: &JobSpec, pods: &[Arc<Pod>], tally: &Tally, plan: &mut Plan, now: &Time) -> bool {
    let known = |plan: &Plan, kind| {
        let condition: &JobCondition = conditions::get(plan.status.conditions.as_ref(), kind)?;
        Some((condition.reason().to_owned(), condition.message.clone().unwrap_or_default()))
    };
    let met = known(plan, "SuccessCriteriaMet");
    let target = known(plan, "FailureTarget");
    let failure = target.or_else(|| if met.is_none() { failure(spec, pods, tally, plan, now) } else { None });
    let success = met.or_else(|| success(spec, tally));
    if failure.is_none() && success.is_none() {
        return false;
    }
    plan.delete.clone_from(&tally.active);
    let is_last = tally.active.is_empty() && tally.terminating == 0 && tally.is_settled;
    if is_last {
        // One that ends while it is suspended has none.
        plan.status.start_time.get_or_insert_with(|| now.clone());
    }
    if let Some((reason, message)) = failure {
        set(plan, "FailureTarget", "True", &reason, &message);
        if is_last {
            set(plan, "Failed", "True", &reason, &message);
            plan.events.push(("Warning", reason, message));
        }
        return true;
    }
    let (reason, message) = success.unwrap_or_default();
    set(plan, "SuccessCriteriaMet", "True", &reason, &message);
    if is_last {
        set(plan, "Complete", "True", &reason, &message);
        plan.status.completion_time = Some(now.clone());
        plan.events.push(("Normal", "Completed".to_owned(), "Job completed".to_owned()));
    }
    true
}

/// Why the job has done what it should, if it has. A rule that holds is the reason also when all is done.
fn success(spec: &JobSpec, tally: &Tally) -> Option<(String, String)> {
    if let Some(rule) = success::matched(spec, &tally.done) {
        return Some(("SuccessPolicy".to_owned(), format!("Matched rules at index {rule}")));
    }
    let enough = match spec.completions {
        Some(completions) => tally.succeeded >= completions,
        None => tally.succeeded > 0 && tally.active.is_empty(),
    };
    enough.then(|| ("CompletionsReached".to_owned(), "Reached expected number of succeeded pods".to_owned()))
}

/// Why the job fails, if it does.
fn failure(spec: &JobSpec, pods: &[Arc<Pod>], tally: &Tally, plan: &Plan, now: &Time) -> Option<(String, String)> {
    let owned = |reason: &str, message: &str| Some((reason.to_owned(), message.to_owned()));
    if let Some(why) = &tally.fatal {
        return owned("PodFailurePolicy", why);
    }
    let limit = spec.backoff_limit.unwrap_or(6);
    let restarts_in_place =
        spec.template.spec.as_ref().and_then(|pod| pod.restart_policy.as_deref()) == Some("OnFailure");
    let running = pods.iter().filter(|pod| is_active(pod)).filter_map(|pod| pod.status.as_ref());
    let containers = running.flat_map(|s| s.init_container_statuses.iter().chain(&s.container_statuses).flatten());
    let restarts: i32 = containers.map(|container| container.restart_count).sum();
    let in_place = restarts_in_place && restarts >= limit.max(1);
    if tally.failed > limit || in_place {
        return owned("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    }
    let deadline = spec.active_deadline_seconds.filter(|_| spec.suspend != Some(true)).map(seconds);
    if let (Some(deadline), Some(started)) = (deadline, plan.status.start_time.as_ref())
        && since(started, now) >= deadline
    {
        return owned("DeadlineExceeded", "Job was active longer than specified deadline");
    }
    spec.backoff_limit_per_index?;
    let given_up = tally.failed_indexes.len() as i32;
    if spec.max_failed_indexes.is_some_and(|most| given_up > most) {
        return owned("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
    }
    let is_through = given_up > 0 && spec.completions.is_some_and(|all| tally.succeeded + given_up >= all);
    is_through.then(|| ("FailedIndexes".to_owned(), "Job has failed indexes".to_owned()))
}

/// Keeps the wanted number of pods at work.
fn work(job: &Job, spec: &JobSpec, pods: &[Arc<Pod>], tally: &Tally, settled: bool, plan: &mut Plan, now: &Time) {
    let is_suspended = conditions::is_true(plan.status.conditions.as_ref(), "Suspended");
    if spec.suspend == Some(true) {
        plan.delete.clone_from(&tally.active);
        if !is_suspended {
            set(plan, "Suspended", "True", "JobSuspended", "Job suspended");
            plan.events.push(("Normal", "Suspended".to_owned(), "Job suspended".to_owned()));
        }
        plan.status.start_time = None;
        return;
    }
    if is_suspended {
        set(plan, "Suspended", "False", "JobResumed", "Job resumed");
        plan.events.push(("Normal", "Resumed".to_owned(), "Job resumed".to_owned()));
    }
    let (deadline, started) = (spec.active_deadline_seconds, plan.status.start_time.as_ref());
    plan.again = deadline.zip(started).and_then(|(deadline, started)| meta::left(started, seconds(deadline), now));
    if !settled {
        return;
    }
    let over = |index: u32| tally.done.contains(&index) || tally.failed_indexes.contains(&index);
    if is_indexed(spec) {
        plan.delete = indexes::surplus(&tally.active, completions(spec), over);
    }
    let is_surplus = |pod: &Arc<Pod>| plan.delete.iter().any(|other| other.uid() == pod.uid());
    let active: Vec<_> = tally.active.iter().filter(|pod| !is_surplus(pod)).cloned().collect();
    let wanted = wanted(spec, tally);
    if active.len() > wanted {
        plan.delete.extend(to_delete(&active, &active, active.len() - wanted, now));
        return;
    }
    // A pod that is still on its way out is replaced at once, unless the job wants to see it failed first.
    let waits = spec.pod_replacement_policy.as_deref() == Some("Failed");
    let leaving = if waits { tally.terminating } else { 0 };
    let missing = wanted.saturating_sub(active.len() + leaving).min(BURST);
    if missing == 0 {
        return;
    }
    let per_index = spec.backoff_limit_per_index.is_some();
    if let Some(pause) = backoff(spec, pods, now).filter(|_| !per_index) {
        plan.again = sooner(plan.again, Some(pause));
        return;
    }
    if !is_indexed(spec) {
        plan.create = vec![None; missing];
        return;
    }
    let holds = |pod: &&Arc<Pod>| is_active(pod) || (waits && pod.is_deleting() && !is_finished(pod));
    let taken: BTreeSet<u32> = pods.iter().filter(holds).filter_map(|pod| indexes::of(pod)).collect();
    let free = (0..completions(spec)).filter(|index| !over(*index) && !taken.contains(index));
    for index in free {
        if plan.create.len() == missing {
            return;
        }
        match retries::next(job, index, pods, now) {
            (_, Some(pause)) if per_index => plan.again = sooner(plan.again, Some(pause)),
            (failures, _) => plan.create.push(Some((index, failures))),
        }
    }
}

fn sooner(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    a.into_iter().chain(b).min()
}

fn completions(spec: &JobSpec) -> u32 {
    spec.completions.and_then(|count| u32::try_from(count).ok()).unwrap_or_default()
}

fn wanted(spec: &JobSpec, tally: &Tally) -> usize {
    let parallelism = spec.parallelism.unwrap_or(1);
    let wanted = match spec.completions {
        Some(completions) => (completions - tally.succeeded - tally.failed_indexes.len() as i32).min(parallelism),
        None if tally.succeeded > 0 => tally.active.len() as i32,
        None => parallelism,
    };
    usize::try_from(wanted).unwrap_or_default()
}

pub(super) fn finished_at(pod: &Pod) -> Option<&Time> {
    let containers = pod.status.as_ref()?.container_statuses.iter().flatten();
    let ends = containers.filter_map(|c| c.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref());
    ends.max_by_key(|time| time.0)
        .or(pod.metadata.deletion_timestamp.as_ref())
        .or(pod.metadata.creation_timestamp.as_ref())
}

/// How long after the last of so many failures the next try has to wait.
pub(super) fn pause(failures: i32) -> Duration {
    let doubled = 2_u32.saturating_pow(u32::try_from(failures - 1).unwrap_or_default());
    FIRST_BACKOFF.saturating_mul(doubled).min(MAX_BACKOFF)
}

/// How long to wait before a failed pod is replaced: longer with each failure since the last success.
fn backoff(spec: &JobSpec, pods: &[Arc<Pod>], now: &Time) -> Option<Duration> {
    let success =
        pods.iter().filter(|pod| phase(pod) == "Succeeded").filter_map(|pod| finished_at(pod)).map(|t| t.0).max();
    let failures = pods.iter().filter(|pod| has_failed(spec, pod)).filter_map(|pod| finished_at(pod));
    let failures: Vec<_> = failures.filter(|time| success.is_none_or(|success| time.0 > success)).collect();
    let last = failures.iter().max_by_key(|time| time.0)?;
    meta::left(last, pause(i32::try_from(failures.len()).unwrap_or(i32::MAX)), now)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
