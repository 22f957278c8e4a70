//! What a daemon set does next: one pod on every node that wants one, then updates within its bounds.

use super::pods::{target, wants};
use crate::history::revision;
use crate::prelude::*;

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The nodes that get a pod.
    pub(super) create: Vec<String>,
    pub(super) delete: Vec<Arc<Pod>>,
    /// Those of the deleted that ended by themselves.
    pub(super) ended: Vec<Arc<Pod>>,
    pub(super) status: DaemonSetStatus,
    pub(super) again: Option<Duration>,
}

type ByNode = BTreeMap<String, Vec<Arc<Pod>>>;
/// The pod of the present revision and the one of an older.
type Pair<'a> = (Option<&'a Arc<Pod>>, Option<&'a Arc<Pod>>);

/// What the decisions read.
struct View<'a> {
    now: &'a Time,
    min_ready: Duration,
    hash: &'a str,
    surge: i32,
    unavailable: i32,
    by_node: ByNode,
}

impl View<'_> {
    fn available(&self, pod: &Pod) -> bool {
        is_available(pod, self.min_ready, self.now)
    }

    fn is_new(&self, pod: &Pod) -> bool {
        revision(pod) == self.hash
    }

    /// The pod of the present revision and the one of an older; `None` when there are more of either.
    fn pair(&self, node: &str) -> Option<Pair<'_>> {
        let pods = self.by_node.get(node).into_iter().flatten().filter(|pod| !pod.is_deleting());
        let (new, old): (Vec<_>, Vec<_>) = pods.partition(|pod| self.is_new(pod));
        (new.len() <= 1 && old.len() <= 1).then(|| (new.first().copied(), old.first().copied()))
    }
}

/// `pattern` is the pod of the present revision, whose hash is `hash`; `settled` says that the cache shows all pods that
/// were made and deleted.
pub(super) fn plan(
    set: &DaemonSet,
    nodes: &[Arc<Node>],
    pods: &[Arc<Pod>],
    (pattern, hash): (&Pod, &str),
    settled: bool,
    now: &Time,
) -> Plan {
    let verdicts: Vec<(&str, bool, bool)> = nodes
        .iter()
        .map(|node| {
            let (run, stay) = wants(pattern, node);
            (node.name(), run, stay)
        })
        .collect();
    let desired = i32::try_from(verdicts.iter().filter(|(_, run, _)| *run).count()).unwrap_or(i32::MAX);
    let (surge, unavailable) = bounds(set, desired);
    let mut by_node = ByNode::new();
    for pod in pods {
        if let Some(node) = target(pod) {
            by_node.entry(node.to_owned()).or_default().push(pod.clone());
        }
    }
    for pods in by_node.values_mut() {
        // Pods that run somewhere come before those that wait.
        pods.sort_by_key(|pod| (crate::pods::node(pod).is_empty(), pod.created(), pod.name().to_owned()));
    }
    let min_ready = seconds(set.spec.min_ready_seconds.unwrap_or_default());
    let view = View { now, min_ready, hash, surge, unavailable, by_node };
    let mut plan = Plan { status: observe(&view, set, &verdicts, desired), ..Plan::default() };
    plan.again = pods.iter().filter_map(|pod| until_available(pod, min_ready, now)).min();
    if set.is_deleting() || !settled {
        return plan;
    }
    // Of a node that is gone nobody else removes what never got there.
    let known: HashSet<&str> = verdicts.iter().map(|(node, ..)| *node).collect();
    let gone = view.by_node.iter().filter(|(node, _)| !known.contains(node.as_str()));
    let lost = gone.flat_map(|(_, pods)| pods).filter(|pod| crate::pods::node(pod).is_empty() && !pod.is_deleting());
    plan.delete.extend(lost.cloned());
    for (node, run, stay) in &verdicts {
        manage(&view, node, *run, *stay, &mut plan);
    }
    if plan.create.is_empty() && plan.delete.is_empty() && rolls(set) {
        let nodes: Vec<&str> = verdicts.iter().filter(|(_, run, _)| *run).map(|(node, ..)| *node).collect();
        update(&view, &nodes, &mut plan);
    }
    plan
}

fn rolls(set: &DaemonSet) -> bool {
    let strategy = set.spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref());
    strategy != Some("OnDelete")
}

/// How many nodes may have two pods, and how many none, in an update.
fn bounds(set: &DaemonSet, desired: i32) -> (i32, i32) {
    let rolling = set.spec.update_strategy.as_ref().filter(|_| rolls(set));
    let rolling = rolling.and_then(|strategy| strategy.rolling_update.as_ref());
    let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref()).map_or(0, |max| scaled(max, desired, true));
    let missing = rolling.and_then(|rolling| rolling.max_unavailable.as_ref());
    let missing = missing.map_or(1, |max| scaled(max, desired, true));
    if surge == 0 && missing == 0 { (0, 1) } else { (surge, missing) }
}

/// One pod where one is wanted, none where none may be.
fn manage(view: &View<'_>, node: &str, run: bool, stay: bool, plan: &mut Plan) {
    let pods = view.by_node.get(node).map(Vec::as_slice).unwrap_or_default();
    if !stay {
        plan.delete.extend(pods.iter().filter(|pod| !pod.is_deleting()).cloned());
        return;
    }
    if run && pods.is_empty() {
        plan.create.push(node.to_owned());
        return;
    }
    let present = pods.iter().filter(|pod| !pod.is_deleting());
    let (ended, running): (Vec<_>, Vec<_>) = present.partition(|pod| is_finished(pod));
    plan.ended.extend(ended.iter().map(|pod| (*pod).clone()));
    plan.delete.extend(ended.into_iter().cloned());
    if view.surge == 0 {
        plan.delete.extend(running.into_iter().skip(1).cloned());
        return;
    }
    if run && pods.iter().all(|pod| pod.is_deleting()) {
        plan.create.push(node.to_owned());
    }
    // Beside a new pod an old one stays as long as it works and the new one does not yet.
    let (new, old): (Vec<_>, Vec<_>) = running.into_iter().partition(|pod| view.is_new(pod));
    let needed = |old: &Arc<Pod>| new.first().is_none_or(|new| is_ready(old) && !view.available(new));
    let kept = usize::from(old.first().is_some_and(|old| needed(old)));
    plan.delete.extend(new.into_iter().skip(1).chain(old.into_iter().skip(kept)).cloned());
}

/// Deletes old pods, or puts new ones beside them, first where they do not work, as long as few enough nodes are without
/// a pod, or have two.
fn update(view: &View<'_>, nodes: &[&str], plan: &mut Plan) {
    let surges = view.surge > 0;
    let (mut busy, mut broken, mut working) = (0, Vec::new(), Vec::new());
    for node in nodes {
        match view.pair(node) {
            Some((None, Some(old))) if view.available(old) => working.push((node, old)),
            Some((None, Some(old))) => broken.push((node, old)),
            Some((Some(_), Some(_))) => busy += 1,
            Some((Some(new), None)) if view.available(new) => {}
            _ => busy += i32::from(!surges),
        }
    }
    let most = if surges { view.surge } else { view.unavailable };
    let allowed = working.into_iter().take(usize::try_from(most - busy).unwrap_or_default());
    for (node, old) in broken.into_iter().chain(allowed) {
        if surges { plan.create.push((*node).to_owned()) } else { plan.delete.push(old.clone()) }
    }
}

fn observe(view: &View<'_>, set: &DaemonSet, verdicts: &[(&str, bool, bool)], desired: i32) -> DaemonSetStatus {
    let mut status = DaemonSetStatus {
        observed_generation: set.metadata.generation,
        desired_number_scheduled: desired,
        collision_count: set.status.as_ref().and_then(|status| status.collision_count),
        conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
        ..DaemonSetStatus::default()
    };
    let (mut updated, mut available) = (0, 0);
    for (node, run, _) in verdicts {
        // The oldest speaks for its node: beside it a new one may begin.
        let Some(pod) = view.by_node.get(*node).and_then(|pods| pods.first()) else { continue };
        if !run {
            status.number_misscheduled += 1;
            continue;
        }
        status.current_number_scheduled += 1;
        status.number_ready += i32::from(is_ready(pod));
        available += i32::from(view.available(pod));
        updated += i32::from(view.is_new(pod));
    }
    let some = |count: i32| Some(count).filter(|count| *count > 0);
    status.updated_number_scheduled = some(updated);
    status.number_available = some(available);
    status.number_unavailable = some(desired - available);
    status
}

/// Why a pod that ended is deleted.
pub(super) fn obituary(pod: &Pod) -> (&'static str, &'static str, String) {
    let (kind, reason, what) = match phase(pod) {
        "Failed" => ("Warning", "FailedDaemonPod", "failed daemon pod"),
        _ => ("Normal", "SucceededDaemonPod", "succeeded daemon pod"),
    };
    let key = pod.key();
    (kind, reason, format!("Found {what} {key} on node {}, will try to kill it", crate::pods::node(pod)))
}
