//! Preemption: pods of lower priority give way when that makes room.

use crate::diagnosis::Diagnosis;
use crate::model::{Cluster, NodeId, PodInfo};
use std::sync::Arc;

/// What preemption can do for a pod.
#[derive(Debug)]
pub(crate) enum Preemption {
    /// These pods have to go.
    Possible { node: NodeId, victims: Vec<Arc<PodInfo>> },
    /// Pods are on their way out of the node that the pod waits for.
    Waiting(&'static str),
    /// Nothing; why.
    Impossible(String),
}

/// Looks for the node on which the fewest and least important pods have to go.
pub(crate) fn preempt(cluster: &mut Cluster, pod: &Arc<PodInfo>, diagnosis: &Diagnosis) -> Preemption {
    let never = pod.spec().and_then(|s| s.preemption_policy.as_deref()) == Some("Never");
    if never {
        return Preemption::Impossible("not eligible due to preemptionPolicy=Never.".to_owned());
    }
    let nodes = cluster.order().to_vec();
    if nodes.is_empty() {
        return Preemption::Impossible(String::new());
    }
    let mut failed = Diagnosis::new(nodes.len());
    let helpless = nodes.iter().filter(|id| !diagnosis.resolvable.contains(id)).count();
    failed.count("Preemption is not helpful for scheduling", helpless);
    failed.count("No preemption victims found for incoming pod", nodes.len() - helpless);
    Preemption::Impossible(failed.to_string())
}
