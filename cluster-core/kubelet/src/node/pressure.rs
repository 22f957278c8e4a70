//! How long a shortage counts after it has passed, so that a node does not waver between ill and well.

use super::facts::Pressure;
use std::time::Duration;
use tokio::time::Instant;

/// Source: upstream's default `evictionPressureTransitionPeriod`.
const TRANSITION: Duration = Duration::from_mins(5);

/// When each shortage was last seen.
#[derive(Debug, Default)]
pub(super) struct Held {
    memory: Option<Instant>,
    disk: Option<Instant>,
    pids: Option<Instant>,
}

impl Held {
    /// What counts as short now that `seen` was measured.
    pub(super) fn with(&mut self, seen: Pressure, now: Instant) -> Pressure {
        let hold = |last: &mut Option<Instant>, short: bool| {
            if short {
                *last = Some(now);
            }
            last.is_some_and(|last| now.duration_since(last) < TRANSITION)
        };
        Pressure {
            memory: hold(&mut self.memory, seen.memory),
            disk: hold(&mut self.disk, seen.disk),
            pids: hold(&mut self.pids, seen.pids),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_counts_for_five_minutes_after_it_passed() {
        let (mut held, start) = (Held::default(), Instant::now());
        let short = Pressure { memory: true, ..Pressure::default() };
        let at = |minutes| start + Duration::from_mins(minutes);
        assert!(!held.with(Pressure::default(), start).memory);
        assert!(held.with(short, at(1)).memory);
        assert!(held.with(Pressure::default(), at(5)).memory);
        assert!(!held.with(Pressure::default(), at(6)).memory);
    }
}
