//! The one writer: takes what is queued, checks it in order, commits it as one transaction, then publishes it.

use crate::prelude::*;
use std::fs::File;

use tokio::time::{MissedTickBehavior, interval};

use super::log::{BATCH, Log};
use crate::Written;

/// How often the writer looks for history past its retention.
const COMPACT: Duration = Duration::from_mins(1);

pub(super) struct Request {
    pub(super) change: Change,
    pub(super) key: Key,
    pub(super) expect: Expect,
    pub(super) draft: Draft,
    pub(super) reply: oneshot::Sender<Written>,
}

pub(super) enum Command {
    Write(Request),
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    state: Arc<State>,
    /// The file, and the lock that is held as long as it may be touched.
    log: Option<(Log, File)>,
}

impl Writer {
    pub(super) fn new(state: Arc<State>, log: Option<(Log, File)>) -> Self {
        Self { state, log }
    }

    /// Runs until the store is closed or dropped, or the database can no longer be trusted.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut tick = interval(COMPACT);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut queued = Vec::with_capacity(BATCH);
        let mut closing = Vec::new();
        let mut compacting = false;
        loop {
            tokio::select! {
                biased;
                received = commands.recv_many(&mut queued, BATCH) => {
                    if received == 0 {
                        break;
                    }
                    let mut requests = Vec::with_capacity(received);
                    for command in queued.drain(..) {
                        match command {
                            Command::Write(request) => requests.push(request),
                            Command::Close(done) => closing.push(done),
                        }
                    }
                    if !closing.is_empty() {
                        commands.close();
                    }
                    if let Err(error) = self.commit(requests).await {
                        tracing::error!(%error, "the store cannot tell what it committed, no more writes are taken");
                        break;
                    }
                }
                _ = tick.tick(), if self.log.is_some() => compacting = true,
                () = std::future::ready(()), if compacting => compacting = self.compact().await,
            }
        }
        if let Some((log, lock)) = self.log {
            if let Err(error) = log.close().await {
                tracing::warn!(%error, "failed to close the store");
            }
            drop(lock);
        }
        for done in closing {
            // A caller that waits no longer needs no answer.
            done.send(()).ok();
        }
    }

    /// Commits a batch and answers it. Fails only when the outcome is unknown: the callers then see the store closed.
    async fn commit(&mut self, requests: Vec<Request>) -> sqlx::Result<()> {
        let mut batch = Batch::new(&self.state);
        let mut answers = Vec::with_capacity(requests.len());
        for Request { change, key, expect, draft, reply } in requests {
            answers.push((reply, batch.apply(change, key, expect, draft)));
        }
        let Batch { revision, commit, events, .. } = batch;
        if !events.is_empty() {
            if let Some((log, _)) = &mut self.log
                && let Err(error) = log.append(&events).await
                && log.newest().await? != revision
            {
                let error = WriteError::Io(Arc::new(error));
                for (_, answer) in &mut answers {
                    *answer = Err(error.clone());
                }
            } else {
                self.state.publish(Instant::now(), revision, commit);
            }
        }
        for (reply, answer) in answers {
            // A caller that was cancelled needs no answer.
            reply.send(answer).ok();
        }
        if let Some((log, _)) = &mut self.log
            && let Err(error) = log.checkpoint().await
        {
            tracing::warn!(%error, "failed to checkpoint the store");
        }
        Ok(())
    }

    /// One compaction step; whether there is more to do.
    async fn compact(&mut self) -> bool {
        let Some((log, _)) = &mut self.log else { return false };
        let step = async { Ok::<_, IoError>((log.compact().await?, log.checkpoint().await?).0) };
        step.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to compact the store");
            false
        })
    }
}

/// Writes checked and applied to copies of the collections, not yet committed.
struct Batch<'a> {
    state: &'a State,
    revision: Revision,
    commit: Commit,
    events: Vec<Arc<Event>>,
}

impl<'a> Batch<'a> {
    fn new(state: &'a State) -> Self {
        Self { state, revision: state.revision(), commit: Commit::new(), events: Vec::new() }
    }

    fn apply(&mut self, change: Change, key: Key, expect: Expect, draft: Draft) -> Written {
        let collection =
            self.commit.entry(key.resource.clone()).or_insert_with(|| self.state.collection(&key.resource));
        check(change, expect, collection.objects.get(&key))?;
        self.revision += 1;
        let event = collection.apply(change, &key, self.revision, draft);
        self.events.push(event.clone());
        Ok(event.entry.clone())
    }
}

fn check(change: Change, expect: Expect, current: Option<&Arc<Entry>>) -> Result<(), WriteError> {
    match (expect, current) {
        (Expect::Absent, Some(_)) => Err(WriteError::Exists),
        (Expect::Revision(_), None) => Err(WriteError::NotFound),
        (_, None) if change == Change::Delete => Err(WriteError::NotFound),
        (Expect::Revision(revision), Some(current)) if current.revision != revision => {
            Err(WriteError::Conflict { current: Some(current.clone()) })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{Options, load};

    /// Sends puts through the writer as one batch.
    async fn put(writer: &mut Writer, names: std::ops::Range<u32>) -> Vec<Written> {
        let (requests, answers): (Vec<_>, Vec<_>) = names
            .map(|name| {
                let (reply, answer) = oneshot::channel();
                let draft = Draft { before: "{".into(), after: " ".repeat(3000).into(), facts: None };
                let key = Key::new("pods", "default", name.to_string());
                (Request { change: Change::Put, key, expect: Expect::Absent, draft, reply }, answer)
            })
            .unzip();
        writer.commit(requests).await.unwrap();
        futures::future::try_join_all(answers).await.unwrap()
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_whole_batch_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let options = Options::file(&path);
        let (log, state) = load::open(&path, &options).await.unwrap();
        let lock = File::create(folder.path().join("lock")).unwrap();
        let mut writer = Writer::new(Arc::new(state), Some((log, lock)));
        assert!(put(&mut writer, 0..3).await.iter().all(Result::is_ok));
        // Both ways a batch is written: as one statement and as a transaction of several.
        for batch in [10..26, 10..29] {
            writer.log.as_mut().unwrap().0.execute("PRAGMA max_page_count = 16").await.unwrap();
            let answers = put(&mut writer, batch.clone()).await;
            assert!(answers.iter().all(|answer| matches!(answer, Err(WriteError::Io(_)))));
            assert_eq!((writer.state.revision(), writer.state.snapshot("pods").len()), (4, 3));
        }
        writer.log.as_mut().unwrap().0.execute("PRAGMA max_page_count = 1000000").await.unwrap();
        let answers = put(&mut writer, 10..29).await;
        assert_eq!(answers[0].as_ref().unwrap().revision, 5);
        writer.log.unwrap().0.close().await.unwrap();
        let (_, again) = load::open(&path, &options).await.unwrap();
        assert_eq!((again.revision(), again.snapshot("pods").len()), (23, 22));
    }
}
