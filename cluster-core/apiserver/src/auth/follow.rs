//! Keeps a derived index up to date with one resource of the store, by its watch.

use crate::prelude::*;
use cluster_store::Change;

/// An index over the objects of a resource.
pub(crate) trait Follower: Send + Sync + 'static {
    /// The object is new or has changed.
    fn put(&self, entry: &Entry);
    /// The object is gone.
    fn remove(&self, key: &Key);
    /// Everything of this resource is about to be put again.
    fn reset(&self, resource: &str);
}

/// Fills `follower` from the present state before it returns, then follows the watch in a task of its own until
/// `cancel`.
pub(crate) fn follow<F: Follower>(
    store: &Arc<dyn Store>,
    resource: &'static str,
    follower: Arc<F>,
    cancel: &CancellationToken,
) {
    let store = Arc::clone(store);
    let cancel = cancel.clone();
    let mut revision = load(&store, resource, &*follower);
    tokio::spawn(async move {
        loop {
            let followed = cancel.run_until_cancelled(tail(&store, resource, revision, &*follower)).await;
            if followed.is_none() {
                return;
            }
            // The watch fell behind what the store keeps: start over from the present state.
            revision = load(&store, resource, &*follower);
        }
    });
}

fn load<F: Follower>(store: &Arc<dyn Store>, resource: &str, follower: &F) -> u64 {
    let snapshot = store.snapshot(resource);
    follower.reset(resource);
    for entry in snapshot.range(None, None) {
        follower.put(&entry);
    }
    snapshot.revision
}

async fn tail<F: Follower>(store: &Arc<dyn Store>, resource: &str, after: u64, follower: &F) {
    let Ok(mut watcher) = store.watch(resource, after) else { return };
    while let Ok(events) = watcher.next().await {
        for event in events {
            match event.change {
                Change::Put => follower.put(&event.entry),
                Change::Delete => follower.remove(&event.entry.key),
            }
        }
    }
}
