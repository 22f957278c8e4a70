//! The file: recovery, locking, damage, retention, backup.

use std::path::Path;
use std::time::Duration;

use cluster_store::{Change, OpenError, Options, Retention, SqliteStore, Store, WriteError, backup};

use crate::support::{delete, file, key, pod, put};

fn size(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn a_restart_keeps_state_revisions_and_the_events_to_resume_from() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path()).await;
    for (name, text) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")] {
        put(&store, &pod(name), text).await.unwrap();
    }
    delete(&store, &pod("b")).await.unwrap();
    let mut before = store.watch("pods", 2).unwrap();
    let expected = format!("{:?}", before.next().await.unwrap());
    store.close().await;
    let again = file(folder.path()).await;
    assert_eq!(again.revision(), 7);
    let names = again.snapshot("pods").range(None, None).map(|e| e.key.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names, ["a", "c"]);
    let events = again.watch("pods", 2).unwrap().next().await.unwrap();
    assert_eq!(format!("{events:?}"), expected);
    assert_eq!(events.last().unwrap().change, Change::Delete);
    assert_eq!(again.snapshot_at("pods", 4).unwrap().len(), 2);
    assert_eq!(put(&again, &pod("d"), "x").await.unwrap().revision, 8);
    again.close().await;
}

#[tokio::test]
async fn ephemeral_collections_keep_no_history_but_their_state_and_the_revision() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path()).await;
    let lease = |i: u32| key("coordination.k8s.io/leases", "kube-node-lease", &i.to_string());
    let event = key("events", "default", "e");
    put(&store, &event, "x").await.unwrap();
    for i in 0..2000 {
        put(&store, &lease(i % 2), &"x".repeat(2000)).await.unwrap();
    }
    delete(&store, &event).await.unwrap();
    store.close().await;
    assert!(size(folder.path()) < 256 << 10, "{}", size(folder.path()));
    let again = file(folder.path()).await;
    assert_eq!(again.revision(), 2003);
    assert_eq!(again.snapshot("coordination.k8s.io/leases").len(), 2);
    assert!(again.snapshot("events").is_empty());
    assert_eq!(again.watch("events", 2002).err().map(|e| e.oldest), Some(2003));
    assert!(again.watch("events", 2003).is_ok());
    again.close().await;
}

#[tokio::test]
async fn a_second_store_on_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path()).await;
    let options = || Options::file(folder.path().join("state.db"));
    assert!(matches!(SqliteStore::open(options()).await, Err(OpenError::Locked { .. })));
    store.close().await;
    assert!(SqliteStore::open(options()).await.is_ok());
}

#[tokio::test]
async fn damage_is_found_at_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = file(folder.path()).await;
    for i in 0..500 {
        put(&store, &pod(&i.to_string()), &"x".repeat(500)).await.unwrap();
    }
    store.close().await;
    let good = std::fs::read(&path).unwrap();
    let mut torn = good.clone();
    for page in 3..good.len() / 4096 {
        torn[page * 4096..page * 4096 + 64].fill(0x5a);
    }
    for (what, bytes) in [("pages", torn), ("text", b"no database, only text ".repeat(50))] {
        std::fs::write(&path, bytes).unwrap();
        match SqliteStore::open(Options::file(&path)).await {
            Err(OpenError::Corrupt { detail, .. }) => assert!(!detail.is_empty()),
            other => panic!("{what}: {:?}", other.err()),
        }
    }
    std::fs::write(&path, good).unwrap();
    let store = SqliteStore::open(Options::file(&path)).await.unwrap();
    assert_eq!(store.snapshot("pods").len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_wal_stay_bounded_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { bytes: 4 << 20, ..Retention::default() };
    let options = Options { retention, ..Options::file(folder.path().join("state.db")) };
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let writers = (0..16).map(|i| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..400 {
                put(&store, &pod(&i.to_string()), &"x".repeat(8000)).await.unwrap();
            }
        })
    });
    futures::future::join_all(writers).await;
    let peak = size(folder.path());
    assert!(peak < 32 << 20, "{peak} bytes on disk after 51 MB of writes");
    store.close().await;
    let again = SqliteStore::open(options).await.unwrap();
    assert_eq!(again.snapshot("pods").len(), 16);
    assert_eq!(again.revision(), 6401);
    assert!(again.watch("pods", 2).is_err(), "compacted");
    let events = again.watch("pods", 6300).unwrap().next().await.unwrap();
    assert!(events.iter().all(|event| event.previous.is_some()));
}

#[tokio::test]
async fn what_is_past_its_age_is_compacted_after_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path()).await;
    for i in 0..2000 {
        put(&store, &pod(&(i % 4).to_string()), &"x".repeat(1000)).await.unwrap();
    }
    delete(&store, &pod("0")).await.unwrap();
    store.close().await;
    let retention = Retention { age: Duration::ZERO, ..Retention::default() };
    let options = Options { retention, ..Options::file(folder.path().join("state.db")) };
    let store = SqliteStore::open(options).await.unwrap();
    // Writes and compaction steps take turns, so some writes later it is done.
    for _ in 0..50 {
        put(&store, &pod("1"), "x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    store.close().await;
    let again = file(folder.path()).await;
    assert_eq!((again.revision(), again.snapshot("pods").len()), (2052, 3));
}

#[tokio::test]
async fn a_closed_store_takes_no_writes_but_finishes_those_queued() {
    let store = SqliteStore::open(Options::in_memory()).await.unwrap();
    let writes = (0..300).map(|i| {
        let store = store.clone();
        async move { put(&store, &pod(&i.to_string()), "x").await }
    });
    let (written, ()) = futures::join!(futures::future::join_all(writes), store.close());
    let kept = written.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(store.snapshot("pods").len(), kept);
    assert!(matches!(put(&store, &pod("late"), "x").await, Err(WriteError::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_is_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path()).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for i in 0..2000 {
                put(&store, &pod(&(i % 100).to_string()), &"x".repeat(1000)).await.unwrap();
            }
        }
    });
    store.reached(500).await;
    let copy = folder.path().join("copy.db");
    backup(&folder.path().join("state.db"), &copy).await.unwrap();
    let acknowledged = 500;
    writer.await.unwrap();
    let restored = SqliteStore::open(Options::file(&copy)).await.unwrap();
    assert!(restored.revision() >= acknowledged && restored.revision() <= store.revision());
    let newest = restored.snapshot("pods").range(None, None).map(|entry| entry.revision).max();
    assert_eq!(newest, Some(restored.revision()));
    assert!(backup(&folder.path().join("state.db"), &copy).await.is_err(), "an existing file is not overwritten");
}
