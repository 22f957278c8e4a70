//! create, update and the patches.

use super::{Api, CONFIG_MAPS, config_map};
use serde_json::json;

#[tokio::test]
async fn an_object_is_created_read_updated_and_deleted() {
    let api = Api::start().await;
    let created = api.post(CONFIG_MAPS, &config_map("a", &json!({"k": "1"}))).await;
    assert_eq!(created.code, 201);
    let created = created.body;
    let metadata = &created["metadata"];
    assert_eq!((&metadata["namespace"], &created["data"]), (&json!("default"), &json!({"k": "1"})));
    assert!(metadata["uid"].is_string() && metadata["creationTimestamp"].is_string());
    assert_eq!(metadata["managedFields"][0]["manager"], "test");

    let path = format!("{CONFIG_MAPS}/a");
    assert_eq!(api.get(&path).await.ok(), created);
    let mut changed = created.clone();
    changed["data"] = json!({"k": "2"});
    let updated = api.put(&path, &changed).await.ok();
    assert_eq!(updated["data"], json!({"k": "2"}));
    assert_ne!(updated["metadata"]["resourceVersion"], metadata["resourceVersion"]);
    assert_eq!(updated["metadata"]["uid"], metadata["uid"]);

    // The first state is old now.
    let conflict = api.put(&path, &created).await;
    let message = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your \
                   changes to the latest version and try again";
    assert_eq!(conflict.failure(), (409, "Conflict", message));

    // Without a revision, which is also what 0 says, the update is unconditional.
    assert_eq!(api.put(&path, &config_map("a", &json!({"k": "3"}))).await.ok()["data"], json!({"k": "3"}));
    changed["metadata"]["resourceVersion"] = json!("0");
    assert_eq!(api.put(&path, &changed).await.ok()["data"], json!({"k": "2"}));

    assert_eq!(api.delete(&path, &json!({})).await.ok()["status"], "Success");
    let gone = api.get(&path).await;
    assert_eq!(gone.failure(), (404, "NotFound", "configmaps \"a\" not found"));
    assert_eq!(gone.body["details"], json!({"name": "a", "kind": "configmaps"}));
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let api = Api::start().await;
    let created = api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    assert_eq!(api.put(&format!("{CONFIG_MAPS}/a"), &created).await.ok(), created);
}

#[tokio::test]
async fn names_are_generated() {
    let api = Api::start().await;
    let object = json!({"metadata": {"generateName": "job-"}});
    let created = api.post(CONFIG_MAPS, &object).await.ok();
    let name = created["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("job-") && name.len() == 9, "{name}");
    assert_eq!((&created["kind"], &created["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    let again = json!({"metadata": {"name": name, "generateName": "job-"}});
    let refused = api.post(CONFIG_MAPS, &again).await;
    let why = "already exists, the server was not able to generate a unique name for the object";
    assert_eq!(refused.body["message"], json!(format!("configmaps {name:?} {why}")));
    let told = (refused.code, &refused.body["reason"], &refused.body["details"]["retryAfterSeconds"]);
    assert_eq!(told, (409, &json!("AlreadyExists"), &json!(1)));
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let api = Api::start().await;
    let answer = api.post(&format!("{CONFIG_MAPS}?dryRun=All"), &config_map("a", &json!({}))).await;
    assert_eq!((answer.code, &answer.body["metadata"]["name"]), (201, &json!("a")));
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/a")).await.code, 404);
}

#[tokio::test]
async fn the_three_patches_change_an_object() {
    let api = Api::start().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = json!({
        "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "one", "image": "x"}]},
            },
        },
    });
    let created = api.post(deployments, &deployment).await.ok();
    assert_eq!(created["metadata"]["generation"], 1);
    let path = format!("{deployments}/d");

    let strategic = json!({"spec": {"template": {"spec": {"containers": [{"name": "two", "image": "y"}]}}}});
    let patched = api.patch(&path, "strategic-merge-patch+json", &strategic).await.ok();
    assert_eq!(patched["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len), Some(2));
    assert_eq!(patched["metadata"]["generation"], 2);

    let merge = json!({"metadata": {"annotations": {"x": "y"}}, "status": {"replicas": 7}});
    let patched = api.patch(&path, "merge-patch+json", &merge).await.ok();
    assert_eq!(patched["metadata"]["annotations"]["x"], "y");
    assert!(patched["status"].get("replicas").is_none(), "the status is a subresource");

    let json_patch = json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]);
    assert_eq!(api.patch(&path, "json-patch+json", &json_patch).await.ok()["spec"]["replicas"], 3);

    let status = json!({"status": {"replicas": 7}, "spec": {"replicas": 9}});
    let patched = api.patch(&format!("{path}/status"), "merge-patch+json", &status).await.ok();
    assert_eq!((&patched["status"]["replicas"], &patched["spec"]["replicas"]), (&json!(7), &json!(3)));

    let unsupported = api.call("PATCH", &path, "application/json", "{}").await;
    assert_eq!((unsupported.code, unsupported.failure().1), (415, "UnsupportedMediaType"));
}

#[tokio::test]
async fn yaml_comes_in_and_goes_out() {
    let api = Api::start().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"yes\"\n";
    assert_eq!(api.call("POST", CONFIG_MAPS, "application/yaml", yaml).await.code, 201);
    let answer = api.accepting(&format!("{CONFIG_MAPS}/a"), "application/yaml").await;
    let text = answer.body.as_str().expect("YAML text");
    assert!(text.contains("kind: ConfigMap") && text.contains("name: a"), "{text}");
}

#[tokio::test]
async fn concurrent_patches_all_take_effect() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let path = format!("{CONFIG_MAPS}/a");
    let keys: Vec<String> = (0..20).map(|i| format!("k{i}")).collect();
    let patches = keys.iter().map(|key| {
        let patch = json!({"data": {(key): "v"}});
        let (api, path) = (&api, &path);
        async move { api.patch(path, "merge-patch+json", &patch).await.ok() }
    });
    futures::future::join_all(patches).await;
    assert_eq!(api.get(&path).await.ok()["data"].as_object().map(serde_json::Map::len), Some(20));
}

#[tokio::test]
async fn removed_versions_are_taken_and_become_the_present_ones() {
    let api = Api::start().await;
    let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}});
    let old = json!({"apiVersion": "extensions/v1beta1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {"template": template}});
    let path = "/apis/extensions/v1beta1/namespaces/default/deployments";
    let created = api.post(path, &old).await;
    let warning = "299 - \"extensions/v1beta1 Deployment is deprecated in v1.9+, unavailable in v1.16+; use apps/v1 \
                   Deployment\"";
    assert_eq!(created.warnings, [warning]);
    assert_eq!(created.ok()["apiVersion"], "extensions/v1beta1");
    let present = api.get("/apis/apps/v1/namespaces/default/deployments/a").await.ok();
    assert_eq!((&present["apiVersion"], &present["kind"]), (&json!("apps/v1"), &json!("Deployment")));
    assert_eq!(present["spec"]["selector"], json!({"matchLabels": {"app": "a"}}));

    let replicas = json!({"spec": {"replicas": 3}});
    api.patch(&format!("{path}/a"), "strategic-merge-patch+json", &replicas).await.ok();
    assert_eq!(api.get("/apis/apps/v1/namespaces/default/deployments/a").await.ok()["spec"]["replicas"], 3);
}

#[tokio::test]
async fn a_status_comes_by_its_own_way_only() {
    let api = Api::start().await;
    let spec = json!({"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}});
    let path = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations";
    let created = api
        .post(
            path,
            &json!({"metadata": {"name": "a"}, "spec": spec, "status": {"conditions": [
        {"type": "x", "status": "True"}]}}),
        )
        .await
        .ok();
    assert_eq!(created["status"], json!({}));
    assert_eq!(created["spec"]["limited"]["nominalConcurrencyShares"], 30);
    let status =
        json!({"metadata": {"labels": {"a": "b"}}, "status": {"conditions": [{"type": "x", "status": "True"}]}});
    let patched = api.patch(&format!("{path}/a/status"), "merge-patch+json", &status).await.ok();
    assert_eq!(patched["status"]["conditions"][0]["type"], "x");
    assert_eq!(patched["metadata"].get("labels"), None);
}

#[tokio::test]
async fn endpoint_slices_of_the_removed_version_say_where_endpoints_are_by_labels() {
    let api = Api::start().await;
    let topology = json!({"kubernetes.io/hostname": "n", "topology.kubernetes.io/zone": "z"});
    let old = json!({"apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice", "metadata": {"name": "a"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "n", "topology": topology}]});
    let path = |version: &str| format!("/apis/discovery.k8s.io/{version}/namespaces/default/endpointslices");
    let made = api.post(&path("v1beta1"), &old).await;
    assert!(made.warnings[0].contains("unavailable in v1.25+; use discovery.k8s.io/v1 EndpointSlice"), "{made:?}");
    assert_eq!(made.ok()["endpoints"][0]["topology"], topology);
    let new = api.get(&format!("{}/a", path("v1"))).await.ok();
    let expected = json!({"addresses": ["10.0.0.1"], "nodeName": "n", "zone": "z"});
    assert_eq!(new["endpoints"][0], expected);
    let list = api.get(&path("v1beta1")).await.ok();
    assert!(
        list["items"].as_array().is_some_and(|all| all.iter().any(|one| one["endpoints"][0]["topology"] == topology))
    );
    let found = api.get("/apis/discovery.k8s.io/v1beta1").await.ok();
    assert_eq!(found["resources"][0]["name"], "endpointslices");
}
