//! How an operation tells its caller what it does.

use crate::{Error, Launcher, Result};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// What happens in an operation; a terminal renders it.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A step begins; steps do not overlap.
    Begin(&'a str),
    /// The step has ended well, after so long.
    End(&'a str, Duration),
    /// The step has failed; the operation's error says why.
    Failed(&'a str),
    /// Something the user should know though nothing failed.
    Warn(&'a str),
}

/// Who hears of it.
pub type Progress = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// How long a step took.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StepTime {
    /// The step, as [`Event::Begin`] named it.
    pub step: String,
    /// Its milliseconds.
    pub millis: u64,
}

/// Runs steps, reports each and keeps its time. The user's interrupt ends a wait at once; work that changes something
/// comes to its end first, so that what it made can be found and removed.
pub(crate) struct Steps<'a> {
    progress: &'a Progress,
    cancel: &'a CancellationToken,
    pub(crate) times: Vec<StepTime>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(launcher: &'a Launcher) -> Self {
        Self { progress: &launcher.progress, cancel: &launcher.cancel, times: Vec::new() }
    }

    /// Work that changes something.
    pub(crate) async fn run<T>(&mut self, step: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let cancel = self.cancel;
        let work = async {
            let done = work.await?;
            if cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(done) }
        };
        self.report(step, work).await
    }

    /// A wait, which changes nothing; see [`Launcher::wait`].
    pub(crate) async fn wait<T>(&mut self, step: &str, wait: impl Future<Output = Result<T>>) -> Result<T> {
        let (cancel, wait) = (self.cancel, Box::pin(wait));
        let wait = async { cancel.run_until_cancelled(wait).await.unwrap_or(Err(Error::Cancelled)) };
        self.report(step, wait).await
    }

    /// Work that happens whether the user interrupts or not.
    pub(crate) async fn report<T>(&mut self, step: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        (self.progress)(Event::Begin(step));
        let start = Instant::now();
        let result = work.await;
        let took = start.elapsed();
        (self.progress)(if result.is_ok() { Event::End(step, took) } else { Event::Failed(step) });
        self.times.push(StepTime { step: step.to_owned(), millis: took.as_millis() as u64 });
        result
    }
}

/// Brings all work to its end and then gives all results or the first error: nothing goes on unseen, as it would when
/// the first error ended the rest.
pub(crate) async fn all<T>(works: impl IntoIterator<Item = impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    futures::future::join_all(works).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn work_beside_a_failure_comes_to_its_end() {
        let ended = Cell::new(false);
        let work = async |fails: bool| {
            if fails {
                return Err(Error::Cancelled);
            }
            tokio::task::yield_now().await;
            ended.set(true);
            Ok(())
        };
        assert!(all([work(true), work(false)]).await.is_err());
        assert!(ended.get());
    }

    #[tokio::test]
    async fn an_interrupt_ends_waits_at_once_and_work_when_it_is_done() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let progress: Progress = Arc::new(|_| {});
        let mut steps = Steps { progress: &progress, cancel: &cancel, times: Vec::new() };
        assert!(matches!(steps.wait("wait", std::future::pending::<Result<()>>()).await, Err(Error::Cancelled)));
        let done = Cell::new(false);
        let work = async {
            done.set(true);
            Ok(())
        };
        assert!(matches!(steps.run("work", work).await, Err(Error::Cancelled)));
        assert!(done.get());
        assert_eq!(steps.times.len(), 2);
    }
}
