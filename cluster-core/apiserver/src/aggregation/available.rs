//! Follows APIServices: which other servers there are, and whether each can be used.
//!
//! Facts: <https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/>; reasons and
//! messages are those of upstream's available controller.

use super::{Remote, STORAGE, local};
use crate::bootstrap;
use crate::kinds::prelude::*;
use cluster_store::{Expired, Watcher};
use futures::future::{join_all, select_all};

/// What can change the answer. Definitions count because their groups have APIServices.
const WATCHED: [&str; 4] = [STORAGE, custom::STORAGE, "services", SLICES];
const SLICES: &str = "discovery.k8s.io/endpointslices";
/// How long a server may take to say what it serves.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// A server may come or go without any object changing, so those that there are get asked again.
const CHECK_PERIOD: Duration = Duration::from_secs(30);

/// What an APIService's condition says: status, reason, message.
type Condition = (bool, &'static str, String);

/// Keeps remote servers and conditions up to date until the server closes.
pub(crate) async fn follow(server: Arc<ApiServer>) {
    loop {
        let watched = watch(&server);
        reconcile(&server).await;
        let Ok(mut watchers) = watched else { continue };
        let changed = select_all(watchers.iter_mut().map(|watcher| Box::pin(watcher.next())));
        tokio::select! {
            () = server.closing.cancelled() => return,
            _ = changed => {}
            () = tokio::time::sleep(CHECK_PERIOD), if !server.remotes.all().is_empty() => {}
        }
    }
}

fn watch(server: &ApiServer) -> Result<Vec<Watcher>, Expired> {
    let now = server.store.revision();
    // Services and their endpoints matter only while somebody else serves something.
    let remote = server.list(STORAGE, None).iter().any(|o| o["spec"]["service"].is_object());
    let watched = if remote { &WATCHED[..] } else { &WATCHED[..2] };
    watched.iter().map(|resource| server.store.watch(resource, now)).collect()
}

async fn reconcile(server: &ApiServer) {
    let present = server.list(STORAGE, None);
    let (missing, stale) = local::plan(server.registry.table().resources(), &present);
    let made = missing.iter().map(|object| async move { bootstrap::put(server, object.clone()).await });
    let failures = join_all(made).await.into_iter().filter_map(Result::err);
    for status in failures {
        tracing::warn!(error = status.message, "failed to make an APIService");
    }
    for name in stale {
        let removed = async { delete_object(&bootstrap::call_for(server, &present[0])?, &name).await.map(drop) };
        report(&name, removed.await);
    }
    let asked = present.iter().map(|object| async move { (object, remote(server, object).await) });
    let mut remotes = BTreeMap::new();
    let mut conditions = Vec::new();
    for (object, found) in join_all(asked).await {
        let (remote, condition) = found;
        if let Some(remote) = remote {
            remotes.insert((remote.group.clone(), remote.version.clone()), Arc::new(remote));
        }
        conditions.push((object, condition));
    }
    // First it can be used, then it says so.
    server.remotes.by_version.store(Arc::new(remotes));
    for (object, condition) in conditions {
        report(meta::name(object), note(server, object, condition).await);
    }
}

fn report(name: &str, done: Result<(), Status>) {
    if let Err(status) = done
        && !status.is_not_found()
    {
        tracing::warn!(name, error = status.message, "failed to keep an APIService up to date");
    }
}

/// The server that the APIService names, and what is to be said of it.
async fn remote(server: &ApiServer, object: &Value) -> (Option<Remote>, Condition) {
    let spec = &object["spec"];
    if !spec["service"].is_object() {
        return (None, (true, "Local", "Local APIServices are always available".to_owned()));
    }
    let (group, version) = (text(&spec["group"]).to_owned(), text(&spec["version"]).to_owned());
    let (available, resources, openapi) = (false, Value::Null, String::new());
    let mut remote = Remote { group, version, spec: spec.clone(), available, resources, openapi };
    if let Some((reason, message)) = unreachable(server, &spec["service"]) {
        return (Some(remote), (false, reason, message));
    }
    let path = remote.path();
    match discover(server, &remote, &path).await {
        Ok(resources) => {
            remote.resources = resources;
            remote.available = true;
            // Not every server has it.
            let index = discover(server, &remote, "/openapi/v3").await.unwrap_or_default();
            text(&index["paths"][path.trim_start_matches('/')]["serverRelativeURL"]).clone_into(&mut remote.openapi);
            (Some(remote), (true, "Passed", "all checks passed".to_owned()))
        }
        Err(why) => {
            let message = format!("failing or missing response from {path}: {why}");
            (Some(remote), (false, "FailedDiscoveryCheck", message))
        }
    }
}

/// What of the service keeps it from being asked at all.
fn unreachable(lookup: &dyn Lookup, service: &Value) -> Option<(&'static str, String)> {
    let (namespace, name) = (text(&service["namespace"]), text(&service["name"]));
    let port = service["port"].as_u64().unwrap_or(443);
    let Some(found) = lookup.find("services", namespace, name) else {
        return Some(("ServiceNotFound", format!("service/{name} in {namespace:?} is not present")));
    };
    if found["spec"]["type"] == "ExternalName" {
        return None;
    }
    if !items(&found["spec"]["ports"]).iter().any(|p| p["port"].as_u64() == Some(port)) {
        let message = format!("service/{name} in {namespace:?} is not listening on port {port}");
        return Some(("ServicePortError", message));
    }
    let unready = backend::of_service(lookup, namespace, name, &port.to_string()).err()?;
    tracing::debug!(name, why = unready.message, "a service of an APIService has no endpoints");
    let message = format!("endpoints for service/{name} in {namespace:?} have no addresses with port {port}");
    Some(("MissingEndpoints", message))
}

/// What a server says at `path`, asked in the server's own name.
pub(super) async fn discover(server: &ApiServer, remote: &Remote, path: &str) -> Result<Value, String> {
    let target = server.remotes.target(server, remote, path.to_owned())?;
    let named = [("x-remote-user", "system:kube-aggregator"), ("x-remote-group", "system:masters")];
    let named = named.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let (code, body) = backend::fetch(&target, Method::GET, named, Body::empty(), DISCOVERY_TIMEOUT).await?;
    if !code.is_success() {
        return Err(format!("bad status from {path}: {}", code.as_u16()));
    }
    serde_json::from_slice(&body).map_err(|e| e.to_string())
}

/// Writes the condition, when it says something new.
async fn note(server: &ApiServer, object: &Value, (status, reason, message): Condition) -> Result<(), Status> {
    let set = |object: &mut Value| condition::set(object, "Available", status, reason, &message);
    let mut said = object.clone();
    set(&mut said);
    if said == *object {
        return Ok(());
    }
    bootstrap::amend(server, object, Part::Status, set).await
}
