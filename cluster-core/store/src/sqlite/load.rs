//! Opens the SQLite file: checks it, creates its tables, reads the current state and the recent events into memory.

use crate::prelude::*;
use std::collections::BTreeMap;

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, query_as, query_scalar, raw_sql};

use super::Options;
use super::checkpoint::Checkpoints;
use super::log::Log;
use crate::state::collection;

const FORMAT: i64 = 1;
/// How many revisions back a watch can resume after a restart.
const REPLAY: i64 = 8192;

/// Opens `path`; what it holds is in the returned state.
pub(super) async fn open(path: &Path, options: &Options) -> Result<(Log, State), OpenError> {
    let database = |source| classify(path, source);
    let mut connection = connect(path).await.map_err(database)?;
    prepare(&mut connection, path).await?;
    let mut second = connect(path).await.map_err(database)?;
    // Side by side; what is read from a damaged file is thrown away, and the damage reported.
    let (checked, loaded) = futures::join!(check(&mut second, path), load(&mut connection, options));
    checked?;
    let loaded = loaded.map_err(|error| match error {
        IoError::Database(source) => database(source),
        IoError::Seal(error) => error.into(),
        IoError::Etcd(error) => error.into(),
    })?;
    let checkpoints = Checkpoints::start(second);
    Ok((Log::new(connection, checkpoints, options, loaded.1), loaded.0))
}

/// A connection with the durability this store promises.
pub(super) async fn connect(path: &Path) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(1))
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", "16777216")
        .pragma("temp_store", "MEMORY")
        .row_buffer_size(1024)
        .disable_statement_logging()
        .connect()
        .await
}

/// Checks the format; makes the tables of a new file.
async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let database = |source| classify(path, source);
    let found: i64 = query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(database)?;
    if found > FORMAT {
        return Err(OpenError::Format { path: path.into(), found, supported: FORMAT });
    }
    if found == 0 {
        let schema = concat!("BEGIN IMMEDIATE;", include_str!("schema.sql"), "COMMIT");
        raw_sql(schema).execute(&mut *connection).await.map_err(database)?;
    }
    Ok(())
}

async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let database = |source| classify(path, source);
    let detail: String = query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await.map_err(database)?;
    if detail == "ok" { Ok(()) } else { Err(OpenError::Corrupt { path: path.into(), detail }) }
}

/// SQLite's codes for a damaged file (11, extended ones too) and for one that is no database (26) mean damage.
fn classify(path: &Path, source: sqlx::Error) -> OpenError {
    let code = source.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(11 | 26) => OpenError::Corrupt { path: path.into(), detail: source.to_string() },
        _ => OpenError::Database { path: path.into(), source },
    }
}

/// The state, and the bytes of all values and of the current ones.
async fn load(connection: &mut SqliteConnection, options: &Options) -> Result<(State, (i64, i64)), IoError> {
    let (newest, compacted, stored): (i64, i64, i64) =
        query_as("SELECT (SELECT IFNULL(MAX(revision), 1) FROM log), compacted, bytes FROM meta")
            .fetch_one(&mut *connection)
            .await?;
    let replay = compacted.max(newest - REPLAY).max(0);
    let state = State::new(newest as Revision, replay as Revision, LIMITS, options.ephemeral);
    let mut commit = Commit::new();
    let live = load_objects(connection, &options.at_rest, &mut commit).await?;
    load_events(connection, &options.at_rest, replay, &mut commit).await?;
    state.publish(Instant::now(), newest as Revision, commit);
    Ok((state, (stored, live)))
}

/// Reads the current objects, oldest first; returns the sum of their sizes.
async fn load_objects(
    connection: &mut SqliteConnection,
    at_rest: &AesGcm,
    commit: &mut Commit,
) -> Result<i64, IoError> {
    let mut live = 0;
    // The cross join keeps SQLite from reordering: both tables are read from front to back.
    let mut rows = query_as::<_, (String, String, String, i64, Vec<u8>)>(
        "SELECT l.resource, l.namespace, l.name, l.revision, l.bytes FROM live CROSS JOIN log l \
         ON l.revision = live.revision ORDER BY live.revision",
    )
    .fetch(connection);
    while let Some((resource, namespace, name, revision, stored)) = rows.try_next().await? {
        let published = collection(commit, &resource);
        let key = published.key(&namespace, &name);
        let bytes = Bytes::from(at_rest.open(&key, stored)?);
        live += bytes.len() as i64;
        published.objects.insert(Arc::new(Entry::new(key, revision as Revision, bytes)));
    }
    Ok(live)
}

/// revision, previous, deleted, resource, namespace, name, bytes, previous bytes
type Row = (i64, i64, bool, String, String, String, Vec<u8>, Option<Vec<u8>>);

/// Reads the events after `replay` of collections that keep history. Entries that are current, or of an earlier event,
/// are shared with it.
async fn load_events(
    connection: &mut SqliteConnection,
    at_rest: &AesGcm,
    replay: i64,
    commit: &mut Commit,
) -> Result<(), IoError> {
    let mut seen: BTreeMap<i64, Arc<Entry>> = BTreeMap::new();
    let mut rows = query_as::<_, Row>(
        "SELECT l.revision, l.previous, l.change = 1 AS deleted, l.resource, l.namespace, l.name, l.bytes, \
         p.bytes AS previous_bytes FROM log l LEFT JOIN log p ON p.revision = l.previous AND l.previous <= ?1 \
         WHERE l.revision > ?1 AND l.kept = 1 ORDER BY l.revision",
    )
    .bind(replay)
    .fetch(connection);
    while let Some((revision, replaced, deleted, resource, namespace, name, stored, replaced_stored)) =
        rows.try_next().await?
    {
        let published = collection(commit, &resource);
        let key = Key::new(published.name.clone(), namespace, name);
        let entry = |revision: i64, stored| -> Result<_, SealError> {
            let bytes = Bytes::from(at_rest.open(&key, stored)?);
            Ok(Arc::new(Entry::new(key.clone(), revision as Revision, bytes)))
        };
        let previous = match replaced_stored {
            Some(stored) => Some(entry(replaced, stored)?),
            None => seen.remove(&replaced),
        };
        let current = published.objects.get(&key).filter(|current| current.revision == revision as Revision);
        let entry = current.map_or_else(|| entry(revision, stored), |current| Ok(current.clone()))?;
        seen.insert(revision, entry.clone());
        let change = if deleted { Change::Delete } else { Change::Put };
        published.events.push(Arc::new(Event { revision: entry.revision, change, entry, previous }));
    }
    Ok(())
}
