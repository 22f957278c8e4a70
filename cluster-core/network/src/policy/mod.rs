//! Network policies: which connections the pods of this node may open and take.
//!
//! `model` reads the API objects, `ruleset` says what the nftables table holds. Policies are few and a node has few pods,
//! so the table is replaced whole, in one transaction, when its text changes.

mod model;
mod ruleset;
#[cfg(test)]
mod tests;

use crate::prelude::*;
use crate::{Error, kernel};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use model::Model;

/// Keeps the table until `cancel`. Pods and namespaces are watched only once there is a policy.
pub async fn run(informers: Informers, node: NodeConfig, cancel: CancellationToken) -> Result<(), Error> {
    keep(informers, node, kernel::apply, cancel).await
}

async fn keep(
    informers: Informers,
    node: NodeConfig,
    apply: impl AsyncFn(&str) -> Result<(), Error>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let policies = informers.informer::<NetworkPolicy>();
    let mut changes = policies.subscribe();
    // Until the policies are known, the kernel keeps what an earlier run told it.
    if cancel.run_until_cancelled(policies.synced()).await.is_none() {
        return Ok(());
    }
    if policies.list().is_empty() {
        apply(ruleset::NONE).await?;
    }
    while policies.list().is_empty() {
        if cancel.run_until_cancelled(changes.recv()).await.flatten().is_none() {
            return Ok(());
        }
    }
    let (pods, namespaces) = (informers.informer::<Pod>(), informers.informer::<Namespace>());
    let (mut pod_changes, mut namespace_changes) = (pods.subscribe(), namespaces.subscribe());
    if cancel.run_until_cancelled(async { tokio::join!(pods.synced(), namespaces.synced()) }).await.is_none() {
        return Ok(());
    }
    let mut applied = String::new();
    loop {
        while changes.try_recv().is_ok() || pod_changes.try_recv().is_ok() || namespace_changes.try_recv().is_ok() {}
        let model = Model::read(&policies.list(), &pods.list(), &namespaces.list(), &node.name);
        let wanted = ruleset::ruleset(&model, node.dns_address);
        if applied != wanted {
            apply(&wanted).await?;
            applied = wanted;
        }
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            Some(_) = changes.recv() => {}
            Some(_) = pod_changes.recv() => {}
            Some(_) = namespace_changes.recv() => {}
        }
    }
}
