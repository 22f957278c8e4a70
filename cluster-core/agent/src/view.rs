//! What a page watches: each view is a task that sends what it shows, and again when it changes.

mod counts;
mod filter;
mod list;
mod logs;
pub(crate) mod metrics;
mod object;
mod problems;

use crate::prelude::*;
use cluster_client::Status;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// At most one message per view in this time.
const PAUSE: Duration = Duration::from_millis(100);

/// What a page wants to see, and of which cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct Spec {
    cluster: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum What {
    /// Rows of one kind.
    List(list::ListSpec),
    /// One object, whole.
    Object(object::ObjectSpec),
    /// How many of several kinds there are.
    Counts(counts::CountsSpec),
    /// All that is wrong.
    Problems(problems::ProblemsSpec),
    /// The logs of several containers.
    Logs(logs::LogsSpec),
    /// What nodes and pods use.
    Metrics(metrics::MetricsSpec),
}

/// The page has gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// Where a view's messages go. Sending waits while the page is slow.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    pub(crate) view: u64,
    pub(crate) sender: mpsc::Sender<Utf8Bytes>,
}

#[derive(Serialize)]
struct Message<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    view: u64,
    #[serde(flatten)]
    body: &'a T,
}

impl Outbox {
    /// Sends a message of a type, with the number of the view.
    pub(crate) async fn send(&self, kind: &'static str, body: &impl Serialize) -> Result<(), Gone> {
        let message = Message { kind, view: self.view, body };
        let text = serde_json::to_string(&message).map_err(|error| {
            tracing::error!(%error, "a message could not be written");
            Gone
        })?;
        self.sender.send(text.into()).await.map_err(|_| Gone)
    }

    /// Tells whether the view follows the cluster.
    pub(crate) async fn state(&self, lost: Option<&Status>) -> Result<(), Gone> {
        let error = lost.map(Status::to_json);
        self.send("state", &json!({"live": lost.is_none(), "error": error})).await
    }
}

/// Ticks at once, and then whenever so much time has passed since the last tick that was waited for.
fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What has come, and what comes until the next message may go.
async fn more<T>(mut batch: Vec<T>, receiver: &mut mpsc::UnboundedReceiver<T>, pace: &mut Interval) -> Vec<T> {
    pace.tick().await;
    while let Ok(more) = receiver.try_recv() {
        batch.push(more);
    }
    batch
}

/// Shows a view until its page goes; waits for the cluster when that does not run.
pub(crate) async fn run(agent: Arc<Agent>, spec: Spec, out: Outbox) {
    loop {
        let live = match agent.clusters.live(&spec.cluster) {
            Ok(live) => live,
            Err(error) => {
                if out.state(Some(&error.status())).await.is_err() {
                    return;
                }
                agent.clusters.running(&spec.cluster).await
            }
        };
        let ended = live.ended.clone();
        tokio::select! {
            shown = show(&live, &spec.what, &out) => if shown.is_err() { return },
            () = ended.cancelled() => {}
        }
    }
}

async fn show(live: &Live, what: &What, out: &Outbox) -> Result<(), Gone> {
    match what {
        What::List(spec) => list::show(live, spec, out).await,
        What::Object(spec) => object::show(live, spec, out).await,
        What::Counts(spec) => counts::show(live, spec, out).await,
        What::Problems(spec) => problems::show(live, spec, out).await,
        What::Logs(spec) => logs::show(live, spec, out).await,
        What::Metrics(spec) => metrics::show(live, spec, out).await,
    }
}
