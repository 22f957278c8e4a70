//! Signs of life: each node's lease is renewed once in a period, the nodes evenly spread over it.

use crate::node;
use cluster_client::{Client, Error, Informers, Object, Patch, node_lease};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Into how many parts the period is cut. Renewals of one part go together, so that the store writes them at once.
const PARTS: u32 = 20;
/// Requests under way at once.
const REQUESTS: usize = 32;

/// Ends only with the watch of nodes.
pub(crate) async fn run(client: &Client, informers: &Informers, period: Duration) {
    let nodes = informers.informer::<Node>();
    let mut changes = nodes.subscribe();
    let mut timer = tokio::time::interval(period / PARTS);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut part = 0;
    loop {
        let due: Vec<Arc<Node>> = tokio::select! {
            _ = timer.tick() => {
                part = (part + 1) % PARTS as usize;
                let alive = nodes.list().into_iter().filter(|node| node::is_up(node));
                alive.enumerate().filter(|(place, _)| place % PARTS as usize == part).map(|(_, node)| node).collect()
            }
            change = changes.recv() => {
                let Some(change) = change else { return };
                // Who was silent, or was made by hand, says at once how it is.
                let current = nodes.get(&change.object().key());
                current.filter(|node| node::is_up(node) && node::needs_report(node)).into_iter().collect()
            }
        };
        futures::stream::iter(due)
            .for_each_concurrent(REQUESTS, |node| async move {
                if let Err(error) = tend(client, &node, period).await {
                    tracing::debug!(node = node.metadata.name, %error, "a simulated node gave no sign of life");
                }
            })
            .await;
    }
}

async fn tend(client: &Client, node: &Node, period: Duration) -> Result<(), Error> {
    if node::needs_report(node) {
        let patch = Patch::Strategic(json!({"status": node::status(node, Timestamp::now())}));
        client.patch::<Node>("", node.name(), "status", &patch).await?;
    }
    node_lease::renew(client, node.name(), 4 * period).await
}
