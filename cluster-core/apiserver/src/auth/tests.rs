//! Authorization and tokens against a store in memory.

use super::tokens::Tokens;
use super::{Authenticator, Authorizer, Decision, UserInfo, bootstrap};
use crate::request::RequestInfo;
use bytes::Bytes;
use cluster_store::{Draft, Expect, Key, Options, SqliteStore, Store};
use http::HeaderMap;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

async fn store() -> Arc<dyn Store> {
    SqliteStore::open(Options::in_memory()).await.expect("store")
}

async fn put(store: &dyn Store, resource: &str, object: Value) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let key = Key::new(resource, text("namespace"), text("name"));
    let whole = serde_json::to_string(&object).expect("JSON");
    let split = whole.find("\"metadata\":{").expect("metadata") + "\"metadata\":{".len();
    let before = format!("{}\"resourceVersion\":\"", &whole[..split]);
    let after = format!("\",{}", &whole[split..]);
    store
        .put(key, Expect::Any, Draft { before: Bytes::from(before), after: Bytes::from(after), facts: None })
        .await
        .expect("put");
}

fn request(verb: &'static str, path: &str) -> RequestInfo {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parsed = RequestInfo::parse(&http::Method::GET, path, query);
    RequestInfo { verb: verb.into(), ..parsed }
}

async fn cluster() -> (Arc<dyn Store>, Authorizer) {
    let store = store().await;
    for object in bootstrap::policy() {
        let resource = format!("{}s", object["kind"].as_str().expect("kind").to_lowercase());
        put(&*store, &format!("rbac.authorization.k8s.io/{resource}"), object).await;
    }
    let binding = json!({
        "metadata": { "name": "jane-edits", "namespace": "team" },
        "roleRef": { "kind": "ClusterRole", "name": "edit" },
        "subjects": [{ "kind": "User", "name": "jane" }, { "kind": "ServiceAccount", "name": "bot", "namespace": "ci" }],
    });
    put(&*store, "rbac.authorization.k8s.io/rolebindings", binding).await;
    let authorizer = Authorizer::start(&store, &super::Options::default(), &CancellationToken::new());
    (store, authorizer)
}

#[tokio::test]
async fn roles_apply_where_they_are_bound_and_nowhere_else() {
    let (_store, authorizer) = cluster().await;
    let jane = UserInfo::authenticated("jane", &[]);
    let bot = UserInfo::service_account("ci", "bot", "1");
    let root = UserInfo::authenticated("root", &["system:masters"]);
    let scheduler = UserInfo::authenticated("system:kube-scheduler", &[]);
    let anonymous = UserInfo::anonymous();
    let cases = [
        (&jane, "create", "/apis/apps/v1/namespaces/team/deployments", true),
        (&jane, "create", "/apis/apps/v1/namespaces/other/deployments", false),
        (&jane, "list", "/api/v1/nodes", false),
        (&jane, "create", "/api/v1/namespaces/team/pods/a/exec", true),
        (&jane, "create", "/apis/rbac.authorization.k8s.io/v1/namespaces/team/roles", false),
        (&jane, "get", "/apis", true),
        (&jane, "get", "/metrics", false),
        (&bot, "delete", "/api/v1/namespaces/team/secrets/x", true),
        (&bot, "delete", "/api/v1/namespaces/ci/secrets/x", false),
        (&root, "delete", "/api/v1/nodes/a", true),
        (&root, "get", "/anything", true),
        (&scheduler, "create", "/api/v1/namespaces/team/pods/a/binding", true),
        (&scheduler, "get", "/api/v1/namespaces/team/secrets/x", false),
        (&anonymous, "get", "/version", true),
        (&anonymous, "get", "/healthz", true),
        (&anonymous, "get", "/apis", false),
        (&anonymous, "list", "/api/v1/pods", false),
    ];
    for (user, verb, path, allowed) in cases {
        let decision = authorizer.authorize(user, &request(verb, path));
        assert_eq!(decision.is_allowed(), allowed, "{} {verb} {path}: {decision:?}", user.name);
    }
}

#[tokio::test]
async fn a_kubelet_reads_only_what_its_own_pods_refer_to() {
    let store = store().await;
    let pod = |name: &str, node: &str, secret: &str| {
        json!({
            "metadata": { "name": name, "namespace": "team", "uid": name },
            "spec": { "nodeName": node, "serviceAccountName": "bot", "volumes": [
                { "secret": { "secretName": secret } }, { "persistentVolumeClaim": { "claimName": format!("{secret}-data") } },
            ] },
        })
    };
    let volume = |name: &str, claim: &str| json!({ "metadata": { "name": name }, "spec": { "claimRef": { "namespace": "team", "name": claim } } });
    put(&*store, "persistentvolumes", volume("bound", "mine-data")).await;
    put(&*store, "persistentvolumes", volume("foreign", "theirs-data")).await;
    put(&*store, "pods", pod("a", "one", "mine")).await;
    put(&*store, "pods", pod("b", "two", "theirs")).await;
    let authorizer = Authorizer::start(&store, &super::Options::default(), &CancellationToken::new());
    let kubelet = UserInfo::authenticated("system:node:one", &["system:nodes"]);
    let cases = [
        ("get", "/api/v1/namespaces/team/secrets/mine", true),
        ("get", "/api/v1/namespaces/team/secrets/theirs", false),
        ("get", "/api/v1/namespaces/team/persistentvolumeclaims/mine-data", true),
        ("get", "/api/v1/persistentvolumes/bound", true),
        ("patch", "/api/v1/namespaces/team/persistentvolumeclaims/mine-data/status", true),
        ("patch", "/api/v1/namespaces/team/persistentvolumeclaims/theirs-data/status", false),
        ("get", "/apis/resource.k8s.io/v1/namespaces/team/resourceclaims/c", false),
        ("get", "/api/v1/persistentvolumes/foreign", false),
        ("get", "/api/v1/persistentvolumes/absent", false),
        ("list", "/api/v1/namespaces/team/secrets", false),
        ("watch", "/api/v1/namespaces/team/secrets?fieldSelector=metadata.name%3Dmine", true),
        ("watch", "/api/v1/namespaces/team/persistentvolumeclaims?fieldSelector=metadata.name%3Dmine-data", false),
        ("update", "/api/v1/namespaces/team/secrets/mine", false),
        ("create", "/api/v1/namespaces/team/serviceaccounts/bot/token", true),
        ("create", "/api/v1/namespaces/team/serviceaccounts/other/token", false),
        ("patch", "/api/v1/namespaces/team/pods/a/status", true),
        ("update", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/one", true),
        ("update", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/two", false),
        ("delete", "/api/v1/nodes/one", false),
        ("get", "/api/v1/nodes/one", true),
        ("get", "/api/v1/nodes/two", false),
        ("list", "/api/v1/nodes", false),
        ("watch", "/api/v1/nodes?fieldSelector=metadata.name%3Done", true),
        ("watch", "/api/v1/nodes?fieldSelector=metadata.name%3Dtwo", false),
        ("list", "/api/v1/pods", false),
        ("list", "/api/v1/pods?fieldSelector=spec.nodeName%3Done", true),
        ("watch", "/api/v1/pods?fieldSelector=spec.nodeName%3Dtwo", false),
        ("watch", "/api/v1/pods?fieldSelector=spec.nodeName%21%3Done", false),
        ("get", "/api/v1/namespaces/team/pods/a", true),
        ("get", "/api/v1/namespaces/team/pods/b", false),
        ("update", "/apis/storage.k8s.io/v1/csinodes/one", true),
        ("update", "/apis/storage.k8s.io/v1/csinodes/two", false),
        ("get", "/apis/storage.k8s.io/v1/volumeattachments/v", true),
        ("list", "/apis/storage.k8s.io/v1/volumeattachments", false),
        ("watch", "/apis/node.k8s.io/v1/runtimeclasses", true),
    ];
    for (verb, path, allowed) in cases {
        assert_eq!(authorizer.authorize(&kubelet, &request(verb, path)).is_allowed(), allowed, "{verb} {path}");
    }
    let other = UserInfo::authenticated("mallory", &[]);
    let decision = authorizer.authorize(&other, &request("get", "/api/v1/namespaces/team/secrets/mine"));
    assert_eq!(decision, Decision::Deny(String::new()));
}

#[tokio::test]
async fn a_token_lives_as_long_as_its_account_and_its_pod() {
    let store = store().await;
    let account = |uid: &str| json!({ "metadata": { "name": "bot", "namespace": "ci", "uid": uid } });
    put(&*store, "serviceaccounts", account("sa-1")).await;
    let pod = json!({
        "metadata": { "name": "p", "namespace": "ci", "uid": "pod-1" }, "spec": { "serviceAccountName": "bot" },
    });
    put(&*store, "pods", pod).await;
    let key = cluster_pki::ClusterPki::generate("t").expect("PKI").files();
    let key = key.into_iter().find(|(name, _)| *name == "sa.key").expect("key").1;
    let tokens = Arc::new(Tokens::new(&key, "https://issuer").expect("tokens"));
    let authenticator = Authenticator::new(store.clone(), tokens.clone(), &super::Options::default());

    let bound = json!({ "spec": { "boundObjectRef": { "kind": "Pod", "name": "p", "uid": "pod-1" } } });
    let issued = tokens.issue(&*store, "ci", "bot", &bound).expect("issue");
    let token = issued["status"]["token"].as_str().expect("token").to_owned();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().expect("header"));
    let user = authenticator.authenticate(&mut headers).await.expect("user");
    assert_eq!(user.name, "system:serviceaccount:ci:bot");
    assert_eq!(user.extra["authentication.kubernetes.io/pod-name"], ["p"]);
    assert!(authenticator.user_of_token(&token, &["vault".to_owned()]).await.is_none(), "another audience");
    assert!(authenticator.user_of_token(&format!("{token}x"), &[]).await.is_none(), "a forged signature");

    put(&*store, "pods", json!({ "metadata": { "name": "p", "namespace": "ci", "uid": "pod-2" } })).await;
    assert_eq!(authenticator.authenticate(&mut headers).await.expect_err("the pod was made anew").code, 401);
    let short = json!({ "spec": { "expirationSeconds": 60 } });
    assert_eq!(tokens.issue(&*store, "ci", "bot", &short).expect_err("too short").code, 422);
}

#[test]
fn a_certificate_tells_its_user_and_by_which_credential_he_came() {
    let authority = cluster_pki::Authority::generate("test").expect("a CA");
    let pair = authority.issue(&cluster_pki::Subject::client("jane", "team")).expect("a certificate");
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("PEM");
    let user = UserInfo::of_certificate(&der).expect("a user");
    assert_eq!((user.name.as_str(), user.groups.join(" ")), ("jane", "team system:authenticated".to_owned()));
    let credential = &user.extra["authentication.kubernetes.io/credential-id"][0];
    assert_eq!((credential.len(), &credential[..11]), (75, "X509SHA256="));
}

#[tokio::test]
async fn impersonation_needs_the_right_to_it() {
    let (_store, authorizer) = cluster().await;
    let mut headers = HeaderMap::new();
    headers.insert("impersonate-user", "jane".parse().expect("header"));
    let root = UserInfo::authenticated("root", &["system:masters"]);
    let jane = authorizer.impersonate(&root, &headers).await.expect("allowed").expect("somebody else");
    assert_eq!((jane.name.as_str(), jane.groups.as_slice()), ("jane", &["system:authenticated".to_owned()][..]));
    let bob = UserInfo::authenticated("bob", &[]);
    let refused = authorizer.impersonate(&bob, &headers).await.expect_err("refused");
    assert_eq!(refused.code, 403);
    assert!(refused.message.contains(r#"User "bob" cannot impersonate resource "users""#), "{}", refused.message);
}
