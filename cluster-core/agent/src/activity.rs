//! Whether anybody needs the agent: pages, operations and sync folders hold it.

use crate::prelude::*;

/// How many hold the agent now. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity(Arc<watch::Sender<usize>>);

/// Keeps the agent running.
#[derive(Debug)]
pub(crate) struct Busy(Arc<watch::Sender<usize>>);

impl Activity {
    /// Keeps the agent running until the result is dropped.
    pub(crate) fn hold(&self) -> Busy {
        self.0.send_modify(|holders| *holders += 1);
        Busy(self.0.clone())
    }

    /// Wakes whenever the number changes.
    pub(crate) fn changes(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|holders| *holders -= 1);
    }
}
