//! Which nodes a selector picks, and which a pod tolerates.

use crate::prelude::*;
use cluster_object::selector::Operator;
use k8s_openapi::api::core::v1::{
    Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration,
};

/// The one field of a node that selectors may name.
pub const NAME_FIELD: &str = "metadata.name";

fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let wanted = requirement.values.as_deref().unwrap_or_default();
    Operator::of_nodes(&requirement.operator).is_some_and(|operator| operator.holds(value, wanted))
}

/// Whether a term picks the node of this name and these labels. One without conditions picks none.
pub fn term_selects(term: &NodeSelectorTerm, name: &str, labels: &BTreeMap<String, String>) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|wanted| holds(wanted, labels.get(&wanted.key).map(String::as_str)))
        && fields.iter().all(|wanted| wanted.key == NAME_FIELD && holds(wanted, Some(name)))
}

/// Whether one of the selector's terms picks the node.
pub fn selects(selector: &NodeSelector, node: &Node) -> bool {
    selector.node_selector_terms.iter().any(|term| term_selects(term, node.name(), labels(node)))
}

fn labels(node: &Node) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    node.metadata.labels.as_ref().unwrap_or(&NONE)
}

/// Whether a pod's node name, selector and required affinity allow the node.
pub fn admits(pod: &Pod, node: &Node) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|node| node.required_during_scheduling_ignored_during_execution.as_ref());
    spec.node_name.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == node.name())
        && spec.node_selector.iter().flatten().all(|(key, value)| labels(node).get(key) == Some(value))
        && required.is_none_or(|required| selects(required, node))
}

/// Whether a toleration covers a taint. An empty key or effect covers all, where `operator` says so.
pub fn covers(toleration: &Toleration, taint: &Taint) -> bool {
    let is_for = |wanted: &Option<String>, actual: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == actual)
    };
    let actual = taint.value.as_deref().unwrap_or_default();
    is_for(&toleration.effect, &taint.effect)
        && is_for(&toleration.key, &taint.key)
        && match toleration.operator.as_deref().unwrap_or_default() {
            "" | "Equal" => toleration.value.as_deref().unwrap_or_default() == actual,
            "Exists" => true,
            "Gt" => Operator::GreaterThan.holds(Some(actual), toleration.value.as_slice()),
            "Lt" => Operator::LessThan.holds(Some(actual), toleration.value.as_slice()),
            _ => false,
        }
}

/// Whether one of the tolerations covers a taint.
pub fn tolerated(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| covers(toleration, taint))
}

/// Whether the tolerations cover all taints of the node with these effects.
pub fn tolerates(tolerations: &[Toleration], node: &Node, effects: &[&str]) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let mut taints = taints.iter().filter(|taint| effects.contains(&taint.effect.as_str()));
    taints.all(|taint| tolerated(tolerations, taint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_is_selected_by_labels_and_its_name() {
        let node = json!({"metadata": {"name": "n1", "labels": {"zone": "a", "cores": "8"}}});
        let node: Node = serde_json::from_value(node).expect("a node");
        let label = |key: &str, operator: &str, values: &[&str]| {
            json!({"matchExpressions":
            [{"key": key, "operator": operator, "values": values}]})
        };
        let by_name = |value: &str| {
            json!({"matchFields":
            [{"key": NAME_FIELD, "operator": "In", "values": [value]}]})
        };
        let cases = [
            (json!([]), false),
            (json!([{}]), false),
            (json!([by_name("n1")]), true),
            (json!([by_name("n2")]), false),
            (json!([by_name("n2"), label("zone", "In", &["a", "b"])]), true),
            (json!([label("zone", "NotIn", &["a"])]), false),
            (json!([label("rack", "NotIn", &["a"])]), true),
            (json!([label("rack", "DoesNotExist", &[])]), true),
            (json!([label("cores", "Gt", &["4"])]), true),
            (json!([label("cores", "Lt", &["4"])]), false),
        ];
        for (terms, expected) in cases {
            let selector: NodeSelector =
                serde_json::from_value(json!({"nodeSelectorTerms": terms})).expect("a selector");
            assert_eq!(selects(&selector, &node), expected, "{terms}");
        }
    }
}
