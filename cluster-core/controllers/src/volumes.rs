//! Volumes and claims: which belong together, volumes made on demand, and what becomes of one nobody claims any more.

mod binding;
pub(crate) mod claims;
pub(crate) mod ephemeral;
mod matching;
pub(crate) mod provision;
mod reclaim;

use crate::prelude::*;

/// On a claim: it is bound, once and for all.
const COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or volume: it was this controller that chose the other.
const CHOSEN: &str = "pv.kubernetes.io/bound-by-controller";
/// On a volume: who made it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

fn find(volumes: &Informer<PersistentVolume>, name: &str) -> Option<Arc<PersistentVolume>> {
    volumes.get(&ObjectKey::new("", name))
}

#[cfg(test)]
mod tests;
