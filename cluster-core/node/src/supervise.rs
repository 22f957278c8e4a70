//! Keeps a part of the node running: a part that fails is logged and started again, with growing delays.

use crate::prelude::*;
use cluster_client::backoff::Backoff;
use std::fmt::Display;
use std::future::Future;
use tokio::time::Instant;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Runs `part` until it ends well or `cancel`; every failure starts it anew.
pub(crate) async fn supervise<F, E>(
    name: &'static str,
    cancel: CancellationToken,
    mut part: impl FnMut(CancellationToken) -> F,
) where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
    loop {
        let started = Instant::now();
        match part(cancel.clone()).await {
            Ok(()) => return,
            Err(error) => tracing::error!(
                part = name,
                error = format!("{error:#}"),
                "a part of the node failed, starting it again"
            ),
        }
        if started.elapsed() > LONGEST_DELAY {
            backoff.reset();
        }
        if cancel.run_until_cancelled(tokio::time::sleep(backoff.pause())).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_failing_part_is_started_again_until_it_ends_well() {
        let runs = AtomicU32::new(0);
        supervise("test", CancellationToken::new(), |_| async {
            if runs.fetch_add(1, Ordering::Relaxed) < 3 { Err("broken") } else { Ok(()) }
        })
        .await;
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }
}
