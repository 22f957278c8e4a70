//! Static pods under the manager, with an API server in memory.

use super::actor::{Rig, rig_of};
use crate::pod::manager::{self, Pods, Sources};
use crate::pod::mirror::{HASH, MIRROR, SOURCE};
use cluster_client::{Change, Client, DeleteOptions, Informer, Informers, Object};
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

/// What a manifest says, in its `number`th version; only one can have the port.
fn manifest(number: u32) -> Arc<Pod> {
    let container =
        json!({"name": "c", "image": format!("i{number}"), "ports": [{"containerPort": 80, "hostPort": 80}]});
    let pod = json!({
        "metadata": {"name": "web-n1", "namespace": "n", "uid": format!("u{number}"),
            "annotations": {SOURCE: "file", HASH: format!("h{number}")}},
        "spec": {"nodeName": "n1", "containers": [container]},
    });
    Arc::new(serde_json::from_value(pod).expect("a pod"))
}

struct Kubelet {
    rig: Rig,
    client: Client,
    mirrors: Informer<Pod>,
    changes: mpsc::UnboundedReceiver<Change<Pod>>,
    manifests: watch::Sender<Vec<Arc<Pod>>>,
    _stop: DropGuard,
    _task: AbortOnDropHandle<()>,
}

impl Kubelet {
    async fn new() -> Self {
        let client = FakeServer::new().client();
        let node = json!({"metadata": {"name": "n1"}});
        client.create::<Node>(&serde_json::from_value(node).expect("a node")).await.expect("created");
        let rig = rig_of(client.clone());
        let mirrors = Informers::new(client.clone()).informer::<Pod>();
        let (manifests, read) = watch::channel(vec![manifest(1)]);
        let sources = Sources { api: mirrors.subscribe(), manifests: read };
        let stop = CancellationToken::new();
        let run = manager::run(rig.context.clone(), Pods::default(), sources, std::future::ready(()), stop.clone());
        let changes = mirrors.subscribe();
        let task = AbortOnDropHandle::new(tokio::spawn(run));
        Self { rig, client, mirrors, changes, manifests, _stop: stop.drop_guard(), _task: task }
    }

    /// Waits until the mirror shows this version running, and is not the one with that UID.
    async fn shows(&mut self, number: u32, not: Option<&str>) -> Pod {
        let wanted = |pod: &Pod| {
            let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
            let hash = format!("h{number}");
            pod.annotation(MIRROR) == Some(&*hash) && phase == Some("Running") && Some(pod.uid()) != not
        };
        let seen = async {
            loop {
                self.changes.recv().await.expect("a change");
                if let Some(pod) = self.mirrors.list().into_iter().find(|pod| wanted(pod)) {
                    return (*pod).clone();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.expect("in time")
    }
}

#[tokio::test]
async fn an_edited_static_pod_takes_the_place_of_the_one_before_when_that_has_ended() {
    let mut kubelet = Kubelet::new().await;
    let mirror = kubelet.shows(1, None).await;
    let owner = mirror.controller().expect("an owner");
    assert_eq!((owner.api_version.as_str(), owner.kind.as_str(), owner.name.as_str()), ("v1", "Node", "n1"));
    kubelet.manifests.send_replace(vec![manifest(2)]);
    kubelet.shows(2, None).await;
    let calls = kubelet.rig.engine.calls.lock().clone();
    let at = |start: &str| calls.iter().rposition(|call| call.starts_with(start));
    assert!(at("stop c ") < at("create "), "{calls:?}");
    let images: Vec<_> = kubelet.rig.engine.containers.lock().iter().map(|(body, _)| body.image.clone()).collect();
    assert_eq!((images.len(), images[1].as_deref()), (2, Some("sha256:i2")), "one sandbox and one container are left");
}

#[tokio::test]
async fn a_mirror_that_somebody_deletes_comes_back_and_one_of_no_pod_goes() {
    let mut kubelet = Kubelet::new().await;
    let mirror = kubelet.shows(1, None).await;
    kubelet.client.delete::<Pod>("n", "web-n1", &DeleteOptions::default()).await.expect("deleted");
    kubelet.shows(1, Some(mirror.uid())).await;
    let mut strange = mirror.clone();
    (strange.metadata.name, strange.metadata.resource_version) = (Some("old-n1".to_owned()), None);
    strange.metadata.annotations.get_or_insert_default().insert(MIRROR.to_owned(), "h0".to_owned());
    kubelet.client.create(&strange).await.expect("created");
    let gone = async {
        while let Some(change) = kubelet.changes.recv().await {
            if let Change::Deleted(pod) = change
                && pod.name() == "old-n1"
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("in time");
}
