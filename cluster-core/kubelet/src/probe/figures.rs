//! How often containers were probed, with what result, and how long they took to answer: what `/metrics/probes` tells.

use crate::prelude::*;
use std::sync::LazyLock;

/// Upper bounds of the histogram's buckets in seconds. Source: Prometheus' default ones, which upstream takes.
pub(crate) const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A probe: the pod's UID, namespace and name, its container, and the kind of probe.
pub(crate) type Key = [String; 5];

/// What became of one container's probes of one kind, restarts included.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) failed: u64,
    /// Of the successful ones, how many took no longer than each of [`BOUNDS`].
    pub(crate) within: [u64; BOUNDS.len()],
    pub(crate) successful: u64,
    /// The time of all successful ones.
    pub(crate) seconds: f64,
}

impl Figures {
    fn count(&mut self, ok: bool, took: Duration) {
        if !ok {
            self.failed += 1;
            return;
        }
        let took = took.as_secs_f64();
        self.successful += 1;
        self.seconds += took;
        for (count, bound) in self.within.iter_mut().zip(BOUNDS) {
            *count += u64::from(took <= bound);
        }
    }
}

static ALL: LazyLock<Mutex<BTreeMap<Key, Figures>>> = LazyLock::new(Mutex::default);

pub(super) fn count(pod: &Pod, container: &str, kind: &str, ok: bool, took: Duration) {
    let key = [pod.uid(), pod.namespace(), pod.name(), container, kind].map(str::to_owned);
    ALL.lock().entry(key).or_default().count(ok, took);
}

/// The figures of all pods.
pub(crate) fn all() -> BTreeMap<Key, Figures> {
    ALL.lock().clone()
}

/// Drops the figures of a pod that has gone.
pub(crate) fn forget(uid: &str) {
    ALL.lock().retain(|[of, ..], _| of != uid);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_are_counted_by_their_time_and_failures_alone() {
        let mut figures = Figures::default();
        for (ok, milliseconds) in [(true, 4), (true, 300), (false, 4), (true, 20_000)] {
            figures.count(ok, Duration::from_millis(milliseconds));
        }
        let within = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2];
        assert_eq!(figures, Figures { failed: 1, within, successful: 3, seconds: 20.304 });
    }
}
