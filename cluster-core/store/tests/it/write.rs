//! Compare-and-swap: preconditions, races, revisions.

use cluster_store::{Expect, WriteError};

use super::empty;
use crate::support::{delete, draft, pod, put};

#[tokio::test]
async fn the_writer_puts_the_revision_into_the_text() {
    let (store, _etcd) = empty().await;
    assert_eq!(store.revision(), 1, "an empty store is at 1");
    let entry = put(&store, &pod("a"), "x").await.unwrap();
    assert_eq!(entry.revision, 2);
    assert_eq!(entry.bytes, r#"{"metadata":{"resourceVersion":"2"},"data":"x"}"#);
    assert_eq!(store.get(&pod("a")).unwrap().bytes, entry.bytes);
    let deleted = delete(&store, &pod("a")).await.unwrap();
    // What the caller gets; watchers may be told the last state that was stored.
    assert_eq!(deleted.bytes, r#"{"metadata":{"resourceVersion":"3"},"data":"deleted"}"#);
    assert!(store.get(&pod("a")).is_none());
}

#[tokio::test]
async fn preconditions_hold_or_nothing_changes() {
    let (store, _etcd) = empty().await;
    let a = pod("a");
    let at = |expect| store.put(a.clone(), expect, draft("x"));
    assert!(matches!(at(Expect::Revision(9)).await, Err(WriteError::NotFound)));
    assert!(matches!(delete(&store, &a).await, Err(WriteError::NotFound)));
    let first = at(Expect::Absent).await.unwrap();
    assert!(matches!(at(Expect::Absent).await, Err(WriteError::Exists)));
    let second = at(Expect::Revision(first.revision)).await.unwrap();
    match at(Expect::Revision(first.revision)).await {
        Err(WriteError::Conflict { current: Some(current) }) => assert_eq!(current.revision, second.revision),
        other => panic!("{other:?}"),
    }
    let stale = store.delete(a.clone(), Expect::Revision(first.revision), draft("x")).await;
    assert!(matches!(stale, Err(WriteError::Conflict { .. })));
    assert_eq!(store.revision(), second.revision);
    store.delete(a.clone(), Expect::Revision(second.revision), draft("x")).await.unwrap();
    assert!(store.get(&a).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_swaps_exactly_one_wins_each_round() {
    let (store, _etcd) = empty().await;
    let mut revision = put(&store, &pod("a"), "0").await.unwrap().revision;
    for _ in 0..20 {
        let tasks = (0..50).map(|i| {
            let store = store.clone();
            tokio::spawn(async move { store.put(pod("a"), Expect::Revision(revision), draft(&i.to_string())).await })
        });
        let outcomes = futures::future::join_all(tasks).await;
        let mut won = outcomes.into_iter().filter_map(|outcome| outcome.unwrap().ok()).collect::<Vec<_>>();
        assert_eq!(won.len(), 1);
        let winner = won.remove(0);
        assert_eq!(winner.revision, revision + 1);
        revision = winner.revision;
        assert_eq!(store.get(&pod("a")).unwrap().bytes, winner.bytes);
    }
}
