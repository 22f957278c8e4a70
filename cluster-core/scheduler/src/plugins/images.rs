//! Nodes that have the pod's images already.

use super::{Cycle, MAX_SCORE, Scorer};
use crate::model::NodeInfo;

const MIB: f64 = 1024.0 * 1024.0;
/// Images smaller than this do not count, and more than the other per container does not count either.
const LEAST: f64 = 23.0 * MIB;
const MOST_PER_CONTAINER: f64 = 1000.0 * MIB;

pub(super) fn score<'a>(cycle: &Cycle<'a>, nodes: &[&'a NodeInfo]) -> Scorer<'a> {
    let total = cycle.cluster.order().len().max(1) as f64;
    let share = |image: &'a String| (image, cycle.cluster.nodes_with_image(image) as f64 / total);
    let present: Vec<(&String, f64)> = cycle.pod.images.iter().map(share).filter(|(_, share)| *share > 0.0).collect();
    if present.is_empty() || nodes.is_empty() {
        return None;
    }
    let most = MOST_PER_CONTAINER * cycle.pod.images.len() as f64;
    Some(Box::new(move |node: &NodeInfo| {
        let sizes =
            present.iter().filter_map(|(image, share)| Some((*node.facts.images.get(*image)? as f64 * share).floor()));
        let sum: f64 = sizes.sum();
        (MAX_SCORE as f64 * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)) as i64
    }))
}
