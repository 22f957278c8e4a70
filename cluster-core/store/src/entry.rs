//! What the store holds: keys, entries, drafts of entries and the events that record their changes.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

/// Position in the one sequence of all changes; every committed write takes the next one.
pub type Revision = u64;

/// Name of one object: which collection, which namespace, which name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Collection, for example `apps/deployments`; `pods` in the core group.
    pub resource: Arc<str>,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// Name within the namespace.
    pub name: Arc<str>,
}

impl Key {
    /// A key of its three parts.
    pub fn new(resource: impl Into<Arc<str>>, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { resource: resource.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.resource, self.namespace, self.name)
    }
}

/// One committed state of one object. Immutable and shared by the current state, snapshots and events.
pub struct Entry {
    /// Whose state it is.
    pub key: Key,
    /// The revision that wrote it.
    pub revision: Revision,
    /// The whole object as JSON text, `metadata.resourceVersion` included.
    pub bytes: Bytes,
    /// Where the digits of the revision begin in `bytes`; 0 for a state that no draft made.
    gap: u32,
    facts: OnceLock<Facts>,
}

impl Entry {
    /// An entry whose facts are not derived yet.
    pub fn new(key: Key, revision: Revision, bytes: Bytes) -> Self {
        Self { key, revision, bytes, gap: 0, facts: OnceLock::new() }
    }

    /// The state that a write of `draft` makes.
    pub(crate) fn written(key: Key, revision: Revision, draft: Draft) -> Self {
        let (gap, bytes) = (draft.before.len() as u32, draft.splice(revision));
        let facts = draft.facts.map_or_else(OnceLock::new, OnceLock::from);
        Self { key, revision, bytes, gap, facts }
    }

    /// The draft it was written from.
    pub(crate) fn draft(&self) -> Draft {
        let gap = self.gap as usize;
        let digits = self.revision.checked_ilog10().map_or(1, |power| power as usize + 1);
        Draft { before: self.bytes.slice(..gap), after: self.bytes.slice(gap + digits..), facts: None }
    }

    /// What selectors look at, derived by the first caller and kept as long as the entry.
    pub fn facts(&self, derive: impl FnOnce(&[u8]) -> Facts) -> &Facts {
        self.facts.get_or_init(|| derive(&self.bytes))
    }
}

impl fmt::Debug for Entry {
    /// Leaves the bytes out: they may be a secret's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}@{}, {} bytes)", self.key, self.revision, self.bytes.len())
    }
}

/// Ends each part of [`Facts`].
const END: char = '\0';

/// What label and field selectors of a list or watch need to know of an object.
///
/// Packed into one text, because a large cluster has half a million of these: each label's key and value, nothing where
/// the next key would be, then the values of the fields that may be selected by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Box<str>);

impl Facts {
    /// The facts of an object with these `metadata.labels` and these values of its kind's selectable fields, in the
    /// kind's order. NULs within them are left out.
    pub fn new<'a>(
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        fields: impl Iterator<Item = impl AsRef<str>>,
    ) -> Self {
        let mut text = String::new();
        let mut push = |part: &str| {
            text.extend(part.split(END));
            text.push(END);
        };
        for (key, value) in labels {
            push(key);
            push(value);
        }
        push("");
        fields.for_each(|value| push(value.as_ref()));
        Self(text.into())
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        let mut parts = self.0.split_terminator(END);
        labels(&mut parts).find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// The value of the selectable field with this position among those of its kind.
    pub fn field(&self, position: usize) -> Option<&str> {
        let mut parts = self.0.split_terminator(END);
        labels(&mut parts).for_each(drop);
        parts.nth(position)
    }
}

/// The labels that parts begin with, up to the part that ends them.
fn labels<'a>(parts: &mut impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, &'a str)> {
    std::iter::from_fn(|| {
        let key = parts.next().filter(|key| !key.is_empty())?;
        Some((key, parts.next()?))
    })
}

/// An object's JSON text split where the digits of its `metadata.resourceVersion` go.
///
/// The writer puts the revision between the halves; nothing is serialised again. The default is the revision alone.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Text up to and including the quote that opens the resource version.
    pub before: Bytes,
    /// Text from the quote that closes it.
    pub after: Bytes,
    /// What selectors will ask of it, where the writer knows.
    pub facts: Option<Facts>,
}

impl Draft {
    /// The text with `revision` in its place.
    pub fn splice(&self, revision: Revision) -> Bytes {
        let digits = revision.to_string();
        let mut text = BytesMut::with_capacity(self.before.len() + digits.len() + self.after.len());
        text.put_slice(&self.before);
        text.put_slice(digits.as_bytes());
        text.put_slice(&self.after);
        text.freeze()
    }
}

/// What a write did to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Created or replaced.
    Put,
    /// Removed.
    Delete,
}

/// One committed change. Shared by all watchers.
#[derive(Clone, Debug)]
pub struct Event {
    /// The change's revision; unique, rising.
    pub revision: Revision,
    /// What happened.
    pub change: Change,
    /// The new state; of a deletion the last state, carrying the deletion's revision.
    pub entry: Arc<Entry>,
    /// The state before, if there was one: tells a watcher with a selector whether the object came or went.
    pub previous: Option<Arc<Entry>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_by_key_and_by_position() {
        let labels = [("app", "web"), ("empty", ""), ("tier", "a\0b")];
        let facts = Facts::new(labels.into_iter(), ["n1", "", "Running"].iter());
        let cases = [("app", Some("web")), ("empty", Some("")), ("tier", Some("ab")), ("", None), ("web", None)];
        for (key, value) in cases {
            assert_eq!(facts.label(key), value, "{key:?}");
        }
        let fields: Vec<_> = (0..4).map(|position| facts.field(position)).collect();
        assert_eq!(fields, [Some("n1"), Some(""), Some("Running"), None]);
    }

    #[test]
    fn facts_without_labels_have_fields() {
        let facts = Facts::new([].into_iter(), ["n1"].iter());
        assert_eq!((facts.label("app"), facts.field(0), facts.field(1)), (None, Some("n1"), None));
        assert_eq!((Facts::default().label("app"), Facts::default().field(0)), (None, None));
    }
}
