//! Many watchers of one collection, and the moment when the last of them has seen a change.

use crate::http::{Access, Ask, Connection};
use crate::stats::Summary;
use anyhow::Result;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Events seen by all watchers together.
#[derive(Default)]
struct Seen {
    events: AtomicUsize,
    changed: Notify,
}

/// Watchers with a connection each.
pub(crate) struct Watchers {
    count: usize,
    seen: Arc<Seen>,
    // Watches end when their connections are dropped.
    _connections: Vec<Connection>,
}

impl Watchers {
    /// Starts `count` watches of what `query` selects in the collection `path`, from now on.
    pub(crate) async fn start(access: &Access, path: &str, query: &str, count: usize) -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let mut connections = access.connect_all(count).await?;
        let list = connections[0].json(Ask::get(format!("{path}?limit=1"))).await?;
        let revision = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        for connection in &mut connections {
            let watch = Ask::get(format!("{path}?watch=true&resourceVersion={revision}&{query}"));
            tokio::spawn(follow(connection.open(watch).await?.into_body(), Arc::clone(&seen)));
        }
        Ok(Self { count, seen, _connections: connections })
    }

    /// Waits until every watcher has seen `changes` changes.
    pub(crate) async fn all_saw(&self, changes: usize) {
        while self.seen.events.load(Ordering::Relaxed) < changes * self.count {
            self.seen.changed.notified().await;
        }
    }

    /// Makes `count` changes one after the other; times each from its request until the last watcher has it.
    pub(crate) async fn time(
        &self,
        writer: &mut Connection,
        count: usize,
        ask: impl Fn(usize) -> Ask,
    ) -> Result<Summary> {
        let mut times: Vec<Duration> = Vec::with_capacity(count);
        for number in 0..count {
            let ask = ask(number);
            let start = Instant::now();
            let ((), written) = tokio::join!(self.all_saw(number + 1), writer.drain(ask));
            written?;
            times.push(start.elapsed());
        }
        Ok(Summary::of(times))
    }
}

/// Counts the events of one watch: each is a line.
async fn follow(mut body: Incoming, seen: Arc<Seen>) {
    while let Some(Ok(frame)) = body.frame().await {
        let lines = frame.data_ref().map_or(0, |data| data.split(|byte| *byte == b'\n').count() - 1);
        seen.events.fetch_add(lines, Ordering::Relaxed);
        seen.changed.notify_one();
    }
}
