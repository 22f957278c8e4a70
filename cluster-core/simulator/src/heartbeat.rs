//! Signs of life: each node's lease is renewed once in a period, the nodes evenly spread over it.

use crate::node;
use cluster_client::{Client, Error, Informers, Patch, PatchOptions};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const NAMESPACE: &str = "kube-node-lease";
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
                let current = nodes.get(&cluster_client::ObjectKey::of(change.object().as_ref()));
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
    let name = node.metadata.name.as_deref().unwrap_or_default();
    if node::needs_report(node) {
        let patch = Patch::Strategic(json!({"status": node::status(node, Timestamp::now())}));
        client.patch::<Node>("", name, "status", &patch, &PatchOptions::default()).await?;
    }
    let spec = json!({
        "holderIdentity": name, "leaseDurationSeconds": period.as_secs() * 4,
        "renewTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
    });
    let patch = Patch::Merge(json!({"spec": spec}));
    match client.patch::<Lease>(NAMESPACE, name, "", &patch, &PatchOptions::default()).await {
        Err(error) if error.is_not_found() => {}
        other => return other.map(drop),
    }
    // The owner lets the garbage collector remove the lease with the node.
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.metadata.uid});
    let lease = json!({"metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner]}, "spec": spec});
    let lease: Lease = serde_json::from_value(lease).map_err(|source| Error::Decode { kind: "Lease", source })?;
    client.create(&lease).await.map(drop)
}
