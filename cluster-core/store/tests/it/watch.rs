//! Watches: order, resumption, expiry, progress, and that what is watched equals what was written.

use std::sync::Arc;

use cluster_store::{Change, Event, Store};

use super::empty;
use crate::support::{Random, delete, key, pod, put};

#[tokio::test]
async fn events_carry_the_state_before_and_after() {
    let (store, _etcd) = empty().await;
    let mut watcher = store.watch("pods", 1).unwrap();
    put(&store, &pod("a"), "1").await.unwrap();
    put(&store, &pod("a"), "2").await.unwrap();
    put(&store, &key("nodes", "", "n"), "x").await.unwrap();
    delete(&store, &pod("a")).await.unwrap();
    let events = watcher.next().await.unwrap();
    let seen = events.iter().map(|e| (e.revision, e.change, e.previous.as_ref().map(|p| p.revision)));
    let expected = [(2, Change::Put, None), (3, Change::Put, Some(2)), (5, Change::Delete, Some(3))];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    assert!(events[2].entry.bytes.starts_with(br#"{"metadata":{"resourceVersion":"5""#));
}

#[tokio::test]
async fn a_watcher_progresses_with_other_collections_but_skips_nothing() {
    let (store, _etcd) = empty().await;
    let mut watcher = store.watch("pods", 1).unwrap();
    put(&store, &key("nodes", "", "n"), "x").await.unwrap();
    assert_eq!(watcher.revision(), 2);
    put(&store, &pod("a"), "x").await.unwrap();
    put(&store, &key("nodes", "", "n"), "x").await.unwrap();
    assert_eq!(watcher.revision(), 2, "the pod was not returned yet");
    assert_eq!(watcher.next().await.unwrap().len(), 1);
    assert_eq!(watcher.revision(), 4);
}

#[tokio::test]
async fn a_watch_from_the_future_starts_there() {
    let (store, _etcd) = empty().await;
    let mut watcher = store.watch("pods", 3).unwrap();
    for name in ["a", "b", "c"] {
        put(&store, &pod(name), "x").await.unwrap();
    }
    assert_eq!(watcher.next().await.unwrap()[0].revision, 4);
}

#[tokio::test]
async fn a_watcher_that_falls_out_of_the_ring_expires() {
    let (store, _etcd) = empty().await;
    let mut slow = store.watch("pods", 1).unwrap();
    let mut quick = store.watch("pods", 1).unwrap();
    let large = "x".repeat(2 << 20);
    for _ in 0..12 {
        put(&store, &pod("a"), &large).await.unwrap();
        assert_eq!(quick.next().await.unwrap().len(), 1);
    }
    let expired = slow.next().await.unwrap_err();
    assert_eq!(expired.requested, 1);
    assert!(expired.oldest > 1);
    assert_eq!(store.watch("pods", 1).err(), Some(expired));
    assert!(store.snapshot_at("pods", 1).is_err());
    assert!(store.watch("pods", expired.oldest).is_ok());
    assert!(store.watch("nodes", 1).is_ok(), "other collections keep their own");
}

/// Writers change few keys of two collections at random; watchers disconnect and resume at random. Each must see
/// exactly the log of its collection.
#[tokio::test(flavor = "multi_thread")]
async fn what_every_watcher_sees_is_the_log() {
    for seed in 0..5 {
        let (store, _etcd) = empty().await;
        let last = 1 + 8 * 150;
        let watchers = (0..24).map(|i| {
            let resource = if i % 2 == 0 { "pods" } else { "configmaps" };
            (resource, tokio::spawn(follow(store.clone(), resource, last, Random(seed * 100 + i))))
        });
        let watchers = watchers.collect::<Vec<_>>();
        let writers = (0..8).map(|i| tokio::spawn(scribble(store.clone(), 150, Random(seed * 1000 + i))));
        let written = futures::future::join_all(writers).await;
        let mut log = written.into_iter().flat_map(Result::unwrap).collect::<Vec<_>>();
        log.sort_unstable();
        assert!(log.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "revisions have no gap");
        for (resource, watcher) in watchers {
            let expected = log.iter().filter(|(_, of, ..)| of == resource).cloned().collect::<Vec<_>>();
            assert_eq!(watcher.await.unwrap(), expected, "seed {seed}");
        }
    }
}

type Line = (u64, String, String, bool);

async fn scribble(store: Arc<dyn Store>, count: usize, mut random: Random) -> Vec<Line> {
    let mut log = vec![];
    while log.len() < count {
        let resource = if random.below(2) == 0 { "pods" } else { "configmaps" };
        let key = key(resource, "default", &random.below(5).to_string());
        let remove = random.below(4) == 0;
        let outcome = if remove { delete(&store, &key).await } else { put(&store, &key, "x").await };
        // Deleting what another writer deleted first writes nothing.
        if let Ok(entry) = outcome {
            log.push((entry.revision, resource.to_owned(), key.name.to_string(), remove));
        }
    }
    log
}

async fn follow(store: Arc<dyn Store>, resource: &str, last: u64, mut random: Random) -> Vec<Line> {
    let line = |e: &Arc<Event>| {
        (e.revision, e.entry.key.resource.to_string(), e.entry.key.name.to_string(), e.change == Change::Delete)
    };
    let (mut seen, mut revision) = (vec![], 1);
    while revision < last {
        let mut watcher = store.watch(resource, revision).unwrap();
        for _ in 0..=random.below(4) {
            tokio::select! {
                events = watcher.next() => seen.extend(events.unwrap().iter().map(line)),
                () = store.reached(last) => seen.extend(watcher.ready().unwrap().iter().map(line)),
            }
            revision = watcher.revision();
        }
    }
    seen
}
