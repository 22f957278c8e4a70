//! What becomes of a recommendation: it is smoothed over time and held within rates and bounds.

use crate::prelude::*;
use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior};

/// How long a higher recommendation is remembered when nobody says otherwise.
const DOWNSCALE_STABILIZATION: i32 = 300;
/// The longest window and the longest period the API allows.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What was recommended and done before.
#[derive(Debug, Default)]
pub(super) struct Memory {
    recommendations: Vec<(i32, Instant)>,
    /// By how much the size was changed.
    changes: Vec<(i32, Instant)>,
}

impl Memory {
    /// One that knows the size at the start.
    pub(super) fn starting_with(replicas: i32, now: Instant) -> Self {
        Self { recommendations: vec![(replicas, now)], changes: Vec::new() }
    }

    pub(super) fn note_change(&mut self, by: i32, now: Instant) {
        self.changes.retain(|(_, at)| now - *at < REMEMBERED);
        self.changes.push((by, now));
    }

    fn recommended(&self, window: i32, now: Instant) -> impl Iterator<Item = i32> {
        let window = Duration::from_secs(u64::try_from(window).unwrap_or_default());
        self.recommendations.iter().filter(move |(_, at)| now - *at < window).map(|(replicas, _)| *replicas)
    }

    /// The size at the beginning of a period.
    fn before(&self, current: i32, period: i32, now: Instant) -> i32 {
        let period = Duration::from_secs(u64::try_from(period).unwrap_or_default());
        current - self.changes.iter().filter(|(_, at)| now - *at < period).map(|(by, _)| by).sum::<i32>()
    }
}

/// A reason and its message, as conditions have them.
pub(super) type Why = (&'static str, &'static str);

/// A size that may be set, and what was done to get it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) replicas: i32,
    pub(super) stabilized: Why,
    /// Why it is not what was recommended, if so.
    pub(super) limited: Option<Why>,
}

const READY: Why = ("ReadyForNewScale", "recommended size matches current size");
const UP_LIMIT: Why = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: Why =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");
const TOO_MANY: Why = ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const TOO_FEW: Why = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const ZERO: Why = ("TooFewReplicas", "the desired replica count is zero");

/// Holds a recommendation within what behavior, history and bounds allow.
pub(super) fn normalize(
    (current, desired): (i32, i32),
    (least, most): (i32, i32),
    behavior: Option<&HorizontalPodAutoscalerBehavior>,
    memory: &mut Memory,
    now: Instant,
) -> Verdict {
    let up = behavior.and_then(|behavior| behavior.scale_up.as_ref());
    let down = behavior.and_then(|behavior| behavior.scale_down.as_ref());
    let window = |rules: Option<&HPAScalingRules>| rules.and_then(|rules| rules.stabilization_window_seconds);
    let lowest = memory.recommended(window(up).unwrap_or(0), now).fold(desired, i32::min);
    let highest = memory.recommended(window(down).unwrap_or(DOWNSCALE_STABILIZATION), now).fold(desired, i32::max);
    memory.recommendations.retain(|(_, at)| now - *at < REMEMBERED);
    memory.recommendations.push((desired, now));

    let smooth = current.max(lowest).min(highest);
    let stabilized = match smooth {
        smooth if smooth == desired => READY,
        _ if desired < current => (
            "ScaleDownStabilized",
            "recent recommendations were higher than current one, applying the highest recent recommendation",
        ),
        _ => (
            "ScaleUpStabilized",
            "recent recommendations were lower than current one, applying the lowest recent recommendation",
        ),
    };
    let (replicas, limited) = if smooth > current {
        let limit = limit(current, up, true, memory, now).max(current);
        let (bound, why) = if most > limit { (limit, UP_LIMIT) } else { (most, TOO_MANY) };
        if smooth > bound { (bound, Some(why)) } else { (smooth, None) }
    } else {
        let limit = limit(current, down, false, memory, now).min(current);
        let floor = if least == 0 { ZERO } else { TOO_FEW };
        let (bound, why) = if least < limit { (limit, DOWN_LIMIT) } else { (least, floor) };
        if smooth < bound { (bound, Some(why)) } else { (smooth, None) }
    };
    Verdict { replicas, stabilized, limited }
}

/// How far the policies let the size grow or shrink; without any the classic rule holds.
fn limit(current: i32, rules: Option<&HPAScalingRules>, grows: bool, memory: &Memory, now: Instant) -> i32 {
    let sign = if grows { 1 } else { -1 };
    let proposal = |policy: &HPAScalingPolicy| {
        let before = memory.before(current, policy.period_seconds, now);
        let share = f64::from(before) * (1.0 + f64::from(sign * policy.value) / 100.0);
        let share = if grows { share.ceil() } else { share };
        if policy.type_ == "Pods" { before + sign * policy.value } else { share as i32 }
    };
    let proposals = rules.and_then(|rules| rules.policies.as_ref()).into_iter().flatten().map(proposal);
    match (rules.and_then(|rules| rules.select_policy.as_deref()), grows) {
        (Some("Disabled"), _) => Some(current),
        (Some("Min"), true) => proposals.min(),
        (Some("Min"), false) | (_, true) => proposals.max(),
        (_, false) => proposals.min(),
    }
    .unwrap_or(if grows { (2 * current).max(4) } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rules(value: Value) -> HorizontalPodAutoscalerBehavior {
        serde_json::from_value(value).expect("a behavior")
    }

    #[tokio::test(start_paused = true)]
    async fn rates_and_bounds_limit_a_change() {
        let policies = |list: Value, select: &str| json!({"policies": list, "selectPolicy": select});
        let pods = |value: i32| json!({"type": "Pods", "value": value, "periodSeconds": 60});
        let percent = |value: i32| json!({"type": "Percent", "value": value, "periodSeconds": 60});
        let both = json!([pods(4), percent(100)]);
        // behavior, changed before, current and desired, expected and why it is limited
        let cases = [
            (json!({}), 0, (1, 9), 4, "ScaleUpLimit"),
            (json!({}), 0, (5, 9), 9, ""),
            (json!({}), 0, (10, 99), 20, "TooManyReplicas"),
            (json!({}), 0, (10, 0), 2, "TooFewReplicas"),
            (json!({"scaleUp": policies(both.clone(), "Max")}), 0, (3, 20), 7, "ScaleUpLimit"),
            (json!({"scaleUp": policies(both.clone(), "Max")}), 0, (10, 20), 20, ""),
            (json!({"scaleUp": policies(both.clone(), "Min")}), 0, (10, 20), 14, "ScaleUpLimit"),
            (json!({"scaleUp": policies(both.clone(), "Max")}), 4, (10, 20), 12, "ScaleUpLimit"),
            (json!({"scaleUp": policies(both.clone(), "Disabled")}), 0, (10, 20), 10, "ScaleUpLimit"),
            (json!({"scaleUp": policies(json!([pods(1)]), "Max")}), 5, (10, 20), 10, "ScaleUpLimit"),
            (json!({"scaleDown": policies(json!([pods(2), percent(10)]), "Max")}), 0, (10, 3), 8, "ScaleDownLimit"),
            (json!({"scaleDown": policies(json!([pods(2), percent(10)]), "Min")}), 0, (10, 3), 9, "ScaleDownLimit"),
            (json!({"scaleDown": policies(json!([pods(2)]), "Max")}), -2, (10, 3), 10, "ScaleDownLimit"),
        ];
        for (behavior, before, (current, desired), expected, why) in cases {
            let now = Instant::now();
            let mut memory = Memory::default();
            memory.note_change(before, now);
            let verdict = normalize((current, desired), (2, 20), Some(&rules(behavior.clone())), &mut memory, now);
            let found = (verdict.replicas, verdict.limited.map_or("", |(reason, _)| reason));
            assert_eq!(found, (expected, why), "{behavior} {before} {current} {desired}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lower_recommendation_must_last_for_its_window() {
        let mut memory = Memory::starting_with(8, Instant::now());
        let mut ask = |desired: i32| {
            let verdict = normalize((8, desired), (1, 20), None, &mut memory, Instant::now());
            (verdict.replicas, verdict.stabilized.0)
        };
        assert_eq!(ask(3), (8, "ScaleDownStabilized"));
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(ask(6), (8, "ScaleDownStabilized"));
        tokio::time::advance(Duration::from_secs(101)).await;
        assert_eq!(ask(3), (6, "ScaleDownStabilized"), "the highest of the window");
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(ask(3), (3, "ReadyForNewScale"));

        let slow = rules(json!({"scaleUp": {"stabilizationWindowSeconds": 60,
            "policies": [{"type": "Pods", "value": 90, "periodSeconds": 1}]}}));
        let mut memory = Memory::starting_with(2, Instant::now());
        let verdict = normalize((2, 9), (1, 20), Some(&slow), &mut memory, Instant::now());
        assert_eq!((verdict.replicas, verdict.stabilized.0), (2, "ScaleUpStabilized"));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(normalize((2, 9), (1, 20), Some(&slow), &mut memory, Instant::now()).replicas, 9);
    }
}
