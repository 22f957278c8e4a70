//! The store that several API servers share: etcd holds the state, each server keeps a copy in memory.
//!
//! All state comes in through one watch, so order and completeness are etcd's, and etcd's revision is the store's. A
//! write is a transaction that compares the key's revision; it is answered when the watch has brought it, so that the
//! caller reads what it wrote. Compaction is etcd's own, by its `--auto-compaction` flags.

mod follow;
mod rpc;
mod value;
mod wire;

use crate::prelude::*;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::follow::Follower;
pub use self::rpc::EtcdError;
use self::rpc::{PATIENCE, Rpc};
use self::wire::{Compare, DeleteRequest, EQUAL, GREATER, Operation, PutRequest, TxnRequest, TxnResponse};
use crate::{IoError, Ledger, OpenError, Store, WriteError, Written};

/// Reads that wait for one question to the quorum.
const QUEUE: usize = 1024;

type Fresh = Result<Revision, Arc<IoError>>;

/// A store in etcd. Dropping it ends the copy in memory.
pub struct EtcdStore {
    state: Arc<State>,
    rpc: Arc<Rpc>,
    at_rest: Arc<AesGcm>,
    fresh: mpsc::Sender<oneshot::Sender<Fresh>>,
    _tasks: JoinSet<()>,
}

impl EtcdStore {
    /// Loads what the etcd at a Unix socket holds. Waits until it answers, which takes a quorum of its members; fails
    /// when a value cannot be decrypted. Must be called within a tokio runtime.
    pub async fn open(socket: PathBuf, at_rest: Arc<AesGcm>) -> Result<Arc<Self>, OpenError> {
        let (rpc, state) = (Arc::new(Rpc::new(socket)), Arc::new(State::new(1, 1, LIMITS, |_| false)));
        let follower = Follower { rpc: rpc.clone(), state: state.clone(), at_rest: at_rest.clone() };
        follower.start().await?;
        let (fresh, asked) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(follower.run());
        tasks.spawn(ask_quorum(rpc.clone(), asked));
        Ok(Arc::new(Self { state, rpc, at_rest, fresh, _tasks: tasks }))
    }

    /// Does all of `success` when the keys are as expected; the revision that did it, once it can be read here.
    async fn write(&self, key: &Key, compare: Vec<Compare>, success: Vec<Operation>) -> Result<Revision, WriteError> {
        let request = TxnRequest { compare, success };
        let written = async {
            let answer: TxnResponse = self.rpc.call("KV/Txn", &request).await?;
            let revision = rpc::revision(answer.header)? as Revision;
            timeout(PATIENCE, self.state.reached(revision)).await.map_err(|_| EtcdError::Timeout)?;
            Ok((revision, answer.succeeded))
        };
        match written.await {
            Ok((revision, true)) => Ok(revision),
            Ok((_, false)) => Err(self
                .state
                .get(key)
                .map_or(WriteError::NotFound, |current| WriteError::Conflict { current: Some(current) })),
            Err::<_, EtcdError>(error) => Err(WriteError::Io(Arc::new(error.into()))),
        }
    }

    fn put_request(&self, key: &Key, draft: &Draft) -> Result<Operation, WriteError> {
        let value = value::pack(&self.at_rest, key, draft).map_err(|error| WriteError::Io(Arc::new(error.into())))?;
        Ok(Operation { put: Some(PutRequest { key: value::path(key), value }), delete: None })
    }
}

/// Asks the quorum how far it is, once for all who want to know before the question goes out.
async fn ask_quorum(rpc: Arc<Rpc>, mut asked: mpsc::Receiver<oneshot::Sender<Fresh>>) {
    let mut waiting = Vec::new();
    while asked.recv_many(&mut waiting, QUEUE).await > 0 {
        let answer = rpc.revision().await.map(|revision| revision as Revision);
        let answer = answer.map_err(|error| Arc::new(error.into()));
        for reply in waiting.drain(..) {
            // A caller that was cancelled needs no answer.
            reply.send(answer.clone()).ok();
        }
    }
}

#[async_trait]
impl Store for EtcdStore {
    fn state(&self) -> &Arc<State> {
        &self.state
    }

    async fn freshest(&self) -> Result<(), Arc<IoError>> {
        let (reply, answer) = oneshot::channel();
        let failed = |error: EtcdError| Arc::new(IoError::from(error));
        let fresh = async {
            self.fresh.send(reply).await.map_err(|_| failed(EtcdError::Closed))?;
            let revision = answer.await.map_err(|_| failed(EtcdError::Closed))??;
            self.state.reached(revision).await;
            Ok(())
        };
        timeout(PATIENCE, fresh).await.unwrap_or_else(|_| Err(failed(EtcdError::Timeout)))
    }

    async fn put_counted(&self, key: Key, expect: Expect, draft: Draft, ledger: Option<&Ledger>) -> Written {
        let at = |key: &Key, seen| Compare::of(&value::path(key), EQUAL, seen as i64);
        let mut compare = Vec::from_iter(match expect {
            Expect::Absent => Some(at(&key, 0)),
            Expect::Revision(revision) => Some(at(&key, revision)),
            Expect::Any => None,
        });
        let mut operations = vec![self.put_request(&key, &draft)?];
        if let Some(Ledger { key, seen }) = ledger {
            compare.push(at(key, *seen));
            operations.push(self.put_request(key, &Draft::default())?);
        }
        match self.write(&key, compare, operations).await {
            Ok(revision) => {
                let present = self.state.get(&key).filter(|entry| entry.revision == revision);
                // Another write may have followed already.
                Ok(present.unwrap_or_else(|| Arc::new(Entry::written(key, revision, draft))))
            }
            // Its own key is as it was expected to be: it was the ledger's.
            Err(WriteError::NotFound) if expect == Expect::Absent && ledger.is_some() => {
                Err(WriteError::Conflict { current: None })
            }
            Err(WriteError::Conflict { .. } | WriteError::NotFound) if expect == Expect::Absent => {
                Err(WriteError::Exists)
            }
            Err(error) => Err(error),
        }
    }

    /// Watchers are told the last stored state; `last` is what the caller gets.
    async fn delete(&self, key: Key, expect: Expect, last: Draft) -> Written {
        let path = value::path(&key);
        let compare = match expect {
            Expect::Revision(revision) => Compare::of(&path, EQUAL, revision as i64),
            Expect::Absent | Expect::Any => Compare::of(&path, GREATER, 0),
        };
        let operation = Operation { put: None, delete: Some(DeleteRequest { key: path }) };
        let revision = self.write(&key, vec![compare], vec![operation]).await?;
        Ok(Arc::new(Entry::written(key, revision, last)))
    }
}
