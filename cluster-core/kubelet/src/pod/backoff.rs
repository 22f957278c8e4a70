//! How long a failed container or image waits before the next try: 10 s, doubled up to 300 s, forgotten after 10 min.

use jiff::{SignedDuration, Timestamp};

const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_secs(300);
const FORGET: SignedDuration = SignedDuration::from_secs(600);

/// The wait between tries of one thing; the first retry is immediate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    delay: Option<SignedDuration>,
    tried_at: Option<Timestamp>,
}

impl Backoff {
    /// The end and the length of the wait for a thing that failed at `failed_at`, when it is not over at `now`.
    pub(crate) fn blocked(&self, failed_at: Timestamp, now: Timestamp) -> Option<(Timestamp, SignedDuration)> {
        let delay = self.delay.filter(|_| !self.forgotten(failed_at))?;
        let end = failed_at + delay;
        (end > now).then_some((end, delay))
    }

    /// Notes a try for a thing that failed at `failed_at`; the next one must wait longer.
    pub(crate) fn tried(&mut self, failed_at: Timestamp) {
        let delay = match self.delay {
            Some(delay) if !self.forgotten(failed_at) => (delay * 2).min(LONGEST),
            _ => FIRST,
        };
        (self.delay, self.tried_at) = (Some(delay), Some(failed_at));
    }

    fn forgotten(&self, failed_at: Timestamp) -> bool {
        self.tried_at.is_some_and(|last| failed_at.duration_since(last) > FORGET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_are_forgotten_after_a_long_run() {
        let mut backoff = Backoff::default();
        let mut at = Timestamp::UNIX_EPOCH;
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(backoff.blocked(at, at).map_or(0, |(_, delay)| delay.as_secs()));
            backoff.tried(at);
            at += SignedDuration::from_secs(1);
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.blocked(at + SignedDuration::from_secs(700), at), None);
    }
}
