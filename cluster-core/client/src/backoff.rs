//! Growing pauses with jitter.

use std::time::Duration;

/// Pauses that double from `base` to `max`, each varied by up to half.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    attempts: u32,
}

impl Backoff {
    /// Starts at `base`.
    pub const fn new(base: Duration, max: Duration) -> Self {
        Self { base, max, attempts: 0 }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let full = self.base.saturating_mul(2_u32.saturating_pow(self.attempts)).min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        full.mul_f64(0.5 + fraction())
    }

    /// All is well: start over.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// A number from 0 to 1, different in every process and call.
pub fn fraction() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let within = |pause: Duration, full: u64| (full / 2..=full * 3 / 2).contains(&(pause.as_millis() as u64));
        for full in [100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.pause();
            assert!(within(pause, full), "{pause:?} for {full}");
        }
        backoff.reset();
        assert!(within(backoff.pause(), 100));
    }
}
