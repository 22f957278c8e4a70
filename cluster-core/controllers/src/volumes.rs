//! Volumes and claims: which belong together, volumes made on demand, and what becomes of one nobody claims any more.

mod binding;
mod claims;
mod ephemeral;
mod matching;
mod provision;
mod reclaim;

use crate::prelude::*;

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

/// The claim a volume is for.
fn claim_key(volume: &PersistentVolume) -> Option<ObjectKey> {
    let claim = volume.spec.as_ref()?.claim_ref.as_ref()?;
    Some(ObjectKey::new(claim.namespace.as_deref()?, claim.name.as_deref()?))
}

/// The volume a claim is bound to, or asks for by name.
fn volume_name(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|name| !name.is_empty())
}

/// The class of a claim; empty for none.
fn class_name(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref()).unwrap_or_default()
}

fn find(volumes: &Informer<PersistentVolume>, name: &str) -> Option<Arc<PersistentVolume>> {
    volumes.get(&ObjectKey::new("", name))
}

#[cfg(test)]
mod tests;
