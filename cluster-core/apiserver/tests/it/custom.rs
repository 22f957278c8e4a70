//! Custom resources: definitions, their objects and the rules for both.

use super::{Answer, Api};
use serde_json::{Value, json};

pub(super) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CATS: &str = "/apis/example.com/v1/namespaces/default/cats";

/// A definition of cats whose version v1 has this schema.
pub(super) fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cats.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "cats", "singular": "cat", "kind": "Cat", "listKind": "CatList", "shortNames": ["ca"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

/// A schema whose spec has these properties.
pub(super) fn spec(properties: &Value) -> Value {
    json!({"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}})
}

fn cat(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Cat", "metadata": {"name": name}, "spec": spec})
}

pub(super) async fn with_spec(properties: &Value) -> Api {
    let api = Api::start().await;
    api.post(DEFINITIONS, &definition(&spec(properties))).await.ok();
    api
}

/// The message of a refusal as invalid, without its head.
#[track_caller]
pub(super) fn faults(answer: &Answer) -> String {
    let (code, reason, message) = answer.failure();
    assert_eq!((code, reason), (422, "Invalid"), "{answer:?}");
    message.split_once(" is invalid: ").expect("an invalid object").1.to_owned()
}

#[tokio::test]
async fn a_definition_is_served_at_once_and_until_its_last_object_goes() {
    let api = Api::start().await;
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "replicas": {"type": "integer", "default": 1}, "image": {"type": "string"},
        }},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    }});
    let mut definition = definition(&schema);
    let version = &mut definition["spec"]["versions"][0];
    version["subresources"] = json!({"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}});
    version["additionalPrinterColumns"] = json!([{"name": "Image", "type": "string", "jsonPath": ".spec.image"}]);
    version["selectableFields"] = json!([{"jsonPath": ".spec.image"}]);
    let created = api.post(DEFINITIONS, &definition).await.ok();
    assert!(created["status"]["conditions"].as_array().is_some_and(|c| c.iter().any(|c| c["type"] == "Established")));

    let made = api.post(CATS, &cat("tom", &json!({"image": "x", "bogus": 1, "replicas": null}))).await;
    assert_eq!(made.warnings, ["299 - \"unknown field \\\"spec.bogus\\\"\""]);
    assert_eq!(made.ok()["spec"], json!({"image": "x", "replicas": 1}));
    let scale = json!({"spec": {"replicas": 4}});
    let scale = api.patch(&format!("{CATS}/tom/scale"), "merge-patch+json", &scale).await.ok();
    assert_eq!(scale["spec"]["replicas"], 4);
    let table = api.accepting(CATS, "application/json;as=Table;v=v1;g=meta.k8s.io").await.ok();
    assert_eq!(
        (&table["columnDefinitions"][1]["name"], &table["rows"][0]["cells"]),
        (&json!("Image"), &json!(["tom", "x"]))
    );
    let selected = |value: &str| format!("{CATS}?fieldSelector=spec.image%3D{value}");
    for (value, count) in [("x", 1), ("y", 0)] {
        assert_eq!(api.get(&selected(value)).await.ok()["items"].as_array().map(Vec::len), Some(count));
    }
    assert_eq!(api.get(&format!("{CATS}?fieldSelector=spec.replicas%3D4")).await.code, 400);
    let groups = api.get("/apis").await.ok();
    assert!(groups["groups"].as_array().is_some_and(|g| g.iter().any(|g| g["name"] == "example.com")));

    // A cat with a finalizer keeps the definition.
    let mut held = cat("kept", &json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.post(CATS, &held).await.ok();
    let going = api.delete(&format!("{DEFINITIONS}/cats.example.com"), &json!({})).await.ok();
    let finalizer = "customresourcecleanup.apiextensions.k8s.io";
    assert_eq!(going["metadata"]["finalizers"], json!([finalizer]));
    let refused = api.post(CATS, &cat("late", &json!({}))).await;
    let why = "create not allowed while custom resource definition is terminating";
    assert_eq!(refused.failure(), (405, "MethodNotAllowed", why));
    api.until_deleted(CATS, "tom").await;
    api.patch(&format!("{CATS}/kept"), "merge-patch+json", &json!({"metadata": {"finalizers": null}})).await.ok();
    api.until_deleted(DEFINITIONS, "cats.example.com").await;
    assert_eq!(api.get(CATS).await.code, 404);
}

#[tokio::test]
async fn objects_are_validated_in_upstreams_words() {
    let api = with_spec(&json!({
        "size": {"type": "integer", "minimum": 1, "maximum": 10}, "name": {"type": "string", "maxLength": 3, "pattern": "^[a-z]*$"},
        "color": {"type": "string", "enum": ["red", "blue"]}, "when": {"type": "string", "format": "date-time"},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}, "maxItems": 2},
        "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
                  "items": {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}, "name": {"type": "string"}}}},
        "either": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                   "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        "share": {"x-kubernetes-int-or-string": true}, "maybe": {"type": "string", "nullable": true},
    }))
    .await;
    let table = [
        (json!({"size": 11}), "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
        (
            json!({"size": "1"}),
            "spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"",
        ),
        (json!({"name": "abcd"}), "spec.name: Too long: may not be more than 3 bytes"),
        (json!({"name": "A"}), "spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]*$'"),
        (json!({"color": "green"}), "spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\""),
        (
            json!({"when": "now"}),
            "spec.when: Invalid value: \"now\": spec.when in body must be of type date-time: \"now\"",
        ),
        (json!({"set": ["a", "a"]}), "spec.set[1]: Duplicate value: \"a\""),
        (json!({"set": ["a", "b", "c"]}), "spec.set: Too many: 3: must have at most 2 items"),
        (json!({"ports": [{"port": 1}, {"port": 1, "name": "x"}]}), "spec.ports[1]: Duplicate value: {\"port\":1}"),
        (json!({"ports": [{}]}), "spec.ports[0].port: Required value"),
        (
            json!({"either": {"a": "", "b": ""}}),
            "<nil>: Invalid value: \"\": \"spec.either\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
        ),
        (
            json!({"share": true}),
            "spec.share: Invalid value: \"boolean\": spec.share in body must be of type integer,string: \"boolean\"",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(faults(&api.post(CATS, &cat("bad", &spec)).await), expected, "{spec}");
    }
    let good = json!({"size": 1, "name": "abc", "color": "red", "when": "2026-01-01T00:00:00Z", "share": "5%",
        "ports": [{"port": 1}, {"port": 2}], "either": {"a": ""}, "maybe": null});
    assert_eq!(api.post(CATS, &cat("good", &good)).await.ok()["spec"]["maybe"], Value::Null);
}

#[tokio::test]
async fn an_update_may_keep_what_a_newer_schema_forbids() {
    let api = with_spec(&json!({"name": {"type": "string"}, "size": {"type": "integer"}})).await;
    api.post(CATS, &cat("tom", &json!({"name": "long name"}))).await.ok();
    let stricter = spec(
        &json!({"name": {"type": "string", "maxLength": 3, "x-kubernetes-validations": [{"rule": "self != 'long name'"}]},
        "size": {"type": "integer"}, "color": {"type": "string", "default": "grey"}}),
    );
    let patch = json!({"spec": {"versions": definition(&stricter)["spec"]["versions"]}});
    api.patch(&format!("{DEFINITIONS}/cats.example.com"), "merge-patch+json", &patch).await.ok();
    let tom = format!("{CATS}/tom");
    assert_eq!(api.get(&tom).await.ok()["spec"]["color"], "grey", "old objects have new defaults");
    let kept = api.patch(&tom, "merge-patch+json", &json!({"spec": {"size": 2}})).await;
    assert!(kept.warnings[0].contains("failed rule: self != 'long name'"), "{:?}", kept.warnings);
    kept.ok();
    let changed = api.patch(&tom, "merge-patch+json", &json!({"spec": {"name": "other name"}})).await;
    assert_eq!(
        faults(&changed),
        "[spec.name: Too long: may not be more than 3 bytes, <nil>: Invalid value: null: some validation rules were \
         not checked because the object was invalid; correct the existing errors to complete validation]"
    );
}

#[tokio::test]
async fn versions_share_their_objects_and_the_old_one_warns() {
    let api = Api::start().await;
    let mut definition = definition(&spec(&json!({"x": {"type": "integer"}})));
    let mut old = definition["spec"]["versions"][0].clone();
    for (field, value) in [("name", json!("v1beta1")), ("storage", json!(false)), ("deprecated", json!(true))] {
        old[field] = value;
    }
    definition["spec"]["versions"] = json!([old, definition["spec"]["versions"][0]]);
    api.post(DEFINITIONS, &definition).await.ok();
    api.post(CATS, &cat("tom", &json!({"x": 1}))).await.ok();
    let read = api.get("/apis/example.com/v1beta1/namespaces/default/cats/tom").await;
    assert_eq!(read.warnings, ["299 - \"example.com/v1beta1 Cat is deprecated\""]);
    assert_eq!(read.ok()["apiVersion"], "example.com/v1beta1");
    let group = api.get("/apis/example.com").await.ok();
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let gone = json!({"spec": {"versions": [definition["spec"]["versions"][0].clone()]}});
    let refused = api.patch(&format!("{DEFINITIONS}/cats.example.com"), "merge-patch+json", &gone).await;
    assert!(
        faults(&refused)
            .contains("status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously")
    );
}

#[tokio::test]
async fn an_empty_apply_stores_an_object_in_the_version_of_now_and_only_once() {
    let api = Api::start().await;
    let mut definition = definition(&spec(&json!({"x": {"type": "integer"}})));
    let mut newer = definition["spec"]["versions"][0].clone();
    newer["name"] = json!("v2");
    newer["storage"] = json!(false);
    definition["spec"]["versions"] = json!([definition["spec"]["versions"][0], newer]);
    api.post(DEFINITIONS, &definition).await.ok();
    api.post(CATS, &cat("tom", &json!({"x": 1}))).await.ok();
    let moved = json!([{"op": "replace", "path": "/spec/versions/0/storage", "value": false},
        {"op": "replace", "path": "/spec/versions/1/storage", "value": true}]);
    let definition = api.patch(&format!("{DEFINITIONS}/cats.example.com"), "json-patch+json", &moved).await.ok();
    assert_eq!(definition["status"]["storedVersions"], json!(["v1", "v2"]));
    let apply = async || {
        let tom = api.get(&format!("{CATS}/tom")).await.ok();
        let (uid, version) = (&tom["metadata"]["uid"], &tom["metadata"]["resourceVersion"]);
        let body = json!({"apiVersion": "example.com/v1", "kind": "Cat", "metadata": {"uid": uid, "resourceVersion": version}});
        let applied = api.patch(&format!("{CATS}/tom?fieldManager=m"), "apply-patch+yaml", &body).await.ok();
        (version.clone(), applied["metadata"]["resourceVersion"].clone(), applied["spec"].clone())
    };
    let (before, after, spec) = apply().await;
    assert_ne!(before, after, "it was stored in the old version");
    assert_eq!(spec, json!({"x": 1}));
    let (before, after, _) = apply().await;
    assert_eq!(before, after, "nothing is left to do");

    // What the controller says of it then.
    let condition = |kind: &str| json!([{"type": kind, "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let status = json!({"storedVersions": ["v2"], "conditions": condition("StorageMigrating")});
    let body = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cats.example.com"}, "status": status});
    let path = format!("{DEFINITIONS}/cats.example.com/status?fieldManager=m&force=true");
    let told = api.patch(&path, "apply-patch+yaml", &body).await.ok();
    assert_eq!(told["status"]["storedVersions"], json!(["v2"]));
    let kinds: Vec<&Value> =
        told["status"]["conditions"].as_array().expect("a list").iter().map(|c| &c["type"]).collect();
    assert!(kinds.contains(&&json!("Established")) && kinds.contains(&&json!("StorageMigrating")), "{kinds:?}");
    let migrations = "/apis/storagemigration.k8s.io/v1/storageversionmigrations";
    let spec = json!({"resource": {"group": "example.com", "resource": "cats"}});
    api.post(migrations, &json!({"metadata": {"name": "m"}, "spec": spec})).await.ok();
    let status = json!({"status": {"conditions": condition("Succeeded"), "resourceVersion": "7"}});
    let over = api.patch(&format!("{migrations}/m/status"), "merge-patch+json", &status).await.ok();
    assert_eq!(over["status"]["conditions"][0]["type"], "Succeeded");
}

#[tokio::test]
async fn rules_decide_about_objects_and_their_changes() {
    let mut schema = spec(&json!({
        "min": {"type": "integer"}, "max": {"type": "integer"},
        "name": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is immutable"}]},
        "mode": {"type": "string", "x-kubernetes-validations": [{"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": true, "reason": "FieldValueForbidden"}]},
        "tags": {"type": "object", "additionalProperties": {"type": "string", "x-kubernetes-validations": [{"rule": "self != ''"}]}},
    }));
    schema["properties"]["spec"]["x-kubernetes-validations"] = json!([
        {"rule": "!has(self.min) || self.min <= self.max", "messageExpression": "self.min == 3 ? 'min 3 is above max' : 'min is above max'", "fieldPath": ".min"},
    ]);
    let api = Api::start().await;
    api.post(DEFINITIONS, &definition(&schema)).await.ok();
    let table = [
        (json!({"min": 3, "max": 2}), "spec.min: Invalid value: min 3 is above max"),
        (
            json!({"min": 3}),
            "spec: Invalid value: \"object\": no such key: max evaluating rule: !has(self.min) || self.min <= self.max",
        ),
        (json!({"tags": {"a": ""}}), "spec.tags[a]: Invalid value: \"\": failed rule: self != ''"),
    ];
    for (spec, expected) in table {
        assert_eq!(faults(&api.post(CATS, &cat("bad", &spec)).await), expected);
    }
    api.post(CATS, &cat("tom", &json!({"min": 1, "max": 2, "name": "tom", "mode": "a"}))).await.ok();
    let change = |spec: Value| json!({"spec": spec});
    let tom = format!("{CATS}/tom");
    let renamed = api.patch(&tom, "merge-patch+json", &change(json!({"name": "tim"}))).await;
    assert_eq!(faults(&renamed), "spec.name: Invalid value: \"tim\": is immutable");
    let other = api.patch(&tom, "merge-patch+json", &change(json!({"mode": "b"}))).await;
    assert_eq!(faults(&other), "spec.mode: Forbidden: failed rule: !oldSelf.hasValue() || oldSelf.value() == self");
    api.patch(&tom, "merge-patch+json", &change(json!({"max": 7}))).await.ok();
}

#[tokio::test]
async fn a_rule_that_runs_too_long_is_stopped() {
    let bounded = json!({"type": "array", "maxItems": 1000, "items": {"type": "integer"}});
    let mut schema = spec(&json!({"l": bounded}));
    schema["properties"]["spec"]["x-kubernetes-validations"] =
        json!([{"rule": "self.l.all(a, self.l.all(b, a + b >= 0))"}]);
    let api = Api::start().await;
    api.post(DEFINITIONS, &definition(&schema)).await.ok();
    let list: Vec<u32> = (0..1000).collect();
    let message = faults(&api.post(CATS, &cat("big", &json!({"l": list}))).await);
    assert!(message.contains("call cost exceeds limit for rule"), "{message}");
}

#[tokio::test]
async fn what_a_schema_has_no_more_is_not_served_and_who_watches_looks_again() {
    let api = with_spec(&json!({"name": {"type": "string"}, "old": {"type": "string"}})).await;
    api.post(CATS, &cat("tom", &json!({"name": "a", "old": "b"}))).await.ok();
    let request = http::Request::get(format!("{CATS}?watch=1")).body(super::Body::empty()).expect("a request");
    let watch = api.send(request).await.into_body();
    let smaller = spec(&json!({"name": {"type": "string"}}));
    let patch = json!({"spec": {"versions": definition(&smaller)["spec"]["versions"]}});
    api.patch(&format!("{DEFINITIONS}/cats.example.com"), "merge-patch+json", &patch).await.ok();
    assert_eq!(api.get(CATS).await.ok()["items"][0]["spec"], json!({"name": "a"}));
    let told = http_body_util::BodyExt::collect(watch).await.expect("the watch ends").to_bytes();
    assert_eq!(String::from_utf8_lossy(&told).lines().count(), 1, "what was there, and no more");
}
