//! The contract of a store.

use crate::prelude::*;
use crate::{Expired, IoError, Snapshot, Watcher, WriteError};

/// What a write made.
pub type Written = Result<Arc<Entry>, WriteError>;

/// What must be true of a key for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It does not exist.
    Absent,
    /// It exists at exactly this revision.
    Revision(Revision),
    /// Nothing for a put; a delete still needs it to exist.
    Any,
}

/// A key that all writes which count something together write too, so that none is counted twice or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Written together with the object.
    pub key: Key,
    /// Where it stood before the count; 0 when it did not exist.
    pub seen: Revision,
}

/// A versioned, watchable map of JSON objects.
///
/// Reads see whole commits and are never behind an acknowledged write. An acknowledged write is durable.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What readers see, which every kind of store fills in its own way.
    fn state(&self) -> &Arc<State>;

    /// The newest committed revision. An empty store is at 1.
    fn revision(&self) -> Revision {
        self.state().revision()
    }

    /// Waits until `revision` is committed and visible to every read.
    async fn reached(&self, revision: Revision) {
        self.state().reached(revision).await;
    }

    /// Waits until reads see every write that any server of the cluster acknowledged before the call. Nothing to wait
    /// for where this store is the only one.
    async fn freshest(&self) -> Result<(), Arc<IoError>> {
        Ok(())
    }

    /// Ends with what is queued. Writes after it fail with [`WriteError::Closed`]; reads go on.
    async fn close(&self) {}

    /// The present state of a key.
    fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.state().get(key)
    }

    /// A collection at the newest revision; a pointer copy. Empty for a collection never written to.
    fn snapshot(&self, resource: &str) -> Snapshot {
        self.state().snapshot(resource)
    }

    /// A collection at a recent revision, for continue tokens and exact reads: any revision that a watch could start
    /// from, and for five minutes those asked for before. [`Expired`] too when `revision` is not committed yet.
    fn snapshot_at(&self, resource: &str, revision: Revision) -> Result<Snapshot, Expired> {
        self.state().snapshot_at(resource, revision)
    }

    /// Creates or replaces an object. The check of `expect` and the write are one step. Once called, the write may
    /// happen even if the future is dropped.
    async fn put(&self, key: Key, expect: Expect, draft: Draft) -> Written {
        self.put_counted(key, expect, draft, None).await
    }

    /// As [`Store::put`], if no server wrote the ledger since it was seen; [`WriteError::Conflict`] tells that one did.
    /// Where this store is the only one, its callers take turns and there is nothing to compare.
    async fn put_counted(&self, key: Key, expect: Expect, draft: Draft, ledger: Option<&Ledger>) -> Written;

    /// Removes an object; `last` is its state to tell watchers, which gets the revision of the deletion.
    async fn delete(&self, key: Key, expect: Expect, last: Draft) -> Written;

    /// Every change of a collection after `after`, in order, without gaps. `after` may lie in the future.
    fn watch(&self, resource: &str, after: Revision) -> Result<Watcher, Expired> {
        self.state().watch(resource, after)
    }
}
