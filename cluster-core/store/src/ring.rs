//! The recent events of one collection, bounded in number and in bytes kept alive.

use crate::prelude::*;
use std::collections::VecDeque;

use crate::snapshot::Objects;

/// Per collection; the bytes are those of replaced and deleted states only.
pub(crate) const LIMITS: Limits = Limits { events: 65_536, bytes: 16 << 20 };

/// How much a ring holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

pub(crate) struct Ring {
    events: VecDeque<Arc<Event>>,
    /// Revision of the last event that is missing; everything after it is here.
    floor: Revision,
    bytes: usize,
    limits: Limits,
}

impl Ring {
    pub(crate) fn new(floor: Revision, limits: Limits) -> Self {
        Self { events: VecDeque::new(), floor, bytes: 0, limits }
    }

    /// Adds the newest event; what falls out is handed to `evicted`, for the caller to free outside its lock.
    pub(crate) fn push(&mut self, event: Arc<Event>, evicted: &mut Vec<Arc<Event>>) {
        self.bytes += weight(&event);
        self.events.push_back(event);
        self.evict(evicted, |ring, _| ring.events.len() > ring.limits.events || ring.bytes > ring.limits.bytes);
    }

    /// Takes out all events up to a revision.
    pub(crate) fn forget(&mut self, until: Revision, evicted: &mut Vec<Arc<Event>>) {
        self.evict(evicted, |_, oldest| oldest.revision <= until);
        self.events.shrink_to(2 * self.events.len());
    }

    fn evict(&mut self, evicted: &mut Vec<Arc<Event>>, goes: impl Fn(&Self, &Event) -> bool) {
        while let Some(oldest) = self.events.front()
            && goes(self, oldest)
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= weight(&oldest);
            self.floor = oldest.revision;
            evicted.push(oldest);
        }
    }

    /// Up to `limit` events after `revision`, oldest first.
    pub(crate) fn after(&self, revision: Revision, limit: usize) -> Result<Vec<Arc<Event>>, Expired> {
        if revision < self.floor {
            return Err(Expired { requested: revision, oldest: self.floor });
        }
        let start = self.events.partition_point(|event| event.revision <= revision);
        Ok(self.events.range(start..).take(limit).cloned().collect())
    }
}

/// Bytes that an event keeps in memory which the current state does not: the replaced state, a deleted object's last.
fn weight(event: &Event) -> usize {
    let last = if event.change == Change::Delete { event.entry.bytes.len() } else { 0 };
    size_of::<Event>() + event.previous.as_ref().map_or(0, |previous| previous.bytes.len()) + last
}

/// Takes `events` (oldest first) back out of `objects`.
pub(crate) fn undo(objects: &mut Objects, events: &[Arc<Event>]) {
    for event in events.iter().rev() {
        match &event.previous {
            Some(previous) => objects.insert(previous.clone()),
            None => objects.remove(&event.entry.key),
        }
    }
}
