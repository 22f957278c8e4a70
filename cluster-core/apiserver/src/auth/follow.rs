//! Keeps a derived index up to date with one resource of the store, by its watch.

use crate::prelude::*;
use cluster_store::Change;

/// An index over the objects of a resource.
pub(crate) trait Follower: Send + Sync + 'static {
    /// The object is new or has changed.
    fn put(&self, entry: &Entry);
    /// The object is gone.
    fn remove(&self, key: &Key);
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
    let mut known = HashSet::new();
    let mut revision = load(&store, resource, &*follower, &mut known);
    tokio::spawn(async move {
        loop {
            let followed = tail(&store, resource, revision, &*follower, &mut known);
            if cancel.run_until_cancelled(followed).await.is_none() {
                return;
            }
            // The watch fell behind what the store keeps: start over from the present state.
            revision = load(&store, resource, &*follower, &mut known);
        }
    });
}

/// Brings the follower to the present state; `known` are the keys of what it was told of.
fn load<F: Follower>(store: &Arc<dyn Store>, resource: &str, follower: &F, known: &mut HashSet<Key>) -> u64 {
    let snapshot = store.snapshot(resource);
    let mut gone = std::mem::take(known);
    for entry in snapshot.range(None, None) {
        follower.put(&entry);
        gone.remove(&entry.key);
        known.insert(entry.key.clone());
    }
    for key in gone {
        follower.remove(&key);
    }
    snapshot.revision
}

async fn tail<F: Follower>(store: &Arc<dyn Store>, resource: &str, after: u64, follower: &F, known: &mut HashSet<Key>) {
    let Ok(mut watcher) = store.watch(resource, after) else { return };
    while let Ok(events) = watcher.next().await {
        for event in events {
            let key = &event.entry.key;
            match event.change {
                Change::Put => {
                    follower.put(&event.entry);
                    known.insert(key.clone());
                }
                Change::Delete => {
                    follower.remove(key);
                    known.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::{draft, key};
    use cluster_store::{Options, SqliteStore};

    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Follower for Told {
        fn put(&self, entry: &Entry) {
            self.0.lock().push(format!("+{}", entry.key.name));
        }

        fn remove(&self, key: &Key) {
            self.0.lock().push(format!("-{}", key.name));
        }
    }

    #[tokio::test]
    async fn who_starts_over_is_told_what_has_gone_meanwhile_and_keeps_the_rest() {
        let store: Arc<dyn Store> = SqliteStore::open(Options::in_memory()).await.expect("a store");
        let put =
            async |name: &str| store.put(key("r", "", name), Expect::Absent, draft(&json!({}))).await.expect("put");
        put("a").await;
        put("b").await;
        let (told, mut known) = (Told::default(), HashSet::new());
        load(&store, "r", &told, &mut known);
        put("c").await;
        store.delete(key("r", "", "a"), Expect::Any, draft(&json!({}))).await.expect("deleted");
        load(&store, "r", &told, &mut known);
        assert_eq!(*told.0.lock(), ["+a", "+b", "+b", "+c", "-a"]);
    }
}
