//! Keeps an informer's cache equal to the server's collection: list, then watch from there, for ever.

use crate::backoff::Backoff;
use crate::informer::Cache;
use crate::prelude::*;
use crate::{Backend, Error, Object, WatchEvent, WatchScope};
use cluster_object::lean::without_managed_fields;
use futures::StreamExt;
use parking_lot::RwLock;
use tokio::sync::watch;

/// A watch that ended sooner than this did not work, even when it ended without an error.
const HEALTHY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Shorter than upstream's 30 s: a server that was down for a while gets its nodes back at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether only a new list helps.
fn is_gone(error: &Error) -> bool {
    error.status().is_some_and(|status| status.code == 410 || status.reason == "Expired" || status.reason == "Gone")
}

/// What fills one cache.
pub(crate) struct Reflector<K> {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) scope: WatchScope,
    /// Takes away what is not to be kept.
    pub(crate) trim: Option<fn(&mut K)>,
    pub(crate) cache: Arc<RwLock<Cache<K>>>,
    /// Told when the first list is in the cache.
    pub(crate) synced: watch::Sender<bool>,
    /// The resourceVersion the cache stands at.
    pub(crate) position: Option<String>,
}

impl<K: Object> Reflector<K> {
    /// Runs until the task is aborted.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let start = Instant::now();
            let ended = self.follow().await;
            if start.elapsed() >= HEALTHY {
                backoff.reset();
            }
            match &ended {
                Err(error) if is_gone(error) => {
                    tracing::debug!(path = self.scope.path, "watch fell behind, listing again");
                    self.position = None;
                }
                Err(error) => tracing::debug!(path = self.scope.path, %error, "watch failed"),
                Ok(()) => {}
            }
            if start.elapsed() < HEALTHY {
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }

    /// Lists unless the position is known, then watches until the server ends it.
    async fn follow(&mut self) -> Result<(), Error> {
        let position = match &self.position {
            Some(position) => position.clone(),
            None => self.list().await?,
        };
        let mut events = self.backend.watch(&self.scope, &position).await?;
        while let Some(event) = events.next().await {
            self.take(event?);
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<String, Error> {
        let page = self.backend.list(&self.scope).await?;
        let objects = page.items.iter().filter_map(|bytes| self.object(bytes)).collect();
        self.cache.write().replace(objects);
        self.position = Some(page.resource_version.clone());
        self.synced.send_replace(true);
        Ok(page.resource_version)
    }

    fn take(&mut self, event: WatchEvent) {
        let (object, deleted) = match &event {
            WatchEvent::Bookmark(position) => {
                self.position = Some(position.clone());
                return;
            }
            WatchEvent::Added(bytes) | WatchEvent::Modified(bytes) => (self.object(bytes), false),
            WatchEvent::Deleted(bytes) => (self.object(bytes), true),
        };
        let Some(object) = object else { return };
        if let Some(version) = &object.metadata().resource_version {
            self.position = Some(version.clone());
        }
        let mut cache = self.cache.write();
        if deleted {
            cache.remove(&object.key(), Some(object));
        } else {
            cache.put(object);
        }
    }

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
