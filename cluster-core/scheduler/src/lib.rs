//! Finds a node for every pod: filters, scores, preempts and binds, as `default-scheduler`.
//!
//! [`Chooser::choose`] is the decision, a pure function of a [`PodInfo`] and a [`Cluster`]. [`run`] keeps the cluster
//! current from watches, decides pod by pod in one task, and writes bindings, conditions and events in the background.

mod changes;
mod choose;
mod config;
mod diagnosis;
mod explain;
mod feeds;
mod model;
mod plugins;
mod preempt;
mod prelude;
mod profile;
mod queue;
mod scheduler;
#[cfg(test)]
mod tests;
mod writer;

pub use choose::Chooser;
pub use config::ConfigError;
pub use diagnosis::Diagnosis;
pub use explain::{Explanation, Verdict, explain};
pub use model::{Cluster, NodeId, NodeInfo, PodInfo};
pub use profile::{Profile, Settings};

use crate::prelude::*;
use cluster_client::{Client, Informers};
use futures::FutureExt;
use futures::future::BoxFuture;
use scheduler::Scheduler;
use tokio_util::sync::CancellationToken;
use writer::Writer;

/// Why the scheduler stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch ended for good.
    #[error("a watch ended")]
    WatchEnded,
}

/// Decisions between two chances for other tasks to run.
const TURNS: usize = 16;

/// Schedules pods until `cancel`.
pub fn run(
    client: Client,
    informers: Informers,
    settings: Arc<Settings>,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    async move {
        let (writer, mut outcomes) = Writer::new(client, &settings);
        let mut scheduler = Scheduler::new(writer.clone(), settings, jiff::Timestamp::now().as_nanosecond() as u64);
        let mut feeds = changes::feeds(&informers);
        if cancel.run_until_cancelled(feeds.synced()).await.is_none() {
            return Ok(());
        }
        tracing::debug!("started");
        let mut turn = 0_usize;
        while !cancel.is_cancelled() {
            feeds.drain(&mut scheduler);
            while let Ok(outcome) = outcomes.try_recv() {
                scheduler.bound(outcome, Instant::now());
            }
            if scheduler.step(Instant::now()) {
                turn += 1;
                if turn.is_multiple_of(TURNS) {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            let deadline = scheduler.next_deadline();
            let alarm = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                alive = feeds.next(&mut scheduler) => if !alive { return Err(Error::WatchEnded) },
                Some(outcome) = outcomes.recv() => scheduler.bound(outcome, Instant::now()),
                () = alarm => {}
            }
        }
        writer.finish().await;
        Ok(())
    }
    .boxed()
}
