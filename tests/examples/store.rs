//! Measures the store: `cargo run --release -p devcluster-tests --example store [FOLDER]`.
//!
//! Durable creates and updates with 32 concurrent writers, 200 watchers, opening, listing, memory.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_store::{Draft, Expect, Key, Options, SqliteStore, Store, WriteError};
use futures::future::{join_all, try_join_all};

const WRITERS: usize = 32;
const WATCHERS: usize = 200;

/// Collection, number of objects, size of each: what DESIGN.md's memory figure names.
const CREATES: [(&str, usize, usize); 2] = [("configmaps", 27_000, 1_000), ("pods", 25_000, 4_300)];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("store-bench"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("bench-{}.db", std::process::id()));
    let store = SqliteStore::open(Options::file(&path)).await?;
    for (resource, count, size) in CREATES {
        write(&store, "create", resource, count, size, Expect::Absent).await?;
    }
    write(&store, "update", "pods", 25_000, 4_300, Expect::Any).await?;
    write(&store, "renew", "coordination.k8s.io/leases", 20_000, 400, Expect::Any).await?;
    latency(&store).await?;
    watch(&store).await?;
    println!("memory: {}", memory()?);
    print_files(&folder)?;
    store.close().await;
    drop(store);
    let start = Instant::now();
    let store = SqliteStore::open(Options::file(&path)).await?;
    println!("open: {:?}", start.elapsed());
    let start = Instant::now();
    let bytes: usize = store.snapshot("pods").range(None, None).map(|entry| entry.bytes.len()).sum();
    println!("list 25,000 pods, {} MB: {:?}", bytes / 1_000_000, start.elapsed());
    let start = Instant::now();
    let found = (0..100_000).filter(|i| store.get(&key("pods", i % 25_000)).is_some()).count();
    println!("get: {:.0}/s on one thread", found as f64 / start.elapsed().as_secs_f64());
    println!("memory after opening: {}", memory()?);
    store.close().await;
    remove(&folder, &path)
}

fn key(resource: &str, i: usize) -> Key {
    Key::new(resource, format!("namespace-{}", i % 50), format!("object-{i}"))
}

fn draft(size: usize) -> Draft {
    Draft {
        before: r#"{"metadata":{"resourceVersion":""#.into(),
        after: format!(r#""}},"data":"{}"}}"#, "x".repeat(size)).into(),
        facts: None,
    }
}

async fn write(
    store: &Arc<SqliteStore>,
    what: &str,
    resource: &'static str,
    count: usize,
    size: usize,
    expect: Expect,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(count / WRITERS + 1);
            for i in (writer..count).step_by(WRITERS) {
                let start = Instant::now();
                store.put(key(resource, i), expect, draft(size)).await?;
                times.push(start.elapsed());
            }
            Ok::<_, WriteError>(times)
        })
    });
    let times = try_join_all(writers).await?.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("{what} {count} {resource} of {size} bytes: {rate:.0}/s, {}", percentiles(times));
    Ok(())
}

async fn latency(store: &Arc<SqliteStore>) -> Result<(), WriteError> {
    let mut times = vec![];
    for i in 0..1000 {
        let start = Instant::now();
        store.put(key("configmaps", i), Expect::Any, draft(1000)).await?;
        times.push(start.elapsed());
    }
    println!("update, one writer: {}", percentiles(times));
    Ok(())
}

/// Time from the call of a write until the last of all watchers has its event.
async fn watch(store: &Arc<SqliteStore>) -> Result<(), Box<dyn Error>> {
    let mut watchers = vec![];
    for _ in 0..WATCHERS {
        watchers.push(store.watch("services", store.revision())?);
    }
    let mut times = vec![];
    for i in 0..500 {
        let start = Instant::now();
        let write = store.put(key("services", i), Expect::Any, draft(1000));
        let seen = join_all(watchers.iter_mut().map(cluster_store::Watcher::next));
        let (written, seen) = futures::join!(write, seen);
        written?;
        seen.into_iter().collect::<Result<Vec<_>, _>>()?;
        times.push(start.elapsed());
    }
    println!("write until {WATCHERS} watchers have it: {}", percentiles(times));
    Ok(())
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1000];
    format!("p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}", at(500), at(990), at(999), at(1000))
}

fn memory() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", "))
}

fn print_files(folder: &Path) -> Result<(), Box<dyn Error>> {
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        println!("{}: {} MB", file.file_name().display(), file.metadata()?.len() / 1_000_000);
    }
    Ok(())
}

fn remove(folder: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::remove_file(path)?;
    std::fs::remove_file(path.with_added_extension("lock"))?;
    Ok(std::fs::remove_dir(folder)?)
}
