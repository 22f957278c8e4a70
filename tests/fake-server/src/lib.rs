//! An API server in memory for tests: stores, lists and watches any JSON object, without defaults or validation.

use async_trait::async_trait;
use bytes::Bytes;
use cluster_client::{Backend, Client, Error, ListPage, Status, WatchEvent, WatchScope, WatchStream};
use cluster_object::status::GroupResource;
use futures::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The server. Clones of its [`FakeServer::client`] all reach it.
#[derive(Debug)]
pub struct FakeServer(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    revision: u64,
    objects: BTreeMap<Place, Value>,
    log: Vec<Logged>,
    watchers: Vec<(Place, mpsc::UnboundedSender<WatchEvent>)>,
    /// Watches and positions before this revision are answered with 410.
    compacted: u64,
    /// How many of the next requests fail.
    failures: usize,
    lists: usize,
    /// Whether evictions are refused.
    protected: bool,
    /// Answers to GET that are no objects, for example discovery.
    documents: BTreeMap<String, Value>,
    requests: Vec<String>,
}

#[derive(Debug, Clone)]
struct Logged {
    revision: u64,
    place: Place,
    kind: &'static str,
    object: Value,
}

impl Logged {
    fn to_watch(&self) -> WatchEvent {
        let object = bytes(&self.object);
        match self.kind {
            "ADDED" => WatchEvent::Added(object),
            "DELETED" => WatchEvent::Deleted(object),
            _ => WatchEvent::Modified(object),
        }
    }
}

/// The collection (`/apis/apps/v1/deployments`), namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    collection: String,
    namespace: String,
    name: String,
}

impl Place {
    /// Splits a request path; also gives the subresource.
    fn parse(path: &str) -> (Self, String) {
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let rest = parts.split_off(if parts[0] == "api" { 2 } else { 3 }.min(parts.len()));
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, resource, rest @ ..] if !matches!(*resource, "status" | "finalize") => {
                (*namespace, [&[*resource], rest].concat())
            }
            other => ("", other.to_vec()),
        };
        let at = |index: usize| (*rest.get(index).unwrap_or(&"")).to_owned();
        let collection = format!("/{}/{}", parts.join("/"), at(0));
        (Self { collection, namespace: namespace.to_owned(), name: at(1) }, at(2))
    }

    fn holds(&self, other: &Self) -> bool {
        self.collection == other.collection && (self.namespace.is_empty() || self.namespace == other.namespace)
    }

    fn resource(&self) -> GroupResource<'_> {
        let parts: Vec<&str> = self.collection.trim_matches('/').split('/').collect();
        GroupResource { group: if parts[0] == "api" { "" } else { parts[1] }, resource: parts[parts.len() - 1] }
    }
}

impl FakeServer {
    /// An empty server.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// A client of it.
    pub fn client(self: &Arc<Self>) -> Client {
        Client::new(self.clone(), "test")
    }

    /// Ends all watches without an error.
    pub fn break_watches(&self) {
        self.0.lock().watchers.clear();
    }

    /// Ends all watches; who wants to go on from before now gets 410.
    pub fn compact(&self) {
        let mut state = self.0.lock();
        state.revision += 1;
        state.compacted = state.revision;
        state.watchers.clear();
    }

    /// Answers GET on `path` with a document, for example of discovery.
    pub fn serve(&self, path: &str, document: Value) {
        self.0.lock().documents.insert(path.to_owned(), document);
    }

    /// Lets the next `count` requests, lists and watches fail.
    pub fn fail(&self, count: usize) {
        self.0.lock().failures = count;
    }

    /// Takes or refuses evictions from now on, as disruption budgets do.
    pub fn allow_evictions(&self, allowed: bool) {
        self.0.lock().protected = !allowed;
    }

    /// How many lists were answered.
    pub fn lists(&self) -> usize {
        self.0.lock().lists
    }

    /// Every write so far, as `METHOD path`.
    pub fn writes(&self) -> Vec<String> {
        self.0.lock().requests.clone()
    }

    fn admit(&self) -> Result<(), Error> {
        let mut state = self.0.lock();
        if state.failures == 0 {
            return Ok(());
        }
        state.failures -= 1;
        Err(Error::Transport("the test said so".to_owned()))
    }
}

impl State {
    fn handle(&mut self, method: &Method, place: Place, subresource: &str, body: Value) -> Result<Value, Status> {
        if *method == Method::GET && place.name.is_empty() {
            let items: Vec<&Value> = self.objects.iter().filter(|(at, _)| place.holds(at)).map(|(_, v)| v).collect();
            return Ok(json!({"items": items}));
        }
        let missing = Status::not_found(place.resource(), &place.name);
        match *method {
            Method::GET => self.objects.get(&place).cloned().ok_or(missing),
            Method::POST if place.name.is_empty() => self.create(place, body),
            Method::POST if subresource == "binding" => self.bind(place, &body),
            Method::POST if subresource == "eviction" && self.protected => Err(Status::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            )),
            Method::POST if subresource == "eviction" => self.delete(&place, &body["deleteOptions"]),
            Method::POST => Ok(body),
            Method::DELETE => self.delete(&place, &body),
            _ => {
                let old = self.objects.get(&place).ok_or(missing)?.clone();
                let sent = if *method == Method::PATCH { patched(&old, &body) } else { body };
                self.update(place, subresource, &old, sent)
            }
        }
    }

    fn create(&mut self, mut place: Place, mut object: Value) -> Result<Value, Status> {
        let serial = self.revision + 1;
        if let Some(prefix) = object["metadata"]["generateName"].as_str()
            && object["metadata"]["name"].is_null()
        {
            object["metadata"]["name"] = format!("{prefix}{serial:05}").into();
        }
        object["metadata"]["name"].as_str().unwrap_or_default().clone_into(&mut place.name);
        if self.objects.contains_key(&place) {
            return Err(Status::already_exists(place.resource(), &place.name));
        }
        object["metadata"]["uid"] = format!("uid-{serial}").into();
        object["metadata"]["generation"] = 1.into();
        object["metadata"]["creationTimestamp"] = jiff::Timestamp::now().to_string().into();
        Ok(self.commit(place, "ADDED", object))
    }

    fn update(&mut self, place: Place, subresource: &str, old: &Value, mut sent: Value) -> Result<Value, Status> {
        let version = &sent["metadata"]["resourceVersion"];
        if !version.is_null() && *version != old["metadata"]["resourceVersion"] {
            return Err(Status::modified(place.resource(), &place.name));
        }
        let mut new = old.clone();
        if subresource == "status" {
            new["status"] = sent["status"].take();
        } else {
            new = sent;
            new["status"] = old["status"].clone();
            for kept in ["uid", "creationTimestamp", "generation", "deletionTimestamp"] {
                new["metadata"][kept] = old["metadata"][kept].clone();
            }
            if new["spec"] != old["spec"] {
                new["metadata"]["generation"] = (old["metadata"]["generation"].as_i64().unwrap_or(0) + 1).into();
            }
        }
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        if new == *old {
            return Ok(new);
        }
        if !new["metadata"]["deletionTimestamp"].is_null() && finalizers(&new).is_empty() {
            return Ok(self.commit(place, "DELETED", new));
        }
        Ok(self.commit(place, "MODIFIED", new))
    }

    fn delete(&mut self, place: &Place, options: &Value) -> Result<Value, Status> {
        let Some(mut object) = self.objects.get(place).cloned() else {
            return Err(Status::not_found(place.resource(), &place.name));
        };
        let uid = &options["preconditions"]["uid"];
        if !uid.is_null() && *uid != object["metadata"]["uid"] {
            return Err(Status::conflict(place.resource(), &place.name, "the UID in the precondition does not match"));
        }
        if finalizers(&object).is_empty() {
            return Ok(self.commit(place.clone(), "DELETED", object));
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = jiff::Timestamp::now().to_string().into();
            object = self.commit(place.clone(), "MODIFIED", object);
        }
        Ok(object)
    }

    /// Puts a pod on the node that the binding names.
    fn bind(&mut self, place: Place, binding: &Value) -> Result<Value, Status> {
        let missing = Status::not_found(place.resource(), &place.name);
        let mut pod = self.objects.get(&place).cloned().ok_or(missing)?;
        if !pod["spec"]["nodeName"].is_null() {
            return Err(Status::conflict(place.resource(), &place.name, "the pod is already assigned to a node"));
        }
        pod["spec"]["nodeName"] = binding["target"]["name"].clone();
        Ok(self.commit(place, "MODIFIED", pod))
    }

    fn commit(&mut self, place: Place, kind: &'static str, mut object: Value) -> Value {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        if kind == "DELETED" {
            self.objects.remove(&place);
        } else {
            self.objects.insert(place.clone(), object.clone());
        }
        let event = Logged { revision: self.revision, place, kind, object: object.clone() };
        self.watchers.retain(|(scope, sender)| !scope.holds(&event.place) || sender.send(event.to_watch()).is_ok());
        self.log.push(event);
        object
    }
}

fn finalizers(object: &Value) -> &[Value] {
    object["metadata"]["finalizers"].as_array().map_or(&[], Vec::as_slice)
}

/// A merge patch; a strategic one is taken for one too.
fn patched(old: &Value, patch: &Value) -> Value {
    let mut new = old.clone();
    merge(&mut new, patch);
    new
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        match (value, target.as_object_mut()) {
            (Value::Null, Some(target)) => drop(target.remove(key)),
            (value, Some(target)) => merge(target.entry(key).or_insert(Value::Null), value),
            (_, None) => {}
        }
    }
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

#[async_trait]
impl Backend for FakeServer {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        self.admit()?;
        let (place, subresource) = Place::parse(request.uri().path());
        let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let answer = {
            let mut state = self.0.lock();
            if let Some(document) = state.documents.get(request.uri().path()) {
                return Ok(Response::new(bytes(document)));
            }
            if request.method() != Method::GET {
                state.requests.push(format!("{} {}", request.method(), request.uri().path()));
            }
            // Who applies makes what is not there.
            let applied =
                request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/apply-patch+yaml");
            if applied && !state.objects.contains_key(&place) {
                state.create(place, body)
            } else {
                state.handle(request.method(), place, &subresource, body)
            }
        };
        let (code, body) = match answer {
            Ok(value) => (200, value),
            Err(status) => (status.code, status.to_json()),
        };
        Response::builder().status(code).body(bytes(&body)).map_err(|e| Error::Config(e.to_string()))
    }

    async fn list(&self, scope: &WatchScope) -> Result<ListPage, Error> {
        self.admit()?;
        let (place, _) = Place::parse(&scope.path);
        let mut state = self.0.lock();
        state.lists += 1;
        let items = state.objects.iter().filter(|(at, _)| place.holds(at)).map(|(_, object)| bytes(object)).collect();
        Ok(ListPage { resource_version: state.revision.to_string(), items })
    }

    async fn watch(&self, scope: &WatchScope, resource_version: &str) -> Result<WatchStream, Error> {
        self.admit()?;
        let (place, _) = Place::parse(&scope.path);
        let after: u64 = resource_version.parse().unwrap_or_default();
        let mut state = self.0.lock();
        if after < state.compacted {
            return Err(Status::expired("too old resource version").into());
        }
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let missed = state.log.iter().filter(|event| event.revision > after && place.holds(&event.place));
        for event in missed {
            drop(sender.send(event.to_watch()));
        }
        state.watchers.push((place, sender));
        Ok(stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok).boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_into_places() {
        let cases = [
            ("/api/v1/pods", "/api/v1/pods||", ""),
            ("/api/v1/namespaces/a/pods/p/status", "/api/v1/pods|a|p", "status"),
            ("/api/v1/namespaces/a", "/api/v1/namespaces||a", ""),
            ("/api/v1/namespaces/a/finalize", "/api/v1/namespaces||a", "finalize"),
            ("/apis/apps/v1/namespaces/a/deployments", "/apis/apps/v1/deployments|a|", ""),
        ];
        for (path, expected, subresource) in cases {
            let (place, found) = Place::parse(path);
            let place = format!("{}|{}|{}", place.collection, place.namespace, place.name);
            assert_eq!((place.as_str(), found.as_str()), (expected, subresource), "{path}");
        }
    }
}
