//! The client's way to an API server in the same process: no socket, and objects cross as the store's own bytes.

use async_trait::async_trait;
use bytes::Bytes;
use cluster_apiserver::auth::UserInfo;
use cluster_apiserver::{ApiServer, Body, Watched};
use cluster_client::{Backend, Error, ListPage, WatchEvent, WatchScope, WatchStream};
use futures::StreamExt;
use http_body_util::BodyExt;
use std::sync::Arc;

/// A caller in the API server's process, with an identity of its own.
pub(crate) struct InProcess {
    server: Arc<ApiServer>,
    user: UserInfo,
}

impl InProcess {
    pub(crate) fn new(server: &Arc<ApiServer>, user: UserInfo) -> Self {
        Self { server: Arc::clone(server), user }
    }
}

#[async_trait]
impl Backend for InProcess {
    async fn call(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(self.user.clone());
        let answer = self.server.handle(http::Request::from_parts(parts, Body::from(body))).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| Error::Transport(error.to_string()))?;
        Ok(http::Response::from_parts(parts, body.to_bytes()))
    }

    async fn list(&self, scope: &WatchScope) -> Result<ListPage, Error> {
        let (revision, items) =
            self.server.list_bytes(&self.user, &scope.path, &scope.label_selector, &scope.field_selector).await?;
        Ok(ListPage { resource_version: revision.to_string(), items })
    }

    async fn watch(&self, scope: &WatchScope, resource_version: &str) -> Result<WatchStream, Error> {
        let WatchScope { path, label_selector, field_selector } = scope;
        let events = self.server.watch_bytes(&self.user, path, label_selector, field_selector, resource_version)?;
        Ok(events
            .map(|event| {
                Ok(match event? {
                    Watched::Added(object) => WatchEvent::Added(object),
                    Watched::Modified(object) => WatchEvent::Modified(object),
                    Watched::Deleted(object) => WatchEvent::Deleted(object),
                    Watched::Bookmark { revision, .. } => WatchEvent::Bookmark(revision.to_string()),
                })
            })
            .boxed())
    }
}
