//! The current state in memory and the recent past of every collection, published batch by batch.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::ring::{self, Limits, Ring};
use crate::snapshot::Objects;
use crate::{Change, Draft, Entry, Event, Expired, Key, Revision, Snapshot, Watcher};

/// Past snapshots kept per collection so that the pages of a list do not each undo the same events.
const PAST: usize = 8;
/// How long they are kept while the collection changes.
const PAST_AGE: Duration = Duration::from_mins(5);

/// How long events are kept in memory, counted from mark to mark: as long as upstream's servers keep them in etcd at
/// most, so clients expect no more.
const EVENT_AGE: Duration = Duration::from_mins(10);
const MARK: Duration = Duration::from_mins(1);

/// What one commit did to one collection.
pub(crate) struct Published {
    pub(crate) name: Arc<str>,
    pub(crate) objects: Objects,
    pub(crate) events: Vec<Arc<Event>>,
}

impl Published {
    fn empty(name: Arc<str>) -> Self {
        Self { name, objects: Objects::new(), events: Vec::new() }
    }

    /// A key of this collection that shares its texts with the entries that are there.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> Key {
        let namespace = self.objects.shared_namespace(namespace).unwrap_or_else(|| namespace.into());
        Key { resource: self.name.clone(), namespace, name: name.into() }
    }

    /// Writes or removes an object.
    pub(crate) fn apply(&mut self, change: Change, key: &Key, revision: Revision, draft: Draft) -> Arc<Event> {
        let previous = self.objects.get(key).cloned();
        let key = previous.as_ref().map_or_else(|| self.key(&key.namespace, &key.name), |entry| entry.key.clone());
        let entry = Arc::new(Entry::written(key, revision, draft));
        match change {
            Change::Put => self.objects.insert(entry.clone()),
            Change::Delete => self.objects.remove(&entry.key),
        }
        let event = Arc::new(Event { revision, change, entry, previous });
        self.events.push(event.clone());
        event
    }
}

/// What one commit did, by collection.
pub(crate) type Commit = HashMap<Arc<str>, Published>;

/// A collection of a commit that starts from nothing.
pub(crate) fn collection<'a>(commit: &'a mut Commit, resource: &str) -> &'a mut Published {
    if !commit.contains_key(resource) {
        let name: Arc<str> = resource.into();
        commit.insert(name.clone(), Published::empty(name));
    }
    commit.get_mut(resource).expect("inserted above")
}

/// One lock guards it all, held for pointer copies only: a reader sees whole commits, across collections too.
pub struct State {
    inner: RwLock<Inner>,
    progress: watch::Sender<Revision>,
    limits: Limits,
    ephemeral: fn(&str) -> bool,
}

struct Inner {
    revision: Revision,
    /// What collections that do not exist yet may be watched from: (kept history, none).
    floors: (Revision, Revision),
    resources: HashMap<Arc<str>, Resource>,
    /// How far it was when, oldest first.
    marks: VecDeque<(Instant, Revision)>,
}

impl Inner {
    /// Lets go of events that are too old, of collections that rest too.
    fn age(&mut self, now: Instant, evicted: &mut Vec<Arc<Event>>) {
        if self.marks.back().is_none_or(|(marked, _)| now.duration_since(*marked) >= MARK) {
            self.marks.push_back((now, self.revision));
        }
        while let Some((_, until)) = self.marks.pop_front_if(|(marked, _)| now.duration_since(*marked) > EVENT_AGE) {
            self.resources.values_mut().for_each(|resource| resource.ring.forget(until, evicted));
        }
    }
}

struct Resource {
    objects: Objects,
    ring: Ring,
    past: VecDeque<(Instant, Snapshot)>,
    changed: watch::Sender<Revision>,
}

impl State {
    /// A state at `revision`, whose events after `replayable` will be loaded before it is shared.
    pub(crate) fn new(revision: Revision, replayable: Revision, limits: Limits, ephemeral: fn(&str) -> bool) -> Self {
        Self {
            inner: RwLock::new(Inner {
                revision,
                floors: (replayable, revision),
                resources: HashMap::new(),
                marks: VecDeque::new(),
            }),
            progress: watch::Sender::new(revision),
            limits,
            ephemeral,
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.inner.read().revision
    }

    /// Waits until `revision` is committed and visible.
    pub(crate) async fn reached(&self, revision: Revision) {
        // The sender lives as long as self, so the channel cannot close.
        if self.progress.subscribe().wait_for(|newest| *newest >= revision).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.inner.read().resources.get(&key.resource)?.objects.get(key).cloned()
    }

    pub(crate) fn snapshot(&self, resource: &str) -> Snapshot {
        let inner = self.inner.read();
        let objects = inner.resources.get(resource).map_or_else(Objects::new, |resource| resource.objects.clone());
        Snapshot { revision: inner.revision, objects }
    }

    /// The collection as it was at `revision`: today's with the events since taken back.
    pub(crate) fn snapshot_at(&self, resource: &str, revision: Revision) -> Result<Snapshot, Expired> {
        let (mut snapshot, events) = {
            let inner = self.inner.read();
            let floor = self.floor(&inner, resource);
            let expired = || Expired { requested: revision, oldest: floor };
            let found = match inner.resources.get(resource) {
                _ if revision > inner.revision => return Err(expired()),
                None if revision < floor => return Err(expired()),
                None => return Ok(Snapshot { revision, objects: Objects::new() }),
                Some(found) => found,
            };
            if let Some((_, past)) = found.past.iter().find(|(_, past)| past.revision == revision) {
                return Ok(past.clone());
            }
            (Snapshot { revision, objects: found.objects.clone() }, found.ring.after(revision, usize::MAX)?)
        };
        if events.is_empty() {
            return Ok(snapshot);
        }
        ring::undo(&mut snapshot.objects, &events);
        if let Some(found) = self.inner.write().resources.get_mut(resource) {
            found.past.truncate(PAST - 1);
            found.past.push_front((Instant::now(), snapshot.clone()));
        }
        Ok(snapshot)
    }

    pub(crate) fn watch(self: &Arc<Self>, resource: &str, after: Revision) -> Result<Watcher, Expired> {
        let mut inner = self.inner.write();
        let name = inner.resources.get_key_value(resource).map_or_else(|| resource.into(), |(name, _)| name.clone());
        let found = self.resource(&mut inner, &name);
        found.ring.after(after, 0)?;
        Ok(Watcher::new(self.clone(), name, after, found.changed.subscribe()))
    }

    /// Events of a collection after `after`, and the newest revision that all of them together reach.
    pub(crate) fn events(
        &self,
        resource: &str,
        after: Revision,
        limit: usize,
    ) -> Result<(Vec<Arc<Event>>, Revision), Expired> {
        let inner = self.inner.read();
        let events = inner.resources.get(resource).map_or_else(|| Ok(Vec::new()), |r| r.ring.after(after, limit))?;
        Ok((events, inner.revision))
    }

    /// A copy of a collection for the writer to work on, under the name that its entries share.
    pub(crate) fn collection(&self, resource: &Arc<str>) -> Published {
        let inner = self.inner.read();
        let (name, objects) = inner.resources.get_key_value(resource).map_or_else(
            || (resource.clone(), Objects::new()),
            |(name, resource)| (name.clone(), resource.objects.clone()),
        );
        Published { name, objects, events: Vec::new() }
    }

    /// Puts what was loaded at `revision` in the place of everything; watchers must list anew.
    pub(crate) fn reset(&self, revision: Revision, mut loaded: Commit) {
        let mut inner = self.inner.write();
        inner.revision = revision;
        inner.floors = (revision, revision);
        for name in loaded.keys() {
            self.resource(&mut inner, name);
        }
        for (name, resource) in &mut inner.resources {
            resource.objects = loaded.remove(name).map_or_else(Objects::new, |published| published.objects);
            resource.ring = Ring::new(revision, self.limits);
            resource.past.clear();
            resource.changed.send_replace(revision);
        }
        drop(inner);
        self.progress.send_replace(revision);
    }

    /// Makes a commit visible to readers at once, then wakes its watchers.
    pub(crate) fn publish(&self, now: Instant, revision: Revision, commit: Commit) {
        // What is replaced is freed after the lock is released.
        let (mut evicted, mut replaced, mut wake) = (Vec::new(), Vec::new(), Vec::with_capacity(commit.len()));
        {
            let mut inner = self.inner.write();
            for published in commit.into_values() {
                let resource = self.resource(&mut inner, &published.name);
                replaced.push(std::mem::replace(&mut resource.objects, published.objects));
                published.events.into_iter().for_each(|event| resource.ring.push(event, &mut evicted));
                while resource.past.back().is_some_and(|(taken, _)| now.duration_since(*taken) > PAST_AGE) {
                    replaced.extend(resource.past.pop_back().map(|(_, past)| past.objects));
                }
                wake.push(resource.changed.clone());
            }
            inner.revision = revision;
            inner.age(now, &mut evicted);
        }
        for changed in wake {
            changed.send_replace(revision);
        }
        self.progress.send_replace(revision);
    }

    fn floor(&self, inner: &Inner, resource: &str) -> Revision {
        if (self.ephemeral)(resource) { inner.floors.1 } else { inner.floors.0 }
    }

    fn resource<'a>(&self, inner: &'a mut Inner, name: &Arc<str>) -> &'a mut Resource {
        let (revision, floor) = (inner.revision, self.floor(inner, name));
        inner.resources.entry(name.clone()).or_insert_with(|| Resource {
            objects: Objects::new(),
            ring: Ring::new(floor, self.limits),
            past: VecDeque::new(),
            changed: watch::Sender::new(revision),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::LIMITS;

    #[test]
    fn events_are_let_go_when_they_are_old_also_where_nothing_happens_any_more() {
        let state = State::new(1, 1, LIMITS, |_| false);
        let start = Instant::now();
        let write = |minute: u64, resource: &str| {
            let (mut commit, revision) = (Commit::new(), state.revision() + 1);
            let draft = Draft { before: "{".into(), after: "}".into(), facts: None };
            let key = Key::new(resource, "", revision.to_string());
            let published = commit.entry(resource.into()).or_insert_with(|| state.collection(&resource.into()));
            published.apply(Change::Put, &key, revision, draft);
            state.publish(start + Duration::from_mins(minute), revision, commit);
        };
        for (minute, resource) in [(0, "rests"), (0, "rests"), (8, "rests"), (10, "lives")] {
            write(minute, resource);
        }
        assert_eq!(state.events("rests", 1, 9).unwrap().0.len(), 3);
        write(11, "lives");
        // What came after the first mark is not as old as the mark.
        assert_eq!(state.events("rests", 2, 9).unwrap().0.len(), 2);
        assert_eq!(state.events("rests", 1, 9).unwrap_err().oldest, 2);
        write(20, "lives");
        assert_eq!(state.events("rests", 4, 9).unwrap().0.len(), 0);
        assert_eq!((state.events("rests", 3, 9).is_err(), state.snapshot("rests").len()), (true, 3));
        assert_eq!(state.events("lives", 5, 9).unwrap().0.len(), 2);
    }
}
