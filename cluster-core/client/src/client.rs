//! Typed requests: one [`Client`] for every kind k8s-openapi knows.

use crate::prelude::*;
use crate::{Backend, DeleteOptions, Error, Object, Patch, Status, WatchScope};
use futures::future::BoxFuture;
use http::{Method, Request, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Debug};
use tokio::sync::Semaphore;

/// Typed access to one API server under one identity. Namespace `""` means a cluster-scoped kind, or all namespaces.
#[derive(Clone)]
pub struct Client {
    backend: Arc<dyn Backend>,
    field_manager: Arc<str>,
    /// A burst waits here, where a place is free at once, instead of being refused by the server for a second.
    places: Arc<Semaphore>,
}

impl Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("field_manager", &self.field_manager).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that writes under the name `field_manager`.
    pub fn new(backend: Arc<dyn Backend>, field_manager: &str) -> Self {
        Self { backend, field_manager: field_manager.into(), places: Arc::new(Semaphore::new(MAX_IN_FLIGHT)) }
    }

    /// What the client speaks through.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Reads one object.
    pub async fn get<K: Object>(&self, namespace: &str, name: &str) -> Result<K, Error> {
        self.send(Method::GET, &object_path::<K>(namespace, name, ""), None).await
    }

    /// Reads what of a collection has these labels (`app=web`), all of it when none are given.
    pub async fn list<K: Object>(&self, namespace: &str, labels: &str) -> Result<Vec<K>, Error> {
        let (path, label_selector) = (path_of::<K>(namespace), labels.to_owned());
        let scope = WatchScope { path, label_selector, ..WatchScope::default() };
        let page = self.backend.list(&scope).await?;
        page.items.iter().map(|item| decode(K::KIND, item)).collect()
    }

    /// Creates an object in the namespace its metadata names.
    pub async fn create<K: Object>(&self, object: &K) -> Result<K, Error> {
        let path = path_of::<K>(object.namespace());
        self.send(Method::POST, &self.managed(&path), Some(encode(object)?)).await
    }

    /// Replaces an object; fails with a conflict when it changed since it was read.
    pub async fn update<K: Object>(&self, object: &K) -> Result<K, Error> {
        self.update_subresource(object, "").await
    }

    /// Replaces an object's status and nothing else.
    pub async fn update_status<K: Object>(&self, object: &K) -> Result<K, Error> {
        self.update_subresource(object, "status").await
    }

    /// Replaces what one subresource of an object holds, for example `approval` or `finalize`.
    pub async fn update_subresource<K: Object>(&self, object: &K, subresource: &str) -> Result<K, Error> {
        let path = object_path::<K>(object.namespace(), object.name(), subresource);
        self.send(Method::PUT, &self.managed(&path), Some(encode(object)?)).await
    }

    /// Patches an object, or its `subresource` when that is not empty.
    pub async fn patch<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Patch,
    ) -> Result<K, Error> {
        self.raw_patch(&self.managed(&object_path::<K>(namespace, name, subresource)), patch).await
    }

    /// A patch without a type.
    pub async fn raw_patch<R: DeserializeOwned>(&self, path: &str, patch: &Patch) -> Result<R, Error> {
        let (content_type, body) = patch.parts();
        self.send(Method::PATCH, path, Some((content_type, encode(body)?.1))).await
    }

    /// Deletes an object, or starts its deletion.
    pub async fn delete<K: Object>(&self, namespace: &str, name: &str, options: &DeleteOptions) -> Result<(), Error> {
        let path = object_path::<K>(namespace, name, "");
        self.send::<Value>(Method::DELETE, &path, Some(encode(options)?)).await.map(drop)
    }

    /// Deletes this very object, or starts its deletion: not another that took its name.
    pub async fn delete_this<K: Object>(&self, object: &K, mut options: DeleteOptions) -> Result<(), Error> {
        options.preconditions.get_or_insert_default().uid.clone_from(&object.metadata().uid);
        self.delete::<K>(object.namespace(), object.name(), &options).await
    }

    /// Posts to a subresource, for example `binding`, `token` or `eviction`.
    pub async fn create_subresource<K: Object, B: Serialize, R: DeserializeOwned>(
        &self,
        namespace: &str,
        name: &str,
        subresource: &str,
        body: &B,
    ) -> Result<R, Error> {
        let path = object_path::<K>(namespace, name, subresource);
        self.send(Method::POST, &self.managed(&path), Some(encode(body)?)).await
    }

    /// Any request; the answer's JSON.
    pub async fn request(&self, request: Request<Bytes>) -> Result<Value, Error> {
        decode("JSON", &self.call(request).await?)
    }

    /// A request without a type: `body` is sent as JSON.
    pub async fn raw(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let body = body.map(encode).transpose()?;
        self.send(method, path, body).await
    }

    async fn send<R: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<R, Error> {
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
        if let Some((content_type, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *content_type);
        }
        let request = request.body(body.map(|(_, bytes)| bytes).unwrap_or_default());
        let request = request.map_err(|e| Error::Config(format!("{path:?} is no request path: {e}")))?;
        decode(std::any::type_name::<R>(), &self.call(request).await?)
    }

    /// Sends; waits and tries again when the server is busy and says for how long. In a box, since this future is a part
    /// of most others.
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(async move {
            for _ in 0..MAX_BUSY_RETRIES {
                let response = self.placed(request.clone()).await?;
                match retry_after(&response) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return successful(response),
                }
            }
            successful(self.placed(request).await?)
        })
    }

    /// Sends as soon as there is a place.
    async fn placed(&self, request: Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let _place = self.places.acquire().await.map_err(|closed| Error::Config(closed.to_string()))?;
        self.backend.call(request).await
    }

    fn managed(&self, path: &str) -> String {
        format!("{path}?fieldManager={}", escape(&self.field_manager))
    }
}

const MAX_BUSY_RETRIES: usize = 5;
/// Calls of one client at a time: far fewer than a server takes from all, and enough for writes to share commits.
const MAX_IN_FLIGHT: usize = 48;

fn retry_after(response: &http::Response<Bytes>) -> Option<Duration> {
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The body of a success, or the failure the server described.
pub fn successful(response: http::Response<Bytes>) -> Result<Bytes, Error> {
    let code = response.status();
    if code.is_success() {
        return Ok(response.into_body());
    }
    let body = response.into_body();
    Err(Error::Api(serde_json::from_slice(&body).unwrap_or_else(|_| {
        let reason = code.canonical_reason().unwrap_or_default().replace(' ', "");
        Status::new(code.as_u16(), &reason, String::from_utf8_lossy(&body).trim())
    })))
}

/// Reads JSON; `kind` is for the error.
pub fn decode<'a, R: Deserialize<'a>>(kind: &'static str, bytes: &'a [u8]) -> Result<R, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::Decode { kind, source })
}

fn encode<B: Serialize>(body: &B) -> Result<(&'static str, Bytes), Error> {
    let bytes = serde_json::to_vec(body).map_err(|e| Error::Config(format!("failed to encode a request body: {e}")))?;
    Ok(("application/json", bytes.into()))
}

/// What stands for itself in a query value.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands for itself in a path segment: some names hold a colon (`system:node`).
const PATH: &AsciiSet = &QUERY.remove(b':');

/// A value as it stands in a query or as a part of a path.
pub fn escape(value: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(value, QUERY)
}

/// The path of a collection; of all namespaces when none is named. A part that is no plain name selects nothing: it is
/// escaped.
pub fn collection_path(group: &str, version: &str, namespace: &str, plural: &str) -> String {
    let (version, plural) = (escape(version), escape(plural));
    let root = match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{}/{version}", escape(group)),
    };
    match namespace {
        "" => format!("{root}/{plural}"),
        namespace => format!("{root}/namespaces/{}/{plural}", escape(namespace)),
    }
}

pub(crate) fn path_of<K: Object>(namespace: &str) -> String {
    collection_path(K::GROUP, K::VERSION, namespace, K::URL_PATH_SEGMENT)
}

fn object_path<K: Object>(namespace: &str, name: &str, subresource: &str) -> String {
    let mut path = format!("{}/{}", path_of::<K>(namespace), utf8_percent_encode(name, PATH));
    if !subresource.is_empty() {
        path.push('/');
        path.push_str(subresource);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ListPage, WatchStream};
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::{Node, Pod};
    use k8s_openapi::api::rbac::v1::ClusterRole;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn paths_follow_the_url_grammar() {
        assert_eq!(path_of::<Pod>(""), "/api/v1/pods");
        assert_eq!(object_path::<Pod>("a", "b", "status"), "/api/v1/namespaces/a/pods/b/status");
        assert_eq!(object_path::<Node>("", "n1", ""), "/api/v1/nodes/n1");
        assert_eq!(object_path::<Deployment>("a", "b", ""), "/apis/apps/v1/namespaces/a/deployments/b");
        let role = object_path::<ClusterRole>("", "system:node", "");
        assert_eq!(role, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node");
    }

    /// Answers after a moment and counts who waits for it.
    #[derive(Default)]
    struct Slow {
        waiting: AtomicUsize,
        most: AtomicUsize,
    }

    #[async_trait::async_trait]
    impl Backend for Slow {
        async fn call(&self, _: Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
            self.most.fetch_max(self.waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            Ok(http::Response::new(Bytes::from_static(b"{}")))
        }

        async fn list(&self, _: &WatchScope) -> Result<ListPage, Error> {
            Err(Error::Config("nothing is listed here".to_owned()))
        }

        async fn watch(&self, _: &WatchScope, _: &str) -> Result<WatchStream, Error> {
            Err(Error::Config("nothing is watched here".to_owned()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_never_takes_all_places_of_the_server() {
        let backend = Arc::new(Slow::default());
        let client = Client::new(backend.clone(), "test");
        let calls = (0..500).map(|_| client.raw(Method::GET, "/version", None));
        let answers = futures::future::join_all(calls).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(backend.most.load(Ordering::SeqCst), MAX_IN_FLIGHT);
    }

    #[test]
    fn a_failure_without_a_status_body_keeps_its_text() {
        let response = http::Response::builder().status(503).body(Bytes::from_static(b"starting\n")).expect("response");
        let error = successful(response).expect_err("a failure");
        let status = error.status().expect("an API error");
        assert_eq!(
            (status.code, status.reason.as_str(), status.message.as_str()),
            (503, "ServiceUnavailable", "starting")
        );
    }
}
