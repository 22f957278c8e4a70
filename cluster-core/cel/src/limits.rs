//! What an evaluation may cost. One unit is one step of the interpreter, about a tenth of a microsecond.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::prelude::*;
use crate::rewrite::TICK;

/// The most one expression may be estimated to cost; upstream's `StaticEstimatedCostLimit`.
pub const STATIC_LIMIT: u64 = 10_000_000;
/// The most all expressions of a schema may be estimated to cost together; upstream's `StaticEstimatedCRDCostLimit`.
pub const STATIC_TOTAL: u64 = 100_000_000;
/// Steps of one evaluation; upstream's `PerCallLimit`.
const CALL: u64 = 1_000_000;
/// Steps of all evaluations that share a budget; upstream's `RuntimeCELCostBudget`.
const TOTAL: u64 = 10_000_000;
/// How many characters are copied in one step.
const CHARACTERS: u64 = 10;
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
        // What one evaluation may not have it does not take from the others.
        let steps = steps.min(CALL);
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

/// Takes steps from the budget that a variable holds.
pub(crate) fn spend(budget: &Value, steps: u64) -> Result<(), ExecutionError> {
    let Value::Opaque(budget) = budget else { return Err(ExecutionError::NoSuchOverload) };
    let left = budget.downcast_ref::<Budget>().is_some_and(|budget| budget.spend(steps));
    if left { Ok(()) } else { Err(ExecutionError::function_error(TICK, "cost limit exceeded")) }
}

/// What a copy of a value costs: a step for each ten characters, as cel-go reckons, and one for each item.
pub(crate) fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / CHARACTERS,
        Value::Bytes(bytes) => bytes.len() as u64 / CHARACTERS,
        Value::List(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Value::Map(map) => map.map.values().map(|value| 1 + size(value)).sum(),
        Value::Opaque(inner) => inner.downcast_ref::<OptionalValue>().and_then(OptionalValue::value).map_or(0, size),
        _ => 0,
    }
}

/// What a function makes whose result may be larger than all that it is given.
pub(crate) fn growth(function: &str, this: Option<&Value>, given: &[Value]) -> u64 {
    let length = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.len() as u64,
        Some(Value::List(items)) => items.len() as u64,
        Some(Value::Int(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    };
    let (this, first, second) = (length(this), length(given.first()), length(given.get(1)));
    let characters = match function {
        "replace" => {
            let times = (this + 1).checked_div(first).unwrap_or(this + 1);
            this.saturating_add(times.saturating_mul(second))
        }
        "join" => this.saturating_mul(first),
        "lists.range" => return first,
        _ => 2 * first,
    };
    characters / CHARACTERS
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
