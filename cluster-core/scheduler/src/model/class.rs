//! Pods that no selector and no affinity rule can tell apart, counted per node.
//!
//! The pods of one replica set make one class, so matching a selector against every pod of the cluster costs as many
//! matches as there are replica sets, not pods.

use super::Labels;
use crate::prelude::*;
use k8s_openapi::api::core::v1::{Affinity, PodAffinityTerm, WeightedPodAffinityTerm};

/// How many pods of a class each node holds.
pub(crate) type Nodes = BTreeMap<NodeId, u32>;

/// All that selectors and affinity rules see of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    pub(crate) terminating: bool,
    pub(crate) affinity: PodAffinity,
}

impl Class {
    pub(crate) fn matches(&self, selector: &Selector) -> bool {
        selector.matches(|key| self.labels.get(key).map(String::as_str))
    }
}

/// A pod's rules about other pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PodAffinity {
    pub(crate) required: Vec<PodTerm>,
    pub(crate) anti_required: Vec<PodTerm>,
    /// Anti-affinity has a negative weight.
    pub(crate) preferred: Vec<(i64, PodTerm)>,
}

/// One rule: pods it selects, and the topology in which they count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PodTerm {
    pub(crate) topology_key: Arc<str>,
    selector: Selector,
    namespaces: Vec<String>,
    namespace_selector: Option<Selector>,
}

impl PodTerm {
    /// The API server has made requirements of `matchLabelKeys` and `mismatchLabelKeys` when the pod was created.
    fn read(term: &PodAffinityTerm, namespace: &str) -> Self {
        let selector = labels::selector(term.label_selector.as_ref());
        let mut namespaces = term.namespaces.clone().unwrap_or_default();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.push(namespace.to_owned());
        }
        let namespace_selector = term.namespace_selector.as_ref().map(|s| labels::selector(Some(s)));
        Self { topology_key: term.topology_key.as_str().into(), selector, namespaces, namespace_selector }
    }

    /// Whether pods of this namespace can be selected; `labels` are the namespace's.
    pub(crate) fn covers(&self, namespace: &str, labels: Option<&Labels>) -> bool {
        self.namespaces.iter().any(|n| n == namespace)
            || self.namespace_selector.as_ref().is_some_and(|selector| {
                selector.matches(|key| labels.and_then(|labels| labels.get(key)).map(String::as_str))
            })
    }

    /// Whether the rule selects these pods; `labels` are those of their namespace.
    pub(crate) fn selects(&self, class: &Class, labels: Option<&Labels>) -> bool {
        self.covers(&class.namespace, labels) && class.matches(&self.selector)
    }
}

impl PodAffinity {
    pub(crate) fn read(affinity: Option<&Affinity>, namespace: &str) -> Self {
        let term = |term: &PodAffinityTerm| PodTerm::read(term, namespace);
        let weigh = |sign: i64, terms: &Option<Vec<WeightedPodAffinityTerm>>| -> Vec<(i64, PodTerm)> {
            terms.iter().flatten().map(|w| (sign * i64::from(w.weight), term(&w.pod_affinity_term))).collect()
        };
        let mut read = Self::default();
        if let Some(rules) = affinity.and_then(|a| a.pod_affinity.as_ref()) {
            let required = rules.required_during_scheduling_ignored_during_execution.iter().flatten();
            read.required = required.map(term).collect();
            read.preferred = weigh(1, &rules.preferred_during_scheduling_ignored_during_execution);
        }
        if let Some(rules) = affinity.and_then(|a| a.pod_anti_affinity.as_ref()) {
            let required = rules.required_during_scheduling_ignored_during_execution.iter().flatten();
            read.anti_required = required.map(term).collect();
            read.preferred.extend(weigh(-1, &rules.preferred_during_scheduling_ignored_during_execution));
        }
        read
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.required.is_empty() && self.anti_required.is_empty() && self.preferred.is_empty()
    }
}

/// All classes that have a pod on a node.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    by_namespace: HashMap<String, HashMap<Arc<Class>, Nodes>>,
    /// The classes with rules of their own, again.
    with_rules: HashMap<Arc<Class>, Nodes>,
}

impl Classes {
    /// The classes of one namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = (&Class, &Nodes)> {
        self.by_namespace.get(namespace).into_iter().flatten().map(|(class, nodes)| (class.as_ref(), nodes))
    }

    /// The classes of every namespace, by namespace.
    pub(crate) fn by_namespace(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = (&Class, &Nodes)>)> {
        self.by_namespace.iter().map(|(namespace, classes)| {
            (namespace.as_str(), classes.iter().map(|(class, nodes)| (class.as_ref(), nodes)))
        })
    }

    /// The classes that have rules about other pods.
    pub(crate) fn with_rules(&self) -> impl Iterator<Item = (&Class, &Nodes)> {
        self.with_rules.iter().map(|(class, nodes)| (class.as_ref(), nodes))
    }

    /// The class as placed pods have it, so that pods that are alike share one.
    pub(crate) fn shared(&self, class: Class) -> Arc<Class> {
        let known = self.by_namespace.get(&class.namespace).and_then(|classes| classes.get_key_value(&class));
        known.map_or_else(|| Arc::new(class), |(known, _)| known.clone())
    }

    pub(crate) fn add(&mut self, class: &Arc<Class>, node: NodeId) {
        if !self.by_namespace.contains_key(&class.namespace) {
            self.by_namespace.insert(class.namespace.clone(), HashMap::new());
        }
        let mut tables: Vec<_> = self.by_namespace.get_mut(&class.namespace).into_iter().collect();
        if !class.affinity.is_empty() {
            tables.push(&mut self.with_rules);
        }
        for table in tables {
            match table.get_mut(class) {
                Some(nodes) => *nodes.entry(node).or_default() += 1,
                None => drop(table.insert(class.clone(), Nodes::from([(node, 1)]))),
            }
        }
    }

    pub(crate) fn remove(&mut self, class: &Arc<Class>, node: NodeId) {
        let namespaces = &mut self.by_namespace;
        if let Some(classes) = namespaces.get_mut(&class.namespace) {
            take(classes, class, node);
            if classes.is_empty() {
                namespaces.remove(&class.namespace);
            }
        }
        take(&mut self.with_rules, class, node);
    }
}

fn take(table: &mut HashMap<Arc<Class>, Nodes>, class: &Arc<Class>, node: NodeId) {
    let Some(nodes) = table.get_mut(class) else { return };
    if let Some(count) = nodes.get_mut(&node) {
        *count -= 1;
        if *count == 0 {
            nodes.remove(&node);
        }
    }
    if nodes.is_empty() {
        table.remove(class);
    }
}
