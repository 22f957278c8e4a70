//! The state of a cluster: one sequence of revisions, compare-and-swap writes, snapshots and watches.
//!
//! [`Store`] is the contract the API server works against. [`SqliteStore`] is embedded: all writes go through one writer
//! task, which commits what is queued as one durable transaction and only then publishes it to readers and watchers, in
//! order. `EtcdStore` (feature `etcd`) shares its state with other servers: what it publishes is what etcd's watch tells.
//! Reads never leave memory in either.

mod at_rest;
mod entry;
mod error;
mod etcd;
mod prelude;
mod ring;
mod snapshot;
mod sqlite;
mod state;
mod store;
mod watch;

pub use at_rest::AesGcm;
pub use entry::{Change, Draft, Entry, Event, Facts, Key, Revision};
pub use error::{BackupError, Expired, IoError, OpenError, SealError, WriteError};
pub use etcd::{EtcdError, EtcdStore};
pub use snapshot::Snapshot;
pub use sqlite::{Options, Retention, SqliteStore, backup};
pub use store::{Expect, Ledger, Store, Written};
pub use watch::Watcher;
