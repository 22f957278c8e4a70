//! What a stateful set does next: fills gaps from below, removes the surplus from above, then updates from above.

use super::identity::{ordinal, wanted};
use crate::history::revision;
use crate::prelude::*;

/// One step of a set, in the order they are to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Makes the pod with this ordinal, from the present template or the one before it.
    Create {
        ordinal: i32,
        updated: bool,
    },
    /// Brings labels, volumes and claims of a pod up to date.
    Tend(Arc<Pod>),
    Delete(Arc<Pod>),
    /// Deletes a pod above the wanted ordinals; its claims may go with it.
    Condemn(Arc<Pod>),
    /// Deletes a pod that ended, so that it is made again.
    Recreate(Arc<Pod>),
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) status: StatefulSetStatus,
    pub(super) again: Option<Duration>,
}

/// What the decisions read.
struct View<'a> {
    set: &'a StatefulSet,
    now: &'a Time,
    min_ready: Duration,
    ordered: bool,
    update: &'a str,
    replicas: BTreeMap<i32, Option<Arc<Pod>>>,
    /// The surplus, highest ordinal first.
    condemned: Vec<Arc<Pod>>,
}

fn is_running(pod: &Pod) -> bool {
    phase(pod) == "Running" && is_ready(pod)
}

impl View<'_> {
    fn available(&self, pod: &Pod) -> bool {
        is_running(pod) && is_available(pod, self.min_ready, self.now)
    }

    /// Whether the pods above this one must wait for it.
    fn blocks(&self, pod: &Pod) -> bool {
        self.ordered && (pod.is_deleting() || !self.available(pod))
    }
}

pub(super) fn plan(set: &StatefulSet, pods: &[Arc<Pod>], current: &str, update: &str, now: &Time) -> Plan {
    let spec = &set.spec;
    let range = wanted(set);
    let mut view = View {
        set,
        now,
        min_ready: seconds(spec.min_ready_seconds.unwrap_or_default()),
        ordered: spec.pod_management_policy.as_deref() != Some("Parallel"),
        update,
        replicas: range.clone().map(|ordinal| (ordinal, None)).collect(),
        condemned: Vec::new(),
    };
    let mut known: Vec<_> = pods.iter().filter_map(|pod| Some((ordinal(set, pod)?, pod.clone()))).collect();
    known.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
    for (ordinal, pod) in known {
        match view.replicas.get_mut(&ordinal) {
            Some(slot) => *slot = Some(pod),
            None => view.condemned.push(pod),
        }
    }
    let mut plan = Plan { status: observe(&view, current), ..Plan::default() };
    plan.again = pods.iter().filter_map(|pod| until_available(pod, view.min_ready, now)).min();
    if !set.is_deleting() && fill(&view, &mut plan.steps) && shrink(&view, &mut plan.steps) {
        roll(&view, &mut plan.steps);
    }
    complete(set, &mut plan.status);
    plan
}

fn observe(view: &View<'_>, current: &str) -> StatefulSetStatus {
    let old = view.set.status.clone().unwrap_or_default();
    let pods: Vec<&Arc<Pod>> = view.replicas.values().flatten().chain(&view.condemned).collect();
    let count =
        |test: &dyn Fn(&Pod) -> bool| i32::try_from(pods.iter().filter(|pod| test(pod)).count()).unwrap_or(i32::MAX);
    let of = |wanted: &str| count(&|pod: &Pod| !pod.is_deleting() && revision(pod) == wanted);
    StatefulSetStatus {
        observed_generation: view.set.metadata.generation,
        replicas: count(&|_| true),
        ready_replicas: Some(count(&is_running)),
        available_replicas: Some(count(&|pod| view.available(pod))),
        current_replicas: Some(of(current)),
        updated_replicas: Some(of(view.update)),
        current_revision: Some(current.to_owned()),
        update_revision: Some(view.update.to_owned()),
        collision_count: Some(old.collision_count.unwrap_or_default()),
        ..old
    }
}

/// The present revision becomes the current one once all pods have it and are ready.
fn complete(set: &StatefulSet, status: &mut StatefulSetStatus) {
    let wanted = i32::try_from(wanted(set).len()).unwrap_or(i32::MAX);
    let all = status.replicas == wanted
        && [status.updated_replicas, status.ready_replicas].iter().all(|count| *count == Some(wanted));
    if rolls(set) && all {
        status.current_revision.clone_from(&status.update_revision);
        status.current_replicas = status.updated_replicas;
    }
}

fn rolls(set: &StatefulSet) -> bool {
    let strategy = set.spec.update_strategy.as_ref();
    strategy.and_then(|strategy| strategy.type_.as_deref()) != Some("OnDelete")
}

fn rolling(set: &StatefulSet) -> Option<&RollingUpdateStatefulSetStrategy> {
    set.spec.update_strategy.as_ref()?.rolling_update.as_ref()
}

/// The first ordinal that is updated.
fn first_updated(set: &StatefulSet) -> i32 {
    let partition = rolling(set).and_then(|rolling| rolling.partition).unwrap_or_default();
    if rolls(set) { wanted(set).start.saturating_add(partition) } else { i32::MIN }
}

/// Makes every wanted pod, one after the other when ordered; whether the rest may go on.
fn fill(view: &View<'_>, steps: &mut Vec<Step>) -> bool {
    let mut ended = false;
    for (&ordinal, pod) in &view.replicas {
        match pod {
            None => {
                steps.push(Step::Create { ordinal, updated: ordinal >= first_updated(view.set) });
                if view.ordered {
                    return false;
                }
            }
            Some(pod) if is_finished(pod) && !pod.is_deleting() => {
                steps.push(Step::Recreate(pod.clone()));
                ended = true;
                if view.ordered {
                    return false;
                }
            }
            Some(pod) => {
                if !pod.is_deleting() {
                    steps.push(Step::Tend(pod.clone()));
                }
                if view.blocks(pod) {
                    return false;
                }
            }
        }
    }
    !ended
}

/// Deletes the surplus, the highest first; an ordered set only while all below are healthy.
fn shrink(view: &View<'_>, steps: &mut Vec<Step>) -> bool {
    let unhealthy = |pod: &&Arc<Pod>| !view.available(pod) || pod.is_deleting();
    let first_unhealthy = view.replicas.values().flatten().find(unhealthy);
    let first_unhealthy = first_unhealthy.or_else(|| view.condemned.iter().rev().find(unhealthy));
    for pod in &view.condemned {
        let is_first = first_unhealthy.is_some_and(|first| first.name() == pod.name());
        if pod.is_deleting() {
            if view.ordered {
                return false;
            }
            continue;
        }
        if view.ordered && !view.available(pod) && !is_first {
            return false;
        }
        steps.push(Step::Condemn(pod.clone()));
        if view.ordered {
            return false;
        }
    }
    true
}

/// Replaces pods of an older revision, the highest first, as many at once as may be unavailable.
fn roll(view: &View<'_>, steps: &mut Vec<Step>) {
    if !rolls(view.set) {
        return;
    }
    let total = i32::try_from(view.replicas.len()).unwrap_or(i32::MAX);
    let limit = rolling(view.set).and_then(|rolling| rolling.max_unavailable.as_ref());
    let mut left = limit.map_or(1, |limit| scaled(limit, total, false).max(1));
    for (_, pod) in view.replicas.range(first_updated(view.set)..).rev() {
        if left == 0 {
            return;
        }
        let Some(pod) = pod else {
            left -= 1;
            continue;
        };
        if revision(pod.as_ref()) != view.update && !pod.is_deleting() {
            steps.push(Step::Delete(pod.clone()));
            left -= 1;
        } else if pod.is_deleting() || !view.available(pod) {
            left -= 1;
        }
    }
}
