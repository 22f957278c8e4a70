//! What the scheduler writes: bindings, conditions, events. All in the background, a bounded number at once.

use crate::prelude::*;
use cluster_client::events::{Recorder, reference};
use cluster_client::{Client, DeleteOptions, Error, Patch};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use crate::plugins::SELECTED_NODE;
use crate::profile::DEFAULT_NAME;

/// Requests under way at once.
const REQUESTS: usize = 128;

/// How a binding ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) pod: Arc<PodInfo>,
    pub(crate) result: Result<(), Error>,
}

/// Why a pod is not scheduled, as its condition says it.
pub(crate) mod why {
    pub(crate) const UNSCHEDULABLE: &str = "Unschedulable";
    pub(crate) const ERROR: &str = "SchedulerError";
}

/// Writes for the scheduler. Clones share the limit and the tasks.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    client: Client,
    /// One for each scheduler name.
    recorders: Arc<BTreeMap<String, Recorder>>,
    limit: Arc<Semaphore>,
    tasks: TaskTracker,
    outcomes: mpsc::UnboundedSender<Outcome>,
}

impl Writer {
    pub(crate) fn new(client: Client, settings: &Settings) -> (Self, mpsc::UnboundedReceiver<Outcome>) {
        let (outcomes, received) = mpsc::unbounded_channel();
        let names = settings.profiles.iter().map(|profile| profile.name.clone());
        let recorders = names.map(|name| (name.clone(), Recorder::new(client.clone(), &name, ""))).collect();
        let limit = Arc::new(Semaphore::new(REQUESTS));
        (Self { client, recorders: Arc::new(recorders), limit, tasks: TaskTracker::new(), outcomes }, received)
    }

    /// Waits until everything is written.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let limit = self.limit.clone();
        self.tasks.spawn(async move {
            // The semaphore is never closed, so there always is a permit in the end.
            let _permit = limit.acquire_owned().await;
            work.await;
        });
    }

    /// Tells claims that wait for a node which one it is.
    pub(crate) fn select(&self, pod: Arc<PodInfo>, node: String, claims: Vec<ObjectKey>) {
        let writer = self.clone();
        self.spawn(async move {
            let chosen = Patch::Merge(json!({"metadata": {"annotations": {SELECTED_NODE: node}}}));
            let told = claims
                .iter()
                .map(|claim| writer.client.patch::<PersistentVolumeClaim>(&claim.namespace, &claim.name, "", &chosen));
            let result = futures::future::try_join_all(told).await.map(drop);
            drop(writer.outcomes.send(Outcome { pod, result }));
        });
    }

    /// Binds a pod to a node.
    pub(crate) fn bind(&self, pod: Arc<PodInfo>, node: String) {
        let writer = self.clone();
        self.spawn(async move {
            let (namespace, name) = (&*pod.key.namespace, &*pod.key.name);
            let body = json!({
                "apiVersion": "v1", "kind": "Binding",
                "metadata": {"namespace": namespace, "name": name, "uid": &*pod.uid},
                "target": {"kind": "Node", "name": node},
            });
            let bound = writer.client.create_subresource::<Pod, Value, Value>(namespace, name, "binding", &body);
            let result = bound.await.map(drop);
            if result.is_ok() {
                let text = format!("Successfully assigned {} to {node}", pod.key);
                writer.event(&pod, &pod, "Normal", "Scheduled", text);
            }
            // The loop that would read it ends before this task only when everything ends.
            drop(writer.outcomes.send(Outcome { pod, result }));
        });
    }

    /// Tells on the pod and by an event why it is not scheduled, and the node it waits for.
    pub(crate) fn refuse(&self, pod: &PodInfo, reason: &str, message: &str, nominated: Option<&str>) {
        self.warn(pod, message);
        let mut status = json!({});
        if let Some(condition) = new_condition(&pod.pod, reason, message) {
            status["conditions"] = json!([condition]);
        }
        if nominated != pod.nominated_node() {
            status["nominatedNodeName"] = json!(nominated);
        }
        if status.as_object().is_some_and(|fields| !fields.is_empty()) {
            self.patch_status(pod, status);
        }
    }

    /// Records why a pod is not scheduled.
    pub(crate) fn warn(&self, pod: &PodInfo, message: &str) {
        self.event(pod, pod, "Warning", "FailedScheduling", message.to_owned());
    }

    /// Records an event about a pod, in the name of the scheduler of `actor`.
    fn event(&self, about: &PodInfo, actor: &PodInfo, kind: &str, reason: &str, text: String) {
        if let Some(recorder) = self.recorders.get(scheduler(actor)) {
            recorder.event(&reference(about.pod.as_ref()), kind, reason, text);
        }
    }

    /// Says that the pod waits for no node any more.
    pub(crate) fn withdraw(&self, pod: &PodInfo) {
        self.patch_status(pod, json!({"nominatedNodeName": null}));
    }

    fn patch_status(&self, pod: &PodInfo, status: Value) {
        let (client, key, uid) = (self.client.clone(), pod.key.clone(), pod.uid.clone());
        self.spawn(async move {
            let patch = Patch::Strategic(json!({"metadata": {"uid": &*uid}, "status": status}));
            let told = client.patch::<Pod>(&key.namespace, &key.name, "status", &patch).await;
            if let Err(error) = Error::ignore_gone(told) {
                tracing::warn!(pod = %key, %error, "failed to update a pod's status");
            }
        });
    }

    /// Says on a victim why it has to go, deletes it, and records both.
    pub(crate) fn preempt(&self, victim: &PodInfo, by: &PodInfo, node: &str) {
        let text = format!("Preempted by pod {} on node {node}", by.uid);
        self.event(victim, by, "Normal", "Preempted", text);
        let (client, key, pod) = (self.client.clone(), victim.key.clone(), victim.pod.clone());
        let condition = json!({
            "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
            "message": format!("{}: preempting to accommodate a higher priority pod", scheduler(by)),
            "lastProbeTime": null, "lastTransitionTime": now(), "observedGeneration": pod.metadata.generation,
        });
        self.spawn(async move {
            let patch = json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [condition]}});
            let patch = Patch::Strategic(patch);
            let preempted = async {
                client.patch::<Pod>(&key.namespace, &key.name, "status", &patch).await?;
                client.delete_this(&*pod, DeleteOptions::default()).await
            };
            if let Err(error) = Error::ignore_gone(preempted.await) {
                tracing::warn!(pod = %key, %error, "failed to preempt a pod");
            }
        });
    }
}

fn scheduler(pod: &PodInfo) -> &str {
    Some(pod.scheduler_name()).filter(|name| !name.is_empty()).unwrap_or(DEFAULT_NAME)
}

/// The condition `PodScheduled` that says why; none when the pod has it already.
fn new_condition(pod: &Pod, reason: &str, message: &str) -> Option<Value> {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    let old = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
    let same = |text: &Option<String>, wanted: &str| text.as_deref().unwrap_or_default() == wanted;
    if old.is_some_and(|old| old.status == "False" && same(&old.reason, reason) && same(&old.message, message)) {
        return None;
    }
    let kept = old.filter(|old| old.status == "False").and_then(|old| old.last_transition_time.as_ref());
    Some(json!({
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message, "lastProbeTime": null,
        "lastTransitionTime": kept.map_or_else(now, |time| json!(time)), "observedGeneration": pod.metadata.generation,
    }))
}

/// The present second, as statuses say it.
fn now() -> Value {
    json!(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_generation_it_is_about_and_is_told_once() {
        let pod = |status: Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"generation": 2}, "status": status})).expect("a pod")
        };
        let condition = new_condition(&pod(json!({})), "Unschedulable", "full").expect("a condition");
        assert_eq!((&condition["status"], &condition["observedGeneration"]), (&json!("False"), &json!(2)));
        assert_eq!(new_condition(&pod(json!({"conditions": [condition]})), "Unschedulable", "full"), None);
    }
}
