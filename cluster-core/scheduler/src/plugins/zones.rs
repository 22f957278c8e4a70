//! Volumes of one zone: labels of a bound volume that say where it is keep the pod there.

use super::volumes::claims_of;
use super::{Cycle, Prepared, Refusal};
use crate::prelude::*;

/// Labels that say where a volume is, each with the one that nodes have for it.
const LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
];
/// Stands between the zones of a volume that is in several.
const SEPARATOR: &str = "__";

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let volumes = &cycle.cluster.objects.volumes;
    let bound = claims_of(cycle, cycle.pod).filter_map(|claim| volumes.get(volume_name(claim)?));
    let labels = bound.flat_map(|volume| {
        let label = |(own, of_node)| Some((own, of_node, volume.metadata.labels.as_ref()?.get(own)?.as_str()));
        LABELS.into_iter().filter_map(label)
    });
    let places: Vec<(&str, &str, &str)> = labels.collect();
    if places.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |node: &NodeInfo| {
        let label = |key: &str| node.facts.label(key);
        // A cluster of one zone may have no labels at all.
        let labelled = LABELS.iter().any(|(key, _)| label(key).is_some());
        let there = |(own, of_node, values): &(&str, &str, &str)| {
            let value = label(own).or_else(|| label(of_node));
            value.is_some_and(|value| values.split(SEPARATOR).any(|one| one == value))
        };
        if labelled && !places.iter().all(there) {
            return Err(Refusal::final_("node(s) had no available volume zone"));
        }
        Ok(())
    })))
}
