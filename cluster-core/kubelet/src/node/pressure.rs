//! How long a shortage counts after it has passed, and how long a silent engine is waited for, so that a node does not
//! waver between ill and well.

use super::facts::Pressure;
use std::time::Duration;
use tokio::time::Instant;

/// Source: upstream's default `evictionPressureTransitionPeriod`.
const TRANSITION: Duration = Duration::from_mins(5);

/// For how long an engine may not answer before the node counts as ill. Source: upstream's `maxWaitForContainerRuntime`.
const PATIENCE: Duration = Duration::from_secs(30);

/// When the engine last answered.
#[derive(Debug)]
pub(super) struct Answered(pub(super) Instant);

impl Answered {
    /// Why the engine counts as down now that it was asked.
    pub(super) fn with(&mut self, answer: Result<(), String>, now: Instant) -> Option<String> {
        if answer.is_ok() {
            self.0 = now;
        }
        answer.err().filter(|_| now.duration_since(self.0) >= PATIENCE)
    }
}

/// When each of the shortages was last seen.
#[derive(Debug, Default)]
pub(super) struct Held([Option<Instant>; 3]);

impl Held {
    /// What counts as short now that `seen` was measured.
    pub(super) fn with(&mut self, seen: Pressure, now: Instant) -> Pressure {
        for (last, short) in self.0.iter_mut().zip(seen) {
            *last = if short { Some(now) } else { *last };
        }
        self.0.map(|last| last.is_some_and(|last| now.duration_since(last) < TRANSITION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_does_not_answer_for_a_moment_makes_no_node_ill() {
        let start = Instant::now();
        let mut answered = Answered(start);
        for (second, answers, down) in [
            (1, false, false),
            (29, false, false),
            (30, true, false),
            (59, false, false),
            (60, false, true),
            (61, true, false),
        ] {
            let answer = if answers { Ok(()) } else { Err("connection refused".to_owned()) };
            let why = answered.with(answer, start + Duration::from_secs(second));
            assert_eq!(why.is_some(), down, "{second}");
        }
    }

    #[test]
    fn a_shortage_counts_for_five_minutes_after_it_passed() {
        let (mut held, start) = (Held::default(), Instant::now());
        let (none, short) = (Pressure::default(), [true, false, false]);
        let at = |minutes| start + Duration::from_mins(minutes);
        for (minutes, seen, expected) in [(0, none, none), (1, short, short), (5, none, short), (6, none, none)] {
            assert_eq!(held.with(seen, at(minutes)), expected, "{minutes}");
        }
    }
}
