//! Deletes: preconditions, propagation, finalizers, grace, collections, namespaces.

use super::{Api, CONFIG_MAPS, PODS, config_map, pod};
use serde_json::json;

#[tokio::test]
async fn preconditions_must_hold() {
    let api = Api::start().await;
    let created = api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let path = format!("{CONFIG_MAPS}/a");
    let answer = api.delete(&path, &json!({"preconditions": {"uid": "x"}})).await;
    let uid = created["metadata"]["uid"].as_str().expect("a UID");
    let message = format!(
        "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (x) does not match the UID in record \
         ({uid}). The object might have been deleted and then recreated"
    );
    assert_eq!(answer.failure(), (409, "Conflict", message.as_str()));
    let done = api.delete(&path, &json!({"kind": "DeleteOptions", "preconditions": {"uid": uid}})).await.ok();
    assert_eq!(done["details"], json!({"name": "a", "kind": "configmaps", "uid": uid}));
}

#[tokio::test]
async fn finalizers_keep_an_object_until_the_last_is_gone() {
    let api = Api::start().await;
    let mut object = config_map("a", &json!({}));
    object["metadata"]["finalizers"] = json!(["example.com/keep"]);
    api.post(CONFIG_MAPS, &object).await.ok();
    let path = format!("{CONFIG_MAPS}/a");
    let marked = api.delete(&path, &json!({})).await.ok();
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let more = json!({"metadata": {"finalizers": ["example.com/keep", "example.com/more"]}});
    assert_eq!(api.patch(&path, "merge-patch+json", &more).await.failure().1, "Invalid");
    let none = json!({"metadata": {"finalizers": null}});
    api.patch(&path, "merge-patch+json", &none).await.ok();
    assert_eq!(api.get(&path).await.code, 404);
}

#[tokio::test]
async fn propagation_becomes_a_finalizer() {
    let api = Api::start().await;
    for (policy, finalizer) in [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")] {
        let name = policy.to_lowercase();
        api.post(CONFIG_MAPS, &config_map(&name, &json!({}))).await.ok();
        let path = format!("{CONFIG_MAPS}/{name}");
        let marked = api.delete(&path, &json!({"propagationPolicy": policy})).await.ok();
        assert_eq!(marked["metadata"]["finalizers"], json!([finalizer]));
    }
    let both = json!({"propagationPolicy": "Orphan", "orphanDependents": true});
    assert_eq!(api.delete(&format!("{CONFIG_MAPS}/orphan"), &both).await.code, 422);
}

#[tokio::test]
async fn a_scheduled_pod_goes_in_grace() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    api.post(PODS, &pod("a")).await.ok();
    let binding = json!({"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}});
    assert_eq!(api.post(&format!("{PODS}/a/binding"), &binding).await.code, 201);
    let path = format!("{PODS}/a");
    let marked = api.delete(&path, &json!({"gracePeriodSeconds": 7})).await.ok();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 7);
    assert_eq!(api.get(&path).await.code, 200);
    let gone = api.delete(&path, &json!({"gracePeriodSeconds": 0})).await.ok();
    assert_eq!(gone["kind"], "Pod");
    assert_eq!(api.get(&path).await.code, 404);

    // Without a node there is nobody to wait for.
    api.post(PODS, &pod("b")).await.ok();
    api.delete(&format!("{PODS}/b"), &json!({})).await.ok();
    assert_eq!(api.get(&format!("{PODS}/b")).await.code, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let api = Api::start().await;
    for (name, tier) in [("a", "web"), ("b", "db")] {
        let mut object = config_map(name, &json!({}));
        object["metadata"]["labels"] = json!({"tier": tier});
        api.post(CONFIG_MAPS, &object).await.ok();
    }
    let deleted = api.delete(&format!("{CONFIG_MAPS}?labelSelector=tier%3Dweb"), &json!({})).await.ok();
    assert_eq!(deleted["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/a")).await.code, 404);
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/b")).await.code, 200);
    assert_eq!(api.delete("/api/v1/namespaces", &json!({})).await.code, 405);
}

#[tokio::test]
async fn a_namespace_ends_when_it_is_finalized() {
    let api = Api::start().await;
    let created = api.post("/api/v1/namespaces", &json!({"metadata": {"name": "x"}})).await.ok();
    assert_eq!(created["spec"]["finalizers"], json!(["kubernetes"]));
    let marked = api.delete("/api/v1/namespaces/x", &json!({})).await.ok();
    assert_eq!(marked["status"]["phase"], "Terminating");
    let mut finalized = marked;
    finalized["spec"]["finalizers"] = json!([]);
    api.put("/api/v1/namespaces/x/finalize", &finalized).await.ok();
    assert_eq!(api.get("/api/v1/namespaces/x").await.code, 404);
}

#[tokio::test]
async fn dependents_of_jobs_and_replication_controllers_stay_unless_a_delete_says_otherwise() {
    let api = Api::start().await;
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    let path = "/apis/batch/v1/namespaces/default/jobs";
    for (name, options, finalizers) in [
        ("silent", json!({}), json!(["orphan"])),
        ("told", json!({"propagationPolicy": "Foreground"}), json!(["foregroundDeletion"])),
    ] {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template}});
        api.post(path, &job).await.ok();
        api.delete(&format!("{path}/{name}"), &options).await.ok();
        assert_eq!(api.get(&format!("{path}/{name}")).await.ok()["metadata"]["finalizers"], finalizers);
    }
}
