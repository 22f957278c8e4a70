//! Paths beside the resources and questions about rights, as clients ask them.

use super::{Api, Body, CONFIG_MAPS, PODS, UserInfo, config_map, pod};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

#[tokio::test]
async fn health_can_be_asked_check_by_check_and_with_exclusions() {
    let api = Api::start().await;
    for (path, code, part) in [
        ("/readyz/ping", 200, "ok"),
        ("/livez/etcd", 200, "ok"),
        ("/readyz/nothing", 404, "404 page not found"),
        ("/healthz", 200, "ok"),
        ("/livez?verbose", 200, "[+]poststarthook/rbac/bootstrap-roles ok\n"),
        ("/healthz/poststarthook/crd-informer-synced", 200, "ok"),
        ("/readyz?verbose&exclude=etcd", 200, "[+]etcd excluded: ok"),
        (
            "/readyz?verbose&exclude=nothing",
            200,
            "warn: some health checks cannot be excluded: no matches for \"nothing\"",
        ),
    ] {
        let answer = api.get(path).await;
        let text = answer.body.as_str().expect("text");
        assert!(answer.code == code && text.contains(part), "{path}: {answer:?}");
    }
    api.server.close();
    assert_eq!(api.get("/readyz").await.code, 500, "a server that closes is not ready");
    assert_eq!(api.get("/livez").await.code, 200, "and lives until it has closed");
    let excluded = api.get("/readyz?exclude=shutdown").await;
    assert_eq!(excluded.code, 200, "{excluded:?}");
}

#[tokio::test]
async fn every_answer_bears_the_name_of_its_request_and_is_kept_by_no_cache() {
    let api = Api::start().await;
    let ask = async |path: &str, id: Option<&str>| {
        let request = id.iter().fold(Request::get(path), |request, id| request.header("audit-id", *id));
        let headers = api.send(request.body(Body::empty()).expect("a request")).await.headers().clone();
        assert_eq!(headers["cache-control"], "no-cache, private", "{path}");
        headers["audit-id"].to_str().expect("text").to_owned()
    };
    for path in [CONFIG_MAPS, "/api/v1/namespaces/none", "/version", "/nowhere"] {
        assert_eq!(ask(path, Some("mine")).await, "mine");
        assert_ne!(ask(path, None).await, ask(path, None).await);
    }
}

#[tokio::test]
async fn the_issuer_of_tokens_says_where_its_keys_are() {
    let api = Api::start().await;
    let configuration = api.get("/.well-known/openid-configuration").await.ok();
    assert_eq!(configuration["jwks_uri"], "https://kubernetes.default.svc/openid/v1/jwks");
    let request = Request::get("/openid/v1/jwks").body(Body::empty()).expect("a request");
    let keys = api.send(request).await;
    assert_eq!(keys.headers()["content-type"], "application/jwk-set+json");
    let bytes = keys.into_body().collect().await.expect("a body").to_bytes();
    let keys: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(keys["keys"][0]["alg"], configuration["id_token_signing_alg_values_supported"][0]);
}

#[tokio::test]
async fn people_get_text_with_lines() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    for (query, agent, lines) in
        [("", "go", false), ("?pretty=true", "go", true), ("", "curl/8", true), ("?pretty=0", "curl/8", false)]
    {
        let request = Request::get(format!("{CONFIG_MAPS}/a{query}")).header("user-agent", agent);
        let answer = api.send(request.body(Body::empty()).expect("a request")).await;
        let text = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(text.trim_ascii_end().contains(&b'\n'), lines, "{query} {agent}");
    }
}

#[tokio::test]
async fn everybody_can_ask_who_he_is_and_what_he_may_do() {
    let api = Api::start().await;
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "praise"]}]);
    let root = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    api.post(&format!("{root}/roles"), &json!({"metadata": {"name": "r"}, "rules": rules})).await.ok();
    let binding = json!({"metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}]});
    api.post(&format!("{root}/rolebindings"), &binding).await.ok();
    let user = UserInfo::authenticated("u", &["g"]);
    let ask = async |group: &str, path: &str, spec: Value| {
        let path = format!("/apis/{group}.k8s.io/v1/{path}");
        api.call_as(&user, "POST", &path, &json!({"spec": spec})).await.ok()["status"].take()
    };
    let me = ask("authentication", "selfsubjectreviews", json!({})).await;
    assert_eq!((&me["userInfo"]["username"], &me["userInfo"]["groups"][0]), (&json!("u"), &json!("g")));
    let pods = |verb: &str| json!({"resource": "pods", "verb": verb, "namespace": "default"});
    for (verb, allowed) in [("list", true), ("praise", true), ("delete", false), ("scold", false)] {
        let spec = json!({"resourceAttributes": pods(verb)});
        assert_eq!(ask("authorization", "selfsubjectaccessreviews", spec).await["allowed"], allowed);
        let spec = json!({"resourceAttributes": pods(verb), "user": "u"});
        for path in ["subjectaccessreviews", "namespaces/default/localsubjectaccessreviews"] {
            let status = api.post(&format!("/apis/authorization.k8s.io/v1/{path}"), &json!({"spec": spec})).await.ok();
            assert_eq!(status["status"]["allowed"], allowed, "{path}");
        }
    }
    let all = ask("authorization", "selfsubjectrulesreviews", json!({"namespace": "default"})).await;
    let listed = |rule: &Value| rule["resources"] == json!(["pods"]) && rule["verbs"] == json!(["list", "praise"]);
    assert!(all["resourceRules"].as_array().is_some_and(|rules| rules.iter().any(listed)), "{all}");
}

#[tokio::test]
async fn a_debug_container_joins_a_pod_by_its_subresource_alone() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let mut object = api.post(PODS, &pod("a")).await.ok();
    let debug = json!([{"name": "d", "image": "x", "terminationMessagePolicy": "File"}]);
    object["spec"]["ephemeralContainers"] = debug;
    let refused = api.put(&format!("{PODS}/a"), &object).await;
    assert_eq!(refused.code, 422, "{refused:?}");
    let changed = api.put(&format!("{PODS}/a/ephemeralcontainers"), &object).await.ok();
    assert_eq!(changed["spec"]["ephemeralContainers"][0]["name"], "d");
}
