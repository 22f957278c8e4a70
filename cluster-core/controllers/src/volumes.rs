//! Volumes and claims: which belong together, volumes made on demand, and what becomes of one nobody claims any more.

mod binding;
mod claims;
mod ephemeral;
mod matching;
mod provision;
mod reclaim;

use crate::prelude::*;
use cluster_client::volumes::claim_key;

/// The index of volumes by the claim they are for.
const BY_CLAIM: &str = "claim";
/// On a claim: it is bound, once and for all.
const COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or volume: it was this controller that chose the other.
const CHOSEN: &str = "pv.kubernetes.io/bound-by-controller";
/// On a volume: who made it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

pub(crate) async fn run(context: Context) {
    let volumes = context.informers.informer::<PersistentVolume>();
    volumes.add_index(BY_CLAIM, |volume| claim_key(volume).map(|key| key.to_string()).into_iter().collect());
    tokio::join!(
        provision::make_default_class(&context),
        claims::run(context.clone()),
        ephemeral::run(context.clone()),
        reclaim::run(context.clone())
    );
}

fn find(volumes: &Informer<PersistentVolume>, name: &str) -> Option<Arc<PersistentVolume>> {
    volumes.get(&ObjectKey::new("", name))
}

#[cfg(test)]
mod tests;
