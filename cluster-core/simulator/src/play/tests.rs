//! A pod's life, stage by stage, and the whole simulator against an API server in memory.

use super::*;
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::ResourceRequirements;
use serde_json::{Value, json};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn pod(annotations: &Value, restart: &str, owner: &str) -> Pod {
    let scheduled = json!([{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(0)}]);
    serde_json::from_value(json!({
        "metadata": {
            "name": "p", "namespace": "ns", "uid": "u", "annotations": annotations,
            "ownerReferences": [{"apiVersion": "v1", "kind": owner, "name": "o", "uid": "o"}],
        },
        "spec": {"nodeName": "n", "restartPolicy": restart, "containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Pending", "conditions": scheduled},
    }))
    .expect("a pod")
}

fn step(pod: &Pod, second: i64) -> (Step, Option<SignedDuration>) {
    let address = Ipv4Addr::new(10, 128, 1, 2);
    turn(pod, &Stages::of(pod, &Node::default()), address, None, at(second))
}

/// Takes in what the pod reports at a second; gives phase, whether it is ready, restarts, and the next stage's second.
fn live(pod: &mut Pod, second: i64) -> (String, bool, i32, Option<i64>) {
    let (step, again) = step(pod, second);
    if let Step::Report(status) = step {
        let scheduled = pod.status.take().and_then(|s| s.conditions).unwrap_or_default();
        let scheduled = scheduled.into_iter().find(|one| one.type_ == "PodScheduled");
        let mut status = *status;
        status.conditions.get_or_insert_default().extend(scheduled);
        pod.status = Some(status);
    }
    let status = pod.status.as_ref().expect("a status");
    let ready = status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    let restarts = status.container_statuses.as_ref().map_or(0, |all| all[0].restart_count);
    (status.phase.clone().unwrap_or_default(), ready, restarts, again.map(|delay| second + delay.as_secs()))
}

#[test]
fn a_pod_goes_through_its_stages() {
    let delays = json!({"devcluster.io/start-delay": "3s", "devcluster.io/ready-delay": "5s"});
    let fails = json!({"devcluster.io/run-time": "4s", "devcluster.io/failure-percent": "100"});
    type Moment = (i64, &'static str, bool, i32, Option<i64>);
    let cases: [(Pod, &[Moment]); 6] = [
        (pod(&json!({}), "Always", "ReplicaSet"), &[(0, "Running", true, 0, None)]),
        (
            pod(&delays, "Always", "ReplicaSet"),
            &[(1, "Pending", false, 0, Some(3)), (3, "Running", false, 0, Some(8)), (8, "Running", true, 0, None)],
        ),
        (pod(&json!({}), "Never", "Job"), &[(0, "Running", true, 0, Some(1)), (1, "Succeeded", false, 0, None)]),
        (pod(&fails, "Never", "Job"), &[(0, "Running", true, 0, Some(4)), (4, "Failed", false, 0, None)]),
        (pod(&fails, "OnFailure", "Job"), &[(0, "Running", true, 0, Some(4)), (4, "Running", true, 1, Some(8))]),
        (pod(&json!({"devcluster.io/run-time": "never"}), "Always", "Pod"), &[(9, "Running", true, 0, None)]),
    ];
    for (mut pod, moments) in cases {
        for (second, phase, ready, restarts, next) in moments {
            assert_eq!(live(&mut pod, *second), ((*phase).to_owned(), *ready, *restarts, *next), "{pod:?}");
            assert_eq!(step(&pod, *second).0, Step::Nothing, "it would say the same again: {pod:?}");
        }
    }
}

#[test]
fn what_a_running_pod_comes_to_ask_for_it_has() {
    let mut pod = pod(&json!({}), "Always", "ReplicaSet");
    for cpu in ["1", "2"] {
        let wish: ResourceRequirements = serde_json::from_value(json!({"requests": {"cpu": cpu}})).expect("a wish");
        pod.spec.as_mut().expect("a spec").containers[0].resources = Some(wish.clone());
        live(&mut pod, 0);
        let status = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref()).expect("a status");
        assert_eq!((&status[0].allocated_resources, &status[0].resources), (&wish.requests, &Some(wish.clone())));
    }
    assert!(matches!(step(&pod, 0).0, Step::Nothing), "what is said is not said again");
}

#[test]
fn a_deleted_pod_stays_for_its_stop_delay_within_the_grace_period() {
    for (delay, grace, leaves) in [("0s", 30, 0), ("10s", 30, 10), ("60s", 30, 30), ("60s", 0, 0)] {
        let mut pod = pod(&json!({"devcluster.io/stop-delay": delay}), "Always", "ReplicaSet");
        pod.metadata.deletion_grace_period_seconds = Some(grace);
        pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(grace)));
        assert_eq!(step(&pod, leaves), (Step::Leave, None), "{delay} of {grace}");
        if leaves > 0 {
            assert_eq!(step(&pod, 0), (Step::Nothing, Some(SignedDuration::from_secs(leaves))), "{delay} of {grace}");
        }
    }
}

#[test]
fn a_deleted_pod_that_a_finalizer_keeps_ends_before_it_goes() {
    let mut pod = pod(&json!({}), "Always", "ReplicaSet");
    live(&mut pod, 0);
    pod.metadata.finalizers = Some(vec!["example.com/kept".to_owned()]);
    pod.metadata.deletion_grace_period_seconds = Some(0);
    pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(5)));
    let (Step::Report(status), None) = step(&pod, 5) else { panic!("it says that it ended") };
    let ended = status.container_statuses.as_ref().and_then(|all| all[0].state.as_ref()?.terminated.as_ref());
    assert_eq!(ended.and_then(|one| one.finished_at.as_ref()).map(|time| time.0), Some(at(5)));
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    pod.status = Some(*status);
    assert_eq!(step(&pod, 6), (Step::Leave, None));
}

#[tokio::test(start_paused = true)]
async fn pods_run_on_simulated_nodes_only_and_have_addresses_of_their_own() {
    let client = FakeServer::new().client();
    let informers = Informers::new(client.clone());
    let cancel = tokio_util::sync::CancellationToken::new();
    crate::add_nodes(&client, "n", 1, crate::Taint::None).await.expect("made");
    let real: Node = serde_json::from_value(json!({"metadata": {"name": "real"}})).expect("a node");
    client.create(&real).await.expect("created");
    tokio::spawn(crate::run(client.clone(), informers.clone(), Duration::from_secs(10), cancel.clone()));
    let mut changes = informers.informer::<Pod>().subscribe();
    for (name, node) in [("a", "n-1"), ("x", "real"), ("b", "n-1")] {
        let mut pod = pod(&json!({}), "Always", "ReplicaSet");
        (pod.metadata.name, pod.metadata.uid) = (Some(name.to_owned()), Some(name.to_owned()));
        pod.spec.as_mut().expect("a spec").node_name = Some(node.to_owned());
        client.create(&pod).await.expect("created");
    }
    let mut addresses = HashMap::new();
    while addresses.len() < 2 {
        let change = changes.recv().await.expect("the watch lives");
        let (pod, status) = (change.object(), change.object().status.clone().unwrap_or_default());
        if let Some(address) = status.pod_ip {
            assert_eq!(status.phase.as_deref(), Some("Running"));
            addresses.insert(address, pod.metadata.name.clone());
        }
    }
    assert!(!addresses.values().any(|name| name.as_deref() == Some("x")), "{addresses:?}");
    cancel.cancel();
}
