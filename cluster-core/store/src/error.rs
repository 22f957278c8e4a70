//! How the store fails.

use crate::prelude::*;
use thiserror::Error;

/// Why a write did not happen. Nothing changed, whichever it is, except that after `Closed` and an `Io` from etcd the
/// caller may have been cut off from the answer of a write that was committed.
#[derive(Clone, Debug, Error)]
pub enum WriteError {
    /// The key was expected to be absent.
    #[error("the key exists already")]
    Exists,
    /// The key was expected at another revision.
    #[error("the key is not at the expected revision")]
    Conflict {
        /// Its present state.
        current: Option<Arc<Entry>>,
    },
    /// The key does not exist.
    #[error("the key does not exist")]
    NotFound,
    /// The database refused, for example because the disk is full. May be tried again.
    #[error("failed to commit: {0}")]
    Io(#[source] Arc<IoError>),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// A failure below the store while writing.
#[derive(Debug, Error)]
pub enum IoError {
    /// From the database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// From etcd. Unless etcd itself refused, the write may have happened all the same.
    #[error(transparent)]
    Etcd(#[from] crate::EtcdError),
    /// From encryption.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Why a store could not be copied. What was written of the copy may be there.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no store in {0}")]
    Missing(PathBuf),
    /// SQLite takes UTF-8 paths only.
    #[error("the path {0:?} is not UTF-8")]
    Path(PathBuf),
    /// From the database, for example because the copy exists already.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The copy could not be brought to the disk.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Encryption or decryption of one value failed.
#[derive(Debug, Error)]
#[error("failed to {action} the stored value of {key}: {reason}")]
pub struct SealError {
    /// `seal` or `open`.
    pub action: &'static str,
    /// Whose value.
    pub key: Key,
    /// What was wrong.
    pub reason: &'static str,
}

/// The revision asked for is too old for what is kept in memory (or newer than the newest): list anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too old resource version: {requested} ({oldest})")]
pub struct Expired {
    /// What was asked for.
    pub requested: Revision,
    /// The oldest revision that can be continued from.
    pub oldest: Revision,
}

/// Why a store did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another store in this one, has the file open.
    #[error("the store {} is in use by another process", path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// The file is damaged; restore a snapshot.
    #[error("the store {} is damaged: {detail}", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the integrity check found.
        detail: String,
    },
    /// The file was written by a newer version.
    #[error("the store {} has format {found}, this version reads up to {supported}", path.display())]
    Format {
        /// The database file.
        path: PathBuf,
        /// Format of the file.
        found: i64,
        /// Newest format known.
        supported: i64,
    },
    /// The file or its folder cannot be used.
    #[error("failed to access the store {}: {source}", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database failed otherwise.
    #[error("failed to open the store {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What it said.
        source: sqlx::Error,
    },
    /// etcd is of no use.
    #[error("failed to load the store: {0}")]
    Etcd(#[from] crate::EtcdError),
    /// A stored value cannot be decrypted: wrong or missing key.
    #[error(transparent)]
    Sealed(#[from] SealError),
}
