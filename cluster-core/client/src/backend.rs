//! The way to an API server: one call, one watch.

use crate::{Error, escape};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

/// What is listed or watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct WatchScope {
    /// The path of the collection, for example `/apis/apps/v1/deployments` or `/api/v1/namespaces/x/pods`.
    pub path: String,
    /// A label selector; empty for all.
    pub label_selector: String,
    /// A field selector, for example `spec.nodeName=worker-1`; empty for all.
    pub field_selector: String,
}

impl WatchScope {
    /// The selectors as a query goes on with them.
    pub fn selectors(&self) -> String {
        let named = [("labelSelector", &self.label_selector), ("fieldSelector", &self.field_selector)];
        let given = named.iter().filter(|(_, selector)| !selector.is_empty());
        given.fold(String::new(), |query, (name, selector)| format!("{query}&{name}={}", escape(selector)))
    }
}

/// A whole collection at one revision.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// The list's resourceVersion; a watch goes on from here.
    pub resource_version: String,
    /// Each item's JSON. In-process items carry no apiVersion and kind of their own guarantee: decode by type.
    pub items: Vec<Bytes>,
}

/// One event of a watch; objects are JSON bytes, decoded once by the informer.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// The object appeared in the scope.
    Added(Bytes),
    /// The object changed.
    Modified(Bytes),
    /// The object left the scope; its last state.
    Deleted(Bytes),
    /// Nothing happened up to this resourceVersion.
    Bookmark(String),
}

/// A watch; ends when the server closes it. An `Err` with reason `Expired` or `Gone` asks for a new list.
pub type WatchStream = BoxStream<'static, Result<WatchEvent, Error>>;

/// The way to an API server, with an identity of its own.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// One request and its whole answer; a code of 400 and above comes back as a response, not as an error.
    async fn call(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error>;

    /// The whole collection.
    async fn list(&self, scope: &WatchScope) -> Result<ListPage, Error>;

    /// All that happens in the collection after `resource_version`, bookmarks included.
    async fn watch(&self, scope: &WatchScope, resource_version: &str) -> Result<WatchStream, Error>;
}
