//! Rates and percentiles.

use std::time::Duration;

/// What many timed pieces of work come to.
pub(crate) struct Summary {
    /// Pieces per second.
    pub(crate) rate: f64,
    /// The median of the times.
    pub p50: Duration,
    /// The time that 99 of 100 stay within.
    pub p99: Duration,
}

impl Summary {
    /// Of the times of all pieces and of the whole.
    pub(crate) fn new(mut times: Vec<Duration>, whole: Duration) -> Self {
        times.sort_unstable();
        let rate = times.len() as f64 / whole.as_secs_f64();
        Self { rate, p50: at(&times, 50), p99: at(&times, 99) }
    }

    /// Of pieces that were done one after the other.
    pub(crate) fn of(times: Vec<Duration>) -> Self {
        let whole = times.iter().sum();
        Self::new(times, whole)
    }
}

/// The time that `share` of 100 sorted times stay within.
fn at(sorted: &[Duration], share: usize) -> Duration {
    let rank = (sorted.len() * share).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times = |count: u64| (1..=count).rev().map(Duration::from_millis).collect::<Vec<_>>();
        let hundred = Summary::of(times(100));
        assert_eq!((hundred.p50, hundred.p99), (Duration::from_millis(50), Duration::from_millis(99)));
        let one = Summary::of(times(1));
        assert_eq!((one.p50, one.p99), (Duration::from_millis(1), Duration::from_millis(1)));
        assert!((one.rate - 1000.0).abs() < 1e-6);
    }
}
