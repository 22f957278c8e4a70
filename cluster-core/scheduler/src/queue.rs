//! Pods that wait for a node: ready ones by priority, failed ones for a while, hopeless ones until something changes.

use crate::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// After this time a pod is tried again whatever happened.
const LONGEST_PARKED: Duration = Duration::from_mins(5);
const FLUSH_EVERY: Duration = Duration::from_secs(30);

type Uid = Arc<str>;

/// Where a pod waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its turn comes by priority, then by time.
    Active(Instant, u64),
    /// After an attempt that found no node; it may go early when nothing else is to do.
    BackingOff(Instant),
    /// After an error; it waits its time out.
    Failed(Instant),
    /// These plugins refused it; waits for something that changes their mind.
    Parked(PluginSet),
    /// Something has to be done with it first.
    Gated,
    /// Being scheduled or bound.
    InWork,
}

#[derive(Debug)]
struct Entry {
    info: Arc<PodInfo>,
    place: Place,
    attempts: u32,
    tried: Instant,
}

/// The queue. All times are given, so that it never looks at a clock.
#[derive(Debug)]
pub(crate) struct Queue {
    entries: HashMap<Uid, Entry>,
    active: BTreeSet<(Reverse<i32>, Instant, u64, Uid)>,
    backing_off: BTreeSet<(Instant, Uid)>,
    failed: BTreeSet<(Instant, Uid)>,
    parked: HashMap<PluginSet, BTreeSet<Uid>>,
    serial: u64,
    next_flush: Option<Instant>,
    backoff: (Duration, Duration),
}

impl Queue {
    /// An empty queue, in which a pod waits `first` after its first attempt and up to `longest` after more.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            active: BTreeSet::new(),
            backing_off: BTreeSet::new(),
            failed: BTreeSet::new(),
            parked: HashMap::new(),
            serial: 0,
            next_flush: None,
            backoff: (first, longest),
        }
    }

    /// Takes in a pod or its new state; `relevant` says that the change may make it fit.
    pub(crate) fn put(&mut self, info: Arc<PodInfo>, relevant: bool, now: Instant) {
        let uid = info.uid.clone();
        let gated = info.is_gated();
        let Some(entry) = self.entries.get_mut(&uid) else {
            let place = Place::Gated;
            self.entries.insert(uid.clone(), Entry { info, place, attempts: 0, tried: now });
            if !gated {
                self.activate(&uid, now);
            }
            return;
        };
        entry.info = info;
        match entry.place {
            Place::Gated if !gated => self.activate(&uid, now),
            Place::Parked(_) if relevant => self.retry(&uid, now),
            _ => {}
        }
    }

    /// Forgets a pod.
    pub(crate) fn remove(&mut self, uid: &str) -> Option<Arc<PodInfo>> {
        self.unfile(uid);
        self.entries.remove(uid).map(|entry| entry.info)
    }

    /// The pod as it waits.
    pub(crate) fn get(&self, uid: &str) -> Option<&Arc<PodInfo>> {
        self.entries.get(uid).map(|entry| &entry.info)
    }

    /// The pod whose turn it is; it stays known until it is put back or removed.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Arc<PodInfo>> {
        self.promote(now);
        let uid = match self.active.first() {
            Some((.., uid)) => uid.clone(),
            None => self.backing_off.first()?.1.clone(),
        };
        self.file(&uid, Place::InWork);
        let entry = self.entries.get_mut(&uid)?;
        entry.attempts += 1;
        entry.tried = now;
        Some(entry.info.clone())
    }

    /// Puts back a pod that found no node, until one of the plugins that refused it may change its mind.
    pub(crate) fn park(&mut self, uid: &str, plugins: PluginSet, now: Instant) {
        self.file(uid, Place::Parked(plugins));
        self.next_flush.get_or_insert(now + FLUSH_EVERY);
    }

    /// Puts back a pod after an error.
    pub(crate) fn fail(&mut self, uid: &str) {
        if let Some(until) = self.backoff_until(uid) {
            self.file(uid, Place::Failed(until));
        }
    }

    /// Tries those parked pods again which one of the `interested` plugins refused, and for which `helps` says that what
    /// happened may help.
    pub(crate) fn wake(&mut self, now: Instant, interested: PluginSet, helps: impl Fn(PluginSet, &PodInfo) -> bool) {
        let mut woken = Vec::new();
        for (plugins, uids) in self.parked.iter().filter(|(plugins, _)| **plugins == 0 || **plugins & interested != 0) {
            let refusing = plugins & interested;
            let worthy = |uid: &&Uid| self.entries.get(*uid).is_some_and(|e| *plugins == 0 || helps(refusing, &e.info));
            woken.extend(uids.iter().filter(worthy).cloned());
        }
        for uid in woken {
            self.retry(&uid, now);
        }
    }

    /// When something becomes ready by itself.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let first = |set: &BTreeSet<(Instant, Uid)>| set.first().map(|(at, _)| *at);
        [first(&self.backing_off), first(&self.failed), self.next_flush].into_iter().flatten().min()
    }

    /// Makes ready what has waited long enough.
    fn promote(&mut self, now: Instant) {
        let due = |set: &BTreeSet<(Instant, Uid)>| set.first().filter(|(at, _)| *at <= now).map(|(_, uid)| uid.clone());
        while let Some(uid) = due(&self.backing_off).or_else(|| due(&self.failed)) {
            self.activate(&uid, now);
        }
        if self.next_flush.is_some_and(|at| at <= now) {
            let stale = |uid: &&Uid| self.entries.get(*uid).is_some_and(|e| e.tried + LONGEST_PARKED <= now);
            let stale: Vec<Uid> = self.parked.values().flatten().filter(stale).cloned().collect();
            for uid in stale {
                self.retry(&uid, now);
            }
            self.next_flush = (!self.parked.is_empty()).then(|| now + FLUSH_EVERY);
        }
    }

    fn backoff_until(&self, uid: &str) -> Option<Instant> {
        let (entry, (first, longest)) = (self.entries.get(uid)?, self.backoff);
        let doublings = entry.attempts.saturating_sub(1);
        Some(entry.tried + first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest))
    }

    /// Ready at once, or when its back-off is over.
    fn retry(&mut self, uid: &str, now: Instant) {
        match self.backoff_until(uid) {
            Some(until) if until > now => self.file(uid, Place::BackingOff(until)),
            _ => self.activate(uid, now),
        }
    }

    fn activate(&mut self, uid: &str, now: Instant) {
        self.serial += 1;
        self.file(uid, Place::Active(now, self.serial));
    }

    fn unfile(&mut self, uid: &str) {
        let Some(entry) = self.entries.get(uid) else { return };
        let uid = entry.info.uid.clone();
        match entry.place {
            Place::Active(at, serial) => {
                self.active.remove(&(Reverse(entry.info.priority), at, serial, uid));
            }
            Place::BackingOff(at) => drop(self.backing_off.remove(&(at, uid))),
            Place::Failed(at) => drop(self.failed.remove(&(at, uid))),
            Place::Parked(plugins) => {
                if let Some(uids) = self.parked.get_mut(&plugins) {
                    uids.remove(&uid);
                    if uids.is_empty() {
                        self.parked.remove(&plugins);
                    }
                }
            }
            Place::Gated | Place::InWork => {}
        }
    }

    fn file(&mut self, uid: &str, place: Place) {
        self.unfile(uid);
        let Some(entry) = self.entries.get_mut(uid) else { return };
        entry.place = place;
        let uid = entry.info.uid.clone();
        match place {
            Place::Active(at, serial) => {
                self.active.insert((Reverse(entry.info.priority), at, serial, uid));
            }
            Place::BackingOff(at) => drop(self.backing_off.insert((at, uid))),
            Place::Failed(at) => drop(self.failed.insert((at, uid))),
            Place::Parked(plugins) => drop(self.parked.entry(plugins).or_default().insert(uid)),
            Place::Gated | Place::InWork => {}
        }
    }
}

#[cfg(test)]
mod tests;
