//! Ports of the node.

use super::{Cycle, Prepared, Refusal};
use crate::model::NodeInfo;

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    let wanted = &cycle.pod.ports;
    if wanted.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(move |node: &NodeInfo| {
        if wanted.iter().any(|port| node.ports.iter().any(|taken| taken.conflicts(port))) {
            return Err(Refusal::resolvable("node(s) didn't have free ports for the requested pod ports"));
        }
        Ok(())
    })))
}
