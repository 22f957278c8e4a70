//! What load balancers ask a node: the proxy's own health, and on the `healthCheckNodePort` of a service whether one of
//! its pods is here. Paths, codes and words are kube-proxy's.

use super::model::HealthCheck;
use crate::prelude::*;
use axum::Router;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use cluster_client::events::Recorder;
use http::{StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, ObjectReference};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

/// The port of the proxy's own health.
const OWN_PORT: u16 = 10_256;
/// The port, on the node alone, of what else the proxy tells of itself.
const STATUS_PORT: u16 = 10_249;
/// For how long a change may wait before the proxy counts as ill. Source: twice upstream's `syncPeriod`.
const LATE: SignedDuration = SignedDuration::from_secs(60);
/// The cluster autoscaler puts it on a node that it is about to remove.
const TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

/// What is told.
#[derive(Debug, Default)]
struct State {
    /// Since when a change waits to be carried into the kernel.
    waits_since: Option<Timestamp>,
    updated: Option<Timestamp>,
    /// The node goes, so that nothing new should be sent to it.
    leaving: bool,
    checks: BTreeMap<u16, HealthCheck>,
}

/// The servers, and what they tell.
pub(super) struct Health {
    node: String,
    recorder: Recorder,
    state: Arc<Mutex<State>>,
    servers: BTreeMap<u16, AbortOnDropHandle<()>>,
}

impl Health {
    /// Nothing listens until the first [`Health::updated`].
    pub(super) fn new(node: &str, recorder: Recorder) -> Self {
        Self { node: node.to_owned(), recorder, state: Arc::default(), servers: BTreeMap::new() }
    }

    /// A change has come that the kernel does not know yet.
    pub(super) fn waits(&self) {
        self.state.lock().waits_since.get_or_insert_with(Timestamp::now);
    }

    /// The kernel knows all; these are the services to tell about, by port.
    pub(super) async fn updated(&mut self, leaving: bool, checks: &BTreeMap<u16, HealthCheck>) {
        let state = State { waits_since: None, updated: Some(Timestamp::now()), leaving, checks: checks.clone() };
        *self.state.lock() = state;
        self.servers.retain(|port, _| matches!(*port, OWN_PORT | STATUS_PORT) || checks.contains_key(port));
        for port in checks.keys().copied().chain([OWN_PORT, STATUS_PORT]) {
            if self.servers.contains_key(&port) {
                continue;
            }
            let address = if port == STATUS_PORT { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
            match TcpListener::bind((address, port)).await {
                Ok(listener) => {
                    self.servers.insert(port, serve(listener, port, self.state.clone()));
                }
                Err(error) => self.not_bound(port, checks.get(&port), &error),
            }
        }
    }

    fn not_bound(&self, port: u16, check: Option<&HealthCheck>, error: &std::io::Error) {
        tracing::warn!(%error, port, "failed to listen for health checks");
        let Some(HealthCheck { namespace, name, .. }) = check else { return };
        let about = ObjectReference {
            kind: Some("Service".to_owned()),
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            uid: Some(format!("{namespace}/{name}")),
            ..ObjectReference::default()
        };
        let node = &self.node;
        let message = format!("node {node} failed to start healthcheck \"{namespace}/{name}\" on port {port}: {error}");
        self.recorder.event(&about, "Warning", "FailedToStartServiceHealthcheck", message);
    }
}

/// Whether load balancers should leave a node alone.
pub(super) fn is_leaving(node: &Node) -> bool {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    node.metadata.deletion_timestamp.is_some() || taints.into_iter().any(|taint| taint.key == TO_BE_DELETED)
}

fn serve(listener: TcpListener, port: u16, state: Arc<Mutex<State>>) -> AbortOnDropHandle<()> {
    let handler = move |Shared(state): Shared<Arc<Mutex<State>>>, uri: Uri| async move {
        answer(&state.lock(), port, uri.path(), Timestamp::now()).into_response()
    };
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, Router::new().fallback(handler).with_state(state)).await {
            tracing::warn!(%error, port, "health checks are no longer answered");
        }
    }))
}

/// An answer to one question.
#[derive(Debug, PartialEq)]
struct Answer {
    code: StatusCode,
    /// How many pods of the service are here.
    weight: Option<usize>,
    body: Value,
}

fn answer(state: &State, port: u16, path: &str, now: Timestamp) -> Answer {
    let healthy = state.waits_since.is_none_or(|since| now.duration_since(since) < LATE);
    let answer = |good: bool, weight, body| {
        let code = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Answer { code, weight, body }
    };
    if let Some(HealthCheck { namespace, name, local_endpoints }) = state.checks.get(&port) {
        let body = json!({
            "service": { "namespace": namespace, "name": name },
            "localEndpoints": local_endpoints,
            "serviceProxyHealthy": healthy,
        });
        return answer(healthy && *local_endpoints > 0, Some(*local_endpoints), body);
    }
    let times = |good| {
        let updated = if good { Some(now) } else { state.updated };
        json!({ "lastUpdated": go_time(updated), "currentTime": go_time(Some(now)) })
    };
    match path {
        "/healthz" if port == OWN_PORT => {
            let good = healthy && !state.leaving;
            let mut body = times(good);
            body["nodeEligible"] = json!(!state.leaving);
            answer(good, None, body)
        }
        "/livez" if port == OWN_PORT => answer(healthy, None, times(healthy)),
        "/healthz" if port == STATUS_PORT => answer(true, None, json!("ok")),
        "/proxyMode" if port == STATUS_PORT => answer(true, None, json!("nftables")),
        // Also a connection that outlived the service it asked about.
        _ => Answer { code: StatusCode::NOT_FOUND, weight: None, body: Value::Null },
    }
}

/// A time as Go prints it; its year 1 for never.
fn go_time(time: Option<Timestamp>) -> String {
    let never = || "0001-01-01 00:00:00 +0000 UTC".to_owned();
    time.map_or_else(never, |time| time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string())
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self.code == StatusCode::NOT_FOUND {
            return (self.code, "404 page not found\n").into_response();
        }
        if let Value::String(text) = self.body {
            return text.into_response();
        }
        let headers = [("content-type", "application/json"), ("x-content-type-options", "nosniff")];
        let weight = self.weight.map(|weight| [("x-load-balancing-endpoint-weight", weight.to_string())]);
        (self.code, headers, weight, self.body.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(local_endpoints: usize) -> HealthCheck {
        HealthCheck { namespace: "default".to_owned(), name: "web".to_owned(), local_endpoints }
    }

    #[test]
    fn a_node_is_told_to_be_well_while_changes_reach_the_kernel_and_it_stays() {
        let now: Timestamp = "2026-01-01T00:02:00Z".parse().expect("a time");
        let ago = |seconds| Some(now - SignedDuration::from_secs(seconds));
        let (well, ill) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        let state = |waits_since, leaving, local| State {
            waits_since,
            leaving,
            updated: ago(90),
            checks: [(30100, check(local))].into(),
        };
        for (state, health, live, service) in [
            (state(None, false, 2), well, well, well),
            (state(ago(59), false, 2), well, well, well),
            (state(ago(60), false, 2), ill, ill, ill),
            (state(None, true, 2), ill, well, well),
            (state(None, false, 0), well, well, ill),
        ] {
            let code = |port, path| answer(&state, port, path, now).code;
            let got = [code(OWN_PORT, "/healthz"), code(OWN_PORT, "/livez"), code(30100, "/any")];
            assert_eq!(got, [health, live, service], "{state:?}");
        }
        let late = state(ago(60), true, 2);
        let (at, before) = ("2026-01-01 00:02:00 +0000 UTC", "2026-01-01 00:00:30 +0000 UTC");
        let told = answer(&late, OWN_PORT, "/healthz", now);
        assert_eq!(told.body, json!({ "lastUpdated": before, "currentTime": at, "nodeEligible": false }));
        let service = json!({ "namespace": "default", "name": "web" });
        let body = json!({ "service": service, "localEndpoints": 2, "serviceProxyHealthy": false });
        assert_eq!(answer(&late, 30100, "/", now), Answer { code: ill, weight: Some(2), body });
        assert_eq!(answer(&late, 30101, "/healthz", now).code, StatusCode::NOT_FOUND);
        assert_eq!(answer(&late, STATUS_PORT, "/proxyMode", now).body, "nftables");
    }

    #[test]
    fn a_node_leaves_when_it_is_deleted_or_the_autoscaler_says_so() {
        for (node, leaves) in [
            (json!({ "metadata": {} }), false),
            (json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }), true),
            (json!({ "metadata": {}, "spec": { "taints": [{ "key": TO_BE_DELETED, "effect": "NoSchedule" }] } }), true),
            (json!({ "metadata": {}, "spec": { "taints": [{ "key": "other", "effect": "NoSchedule" }] } }), false),
        ] {
            let read: Node = serde_json::from_value(node.clone()).expect("a node");
            assert_eq!(is_leaving(&read), leaves, "{node}");
        }
    }
}
