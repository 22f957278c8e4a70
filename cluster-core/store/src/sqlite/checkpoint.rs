//! Copies the WAL into the database beside the writer, on a connection of its own, so that commits do not wait for it.

use crate::prelude::*;
use sqlx::Connection;
use tokio::task::JoinHandle;

/// WAL bytes between two copies.
const STEP: usize = 4 << 20;
/// WAL bytes after which the writer copies the rest itself: only when all is copied does the WAL start over.
const WHOLE: usize = 32 << 20;

/// The background copy, and how much has been appended since the WAL was last copied whole.
pub(super) struct Checkpoints {
    /// One request at most waits; dropping it ends the task.
    wake: mpsc::Sender<()>,
    task: JoinHandle<sqlx::Result<()>>,
    step: usize,
    whole: usize,
}

impl Checkpoints {
    pub(super) fn start(mut connection: SqliteConnection) -> Self {
        let (wake, mut woken) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            while woken.recv().await.is_some() {
                if let Err(error) = copy(&mut connection).await {
                    tracing::warn!(%error, "failed to checkpoint the store");
                }
            }
            connection.close().await
        });
        Self { wake, task, step: 0, whole: 0 }
    }

    pub(super) fn appended(&mut self, bytes: usize) {
        self.step += bytes;
        self.whole += bytes;
    }

    /// Called by the writer between batches.
    pub(super) async fn run(&mut self, writer: &mut SqliteConnection) -> sqlx::Result<()> {
        if self.whole > WHOLE {
            (self.step, self.whole) = (0, 0);
            return copy(writer).await;
        }
        if self.step > STEP {
            self.step = 0;
            // Refused when a copy is asked for already.
            self.wake.try_send(()).ok();
        }
        Ok(())
    }

    /// Ends the background copy and closes the writer's connection, which copies what is left and removes the WAL.
    pub(super) async fn close(self, writer: SqliteConnection) -> sqlx::Result<()> {
        drop(self.wake);
        self.task.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        writer.close().await
    }
}

/// Never waits for readers or writers; what they hold up is copied next time.
async fn copy(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(connection).await.map(|_| ())
}
