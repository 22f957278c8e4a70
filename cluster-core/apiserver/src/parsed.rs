//! Stored objects that nearly every write looks at, kept as values: there are few of them, and they change seldom. Who
//! owns their fields, half of each, is of no matter to who looks.

use crate::prelude::*;
use cluster_object::lean::without_managed_fields;

/// What admission reads for each pod.
const KEPT: [&str; 3] = ["namespaces", "serviceaccounts", "scheduling.k8s.io/priorityclasses"];
/// How many objects are kept at most.
const MOST: usize = 1024;

/// The values of objects, each of one revision.
#[derive(Default)]
pub(crate) struct Parsed(Mutex<HashMap<Key, (Revision, Arc<Value>)>>);

impl Parsed {
    /// The object as a value; `None` when it cannot be read.
    pub(crate) fn value(&self, entry: &Entry) -> Option<Arc<Value>> {
        if !KEPT.contains(&&*entry.key.resource) {
            return serde_json::from_slice(&entry.bytes).ok().map(Arc::new);
        }
        if let Some((_, value)) = self.0.lock().get(&entry.key).filter(|(revision, _)| *revision == entry.revision) {
            return Some(Arc::clone(value));
        }
        let value: Arc<Value> = Arc::new(serde_json::from_slice(&without_managed_fields(&entry.bytes)).ok()?);
        let mut kept = self.0.lock();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(entry.key.clone(), (entry.revision, Arc::clone(&value)));
        Some(value)
    }

    /// Lets go of an object that is gone.
    pub(crate) fn forget(&self, key: &Key) {
        self.0.lock().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_is_gone_is_kept_no_more() {
        let (parsed, key) = (Parsed::default(), key("namespaces", "", "a"));
        let entry = Entry::new(key.clone(), 1, Bytes::from_static(b"{}"));
        assert!(parsed.value(&entry).is_some());
        parsed.forget(&key);
        assert!(parsed.0.lock().is_empty());
    }
}
