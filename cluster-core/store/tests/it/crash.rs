//! Kill -9 at random moments: what was acknowledged survives, revisions rise, history has no gap.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cluster_store::{Change, Options, SqliteStore, Store};

use crate::support::{Random, delete, file, pod, put};

/// Revision and name of a write the store confirmed, and whether it removed the object.
type Acknowledged = (u64, String, bool);
/// By revision, the name that was written and whether it was removed.
type History = BTreeMap<u64, (String, bool)>;

const FOLDER: &str = "CLUSTER_STORE_CRASH_FOLDER";

/// Not a test of its own: the process that is killed. Tells on stdout each write that was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn writer_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = file(&folder).await;
    let writers = (0..16).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0.. {
                let key = pod(&format!("{writer}-{}", i % 7));
                let removes = i % 5 == 4 && store.get(&key).is_some();
                let entry = if removes { delete(&store, &key).await } else { put(&store, &key, "x").await }.unwrap();
                let line = format!("\nack {} {} {}\n", entry.revision, key.name, u8::from(removes));
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    futures::future::join_all(writers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(std::process::id().into());
    let mut acknowledged: Vec<Acknowledged> = vec![];
    let mut history = History::new();
    let mut resume = 1;
    for round in 0..25 {
        let killed_after = Duration::from_millis(30 + random.below(170));
        let new = run_and_kill(folder.path(), killed_after);
        let before = acknowledged.iter().map(|(revision, ..)| *revision).max().unwrap_or(1);
        assert!(new.iter().all(|(revision, ..)| *revision > before), "round {round}: a revision was used twice");
        acknowledged.extend(new);
        resume = check(folder.path(), &acknowledged, resume, &mut history).await;
    }
    assert!(acknowledged.len() > 500, "only {} writes happened", acknowledged.len());
}

fn run_and_kill(folder: &Path, after: Duration) -> Vec<Acknowledged> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::writer_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let parse = |line: String| {
        let mut words = line.strip_prefix("ack ")?.split(' ');
        Some((words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()? == "1"))
    };
    // The clock starts when the first write is acknowledged, so that each round has some.
    let mut acknowledged = lines.by_ref().find_map(parse).into_iter().collect::<Vec<_>>();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap()
    });
    // The last line may have been cut off by the kill; then it was not acknowledged either.
    acknowledged.extend(lines.filter_map(parse));
    killer.join().unwrap();
    acknowledged
}

/// Opens what the killed process left, follows it from where the round before ended, and adds that to the `history` of
/// all rounds, whose fold is what the store must hold: a write that was not acknowledged may be in it, none may be missing.
async fn check(folder: &Path, acknowledged: &[Acknowledged], resume: u64, history: &mut History) -> u64 {
    let store = SqliteStore::open(Options::file(folder.join("state.db"))).await.unwrap();
    let mut watcher = store.watch("pods", resume).unwrap();
    while watcher.revision() < store.revision() {
        for event in watcher.ready().unwrap() {
            let next = history.last_key_value().map_or(resume, |(last, _)| *last) + 1;
            assert_eq!(event.revision, next, "history has a gap");
            history.insert(event.revision, (event.entry.key.name.to_string(), event.change == Change::Delete));
        }
    }
    for (revision, name, removed) in acknowledged {
        assert_eq!(history.get(revision), Some(&(name.clone(), *removed)), "write {revision} was lost");
    }
    let newest: HashMap<&str, (u64, bool)> =
        history.iter().map(|(revision, (name, removed))| (name.as_str(), (*revision, *removed))).collect();
    for (name, (revision, removed)) in newest {
        let held = store.get(&pod(name)).map(|entry| entry.revision);
        assert_eq!(held, (!removed).then_some(revision), "{name} is not what its history makes of it");
    }
    let revision = store.revision();
    store.close().await;
    revision
}
