//! A kubelet on a real Docker engine, whose driver of control groups is `cgroupfs`, with an API server in memory;
//! `cargo nextest run --features docker-tests`.

use cluster_client::{Client, DeleteOptions, Patch};
use cluster_fake_server::FakeServer;
use cluster_kubelet::KubeletOptions;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const IMAGE: &str = "kubelet-test/busybox:1";
const PAUSE: &str = "kubelet-test/pause:1";
const PATIENCE: Duration = Duration::from_mins(1);

fn sh(script: &str) -> String {
    let out = Command::new("sh").args(["-ec", script]).output().expect("a shell");
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// Makes the images out of Debian's busybox-static; no registry is needed.
fn images() {
    sh(&format!(
        "d=$(mktemp -d); mkdir -p $d/bin $d/tmp $d/etc; cp /bin/busybox $d/bin/; \
         for a in sh sleep cat echo touch kill hostname ls true false trap; do ln -s busybox $d/bin/$a; done; \
         tar -C $d -c . | docker import - {IMAGE}; \
         tar -C $d -c . | docker import --change 'ENTRYPOINT [\"/bin/busybox\",\"sleep\",\"2147483647\"]' - {PAUSE}; \
         rm -r $d"
    ));
}

struct Rig {
    client: Client,
    root: tempfile::TempDir,
    cancel: CancellationToken,
    kubelet: tokio::task::JoinHandle<Result<(), cluster_kubelet::Error>>,
}

impl Rig {
    fn new() -> Self {
        images();
        let client = FakeServer::new().client();
        let root = tempfile::tempdir().expect("a folder");
        let (cancel, kubelet) = start(&client, root.path());
        Self { client, root, cancel, kubelet }
    }

    /// Ends the kubelet as a crash would: nothing is tidied up.
    async fn restart(&mut self) {
        self.kubelet.abort();
        self.cancel.cancel();
        tokio::time::sleep(Duration::from_millis(100)).await;
        (self.cancel, self.kubelet) = start(&self.client, self.root.path());
    }

    async fn pod(&self, name: &str, wanted: impl Fn(&Pod) -> bool) -> Pod {
        let begun = Instant::now();
        loop {
            let pod: Pod = self.client.get("default", name).await.expect("the pod");
            if wanted(&pod) {
                return pod;
            }
            assert!(begun.elapsed() < PATIENCE, "{}", serde_json::to_string_pretty(&pod.status).expect("json"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn start(
    client: &Client,
    root: &std::path::Path,
) -> (CancellationToken, tokio::task::JoinHandle<Result<(), cluster_kubelet::Error>>) {
    let node = json!({
        "cluster": "test", "name": "kubelet-test", "role": "worker", "address": "127.0.0.1", "masters": [],
        "podCidr": "10.244.1.0/24", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16",
        "dnsAddress": "10.96.0.10",
    });
    let mut options = KubeletOptions::new(serde_json::from_value(node).expect("a node"));
    root.clone_into(&mut options.root);
    options.logs = root.join("log");
    options.manifests = root.join("manifests");
    PAUSE.clone_into(&mut options.pause_image);
    let cancel = CancellationToken::new();
    let running = tokio::spawn(cluster_kubelet::run(client.clone(), options, cancel.clone()));
    (cancel, running)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    statuses.map(|c| c.restart_count).sum()
}

async fn until(what: &str, test: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !test() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_runs_follows_its_config_restarts_is_adopted_and_goes() {
    let mut rig = Rig::new();
    let config = json!({"metadata": {"name": "config", "namespace": "default"}, "data": {"text": "one"}});
    let config: ConfigMap = serde_json::from_value(config).expect("a ConfigMap");
    rig.client.create(&config).await.expect("created");
    let script = "trap 'exit 0' TERM; echo hello; touch /shared/up; while true; do sleep 0.05; done";
    let pod = json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "nodeName": "kubelet-test",
            "terminationGracePeriodSeconds": 5,
            "initContainers": [{"name": "first", "image": IMAGE, "command": ["/bin/true"]}],
            "containers": [{
                "name": "c", "image": IMAGE, "command": ["/bin/sh", "-c", script],
                "env": [
                    {"name": "TEXT", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "text"}}},
                    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                ],
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/config"},
                    {"name": "shared", "mountPath": "/shared"},
                    {"name": "config", "mountPath": "/etc/one", "subPath": "text"},
                ],
                "readinessProbe": {"exec": {"command": ["/bin/cat", "/shared/up"]}, "periodSeconds": 1},
                "resources": {"limits": {"memory": "32Mi", "cpu": "100m"}},
            }],
            "volumes": [{"name": "config", "configMap": {"name": "config"}}, {"name": "shared", "emptyDir": {}}],
        },
    });
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    let begun = Instant::now();
    let pod = rig.client.create(&pod).await.expect("created");
    let uid = pod.metadata.uid.clone().expect("a UID");
    let pod = rig.pod("web", is_ready).await;
    println!("ready after {:?}", begun.elapsed());
    let container = || {
        sh(&format!(
            "docker ps -q --filter label=io.kubernetes.pod.uid={uid} --filter label=io.kubernetes.container.name=c"
        ))
    };
    let inside = |command: &str| sh(&format!("docker exec {} {command}", container()));
    let ip = pod.status.as_ref().and_then(|s| s.pod_ip.clone()).expect("an address");
    assert_eq!(inside("/bin/hostname"), "web");
    assert_eq!(inside("/bin/cat /etc/config/text"), "one");
    assert_eq!(inside("/bin/cat /etc/one"), "one");
    assert_eq!(inside("/bin/sh -c 'echo $TEXT $IP'"), format!("one {ip}"));
    assert!(inside("/bin/cat /etc/hosts").contains(&format!("{ip}\tweb")));

    let file = rig.root.path().join(format!("pods/{uid}/volumes/kubernetes.io~projected/config/text"));
    let mut slowest = Duration::ZERO;
    for number in 0..100 {
        let patch = Patch::Merge(json!({"data": {"text": format!("edit {number}")}}));
        rig.client.patch::<ConfigMap>("default", "config", "", &patch).await.expect("patched");
        let seen = || std::fs::read_to_string(&file).is_ok_and(|text| text == format!("edit {number}"));
        slowest = slowest.max(until("the edit reaches the file", seen).await);
    }
    println!("slowest of 100 edits: {slowest:?}");
    assert_eq!(inside("/bin/cat /etc/config/text"), "edit 99");
    assert!(slowest < Duration::from_millis(300), "{slowest:?}");

    sh(&format!("docker kill {}", container()));
    rig.pod("web", |pod| restarts(pod) == 1 && is_ready(pod)).await;
    let before = container();
    rig.restart().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(container(), before, "a restarted kubelet adopts what runs");

    rig.client.delete::<Pod>("default", "web", &DeleteOptions::default()).await.expect("deleted");
    let left = || sh(&format!("docker ps -aq --filter label=io.kubernetes.pod.uid={uid}"));
    until("all containers go", || left().is_empty()).await;
    until("the folder goes", || !rig.root.path().join(format!("pods/{uid}")).exists()).await;
    rig.cancel.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_over_its_memory_limit_is_reported_as_killed() {
    let rig = Rig::new();
    let eat = "x=a; while true; do x=$x$x; done";
    let pod = json!({
        "metadata": {"name": "hungry", "namespace": "default"},
        "spec": {
            "nodeName": "kubelet-test", "restartPolicy": "Never",
            "containers": [{
                "name": "c", "image": IMAGE, "command": ["/bin/sh", "-c", eat],
                "resources": {"limits": {"memory": "64Mi"}},
            }],
        },
    });
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    rig.client.create(&pod).await.expect("created");
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|s| s.phase.clone());
    let pod = rig.pod("hungry", |pod| phase(pod).as_deref() == Some("Failed")).await;
    let status = pod.status.and_then(|s| s.container_statuses).expect("statuses").remove(0);
    let ended = status.state.and_then(|s| s.terminated).expect("an end");
    assert_eq!((ended.reason.as_deref(), ended.exit_code), (Some("OOMKilled"), 137));
    let uid = pod.metadata.uid.expect("a UID");
    rig.client.delete::<Pod>("default", "hungry", &DeleteOptions::default()).await.expect("deleted");
    until("all containers go", || sh(&format!("docker ps -aq --filter label=io.kubernetes.pod.uid={uid}")).is_empty())
        .await;
    rig.cancel.cancel();
}
