//! Custom resources whose versions a webhook turns into each other.

use super::Api;
use super::hook::{Hook, Seen};
use serde_json::{Value, json};

const V1: &str = "/apis/example.com/v1/namespaces/default/cats";
const V2: &str = "/apis/example.com/v2/namespaces/default/cats";

/// v1 has `spec.host`, v2 `spec.hosts`.
fn convert(seen: &Seen) -> (u16, Value) {
    let wanted = &seen.body["request"]["desiredAPIVersion"];
    let objects = seen.body["request"]["objects"].as_array().cloned().unwrap_or_default();
    let converted = objects.into_iter().map(|mut object| {
        object["apiVersion"] = wanted.clone();
        let spec = object["spec"].take();
        object["spec"] = match spec.get("hosts") {
            Some(hosts) => json!({"host": hosts[0]}),
            None => json!({"hosts": [spec["host"]]}),
        };
        object
    });
    let converted: Vec<Value> = converted.collect();
    let failed = converted.iter().any(|object| object["metadata"]["name"] == "bad");
    let result = if failed { json!({"status": "Failed", "message": "cannot"}) } else { json!({"status": "Success"}) };
    let response = json!({"uid": seen.body["request"]["uid"], "convertedObjects": converted, "result": result});
    (200, json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": response}))
}

fn cat(version: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": format!("example.com/{version}"), "kind": "Cat", "metadata": {"name": name}, "spec": spec})
}

async fn define(api: &Api, hook: &Hook) {
    let version = |name: &str, storage: bool| {
        let spec = json!({"type": "object", "properties": {
            "host": {"type": "string"}, "hosts": {"type": "array", "items": {"type": "string"}}}});
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema}})
    };
    let webhook = json!({"clientConfig": hook.by_url("/convert"), "conversionReviewVersions": ["v1"]});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cats.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "cats", "kind": "Cat"},
            "versions": [version("v1", true), version("v2", false)],
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    });
    api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await.ok();
}

#[tokio::test]
async fn objects_are_converted_when_written_read_listed_and_watched() {
    let (api, hook) = (Api::start().await, Hook::start(convert).await);
    define(&api, &hook).await;
    let made = api.post(V2, &cat("v2", "a", &json!({"hosts": ["x"]}))).await.ok();
    assert_eq!((&made["apiVersion"], &made["spec"]), (&json!("example.com/v2"), &json!({"hosts": ["x"]})));
    let stored = api.get(&format!("{V1}/a")).await.ok();
    assert_eq!((&stored["apiVersion"], &stored["spec"]), (&json!("example.com/v1"), &json!({"host": "x"})));
    assert_eq!(stored["metadata"]["uid"], made["metadata"]["uid"]);
    api.post(V1, &cat("v1", "b", &json!({"host": "y"}))).await.ok();
    let before = hook.seen().len();
    let list = api.get(V2).await.ok();
    let hosts: Vec<&Value> =
        list["items"].as_array().into_iter().flatten().map(|item| &item["spec"]["hosts"]).collect();
    assert_eq!(hosts, [&json!(["x"]), &json!(["y"])]);
    assert_eq!(hook.seen().len(), before + 1, "a list is one question");
    let patched = api.patch(&format!("{V2}/b"), "merge-patch+json", &json!({"spec": {"hosts": ["z"]}})).await.ok();
    assert_eq!(patched["spec"], json!({"hosts": ["z"]}));
    assert_eq!(api.get(&format!("{V1}/b")).await.ok()["spec"], json!({"host": "z"}));
    let watch = api.get(&format!("{V2}?watch=true&resourceVersion=0&timeoutSeconds=1")).await.ok();
    let events: Vec<Value> =
        watch.as_str().unwrap_or_default().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(events[0]["object"]["apiVersion"], "example.com/v2");
}

#[tokio::test]
async fn a_converter_that_fails_fails_the_request_and_says_why() {
    let (api, hook) = (Api::start().await, Hook::start(convert).await);
    define(&api, &hook).await;
    api.post(V1, &cat("v1", "bad", &json!({"host": "x"}))).await.ok();
    let answer = api.get(&format!("{V2}/bad")).await;
    let why = "conversion webhook for example.com/v1, Kind=Cat failed: cannot";
    assert_eq!((answer.code, answer.failure().2), (500, why));
}
