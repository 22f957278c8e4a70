//! The whole scheduler against an API server in memory.

use crate::plugins::SELECTED_NODE;
use crate::tests::{node, pod, requests};
use cluster_client::{Change, Client, Informers, Object, trim};
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::{Event, Node, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

struct World {
    server: Arc<FakeServer>,
    client: Client,
    informers: Informers,
    _stop: DropGuard,
}

impl World {
    fn start() -> Self {
        let server = FakeServer::new();
        let client = server.client();
        let (informers, cancel) = (Informers::new(client.clone()).trimmed(trim::pod), CancellationToken::new());
        tokio::spawn(crate::run(client.clone(), informers.clone(), Default::default(), cancel.clone()));
        Self { server, client, informers, _stop: cancel.drop_guard() }
    }

    async fn add_node(&self, name: &str, patch: Value) {
        self.client.create::<Node>(&node(name, patch)).await.expect("created");
    }

    /// Creates a pod and answers its uid.
    async fn add_pod(&self, name: &str, patch: Value) {
        self.client.create::<Pod>(&pod(name, patch).pod).await.expect("created");
    }

    /// Creates the claim `data`, which gets a volume once its pod has a node.
    async fn add_claim(&self) {
        let class: StorageClass = serde_json::from_value(json!({
            "metadata": {"name": "late"}, "provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer",
        }))
        .expect("a class");
        self.client.create(&class).await.expect("created");
        let mut claim = PersistentVolumeClaim::default();
        (claim.metadata.name, claim.metadata.namespace) = (Some("data".to_owned()), Some("ns".to_owned()));
        claim.spec.get_or_insert_default().storage_class_name = Some("late".to_owned());
        self.client.create(&claim).await.expect("created");
    }

    /// A node `a` alone, and a pod `p` with a claim that waits for the pod's node.
    async fn add_claimant(&self) {
        self.add_claim().await;
        self.add_node("a", json!({})).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        let volume = json!({"name": "v", "persistentVolumeClaim": {"claimName": "data"}});
        self.add_pod("p", json!({"spec": {"volumes": [volume]}})).await;
    }

    /// Waits until the claim was told its node.
    async fn told(&self, node: &str) -> PersistentVolumeClaim {
        let mut changes = self.informers.informer::<PersistentVolumeClaim>().subscribe();
        loop {
            let change = changes.recv().await.expect("the informer lives");
            if change.object().annotation(SELECTED_NODE) == Some(node) {
                return change.object().as_ref().clone();
            }
        }
    }

    /// Waits until the pod is as wanted.
    async fn until(&self, name: &str, wanted: impl Fn(&Pod) -> bool) -> Arc<Pod> {
        let mut changes = self.informers.informer::<Pod>().subscribe();
        let found = async {
            loop {
                match changes.recv().await.expect("the informer lives") {
                    Change::Added(pod) | Change::Updated { new: pod, .. }
                        if pod.metadata.name.as_deref() == Some(name) && wanted(&pod) =>
                    {
                        return pod;
                    }
                    _ => {}
                }
            }
        };
        let limit = Duration::from_mins(20);
        tokio::time::timeout(limit, found).await.unwrap_or_else(|_| panic!("{name} never got there"))
    }

    async fn bound(&self, name: &str) -> String {
        let node = |pod: &Pod| pod.spec.as_ref().and_then(|s| s.node_name.clone());
        node(self.until(name, |pod| node(pod).is_some()).await.as_ref()).expect("a node")
    }

    /// The reason and message of the condition `PodScheduled`, once it is false.
    async fn refused(&self, name: &str) -> (String, String) {
        let of = |pod: &Pod| {
            let condition = pod.status.as_ref()?.conditions.as_ref()?.iter().find(|c| c.type_ == "PodScheduled")?;
            Some((condition.reason.clone().unwrap_or_default(), condition.message.clone().unwrap_or_default()))
        };
        of(self.until(name, |pod| of(pod).is_some()).await.as_ref()).expect("a condition")
    }

    async fn events(&self, name: &str) -> Vec<(String, String)> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let events: Vec<Event> = self.client.list("ns", "").await.expect("listed");
        let about = events.into_iter().filter(|event| event.involved_object.name.as_deref() == Some(name));
        about.map(|event| (event.reason.unwrap_or_default(), event.message.unwrap_or_default())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_gets_a_node_and_an_event_says_which() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    world.add_pod("p", requests("1", "1Gi")).await;
    assert_eq!(world.bound("p").await, "n1");
    let expected = ("Scheduled".to_owned(), "Successfully assigned ns/p to n1".to_owned());
    assert_eq!(world.events("p").await, [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_says_why_and_runs_when_a_node_comes() {
    let world = World::start();
    let taint = json!({"spec": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}});
    world.add_node("m1", taint).await;
    world.add_node("n1", json!({})).await;
    world.add_node("n2", json!({})).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.add_pod("p", requests("8", "1Gi")).await;
    let (reason, message) = world.refused("p").await;
    assert_eq!(reason, "Unschedulable");
    let expected = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new \
                    claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
    assert_eq!(message, expected);
    assert_eq!(world.events("p").await, [("FailedScheduling".to_owned(), expected.to_owned())]);
    world.add_node("n3", json!({"status": {"allocatable": {"cpu": "16"}}})).await;
    assert_eq!(world.bound("p").await, "n3");
}

#[tokio::test(start_paused = true)]
async fn a_gated_pod_waits_until_its_gates_are_gone() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    world.add_pod("p", json!({"spec": {"schedulingGates": [{"name": "x/y"}]}})).await;
    assert_eq!(world.events("p").await, []);
    let mut pod: Pod = world.client.get("ns", "p").await.expect("there");
    assert_eq!(pod.spec.as_ref().expect("a spec").node_name, None);
    pod.spec.as_mut().expect("a spec").scheduling_gates = None;
    world.client.update(&pod).await.expect("updated");
    assert_eq!(world.bound("p").await, "n1");
}

#[tokio::test(start_paused = true)]
async fn a_pod_takes_the_room_of_one_that_is_deleted() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    world.add_pod("a", requests("3", "1Gi")).await;
    world.bound("a").await;
    world.add_pod("b", requests("3", "1Gi")).await;
    assert_eq!(world.refused("b").await.0, "Unschedulable");
    world.client.delete::<Pod>("ns", "a", &Default::default()).await.expect("deleted");
    assert_eq!(world.bound("b").await, "n1");
}

#[tokio::test(start_paused = true)]
async fn a_pod_takes_the_room_of_a_resize_that_its_node_calls_infeasible() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    world.add_pod("a", requests("1", "1Gi")).await;
    world.bound("a").await;
    let mut resized: Pod = world.client.get("ns", "a").await.expect("there");
    let wanted = pod("a", requests("100", "1Gi")).pod.spec.clone().expect("a spec");
    resized.spec.as_mut().expect("a spec").containers = wanted.containers;
    world.client.update(&resized).await.expect("updated");
    world.add_pod("b", requests("3", "1Gi")).await;
    assert_eq!(world.refused("b").await.0, "Unschedulable");
    let status = json!({"conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}],
        "containerStatuses": [{"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "allocatedResources": {"cpu": "1", "memory": "1Gi"}}]});
    let mut resized: Pod = world.client.get("ns", "a").await.expect("there");
    resized.status = Some(serde_json::from_value(status).expect("a status"));
    world.client.update_status(&resized).await.expect("updated");
    assert_eq!(world.bound("b").await, "n1");
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_fails_is_tried_again() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.add_pod("p", requests("3", "1Gi")).await;
    world.server.fail(1);
    assert_eq!(world.bound("p").await, "n1");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_could_not_be_told_its_node_may_get_another() {
    let world = World::start();
    world.add_claimant().await;
    world.server.fail(1);
    assert_eq!(world.refused("p").await.0, "SchedulerError");
    world.client.delete::<Node>("", "a", &Default::default()).await.expect("deleted");
    world.add_node("b", json!({})).await;
    assert_eq!(world.told("b").await.annotation(SELECTED_NODE), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_bound_once_its_claim_has_a_volume_on_its_node() {
    let world = World::start();
    world.add_claimant().await;
    let mut claim = world.told("a").await;
    // The provisioner has no room there.
    claim.metadata.annotations = None;
    world.client.delete::<Node>("", "a", &Default::default()).await.expect("deleted");
    world.client.update(&claim).await.expect("updated");
    let refused = "running PreBind plugin \"VolumeBinding\": binding volumes: provisioning failed for PVC \"data\"";
    assert_eq!(world.refused("p").await, ("SchedulerError".to_owned(), refused.to_owned()));
    world.add_node("b", json!({})).await;
    let mut claim = world.told("b").await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let waiting: Pod = world.client.get("ns", "p").await.expect("there");
    assert_eq!(waiting.spec.expect("a spec").node_name, None);
    claim.spec.get_or_insert_default().volume_name = Some("made".to_owned());
    world.client.update(&claim).await.expect("updated");
    assert_eq!(world.bound("p").await, "b");
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_another_scheduler_is_left_alone() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    world.add_pod("other", json!({"spec": {"schedulerName": "mine"}})).await;
    world.add_pod("p", json!({})).await;
    world.bound("p").await;
    let pod: Pod = world.client.get("ns", "other").await.expect("there");
    assert_eq!(pod.spec.and_then(|spec| spec.node_name), None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_high_priority_takes_the_place_of_one_of_low() {
    let world = World::start();
    world.add_node("n1", json!({})).await;
    world.add_pod("low", requests("3", "1Gi")).await;
    world.bound("low").await;
    let mut spec = requests("3", "1Gi");
    spec["spec"]["priority"] = 1000.into();
    world.add_pod("high", spec).await;
    let waiting = world.until("high", |pod| pod.status.as_ref().is_some_and(|s| s.nominated_node_name.is_some())).await;
    let status = waiting.status.clone().expect("a status");
    assert_eq!(status.nominated_node_name.as_deref(), Some("n1"));
    let message = status.conditions.expect("conditions")[0].message.clone();
    assert_eq!(message.as_deref(), Some("0/1 nodes are available: 1 Insufficient cpu."));
    assert_eq!(world.bound("high").await, "n1");
    let expected = (
        "Preempted".to_owned(),
        format!("Preempted by pod {} on node n1", waiting.metadata.uid.clone().expect("a uid")),
    );
    assert!(world.events("low").await.contains(&expected));
}
