//! Snapshots: isolation, order, ranges, revisions of the recent past.

use cluster_store::Snapshot;

use super::empty;
use crate::support::{Random, delete, key, pod, put};

fn names(snapshot: &Snapshot, namespace: Option<&str>, after: Option<(&str, &str)>) -> Vec<String> {
    snapshot.range(namespace, after).map(|e| format!("{}/{}", e.key.namespace, e.key.name)).collect()
}

#[tokio::test]
async fn a_snapshot_does_not_see_later_writes() {
    let (store, _etcd) = empty().await;
    put(&store, &pod("a"), "1").await.unwrap();
    let before = store.snapshot("pods");
    put(&store, &pod("a"), "2").await.unwrap();
    put(&store, &pod("b"), "2").await.unwrap();
    assert_eq!((before.revision, before.len()), (2, 1));
    assert!(before.get("default", "a").unwrap().bytes.ends_with(br#""1"}"#));
    delete(&store, &pod("a")).await.unwrap();
    assert_eq!(names(&before, None, None), ["default/a"]);
    assert_eq!(names(&store.snapshot("pods"), None, None), ["default/b"]);
}

#[tokio::test]
async fn ranges_are_ordered_and_start_after_a_place() {
    let (store, _etcd) = empty().await;
    for (namespace, name) in [("b", "2"), ("a", "2"), ("c", "1"), ("a", "1"), ("b", "1"), ("a-b", "1")] {
        put(&store, &key("pods", namespace, name), "x").await.unwrap();
    }
    put(&store, &key("nodes", "", "n"), "x").await.unwrap();
    let pods = store.snapshot("pods");
    assert_eq!(names(&pods, None, None), ["a/1", "a/2", "a-b/1", "b/1", "b/2", "c/1"]);
    assert_eq!(names(&pods, Some("b"), None), ["b/1", "b/2"]);
    assert_eq!(names(&pods, Some("a"), Some(("a", "1"))), ["a/2"]);
    assert_eq!(names(&pods, None, Some(("a", "2"))), ["a-b/1", "b/1", "b/2", "c/1"]);
    assert_eq!(names(&pods, Some("b"), Some(("a", "1"))), ["b/1", "b/2"]);
    assert_eq!(names(&pods, Some("d"), None), [""; 0]);
    assert_eq!(names(&store.snapshot("nodes"), None, None), ["/n"]);
    assert!(store.snapshot("unknown").is_empty());
}

#[tokio::test]
async fn the_state_at_any_recent_revision_can_be_read() {
    let (store, _etcd) = empty().await;
    let mut random = Random(7);
    let mut states = vec![];
    for i in 0..200 {
        let key = pod(&random.below(20).to_string());
        if random.below(3) == 0 {
            delete(&store, &key).await.ok();
        } else {
            put(&store, &key, &i.to_string()).await.unwrap();
        }
        put(&store, &key_of_another(i), "x").await.unwrap();
        states.push(store.snapshot("pods"));
    }
    let text = |s: &Snapshot| s.range(None, None).map(|e| e.bytes.clone()).collect::<Vec<_>>();
    for state in states.iter().chain(states.iter().rev()) {
        let again = store.snapshot_at("pods", state.revision).unwrap();
        assert_eq!(again.revision, state.revision);
        assert_eq!(text(&again), text(state));
    }
    assert!(store.snapshot_at("pods", 1).unwrap().is_empty());
    assert!(store.snapshot_at("pods", store.revision() + 1).is_err(), "the future is not known");
}

fn key_of_another(i: u32) -> cluster_store::Key {
    key("configmaps", "default", &(i % 3).to_string())
}

#[tokio::test]
async fn reached_returns_once_the_revision_is_visible() {
    let (store, _etcd) = empty().await;
    store.reached(1).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            store.reached(3).await;
            store.snapshot("pods").len()
        }
    });
    put(&store, &pod("a"), "x").await.unwrap();
    put(&store, &pod("b"), "x").await.unwrap();
    assert_eq!(waiting.await.unwrap(), 2);
}
