//! What the agent does to clusters when a page asks for it: each operation is a task that tells its steps.

use crate::error::with_hint;
use crate::prelude::*;
use cluster_launcher::{Error as LauncherError, Event as Happened, Launcher};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many are remembered.
const KEPT: usize = 50;

/// One operation as pages see it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Operation {
    id: String,
    title: Saying,
    cluster: String,
    action: &'static str,
    /// `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    steps: Vec<Step>,
    error: Option<String>,
    /// What the user should know though nothing failed.
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Step {
    name: String,
    state: &'static str,
    seconds: f64,
    begun: String,
}

impl Operation {
    fn hear(&mut self, happened: Happened<'_>) {
        let (step, state, seconds) = match happened {
            Happened::Begin(step) => {
                let (name, begun) = (step.to_owned(), meta::now());
                return self.steps.push(Step { name, state: "running", seconds: 0.0, begun });
            }
            Happened::End(step, took) => (step, "done", took.as_secs_f64()),
            Happened::Failed(step) => (step, "failed", 0.0),
            Happened::Warn(text) => return self.warnings.push(text.to_owned()),
        };
        if let Some(found) = self.steps.iter_mut().rfind(|found| found.name == step) {
            (found.state, found.seconds) = (state, seconds);
        }
    }
}

/// All operations, the newest last.
#[derive(Debug)]
pub(crate) struct Operations {
    next: AtomicU64,
    list: Mutex<VecDeque<(Operation, CancellationToken)>>,
    events: Events,
    activity: Activity,
}

impl Operations {
    pub(crate) fn new(events: Events, activity: Activity) -> Arc<Self> {
        // A page that outlives its agent takes no operation of the next one for one of those that it knows.
        let next = Timestamp::now().as_millisecond().unsigned_abs();
        Arc::new(Self { next: AtomicU64::new(next), list: Mutex::default(), events, activity })
    }

    pub(crate) fn list(&self) -> Vec<Operation> {
        self.list.lock().iter().map(|(operation, _)| operation.clone()).collect()
    }

    /// Asks an operation to end; false when there is no such one.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let list = self.list.lock();
        let found = list.iter().find(|(operation, _)| operation.id == id);
        found.inspect(|(_, cancel)| cancel.cancel()).is_some()
    }

    /// Begins an operation with a launcher that reports to it; its id.
    pub(crate) fn start<F>(
        self: &Arc<Self>,
        launcher: &Launcher,
        title: Saying,
        cluster: &str,
        work: impl FnOnce(Launcher) -> F,
    ) -> String
    where
        F: Future<Output = Result<(), LauncherError>> + Send + 'static,
    {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let cancel = CancellationToken::new();
        let (operations, of) = (self.clone(), id.clone());
        let hear = move |happened: Happened<'_>| operations.change(&of, |operation| operation.hear(happened));
        let work = work(launcher.reporting_to(Arc::new(hear), cancel.clone()));
        let operation = Operation {
            id: id.clone(),
            action: title.action(),
            title,
            cluster: cluster.to_owned(),
            state: "running",
            ..Operation::default()
        };
        {
            let mut list = self.list.lock();
            if list.len() >= KEPT
                && let Some(oldest) = list.iter().position(|(operation, _)| operation.state != "running")
            {
                list.remove(oldest);
            }
            list.push_back((operation, cancel));
        }
        let (operations, of, busy) = (self.clone(), id.clone(), self.activity.hold());
        tokio::spawn(async move {
            let _busy = busy;
            let outcome = work.await;
            operations.change(&of, |operation| match outcome {
                Ok(()) => operation.state = "done",
                Err(LauncherError::Cancelled) => operation.state = "cancelled",
                Err(error) => (operation.state, operation.error) = ("failed", Some(with_hint(&error))),
            });
        });
        self.change(&id, |_| {});
        id
    }

    /// Changes an operation and tells everybody.
    fn change(&self, id: &str, change: impl FnOnce(&mut Operation)) {
        let mut list = self.list.lock();
        if let Some((operation, _)) = list.iter_mut().find(|(operation, _)| operation.id == id) {
            change(operation);
            tell(&self.events, json!({"type": "operation", "operation": operation}).to_string());
        }
    }
}
