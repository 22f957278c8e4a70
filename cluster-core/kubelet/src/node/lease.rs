//! The node's lease: its renewal says that the node lives.

use crate::prelude::*;
use cluster_client::{Error, Patch, PatchOptions};
use k8s_openapi::api::coordination::v1::Lease;

const NAMESPACE: &str = "kube-node-lease";

/// Renews for ever.
pub(super) async fn keep(client: &Client, options: &KubeletOptions) {
    let mut timer = tokio::time::interval(options.lease_renew);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let renewed = tokio::time::timeout(options.lease_renew, renew(client, options)).await;
        match renewed {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::debug!("cannot renew the node's lease: {e}"),
            Err(_) => tracing::debug!("cannot renew the node's lease in time"),
        }
    }
}

async fn renew(client: &Client, options: &KubeletOptions) -> Result<(), Error> {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let spec = json!({
        "holderIdentity": options.node_name,
        "leaseDurationSeconds": options.lease_duration.as_secs(),
        "renewTime": now,
    });
    let patch = Patch::Merge(json!({"spec": spec}));
    match client.patch::<Lease>(NAMESPACE, &options.node_name, "", &patch, &PatchOptions::default()).await {
        Err(e) if e.is_not_found() => create(client, options, &spec).await,
        other => other.map(drop),
    }
}

async fn create(client: &Client, options: &KubeletOptions, spec: &serde_json::Value) -> Result<(), Error> {
    // The owner lets the garbage collector remove the lease with the node.
    let node: Node = client.get("", &options.node_name).await?;
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": options.node_name, "uid": node.metadata.uid});
    let lease = json!({
        "metadata": {"name": options.node_name, "namespace": NAMESPACE, "ownerReferences": [owner]},
        "spec": spec,
    });
    let lease: Lease = serde_json::from_value(lease).map_err(|source| Error::Decode { kind: "Lease", source })?;
    client.create(&lease).await.map(drop)
}
