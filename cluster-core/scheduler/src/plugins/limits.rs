//! How many volumes of a driver a node can have.

use super::volumes::claims_of;
use super::{Cycle, Filter, Prepared, Refusal};
use crate::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Volumes by their drivers; a claim that has none yet counts for the volume it will get.
type Volumes<'a> = BTreeMap<&'a str, BTreeSet<String>>;

fn volumes_of<'a>(cycle: &Cycle<'a>, pod: &'a PodInfo) -> Volumes<'a> {
    let objects = &cycle.cluster.objects;
    let mut volumes = Volumes::new();
    for claim in claims_of(cycle, pod) {
        let found = match volume_name(claim) {
            Some(name) => objects.volumes.get(name).and_then(|volume| {
                let csi = volume.spec.as_ref()?.csi.as_ref()?;
                Some((csi.driver.as_str(), csi.volume_handle.clone()))
            }),
            None => claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_ref()).and_then(|name| {
                let class = objects.storage_classes.get(name)?;
                Some((class.provisioner.as_str(), format!("claim {}", claim.metadata.uid.as_deref()?)))
            }),
        };
        if let Some((driver, volume)) = found {
            volumes.entry(driver).or_default().insert(volume);
        }
    }
    volumes
}

struct Limits<'a> {
    cycle: Cycle<'a>,
    wanted: Volumes<'a>,
}

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    if cycle.pod.claims.is_empty() || cycle.cluster.objects.drivers.is_empty() {
        return Ok(None);
    }
    let wanted = volumes_of(cycle, cycle.pod);
    Ok(if wanted.is_empty() { None } else { Some(Box::new(Limits { cycle: *cycle, wanted })) })
}

impl Filter for Limits<'_> {
    fn check(&self, node: &NodeInfo) -> Result<(), Refusal> {
        let Some(drivers) = self.cycle.cluster.objects.drivers.get(node.name()) else { return Ok(()) };
        for driver in &drivers.spec.drivers {
            let count = driver.allocatable.as_ref().and_then(|allocatable| allocatable.count);
            let Some((most, wanted)) = count.zip(self.wanted.get(driver.name.as_str())) else { continue };
            let there = node.pods.iter().map(|pod| volumes_of(&self.cycle, pod).remove(driver.name.as_str()));
            let mut all: BTreeSet<String> = there.flatten().flatten().collect();
            let before = all.len();
            all.extend(wanted.iter().cloned());
            if all.len() > before && all.len() > usize::try_from(most).unwrap_or_default() {
                return Err(Refusal::resolvable("node(s) exceed max volume count"));
            }
        }
        Ok(())
    }
}
