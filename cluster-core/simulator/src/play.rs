//! Plays the pods of simulated nodes: [`turn`] says what a pod does now and when it does something again.

mod status;

use crate::addresses::Addresses;
use crate::node;
use crate::stages::Stages;
use cluster_client::{
    Change, Client, DeleteOptions, Error, Informer, Informers, Object, ObjectKey, Patch, WorkQueue, pods,
};
use futures::FutureExt;
use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod, PodStatus};
use parking_lot::Mutex;
use serde_json::json;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// Pods in work at once.
const WORKERS: usize = 32;
/// When a pod is looked at again whose node is not known yet, or has no address left.
const LATER: Duration = Duration::from_secs(1);

/// What a pod does now.
#[derive(Debug, PartialEq)]
enum Step {
    /// It reports a new status.
    Report(Box<PodStatus>),
    /// Its containers have ended and it goes.
    Leave,
    Nothing,
}

/// Ends only with the watch of pods.
pub(crate) async fn run(client: &Client, informers: &Informers) {
    let (nodes, pods) = (informers.informer::<Node>(), informers.informer::<Pod>());
    nodes.synced().await;
    pods.synced().await;
    let mut changes = pods.subscribe();
    let player = Arc::new(Player { client, nodes, pods, queue: WorkQueue::new(), addresses: Mutex::default() });
    // Every address in use is known before a new one is given.
    while let Ok(change) = changes.try_recv() {
        player.take(&change);
    }
    let feed = async {
        while let Some(change) = changes.recv().await {
            player.take(&change);
        }
        player.queue.close();
    };
    let work = || player.queue.clone().work(player.clone(), |player, key| player.play(key).boxed());
    tokio::join!(feed, futures::future::join_all((0..WORKERS).map(|_| work())));
}

struct Player<'a> {
    client: &'a Client,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
    queue: WorkQueue<ObjectKey>,
    /// By node.
    addresses: Mutex<HashMap<String, Addresses>>,
}

impl Player<'_> {
    fn take(&self, change: &Change<Pod>) {
        let pod = change.object();
        let node = self.node_of(pod);
        if node.as_ref().is_some_and(|node| !node::is_simulated(node)) {
            return;
        }
        let (name, uid) = (pods::node(pod), pod.uid());
        if name.is_empty() {
            return;
        }
        if change.gone().is_some() || pods::is_finished(pod) {
            if let Some(node) = self.addresses.lock().get_mut(name) {
                node.release(uid);
            }
            return;
        }
        if let Some(address) = pod.status.as_ref().and_then(|s| s.pod_ip.as_ref()?.parse().ok()) {
            self.addresses.lock().entry(name.to_owned()).or_default().hold(uid, address);
        }
        self.queue.add(pod.key());
    }

    fn node_of(&self, pod: &Pod) -> Option<Arc<Node>> {
        self.nodes.get(&ObjectKey::new("", pods::node(pod)))
    }

    async fn play(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(pod) = self.pods.get(key) else { return Ok(None) };
        let Some(node) = self.node_of(&pod) else { return Ok(Some(LATER)) };
        if !node::is_simulated(&node) {
            return Ok(None);
        }
        if !node::is_up(&node) {
            return Ok(Some(LATER));
        }
        let Some(address) = self.address(&pod, &node) else { return Ok(Some(LATER)) };
        let (step, again) = turn(&pod, &Stages::of(&pod, &node), address, node::address(&node), Timestamp::now());
        let done = match step {
            Step::Report(status) => {
                let patch = Patch::Strategic(json!({"metadata": {"uid": pod.metadata.uid}, "status": status}));
                self.client.patch::<Pod>(&key.namespace, &key.name, "status", &patch).await.map(drop)
            }
            Step::Leave => {
                let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
                self.client.delete_this(&*pod, options).await
            }
            Step::Nothing => Ok(()),
        };
        match done {
            // It went, or another one has its name.
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            other => other?,
        }
        Ok(again.map(|delay| delay.try_into().unwrap_or(LATER)))
    }

    fn address(&self, pod: &Pod, node: &Node) -> Option<Ipv4Addr> {
        let spec = pod.spec.as_ref()?;
        if spec.host_network == Some(true) {
            return node::address(node);
        }
        let network: Ipv4Net = node.spec.as_ref()?.pod_cidr.as_ref()?.parse().ok()?;
        let mut addresses = self.addresses.lock();
        addresses.entry(pods::node(pod).to_owned()).or_default().of(pod.uid(), network)
    }
}

/// What the pod does, and after which time it does something again. Times are whole seconds, as the API's are.
fn turn(
    pod: &Pod,
    stages: &Stages,
    address: Ipv4Addr,
    host: Option<Ipv4Addr>,
    now: Timestamp,
) -> (Step, Option<SignedDuration>) {
    if let Some(end) = &pod.metadata.deletion_timestamp {
        let grace = SignedDuration::from_secs(pod.metadata.deletion_grace_period_seconds.unwrap_or_default());
        let left = (end.0 - grace + stages.stop).min(end.0).duration_since(now);
        if left.is_positive() {
            return (Step::Nothing, Some(left));
        }
        // One that a finalizer keeps says that it ended: it needs its place no longer.
        if !pod.finalizers().is_empty() && !pods::is_finished(pod) {
            let life = status::Life::stopped(pod, stages, now);
            return (Step::Report(Box::new(status::status(pod, &life, address, host, now))), None);
        }
        return (Step::Leave, None);
    }
    if pods::is_finished(pod) {
        return (Step::Nothing, None);
    }
    let life = status::Life::of(pod, stages, now);
    let again = life.next.map(|at| at.duration_since(now));
    let status = status::status(pod, &life, address, host, now);
    if status::says_the_same(pod.status.as_ref(), &status) {
        (Step::Nothing, again)
    } else {
        (Step::Report(Box::new(status)), again)
    }
}

#[cfg(test)]
mod tests;
