//! The API server in process, asked as clients ask it over HTTP.

mod access;
mod aggregation;
mod apply;
mod connections;
mod conversions;
mod custom;
mod definitions;
mod delete;
mod errors;
mod fuzz;
mod hook;
mod hostile;
mod identities;
mod lists;
mod openapi;
mod paths;
mod plugins;
mod policies;
mod proxies;
mod quotas;
mod server;
mod subresources;
mod watches;
mod webhooks;
mod writes;

use bytes::Bytes;
use cluster_apiserver::auth::tokens::Tokens;
use cluster_apiserver::auth::{self, UserInfo, group};
use cluster_apiserver::{ApiServer, Body, Config, Limits, admission};
use cluster_pki::ClusterPki;
use cluster_store::{Options, SqliteStore, Store};
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;

/// A running server and its only, almighty client.
struct Api {
    server: Arc<ApiServer>,
}

/// A whole answer.
#[derive(Debug)]
struct Answer {
    code: u16,
    warnings: Vec<String>,
    body: Value,
}

impl Answer {
    /// The object, when the code is a good one.
    #[track_caller]
    fn ok(self) -> Value {
        assert!(self.code < 300, "{self:?}");
        self.body
    }

    /// Code, reason and message.
    fn failure(&self) -> (u16, &str, &str) {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default();
        (self.code, text("reason"), text("message"))
    }
}

impl Api {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(SqliteStore::open(Options::in_memory()).await.expect("a store in memory"), change).await
    }

    async fn on(store: Arc<dyn Store>, change: impl FnOnce(&mut Config)) -> Self {
        let pki = ClusterPki::generate("test").expect("a CA");
        let key = pki.files().into_iter().find(|(name, _)| *name == "sa.key").expect("a key").1;
        let mut config = Config {
            tokens: Arc::new(Tokens::new(&key, "https://kubernetes.default.svc").expect("a key")),
            kubelet_tls: None,
            client_ca: pki.ca_cert().to_owned(),
            service_subnet: "10.96.0.0/16".parse().expect("a subnet"),
            node_ports: 30000..=32767,
            addresses: vec!["172.20.0.2".parse().expect("an address")],
            leased: None,
            port: 6443,
            auth: auth::Options::default(),
            audit: None,
            limits: Limits::default(),
            admission: admission::Options::default(),
        };
        change(&mut config);
        Self { server: ApiServer::new(store, config).await.expect("the server starts") }
    }

    async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        request.extensions_mut().insert(UserInfo::authenticated("admin", &[group::MASTERS]));
        self.server.handle(request).await
    }

    async fn call(&self, method: &str, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("user-agent", "test/1.0")
            .body(body.into())
            .expect("a request");
        answer(self.send(request).await).await
    }

    /// As another user than the almighty one.
    async fn call_as(&self, user: &UserInfo, method: &str, path: &str, object: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        request = request.extension(user.clone());
        answer(self.server.handle(request.body(object.to_string().into()).expect("a request")).await).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", Body::empty()).await
    }

    async fn accepting(&self, path: &str, accept: &str) -> Answer {
        let request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).expect("a request");
        answer(self.send(request).await).await
    }

    async fn post(&self, path: &str, object: &Value) -> Answer {
        self.call("POST", path, "application/json", object.to_string()).await
    }

    async fn put(&self, path: &str, object: &Value) -> Answer {
        self.call("PUT", path, "application/json", object.to_string()).await
    }

    async fn patch(&self, path: &str, kind: &str, patch: &Value) -> Answer {
        self.call("PATCH", path, &format!("application/{kind}"), patch.to_string()).await
    }

    async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.call("DELETE", path, "application/json", options.to_string()).await
    }

    /// Waits until an object of the collection is gone.
    async fn until_deleted(&self, path: &str, name: &str) {
        let watch = format!("{path}?watch=1&allowWatchBookmarks=false&fieldSelector=metadata.name%3D{name}");
        let request = Request::builder().uri(&watch).body(Body::empty()).expect("a request");
        let mut events = self.send(request).await.into_body();
        while self.get(&format!("{path}/{name}")).await.code == 200 {
            events.frame().await.expect("the watch goes on").expect("a frame");
        }
    }

    /// A service account exists, so that pods are admitted.
    async fn ready_for_pods(&self) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        self.post("/api/v1/namespaces/default/serviceaccounts", &account).await;
    }
}

async fn answer(response: Response<Body>) -> Answer {
    let code = response.status().as_u16();
    let warnings = response.headers().get_all("warning").iter();
    let warnings = warnings.filter_map(|v| v.to_str().ok()).map(str::to_owned).collect();
    let bytes: Bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Answer { code, warnings, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    })
}
