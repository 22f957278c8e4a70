//! Failures by index: how often each index of a job was tried, and when it is tried again.

use super::indexes;
use super::plan::{finished_at, has_failed};
use super::policy::{self, Action};
use crate::prelude::*;

const COUNTED: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// How often the index of a pod failed before it was made: failures that count, and others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failures {
    counted: i32,
    ignored: i32,
}

impl Failures {
    /// Those before this pod.
    pub(super) fn before(pod: &Pod) -> Self {
        let read = |name: &str| pod.annotation(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        Self { counted: read(COUNTED), ignored: read(IGNORED) }
    }

    /// Those with this pod's own.
    fn after(job: &Job, pod: &Pod) -> Self {
        let before = Self::before(pod);
        match policy::judge(job, pod) {
            Action::Ignore => Self { ignored: before.ignored + 1, ..before },
            _ => Self { counted: before.counted + 1, ..before },
        }
    }

    /// What a pod's annotations say of them.
    pub(super) fn notes(self) -> impl Iterator<Item = (String, String)> {
        let ignored = (self.ignored > 0).then(|| (IGNORED.to_owned(), self.ignored.to_string()));
        [(COUNTED.to_owned(), self.counted.to_string())].into_iter().chain(ignored)
    }
}

/// Whether this failure of a pod is the last its index may have.
pub(super) fn is_last(spec: &JobSpec, pod: &Pod, action: &Action) -> bool {
    let limit = spec.backoff_limit_per_index.unwrap_or(i32::MAX);
    match action {
        Action::FailIndex => true,
        Action::Count => Failures::before(pod).counted >= limit,
        Action::Ignore | Action::FailJob(_) => false,
    }
}

/// Whether a failed pod is the only memory of its index's failures: it must stay until the next one carries them on.
pub(super) fn remembers(spec: &JobSpec, pod: &Pod, pods: &[Arc<Pod>]) -> bool {
    let index = indexes::of(pod);
    let succeeds = |other: &Arc<Pod>| {
        indexes::of(other) == index && (is_active(other) || Failures::before(other) > Failures::before(pod))
    };
    spec.backoff_limit_per_index.is_some() && index.is_some() && !pods.iter().any(succeeds)
}

/// The failures the next pod of an index is made with, and how long that has to wait.
pub(super) fn next(job: &Job, index: u32, pods: &[Arc<Pod>], now: &Time) -> (Failures, Option<Duration>) {
    let spec = job.spec.clone().unwrap_or_default();
    let failed = pods.iter().filter(|pod| indexes::of(pod) == Some(index) && has_failed(&spec, pod));
    let Some(last) = failed.max_by_key(|pod| Failures::before(pod)) else { return Default::default() };
    let failures = Failures::after(job, last);
    let pause = super::plan::pause(failures.counted + failures.ignored);
    (failures, finished_at(last).and_then(|ended| meta::left(ended, pause, now)))
}
