//! What is there from the start, and the paths beside the resources.

use super::{Api, Body};
use cluster_store::{Draft, Expect, Key, Options, SqliteStore, Store};
use http::Request;
use http_body_util::BodyExt;
use serde_json::json;

#[tokio::test]
async fn a_new_cluster_has_its_basic_objects() {
    let api = Api::start().await;
    for path in [
        "/api/v1/namespaces/default",
        "/api/v1/namespaces/kube-system",
        "/api/v1/namespaces/kube-node-lease",
        "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
        "/api/v1/namespaces/default/endpoints/kubernetes",
    ] {
        assert_eq!(api.get(path).await.code, 200, "{path}");
    }
    let service = api.get("/api/v1/namespaces/default/services/kubernetes").await.ok();
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
}

#[tokio::test]
async fn health_version_discovery_and_openapi_answer() {
    let api = Api::start().await;
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(api.get(path).await.body, json!("ok"), "{path}");
    }
    let verbose = api.get("/readyz?verbose").await.body;
    assert!(verbose.as_str().is_some_and(|t| t.contains("[+]ping ok") && t.ends_with("readyz check passed\n")));
    let version = api.get("/version").await.ok();
    assert_eq!(
        (&version["major"], &version["minor"], &version["gitVersion"]),
        (&json!("1"), &json!("37"), &json!("v1.37.0"))
    );
    assert_eq!(api.get("/api").await.ok()["kind"], "APIVersions");
    assert_eq!(api.get("/api/v1").await.ok()["kind"], "APIResourceList");
    assert_eq!(api.get("/apis/apps").await.ok()["kind"], "APIGroup");
    assert!(api.get("/openapi/v3").await.ok()["paths"]["apis/apps/v1"].is_object());
    assert_eq!(api.get("/nothing").await.code, 404);
}

#[tokio::test]
async fn metrics_count_requests_by_upstreams_labels_and_what_is_stored() {
    let api = Api::start().await;
    api.post("/api/v1/namespaces/default/secrets", &json!({"metadata": {"name": "a"}})).await.ok();
    api.get("/apis/apps/v1/deployments").await.ok();
    api.get("/apis/made.up/v1/names").await;
    let metrics = api.get("/metrics").await.body;
    let metrics = metrics.as_str().expect("text");
    let labels = |verb: &str, group: &str, resource: &str, scope: &str, version: &str| {
        format!(
            "verb=\"{verb}\",component=\"apiserver\",dry_run=\"\",group=\"{group}\",resource=\"{resource}\",scope=\"{scope}\",\
             subresource=\"\",version=\"{version}\""
        )
    };
    let created = labels("POST", "", "secrets", "resource", "v1");
    let unknown = labels("LIST", "", "", "cluster", "");
    for line in [
        format!("apiserver_request_total{{{created},code=\"201\"}} 1"),
        format!("apiserver_request_duration_seconds_bucket{{{created},le=\"60\"}} 1"),
        format!("apiserver_request_duration_seconds_count{{{created}}} 1"),
        format!("apiserver_request_total{{{},code=\"200\"}} 1", labels("LIST", "apps", "deployments", "cluster", "v1")),
        format!("apiserver_request_total{{{unknown},code=\"404\"}} 1"),
        "apiserver_resource_objects{group=\"\",resource=\"secrets\"} 1".to_owned(),
        "kubernetes_build_info{git_version=\"v1.37.0\"} 1".to_owned(),
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line} is missing in\n{metrics}");
    }
    assert!(!metrics.contains("made.up"));
}

#[tokio::test]
async fn discovery_that_a_client_has_is_not_sent_again() {
    let api = Api::start().await;
    let request = |etag: &str| {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let request = Request::builder().uri("/apis").header("accept", accept).header("if-none-match", etag);
        request.body(Body::empty()).expect("a request")
    };
    let first = api.send(request("")).await;
    assert_eq!(first.status(), 200);
    let etag = first.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(api.send(request(&etag)).await.status(), 304);
}

#[tokio::test]
async fn strangers_see_health_and_nothing_else() {
    let api = Api::start().await;
    let ask = |path: &str| api.server.handle(Request::builder().uri(path).body(Body::empty()).expect("a request"));
    assert_eq!(ask("/readyz").await.status(), 200);
    let refused = super::answer(ask("/api/v1/namespaces").await).await;
    let message = "namespaces is forbidden: User \"system:anonymous\" cannot list resource \"namespaces\" in API group \
                   \"\" at the cluster scope";
    assert_eq!(refused.failure(), (403, "Forbidden", message));
}

#[tokio::test]
async fn requests_are_told_their_flow_and_mandatory_objects_stay() {
    const GROUP: &str = "/apis/flowcontrol.apiserver.k8s.io/v1";
    let api = Api::start().await;
    let uid = async |path: &str| api.get(&format!("{GROUP}/{path}")).await.ok()["metadata"]["uid"].clone();
    let expected = (uid("flowschemas/exempt").await, uid("prioritylevelconfigurations/exempt").await);
    let collection = format!("{GROUP}/flowschemas");
    let watch = format!("{collection}?watch=1&fieldSelector=metadata.name%3Dcatch-all");
    let watching = api.send(Request::builder().uri(&watch).body(Body::empty()).expect("a request")).await;
    let header = |name: &str| watching.headers().get(name).and_then(|v| v.to_str().ok()).map(Into::into);
    let told = (header("x-kubernetes-pf-flowschema-uid"), header("x-kubernetes-pf-prioritylevel-uid"));
    assert_eq!(told, (Some(expected.0), Some(expected.1)));

    let catch_all = format!("{collection}/catch-all");
    let changed = api.patch(&catch_all, "merge-patch+json", &json!({"spec": {"matchingPrecedence": 9}})).await;
    assert!(changed.failure().2.contains("spec of 'catch-all' must equal the fixed value"), "{changed:?}");
    api.delete(&catch_all, &json!({})).await.ok();
    let mut events = watching.into_body();
    while api.get(&catch_all).await.code != 200 {
        events.frame().await.expect("the watch goes on").expect("a frame");
    }
}

#[tokio::test]
async fn a_restart_gives_a_level_of_ours_its_spec_again_and_leaves_what_has_it_alone() {
    const GROUP: &str = "/apis/flowcontrol.apiserver.k8s.io/v1";
    let store = SqliteStore::open(Options::in_memory()).await.expect("a store in memory");
    let api = Api::on(store.clone(), |_| {}).await;
    let (level, schemas) =
        (format!("{GROUP}/prioritylevelconfigurations/workload-low"), format!("{GROUP}/flowschemas"));
    let (before, untouched) = (api.get(&level).await.ok(), api.get(&schemas).await.ok());
    let fewer = json!({"spec": {"limited": {"nominalConcurrencyShares": 7}}});
    api.patch(&level, "merge-patch+json", &fewer).await.ok();
    let api = Api::on(store, |_| {}).await;
    assert_eq!(api.get(&level).await.ok()["spec"], before["spec"]);
    assert_eq!(api.get(&schemas).await.ok()["items"], untouched["items"]);
}

#[tokio::test]
async fn a_flow_schema_says_whether_its_level_is_there() {
    const GROUP: &str = "/apis/flowcontrol.apiserver.k8s.io/v1";
    let api = Api::start().await;
    let dangling = async |name: &str| {
        let schema = api.get(&format!("{GROUP}/flowschemas/{name}")).await.ok();
        let condition = &schema["status"]["conditions"][0];
        assert_eq!(condition["type"], "Dangling");
        (condition["status"].clone(), condition["message"].clone())
    };
    assert_eq!(dangling("catch-all").await.0, "False");
    let schema =
        json!({"metadata": {"name": "a"}, "spec": {"priorityLevelConfiguration": {"name": "slow"}, "rules": []}});
    api.post(&format!("{GROUP}/flowschemas"), &schema).await.ok();
    let message =
        "This FlowSchema references the PriorityLevelConfiguration object named \"slow\" but there is no such object";
    assert_eq!(dangling("a").await, (json!("True"), json!(message)));
    let level = json!({"metadata": {"name": "slow"},
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}});
    api.post(&format!("{GROUP}/prioritylevelconfigurations"), &level).await.ok();
    assert_eq!(dangling("a").await.0, "False");
    api.delete(&format!("{GROUP}/prioritylevelconfigurations/slow"), &json!({})).await.ok();
    assert_eq!(dangling("a").await.0, "True");
}

#[tokio::test]
async fn of_several_servers_those_whose_leases_are_fresh_are_endpoints() {
    let own: std::net::Ipv4Addr = "172.20.0.2".parse().expect("an address");
    let store = SqliteStore::open(Options::in_memory()).await.expect("a store in memory");
    for (name, renewed) in [("172.20.0.3", jiff::Timestamp::now()), ("172.20.0.4", jiff::Timestamp::UNIX_EPOCH)] {
        let key = Key::new("masterleases", "", name);
        let lease = format!("{{\"metadata\":{{\"name\":\"{name}\",\"resourceVersion\":\"");
        let after = format!("\"}},\"spec\":{{\"renewTime\":\"{renewed}\"}}}}");
        let draft = Draft { before: lease.into(), after: after.into(), facts: None };
        store.put(key, Expect::Any, draft).await.expect("written");
    }
    let api = Api::on(store, |config| config.leased = Some(own)).await;
    let endpoints = api.get("/api/v1/namespaces/default/endpoints/kubernetes").await.ok();
    let both = json!([{"ip": "172.20.0.2"}, {"ip": "172.20.0.3"}]);
    assert_eq!(endpoints["subsets"][0]["addresses"], both);
    assert_eq!(api.get("/api/v1/namespaces/default/masterleases").await.code, 404);
}

#[tokio::test]
async fn what_every_cluster_has_comes_back_when_somebody_deletes_it() {
    let api = Api::start().await;
    for path in [
        "/api/v1/namespaces/default/services/kubernetes",
        "/api/v1/namespaces/default/endpoints/kubernetes",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
    ] {
        let before = api.get(path).await.ok();
        api.delete(path, &json!({})).await.ok();
        let mut after = api.get(path).await;
        while after.code == 404 {
            tokio::task::yield_now().await;
            after = api.get(path).await;
        }
        let after = after.ok();
        assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"], "{path}");
        for field in ["spec", "subsets", "endpoints", "ports"] {
            assert_eq!(before[field], after[field], "{path}");
        }
    }
}

#[tokio::test]
async fn a_start_gives_the_roles_of_a_cluster_what_this_version_grants_beyond() {
    let store = SqliteStore::open(Options::in_memory()).await.expect("a store in memory");
    let root = "/apis/rbac.authorization.k8s.io/v1";
    let (role, binding) =
        (format!("{root}/clusterroles/system:node-proxier"), format!("{root}/clusterrolebindings/system:node-proxier"));
    let (first, expected) = {
        let api = Api::on(store.clone(), |_| {}).await;
        let expected = (api.get(&role).await.ok()["rules"].take(), api.get(&binding).await.ok()["subjects"].take());
        let own = json!([{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["own"]}]);
        api.patch(&role, "merge-patch+json", &json!({"rules": own})).await.ok();
        api.patch(&binding, "merge-patch+json", &json!({"subjects": []})).await.ok();
        api.server.close();
        (own[0].clone(), expected)
    };
    let api = Api::on(store, |_| {}).await;
    let rules = api.get(&role).await.ok()["rules"].take();
    let rules = rules.as_array().expect("rules");
    assert_eq!(rules[0], first, "what was there stays");
    assert_eq!(json!(rules[1..]), expected.0);
    assert_eq!(api.get(&binding).await.ok()["subjects"], expected.1);
}
