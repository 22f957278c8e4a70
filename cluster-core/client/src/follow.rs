//! Follows a collection: the whole of it first, then every change, across lost connections, for ever.

use crate::backoff::Backoff;
use crate::prelude::*;
use crate::{Error, WatchEvent, WatchStream};
use futures::StreamExt;
use std::future::Future;

/// A watch that ended sooner than this did not work, even when it ended without an error.
const HEALTHY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Shorter than upstream's 30 s: a server that was down for a while gets its nodes back at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is kept equal to a collection.
pub trait Follower: Send {
    /// Takes in the whole collection; answers its revision.
    fn list(&mut self) -> impl Future<Output = Result<String, Error>> + Send;

    /// Opens what happens after a revision.
    fn watch(&mut self, revision: &str) -> impl Future<Output = Result<WatchStream, Error>> + Send;

    /// Takes in what happened; answers the revision the collection stands at now, as far as that is told.
    fn take(&mut self, event: WatchEvent) -> Option<String>;

    /// What is known may be stale from now on.
    fn lost(&mut self, error: Error);

    /// The watch goes on, and nothing was missed.
    fn resumed(&mut self) {}
}

/// Keeps it equal to its collection until the future is dropped.
pub async fn follow(mut follower: impl Follower) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut position = None;
    loop {
        let start = Instant::now();
        let ended = once(&mut follower, &mut position).await;
        if start.elapsed() >= HEALTHY {
            backoff.reset();
        }
        match ended {
            Err(error) if is_gone(&error) => position = None,
            Err(error) => follower.lost(error),
            Ok(()) => {}
        }
        if start.elapsed() < HEALTHY {
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

/// Lists unless the position is known, then watches until the server ends it.
async fn once(follower: &mut impl Follower, position: &mut Option<String>) -> Result<(), Error> {
    let known = position.is_some();
    if !known {
        *position = Some(follower.list().await?);
    }
    let mut events = follower.watch(position.as_deref().unwrap_or_default()).await?;
    if known {
        follower.resumed();
    }
    while let Some(event) = events.next().await {
        *position = follower.take(event?).filter(|position| !position.is_empty()).or(position.take());
    }
    Ok(())
}

/// Whether only a new list helps.
fn is_gone(error: &Error) -> bool {
    error.status().is_some_and(|status| status.code == 410 || status.reason == "Expired" || status.reason == "Gone")
}
