//! Strategic merge patch against the schemas of built-in kinds.

use super::*;
use cluster_schema::builtin;
use serde_json::json;

fn pod_spec(spec: Value, patch: Value) -> Value {
    let mut pod = json!({"spec": spec});
    let schema = builtin("", "v1", "Pod").unwrap();
    strategic_merge_patch(&mut pod, &json!({"spec": patch}), schema).unwrap();
    pod["spec"].take()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn lists_merge_by_key_and_new_items_go_first() {
    let spec =
        json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]});
    let patch =
        json!({"containers": [{"name": "c"}, {"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]}]});
    let merged = pod_spec(spec, patch);
    assert_eq!(names(&merged["containers"]), ["c", "a", "b"]);
    let a = &merged["containers"][1];
    assert_eq!((&a["image"], names(&a["env"])), (&json!("2"), vec!["Y", "X"]));
}

#[test]
fn atomic_lists_are_replaced_and_nulls_delete() {
    let spec =
        json!({"containers": [{"name": "a", "args": ["1", "2"], "tty": true}], "nodeSelector": {"x": "1", "y": "2"}});
    let patch =
        json!({"containers": [{"name": "a", "args": ["3"], "tty": null}], "nodeSelector": {"x": null, "z": null}});
    let merged = pod_spec(spec, patch);
    assert_eq!(merged, json!({"containers": [{"name": "a", "args": ["3"]}], "nodeSelector": {"y": "2"}}));
}

#[test]
fn what_is_new_is_taken_as_it_is_given() {
    let ports = json!([{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]);
    let spec = json!({"containers": [{"name": "a"}]});
    let patch = json!({"containers": [{"name": "a", "ports": ports}, {"name": "b", "ports": ports, "tty": null,
        "$setElementOrder/ports": [], "env": [{"name": "X", "$patch": "delete"}]}]});
    let merged = pod_spec(spec, patch);
    assert_eq!(merged["containers"], json!([{"name": "a", "ports": ports}, {"name": "b", "ports": ports, "env": []}]));
}

#[test]
fn directives_delete_and_replace() {
    let spec =
        || json!({"containers": [{"name": "a"}, {"name": "b"}], "securityContext": {"runAsUser": 1, "fsGroup": 2}});
    let of = |patch| pod_spec(spec(), patch);
    let deleted = of(json!({"containers": [{"name": "a", "$patch": "delete"}]}));
    assert_eq!(names(&deleted["containers"]), ["b"]);
    let replaced = of(json!({"containers": [{"name": "z"}, {"$patch": "replace"}]}));
    assert_eq!(names(&replaced["containers"]), ["z"]);
    let map = of(json!({"securityContext": {"$patch": "replace", "fsGroup": 3}}));
    assert_eq!(map["securityContext"], json!({"fsGroup": 3}));
    let emptied = of(json!({"securityContext": {"$patch": "delete"}}));
    assert_eq!(emptied["securityContext"], json!({}));
    let absent = of(json!({"affinity": {"$patch": "replace", "nodeAffinity": {}}}));
    assert_eq!(absent.get("affinity"), None, "what is not there cannot be replaced");
}

#[test]
fn element_order_sorts_the_named_and_keeps_the_others_in_place() {
    let spec = json!({"containers": [{"name": "a"}, {"name": "server"}, {"name": "b"}]});
    let order = json!([{"name": "b"}, {"name": "new"}, {"name": "a"}]);
    let merged = pod_spec(spec, json!({"$setElementOrder/containers": order, "containers": [{"name": "new"}]}));
    assert_eq!(names(&merged["containers"]), ["server", "b", "new", "a"]);
}

#[test]
fn primitive_lists_merge_as_sets() {
    let mut object = json!({"metadata": {"finalizers": ["a", "b"]}});
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c", "b"],
        "$setElementOrder/finalizers": ["c", "b"]}});
    strategic_merge_patch(&mut object, &patch, builtin("", "v1", "ConfigMap").unwrap()).unwrap();
    assert_eq!(object, json!({"metadata": {"finalizers": ["c", "b"]}}));
    let both = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["c"], "finalizers": ["c", "d"]}});
    strategic_merge_patch(&mut object, &both, builtin("", "v1", "ConfigMap").unwrap()).unwrap();
    assert_eq!(object, json!({"metadata": {"finalizers": ["d", "b"]}}), "what is added and deleted goes");
}

#[test]
fn retain_keys_drops_the_other_keys() {
    let mut deployment = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    let schema = builtin("apps", "v1", "Deployment").unwrap();
    strategic_merge_patch(&mut deployment, &patch, schema).unwrap();
    assert_eq!(deployment, json!({"spec": {"strategy": {"type": "Recreate"}}}));
    let bad = json!({"spec": {"strategy": {"$retainKeys": ["rollingUpdate"], "type": "Recreate"}}});
    assert_eq!(strategic_merge_patch(&mut deployment, &bad, schema).unwrap_err().code, 400);
}

#[test]
fn bad_patches_are_refused_with_upstreams_codes() {
    let schema = builtin("", "v1", "Pod").unwrap();
    for (patch, code) in [
        (json!([]), 400),
        (json!({"spec": {"$patch": "dance"}}), 422),
        (json!({"spec": {"containers": [{"image": "no key"}]}}), 422),
        (json!({"spec": {"$setElementOrder/containers": 1}}), 400),
    ] {
        let error = strategic_merge_patch(&mut json!({"spec": {"containers": []}}), &patch, schema).unwrap_err();
        assert_eq!(error.code, code, "{patch}");
    }
}

#[test]
fn merge_patch_follows_the_rfc() {
    let mut value = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
    merge_patch(&mut value, &json!({"a": {"b": null, "d": {"e": null}}, "l": [3]}));
    assert_eq!(value, json!({"a": {"c": 2, "d": {}}, "l": [3]}));
}
