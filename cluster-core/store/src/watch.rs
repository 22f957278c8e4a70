//! A watcher: a cursor in the ring of a collection's recent events. It owns no queue, so thousands are cheap.

use crate::prelude::*;
use std::future::pending;

use tokio::sync::watch::Receiver;

/// Most events one call of [`Watcher::next`] returns.
const BATCH: usize = 256;

/// Follows one collection from a revision on, missing nothing.
pub struct Watcher {
    state: Arc<State>,
    resource: Arc<str>,
    cursor: Revision,
    changed: Receiver<Revision>,
}

impl Watcher {
    pub(crate) fn new(state: Arc<State>, resource: Arc<str>, after: Revision, changed: Receiver<Revision>) -> Self {
        Self { state, resource, cursor: after, changed }
    }

    /// The next events in revision order, at least one. A watcher that fell out of the ring gets [`Expired`] and must
    /// list anew. Waits for ever when the store was closed. Safe to cancel.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, Expired> {
        loop {
            let ready = self.ready()?;
            if !ready.is_empty() {
                return Ok(ready);
            }
            if self.changed.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// As [`Watcher::next`], without waiting: empty when there is nothing new.
    pub fn ready(&mut self) -> Result<Vec<Arc<Event>>, Expired> {
        self.changed.mark_unchanged();
        let (events, newest) = self.state.events(&self.resource, self.cursor, BATCH)?;
        self.cursor = self.cursor.max(events.last().map_or(newest, |event| event.revision));
        Ok(events)
    }

    /// The newest revision up to which this watcher has returned every change, also when the last changes were to
    /// other collections: what a bookmark says.
    pub fn revision(&mut self) -> Revision {
        // Nothing is returned here, so the cursor may only move when nothing is waiting.
        if let Ok((events, newest)) = self.state.events(&self.resource, self.cursor, 1)
            && events.is_empty()
        {
            self.cursor = self.cursor.max(newest);
        }
        self.cursor
    }
}
