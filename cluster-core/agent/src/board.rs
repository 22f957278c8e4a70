//! What runs in the agent and every page is told of: all of it anew whenever something changes.

use crate::prelude::*;
use std::any::Any;

/// Things of one sort by their ids.
#[derive(Debug)]
pub(crate) struct Board<T> {
    /// What messages call them.
    name: &'static str,
    events: Events,
    things: Mutex<BTreeMap<String, Entry<T>>>,
}

#[derive(Debug)]
struct Entry<T> {
    thing: T,
    _ends: Box<dyn Any + Send>,
}

impl<T: Clone + Serialize> Board<T> {
    pub(crate) fn new(name: &'static str, events: Events) -> Self {
        Self { name, events, things: Mutex::default() }
    }

    pub(crate) fn list(&self) -> Vec<T> {
        self.things.lock().values().map(|entry| entry.thing.clone()).collect()
    }

    pub(crate) fn get(&self, id: &str) -> Option<T> {
        self.things.lock().get(id).map(|entry| entry.thing.clone())
    }

    /// What pages are told.
    pub(crate) fn message(&self) -> String {
        json!({"type": self.name, self.name: self.list()}).to_string()
    }

    fn tell(&self) {
        tell(&self.events, self.message());
    }

    /// Enters something in the place of what had its id; `ends` is dropped when it is taken away.
    pub(crate) fn put(&self, id: &str, thing: T, ends: impl Any + Send) {
        self.things.lock().insert(id.to_owned(), Entry { thing, _ends: Box::new(ends) });
        self.tell();
    }

    /// False when there is no such thing.
    pub(crate) fn take_away(&self, id: &str) -> bool {
        let found = self.things.lock().remove(id).is_some();
        if found {
            self.tell();
        }
        found
    }

    /// Changes something that is there; `change` says whether pages should know.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut T) -> bool) {
        let changed = self.things.lock().get_mut(id).is_some_and(|entry| change(&mut entry.thing));
        if changed {
            self.tell();
        }
    }
}
