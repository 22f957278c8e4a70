//! Apply and field tracking against the schemas of built-in kinds, and properties against a naive model.

use super::*;
use cluster_schema::builtin;
use proptest::prelude::*;
use serde_json::json;

const NOW: &str = "2026-01-02T03:04:05Z";
const LATER: &str = "2026-01-02T03:04:06Z";

fn deployment() -> &'static Schema {
    builtin("apps", "v1", "Deployment").unwrap()
}

fn try_as(manager: &str, live: Option<&Value>, applied: &Value, force: bool) -> Result<Value, Status> {
    apply(live, applied, deployment(), manager, force, "apps/v1", "", NOW)
}

fn apply_as(manager: &str, live: Option<&Value>, applied: Value) -> Value {
    try_as(manager, live, &applied, false).unwrap()
}

fn update_as(manager: &str, live: Option<&Value>, mut new: Value) -> Value {
    managed::update(live, &mut new, deployment(), manager, "Update", "apps/v1", "", LATER);
    new
}

/// The fields of each manager in wire form.
fn owners(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.map(|e| (e["manager"].as_str().unwrap().to_owned(), e["fieldsV1"].clone())).collect()
}

fn bare(mut object: Value) -> Value {
    meta::remove(&mut object, "metadata.managedFields");
    object
}

fn containers(containers: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"template": {"spec": {"containers": containers}}}})
}

fn spec(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
}

/// A deployment that `kubectl apply` made and somebody scaled.
fn applied_by_the_client() -> Value {
    let made = spec(json!({"replicas": 1, "paused": true}));
    let mut noted = made.clone();
    noted["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": made.to_string()});
    let live = update_as("kubectl-client-side-apply", None, noted);
    let mut scaled = live.clone();
    scaled["spec"]["replicas"] = json!(5);
    update_as("scaler", Some(&live), scaled)
}

#[test]
fn kubectl_takes_over_what_its_client_side_apply_wrote_and_nobody_changed() {
    let live = applied_by_the_client();
    let wanted = spec(json!({"paused": false, "minReadySeconds": 7}));
    let refused = try_as("other", Some(&live), &wanted, false).unwrap_err();
    assert!(refused.message.contains("conflict with \"kubectl-client-side-apply\""), "{}", refused.message);
    let done = try_as("kubectl", Some(&live), &wanted, false).unwrap();
    assert_eq!(done["spec"], json!({"replicas": 5, "paused": false, "minReadySeconds": 7}));
    let note = &done["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
    assert_eq!(*note, format!("{wanted}\n"), "client-side apply can go on from here");
    let refused = try_as("kubectl", Some(&live), &spec(json!({"paused": false, "replicas": 2})), false).unwrap_err();
    let told = "Apply failed with 1 conflict: conflict with \"scaler\" using apps/v1: .spec.replicas";
    assert_eq!(refused.message, told, "what somebody else changed since is theirs");
}

#[test]
fn a_note_that_grows_too_large_is_left_out() {
    let large = json!({"template": {"metadata": {"annotations": {"a": "x".repeat(meta::MAX_ANNOTATIONS)}}}});
    let done = try_as("kubectl", Some(&applied_by_the_client()), &spec(large), true).unwrap();
    assert_eq!(done["metadata"]["annotations"], json!({}));
}

#[test]
fn an_object_that_the_client_never_applied_gets_no_note_of_it() {
    let live = apply_as("kubectl", None, spec(json!({"replicas": 1})));
    assert_eq!(apply_as("kubectl", Some(&live), spec(json!({"replicas": 2})))["metadata"].get("annotations"), None);
    let mut odd = applied_by_the_client();
    odd["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!("{\"a\":");
    assert!(try_as("kubectl", Some(&odd), &spec(json!({"paused": false})), false).is_err(), "a note nobody can read");
}

#[test]
fn an_applied_object_is_owned_field_by_field() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": {"a": "b"}, "finalizers": ["x/y"]},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {
            "securityContext": {},
            "containers": [{"name": "c", "args": ["1"], "ports": [{"containerPort": 80}]}]}}},
    });
    let live = apply_as("me", None, object.clone());
    let fields = json!({
        "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {"v:\"x/y\"": {}}},
        "f:spec": {"f:selector": {}, "f:template": {"f:spec": {
            "f:securityContext": {},
            "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:args": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}},
    });
    let entry = json!({"manager": "me", "operation": "Apply", "apiVersion": "apps/v1", "time": NOW,
        "fieldsType": "FieldsV1", "fieldsV1": fields});
    assert_eq!(live["metadata"]["managedFields"], json!([entry]));
    assert_eq!(bare(live.clone()), object);
    let again = apply(Some(&live), &object, deployment(), "me", false, "apps/v1", "", LATER).unwrap();
    assert_eq!(again, live, "applying the same again changes nothing, not even the time");
}

#[test]
fn another_value_of_a_foreign_field_is_a_conflict_that_force_overrides() {
    let live = update_as("kubectl-client-side-apply", None, spec(json!({"replicas": 1, "paused": true})));
    let error = try_as("me", Some(&live), &spec(json!({"replicas": 2})), false).unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (409, "Conflict"));
    let message =
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: .spec.replicas";
    assert_eq!(error.message, message);
    let cause = &error.details.unwrap().causes[0];
    assert_eq!((cause.reason.as_str(), cause.field.as_str()), ("FieldManagerConflict", ".spec.replicas"));

    let both = try_as("me", Some(&live), &spec(json!({"replicas": 2, "paused": false})), false).unwrap_err();
    let message = "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using apps/v1:\n- .spec.paused\n\
                   - .spec.replicas";
    assert_eq!(both.message, message);

    let forced = try_as("me", Some(&live), &spec(json!({"replicas": 2})), true).unwrap();
    assert_eq!(forced["spec"]["replicas"], 2);
    let (me, other) = (json!({"f:spec": {"f:replicas": {}}}), json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(owners(&forced), [("me".to_owned(), me), ("kubectl-client-side-apply".to_owned(), other)]);
}

#[test]
fn the_same_value_is_shared_and_stays_until_the_last_owner_lets_go() {
    let one = apply_as("one", None, spec(json!({"replicas": 3, "paused": true})));
    let two = apply_as("two", Some(&one), spec(json!({"replicas": 3})));
    let left = apply_as("one", Some(&two), spec(json!({"paused": true})));
    assert_eq!(left["spec"], json!({"replicas": 3, "paused": true}));
    let gone = apply_as("two", Some(&left), spec(json!({})));
    assert_eq!(gone["spec"], json!({"paused": true}));
}

#[test]
fn items_no_longer_applied_go_unless_another_owns_them() {
    let first = apply_as("me", None, containers(json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}])));
    let shared = apply_as("you", Some(&first), containers(json!([{"name": "b", "tty": true}])));
    let mut object = apply_as("me", Some(&shared), containers(json!([{"name": "c"}])));
    let list = object["spec"]["template"]["spec"]["containers"].take();
    assert_eq!(list, json!([{"name": "b", "tty": true}, {"name": "c"}]));
}

#[test]
fn a_dropped_map_takes_its_defaults_along() {
    let live = apply_as("me", None, spec(json!({"replicas": 1, "strategy": {"type": "RollingUpdate"}})));
    let mut defaulted = live.clone();
    meta::set(&mut defaulted, "spec.strategy.rollingUpdate.maxSurge", "25%");
    let after = apply_as("me", Some(&defaulted), spec(json!({"replicas": 1})));
    assert_eq!(after["spec"], json!({"replicas": 1}));
}

#[test]
fn items_keep_the_applied_order_and_the_foreign_ones_their_place() {
    let named = |names: &str| containers(names.chars().map(|name| json!({"name": name.to_string()})).collect());
    for (live, applied, expected) in [
        ("axb", "ban", "xban"),
        ("zy", "xz", "xzy"),
        ("bad", "abc", "adbc"),
        ("pq", "a", "pqa"),
        ("abc", "cb", "acb"),
        ("ab", "xaybz", "xaybz"),
        ("cxdy", "dc", "xdyc"),
    ] {
        let merged = apply_as("me", Some(&update_as("you", None, named(live))), named(applied));
        let list = merged["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        let names: String = list.iter().map(|container| container["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{applied} into {live}");
    }
}

#[test]
fn what_was_never_tracked_belongs_to_before_first_apply() {
    let live = spec(json!({"replicas": 1, "paused": true}));
    let error = try_as("me", Some(&live), &spec(json!({"replicas": 2})), false).unwrap_err();
    assert!(error.message.contains("conflict with \"before-first-apply\" using apps/v1: .spec.replicas"), "{error}");
    let applied = apply_as("me", Some(&live), spec(json!({"replicas": 1})));
    assert_eq!(owners(&applied)[1].0, "before-first-apply");
}

#[test]
fn updates_own_what_they_change_and_take_it_from_others() {
    let live = apply_as("me", None, spec(json!({"replicas": 1, "paused": true})));
    let mut scaled = live.clone();
    meta::set(&mut scaled, "spec.replicas", 5);
    meta::remove(&mut scaled, "spec.paused");
    let updated = update_as("scaler", Some(&live), scaled);
    assert_eq!(owners(&updated), [("scaler".to_owned(), json!({"f:spec": {"f:replicas": {}}}))]);
    let mut slower = updated.clone();
    meta::set(&mut slower, "spec.minReadySeconds", 1);
    let more = update_as("scaler", Some(&updated), slower);
    assert_eq!(owners(&more)[0].1, json!({"f:spec": {"f:replicas": {}, "f:minReadySeconds": {}}}));
}

#[test]
fn what_was_an_object_and_becomes_a_value_has_no_owned_parts() {
    let of = |value: Value| json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "any": value});
    let schema = Schema::default();
    let apply = |live: Option<&Value>, value, manager| {
        super::apply(live, &of(value), &schema, manager, true, "v1", "", NOW).unwrap()
    };
    let live = apply(None, json!({"a": {"b": 1}}), "you");
    let after = apply(Some(&live), json!({"a": "text"}), "me");
    let expected = [("me", json!({"f:any": {".": {}, "f:a": {}}})), ("you", json!({"f:any": {}}))];
    assert_eq!(owners(&after), expected.map(|(manager, fields)| (manager.to_owned(), fields)));
}

#[test]
fn an_update_without_a_change_keeps_the_entries_and_their_times() {
    let live = apply_as("me", None, spec(json!({"replicas": 1})));
    assert_eq!(update_as("you", Some(&live), live.clone()), live);
    assert_eq!(update_as("you", Some(&live), bare(live.clone())), live, "leaving the entries out does not clear them");
}

#[test]
fn clients_may_clear_the_entries() {
    let live = apply_as("me", None, spec(json!({"replicas": 1})));
    for cleared in [json!([]), json!([{}])] {
        let mut new = live.clone();
        meta::set(&mut new, "metadata.managedFields", cleared);
        let new = update_as("you", Some(&live), new);
        assert!(owners(&new).is_empty());
        let mut later = new.clone();
        meta::set(&mut later, "spec.replicas", 2);
        assert!(owners(&update_as("you", Some(&new), later)).is_empty(), "an untracked object stays untracked");
    }
}

#[test]
fn subresources_and_operations_have_entries_of_their_own() {
    let live = apply_as("me", None, spec(json!({"replicas": 1})));
    let mut new = live.clone();
    meta::set(&mut new, "status.replicas", 1);
    managed::update(Some(&live), &mut new, deployment(), "me", "Update", "apps/v1", "status", LATER);
    let ids: Vec<(&Value, &Value)> = new["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["operation"], &e["subresource"]))
        .collect();
    assert_eq!(ids, [(&json!("Apply"), &Value::Null), (&json!("Update"), &json!("status"))]);
}

#[test]
fn many_updaters_are_thrown_together() {
    let mut live = update_as("m00", None, spec(json!({"replicas": 1})));
    for n in 0..14 {
        let mut new = live.clone();
        meta::set(&mut new, &format!("metadata.labels.l{n}"), "x");
        live = update_as(&format!("m{n:02}"), Some(&live), new);
    }
    let owners = owners(&live);
    assert_eq!(owners.len(), 10);
    assert!(owners.iter().any(|(manager, fields)| manager == "ancient-changes" && fields.to_string().contains("f:l0")));
}

#[test]
fn managed_fields_may_not_be_applied() {
    let applied = json!({"metadata": {"managedFields": [{"manager": "x"}]}});
    assert_eq!(try_as("me", None, &applied, false).unwrap_err().code, 400);
}

/// Labels and containers with images: maps and keyed lists, as one flat map to compare with.
fn object_of(prefix: &str, fields: &[(u8, u8)]) -> Value {
    let mut object = spec(json!({}));
    for (key, value) in fields {
        meta::set(&mut object, &format!("metadata.labels.{prefix}{key}"), value.to_string());
    }
    let images = fields.iter().map(|(key, value)| (format!("{prefix}{key}"), value.to_string()));
    let images: std::collections::BTreeMap<_, _> = images.collect();
    let list: Vec<Value> = images.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
    if !list.is_empty() {
        meta::set(&mut object, "spec.template.spec.containers", list);
    }
    object
}

fn content(object: &Value) -> std::collections::BTreeMap<String, String> {
    let list = meta::get(object, "spec.template.spec.containers").as_array().into_iter().flatten();
    let images = list.map(|c| (format!("c/{}", c["name"]), c["image"].to_string()));
    let labels = meta::labels(object).map(|(key, value)| (key.to_owned(), value.to_owned()));
    images.chain(labels).collect()
}

proptest! {
    #[test]
    fn applying_twice_is_applying_once(a in prop::collection::vec((0_u8..5, 0_u8..3), 0..5), b in prop::collection::vec((0_u8..5, 0_u8..3), 0..5)) {
        let first = try_as("me", None, &object_of("x", &a), true).unwrap();
        let second = try_as("me", Some(&first), &object_of("x", &b), true).unwrap();
        prop_assert_eq!(content(&second), content(&object_of("x", &b)), "a sole owner's object is what it applied last");
        prop_assert_eq!(try_as("me", Some(&second), &object_of("x", &b), false).unwrap(), second);
    }

    #[test]
    fn disjoint_managers_compose(a in prop::collection::vec((0_u8..5, 0_u8..3), 0..5), b in prop::collection::vec((0_u8..5, 0_u8..3), 0..5),
        c in prop::collection::vec((0_u8..5, 0_u8..3), 0..5)) {
        let (x, y, z) = (object_of("x", &a), object_of("y", &b), object_of("x", &c));
        let xy = apply_as("two", Some(&apply_as("one", None, x.clone())), y.clone());
        let yx = apply_as("one", Some(&apply_as("two", None, y.clone())), x);
        prop_assert_eq!(content(&xy), content(&yx));
        let mut want = content(&y);
        want.extend(content(&z));
        prop_assert_eq!(content(&apply_as("one", Some(&xy), z)), want);
    }
}

#[test]
fn sections_that_every_object_of_a_built_in_kind_has_are_nobodys() {
    let schema = |group, version, kind| cluster_schema::builtin(group, version, kind).unwrap();
    let fields = |schema: &Schema, mut object: Value| {
        managed::update(None, &mut object, schema, "me", "Update", "v1", "", NOW);
        object["metadata"]["managedFields"][0]["fieldsV1"].take()
    };
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}],
        "volumes": [{"name": "v"}]}});
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}},
        "template": template}});
    let expected = json!({"f:spec": {
        "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
        "f:template": {
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {}}},
                "f:volumes": {".": {}, "k:{\"name\":\"v\"}": {".": {}, "f:name": {}}}}}}});
    assert_eq!(fields(schema("apps", "v1", "Deployment"), deployment), expected);
    let config_map = json!({"metadata": {"name": "c"}, "data": {"a": "b"}});
    assert_eq!(fields(schema("", "v1", "ConfigMap"), config_map), json!({"f:data": {".": {}, "f:a": {}}}));
    let custom = cluster_schema::custom_resource(&json!({"type": "object", "properties": {"spec": {"type": "object",
        "properties": {"a": {"type": "string"}}}}}));
    let object = json!({"metadata": {"name": "c"}, "spec": {"a": "b"}});
    assert_eq!(fields(&custom, object), json!({"f:spec": {".": {}, "f:a": {}}}));
}
