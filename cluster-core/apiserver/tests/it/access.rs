//! Who gets in, how many at once, and what is on record of it.

use super::hook::{Hook, Seen};
use super::{Api, Body, CONFIG_MAPS, answer, config_map};
use cluster_apiserver::Limits;
use cluster_apiserver::audit::Audit;
use cluster_apiserver::auth::tokens::Tokens;
use cluster_apiserver::auth::{Options, UserInfo};
use cluster_config::Oidc;
use cluster_pki::ClusterPki;
use http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::sync::Arc;

/// A request with a bearer token, or as a user, or with nothing.
async fn ask(api: &Api, method: &str, path: &str, token: &str, user: Option<&UserInfo>) -> super::Answer {
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
    let api = Api::start_with(|config| config.limits = Limits { reading: 0, ..Limits::default() }).await;
    let user = UserInfo::authenticated("u", &[]);
    let mut request = Request::get("/api/v1/pods").body(Body::empty()).expect("a request");
    request.extensions_mut().insert(user);
    let response = api.server.handle(request).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().ok()), (429, Some("1")));
    assert_eq!(api.get("/api/v1/pods").await.code, 200, "administrators are let through");
}

/// Who the server takes the bearer of a token for.
async fn whoami(api: &Api, token: &str) -> Value {
    let review = json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}});
    api.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await.ok()["status"].take()
}

#[tokio::test]
async fn id_tokens_are_taken_by_keys_fetched_from_the_issuer() {
    let pki = ClusterPki::generate("issuer").expect("a key");
    let key = pki.files().into_iter().find(|(name, _)| *name == "sa.key").expect("a key").1;
    let jwks = Tokens::new(&key, "x").expect("a key").jwks();
    let id = jwks["keys"][0]["kid"].as_str().expect("an id").to_owned();
    let issuer = |seen: &Seen| format!("https://{}", seen.headers["host"].to_str().expect("a host"));
    let hook = Hook::start(move |seen| match seen.path.as_str() {
        "/.well-known/openid-configuration" => {
            (200, json!({"issuer": issuer(seen), "jwks_uri": format!("{}/keys", issuer(seen))}))
        }
        "/keys" => (200, jwks.clone()),
        _ => (404, Value::Null),
    })
    .await;
    let url = format!("https://localhost:{}", hook.port);
    let oidc = Oidc {
        issuer_url: url.clone(),
        client_id: "kubectl".to_owned(),
        signing_algorithms: vec!["ES256".to_owned()],
        ca: hook.ca.clone(),
        ..Oidc::default()
    };
    let api = Api::start_with(|config| config.auth = Options { oidc: Some(oidc), ..Options::default() }).await;
    let sign = |audience: &str, seconds: i64| {
        let exp = jiff::Timestamp::now().as_second() + seconds;
        let claims = json!({"iss": url, "aud": audience, "sub": "jane", "exp": exp});
        let header = Header { kid: Some(id.clone()), ..Header::new(Algorithm::ES256) };
        let key = EncodingKey::from_ec_pem(key.as_bytes()).expect("a key");
        jsonwebtoken::encode(&header, &claims, &key).expect("a token")
    };
    assert!(hook.seen().is_empty(), "keys are fetched when they are needed");
    assert_eq!(whoami(&api, &sign("kubectl", 60)).await["user"]["username"], format!("{url}#jane"));
    assert_eq!(whoami(&api, &sign("kubectl", 60)).await["authenticated"], true);
    assert_eq!(hook.seen().len(), 2, "and kept");
    for bad in [sign("other", 60), sign("kubectl", -3600), format!("{}x", sign("kubectl", 60))] {
        assert_eq!(whoami(&api, &bad).await["authenticated"], false);
    }
}

#[tokio::test]
async fn webhooks_know_tokens_and_rights_and_secrets_hold_bootstrap_tokens() {
    let hook = Hook::start(|seen| {
        let spec = &seen.body["spec"];
        let status = match seen.body["kind"].as_str() {
            Some("TokenReview") => json!({"authenticated": spec["token"] == "sesame",
                "user": {"username": "ali", "groups": ["thieves"]}, "audiences": spec["audiences"]}),
            _ => json!({"allowed": spec["user"] == "ali" && spec["resourceAttributes"]["resource"] == "configmaps"}),
        };
        (200, json!({"kind": seen.body["kind"], "apiVersion": seen.body["apiVersion"], "status": status}))
    })
    .await;
    let mut client = hook.by_url("/");
    client["user"] = json!({"token": "api-server"});
    let client = Some(client);
    let options = Options { token_webhook: client.clone(), authorization_webhook: client, ..Options::default() };
    let api = Api::start_with(|config| config.auth = options).await;
    for (path, token, code) in
        [(CONFIG_MAPS, "sesame", 200), ("/api/v1/secrets", "sesame", 403), (CONFIG_MAPS, "wrong", 401)]
    {
        assert_eq!(ask(&api, "GET", path, token, None).await.code, code, "{path} {token}");
    }
    let identified = hook.seen().iter().all(|seen| seen.headers["authorization"] == "Bearer api-server");
    assert!(identified, "the server says who it is");
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token", "stringData": {"token-id": "abcdef",
            "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}});
    api.post("/api/v1/namespaces/kube-system/secrets", &secret).await.ok();
    let user = whoami(&api, "abcdef.0123456789abcdef").await;
    assert_eq!(user["user"]["username"], "system:bootstrap:abcdef");
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
    let lines = std::fs::read_to_string(&log).expect("a log");
    std::fs::remove_file(&log).expect("removed");
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), 2, "{lines}");
    let (created, got) = (&events[0], &events[1]);
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
