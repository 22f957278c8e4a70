//! The master's process dies at random moments under write load: nothing acknowledged is lost, revisions never step
//! back, and a watch that goes on where it was has neither gap nor duplicate.

use crate::support::{IDLE, Space, backend, cluster};
use cluster_client::{Client, Error, WatchEvent, WatchScope};
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const KILLS: usize = 20;
const WRITERS: usize = 6;
/// The longest time from the first write after a start to the next kill.
const LONGEST_LIFE_MILLIS: u64 = 800;

/// Ends `devcluster-node run`, but not `devcluster-node init`, which is the first process.
const KILL: &str = "for process in $(pidof devcluster-node); do [ $process = 1 ] || kill -9 $process; done";

/// Name to revision; a deleted object has the revision of its deletion in [`Acknowledged::deleted`].
type Objects = BTreeMap<String, u64>;

/// What the server said it did for one writer.
#[derive(Default)]
struct Acknowledged {
    /// Every write but deletions, in order: name and revision.
    writes: Vec<(String, u64)>,
    deleted: Vec<String>,
    /// The number in the writer's own object that the server acknowledged last.
    last: u64,
}

fn revision(value: &str) -> u64 {
    value.parse().expect("our revisions are numbers")
}

fn config_map(namespace: &str, name: &str, number: u64) -> ConfigMap {
    let object = json!({"metadata": {"name": name, "namespace": namespace}, "data": {"number": number.to_string()}});
    serde_json::from_value(object).expect("a ConfigMap")
}

/// Updates an object of its own, and creates and deletes others, until `stop`.
async fn write(
    namespace: String,
    writer: usize,
    acknowledged: watch::Sender<u64>,
    stop: CancellationToken,
) -> Acknowledged {
    let client = Client::new(backend(), "writer");
    let own = format!("own-{writer}");
    let mut done = Acknowledged::default();
    for number in 1.. {
        if stop.is_cancelled() {
            break;
        }
        let other = format!("other-{writer}-{number}");
        let written = match number % 4 {
            1 if done.last == 0 => client.create(&config_map(&namespace, &own, number)).await,
            0 => client.create(&config_map(&namespace, &other, number)).await,
            _ => client.update(&config_map(&namespace, &own, number)).await,
        };
        match written {
            Ok(object) => {
                let name = object.metadata.name.unwrap_or_default();
                if name == own {
                    done.last = number;
                }
                done.writes.push((name, revision(&object.metadata.resource_version.unwrap_or_default())));
                acknowledged.send_modify(|count| *count += 1);
            }
            // Whether it was written is not known.
            Err(Error::Transport(_)) => {}
            // What an interrupted write left.
            Err(error) if error.is_already_exists() || error.is_not_found() => {}
            Err(error) => panic!("writer {writer}: {error}"),
        }
        let old = format!("other-{writer}-{}", number.saturating_sub(40));
        if number % 8 == 0 && client.delete::<ConfigMap>(&namespace, &old, &Default::default()).await.is_ok() {
            done.deleted.push(old);
        }
    }
    done
}

/// One event of the watch.
#[derive(Debug)]
struct Seen {
    deleted: bool,
    name: String,
    revision: u64,
}

fn seen(deleted: bool, bytes: &[u8]) -> Seen {
    let object: Value = serde_json::from_slice(bytes).expect("an object");
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    Seen { deleted, name: text("name"), revision: revision(&text("resourceVersion")) }
}

/// Watches from `after` on through all interruptions, until it saw revision `until`.
async fn watch_all(scope: WatchScope, after: u64, mut until: watch::Receiver<Option<u64>>) -> Vec<Seen> {
    let backend = backend();
    let (mut last, mut events) = (after, Vec::new());
    loop {
        let mut stream = match backend.watch(&scope, &last.to_string()).await {
            Ok(stream) => stream,
            Err(Error::Transport(_)) => continue,
            Err(error) => panic!("a watch from revision {last} does not go on: {error}"),
        };
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                end = until.wait_for(|end| end.is_some_and(|end| end <= last)) => {
                    end.expect("the sender waits for this task");
                    return events;
                }
            };
            match event {
                Some(Ok(WatchEvent::Added(bytes) | WatchEvent::Modified(bytes))) => events.push(seen(false, &bytes)),
                Some(Ok(WatchEvent::Deleted(bytes))) => events.push(seen(true, &bytes)),
                Some(Ok(WatchEvent::Bookmark(mark))) => {
                    last = last.max(revision(&mark));
                    continue;
                }
                Some(Err(Error::Api(status))) => panic!("the watch ended at revision {last}: {status}"),
                Some(Err(_)) | None => break,
            }
            last = events.last().expect("one was pushed").revision;
        }
    }
}

async fn list(scope: &WatchScope) -> (Objects, u64) {
    let page = backend().list(scope).await.expect("a list");
    let objects = page.items.iter().map(|item| seen(false, item)).map(|item| (item.name, item.revision)).collect();
    (objects, revision(&page.resource_version))
}

/// Kills the master's process at random moments, each time after it took a write again.
async fn kill_often(mut acknowledged: watch::Receiver<u64>) {
    for kill in 1..=KILLS {
        acknowledged.mark_unchanged();
        let alive = tokio::time::timeout(Duration::from_mins(1), acknowledged.changed()).await;
        alive
            .unwrap_or_else(|_| panic!("no write was taken within a minute after kill {}", kill - 1))
            .expect("writers run");
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..LONGEST_LIFE_MILLIS))).await;
        let master = format!("{}-master-1", cluster());
        let mut docker = tokio::process::Command::new("docker");
        docker.args(["exec", &master, "sh", "-c", KILL]);
        let killed = docker.output().await.expect("docker is installed");
        assert!(killed.status.success(), "kill {kill}: {killed:?}");
    }
    acknowledged.mark_unchanged();
    acknowledged.changed().await.expect("writers run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_master_loses_nothing_acknowledged() {
    let t = Space::alone("crash");
    let idle = format!(
        "kubectl run p --image=$BUSYBOX --overrides='{{\"spec\":{{\"nodeName\":\"{}-master-1\",\"tolerations\":[{{\"operator\":\"Exists\"}}]}}}}' -- {IDLE}",
        cluster()
    );
    t.ok(&format!("{idle} && kubectl wait --for=condition=Ready pod/p --timeout=60s"));
    let container = "kubectl get pod p -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'";
    let before_crashes = t.ok(container);
    let scope = WatchScope { path: format!("/api/v1/namespaces/{}/configmaps", t.namespace), ..WatchScope::default() };
    let (mut replayed, start) = list(&scope).await;

    let (until, ended) = watch::channel(None);
    let watching = tokio::spawn(watch_all(scope.clone(), start, ended));
    let (acknowledged, progress) = watch::channel(0);
    let stop = CancellationToken::new();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(t.namespace.clone(), writer, acknowledged.clone(), stop.clone())))
        .collect();
    kill_often(progress).await;
    stop.cancel();
    let mut done = Vec::new();
    for writer in writers {
        done.push(writer.await.expect("a writer met only interruptions"));
    }
    // A last write is newer than all others, so the watch has seen everything when it has seen this.
    let last =
        Client::new(backend(), "writer").create(&config_map(&t.namespace, "last", 0)).await.expect("the master runs");
    until.send_replace(Some(revision(&last.metadata.resource_version.unwrap_or_default())));
    let events =
        tokio::time::timeout(Duration::from_mins(1), watching).await.expect("the watch gets there").expect("no panic");
    let (live, _) = list(&scope).await;

    let writes: usize = done.iter().map(|writer| writer.writes.len()).sum();
    println!("{KILLS} kills, {writes} writes acknowledged, {} events", events.len());
    check_writes(&done, &live, &events);
    for pair in events.windows(2) {
        assert!(pair[0].revision < pair[1].revision, "the watch steps back or repeats: {pair:?}");
    }
    for event in events {
        if event.deleted {
            replayed.remove(&event.name);
        } else {
            replayed.insert(event.name, event.revision);
        }
    }
    assert_eq!(replayed, live, "the events lead from the first list to the last one");
    own_objects_hold_the_last_number(&t, &done).await;
    t.ok("kubectl wait --for=condition=Ready node --all --timeout=60s");
    assert_eq!(t.ok(container), before_crashes, "the kubelet adopts what runs");
}

fn check_writes(done: &[Acknowledged], live: &Objects, events: &[Seen]) {
    let seen: BTreeMap<u64, &Seen> = events.iter().map(|event| (event.revision, event)).collect();
    let mut known = BTreeMap::new();
    for writer in done {
        for pair in writer.writes.windows(2) {
            assert!(pair[0].1 < pair[1].1, "a revision stepped back: {pair:?}");
        }
        for (name, revision) in &writer.writes {
            assert_eq!(known.insert(*revision, name), None, "revision {revision} was given twice");
            let event = seen.get(revision).unwrap_or_else(|| panic!("the watch missed {name} at {revision}"));
            assert!(event.name == *name && !event.deleted, "{event:?} is not {name}");
            // A deletion whose answer got lost may have happened as well; the watch tells.
            let gone = || events.iter().any(|event| event.deleted && event.name == *name);
            assert!(live.contains_key(name) || gone(), "{name} was acknowledged at {revision} and is lost");
        }
        for name in &writer.deleted {
            assert!(!live.contains_key(name), "{name} was deleted and is back");
        }
    }
}

/// A write without an answer may have come after the last acknowledged one, never before it.
async fn own_objects_hold_the_last_number(t: &Space, done: &[Acknowledged]) {
    let client = Arc::new(Client::new(backend(), "reader"));
    for (writer, done) in done.iter().enumerate() {
        let own: ConfigMap = client.get(&t.namespace, &format!("own-{writer}")).await.expect("it was acknowledged");
        let number: u64 = own.data.unwrap_or_default()["number"].parse().expect("a number");
        assert!(number >= done.last, "writer {writer}: {} was acknowledged, {number} is there", done.last);
    }
}
