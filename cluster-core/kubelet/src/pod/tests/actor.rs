//! Actors on an engine in memory: what the step tables cannot show, the way from actions to calls and back.

use super::fake::Fake;
use crate::objects::Objects;
use crate::pod::actor::{self, Handle, Message};
use crate::pod::context::{Capacity, Context};
use crate::pod::start;
use crate::pod::state::Event;
use crate::runtime::{Runtime, label};
use cluster_client::events::Recorder;
use cluster_client::{Client, Informers};
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::{Pod, PodStatus, Service};
use k8s_openapi::api::node::v1::RuntimeClass;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Rig {
    pub(super) engine: Arc<Fake>,
    pub(super) context: Arc<Context>,
    _root: tempfile::TempDir,
}

fn rig() -> Rig {
    rig_of(FakeServer::new().client())
}

/// The node `n1` of an API server.
pub(super) fn rig_of(client: Client) -> Rig {
    let root = tempfile::tempdir().expect("a folder");
    let mut options = crate::options::tests::options();
    root.path().clone_into(&mut options.root);
    options.logs = root.path().join("log");
    let engine = Arc::new(Fake::new());
    let context = Context {
        runtime: engine.clone(),
        objects: Objects::new(client.clone()),
        services: Informers::new(client.clone()).informer(),
        nodes: Informers::new(client.clone()).informer(),
        recorder: Recorder::new(client.clone(), "kubelet", "n1"),
        client,
        pressure: tokio::sync::watch::channel(Default::default()).1,
        options: Arc::new(options),
        capacity: Capacity::default(),
    };
    Rig { engine, context: Arc::new(context), _root: root }
}

fn pod(image: &str) -> Arc<Pod> {
    let value = json!({
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"containers": [{"name": "c", "image": image}]},
    });
    Arc::new(serde_json::from_value(value).expect("a pod"))
}

/// Deletes the pod and waits for its end.
async fn delete(handle: Handle) {
    let mut deleted = json!(*pod("i"));
    deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    deleted["metadata"]["deletionGracePeriodSeconds"] = json!(7);
    let deleted = Arc::new(serde_json::from_value(deleted).expect("a pod"));
    handle.events.send(Message::Event(Event::PodChanged(deleted))).expect("an actor");
    tokio::time::timeout(Duration::from_secs(30), handle.done).await.expect("in time").expect("an end");
}

/// Waits until the pod's status is as wanted.
async fn until(handle: &mut Handle, wanted: impl Fn(&PodStatus) -> bool) -> PodStatus {
    let seen = handle.view.wait_for(|view| wanted(&view.status));
    let seen = tokio::time::timeout(Duration::from_secs(10), seen).await.expect("in time").expect("an actor");
    seen.status.clone()
}

fn restarts_and_ready(status: &PodStatus) -> (i32, bool) {
    status.container_statuses.iter().flatten().map(|c| (c.restart_count, c.ready)).next().unwrap_or_default()
}

#[tokio::test]
async fn a_container_is_started_restarted_adopted_and_removed() {
    let rig = rig();
    let mut handle = actor::spawn(rig.context.clone(), pod("i"), Vec::new(), None);
    until(&mut handle, |s| restarts_and_ready(s) == (0, true)).await;
    rig.engine.exit("c", 1);
    handle.events.send(Message::Resync).expect("an actor");
    until(&mut handle, |s| restarts_and_ready(s) == (1, true)).await;

    handle.done.abort();
    let creates = rig.engine.calls.lock().len();
    let present = rig.engine.list().await.expect("a list");
    let mut handle = actor::spawn(rig.context.clone(), pod("i"), present, None);
    until(&mut handle, |s| restarts_and_ready(s) == (1, true)).await;
    assert_eq!(rig.engine.calls.lock().len(), creates, "nothing was created anew");

    delete(handle).await;
    assert!(rig.engine.calls.lock().iter().any(|call| call.starts_with("stop c ")));
    assert!(rig.engine.containers.lock().is_empty() && !rig.engine.running(label::SANDBOX));
}

#[tokio::test]
async fn a_container_joins_the_namespaces_of_its_sandbox() {
    let rig = rig();
    let mut handle = actor::spawn(rig.context.clone(), pod("i"), Vec::new(), None);
    until(&mut handle, |s| restarts_and_ready(s) == (0, true)).await;
    let hosts: Vec<_> = rig.engine.containers.lock().iter().filter_map(|(body, _)| body.host_config.clone()).collect();
    let joined = |at: usize| [&hosts[at].network_mode, &hosts[at].ipc_mode, &hosts[at].pid_mode].map(Option::as_deref);
    assert_eq!(joined(0), [None, Some("shareable"), None]);
    assert_eq!(joined(1), [Some("container:id0"), Some("container:id0"), None]);
}

#[tokio::test]
async fn an_image_that_does_not_exist_is_reported() {
    let rig = rig();
    let mut handle = actor::spawn(rig.context.clone(), pod("missing"), Vec::new(), None);
    let waiting = |s: &PodStatus| {
        let state = s.container_statuses.iter().flatten().find_map(|c| c.state.clone())?;
        state.waiting.and_then(|w| w.reason)
    };
    until(&mut handle, |s| waiting(s).as_deref() == Some("ErrImagePull")).await;
    until(&mut handle, |s| waiting(s).as_deref() == Some("ImagePullBackOff")).await;
    assert_eq!(rig.engine.calls.lock().iter().filter(|call| *call == "pull missing").count(), 1);
}

#[tokio::test]
async fn a_pod_that_wants_users_of_its_own_does_not_get_the_nodes() {
    let rig = rig();
    let mut pod = (*pod("i")).clone();
    pod.spec.get_or_insert_default().host_users = Some(false);
    let class = json!({"metadata": {"name": "safe"}, "handler": "sandboxed"});
    rig.context.client.create::<RuntimeClass>(&serde_json::from_value(class).expect("a class")).await.expect("created");
    for (class, who) in [(None, "runtime"), (Some("safe"), "RuntimeClass handler \"sandboxed\"")] {
        pod.spec.get_or_insert_default().runtime_class_name = class.map(str::to_owned);
        let why = format!("can't set `spec.hostUsers: false`, {who} does not support user namespaces");
        assert_eq!(start::sandbox(&rig.context, &pod, 0).await, Err(why));
    }
    assert!(rig.engine.calls.lock().is_empty());
}

#[tokio::test]
async fn what_the_engine_fails_at_is_done_when_it_is_well_again() {
    let rig = rig();
    let mut handle = actor::spawn(rig.context.clone(), pod("i"), Vec::new(), None);
    until(&mut handle, |s| restarts_and_ready(s) == (0, true)).await;
    rig.engine.failing.lock().push("inspect");
    rig.engine.exit("c", 1);
    let id = rig.engine.containers.lock()[1].1.id.clone();
    handle.events.send(Message::Died(id)).expect("an actor");
    until(&mut handle, |s| restarts_and_ready(s) == (1, true)).await;
    let folder = rig.context.pod_dir(&pod("i"));
    std::fs::create_dir_all(&folder).expect("made");
    rig.engine.failing.lock().extend(["stop", "remove", "list", "remove"]);
    delete(handle).await;
    assert_eq!(*rig.engine.failing.lock(), [""; 0]);
    assert!(rig.engine.containers.lock().is_empty() && !folder.exists());
}

#[tokio::test]
async fn an_engine_that_is_away_for_a_moment_takes_no_pod_with_it() {
    let rig = rig();
    let mut handle = actor::spawn(rig.context.clone(), pod("i"), Vec::new(), None);
    until(&mut handle, |s| restarts_and_ready(s) == (0, true)).await;
    rig.engine.failing.lock().extend(["inspect", "inspect"]);
    handle.events.send(Message::Resync).expect("an actor");
    rig.engine.failing.lock().push("stop");
    delete(handle).await;
    let calls = rig.engine.calls.lock();
    assert_eq!(calls.iter().filter(|call| call.starts_with("create ")).count(), 2, "{calls:?}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed() {
    let rig = rig();
    let command = crate::pod::output_of(&*rig.engine, "id1", vec!["cat".to_owned()], Duration::ZERO);
    assert_eq!(command.await.expect("killed"), None);
    assert_eq!(*rig.engine.calls.lock(), ["exec", "kill a command in id1"]);
}

#[tokio::test]
async fn a_probe_that_cannot_be_asked_kills_nothing() {
    let rig = rig();
    let mut pod = json!(*pod("i"));
    pod["spec"]["containers"][0]["livenessProbe"] =
        json!({"exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 600, "failureThreshold": 1});
    rig.engine.failing.lock().push("exec");
    let pod = Arc::new(serde_json::from_value(pod).expect("a pod"));
    let handle = actor::spawn(rig.context.clone(), pod, Vec::new(), None);
    let asked_again = async {
        while rig.engine.calls.lock().iter().filter(|call| *call == "exec").count() < 2 {
            rig.engine.called.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked_again).await.expect("in time");
    assert!(handle.view.borrow().status.container_statuses.iter().flatten().all(|c| c.restart_count == 0));
}

#[tokio::test]
async fn a_container_has_the_variables_of_all_services_however_late_they_are_known() {
    let server = FakeServer::new();
    let client = server.client();
    let service = json!({
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443}]},
    });
    client.create::<Service>(&serde_json::from_value(service).expect("a service")).await.expect("created");
    server.fail(1);
    let rig = rig_of(client);
    let mut handle = actor::spawn(rig.context.clone(), pod("i"), Vec::new(), None);
    until(&mut handle, |s| restarts_and_ready(s) == (0, true)).await;
    let env = rig.engine.containers.lock()[1].0.env.clone().expect("some");
    assert!(env.contains(&"KUBERNETES_SERVICE_HOST=10.96.0.1".to_owned()), "{env:?}");
}
