//! Who somebody is, as tokens and other servers tell.

use super::access::ask;
use super::hook::{Hook, Seen};
use super::{Api, Body, CONFIG_MAPS, answer};
use base64::prelude::*;
use cluster_apiserver::auth::Options;
use cluster_apiserver::auth::tokens::Tokens;
use cluster_config::Oidc;
use cluster_pki::ClusterPki;
use http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// As a script of a browser names its token.
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

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
    let nothing = json!({"spec": {"token": ""}});
    let refused = api.post("/apis/authentication.k8s.io/v1/tokenreviews", &nothing).await;
    assert_eq!(refused.failure(), (400, "BadRequest", "token is required for TokenReview in authentication"));
    assert_eq!(whoami(&api, &sign("kubectl", 60)).await["user"]["username"], format!("{url}#jane"));
    assert_eq!(whoami(&api, &sign("kubectl", 60)).await["authenticated"], true);
    assert_eq!(hook.seen().len(), 2, "and kept");
    for bad in [sign("other", 60), sign("kubectl", -3600), format!("{}x", sign("kubectl", 60))] {
        assert_eq!(whoami(&api, &bad).await["authenticated"], false);
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_not_asked_for_each_token() {
    let hook = Hook::start(|_| (500, Value::Null)).await;
    let url = format!("https://localhost:{}", hook.port);
    let (issuer_url, client_id, ca) = (url.clone(), "kubectl".to_owned(), hook.ca.clone());
    let oidc = Oidc { issuer_url, client_id, ca, ..Oidc::default() };
    let api = Api::start_with(|config| config.auth = Options { oidc: Some(oidc), ..Options::default() }).await;
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.AAAA", part(json!({"alg": "RS256", "kid": "k"})), part(json!({"iss": url})));
    for _ in 0..3 {
        assert_eq!(whoami(&api, &token).await["authenticated"], false);
    }
    assert_eq!(hook.seen().len(), 1);
}

#[tokio::test]
async fn webhooks_know_tokens_and_rights_and_secrets_hold_bootstrap_tokens() {
    let hook = Hook::start(|seen| {
        let spec = &seen.body["spec"];
        let status = match seen.body["kind"].as_str() {
            Some("TokenReview") => json!({"authenticated": spec["token"] == "sesame",
                "user": {"username": "ali", "groups": ["thieves"]}, "audiences": spec["audiences"]}),
            _ => {
                let asked = &spec["resourceAttributes"];
                let may = asked["resource"] == "configmaps" || asked["verb"] == "impersonate" && asked["name"] == "bob";
                json!({"allowed": spec["user"] == "ali" && may})
            }
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
    let as_bob = Request::get("/api/v1/secrets").header("authorization", "Bearer sesame");
    let as_bob = as_bob.header("impersonate-user", "bob").body(Body::empty()).expect("a request");
    let refused = answer(api.server.handle(as_bob).await).await;
    assert!(refused.failure().2.contains("User \"bob\" cannot list"), "a right from the webhook: {}", refused.body);

    let protocols = format!("v5.channel.k8s.io, {TOKEN_PROTOCOL}{}", BASE64_URL_SAFE_NO_PAD.encode("sesame"));
    for (protocols, code) in
        [(protocols.as_str(), 200), (&protocols["v5.channel.k8s.io, ".len()..], 401), ("v5.channel.k8s.io", 403)]
    {
        let request = Request::get(CONFIG_MAPS).header("sec-websocket-protocol", protocols);
        let request = request.body(Body::empty()).expect("a request");
        assert_eq!(answer(api.server.handle(request).await).await.code, code, "{protocols}");
    }

    let selected = "/api/v1/secrets?fieldSelector=type%21%3Dx&labelSelector=a+in+(b,c),!d";
    assert_eq!(ask(&api, "GET", selected, "sesame", None).await.code, 403);
    let asked = hook.seen().last().expect("a question").body["spec"]["resourceAttributes"].clone();
    let fields = json!({"requirements": [{"key": "type", "operator": "NotIn", "values": ["x"]}]});
    let labels = json!({"requirements": [
        {"key": "a", "operator": "In", "values": ["b", "c"]}, {"key": "d", "operator": "DoesNotExist"},
    ]});
    assert_eq!((&asked["fieldSelector"], &asked["labelSelector"]), (&fields, &labels));

    let identified = hook.seen().iter().all(|seen| seen.headers["authorization"] == "Bearer api-server");
    assert!(identified, "the server says who it is");
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token", "stringData": {"token-id": "abcdef",
            "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}});
    api.post("/api/v1/namespaces/kube-system/secrets", &secret).await.ok();
    let user = whoami(&api, "abcdef.0123456789abcdef").await;
    assert_eq!(user["user"]["username"], "system:bootstrap:abcdef");
}
