//! Groups that other servers serve, and the APIServices of our own.

use super::hook::{Hook, Seen};
use super::{Api, Body};
use serde_json::{Value, json};

const DOCUMENT: &str = "/openapi/v3/apis/wardle.example.com/v1";
const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

/// A server of `wardle.example.com/v1`.
fn wardle(seen: &Seen) -> (u16, Value) {
    let flunder = json!({"kind": "Flunder", "apiVersion": "wardle.example.com/v1", "metadata": {"name": "f"}});
    match seen.path.split('?').next().unwrap_or_default() {
        "/apis/wardle.example.com/v1" => (
            200,
            json!({
                "kind": "APIResourceList", "groupVersion": "wardle.example.com/v1",
                "resources": [{"name": "flunders", "singularName": "flunder", "namespaced": true, "kind": "Flunder", "verbs": ["get"]}],
            }),
        ),
        "/apis/wardle.example.com/v1/namespaces/default/flunders/f" => (200, flunder),
        "/openapi/v3" => (
            200,
            json!({"paths": {"apis/wardle.example.com/v1": {"serverRelativeURL": format!("{DOCUMENT}?hash=AB")}}}),
        ),
        "/openapi/v2" => (
            200,
            json!({"paths": {"/apis/wardle.example.com/v1/flunders": {}, "/api/v1/nodes": {}},
                "definitions": {"com.example.Flunder": {"type": "object"}}}),
        ),
        DOCUMENT => (200, json!({"openapi": "3.0.0", "paths": {"/apis/wardle.example.com/v1/": {}}})),
        _ => (404, json!({"kind": "Status", "status": "Failure", "code": 404})),
    }
}

/// Waits until the APIService says `reason`.
async fn available(api: &Api, name: &str, reason: &str) -> Value {
    let user = super::UserInfo::authenticated("admin", &[super::group::MASTERS]);
    let mut events = api.server.watch_bytes(&user, SERVICES, "", "", "0").expect("a watch");
    loop {
        use cluster_apiserver::Watched;
        use futures::StreamExt;
        let event = events.next().await.expect("an event").expect("no error");
        if let Watched::Added(bytes) | Watched::Modified(bytes) = event {
            let object: Value = serde_json::from_slice(&bytes).expect("JSON");
            let condition = &object["status"]["conditions"][0];
            if object["metadata"]["name"] == name && condition["reason"] == reason {
                return condition.clone();
            }
        }
    }
}

#[tokio::test]
async fn a_group_of_an_extension_server_is_discovered_and_proxied_under_the_callers_name() {
    let (api, hook) = (Api::start().await, Hook::start(wardle).await);
    let mut object = json!({"kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1",
        "metadata": {"name": "v1.wardle.example.com"},
        "spec": {"group": "wardle.example.com", "version": "v1", "groupPriorityMinimum": 2000, "versionPriority": 200,
            "service": {"namespace": "default", "name": "hook", "port": hook.port}, "caBundle": hook.ca_bundle}});
    api.post(SERVICES, &object).await.ok();
    let condition = available(&api, "v1.wardle.example.com", "ServiceNotFound").await;
    assert_eq!(condition["message"], "service/hook in \"default\" is not present");
    let flunder = "/apis/wardle.example.com/v1/namespaces/default/flunders/f";
    assert_eq!(api.get(flunder).await.failure(), (503, "ServiceUnavailable", "service unavailable"));

    let service = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "hook"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    api.post("/api/v1/namespaces/default/services", &service).await.ok();
    available(&api, "v1.wardle.example.com", "Passed").await;
    assert_eq!(api.get(flunder).await.ok()["kind"], "Flunder");
    let seen = hook.seen().into_iter().rfind(|seen| seen.path == flunder).expect("a request");
    let header = |name: &str| seen.headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>();
    assert_eq!(
        (header("x-remote-user"), header("x-remote-group")),
        (vec!["admin"], vec!["system:masters", "system:authenticated"])
    );

    let groups = api.get("/apis").await.ok();
    assert!(groups["groups"].as_array().is_some_and(|g| g.iter().any(|g| g["name"] == "wardle.example.com")));
    let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let aggregated = api.accepting("/apis", v2).await.ok();
    let found =
        aggregated["items"].as_array().and_then(|i| i.iter().find(|g| g["metadata"]["name"] == "wardle.example.com"));
    assert_eq!(found.expect("the group")["versions"][0]["resources"][0]["resource"], "flunders");
    assert_eq!(api.get("/apis/wardle.example.com/v1").await.ok()["kind"], "APIResourceList");

    let index = api.get("/openapi/v3").await.ok();
    let document = &index["paths"]["apis/wardle.example.com/v1"]["serverRelativeURL"];
    assert_eq!(*document, format!("{DOCUMENT}?hash=AB"));
    assert!(index["paths"].get("apis/apps/v1").is_some(), "beside our own");
    let document = api.get(document.as_str().expect("a path")).await.ok();
    assert!(document["paths"].get("/apis/wardle.example.com/v1/").is_some(), "{document}");

    let swagger = api.get("/openapi/v2").await.ok();
    assert!(swagger["paths"]["/apis/wardle.example.com/v1/flunders"].is_object());
    assert!(swagger["paths"]["/api/v1/nodes"]["get"].is_object(), "what is ours stays");
    assert_eq!(swagger["definitions"]["com.example.Flunder"]["type"], "object");

    // Without its authority the server is not trusted, unless nobody cares.
    object["spec"]["caBundle"] = json!(Hook::start(wardle).await.ca_bundle);
    let patch = json!({"spec": {"caBundle": object["spec"]["caBundle"]}});
    api.patch(&format!("{SERVICES}/v1.wardle.example.com"), "merge-patch+json", &patch).await.ok();
    available(&api, "v1.wardle.example.com", "FailedDiscoveryCheck").await;
    let patch = json!({"spec": {"caBundle": null, "insecureSkipTLSVerify": true}});
    api.patch(&format!("{SERVICES}/v1.wardle.example.com"), "merge-patch+json", &patch).await.ok();
    available(&api, "v1.wardle.example.com", "Passed").await;
    assert_eq!(api.call("GET", flunder, "", Body::empty()).await.code, 200);
}

#[tokio::test]
async fn what_is_served_here_has_local_services_and_extension_servers_can_read_whom_to_trust() {
    let api = Api::start().await;
    let condition = available(&api, "v1.apps", "Local").await;
    assert_eq!((&condition["type"], &condition["status"]), (&json!("Available"), &json!("True")));
    let config = api.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication").await.ok();
    assert!(
        config["data"]["requestheader-client-ca-file"].as_str().is_some_and(|pem| pem.contains("BEGIN CERTIFICATE"))
    );
    assert_eq!(config["data"]["requestheader-allowed-names"], "[\"front-proxy-client\"]");
}
