//! Brings etcd's state into memory: loads all of it at one revision, then follows one watch of everything after it.

use super::rpc::{EtcdError, Messages, Rpc, revision};
use super::value::{PREFIX, PREFIX_END, parse, unpack};
use super::wire::{self, KeyValue, RangeRequest, RangeResponse, WatchResponse};
use crate::prelude::*;
use crate::state::collection;

/// Objects in one page of a load.
const PAGE: i64 = 500;
/// Between two attempts to reach etcd.
const PAUSE: Duration = Duration::from_millis(200);

/// Fills the state.
pub(super) struct Follower {
    pub(super) rpc: Arc<Rpc>,
    pub(super) state: Arc<State>,
    pub(super) at_rest: Arc<AesGcm>,
}

impl Follower {
    /// Loads everything, however long it takes until etcd answers.
    pub(super) async fn start(&self) -> Result<(), OpenError> {
        loop {
            match self.load().await {
                Err(OpenError::Etcd(error)) => tracing::warn!(%error, "waiting for etcd"),
                other => return other,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Follows what happens after what was loaded, over every failure, for ever.
    pub(super) async fn run(self) {
        loop {
            match self.follow().await {
                Ok(()) => tracing::warn!("etcd ended its watch, starting it again"),
                Err(error) => tracing::warn!(%error, "lost etcd's watch, starting it again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn load(&self) -> Result<(), OpenError> {
        let mut commit = Commit::new();
        let mut request = RangeRequest { key: PREFIX, range_end: PREFIX_END, limit: PAGE, revision: 0 };
        loop {
            let page: RangeResponse = self.rpc.call("KV/Range", &request).await?;
            if request.revision == 0 {
                request.revision = revision(page.header)?;
            }
            if let Some(last) = page.kvs.last() {
                request.key = [&last.key[..], b"\0"].concat().into();
            }
            for kv in page.kvs {
                self.put(&mut commit, kv)?;
            }
            if !page.more {
                break;
            }
        }
        self.state.reset(request.revision as Revision, commit);
        Ok(())
    }

    fn put(&self, commit: &mut Commit, kv: KeyValue) -> Result<(), SealError> {
        if let Some(key) = parse(&kv.key) {
            let draft = unpack(&self.at_rest, &key, kv.value)?;
            collection(commit, &key.resource).apply(Change::Put, &key, kv.mod_revision as Revision, draft);
        }
        Ok(())
    }

    async fn follow(&self) -> Result<(), OpenError> {
        // Nobody loses what a quorum knows, unless an operator put an old copy in its place.
        if (self.rpc.revision().await? as Revision) < self.state.revision() {
            tracing::error!("etcd's revision went back: loading its state anew");
            self.load().await?;
        }
        let mut watch: Messages = self.rpc.watch(self.state.revision() as i64 + 1).await?;
        while let Some(WatchResponse { canceled, compact_revision, cancel_reason, events }) = watch.next().await? {
            if compact_revision > 0 {
                tracing::warn!(compact_revision, "etcd has forgotten what was missed: loading its state anew");
                return self.load().await;
            }
            if canceled {
                return Err(EtcdError::Malformed(cancel_reason).into());
            }
            self.publish(events);
        }
        Ok(())
    }

    /// One message holds whole revisions.
    fn publish(&self, events: Vec<wire::Event>) {
        let mut commit = Commit::new();
        let mut newest = None;
        for event in events {
            let deleted = event.kind == wire::DELETE;
            let Some(kv) = event.kv else { continue };
            newest = Some(kv.mod_revision as Revision);
            let Some(key) = parse(&kv.key) else { continue };
            let published = commit.entry(key.resource.clone()).or_insert_with(|| self.state.collection(&key.resource));
            let (change, draft) = if deleted {
                let Some(last) = published.objects.get(&key) else { continue };
                (Change::Delete, last.draft())
            } else {
                match unpack(&self.at_rest, &key, kv.value) {
                    Ok(draft) => (Change::Put, draft),
                    Err(error) => {
                        tracing::error!(%error, "another server wrote what cannot be read");
                        continue;
                    }
                }
            };
            published.apply(change, &key, kv.mod_revision as Revision, draft);
        }
        if let Some(newest) = newest {
            self.state.publish(Instant::now(), newest, commit);
        }
    }
}
