//! What only one pod may use: claims of one pod at a time, and disks that are mounted in one place.

use super::volumes::claims_of;
use super::{Cycle, Prepared, Refusal};
use crate::prelude::*;

const ONE_POD: &str = "ReadWriteOncePod";

/// Whether a claim of the pod that allows one pod at a time is in use.
fn is_taken(cycle: &Cycle<'_>) -> bool {
    claims_of(cycle, cycle.pod).any(|claim| {
        let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
        let key = claim.key();
        let uses = |other: &PodInfo| other.uid != cycle.pod.uid && other.claims.iter().any(|claim| claim.key == key);
        modes.iter().any(|mode| mode == ONE_POD) && cycle.cluster.pods().any(uses)
    })
}

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let disks = &cycle.pod.disks;
    if disks.is_empty() && cycle.pod.claims.is_empty() {
        return Ok(None);
    }
    let taken = is_taken(cycle);
    Ok(Some(Box::new(move |node: &NodeInfo| {
        let there = || node.pods.iter().flat_map(|pod| &pod.disks);
        if disks.iter().any(|disk| there().any(|other| disk.conflicts(other))) {
            return Err(Refusal::resolvable("node(s) had no available disk"));
        }
        if taken {
            let text = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode";
            return Err(Refusal::resolvable(text));
        }
        Ok(())
    })))
}
