//! The lease of a node: its renewal says that the node lives.

use crate::prelude::*;
use crate::{Client, Error, Object, Patch};
use k8s_openapi::Resource;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};

/// Where the leases of nodes are.
pub const NAMESPACE: &str = "kube-node-lease";

/// Renews a node's lease, or makes the one that is missing.
pub async fn renew(client: &Client, node: &str, duration: Duration) -> Result<(), Error> {
    let spec = LeaseSpec {
        holder_identity: Some(node.to_owned()),
        lease_duration_seconds: Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)),
        renew_time: Some(MicroTime(Timestamp::now())),
        ..LeaseSpec::default()
    };
    let patch = Patch::Merge(json!({"spec": spec}));
    if Error::ignore_gone(client.patch::<Lease>(NAMESPACE, node, "", &patch).await)?.is_some() {
        return Ok(());
    }
    let owner: Node = client.get("", node).await?;
    let owner = OwnerReference {
        api_version: Node::API_VERSION.to_owned(),
        kind: Node::KIND.to_owned(),
        name: node.to_owned(),
        uid: owner.uid().to_owned(),
        ..OwnerReference::default()
    };
    let metadata = ObjectMeta {
        name: Some(node.to_owned()),
        namespace: Some(NAMESPACE.to_owned()),
        // Lets the garbage collector remove the lease with the node.
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    client.create(&Lease { metadata, spec: Some(spec) }).await.map(drop)
}
