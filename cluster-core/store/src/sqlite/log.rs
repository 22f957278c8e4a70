//! The SQLite file: appends batches of events, compacts what is past its retention, keeps the WAL short.

use crate::prelude::*;
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::AssertSqlSafe;

use super::checkpoint::Checkpoints;
use super::{Options, Retention};

/// Most events in one transaction.
pub(crate) const BATCH: usize = 128;
/// Revisions one idle compaction step covers; a write that comes meanwhile waits for one step at most.
const STEP: i64 = 256;

pub(crate) struct Log {
    connection: SqliteConnection,
    checkpoints: Checkpoints,
    at_rest: Arc<AesGcm>,
    ephemeral: fn(&str) -> bool,
    retention: Retention,
    /// `INSERT` of 1, 2, 4 ... rows: few enough texts for each to stay prepared.
    inserts: Vec<Arc<str>>,
    /// Bytes of all values in the log, and of those that are current.
    stored: i64,
    live: i64,
}

impl Log {
    pub(super) fn new(
        connection: SqliteConnection,
        checkpoints: Checkpoints,
        options: &Options,
        (stored, live): (i64, i64),
    ) -> Self {
        let Options { retention, at_rest, ephemeral, .. } = options.clone();
        let insert = |rows| ["(?,?,?,?,?,?,?,?,?)"].repeat(rows).join(",");
        let sizes = (0..=BATCH.ilog2()).map(|power| format!("INSERT INTO log VALUES {}", insert(1 << power)).into());
        Self { connection, at_rest, ephemeral, retention, inserts: sizes.collect(), stored, live, checkpoints }
    }

    /// Commits `events`, all or none, durably.
    pub(crate) async fn append(&mut self, events: &[Arc<Event>]) -> Result<(), IoError> {
        let sealed = events.iter().map(|event| self.stored_bytes(event)).collect::<Result<Vec<_>, _>>()?;
        let added: usize = sealed.iter().map(Vec::len).sum();
        let over = self.history() > i64::try_from(self.retention.bytes).unwrap_or(i64::MAX);
        // One statement is a transaction of its own.
        if over || !events.len().is_power_of_two() {
            self.execute("BEGIN IMMEDIATE").await?;
            let written = self.append_rows(events, sealed, over).await;
            if let Err(error) = written {
                if let Err(rollback) = self.execute("ROLLBACK").await {
                    tracing::debug!(%rollback, "the transaction was rolled back already");
                }
                return Err(error.into());
            }
        } else {
            self.insert(events, sealed).await?;
        }
        self.account(events, added);
        Ok(())
    }

    async fn append_rows(&mut self, events: &[Arc<Event>], sealed: Vec<Vec<u8>>, over: bool) -> sqlx::Result<()> {
        self.insert(events, sealed).await?;
        if over {
            // Twice what came in, so that compaction gains on any rate of writes.
            self.compact_span(2 * events.len() as i64 + 64, i64::MAX).await?;
        }
        self.execute("COMMIT").await
    }

    async fn insert(&mut self, mut events: &[Arc<Event>], mut sealed: Vec<Vec<u8>>) -> sqlx::Result<()> {
        let time = milliseconds(SystemTime::now());
        while !events.is_empty() {
            let power = events.len().min(BATCH).ilog2();
            let (rows, rest) = events.split_at(1 << power);
            let rest_sealed = sealed.split_off(rows.len());
            let mut query = sqlx::query(AssertSqlSafe(self.inserts[power as usize].clone()));
            for (event, bytes) in rows.iter().zip(sealed) {
                let key = &event.entry.key;
                query = query
                    .bind(event.revision as i64)
                    .bind(event.previous.as_ref().map_or(0, |previous| previous.revision) as i64)
                    .bind(i64::from(event.change == Change::Delete))
                    .bind(!(self.ephemeral)(&key.resource))
                    .bind(time)
                    .bind(key.resource.clone())
                    .bind(key.namespace.clone())
                    .bind(key.name.clone())
                    .bind(bytes);
            }
            query.execute(&mut self.connection).await?;
            (events, sealed) = (rest, rest_sealed);
        }
        Ok(())
    }

    /// A deleted object of a collection without history leaves its name only.
    fn stored_bytes(&self, event: &Event) -> Result<Vec<u8>, IoError> {
        if event.change == Change::Delete && (self.ephemeral)(&event.entry.key.resource) {
            return Ok(Vec::new());
        }
        Ok(self.at_rest.seal(&event.entry.key, &event.entry.bytes)?)
    }

    fn account(&mut self, events: &[Arc<Event>], added: usize) {
        // Rows take names, index entries and page headers beside the value; pages are written whole.
        self.checkpoints.appended(2 * added + 512 * events.len());
        self.stored += added as i64;
        for event in events {
            let before = event.previous.as_ref().map_or(0, |previous| previous.bytes.len()) as i64;
            let after = if event.change == Change::Put { event.entry.bytes.len() } else { 0 } as i64;
            self.live += after - before;
            if (self.ephemeral)(&event.entry.key.resource) {
                self.stored -= before;
            }
        }
    }

    /// Bytes of values that are not current.
    fn history(&self) -> i64 {
        self.stored - self.live
    }

    /// Removes one step of what is older than the retention. False when nothing is left to do.
    pub(crate) async fn compact(&mut self) -> sqlx::Result<bool> {
        let age = i64::try_from(self.retention.age.as_millis()).unwrap_or(i64::MAX);
        let cutoff = milliseconds(SystemTime::now()).saturating_sub(age);
        self.execute("BEGIN IMMEDIATE").await?;
        let compacted = self.compact_span(STEP, cutoff).await;
        self.execute(if compacted.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        compacted
    }

    /// Within a transaction: forgets what the next `span` revisions replaced or deleted, as far as they were written
    /// before `cutoff`. The newest row stays, it carries the revision counter over a restart.
    async fn compact_span(&mut self, span: i64, cutoff: i64) -> sqlx::Result<bool> {
        let (from, to): (i64, i64) = sqlx::query_as(
            "SELECT compacted, MIN(compacted + ?1, (SELECT MAX(revision) FROM log) - 1, IFNULL((SELECT MIN(revision) - 1 \
             FROM log WHERE revision > compacted AND revision <= compacted + ?1 AND time >= ?2), compacted + ?1)) FROM meta",
        )
        .bind(span)
        .bind(cutoff)
        .fetch_one(&mut self.connection)
        .await?;
        if to <= from {
            return Ok(false);
        }
        for text in [
            "DELETE FROM log WHERE revision IN (SELECT previous FROM log WHERE revision > ?1 AND revision <= ?2)",
            "DELETE FROM log WHERE revision > ?1 AND revision <= ?2 AND change = 1",
            "UPDATE meta SET compacted = MAX(?1, ?2)",
        ] {
            sqlx::query(text).bind(from).bind(to).execute(&mut self.connection).await?;
        }
        self.stored = sqlx::query_scalar("SELECT bytes FROM meta").fetch_one(&mut self.connection).await?;
        self.checkpoints.appended(64 << 10);
        Ok(true)
    }

    /// Keeps the WAL short. Called between batches: no acknowledgement waits for it.
    pub(crate) async fn checkpoint(&mut self) -> sqlx::Result<()> {
        self.checkpoints.run(&mut self.connection).await
    }

    /// The newest revision in the file: tells whether a commit that failed happened all the same.
    pub(crate) async fn newest(&mut self) -> sqlx::Result<Revision> {
        let newest: i64 =
            sqlx::query_scalar("SELECT IFNULL(MAX(revision), 1) FROM log").fetch_one(&mut self.connection).await?;
        Ok(newest as Revision)
    }

    pub(crate) async fn close(self) -> sqlx::Result<()> {
        self.checkpoints.close(self.connection).await
    }

    pub(super) async fn execute(&mut self, text: &'static str) -> sqlx::Result<()> {
        sqlx::query(text).execute(&mut self.connection).await.map(|_| ())
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as i64
}
