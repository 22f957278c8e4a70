//! Requests that mean harm are refused, and the server still answers afterwards.

use super::Api;
use super::hook::Hook;
use base64::Engine as _;
use cluster_object::decode::MAX_DEPTH;
use serde_json::{Value, json};

const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

/// Aliases of aliases of aliases.
fn bomb() -> String {
    let line = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","));
    std::iter::once("a0: &a0 [x]\n".to_owned()).chain((1..9).map(line)).collect()
}

async fn prepared() -> Api {
    let api = Api::start().await;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await.ok();
    api.post(THINGS, &thing()).await.ok();
    api
}

fn thing() -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "a": {}, "b": {}})
}

#[tokio::test]
async fn what_nests_too_deep_or_grows_too_fast_is_refused() {
    let api = prepared().await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deep = |depth: usize| {
        let head = r#""apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"deep"}"#;
        format!(r#"{{{head},"spec":{}}}"#, nested(depth))
    };
    let path = format!("{THINGS}/a");
    let repeated = |operations: Value, count: usize| {
        let operations: Vec<Value> =
            operations.as_array().expect("a list").iter().cloned().cycle().take(count).collect();
        Value::from(operations).to_string()
    };
    let (json, yaml, patch) = ("application/json", "application/yaml", "application/json-patch+json");
    let down = json!([{"op": "add", "path": "/a", "value": {}}, {"op": "move", "from": "/b", "path": "/a/x"}, {"op": "move", "from": "/a", "path": "/b"}]);
    let copy = json!([{"op": "copy", "from": "/a", "path": "/a/x"}, {"op": "copy", "from": "/a", "path": "/a/y"}]);
    let far = json!([{"op": "add", "path": "/metadata/finalizers", "value": []}, {"op": "add", "path": "/metadata/finalizers/1000000", "value": "x"}]);
    for (method, path, kind, body, code) in [
        ("POST", THINGS, json, deep(10_000), 400),
        ("POST", THINGS, json, deep(MAX_DEPTH), 400),
        ("POST", THINGS, yaml, deep(10_000).replacen('{', "{a: 1,", 1), 400),
        ("POST", THINGS, yaml, format!("metadata: {{name: x}}\n{}", bomb()), 400),
        ("PATCH", &path, patch, repeated(down, 9999), 422),
        ("PATCH", &path, patch, repeated(copy, 200), 422),
        ("PATCH", &path, patch, repeated(json!([{"op": "test", "path": "/kind", "value": "Thing"}]), 10_001), 413),
        ("PATCH", &path, patch, far.to_string(), 422),
        ("PATCH", &path, patch, r#"[{"op":"replace","path":"","value":3}]"#.to_owned(), 400),
        ("PATCH", &path, "application/merge-patch+json", "3".to_owned(), 400),
        ("PATCH", &format!("{path}?fieldManager=m"), "application/apply-patch+yaml", "- a".to_owned(), 400),
        ("POST", THINGS, json, deep(MAX_DEPTH - 1), 201),
    ] {
        let answer = api.call(method, path, kind, body).await;
        assert_eq!(answer.code, code, "{method} {path} {kind}: {answer:?}");
    }
    assert_eq!(api.get(THINGS).await.ok()["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_a_webhook_nests_too_deep_is_refused() {
    let hook = Hook::start(|seen| {
        let deep = (0..60).fold(json!({}), |inner, _| json!({"a": inner}));
        let deeper = format!("/a{}/b", "/a".repeat(60));
        let patch = json!([{"op": "add", "path": "/a", "value": deep}, {"op": "add", "path": deeper, "value": deep}]);
        let patch = base64::engine::general_purpose::STANDARD.encode(patch.to_string());
        let uid = &seen.body["request"]["uid"];
        let response = json!({"uid": uid, "allowed": true, "patchType": "JSONPatch", "patch": patch});
        (200, json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}))
    })
    .await;
    let api = prepared().await;
    let rules = json!([{"operations": ["*"], "apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["*"]}]);
    let webhook = json!({"name": "a.example.com", "clientConfig": hook.by_url("/"), "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "rules": rules});
    let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    api.post(path, &json!({"metadata": {"name": "a"}, "webhooks": [webhook]})).await.ok();
    let mut object = thing();
    object["metadata"]["name"] = "b".into();
    let answer = api.post(THINGS, &object).await;
    assert_eq!(answer.failure(), (400, "BadRequest", "the object nests deeper than 100 levels"));
}
