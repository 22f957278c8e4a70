//! Tables of what a stateful set does, and one set from its creation over an update to its scaling down.

mod property;

use super::plan::plan;
use super::*;
use crate::pods::tests::pod as parse;
use cluster_client::{Change, Informers, Object, trim};
use cluster_fake_server::FakeServer;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn set(spec: &Value) -> StatefulSet {
    let mut whole = json!({"replicas": 3, "selector": {"matchLabels": {"app": "db"}}, "serviceName": "db",
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}}});
    for (key, value) in spec.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    let value = json!({"metadata": {"name": "db", "namespace": "ns", "uid": "set"}, "spec": whole});
    serde_json::from_value(value).expect("a set")
}

/// A pod by ordinal, state and revision: `0:ready:new`.
fn pod(text: &str) -> Arc<Pod> {
    let parts: Vec<&str> = text.split(':').collect();
    let (phase, ready, deleting) = match parts[1] {
        "ready" => ("Running", "True", false),
        "unready" => ("Running", "False", false),
        "failed" => ("Failed", "False", false),
        _ => ("Running", "True", true),
    };
    let deleted = deleting.then_some("2026-01-01T00:00:00Z");
    parse(json!({
        "metadata": {"name": format!("db-{}", parts[0]), "uid": parts[0], "deletionTimestamp": deleted,
            "labels": {"controller-revision-hash": parts[2]}},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready,
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    }))
}

#[test]
fn sets_are_filled_shrunk_and_rolled_in_order() {
    let parallel = json!({"podManagementPolicy": "Parallel"});
    let rolling = |rules: Value| json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rules}});
    let with = |mut a: Value, b: &Value| {
        a.as_object_mut().expect("an object").extend(b.as_object().expect("an object").clone());
        a
    };
    let cases = [
        (json!({}), "", "+0new"),
        (json!({}), "0:unready:new", ""),
        (json!({}), "0:ready:new", "+1new"),
        (json!({}), "0:ready:new 1:dying:new", ""),
        (json!({}), "0:failed:new", "!0"),
        (parallel.clone(), "", "+0new +1new +2new"),
        (parallel.clone(), "1:unready:new", "+0new +2new"),
        (json!({"ordinals": {"start": 5}}), "", "+5new"),
        (json!({"replicas": 1}), "0:ready:new 1:ready:new 2:ready:new", "x2"),
        (json!({"replicas": 1}), "0:ready:new 1:unready:new 2:ready:new", "x2"),
        (json!({"replicas": 1}), "0:ready:new 1:ready:new 2:unready:new", "x2"),
        (json!({"replicas": 1}), "0:ready:new 1:unready:new 2:unready:new", ""),
        (json!({"replicas": 1}), "0:unready:new 1:ready:new", ""),
        (with(json!({"replicas": 1}), &parallel), "0:unready:new 1:ready:new 2:ready:new", "x2 x1"),
        (json!({}), "0:ready:old 1:ready:old 2:ready:old", "-2"),
        (json!({}), "0:ready:old 1:ready:old 2:ready:new", "-1"),
        (json!({}), "0:ready:old 1:ready:old 2:unready:new", ""),
        (parallel.clone(), "0:ready:old 1:ready:old 2:unready:old", "-2"),
        (parallel.clone(), "0:ready:old 1:ready:old 2:dying:old", ""),
        (rolling(json!({"partition": 2})), "0:ready:old 1:ready:old 2:ready:old", "-2"),
        (rolling(json!({"partition": 2})), "0:ready:old 1:ready:old 2:ready:new", ""),
        (rolling(json!({"partition": 2})), "", "+0old"),
        (rolling(json!({"maxUnavailable": 2})), "0:ready:old 1:ready:old 2:ready:old", "-2 -1"),
        (json!({"updateStrategy": {"type": "OnDelete"}}), "0:ready:old 1:ready:old 2:ready:old", ""),
        (json!({"updateStrategy": {"type": "OnDelete"}}), "0:ready:old 1:ready:old", "+2new"),
        (json!({"minReadySeconds": 2_000_000_000}), "0:ready:new", ""),
    ];
    for (spec, pods, expected) in cases {
        let pods: Vec<_> = pods.split_whitespace().map(pod).collect();
        let plan = plan(&set(&spec), &pods, "old", "new", &meta::now());
        let number = |pod: &Pod| pod.name().trim_start_matches("db-").to_owned();
        let text = |step: &Step| match step {
            Step::Create { ordinal, updated } => Some(format!("+{ordinal}{}", if *updated { "new" } else { "old" })),
            Step::Tend(_) => None,
            Step::Delete(pod) => Some(format!("-{}", number(pod))),
            Step::Condemn(pod) => Some(format!("x{}", number(pod))),
            Step::Recreate(pod) => Some(format!("!{}", number(pod))),
        };
        let found: Vec<_> = plan.steps.iter().filter_map(text).collect();
        assert_eq!(found.join(" "), expected, "{spec} {pods:?}");
    }
}

#[test]
fn the_retention_policy_decides_who_owns_a_claim() {
    let pod = parse(json!({"metadata": {"name": "db-2", "uid": "pod"}}));
    for (deleted, scaled, condemned, expected) in [
        ("Retain", "Retain", true, ""),
        ("Delete", "Retain", false, "set"),
        ("Delete", "Retain", true, "set"),
        ("Retain", "Delete", false, ""),
        ("Retain", "Delete", true, "pod"),
        ("Delete", "Delete", true, "pod"),
        ("Delete", "Delete", false, "set"),
    ] {
        let policy = json!({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": deleted, "whenScaled": scaled}});
        let owners = identity::retain(&set(&policy), &pod, condemned, &PersistentVolumeClaim::default());
        let found: Vec<_> = owners.iter().map(|owner| owner.uid.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{deleted} {scaled} {condemned}");
    }
}

/// Runs the controller beside what has the name of its first pod or claim; gives the set's pods before and after that goes.
async fn pods_beside<K: Object>(obstacle: Value, spec: Value) -> [usize; 2] {
    let server = FakeServer::new();
    let client = server.client();
    let context = Context::of(&client);
    let pods = context.informers.informer::<Pod>();
    tokio::spawn(runner(&context).run(context.cancel));
    let obstacle: K = serde_json::from_value(obstacle).expect("an object");
    client.create(&obstacle).await.expect("created");
    client.create(&set(&spec)).await.expect("created");
    let mut found = [0; 2];
    for count in &mut found {
        tokio::time::sleep(Duration::from_hours(1)).await;
        *count = pods.list().iter().filter(|pod| pod.controller().is_some()).count();
        let gone = client.delete::<K>("ns", obstacle.name(), &DeleteOptions::default()).await;
        ignore_gone(gone).expect("deleted");
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_made_once_nothing_else_has_its_name() {
    let stranger = json!({"metadata": {"name": "db-0", "namespace": "ns"}});
    assert_eq!(pods_beside::<Pod>(stranger, json!({"replicas": 1})).await, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_made_once_a_claim_is_gone_that_goes_with_an_earlier_one() {
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "db-0", "uid": "gone"});
    let claim = json!({"metadata": {"name": "data-db-0", "namespace": "ns", "ownerReferences": [owner]}});
    let spec = |scaled: &str| {
        json!({"replicas": 1, "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": scaled}})
    };
    assert_eq!(pods_beside::<PersistentVolumeClaim>(claim.clone(), spec("Delete")).await, [0, 1]);
    assert_eq!(
        pods_beside::<PersistentVolumeClaim>(claim, spec("Retain")).await,
        [1, 1],
        "it is meant to be used again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_set_makes_its_pods_and_claims_updates_and_shrinks() {
    let server = FakeServer::new();
    let client = server.client();
    let informers = Informers::new(client.clone()).trimmed(trim::pod);
    let context = Context { informers, ..Context::of(&client) };
    let (pods, sets) = (context.informers.informer::<Pod>(), context.informers.informer::<StatefulSet>());
    let claims = context.informers.informer::<PersistentVolumeClaim>();
    tokio::spawn(runner(&context).run(context.cancel));
    let (mut changes, kubelet) = (pods.subscribe(), client.clone());
    tokio::spawn(async move {
        while let Some(change) = changes.recv().await {
            let Change::Added(added) = change else { continue };
            let mut running = (*added).clone();
            running.status.clone_from(&pod("0:ready:x").status);
            kubelet.update_status(&running).await.expect("updated");
        }
    });
    let spec = json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]});
    client.create(&set(&spec)).await.expect("created");
    let settle = || tokio::time::sleep(Duration::from_secs(30));
    settle().await;
    let names: Vec<_> = pods.list().iter().map(|pod| pod.name().to_owned()).collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    assert_eq!(
        claims.list().iter().map(|c| c.name().to_owned()).collect::<Vec<_>>().join(" "),
        "data-db-0 data-db-1 data-db-2"
    );
    let first = sets.list()[0].status.clone().expect("a status");
    assert_eq!((first.ready_replicas, first.updated_replicas), (Some(3), Some(3)));
    let mut newer = (*sets.list()[0]).clone();
    let spec = &mut newer.spec;
    spec.replicas = Some(2);
    spec.template.spec.get_or_insert_default().hostname = Some("other".to_owned());
    client.update(&newer).await.expect("updated");
    settle().await;
    let last = sets.list()[0].status.clone().expect("a status");
    assert_ne!(last.current_revision, first.current_revision);
    assert_eq!(last.current_revision, last.update_revision);
    let revision = last.current_revision.unwrap_or_default();
    assert_eq!(pods.list().len(), 2);
    assert!(pods.list().iter().all(|pod| crate::history::revision(pod.as_ref()) == revision));
}
