//! Discovery against what upstream's server says.

use super::*;
use crate::kinds;

fn builtin() -> Vec<Arc<Resource>> {
    kinds::builtin().into_iter().map(Arc::new).collect()
}

fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
    let entries = list["resources"].as_array().expect("resources");
    entries.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_media_type_chooses_the_format() {
    let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let beta = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    for (accept, expected) in [
        (format!("{v2},{beta},application/json"), true),
        (format!("{beta},{v2};q=0.9"), true),
        ("application/json; v=v2; as=APIGroupDiscoveryList; g=apidiscovery.k8s.io".to_owned(), true),
        (format!("{beta}, application/json"), false),
        (format!("application/json;q=1.0,{v2}"), false),
        ("application/json".to_owned(), false),
        ("application/json, */*".to_owned(), false),
        ("*/*".to_owned(), false),
        (String::new(), false),
    ] {
        assert_eq!(wants_aggregated(&accept), expected, "{accept}");
    }
}

#[test]
fn versions_go_from_stable_and_new_to_unstable_and_old() {
    let mut names = vec!["foo1", "v1alpha1", "v10", "v2beta2", "v1", "v2", "v2beta10", "v11beta2", "foo10"];
    names.sort_by_key(|name| (Reverse(stability(name)), *name));
    assert_eq!(names, ["v10", "v2", "v1", "v11beta2", "v2beta10", "v2beta2", "v1alpha1", "foo1", "foo10"]);
    assert_eq!(versions(&builtin(), "autoscaling"), ["v2", "v1"]);
}

#[test]
fn groups_come_in_order_of_priority_and_custom_ones_last() {
    let mut resources = builtin();
    for group in ["zoo.example.com", "art.example.com"] {
        let mut custom = (*resources[0]).clone();
        group.clone_into(&mut custom.group);
        resources.insert(0, Arc::new(custom));
    }
    let names = groups(&resources);
    assert_eq!(names[..4], ["", "apiregistration.k8s.io", "apps", "events.k8s.io"]);
    assert_eq!(names[names.len() - 2..], ["art.example.com", "zoo.example.com"]);
    assert!(names.iter().rev().skip(2).all(|name| kinds::groups().any(|known| known == *name)));
}

#[test]
fn the_core_list_names_pods_and_their_subresources() {
    let list = resource_list(&builtin(), "", "v1").expect("core");
    assert_eq!((&list["groupVersion"], list.get("apiVersion")), (&json!("v1"), None));
    let pods = json!({
        "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "shortNames": ["po"],
        "categories": ["all"], "storageVersionHash": "xPOwRZ+Yhw8=",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    });
    assert_eq!(entry(&list, "pods"), &pods);
    let eviction = json!({
        "name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy", "version": "v1",
        "kind": "Eviction", "verbs": ["create"],
    });
    assert_eq!(entry(&list, "pods/eviction"), &eviction);
    assert!(entry(&list, "bindings").get("storageVersionHash").is_none());
    let names: Vec<&str> =
        list["resources"].as_array().expect("list").iter().filter_map(|r| r["name"].as_str()).collect();
    assert!(names.is_sorted());
}

#[test]
fn storage_version_hashes_are_upstreams() {
    for (group, version, name, hash) in [
        ("apps", "v1", "deployments", "8aSe+NMegvE="),
        ("", "v1", "configmaps", "qFsyl6wFWjQ="),
        ("events.k8s.io", "v1", "events", "r2yiGXH7wu8="),
    ] {
        let list = resource_list(&builtin(), group, version).expect("a list");
        assert_eq!(entry(&list, name)["storageVersionHash"], hash, "{name}");
    }
}

#[test]
fn a_group_prefers_its_newest_stable_version() {
    let group = group(&builtin(), &[], "autoscaling").expect("autoscaling");
    assert_eq!(group["preferredVersion"], json!({"groupVersion": "autoscaling/v2", "version": "v2"}));
    assert_eq!((&group["kind"], &group["apiVersion"]), (&json!("APIGroup"), &json!("v1")));
    assert!(super::group(&builtin(), &[], "nothing.example.com").is_none());
    assert!(resource_list(&builtin(), "apps", "v9").is_none());
}

#[test]
fn the_aggregated_form_splits_core_from_the_rest() {
    let (core, rest) = (aggregated(&builtin(), &[], true), aggregated(&builtin(), &[], false));
    assert_eq!(core["apiVersion"], "apidiscovery.k8s.io/v2");
    assert_eq!(core["items"].as_array().map(Vec::len), Some(1));
    assert!(core["items"][0]["metadata"].get("name").is_none());
    assert_eq!(rest["apiVersion"], "apidiscovery.k8s.io/v2");
    let apps = &rest["items"][1];
    assert_eq!((&apps["metadata"]["name"], &apps["versions"][0]["freshness"]), (&json!("apps"), &json!("Current")));
    let deployments = &apps["versions"][0]["resources"][2];
    assert_eq!(deployments["responseKind"], json!({"group": "apps", "version": "v1", "kind": "Deployment"}));
    let scale = json!({
        "subresource": "scale", "verbs": ["get", "patch", "update"],
        "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    });
    assert_eq!(deployments["subresources"][0], scale);
}

#[test]
fn groups_of_extension_servers_stand_beside_our_own() {
    let resources = json!({"resources": [
        {"name": "flunders", "singularName": "flunder", "namespaced": true, "kind": "Flunder", "verbs": ["get"]},
        {"name": "flunders/status", "singularName": "", "namespaced": true, "kind": "Flunder", "verbs": ["patch"]},
    ]});
    let remote = |version: &str, available| {
        let (group, version) = ("wardle.example.com".to_owned(), version.to_owned());
        let (spec, openapi) = (Value::Null, String::new());
        Arc::new(Remote { group, version, spec, available, resources: resources.clone(), openapi })
    };
    let remotes = [remote("v1", true), remote("v1alpha1", false)];
    let list = group_list(&builtin(), &remotes);
    let last = items(&list["groups"]).last().expect("groups");
    assert_eq!((&last["name"], &last["preferredVersion"]["version"]), (&json!("wardle.example.com"), &json!("v1")));
    assert_eq!(items(&last["versions"]).len(), 2);
    let found = group(&builtin(), &remotes, "wardle.example.com");
    assert_eq!(found.map(|g| g["kind"].clone()), Some(json!("APIGroup")));
    let list = aggregated(&builtin(), &remotes, false);
    let versions = &items(&list["items"]).last().expect("groups")["versions"];
    assert_eq!((&versions[0]["freshness"], &versions[1]["freshness"]), (&json!("Current"), &json!("Stale")));
    let kind = json!({"group": "wardle.example.com", "version": "v1", "kind": "Flunder"});
    let expected = json!([{
        "resource": "flunders", "responseKind": kind, "scope": "Namespaced", "singularResource": "flunder",
        "verbs": ["get"], "subresources": [{"subresource": "status", "responseKind": kind, "verbs": ["patch"]}],
    }]);
    assert_eq!(versions[0]["resources"], expected);
}

#[test]
fn fields_come_in_the_order_of_upstreams_types() {
    let text = |document: &Value| serde_json::to_string(&Ordered(document)).expect("a text");
    let list = resource_list(&builtin(), "apps", "v1").expect("apps");
    assert!(
        text(&list).starts_with(
            r#"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"apps/v1","resources":[{"name":"controllerrevisions","singularName":"controllerrevision","namespaced":true,"kind":"ControllerRevision","verbs":["#
        ),
        "{}",
        text(&list)
    );
    let group = group(&builtin(), &[], "apps").expect("apps");
    let start =
        r#"{"kind":"APIGroup","apiVersion":"v1","name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}"#;
    assert!(text(&group).starts_with(start), "{}", text(&group));
    let deployments = aggregated(&builtin(), &[], false)["items"][1]["versions"][0]["resources"][2].clone();
    let start = r#"{"resource":"deployments","responseKind":{"group":"apps","version":"v1","kind":"Deployment"},"scope":"Namespaced","singularResource":"deployment","verbs":["#;
    assert!(text(&deployments).starts_with(start), "{}", text(&deployments));
    let start =
        r#"{"subresource":"scale","responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"},"verbs":["#;
    assert!(text(&deployments["subresources"][0]).starts_with(start), "{}", text(&deployments));
}
