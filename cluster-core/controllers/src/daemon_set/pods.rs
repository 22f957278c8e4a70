//! The pods of a daemon set: made for one node, and which node that is.

use crate::history::REVISION;
use crate::prelude::*;
use cluster_client::nodes::{self, NAME_FIELD};

/// Taints every daemon lives with, and their effects; the last only in the network of its node.
const TOLERATED: [(&str, &str); 7] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ("node.kubernetes.io/network-unavailable", "NoSchedule"),
];

/// The pod as the set wants it, for no node in particular.
pub(super) fn pattern(set: &DaemonSet, template: &PodTemplateSpec, hash: &str) -> Pod {
    let mut pod = from_template(set, template);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(REVISION.to_owned(), hash.to_owned());
    let count = set.annotation("deprecated.daemonset.template.generation");
    labels.extend(count.map(|count| ("pod-template-generation".to_owned(), count.to_owned())));
    let spec = pod.spec.get_or_insert_default();
    let count = if spec.host_network == Some(true) { TOLERATED.len() } else { TOLERATED.len() - 1 };
    let tolerations = spec.tolerations.get_or_insert_default();
    for (key, effect) in &TOLERATED[..count] {
        let added = Toleration {
            key: Some((*key).to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some((*effect).to_owned()),
            ..Toleration::default()
        };
        if !tolerations.contains(&added) {
            tolerations.push(added);
        }
    }
    pod
}

/// The pod for one node; the scheduler puts it there. The set's own affinity was considered already.
pub(super) fn on_node(pattern: &Pod, node: &str) -> Pod {
    let mut pod = pattern.clone();
    let field = NodeSelectorRequirement {
        key: NAME_FIELD.to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![field]), match_expressions: None };
    let affinity = pod.spec.get_or_insert_default().affinity.get_or_insert_default();
    let required =
        &mut affinity.node_affinity.get_or_insert_default().required_during_scheduling_ignored_during_execution;
    *required = Some(NodeSelector { node_selector_terms: vec![term] });
    pod
}

/// The node a pod is on, or made for.
pub(super) fn target(pod: &Pod) -> Option<&str> {
    let on = pods::node(pod);
    if !on.is_empty() {
        return Some(on);
    }
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let mut fields = required.node_selector_terms.iter().flat_map(|term| term.match_fields.iter().flatten());
    let field = fields.find(|field| field.key == NAME_FIELD && field.operator == "In")?;
    field.values.as_ref()?.first().map(String::as_str)
}

/// Whether a node is to get the set's pod, and whether one that is there may stay.
pub(super) fn wants(pattern: &Pod, node: &Node) -> (bool, bool) {
    if node.name().is_empty() || !nodes::admits(pattern, node) {
        return (false, false);
    }
    let tolerations = pattern.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let starts = nodes::tolerates(tolerations, node, &["NoExecute", "NoSchedule"]);
    (starts, nodes::tolerates(tolerations, node, &["NoExecute"]))
}
