//! How many replicas a metric asks for: what is measured against what is wanted, careful about pods that say nothing.

use crate::pods::{phase, ready_condition};
use crate::prelude::*;
use cluster_client::pods;

/// For how long a starting pod's use of the processor says nothing about its later use.
const CPU_INITIALIZATION: SignedDuration = SignedDuration::from_mins(5);
/// For how long a pod that was never ready counts as still starting.
const INITIAL_READINESS: SignedDuration = SignedDuration::from_secs(30);
/// How far off the goal is near enough.
const DEFAULT_TOLERANCE: f64 = 0.1;

/// What a metric says about one pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// In thousandths.
    pub(super) value: i64,
    /// The end of the time it was measured over.
    pub(super) at: Timestamp,
    pub(super) window: SignedDuration,
}

/// What a metric says, by the name of the pod.
pub(super) type Samples = HashMap<String, Sample>;

/// How far the measured may be off the goal without anything being done, as a share of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance {
    pub(super) up: f64,
    pub(super) down: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { up: DEFAULT_TOLERANCE, down: DEFAULT_TOLERANCE }
    }
}

impl Tolerance {
    fn covers(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// What the pods' average should be.
pub(super) enum Goal {
    /// A share, in percent, of what each pod requests (in thousandths, by name).
    Utilization { percent: i32, requests: HashMap<String, i64> },
    /// An amount in thousandths.
    Average(i64),
}

/// The measured average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    ratio: f64,
    /// In percent, for a goal that is one.
    pub(super) utilization: Option<i32>,
    /// In thousandths.
    pub(super) average: i64,
}

impl Goal {
    fn measure(&self, values: &BTreeMap<&str, i64>) -> Result<Measured, String> {
        let len = i64::try_from(values.len()).unwrap_or(i64::MAX);
        let average = |total: i64| total / len.max(1);
        match self {
            Self::Average(goal) => {
                let average = average(values.values().sum());
                Ok(Measured { ratio: average as f64 / *goal as f64, utilization: None, average })
            }
            Self::Utilization { percent, requests } => {
                let known = values.iter().filter_map(|(pod, value)| Some((*value, *requests.get(*pod)?)));
                let (total, requested) =
                    known.fold((0, 0), |(total, all), (value, request)| (total + value, all + request));
                if requested == 0 {
                    return Err("no metrics returned matched known pods".to_owned());
                }
                let utilization = i32::try_from(total * 100 / requested).unwrap_or(i32::MAX);
                let ratio = f64::from(utilization) / f64::from(*percent);
                Ok(Measured { ratio, utilization: Some(utilization), average: average(total) })
            }
        }
    }

    /// What a silent pod is taken to use when the others use little: nothing may shrink because of silence alone.
    fn assumed(&self, pod: &str) -> i64 {
        match self {
            Self::Average(goal) => *goal,
            Self::Utilization { percent, requests } => {
                requests.get(pod).copied().unwrap_or_default() * i64::from((*percent).max(100)) / 100
            }
        }
    }
}

#[derive(Default)]
struct Groups<'a> {
    values: BTreeMap<&'a str, i64>,
    unready: Vec<&'a str>,
    missing: Vec<&'a str>,
}

fn group<'a>(pods: &'a [Arc<Pod>], samples: &Samples, is_cpu: bool, now: Timestamp) -> Groups<'a> {
    let mut groups = Groups::default();
    for pod in pods.iter().filter(|pod| !pod.is_deleting() && phase(pod) != "Failed") {
        let name = pod.name();
        match samples.get(name) {
            _ if phase(pod) == "Pending" => groups.unready.push(name),
            None => groups.missing.push(name),
            Some(sample) if is_cpu && is_starting(pod, sample, now) => groups.unready.push(name),
            Some(sample) => drop(groups.values.insert(name, sample.value)),
        }
    }
    groups
}

/// Whether a pod is not ready, or was measured before it was.
fn is_starting(pod: &Pod, sample: &Sample, now: Timestamp) -> bool {
    let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
    let Some((started, ready)) = started.zip(ready_condition(pod)) else { return true };
    let turned = ready.last_transition_time.as_ref().map_or(Timestamp::MIN, |time| time.0);
    if now.duration_since(started) < CPU_INITIALIZATION {
        !is_ready(pod) || sample.at.duration_since(turned) < sample.window
    } else {
        !is_ready(pod) && turned.duration_since(started) < INITIAL_READINESS
    }
}

/// The replicas a metric of the pods themselves asks for. Silent pods and pods that start can only dampen: when all is
/// taken against the change and it still stands, it is made.
pub(super) fn of_pods(
    current: i32,
    pods: &[Arc<Pod>],
    samples: &Samples,
    goal: &Goal,
    is_cpu: bool,
    tolerance: Tolerance,
    now: Timestamp,
) -> Result<(i32, Measured), String> {
    if pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".to_owned());
    }
    let mut groups = group(pods, samples, is_cpu, now);
    if groups.values.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    let first = goal.measure(&groups.values)?;
    let grows_with_unready = !groups.unready.is_empty() && first.ratio > 1.0;
    if !grows_with_unready && groups.missing.is_empty() {
        let ready = groups.values.len() as f64;
        let replicas = if tolerance.covers(first.ratio) { current } else { (first.ratio * ready).ceil() as i32 };
        return Ok((replicas, first));
    }
    for &pod in &groups.missing {
        if first.ratio < 1.0 {
            groups.values.insert(pod, goal.assumed(pod));
        } else if first.ratio > 1.0 {
            groups.values.insert(pod, 0);
        }
    }
    if grows_with_unready {
        groups.values.extend(groups.unready.iter().map(|pod| (*pod, 0)));
    }
    let second = goal.measure(&groups.values)?.ratio;
    let turned = (first.ratio < 1.0 && second > 1.0) || (first.ratio > 1.0 && second < 1.0);
    if tolerance.covers(second) || turned {
        return Ok((current, first));
    }
    let replicas = (second * groups.values.len() as f64).ceil() as i32;
    let against = (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current);
    Ok((if against { current } else { replicas }, first))
}

/// The replicas a value asks for that is not of the pods, against a goal for all of them together.
pub(super) fn of_value(
    current: i32,
    pods: &[Arc<Pod>],
    value: i64,
    goal: i64,
    tolerance: Tolerance,
) -> Result<i32, String> {
    let ratio = value as f64 / goal as f64;
    if current == 0 {
        return Ok(ratio.ceil() as i32);
    }
    if tolerance.covers(ratio) {
        return Ok(current);
    }
    if pods.is_empty() {
        return Err(
            "unable to calculate ready pods: no pods returned by selector while calculating replica count".to_owned()
        );
    }
    let ready = pods.iter().filter(|pod| phase(pod) == "Running" && is_ready(pod)).count();
    Ok((ratio * ready as f64).ceil() as i32)
}

/// The replicas a value asks for of which each replica should have `goal`; also what each has now.
pub(super) fn of_share(replicas: i32, value: i64, goal: i64, tolerance: Tolerance) -> (i32, i64) {
    let ratio = value as f64 / (goal as f64 * f64::from(replicas));
    let wanted = if tolerance.covers(ratio) { replicas } else { (value as f64 / goal as f64).ceil() as i32 };
    (wanted, (value as f64 / f64::from(replicas.max(1))).ceil() as i64)
}

/// What each pod requests of a resource, in thousandths, in all its containers or in the one named.
pub(super) fn requests(
    pods: &[Arc<Pod>],
    resource: &str,
    container: Option<&str>,
) -> Result<HashMap<String, i64>, String> {
    let of = |pod: &Arc<Pod>| -> Result<(String, i64), String> {
        let spec = pod.spec.as_ref();
        let whole = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get(resource));
        if let Some(amount) = whole.filter(|_| container.is_none()) {
            return Ok((pod.name().to_owned(), milli(&amount.0)));
        }
        let all = spec.into_iter().flat_map(pods::lasting);
        let mut sum = 0;
        for one in all.filter(|one| container.is_none_or(|wanted| wanted == one.name)) {
            let amount = one.resources.as_ref().and_then(|all| all.requests.as_ref()?.get(resource));
            let amount = amount.ok_or_else(|| {
                format!("missing request for {resource} in container {} of Pod {}", one.name, pod.name())
            })?;
            sum += milli(&amount.0);
        }
        Ok((pod.name().to_owned(), sum))
    };
    pods.iter().map(of).collect()
}

/// An amount in thousandths; nothing for what is none.
pub(super) fn milli(amount: &str) -> i64 {
    Quantity::parse(amount).unwrap_or_default().milli_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;
    use serde_json::json;

    fn ready(name: usize, since: &str, is_ready: bool) -> Arc<Pod> {
        let status = if is_ready { "True" } else { "False" };
        pod(json!({"metadata": {"name": name.to_string()},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
            "status": {"phase": "Running", "startTime": since,
                "conditions": [{"type": "Ready", "status": status, "lastTransitionTime": since}]}}))
    }

    #[test]
    fn pods_that_say_nothing_only_dampen() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        // replicas, use of each pod in thousandths (negative: not ready), goal in percent, expected
        let cases: [(i32, &[i64], i32, i32); 12] = [
            (3, &[300, 500, 700], 30, 5),
            (5, &[100, 300, 500, 250, 250], 50, 3),
            (3, &[300, 500, 700], 48, 3),
            (3, &[300, 500, 700], 54, 3),
            (3, &[-300, 500, 700], 30, 4),
            (3, &[400, -500, -700], 40, 3),
            (3, &[-300, 400, 500], 90, 1),
            (2, &[1000], 100, 2),
            (2, &[1900], 100, 2),
            (2, &[600], 100, 2),
            (4, &[2000, 2000], 100, 4),
            (4, &[3000, 3000], 100, 6),
        ];
        for (replicas, used, percent, expected) in cases {
            let since = |value: i64| if value < 0 { "2026-01-01T12:00:00Z" } else { "2026-01-01T10:00:00Z" };
            let of = |index: usize| used.get(index).copied().unwrap_or(1);
            let pods: Vec<_> = (0..replicas as usize).map(|n| ready(n, since(of(n)), of(n) >= 0)).collect();
            let sample = |value: &i64| Sample { value: value.abs(), at: now, window: SignedDuration::from_secs(30) };
            let samples = used.iter().enumerate().map(|(n, value)| (n.to_string(), sample(value))).collect();
            let goal = Goal::Utilization { percent, requests: requests(&pods, "cpu", None).expect("requests") };
            let found = of_pods(replicas, &pods, &samples, &goal, true, Tolerance::default(), now);
            assert_eq!(found.map(|(wanted, _)| wanted), Ok(expected), "{replicas} {used:?} {percent}");
        }
    }

    #[test]
    fn a_value_of_its_own_counts_for_all_or_for_each() {
        let pods: Vec<_> = (0..4).map(|n| ready(n, "2026-01-01T10:00:00Z", n > 0)).collect();
        let cases = [(4, 2000, 1000, 6), (4, 1050, 1000, 4), (4, 500, 1000, 2), (0, 2500, 1000, 3)];
        for (current, value, goal, expected) in cases {
            assert_eq!(of_value(current, &pods, value, goal, Tolerance::default()), Ok(expected), "{value}");
        }
        assert_eq!(of_share(4, 10_000, 2000, Tolerance::default()), (5, 2500));
        assert_eq!(of_share(4, 8200, 2000, Tolerance::default()), (4, 2050));
        let missing = requests(&pods, "memory", None).expect_err("no request");
        assert_eq!(missing, "missing request for memory in container c of Pod 0");
        let nobody = of_pods(1, &[], &Samples::new(), &Goal::Average(1), false, Tolerance::default(), Timestamp::now());
        assert!(nobody.expect_err("none").starts_with("no pods returned by selector"));
    }
}
