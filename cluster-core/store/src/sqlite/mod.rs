//! The embedded store: state in memory, durable in one SQLite file (or nowhere, for tests).

mod checkpoint;
mod load;
mod log;
mod writer;

use crate::prelude::*;
use std::fs::{File, TryLockError};

use self::writer::{Command, Request, Writer};
use crate::{BackupError, Ledger, OpenError, Store, WriteError, Written};

/// Writes that wait in the queue before callers wait for room in it.
const QUEUE: usize = 1024;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// The database file; none keeps everything in memory only.
    pub path: Option<PathBuf>,
    /// How much history is kept.
    pub retention: Retention,
    /// How values are kept on disk.
    pub at_rest: Arc<AesGcm>,
    /// Collections that keep no history: their watches do not resume over a restart.
    pub ephemeral: fn(&str) -> bool,
}

impl Options {
    /// A store in memory only.
    pub fn in_memory() -> Self {
        Self { path: None, retention: Retention::default(), at_rest: Arc::default(), ephemeral: |_| false }
    }

    /// A store in a file, with a day of history of everything but events and leases.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let ephemeral = |resource: &str| matches!(resource, "events" | "coordination.k8s.io/leases");
        Self { path: Some(path.into()), ephemeral, ..Self::in_memory() }
    }
}

/// How long replaced and deleted states are kept. Whichever bound is met first counts.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Since they were replaced or deleted.
    pub age: Duration,
    /// Sum of their sizes.
    pub bytes: u64,
}

impl Default for Retention {
    /// One day, 256 MiB.
    fn default() -> Self {
        Self { age: Duration::from_hours(24), bytes: 256 << 20 }
    }
}

/// Copies the store in the file `from`, as of one moment, into the new file `to`; its server may go on working.
pub async fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    if !from.exists() {
        return Err(BackupError::Missing(from.into()));
    }
    let mut connection = load::connect(from).await?;
    let text = to.to_str().ok_or_else(|| BackupError::Path(to.into()))?;
    sqlx::query("VACUUM INTO ?").bind(text).execute(&mut connection).await?;
    sqlx::Connection::close(connection).await?;
    Ok(File::open(to)?.sync_all()?)
}

/// The store in one SQLite file. Dropping it ends the writer; [`Store::close`] also waits for that.
pub struct SqliteStore {
    state: Arc<State>,
    queue: mpsc::Sender<Command>,
}

impl SqliteStore {
    /// Opens or creates the store; must be called within a tokio runtime.
    pub async fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let (log, state) = match &options.path {
            None => (None, State::new(1, 0, LIMITS, options.ephemeral)),
            Some(path) => {
                let lock = lock(path)?;
                let (log, state) = load::open(path, &options).await?;
                (Some((log, lock)), state)
            }
        };
        let state = Arc::new(state);
        let (queue, commands) = mpsc::channel(QUEUE);
        tokio::spawn(Writer::new(state.clone(), log).run(commands));
        Ok(Arc::new(Self { state, queue }))
    }

    async fn write(&self, change: Change, key: Key, expect: Expect, draft: Draft) -> Written {
        let (reply, answer) = oneshot::channel();
        let request = Request { change, key, expect, draft, reply };
        self.queue.send(Command::Write(request)).await.map_err(|_| WriteError::Closed)?;
        answer.await.unwrap_or(Err(WriteError::Closed))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// A writer that has ended takes no writes any more: whoever asks is to hear of it.
    async fn freshest(&self) -> Result<(), Arc<IoError>> {
        if self.queue.is_closed() { Err(Arc::new(IoError::Database(sqlx::Error::WorkerCrashed))) } else { Ok(()) }
    }

    async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Command::Close(done)).await.is_ok() && closed.await.is_err() {
            tracing::warn!("the store's writer ended before it was closed");
        }
    }

    async fn put_counted(&self, key: Key, expect: Expect, draft: Draft, _: Option<&Ledger>) -> Written {
        self.write(Change::Put, key, expect, draft).await
    }

    async fn delete(&self, key: Key, expect: Expect, last: Draft) -> Written {
        self.write(Change::Delete, key, expect, last).await
    }
}

/// Takes the lock that keeps a second process out. The system releases it when this one dies.
fn lock(path: &Path) -> Result<File, OpenError> {
    let file = |source| OpenError::File { path: path.into(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(file)?;
    }
    let lock = File::create(path.with_added_extension("lock")).map_err(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(file(source)),
    }
}
