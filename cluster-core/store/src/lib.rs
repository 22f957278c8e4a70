//! The state of a cluster: one sequence of revisions, compare-and-swap writes, snapshots and watches.
//!
//! [`Store`] is the contract the API server works against, [`SqliteStore`] the embedded implementation. All writes go
//! through one writer task, which commits what is queued as one durable transaction and only then publishes it to
//! readers and watchers, in order. Reads never touch the disk.

mod at_rest;
mod entry;
mod error;
mod ring;
mod snapshot;
mod sqlite;
mod state;
mod store;
mod watch;

pub use at_rest::{AesGcm, AtRest, Plain};
pub use entry::{Change, Draft, Entry, Event, Facts, Key, Revision};
pub use error::{Expired, IoError, OpenError, SealError, WriteError};
pub use snapshot::Snapshot;
pub use sqlite::{Options, Retention, SqliteStore};
pub use store::{Expect, Store};
pub use watch::Watcher;
