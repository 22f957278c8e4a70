//! Keeps an informer's cache equal to the server's collection.

use crate::follow::Follower;
use crate::informer::Cache;
use crate::prelude::*;
use crate::{Backend, Error, Object, WatchEvent, WatchScope, WatchStream};
use cluster_object::lean::without_managed_fields;
use parking_lot::RwLock;
use tokio::sync::watch;

/// What fills one cache.
pub(crate) struct Reflector<K> {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) scope: WatchScope,
    /// Takes away what is not to be kept.
    pub(crate) trim: Option<fn(&mut K)>,
    pub(crate) cache: Arc<RwLock<Cache<K>>>,
    /// Told when the first list is in the cache.
    pub(crate) synced: watch::Sender<bool>,
}

impl<K: Object> Follower for Reflector<K> {
    async fn list(&mut self) -> Result<String, Error> {
        let page = self.backend.list(&self.scope).await?;
        let objects = page.items.iter().filter_map(|bytes| self.object(bytes)).collect();
        self.cache.write().replace(objects);
        self.synced.send_replace(true);
        Ok(page.resource_version)
    }

    async fn watch(&mut self, revision: &str) -> Result<WatchStream, Error> {
        self.backend.watch(&self.scope, revision).await
    }

    fn take(&mut self, event: WatchEvent) -> Option<String> {
        let (object, deleted) = match event {
            WatchEvent::Bookmark(position) => return Some(position),
            WatchEvent::Added(bytes) | WatchEvent::Modified(bytes) => (self.object(&bytes)?, false),
            WatchEvent::Deleted(bytes) => (self.object(&bytes)?, true),
        };
        let position = object.metadata().resource_version.clone();
        let mut cache = self.cache.write();
        if deleted {
            cache.remove(&object.key(), Some(object));
        } else {
            cache.put(object);
        }
        position
    }

    fn lost(&mut self, error: Error) {
        tracing::debug!(path = self.scope.path, %error, "watch failed");
    }
}

impl<K: Object> Reflector<K> {
    /// Decodes an object. One that does not fit its type is left out: the rest of the collection must go on.
    fn object(&self, bytes: &Bytes) -> Option<K> {
        match decode::<K>(K::KIND, &without_managed_fields(bytes)) {
            Ok(mut object) => {
                // An update without them leaves the server's alone.
                object.metadata_mut().managed_fields = None;
                if let Some(trim) = self.trim {
                    trim(&mut object);
                }
                // The reader leaves room in each list for more items; a copy takes only what it needs.
                Some(object.clone())
            }
            Err(error) => {
                tracing::warn!(%error, "left an object out");
                None
            }
        }
    }
}
