//! What each change in the cluster means for the scheduler.

use crate::feeds::Feeds;
use crate::model::{Objects, is_infeasible, statuses};
use crate::plugins::{Happening, SELECTED_NODE};
use crate::prelude::*;
use crate::scheduler::Scheduler;
use cluster_client::{Change, Informers, pods};
use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, ReplicationController, Service};
use std::hash::Hash;

/// Everything the scheduler watches.
pub(crate) fn feeds(informers: &Informers) -> Feeds {
    Feeds::default()
        .with(informers, Scheduler::node_changed)
        .with(informers, namespace_changed)
        .with(informers, claim_changed)
        .with(informers, storage_changed(|objects| &mut objects.volumes))
        .with(informers, storage_changed(|objects| &mut objects.storage_classes))
        .with(informers, storage_changed(|objects| &mut objects.drivers))
        .with(informers, |s: &mut Scheduler, change: Change<Service>| {
            s.cluster.objects.set_service(change.object(), change.gone().is_some());
        })
        .with(informers, replication_controller_changed)
        .with(informers, |s: &mut Scheduler, change: Change<ReplicaSet>| {
            let selector = present(&change).map(|set| &set.spec.selector);
            s.cluster.objects.set_owner(&**change.object(), selector);
        })
        .with(informers, |s: &mut Scheduler, change: Change<StatefulSet>| {
            let selector = present(&change).map(|set| &set.spec.selector);
            s.cluster.objects.set_owner(&**change.object(), selector);
        })
        .with(informers, |s: &mut Scheduler, change: Change<PodDisruptionBudget>| {
            keep(&mut s.cluster.objects.budgets, change.object().key(), &change);
        })
        .with(informers, Scheduler::pod_changed)
}

/// The object, unless it is gone.
fn present<K>(change: &Change<K>) -> Option<&Arc<K>> {
    change.gone().is_none().then(|| change.object())
}

fn keep<Q: Eq + Hash, K>(objects: &mut HashMap<Q, Arc<K>>, key: Q, change: &Change<K>) {
    match present(change) {
        Some(object) => drop(objects.insert(key, object.clone())),
        None => drop(objects.remove(&key)),
    }
}

fn namespace_changed(scheduler: &mut Scheduler, change: Change<Namespace>) {
    let name = change.object().name().to_owned();
    match present(&change) {
        Some(namespace) => {
            let labels = namespace.metadata.labels.clone().unwrap_or_default();
            if scheduler.cluster.objects.namespaces.insert(name, labels.clone()) != Some(labels) {
                scheduler.wake(&Happening::Namespace, Instant::now());
            }
        }
        None => drop(scheduler.cluster.objects.namespaces.remove(&name)),
    }
}

fn claim_changed(scheduler: &mut Scheduler, change: Change<PersistentVolumeClaim>) {
    let (key, objects) = (change.object().key(), &mut scheduler.cluster.objects);
    let told = |claim: &Arc<PersistentVolumeClaim>| claim.annotation(SELECTED_NODE).is_some();
    // A provisioner that can make no volume on the chosen node takes its name away.
    let was_told = objects.claims.get(&key).is_some_and(told);
    let failed = present(&change).is_none_or(|claim| was_told && !told(claim) && volume_name(claim).is_none());
    keep(&mut objects.claims, key.clone(), &change);
    objects.selected.remove(&key);
    let now = Instant::now();
    scheduler.claim_changed(&key, failed, now);
    scheduler.wake(&Happening::Claim(&key), now);
}

/// What only storage is decided by is kept under its name.
fn storage_changed<K: Object>(
    kept: fn(&mut Objects) -> &mut HashMap<String, Arc<K>>,
) -> impl Fn(&mut Scheduler, Change<K>) {
    move |scheduler, change| {
        keep(kept(&mut scheduler.cluster.objects), change.object().name().to_owned(), &change);
        scheduler.wake(&Happening::Storage, Instant::now());
    }
}

fn replication_controller_changed(scheduler: &mut Scheduler, change: Change<ReplicationController>) {
    let labels = present(&change).and_then(|rc| rc.spec.as_ref()).and_then(|spec| spec.selector.clone());
    let selector = labels.map(|labels| LabelSelector { match_labels: Some(labels), match_expressions: None });
    scheduler.cluster.objects.set_owner(&**change.object(), selector.as_ref());
}

impl Scheduler {
    fn node_changed(&mut self, change: Change<Node>) {
        let now = Instant::now();
        let name = change.object().name();
        let Some(node) = present(&change) else {
            self.cluster.remove_node(name);
            return self.wake(&Happening::NodeGone, now);
        };
        if self.cluster.set_node(node) {
            self.wake_by_node(self.cluster.find(name), now);
        }
    }

    fn pod_changed(&mut self, change: Change<Pod>) {
        let now = Instant::now();
        let pod = change.object();
        if pods::is_finished(pod) || change.gone().is_some() {
            return self.pod_ended(pod.uid(), now);
        }
        let bound = !pods::node(pod).is_empty();
        let scheduler = pod.spec.as_ref().and_then(|s| s.scheduler_name.as_deref()).unwrap_or_default();
        let own = self.settings.profile(scheduler).is_some();
        if bound {
            self.pod_bound(&change, now);
        } else if own {
            self.pod_pending(&change, now);
        }
    }

    fn pod_ended(&mut self, uid: &str, now: Instant) {
        self.queue.remove(uid);
        let waited_for = self.cluster.withdraw(uid);
        self.take_off(uid, now);
        self.wake_by_node(waited_for, now);
    }

    fn wake_by_node(&mut self, node: Option<NodeId>, now: Instant) {
        if let Some(node) = node.map(|node| self.cluster.node(node).clone()) {
            self.wake(&Happening::Node(&node), now);
        }
    }

    /// A pod is on a node, whoever put it there.
    fn pod_bound(&mut self, change: &Change<Pod>, now: Instant) {
        let pod = change.object();
        let uid = pod.uid();
        self.queue.remove(uid);
        self.reserved.remove(uid);
        self.cluster.withdraw(uid);
        let assumed = self.cluster.is_assumed(uid);
        if !assumed && self.cluster.placed(uid).is_some() && !says_something_new(change) {
            return self.cluster.renew(uid, pod);
        }
        let info = Arc::new(PodInfo::among(&self.cluster.classes, pod.clone()));
        let before = self.cluster.placed(uid).filter(|_| !assumed).cloned();
        let node = info.node_name().unwrap_or_default().to_owned();
        self.cluster.place(info.clone(), &node, false);
        if let Some(before) = before
            && let Some(id) = self.cluster.find(&node)
        {
            let node = self.cluster.node(id).clone();
            self.wake(&Happening::PodGone(&before, &node), now);
        }
        self.wake(&Happening::PodPlaced(&info), now);
    }

    /// A pod has no node yet.
    fn pod_pending(&mut self, change: &Change<Pod>, now: Instant) {
        let pod = change.object();
        let uid = pod.uid();
        if self.cluster.is_assumed(uid) {
            return;
        }
        let info = Arc::new(PodInfo::among(&self.cluster.classes, pod.clone()));
        match info.nominated_node().and_then(|name| self.cluster.find(name)) {
            Some(node) => self.cluster.nominate(&info, node),
            None if self.queue.get(uid).is_some_and(|before| before.nominated_node().is_some()) => {
                self.cluster.withdraw(uid);
            }
            None => {}
        }
        self.queue.put(info, says_something_new(change), now);
    }
}

/// Whether an update changes what a decision looks at.
fn says_something_new(change: &Change<Pod>) -> bool {
    let Change::Updated { old, new } = change else { return true };
    old.spec != new.spec
        || old.metadata.labels != new.metadata.labels
        || old.is_deleting() != new.is_deleting()
        || is_infeasible(old) != is_infeasible(new)
        || !granted(old).eq(granted(new))
}

/// What the node holds for each container.
fn granted(pod: &Pod) -> impl Iterator<Item = impl PartialEq> {
    statuses(pod).map(|status| (&status.name, &status.allocated_resources, &status.resources))
}
