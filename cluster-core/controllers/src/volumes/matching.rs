//! Which volume a claim gets: the smallest that is as large as asked and has all that is asked for.

use crate::prelude::*;
use cluster_client::nodes::selects;
use cluster_client::volumes::{claim_key, mismatch, storage};

/// Whether a volume is reserved for this very claim.
pub(super) fn is_for(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let reference = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    let same_uid =
        reference.and_then(|reference| reference.uid.as_deref()).is_none_or(|id| id.is_empty() || id == claim.uid());
    claim_key(volume) == Some(claim.key()) && same_uid
}

fn reaches(volume: &PersistentVolume, node: &Node) -> bool {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    affinity.and_then(|affinity| affinity.required.as_ref()).is_none_or(|required| selects(required, node))
}

/// The volume for a claim that waits, on the node its pod will run on where that is known. One reserved for the claim
/// comes first; without `free` only such a one is taken.
pub(super) fn choose(
    claim: &PersistentVolumeClaim,
    volumes: &[Arc<PersistentVolume>],
    node: Option<&Node>,
    free: bool,
) -> Option<Arc<PersistentVolume>> {
    let selector = claim.spec.as_ref().and_then(|spec| spec.selector.as_ref()).map(meta::selector);
    let fits = |volume: &&Arc<PersistentVolume>| {
        !volume.is_deleting()
            && mismatch(volume, claim).is_none()
            && node.is_none_or(|node| reaches(volume, node))
            && (is_for(volume, claim) || (free && is_free(volume, selector.as_ref())))
    };
    let size = |volume: &PersistentVolume| storage(volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref()));
    volumes
        .iter()
        .filter(fits)
        .min_by_key(|volume| (!is_for(volume, claim), size(volume), volume.name().to_owned()))
        .cloned()
}

fn is_free(volume: &PersistentVolume, selector: Option<&cluster_object::selector::Selector>) -> bool {
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    claim_key(volume).is_none()
        && phase == Some("Available")
        && selector.is_none_or(|selector| meta::matches(selector, &volume.metadata))
}
