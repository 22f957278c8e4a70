//! Several servers on one etcd, which is killed, compacted and started again under them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cluster_store::{AesGcm, Change, EtcdStore, Event, Expect, Ledger, OpenError, Store, WriteError};

use crate::support::{Etcd, Random, delete, draft, key, pod, put};

/// Revision, name and whether it was removed.
type Line = (u64, String, bool);

fn line(event: &Arc<Event>) -> Line {
    (event.revision, event.entry.key.name.to_string(), event.change == Change::Delete)
}

/// Writes until `count` writes were acknowledged; those that were cut off may have happened or not.
async fn scribble(store: Arc<EtcdStore>, count: usize, mut random: Random) -> Vec<Line> {
    let mut acknowledged = vec![];
    while acknowledged.len() < count {
        let key = pod(&random.below(7).to_string());
        let remove = random.below(4) == 0;
        let outcome = if remove { delete(&store, &key).await } else { put(&store, &key, "x").await };
        match outcome {
            Ok(entry) => acknowledged.push((entry.revision, key.name.to_string(), remove)),
            Err(WriteError::Io(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(WriteError::NotFound | WriteError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    acknowledged
}

/// Follows one server's pods until the pod `end` appears.
async fn follow(store: Arc<EtcdStore>) -> Vec<Line> {
    let mut watcher = store.watch("pods", 1).unwrap();
    let mut seen = vec![];
    while seen.last().is_none_or(|(_, name, _)| name != "end") {
        seen.extend(watcher.next().await.unwrap().iter().map(line));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_of_all_servers_see_the_one_log_although_etcd_is_killed_again_and_again() {
    let mut etcd = Etcd::start();
    let stores = [etcd.store().await, etcd.store().await, etcd.store().await];
    let watchers: Vec<_> = stores.iter().map(|store| tokio::spawn(follow(store.clone()))).collect();
    let writers = (0..12).map(|i| tokio::spawn(scribble(stores[i % 3].clone(), 150, Random(i as u64))));
    let writers = tokio::spawn(futures::future::join_all(writers));
    for wait in [200, 700, 400] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        etcd.restart("client");
    }
    let acknowledged: Vec<Line> = writers.await.unwrap().into_iter().flat_map(Result::unwrap).collect();
    put(&stores[0], &pod("end"), "x").await.unwrap();
    let mut logs = vec![];
    for watcher in watchers {
        logs.push(watcher.await.unwrap());
    }
    let log = logs.remove(0);
    assert!(log.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "a gap");
    assert!(logs.iter().all(|other| *other == log), "two servers saw different histories");
    let by_revision: BTreeMap<u64, &Line> = log.iter().map(|line| (line.0, line)).collect();
    assert!(acknowledged.iter().all(|line| by_revision.get(&line.0) == Some(&line)), "a write was lost");
    let newest: HashMap<&str, &Line> = log.iter().map(|line| (line.1.as_str(), line)).collect();
    for store in &stores {
        for (name, (revision, _, removed)) in &newest {
            assert_eq!(store.get(&pod(name)).map(|entry| entry.revision), (!removed).then_some(*revision), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_what_another_server_acknowledged_before_it() {
    let etcd = Etcd::start();
    let (one, two) = (etcd.store().await, etcd.store().await);
    for i in 0..200 {
        let written = put(&one, &pod("a"), &i.to_string()).await.unwrap();
        two.freshest().await.unwrap();
        assert_eq!(two.get(&pod("a")).map(|entry| entry.revision), Some(written.revision));
        // A stale precondition is answered with the state that beat it, of whichever server.
        let beaten = one.put(pod("a"), Expect::Revision(1), draft("x")).await;
        assert!(matches!(beaten, Err(WriteError::Conflict { current: Some(c) }) if c.revision == written.revision));
    }
}

/// Creates pods while fewer than `most` are there, as a quota does; returns how many this server made.
async fn fill(store: Arc<EtcdStore>, server: usize, most: usize) -> usize {
    let mut made = 0;
    loop {
        let key = key("ledger", "ns", "");
        let ledger = Ledger { seen: store.get(&key).map_or(0, |entry| entry.revision), key };
        if store.snapshot("pods").len() >= most {
            return made;
        }
        match store.put_counted(pod(&format!("{server}-{made}")), Expect::Absent, draft("x"), Some(&ledger)).await {
            Ok(_) => made += 1,
            Err(WriteError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_count_before_they_write_never_count_past_each_other() {
    let etcd = Etcd::start();
    let stores = [etcd.store().await, etcd.store().await, etcd.store().await];
    let made = futures::future::join_all(stores.iter().enumerate().map(|(i, store)| fill(store.clone(), i, 50))).await;
    assert_eq!(made.iter().sum::<usize>(), 50, "{made:?}");
    assert_eq!(stores[0].snapshot("pods").len(), 50);
    // An update is refused with its own state when only the ledger was written meanwhile.
    let ledger = Ledger { key: key("ledger", "ns", ""), seen: 1 };
    let present = put(&stores[0], &pod("u"), "x").await.unwrap();
    let late = stores[0].put_counted(pod("u"), Expect::Revision(present.revision), draft("y"), Some(&ledger)).await;
    assert!(matches!(late, Err(WriteError::Conflict { current: Some(c) }) if c.revision == present.revision));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_missed_what_was_compacted_loads_anew_and_its_watchers_expire() {
    let mut etcd = Etcd::start();
    let cut_off = etcd.store().await;
    for name in ["kept", "removed"] {
        put(&cut_off, &pod(name), "x").await.unwrap();
    }
    put(&cut_off, &key("nodes", "", "n"), "x").await.unwrap();
    let mut watcher = cut_off.watch("pods", cut_off.revision()).unwrap();
    etcd.restart("elsewhere");
    let other = etcd.store_at("elsewhere", Arc::default()).await.unwrap();
    delete(&other, &pod("removed")).await.unwrap();
    let newest = put(&other, &pod("new"), "x").await.unwrap().revision;
    etcd.compact("elsewhere", newest);
    etcd.restart("client");
    let expired = watcher.next().await.unwrap_err();
    assert_eq!(expired.oldest, newest);
    assert!(cut_off.watch("nodes", newest - 1).is_err(), "of every collection");
    let names = cut_off.snapshot("pods").range(None, None).map(|e| e.key.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names, ["kept", "new"]);
    let mut again = cut_off.watch("pods", newest).unwrap();
    put(&cut_off, &pod("later"), "x").await.unwrap();
    assert_eq!(again.next().await.unwrap()[0].revision, newest + 1);
}

#[tokio::test]
async fn a_server_loads_all_pages_and_unseals_them_with_the_right_key_only() {
    let etcd = Etcd::start();
    let sealed = |key| Arc::new(AesGcm::new(&["secrets"], &[(1, [key; 32])]));
    let store = etcd.store_at("client", sealed(7)).await.unwrap();
    let secret = key("secrets", "default", "s");
    put(&store, &secret, "correct-horse").await.unwrap();
    let writes = (0..1200).map(|i| {
        let store = store.clone();
        async move { put(&store, &pod(&i.to_string()), "x").await }
    });
    futures::future::try_join_all(writes).await.unwrap();
    let removed = delete(&store, &pod("7")).await.unwrap().revision;
    let again = etcd.store_at("client", sealed(7)).await.unwrap();
    assert_eq!((again.revision(), again.snapshot("pods").len()), (removed, 1199));
    assert_eq!(again.get(&secret).unwrap().bytes, store.get(&secret).unwrap().bytes);
    assert!(again.watch("pods", removed - 1).is_err(), "the past is not loaded");
    assert!(matches!(etcd.store_at("client", sealed(8)).await, Err(OpenError::Sealed(_))));
    assert!(etcd.has_on_disk("resourceVersion"), "the search works");
    assert!(!etcd.has_on_disk("correct-horse"));
}
