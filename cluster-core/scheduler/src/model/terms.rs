//! Label and node selectors in the form they are matched in.

use super::{Labels, NodeFacts};
use cluster_object::selector::{Operator, Requirement, Selector};
use k8s_openapi::api::core::v1::{NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// A `LabelSelector`; none matches nothing.
pub(crate) fn label_selector(selector: Option<&LabelSelector>) -> Selector {
    let Some(selector) = selector else { return Selector::nothing() };
    let equal = selector.match_labels.iter().flatten().map(|(key, value)| equals(key, value));
    let expressions = selector.match_expressions.iter().flatten();
    let expressions = expressions.filter_map(|e| requirement(&e.key, &e.operator, e.values.as_deref()));
    Selector::from_requirements(equal.chain(expressions).collect())
}

pub(crate) fn equals(key: &str, value: &str) -> Requirement {
    Requirement { key: key.to_owned(), operator: Operator::Equals, values: vec![value.to_owned()] }
}

fn requirement(key: &str, operator: &str, values: Option<&[String]>) -> Option<Requirement> {
    let operator = match operator {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::GreaterThan,
        "Lt" => Operator::LessThan,
        _ => return None,
    };
    Some(Requirement { key: key.to_owned(), operator, values: values.unwrap_or_default().to_vec() })
}

/// All conditions on one node, on its labels and on its fields; a term without conditions matches no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeTerm {
    labels: Vec<Requirement>,
    names: Vec<Requirement>,
    /// A condition that cannot be read, or on a field that is none: no node fulfils it.
    broken: bool,
}

impl NodeTerm {
    pub(crate) fn read(term: &NodeSelectorTerm) -> Self {
        let read = |list: &Option<Vec<NodeSelectorRequirement>>| -> Vec<Option<Requirement>> {
            list.iter().flatten().map(|r| requirement(&r.key, &r.operator, r.values.as_deref())).collect()
        };
        let (labels, names) = (read(&term.match_expressions), read(&term.match_fields));
        let broken = labels.iter().any(Option::is_none)
            || names.iter().any(|r| r.as_ref().is_none_or(|r| r.key != "metadata.name"));
        Self { labels: labels.into_iter().flatten().collect(), names: names.into_iter().flatten().collect(), broken }
    }

    pub(crate) fn matches(&self, node: &NodeFacts) -> bool {
        !self.broken
            && self.labels.len() + self.names.len() > 0
            && all(&self.labels, &node.labels)
            && self.names.iter().all(|r| r.matches(Some(&node.name)))
    }

    /// The only names a node may have, when the term says so.
    fn pinned(&self) -> Option<Vec<&str>> {
        let mut lists = self.names.iter().filter(|r| r.operator == Operator::In).map(|r| &r.values);
        let first: Vec<&str> = lists.next()?.iter().map(String::as_str).collect();
        Some(lists.fold(first, |kept, list| kept.into_iter().filter(|name| list.iter().any(|n| n == name)).collect()))
    }
}

fn all(requirements: &[Requirement], labels: &Labels) -> bool {
    requirements.iter().all(|r| r.matches(labels.get(&r.key).map(String::as_str)))
}

/// Which nodes a pod's `nodeSelector` and required node affinity allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequiredNodes {
    labels: Vec<Requirement>,
    terms: Option<Vec<NodeTerm>>,
}

impl RequiredNodes {
    pub(crate) fn read(spec: &PodSpec) -> Self {
        let labels = spec.node_selector.iter().flatten().map(|(key, value)| equals(key, value)).collect();
        Self { labels, ..Self::of_affinity(spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref())) }
    }

    /// What an affinity alone allows.
    pub(crate) fn of_affinity(affinity: Option<&NodeAffinity>) -> Self {
        let required = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
        let terms = required.map(|r| r.node_selector_terms.iter().map(NodeTerm::read).collect());
        Self { labels: Vec::new(), terms }
    }

    pub(crate) fn allows_all(&self) -> bool {
        self.labels.is_empty() && self.terms.is_none()
    }

    pub(crate) fn allow(&self, node: &NodeFacts) -> bool {
        all(&self.labels, &node.labels)
            && self.terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
    }

    /// The only nodes that can be allowed, when every term names its nodes, as those of daemon pods do.
    pub(crate) fn pinned(&self) -> Option<Vec<&str>> {
        let mut names = Vec::new();
        for term in self.terms.as_ref().filter(|terms| !terms.is_empty())? {
            names.extend(term.pinned()?);
        }
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}
