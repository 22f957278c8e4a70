//! Who gets in, how many at once, and what is on record of it.

use super::{Api, Body, CONFIG_MAPS, PODS, answer, config_map, pod};
use cluster_apiserver::Limits;
use cluster_apiserver::audit::Audit;
use cluster_apiserver::auth::UserInfo;
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request with a bearer token, or as a user, or with nothing.
pub(super) async fn ask(api: &Api, method: &str, path: &str, token: &str, user: Option<&UserInfo>) -> super::Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut request = request.body(Body::empty()).expect("a request");
    if let Some(user) = user {
        request.extensions_mut().insert(user.clone());
    }
    answer(api.server.handle(request).await).await
}

#[tokio::test]
async fn no_route_answers_callers_without_credentials_or_rights() {
    let api = Api::start().await;
    let mut routes: Vec<(String, String)> = [
        "/",
        "/api",
        "/apis",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/logs/",
        "/openid/v1/jwks",
        "/.well-known/openid-configuration",
        "/debug/pprof/",
    ]
    .map(|path| ("GET".to_owned(), path.to_owned()))
    .to_vec();
    for resource in api.server.registry().table().resources() {
        let root = if resource.group.is_empty() { "/api" } else { "/apis" };
        let scope = if resource.namespaced() { "/namespaces/default" } else { "" };
        let collection = format!("{root}/{}{scope}/{}", resource.api_version(), resource.plural);
        let mut add = |methods: &str, path: &str| {
            routes.extend(methods.split(' ').map(|method| (method.to_owned(), path.to_owned())));
        };
        add("GET POST DELETE", &collection);
        add("GET", &format!("{collection}?watch=true"));
        add("GET PUT PATCH DELETE", &format!("{collection}/x"));
        for sub in &resource.subresources {
            add("GET POST PUT PATCH DELETE", &format!("{collection}/x/{}", sub.name));
        }
    }
    assert!(routes.len() > 500, "{}", routes.len());
    let nobody = UserInfo { name: "nobody".to_owned(), ..UserInfo::default() };
    for (method, path) in routes {
        for (token, user, code) in [("bad", None, 401), ("", None, 403), ("", Some(&nobody), 403)] {
            assert_eq!(ask(&api, &method, &path, token, user).await.code, code, "{method} {path} {user:?}");
        }
    }
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert_eq!(ask(&api, "GET", path, "", None).await.code, 200, "{path}");
    }
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_again() {
    let api = Api::start_with(|config| {
        config.limits = Limits { reading: 0, timeout: std::time::Duration::from_millis(4), ..Limits::default() }
    })
    .await;
    let user = UserInfo::authenticated("u", &[]);
    let mut request = Request::get("/api/v1/pods").body(Body::empty()).expect("a request");
    request.extensions_mut().insert(user);
    let response = api.server.handle(request).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().ok()), (429, Some("1")));
    assert_eq!(api.get("/api/v1/pods").await.code, 200, "administrators are let through");
}

#[tokio::test]
async fn a_review_of_access_looks_at_selectors() {
    let api = Api::start().await;
    let review = |selector: Value| {
        json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {
            "user": "system:node:n", "groups": ["system:nodes"],
            "resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": selector}}})
    };
    let demand = |operator: &str| json!({"key": "spec.nodeName", "operator": operator, "values": ["n"]});
    for (selector, allowed) in [
        (json!({"rawSelector": "spec.nodeName=n"}), true),
        (json!({"rawSelector": "spec.nodeName=m"}), false),
        (json!({"requirements": [demand("In")]}), true),
        (json!({"requirements": [demand("NotIn")]}), false),
        (Value::Null, false),
    ] {
        let answer = api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review(selector.clone())).await;
        assert_eq!(answer.ok()["status"]["allowed"], allowed, "{selector}");
    }
    let part = "spec.resourceAttributes.fieldSelector";
    for (selector, allowed, told) in [
        (json!({"rawSelector": "spec.nodeName"}), false, format!("{part} ignored due to parse error")),
        (json!({"requirements": [demand("Exists")]}), false, format!("{part} ignored due to parse error")),
        (
            json!({"requirements": [demand("In"), demand("Like")]}),
            true,
            format!("{part} partially ignored due to parse error"),
        ),
    ] {
        let answer = api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review(selector)).await.ok();
        assert_eq!(
            (&answer["status"]["allowed"], &answer["status"]["evaluationError"]),
            (&json!(allowed), &json!(told))
        );
    }
    let both = review(json!({"rawSelector": "a=b", "requirements": [demand("In")]}));
    let refused = api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &both).await;
    assert!(refused.failure().2.contains("may not specified at the same time as requirements"), "{}", refused.body);
}

#[tokio::test]
async fn a_kubelet_is_told_that_its_rules_are_not_all_it_may_do() {
    let api = Api::start().await;
    let kubelet = UserInfo::authenticated("system:node:n", &["system:nodes"]);
    let review = json!({"spec": {"namespace": "default"}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let status = api.call_as(&kubelet, "POST", path, &review).await.ok()["status"].take();
    let why = "node authorizer does not support user rule resolution";
    assert_eq!((&status["incomplete"], &status["evaluationError"]), (&json!(true), &json!(why)));
    let status = api.post(path, &review).await.ok()["status"].take();
    assert_eq!((&status["incomplete"], status.get("evaluationError")), (&json!(false), None));
}

#[tokio::test]
async fn the_audit_log_has_a_line_for_each_stage_the_policy_wants() {
    let log = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    let policy = json!({"omitStages": ["RequestReceived"], "rules": [
        {"level": "RequestResponse", "verbs": ["create"], "resources": [{"group": "", "resources": ["configmaps"]}]},
        {"level": "Metadata", "verbs": ["get"]},
    ]});
    let audit = Arc::new(Audit::new(policy, Some(&log)).expect("an audit log"));
    let api = Api::start_with(|config| config.audit = Some(audit)).await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({"b": "c"}))).await.ok();
    api.get(&format!("{CONFIG_MAPS}/none")).await;
    api.get(CONFIG_MAPS).await.ok();
    let as_another = Request::get(format!("{CONFIG_MAPS}/a")).header("impersonate-user", "alice").body(Body::empty());
    assert_eq!(answer(api.send(as_another.expect("a request")).await).await.code, 403);
    let lines = std::fs::read_to_string(&log).expect("a log");
    std::fs::remove_file(&log).expect("removed");
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), 3, "{lines}");
    let (created, got, refused) = (&events[0], &events[1], &events[2]);
    let (caller, whom) = (&refused["user"]["username"], &refused["impersonatedUser"]["username"]);
    assert_eq!((caller, whom), (&json!("admin"), &json!("alice")), "who did it is not who is blamed");
    let decisions = [created, refused].map(|event| &event["annotations"]["authorization.k8s.io/decision"]);
    assert_eq!(decisions, ["allow", "forbid"]);
    assert_eq!(
        (&created["stage"], &created["level"], &created["verb"]),
        (&json!("ResponseComplete"), &json!("RequestResponse"), &json!("create"))
    );
    assert_eq!(
        (&created["requestObject"]["data"], &created["responseObject"]["data"]),
        (&json!({"b": "c"}), &json!({"b": "c"}))
    );
    assert_eq!((&created["user"]["username"], &created["responseStatus"]["code"]), (&json!("admin"), &json!(201)));
    let reference = json!({"resource": "configmaps", "apiVersion": "v1", "namespace": "default", "name": "none"});
    assert_eq!(
        (&got["objectRef"], &got["responseStatus"]["code"], got.get("requestObject")),
        (&reference, &json!(404), None)
    );
}

/// A user who may do in the namespace `default` what the rules of a role there say.
async fn with_role(api: &Api, rules: &Value) -> UserInfo {
    let root = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    api.post(&format!("{root}/roles"), &json!({"metadata": {"name": "r"}, "rules": rules})).await.ok();
    let binding = json!({"metadata": {"name": "r"}, "subjects": [{"kind": "User", "name": "u"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}});
    api.post(&format!("{root}/rolebindings"), &binding).await.ok();
    let user = UserInfo::authenticated("u", &[]);
    // Roles are known by watch: whoever may ask for himself is told when they are.
    while api.call_as(&user, "GET", CONFIG_MAPS, &json!({})).await.code == 403 {
        tokio::task::yield_now().await;
    }
    user
}

#[tokio::test]
async fn who_owns_a_namespace_owns_nothing_of_the_cluster() {
    let api = Api::start().await;
    let everything = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let user = with_role(&api, &everything).await;
    let namespace = |name: &str| json!({"metadata": {"name": name}});
    api.post("/api/v1/namespaces", &namespace("other")).await.ok();
    let inside = "namespaces/default";
    for (method, path, object) in [
        ("GET", format!("/api/v1/{inside}/nodes"), json!({})),
        ("POST", format!("/api/v1/{inside}/nodes"), json!({"metadata": {"name": "n"}})),
        ("GET", format!("/api/v1/{inside}/nodes/n/proxy/pods"), json!({})),
        ("DELETE", format!("/api/v1/{inside}/persistentvolumes/v"), json!({})),
        ("GET", format!("/api/v1/{inside}/namespaces/other"), json!({})),
        ("DELETE", format!("/api/v1/{inside}/namespaces/other"), json!({})),
        ("POST", format!("/apis/rbac.authorization.k8s.io/v1/{inside}/clusterroles"), namespace("c")),
        ("PUT", format!("/api/v1/{inside}/namespaces/other/finalize"), namespace("other")),
    ] {
        let answer = api.call_as(&user, method, &path, &object).await;
        assert_eq!(answer.code, 404, "{method} {path}: {answer:?}");
    }
    assert_eq!(api.get("/api/v1/namespaces/other").await.ok()["status"]["phase"], "Active");
    assert_eq!(api.call_as(&user, "GET", "/api/v1/namespaces/default", &json!({})).await.code, 200);
}

#[tokio::test]
async fn an_apply_that_creates_and_a_stream_that_begins_with_get_want_the_right_to_create() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    api.post(PODS, &pod("a")).await.ok();
    let rules = json!([{"verbs": ["get", "list", "patch", "update"], "apiGroups": ["*"], "resources": ["*"]}]);
    let user = with_role(&api, &rules).await;
    let apply = |path: &str, object: &Value| {
        let request =
            Request::patch(format!("{path}?fieldManager=m")).header("content-type", "application/apply-patch+yaml");
        request.extension(user.clone()).body(Body::from(object.to_string())).expect("a request")
    };
    let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}});
    let path = format!("{CONFIG_MAPS}/a");
    let refused = answer(api.server.handle(apply(&path, &object)).await).await;
    let why = "configmaps \"a\" is forbidden: User \"u\" cannot create resource \"configmaps\" in API group \"\" in the \
               namespace \"default\"";
    assert_eq!(refused.failure(), (403, "Forbidden", why));
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    assert_eq!(answer(api.server.handle(apply(&path, &object)).await).await.code, 200);
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    assert_eq!(api.call_as(&user, "PUT", &format!("{leases}/l"), &json!({"metadata": {"name": "l"}})).await.code, 403);
    let exec = api.call_as(&user, "GET", &format!("{PODS}/a/exec?command=id"), &json!({})).await;
    assert!(exec.failure().2.contains("cannot create resource \"pods/exec\""), "{exec:?}");
}

#[tokio::test]
async fn nobody_grants_by_aggregation_or_by_a_role_to_come() {
    let api = Api::start().await;
    let rbac = json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["configmaps"]},
        {"verbs": ["create", "update"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]}]);
    let user = with_role(&api, &rbac).await;
    let root = "/apis/rbac.authorization.k8s.io/v1";
    let bindings = format!("{root}/namespaces/default/rolebindings");
    let binding = |role: &str| {
        json!({"metadata": {"name": role}, "subjects": [{"kind": "User", "name": "u"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}})
    };
    let to_come = api.call_as(&user, "POST", &bindings, &binding("later")).await;
    assert_eq!(to_come.failure(), (404, "NotFound", "roles.rbac.authorization.k8s.io \"later\" not found"));
    assert_eq!(api.call_as(&user, "POST", &bindings, &binding("r")).await.code, 409, "his own he may give on");
    let cluster = UserInfo::authenticated("aggregator", &[]);
    let role = json!({"metadata": {"name": "c"}, "rules": [
        {"verbs": ["create", "update"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}]});
    let mut own = api.post(&format!("{root}/clusterroles"), &role).await.ok();
    let mut bound = binding("c");
    bound["roleRef"]["kind"] = json!("ClusterRole");
    bound["subjects"][0]["name"] = json!("aggregator");
    api.post(&format!("{root}/clusterrolebindings"), &bound).await.ok();
    while api.call_as(&cluster, "GET", "/api/v1/nodes/n", &json!({})).await.code == 403 {
        tokio::task::yield_now().await;
    }
    own["aggregationRule"] =
        json!({"clusterRoleSelectors": [{"matchLabels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}]});
    let refused = api.call_as(&cluster, "PUT", &format!("{root}/clusterroles/c"), &own).await;
    let (code, _, why) = refused.failure();
    assert_eq!(code, 403);
    assert!(why.ends_with("must have cluster-admin privileges to use an aggregationRule"), "{why}");
    let more = json!({"metadata": {"name": "more"}, "rules": [
        {"verbs": ["get", "list"], "apiGroups": ["", "apps"], "resources": ["nodes", "pods"]},
        {"verbs": ["get"], "nonResourceURLs": ["/x"]}]});
    let refused = api.call_as(&cluster, "POST", &format!("{root}/clusterroles"), &more).await;
    let lacking = refused.failure().2.lines().skip(1).collect::<Vec<_>>();
    let expected = [
        r#"{APIGroups:[""], Resources:["nodes"], Verbs:["list"]}"#,
        r#"{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}"#,
        r#"{APIGroups:["apps"], Resources:["nodes"], Verbs:["get" "list"]}"#,
        r#"{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "list"]}"#,
        r#"{NonResourceURLs:["/x"], Verbs:["get"]}"#,
    ];
    assert_eq!(lacking, expected, "all that is not held, and no more");
}
