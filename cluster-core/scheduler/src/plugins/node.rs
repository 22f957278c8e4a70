//! Nodes that are closed, and pods that name their node.

use super::{Cycle, Prepared, Refusal};
use crate::prelude::*;
use cluster_client::nodes::tolerated;

/// A cordoned node takes only pods that tolerate it.
pub(super) fn schedulable<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let taint =
        Taint { key: "node.kubernetes.io/unschedulable".into(), effect: "NoSchedule".into(), ..Taint::default() };
    if tolerated(cycle.pod.tolerations(), &taint) {
        return Ok(None);
    }
    Ok(Some(Box::new(|node: &NodeInfo| {
        if node.facts.unschedulable { Err(Refusal::final_("node(s) were unschedulable")) } else { Ok(()) }
    })))
}

/// A pod that names its node runs there.
pub(super) fn named<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let Some(name) = cycle.pod.node_name() else { return Ok(None) };
    Ok(Some(Box::new(move |node: &NodeInfo| {
        if node.name() == name { Ok(()) } else { Err(Refusal::final_("node(s) didn't match the requested node name")) }
    })))
}
