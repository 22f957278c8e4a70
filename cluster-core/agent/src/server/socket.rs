//! The WebSocket of a page: its views, and what everybody is told.

use crate::prelude::*;
use crate::view::{self, Outbox, Spec};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use cluster_client::Status;
use futures::{SinkExt, future};
use tokio::sync::broadcast::error::RecvError;

/// Messages that may wait for a slow page; then its views wait, and what changes meanwhile comes as one.
const WAITING: usize = 32;
const MOST_BYTES: usize = 1 << 20;
const MOST_VIEWS: usize = 256;

/// What a page asks for a view: to `open` or `change` it as a specification says, or to `close` it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ask {
    op: String,
    view: u64,
    spec: Value,
}

/// Answers the upgrade; the guard has taken the ticket.
pub(super) async fn open(State(agent): State<Arc<Agent>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(MOST_BYTES).on_upgrade(|socket| serve(agent, socket))
}

async fn serve(agent: Arc<Agent>, socket: WebSocket) {
    let _page = agent.activity.hold();
    let (mut sink, mut stream) = socket.split();
    let (sender, mut waiting) = mpsc::channel::<Utf8Bytes>(WAITING);
    let write = async {
        while let Some(message) = waiting.recv().await {
            if sink.send(Message::Text(message)).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        let mut views = HashMap::new();
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                take(&agent, &mut views, &sender, &text).await;
            }
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
        () = tell(&agent, &sender) => {}
    }
}

async fn take(
    agent: &Arc<Agent>,
    views: &mut HashMap<u64, AbortOnDropHandle<()>>,
    sender: &mpsc::Sender<Utf8Bytes>,
    text: &str,
) {
    let Ask { op, view, spec } = serde_json::from_str(text).unwrap_or_default();
    if op == "close" {
        views.remove(&view);
        return;
    }
    let out = Outbox { view, sender: sender.clone() };
    let refused = match serde_json::from_value::<Spec>(spec) {
        Ok(spec) if views.len() < MOST_VIEWS => {
            let task = tokio::spawn(view::run(agent.clone(), spec, out));
            views.insert(view, AbortOnDropHandle::new(task));
            return;
        }
        Ok(_) => "too many views are open".to_owned(),
        Err(error) => error.to_string(),
    };
    if out.state(Some(&Status::bad_request(refused))).await.is_err() {
        tracing::debug!("the page left");
    }
}

/// Sends what everybody is told: the clusters now and whenever one changes, operations and forwards.
async fn tell(agent: &Agent, sender: &mpsc::Sender<Utf8Bytes>) {
    let (mut clusters, mut events) = (agent.clusters.changes(), agent.events.subscribe());
    clusters.mark_changed();
    let mut waiting = VecDeque::from(agent.snapshots().map(Utf8Bytes::from));
    loop {
        let message = tokio::select! {
            biased;
            Some(message) = future::ready(waiting.pop_front()) => message,
            changed = clusters.changed() => match changed {
                Ok(()) => json!({"type": "clusters", "clusters": **clusters.borrow_and_update()}).to_string().into(),
                Err(_) => return,
            },
            event = events.recv() => match event {
                Ok(message) => message,
                // The page was slow; what it missed may have been the last word on something.
                Err(RecvError::Lagged(_)) => {
                    waiting.extend(agent.snapshots().map(Utf8Bytes::from));
                    continue;
                }
                Err(RecvError::Closed) => return,
            },
        };
        if sender.send(message).await.is_err() {
            return;
        }
    }
}
