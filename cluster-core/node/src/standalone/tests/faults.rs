//! Controllers and a scheduler that are killed wherever they stand, again and again, over a real API server: all
//! converges, nothing is there twice, nothing is counted twice.

use super::start;
use cluster_client::{Change, Client, Informer, Informers, Object, Patch};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const REPLICAS: i32 = 4;
const COMPLETIONS: i32 = 20;
const KILLS: u64 = 10;

fn template(app: &str, restart: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}},
        "spec": {"restartPolicy": restart, "terminationGracePeriodSeconds": 0, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "a:0"}]}})
}

/// Two nodes; the pods tolerate that nobody heartbeats for them.
async fn create_nodes(client: &Client) {
    for name in ["one", "two"] {
        let allocatable = json!({"cpu": "4", "memory": "4Gi", "pods": "40"});
        let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        let node = json!({"metadata": {"name": name}, "status": {"allocatable": allocatable, "conditions": ready}});
        client.create(&serde_json::from_value::<Node>(node).expect("a node")).await.expect("created");
    }
}

/// The controllers and the scheduler, until `cancel`.
async fn run(client: Client, cancel: CancellationToken) -> anyhow::Result<()> {
    let informers = Informers::new(client.clone());
    let controllers = cluster_controllers::run(client.clone(), informers.clone(), Default::default(), cancel.clone());
    let scheduler = cluster_scheduler::run(client, informers, Default::default(), cancel);
    let (controllers, scheduler) = tokio::join!(controllers, scheduler);
    controllers?;
    Ok(scheduler?)
}

async fn create<K: Object>(client: &Client, name: &str, spec: Value) {
    let object = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
    client.create(&serde_json::from_value::<K>(object).expect("an object")).await.expect("created");
}

/// What the kubelets would say of pods with a node: services run and are ready, jobs are done. Tells of every change it
/// sees.
async fn be_kubelet(client: Client, pods: Informer<Pod>, seen: mpsc::UnboundedSender<()>) {
    let mut changes = pods.subscribe();
    while let Some(change) = changes.recv().await {
        seen.send(()).unwrap_or_default();
        let pod = change.object();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
        let is_bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
        let is_going = matches!(change, Change::Deleted(_)) || pod.metadata.deletion_timestamp.is_some();
        if !is_bound || is_going || phase != "Pending" {
            continue;
        }
        let ends = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) == Some("Never");
        let (phase, ready) = if ends { ("Succeeded", "False") } else { ("Running", "True") };
        let condition = json!({"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let patch = Patch::Merge(json!({"status": {"phase": phase, "conditions": [condition]}}));
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        // A pod that is gone meanwhile needs no status.
        drop(client.patch::<Pod>("default", name, "status", &patch).await);
    }
}

/// Waits until an object is as it should be.
async fn until<K: Object>(informers: &Informers, name: &str, is_right: impl Fn(&K) -> bool) {
    let mut changes = informers.informer::<K>().subscribe();
    while let Some(change) = changes.recv().await {
        let object = change.object();
        if object.metadata().name.as_deref() == Some(name) && is_right(object) {
            return;
        }
    }
}

fn is_over(job: &Job) -> bool {
    let mut conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Complete" && condition.status == "True")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controllers_and_scheduler_killed_at_random_converge_without_doubles() {
    crate::install_crypto();
    let data = tempfile::tempdir().expect("a folder");
    let (client, tasks, cancel) = start(data.path()).await;
    let informers = Informers::new(client.clone());
    let (sender, mut seen) = mpsc::unbounded_channel();
    tokio::spawn(be_kubelet(client.clone(), informers.informer(), sender));
    create_nodes(&client).await;
    let selector = |app: &str| json!({"matchLabels": {"app": app}});
    let web = json!({"replicas": REPLICAS, "selector": selector("web"), "template": template("web", "Always")});
    create::<Deployment>(&client, "web", web).await;
    let db = json!({"replicas": REPLICAS, "selector": selector("db"), "template": template("db", "Always"),
        "serviceName": "db"});
    create::<StatefulSet>(&client, "db", db).await;
    let job = |mode: &str| json!({"completions": COMPLETIONS, "parallelism": 4, "completionMode": mode, "template": template("job", "Never")});
    create::<Job>(&client, "plain", job("NonIndexed")).await;
    create::<Job>(&client, "indexed", job("Indexed")).await;

    let image = |round: u64| json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": format!("a:{round}")}]}}}});
    let mut random = 7_u64;
    for round in 1..=KILLS {
        let patch = Patch::Strategic(image(round));
        client.patch::<Deployment>("default", "web", "", &patch).await.expect("patched");
        client.patch::<StatefulSet>("default", "db", "", &patch).await.expect("patched");
        let parts = tokio::spawn(run(client.clone(), CancellationToken::new()));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for _ in 0..random >> 60 {
            seen.recv().await.expect("pods change");
        }
        parts.abort();
    }
    let parts = tokio::spawn(run(client.clone(), cancel.clone()));
    let all = async {
        until::<Deployment>(&informers, "web", |web| {
            let status = web.status.clone().unwrap_or_default();
            let counts = [status.replicas, status.updated_replicas, status.available_replicas];
            status.observed_generation == web.metadata.generation && counts.iter().all(|count| *count == Some(REPLICAS))
        })
        .await;
        until::<StatefulSet>(&informers, "db", |db| {
            let status = db.status.clone().unwrap_or_default();
            let is_new = status.current_revision == status.update_revision;
            let seen = status.observed_generation == db.metadata.generation;
            seen && is_new && status.ready_replicas == Some(REPLICAS)
        })
        .await;
        until::<Job>(&informers, "plain", is_over).await;
        until::<Job>(&informers, "indexed", is_over).await;
    };
    tokio::time::timeout(Duration::from_mins(2), all).await.expect("all converges");

    // A pod too many, whose creation outlived its controller, is let go after its job is over.
    let released = async {
        loop {
            let pods: Vec<Pod> = client.list("default", "").await.expect("listed");
            if pods.iter().all(|pod| pod.metadata.finalizers.as_ref().is_none_or(Vec::is_empty)) {
                return pods;
            }
            seen.recv().await.expect("pods change");
        }
    };
    let pods = tokio::time::timeout(Duration::from_mins(1), released).await.expect("all pods are let go");
    let mut by_owner: BTreeMap<String, Vec<&Pod>> = BTreeMap::new();
    for pod in &pods {
        let owner = pod.metadata.owner_references.iter().flatten().next().expect("an owner");
        let name = if owner.kind == "ReplicaSet" { "web" } else { owner.name.as_str() };
        by_owner.entry(name.to_owned()).or_default().push(pod);
    }
    let last = format!("a:{KILLS}");
    for name in ["web", "db"] {
        let images = by_owner[name].iter().map(|pod| pod.spec.as_ref()?.containers[0].image.clone());
        assert_eq!(images.collect::<Vec<_>>(), vec![Some(last.clone()); REPLICAS as usize], "{name}");
    }
    for name in ["plain", "indexed"] {
        let job: Job = client.get("default", name).await.expect("there");
        let status = job.status.expect("a status");
        let ended = i32::try_from(by_owner[name].len()).expect("few");
        // It may double an index; the index still counts once.
        let most = if name == "indexed" { COMPLETIONS } else { ended };
        let succeeded = status.succeeded.unwrap_or_default();
        assert!((COMPLETIONS..=most).contains(&succeeded), "{name}: {succeeded} of {ended}");
        assert_eq!(status.failed.unwrap_or_default(), 0, "{name}");
        let left = status.uncounted_terminated_pods.unwrap_or_default();
        assert_eq!((left.succeeded, left.failed), (None, None), "{name}");
        if name == "indexed" {
            assert_eq!(status.completed_indexes.as_deref(), Some("0-19"));
        }
    }
    cancel.cancel();
    parts.await.expect("they end").expect("in order");
    drop((informers, client));
    tasks.wait().await;
}
