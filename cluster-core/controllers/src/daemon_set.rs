//! Daemon sets: one pod on every node that fits.

mod plan;
mod pods;

use crate::history::{self, History};
use crate::meta::selector as matcher;
use crate::prelude::*;
use cluster_client::backoff::Backoff;
use plan::Plan;
use pods::{on_node, pattern};

/// How soon a pod that failed is replaced, doubling with every failure on the same node.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_mins(15);

pub(crate) fn runner(context: &Context) -> Runner<DaemonSets> {
    let (sets, nodes) = context.caches();
    let control = PodControl::new(context, "daemonset-controller");
    let history = History::new(&context.client, &context.informers, history::REVISION);
    let controller = Arc::new(DaemonSets { sets, nodes, control, history, failures: Mutex::default() });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.sets, |c, change| c.control.owner(change))
        .on(&controller.control.pods, DaemonSets::concerned)
        .on(&controller.nodes, |c, change| {
            if let Some(gone) = change.gone() {
                c.failures.lock().retain(|(_, node), _| node != gone.name());
            }
            change.unless(concerns_nobody).map_or_else(Vec::new, |_| meta::keys(&c.sets.list()))
        })
        .needs(&controller.history.revisions)
}

/// Whether a node changed in nothing that daemon sets look at: its heartbeat, for example.
fn concerns_nobody(old: &Node, new: &Node) -> bool {
    old.metadata.labels == new.metadata.labels
        && old.spec.as_ref().map(|spec| &spec.taints) == new.spec.as_ref().map(|spec| &spec.taints)
}

pub(crate) struct DaemonSets {
    sets: Informer<DaemonSet>,
    nodes: Informer<Node>,
    control: PodControl,
    history: History,
    /// For each set and node on which its pod ended, until when the next one that ends lies there.
    failures: Mutex<HashMap<(ObjectKey, String), (Backoff, Instant)>>,
}

impl DaemonSets {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(set) = self.sets.get(key) else {
            self.failures.lock().retain(|(set, _), _| set != key);
            return Ok(None);
        };
        let selector = matcher(&set.spec.selector);
        let settled = self.control.settled(set.as_ref());
        let owned = self.control.claim(set.as_ref(), &selector).await?;
        if set.is_deleting() {
            return Ok(None);
        }
        let revisions = self.history.sync(set.as_ref(), &selector, &set.spec.template).await?;
        let hash = history::revision(revisions.update.as_ref());
        let pattern = pattern(&set, &set.spec.template, hash);
        let plan = plan::plan(&set, &self.nodes.list(), &owned, (&pattern, hash), settled, &meta::now());
        let status = plan.status.clone();
        let done = self.execute(&set, &pattern, plan).await;
        let updated = DaemonSet { status: Some(status), ..(*set).clone() };
        write_status(&self.control.client, set.as_ref(), &updated).await?;
        let again = done?;
        let live = revisions.all.iter().filter(|revision| {
            let made_from = |pod: &Arc<Pod>| history::revision(pod.as_ref()) == history::revision(revision.as_ref());
            revision.name() == revisions.update.name() || owned.iter().any(made_from)
        });
        let live: Vec<&str> = live.map(|revision| revision.name()).collect();
        self.history.truncate(&revisions, &live, set.spec.revision_history_limit.unwrap_or(10)).await?;
        Ok(again)
    }

    fn concerned(&self, change: &Change<Pod>) -> Vec<ObjectKey> {
        self.control.concerned::<DaemonSet>(change, |pod| {
            near(&self.sets, pod.namespace(), |set| meta::matches(&matcher(&set.spec.selector), &pod.metadata))
        })
    }

    async fn execute(&self, set: &DaemonSet, pattern: &Pod, mut plan: Plan) -> Outcome {
        let mut again = plan.again;
        for pod in &plan.ended {
            if let Some(left) = self.hold_back(set.key(), crate::pods::node(pod)) {
                plan.delete.retain(|other| other.uid() != pod.uid());
                again = Some(again.map_or(left, |again| again.min(left)));
                continue;
            }
            let (kind, reason, message) = plan::obituary(pod);
            self.control.recorder.event(&reference(set), kind, reason, message);
        }
        plan.create.truncate(BURST);
        plan.delete.truncate(BURST);
        self.control.create(set, plan.create.iter().map(|node| on_node(pattern, node)).collect()).await?;
        self.control.delete(set, &plan.delete).await?;
        Ok(again)
    }

    /// How long the pod that ended on a node has to lie there; `None` counts one more end.
    fn hold_back(&self, set: ObjectKey, node: &str) -> Option<Duration> {
        let (now, mut failures) = (Instant::now(), self.failures.lock());
        let new = || (Backoff::new(FIRST_BACKOFF, MAX_BACKOFF), now);
        let (backoff, until) = failures.entry((set, node.to_owned())).or_insert_with(new);
        if *until > now {
            return Some(*until - now);
        }
        if now - *until > 2 * MAX_BACKOFF {
            backoff.reset();
        }
        *until = now + backoff.pause();
        None
    }
}

#[cfg(test)]
mod tests;
