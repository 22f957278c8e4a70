//! A collection as it was at one revision: an ordered persistent map, so that a copy is a pointer.

use crate::prelude::*;
use std::ops::Bound;

use rpds::RedBlackTreeMapSync;

/// Where an object stands in the order of its collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    namespace: Arc<str>,
    name: Arc<str>,
}

impl From<&Key> for Place {
    fn from(key: &Key) -> Self {
        Self { namespace: key.namespace.clone(), name: key.name.clone() }
    }
}

/// The objects of one collection in (namespace, name) order. Cloning copies a pointer.
#[derive(Clone)]
pub(crate) struct Objects(RedBlackTreeMapSync<Place, Arc<Entry>>);

impl Objects {
    pub(crate) fn new() -> Self {
        Self(RedBlackTreeMapSync::new_sync())
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Entry>> {
        self.0.get(&Place::from(key))
    }

    pub(crate) fn insert(&mut self, entry: Arc<Entry>) {
        self.0.insert_mut(Place::from(&entry.key), entry);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.0.remove_mut(&Place::from(key));
    }

    /// The namespace text that entries of the namespace share already, so that it is not kept once per object.
    pub(crate) fn shared_namespace(&self, namespace: &str) -> Option<Arc<str>> {
        let from = Bound::Included(Place { namespace: namespace.into(), name: "".into() });
        let (place, _) = self.0.range((from, Bound::Unbounded)).next()?;
        (*place.namespace == *namespace).then(|| place.namespace.clone())
    }
}

/// A collection at one revision. Holding it costs nothing but the states that were replaced since.
#[derive(Clone)]
pub struct Snapshot {
    /// Every change up to here is in it and none after.
    pub revision: Revision,
    pub(crate) objects: Objects,
}

impl Snapshot {
    /// Entries in (namespace, name) order: of one namespace or all, after a place (exclusive) or from the start.
    pub fn range<'a>(
        &'a self,
        namespace: Option<&'a str>,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = Arc<Entry>> + 'a {
        let place = |namespace: &str, name: &str| Place { namespace: namespace.into(), name: name.into() };
        let start = namespace.map(|namespace| place(namespace, ""));
        let from = match (after.map(|(namespace, name)| place(namespace, name)), start) {
            (Some(after), start) if start.as_ref().is_none_or(|start| *start <= after) => Bound::Excluded(after),
            (_, Some(start)) => Bound::Included(start),
            (_, None) => Bound::Unbounded,
        };
        let entries = self.objects.0.range((from, Bound::Unbounded)).map(|(_, entry)| entry);
        entries.take_while(move |entry| namespace.is_none_or(|namespace| *entry.key.namespace == *namespace)).cloned()
    }

    /// One entry.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        self.objects.0.get(&Place { namespace: namespace.into(), name: name.into() }).cloned()
    }

    /// Number of entries in all namespaces.
    pub fn len(&self) -> usize {
        self.objects.0.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.0.is_empty()
    }
}
