//! Why no node was found, counted and worded.

use crate::prelude::*;
use std::collections::HashSet;
use std::fmt;

/// A set of plugins, by their place in the table.
pub(crate) type PluginSet = u32;

/// Why a pod fits nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    nodes: usize,
    /// What is against every node alike.
    everywhere: Option<String>,
    reasons: BTreeMap<Cow<'static, str>, usize>,
    /// The plugins that refused a node.
    pub(crate) plugins: PluginSet,
    /// The nodes on which fewer pods could help.
    pub(crate) resolvable: HashSet<NodeId>,
}

impl Diagnosis {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes, ..Self::default() }
    }

    /// Counts a refusal of one node.
    pub(crate) fn refuse(&mut self, node: NodeId, plugin: usize, refusal: Refusal) {
        self.plugins |= 1 << plugin;
        if refusal.resolvable {
            self.resolvable.insert(node);
        }
        for reason in refusal.reasons {
            self.count(reason, 1);
        }
    }

    /// Takes a refusal of all nodes.
    pub(crate) fn refuse_all(&mut self, plugin: usize, refusal: &Refusal) {
        self.plugins |= 1 << plugin;
        self.everywhere = Some(refusal.reasons.join(", "));
    }

    /// The whole message, with what came of preemption when that is not empty.
    pub(crate) fn with_preemption(&self, text: &str) -> String {
        // Upstream's plugin for claims of devices speaks first; it has nothing to take back.
        if text.is_empty() {
            self.to_string()
        } else {
            format!("{self} no new claims to deallocate, preemption: {text}")
        }
    }

    pub(crate) fn count(&mut self, reason: impl Into<Cow<'static, str>>, nodes: usize) {
        if nodes > 0 {
            *self.reasons.entry(reason.into()).or_default() += nodes;
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        write!(f, "0/{} nodes are available:", self.nodes)?;
        if let Some(everywhere) = &self.everywhere {
            return write!(f, " {everywhere}.");
        }
        let mut texts: Vec<String> = self.reasons.iter().map(|(reason, nodes)| format!("{nodes} {reason}")).collect();
        texts.sort_unstable();
        if texts.is_empty() { Ok(()) } else { write!(f, " {}.", texts.join(", ")) }
    }
}
