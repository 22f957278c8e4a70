//! Server-side apply.

use super::{Api, CONFIG_MAPS, config_map};
use serde_json::json;

#[tokio::test]
async fn apply_creates_changes_and_conflicts() {
    let api = Api::start().await;
    let path = format!("{CONFIG_MAPS}/a");
    let by = |manager: &str| format!("{path}?fieldManager={manager}");
    let created = api.patch(&by("one"), "apply-patch+yaml", &config_map("a", &json!({"k": "1", "l": "1"}))).await;
    assert_eq!(created.code, 201, "{created:?}");
    assert_eq!(created.body["metadata"]["managedFields"][0]["operation"], "Apply");

    let same = api.patch(&by("one"), "apply-patch+yaml", &config_map("a", &json!({"k": "1", "l": "1"}))).await.ok();
    assert_eq!(same["metadata"]["resourceVersion"], created.body["metadata"]["resourceVersion"]);

    let conflict = api.patch(&by("two"), "apply-patch+yaml", &config_map("a", &json!({"k": "2"}))).await;
    assert_eq!((conflict.code, conflict.failure().1), (409, "Conflict"));
    let cause = &conflict.body["details"]["causes"][0];
    assert_eq!((&cause["reason"], &cause["field"]), (&json!("FieldManagerConflict"), &json!(".data.k")));

    let forced = format!("{}&force=true", by("two"));
    let changed = api.patch(&forced, "apply-patch+yaml", &config_map("a", &json!({"k": "2"}))).await.ok();
    assert_eq!(changed["data"], json!({"k": "2", "l": "1"}));

    // What a manager stops applying goes away.
    let dropped = api.patch(&by("one"), "apply-patch+yaml", &config_map("a", &json!({}))).await.ok();
    assert_eq!(dropped["data"], json!({"k": "2"}));

    let bare = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    api.patch(&by("one"), "apply-patch+yaml", &bare).await.ok();
    let given_up = api.patch(&by("two"), "apply-patch+yaml", &bare).await.ok();
    assert_eq!(given_up["metadata"].get("managedFields"), None, "who applies nothing owns nothing");
}

#[tokio::test]
async fn an_apply_makes_no_object_of_another_identity_or_place() {
    let api = Api::start().await;
    let mut object = config_map("a", &json!({}));
    object["metadata"]["uid"] = json!("u");
    let refused = api.patch(&format!("{CONFIG_MAPS}/a?fieldManager=one"), "apply-patch+yaml", &object).await;
    let message = "Operation cannot be fulfilled on configmaps \"a\": uid mismatch: the provided object specified uid \
                   u, and no existing object was found";
    assert_eq!(refused.failure(), (409, "Conflict", message));
    object["metadata"] = json!({"name": "a", "namespace": "other"});
    let elsewhere = api.patch(&format!("{CONFIG_MAPS}/a?fieldManager=one"), "apply-patch+yaml", &object).await;
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!(elsewhere.failure(), (400, "BadRequest", message));
}

#[tokio::test]
async fn apply_needs_a_field_manager() {
    let api = Api::start().await;
    let answer = api.patch(&format!("{CONFIG_MAPS}/a"), "apply-patch+yaml", &config_map("a", &json!({}))).await;
    let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
    assert_eq!(answer.failure(), (422, "Invalid", message));
}

#[tokio::test]
async fn apply_wants_a_place_for_every_field_and_leaves_the_status_alone() {
    let api = Api::start().await;
    let path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/a?fieldManager=one";
    let spec = json!({"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}});
    let mut ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "a"},
        "spec": spec, "unknown": 1});
    let answer = api.patch(path, "apply-patch+yaml", &ingress).await;
    let message = "failed to create typed patch object (/a; networking.k8s.io/v1, Kind=Ingress): .unknown: field \
                   not declared in schema";
    assert_eq!(answer.failure(), (500, "", message));

    ingress.as_object_mut().expect("an object").remove("unknown");
    ingress["status"] = json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}});
    let created = api.patch(path, "apply-patch+yaml", &ingress).await.ok();
    assert_eq!(created["status"], json!({"loadBalancer": {}}));
    let fields = &created["metadata"]["managedFields"][0]["fieldsV1"];
    assert!(fields["f:spec"].is_object() && fields.get("f:status").is_none(), "{fields}");
}
