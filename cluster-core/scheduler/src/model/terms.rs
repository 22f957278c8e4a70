//! Which nodes a pod may be on by its selector and its node affinity.

use super::NodeFacts;
use crate::prelude::*;
use cluster_client::nodes::NAME_FIELD;

/// Which nodes a pod's `nodeSelector` and required node affinity allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequiredNodes {
    labels: BTreeMap<String, String>,
    terms: Option<Vec<NodeSelectorTerm>>,
}

impl RequiredNodes {
    pub(crate) fn read(spec: &PodSpec) -> Self {
        let labels = spec.node_selector.clone().unwrap_or_default();
        Self { labels, ..Self::of_affinity(spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref())) }
    }

    /// What an affinity alone allows.
    pub(crate) fn of_affinity(affinity: Option<&NodeAffinity>) -> Self {
        let required = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
        Self { labels: BTreeMap::new(), terms: required.map(|r| r.node_selector_terms.clone()) }
    }

    pub(crate) fn allows_all(&self) -> bool {
        self.labels.is_empty() && self.terms.is_none()
    }

    pub(crate) fn allow(&self, node: &NodeFacts) -> bool {
        self.labels.iter().all(|(key, value)| node.labels.get(key) == Some(value))
            && self.terms.as_ref().is_none_or(|terms| node.is_picked(terms))
    }

    /// The only nodes that can be allowed, when every term names its nodes, as those of daemon pods do.
    pub(crate) fn pinned(&self) -> Option<Vec<&str>> {
        let mut names = Vec::new();
        for term in self.terms.as_ref().filter(|terms| !terms.is_empty())? {
            names.extend(pinned(term)?);
        }
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

/// The only names a node may have, when the term says so.
fn pinned(term: &NodeSelectorTerm) -> Option<Vec<&str>> {
    let named = term.match_fields.iter().flatten().filter(|field| field.key == NAME_FIELD && field.operator == "In");
    let mut lists = named.map(|field| field.values.as_deref().unwrap_or_default());
    let first: Vec<&str> = lists.next()?.iter().map(String::as_str).collect();
    Some(lists.fold(first, |kept, list| kept.into_iter().filter(|name| list.iter().any(|n| n == name)).collect()))
}
