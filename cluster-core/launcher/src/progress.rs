//! How an operation tells its caller what it does.

use crate::Result;
use std::future::Future;
use std::time::{Duration, Instant};

/// Receives what an operation does; a terminal renders it, a test ignores it.
pub trait Progress: Send + Sync {
    /// A step begins; steps do not overlap.
    fn begin(&self, step: &str);
    /// The step has ended well.
    fn end(&self, step: &str, took: Duration);
    /// The step has failed; the operation's error says why.
    fn failed(&self, step: &str);
    /// Something the user should know though nothing failed.
    fn warn(&self, text: &str);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str) {}
    fn end(&self, _: &str, _: Duration) {}
    fn failed(&self, _: &str) {}
    fn warn(&self, _: &str) {}
}

/// How long a step took.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StepTime {
    /// The step, as [`Progress::begin`] named it.
    pub step: String,
    /// Its milliseconds.
    pub millis: u64,
}

/// Runs steps, reports each and keeps its time.
pub(crate) struct Steps<'a> {
    progress: &'a dyn Progress,
    pub(crate) times: Vec<StepTime>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(progress: &'a dyn Progress) -> Self {
        Self { progress, times: Vec::new() }
    }

    pub(crate) async fn run<T>(&mut self, step: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.progress.begin(step);
        let start = Instant::now();
        let result = work.await;
        let took = start.elapsed();
        match &result {
            Ok(_) => self.progress.end(step, took),
            Err(_) => self.progress.failed(step),
        }
        self.times.push(StepTime { step: step.to_owned(), millis: took.as_millis() as u64 });
        result
    }
}
