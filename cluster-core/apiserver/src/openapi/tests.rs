//! Tests of the OpenAPI documents against what clients read in them.

use super::*;
use crate::kinds;
use crate::registry::custom_resources;
use serde_json::json;

fn builtin() -> Vec<Arc<Resource>> {
    kinds::builtin().into_iter().map(Arc::new).collect()
}

fn parse(document: &Document) -> Value {
    serde_json::from_slice(&document.bytes()).expect("JSON")
}

fn v3(path: &str) -> Value {
    parse(&documents(&builtin()).get(path).expect("a document"))
}

fn documents(resources: &[Arc<Resource>]) -> Documents {
    Documents::new(resources, &Documents::default())
}

/// Every `$ref` of a document must lead somewhere.
fn assert_references_resolve(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let pointer = target.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
            }
            members.values().for_each(|inner| assert_references_resolve(document, inner));
        }
        Value::Array(items) => items.iter().for_each(|inner| assert_references_resolve(document, inner)),
        _ => {}
    }
}

fn widgets() -> Vec<Arc<Resource>> {
    let names = json!({"kind": "Widget", "plural": "widgets"});
    let definition = json!({"status": {"acceptedNames": names}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": names,
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
            "type": "object", "description": "Widget is small.", "properties": {"spec": {"type": "object", "properties": {
                "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "size": {"type": "string", "nullable": true}}}}}}}],
    }});
    custom_resources(&definition, |_| None).into_iter().map(Arc::new).collect()
}

#[test]
fn the_index_names_every_group_and_version_with_a_hash() {
    let index = parse(&documents(&builtin()).get(INDEX).expect("a document"));
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().expect("a URL");
    let hash = url.strip_prefix("/openapi/v3/apis/apps/v1?hash=").expect("a hash");
    assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()), "{hash}");
    assert!(index["paths"]["api/v1"].is_object());
}

#[test]
fn all_references_of_all_documents_resolve() {
    let documents = documents(&[builtin(), widgets()].concat());
    let paths: Vec<String> = documents.hashes.keys().cloned().collect();
    for path in &paths {
        let document = parse(&documents.get(path).expect("a document"));
        assert_references_resolve(&document, &document);
    }
    let v2 = parse(&documents.get(V2).expect("a document"));
    assert_references_resolve(&v2, &v2);
    assert!(documents.get("apis/nothing/v1").is_none());
}

fn names(parameters: &Value) -> Vec<&str> {
    parameters.as_array().expect("parameters").iter().filter_map(|one| one["name"].as_str()).collect()
}

#[test]
fn a_patch_declares_field_validation_and_its_kind() {
    let apps = v3("apis/apps/v1");
    let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(names(&patch["parameters"]), ["dryRun", "fieldManager", "fieldValidation", "force"]);
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    assert_eq!(patch["x-kubernetes-action"], "patch");
    let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    assert_eq!(patch["x-kubernetes-group-version-kind"], kind);
    assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
}

/// Facts of upstream's published documents: method, path, id, action, codes, what is answered.
#[test]
fn operations_are_called_and_answered_as_upstream_publishes_them() {
    const POD: &str = "/api/v1/namespaces/{namespace}/pods/{name}";
    const PODS: &str = "/api/v1/namespaces/{namespace}/pods";
    const CLAIM: &str = "/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}";
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
    let core = v3("api/v1");
    for (method, path, id, action, codes, answer) in [
        ("get", PODS, "listCoreV1NamespacedPod", "list", "200 401", "io.k8s.api.core.v1.PodList"),
        ("post", PODS, "createCoreV1NamespacedPod", "post", "200 201 202 401", "io.k8s.api.core.v1.Pod"),
        ("delete", PODS, "deleteCoreV1CollectionNamespacedPod", "deletecollection", "200 401", "meta.Status"),
        ("put", POD, "replaceCoreV1NamespacedPod", "put", "200 201 401", "io.k8s.api.core.v1.Pod"),
        ("patch", POD, "patchCoreV1NamespacedPod", "patch", "200 201 401", "io.k8s.api.core.v1.Pod"),
        ("delete", POD, "deleteCoreV1NamespacedPod", "delete", "200 202 401", "io.k8s.api.core.v1.Pod"),
        (
            "delete",
            CLAIM,
            "deleteCoreV1NamespacedPersistentVolumeClaim",
            "delete",
            "200 202 401",
            "io.k8s.api.core.v1.PersistentVolumeClaim",
        ),
        ("delete", "/api/v1/nodes/{name}", "deleteCoreV1Node", "delete", "200 202 401", "meta.Status"),
        ("get", "/api/v1/pods", "listCoreV1PodForAllNamespaces", "list", "200 401", "io.k8s.api.core.v1.PodList"),
        ("get", "/api/v1/watch/pods", "watchCoreV1PodListForAllNamespaces", "watchlist", "200 401", "meta.WatchEvent"),
        (
            "get",
            "/api/v1/watch/namespaces/{namespace}/pods/{name}",
            "watchCoreV1NamespacedPod",
            "watch",
            "200 401",
            "meta.WatchEvent",
        ),
        ("get", "/api/v1/watch/nodes", "watchCoreV1NodeList", "watchlist", "200 401", "meta.WatchEvent"),
        ("get", &format!("{POD}/exec"), "connectCoreV1GetNamespacedPodExec", "connect", "200 401", ""),
        (
            "options",
            &format!("{POD}/proxy/{{path}}"),
            "connectCoreV1OptionsNamespacedPodProxyWithPath",
            "connect",
            "200 401",
            "",
        ),
        ("get", &format!("{POD}/log"), "readCoreV1NamespacedPodLog", "get", "200 401", ""),
        (
            "post",
            &format!("{POD}/eviction"),
            "createCoreV1NamespacedPodEviction",
            "post",
            "200 201 202 401",
            "io.k8s.api.policy.v1.Eviction",
        ),
        ("get", "/api/v1/", "getCoreV1APIResources", "", "200 401", "meta.APIResourceList"),
    ] {
        let operation = &core["paths"][path][method];
        assert_eq!(operation["operationId"], id, "{method} {path}");
        assert_eq!(operation["x-kubernetes-action"].as_str().unwrap_or_default(), action, "{id}");
        let responses = operation["responses"].as_object().expect("responses");
        assert_eq!(responses.keys().map(String::as_str).collect::<Vec<_>>().join(" "), codes, "{id}");
        let mut content = responses["200"]["content"].as_object().expect("content").values();
        let schema = &content.next().expect("a media type")["schema"];
        let expected = match answer.replace("meta.", &format!("{meta}.")) {
            text if text.is_empty() => json!({"type": "string"}),
            name => json!({"$ref": format!("#/components/schemas/{name}")}),
        };
        assert_eq!(*schema, expected, "{id}");
    }
    let exec = &core["paths"][&format!("{POD}/exec")]["parameters"];
    assert_eq!(names(exec), ["command", "container", "name", "namespace", "stderr", "stdin", "stdout", "tty"]);
    let discovery = v3("apis/apps");
    assert_eq!(discovery["paths"]["/apis/apps/"]["get"]["operationId"], "getAppsAPIGroup");
}

#[test]
fn version_2_refers_to_the_parameters_that_operations_share() {
    let v2 = parse(&documents(&builtin()).get(V2).expect("a document"));
    let list = &v2["paths"]["/api/v1/nodes"]["get"];
    assert_eq!((&list["consumes"], &list["schemes"]), (&json!(["*/*"]), &json!(["https"])));
    assert_eq!(list["produces"][3], "application/json;stream=watch");
    assert!(
        list["parameters"][0]["$ref"].as_str().is_some_and(|to| to.starts_with("#/parameters/allowWatchBookmarks-"))
    );
    let node = &v2["paths"]["/api/v1/nodes/{name}"];
    assert_eq!(node["parameters"][0]["description"], "name of the Node");
    assert!(node["put"]["parameters"].as_array().expect("a list").iter().any(|one| one["name"] == "body"));
    let body = node["patch"]["parameters"].as_array().and_then(|all| all.last()).expect("a body");
    assert!(body["$ref"].as_str().is_some_and(|to| to.starts_with("#/parameters/body-")));
}

#[test]
fn schemas_carry_lists_keys_strategies_and_descriptions() {
    let schemas = &v3("api/v1")["components"]["schemas"];
    let ports = &schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"];
    assert_eq!(ports["x-kubernetes-list-type"], "map");
    assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
    assert_eq!(ports["x-kubernetes-patch-merge-key"], "containerPort");
    assert_eq!(ports["x-kubernetes-patch-strategy"], "merge");
    let protocol = &schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]["protocol"];
    assert_eq!(protocol["default"], "TCP");
    let (name, spec) = (&schemas["io.k8s.api.core.v1.Container"]["properties"]["name"], "io.k8s.api.core.v1.Pod");
    assert_eq!((&name["default"], &schemas[spec]["properties"]["spec"]["default"]), (&json!(""), &json!({})));
    let volumes = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["volumes"];
    assert_eq!(volumes["x-kubernetes-patch-strategy"], "merge,retainKeys");
    let spec = &schemas["io.k8s.api.core.v1.Pod"]["properties"]["spec"];
    assert_eq!(spec["allOf"][0]["$ref"], "#/components/schemas/io.k8s.api.core.v1.PodSpec");
    assert!(spec["description"].as_str().is_some_and(|text| text.contains("desired behavior")));
    assert_eq!(schemas["io.k8s.api.core.v1.PodSpec"]["required"], json!(["containers"]));
    let kind = json!([{"group": "", "version": "v1", "kind": "Pod"}]);
    assert_eq!(schemas["io.k8s.api.core.v1.Pod"]["x-kubernetes-group-version-kind"], kind);
    assert!(schemas["io.k8s.api.policy.v1.Eviction"]["description"].is_string());
}

#[test]
fn every_served_builtin_kind_is_described() {
    let documents = documents(&builtin());
    for resource in builtin().into_iter().filter(|r| r.group != crate::usage::GROUP) {
        let document = parse(&documents.get(&path(&resource.group, &resource.version)).expect("a document"));
        let name = operations::definition_name(&resource, &operations::kind(&resource)).expect("a definition");
        let schema = &document["components"]["schemas"][&name];
        assert!(schema["description"].is_string(), "{name} is not described");
    }
}

#[test]
fn custom_resources_get_a_name_a_list_and_the_fields_of_every_object() {
    let documents = documents(&widgets());
    let v3 = parse(&documents.get("apis/example.com/v1").expect("a document"));
    let schemas = &v3["components"]["schemas"];
    let widget = &schemas["com.example.v1.Widget"];
    assert_eq!(widget["description"], "Widget is small.");
    assert_eq!(widget["properties"]["spec"]["properties"]["size"]["nullable"], true);
    let metadata = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    assert_eq!(widget["properties"]["metadata"]["allOf"][0]["$ref"], metadata);
    let list = &schemas["com.example.v1.WidgetList"]["properties"]["items"]["items"];
    assert_eq!(list["$ref"], "#/components/schemas/com.example.v1.Widget");
    let patch = &v3["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
    assert_eq!(patch["operationId"], "patchExampleComV1NamespacedWidget");
    assert!(patch["requestBody"]["content"].get("application/strategic-merge-patch+json").is_none());
    let v2 = parse(&documents.get(V2).expect("a document"));
    let spec = &v2["definitions"]["com.example.v1.Widget"]["properties"]["spec"]["properties"];
    assert_eq!(*spec, json!({"port": {"x-kubernetes-int-or-string": true}, "size": {"type": "string"}}));
}

#[test]
fn a_document_is_built_once_and_its_hash_follows_what_is_served() {
    let known = documents(&widgets());
    let (first, second) = (known.get("apis/example.com/v1"), known.get("apis/example.com/v1"));
    assert!(Arc::ptr_eq(&first.clone().expect("one"), &second.expect("one")));
    let mut changed = (*widgets()[0]).clone();
    changed.plural = "gadgets".to_owned();
    let other = Documents::new(&[Arc::new(changed)], &known).get("apis/example.com/v1").expect("one");
    assert_ne!(first.expect("one").etag, other.etag);
    // Another definition leaves what was built as it was.
    let mut apart = (*widgets()[0]).clone();
    apart.group = "other.example.com".to_owned();
    let more = Documents::new(&[widgets(), vec![Arc::new(apart)]].concat(), &known);
    assert!(Arc::ptr_eq(
        &known.get("apis/example.com/v1").expect("one"),
        &more.get("apis/example.com/v1").expect("one")
    ));
}

#[test]
fn only_clients_that_take_json_get_it() {
    let protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    for (accept, expected) in
        [("", true), ("*/*", true), ("application/json", true), (protobuf, false), ("text/html", false)]
    {
        assert_eq!(accepts_json(accept), expected, "{accept}");
    }
    assert!(accepts_json(&format!("{protobuf},application/json;q=0.5")));
}
