//! Which nodes share a label's value, as small numbers instead of texts.

use super::NodeId;

/// The values of one label over all nodes.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    values: Vec<Option<u32>>,
    /// How many different values there are.
    pub(crate) size: usize,
}

impl Topology {
    pub(crate) fn new<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut numbers = std::collections::HashMap::new();
        let mut number = |value| {
            let next = numbers.len() as u32;
            *numbers.entry(value).or_insert(next)
        };
        let values = values.map(|value| value.map(&mut number)).collect();
        Self { values, size: numbers.len() }
    }

    /// The number of the value the node has.
    pub(crate) fn of(&self, node: NodeId) -> Option<usize> {
        self.values.get(node.0 as usize).copied().flatten().map(|value| value as usize)
    }

    /// A counter for each value.
    pub(crate) fn counters(&self) -> Vec<i64> {
        vec![0; self.size]
    }
}
