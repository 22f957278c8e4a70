//! What an evaluation may cost. One unit is one step of the interpreter, about a tenth of a microsecond.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kube_cel::cel::objects::Opaque;

/// The most one expression may be estimated to cost; upstream's `StaticEstimatedCostLimit`.
pub const STATIC_LIMIT: u64 = 10_000_000;
/// The most all expressions of a schema may be estimated to cost together; upstream's `StaticEstimatedCRDCostLimit`.
pub const STATIC_TOTAL: u64 = 100_000_000;
/// Steps of one evaluation; upstream's `PerCallLimit`.
const CALL: u64 = 1_000_000;
/// Steps of all evaluations that share a budget; upstream's `RuntimeCELCostBudget`.
const TOTAL: u64 = 10_000_000;
/// The steps of this interpreter are not alike, so time is bounded too.
const TIME: Duration = Duration::from_secs(5);

/// What is left for the evaluations of one request.
#[derive(Debug)]
pub struct Budget {
    call: AtomicU64,
    total: AtomicU64,
    deadline: Instant,
}

impl Default for Budget {
    fn default() -> Self {
        Self { call: CALL.into(), total: TOTAL.into(), deadline: Instant::now() + TIME }
    }
}

impl Budget {
    pub(crate) fn start_call(&self) {
        self.call.store(CALL, Ordering::Relaxed);
    }

    /// Takes `steps`; tells whether they were there.
    pub(crate) fn spend(&self, steps: u64) -> bool {
        let take = |left: &AtomicU64| {
            let rest = left.load(Ordering::Relaxed).saturating_sub(steps);
            left.store(rest, Ordering::Relaxed);
            rest > 0
        };
        let (call, total) = (take(&self.call), take(&self.total));
        call && total && Instant::now() < self.deadline
    }

    /// Whether one evaluation took more than it may.
    pub(crate) fn call_is_spent(&self) -> bool {
        self.call.load(Ordering::Relaxed) == 0 || Instant::now() >= self.deadline
    }

    /// Whether nothing is left for anybody.
    pub(crate) fn is_spent(&self) -> bool {
        self.total.load(Ordering::Relaxed) == 0
    }
}

impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Budget {}

impl Opaque for Budget {
    fn runtime_type_name(&self) -> &'static str {
        "budget"
    }
}
