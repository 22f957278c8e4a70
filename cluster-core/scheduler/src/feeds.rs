//! The watches that keep the scheduler's picture of the cluster current.

use crate::scheduler::Scheduler;
use cluster_client::{Change, Informer, Informers, Object};
use futures::future::{BoxFuture, FutureExt, poll_fn};
use std::task::{Context, Poll};
use tokio::sync::mpsc::UnboundedReceiver;

/// One kind's changes, and what the scheduler does with each.
struct Source<K, F> {
    changes: UnboundedReceiver<Change<K>>,
    apply: F,
}

/// A source of any kind.
trait Changes: Send {
    /// Applies all changes that are there.
    fn drain(&mut self, scheduler: &mut Scheduler);
    /// Applies the next change when there is one; `false` when there never will be.
    fn poll(&mut self, context: &mut Context<'_>, scheduler: &mut Scheduler) -> Poll<bool>;
}

impl<K: Object, F: Fn(&mut Scheduler, Change<K>) + Send> Changes for Source<K, F> {
    fn drain(&mut self, scheduler: &mut Scheduler) {
        while let Ok(change) = self.changes.try_recv() {
            (self.apply)(scheduler, change);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>, scheduler: &mut Scheduler) -> Poll<bool> {
        self.changes.poll_recv(context).map(|change| {
            let alive = change.is_some();
            if let Some(change) = change {
                (self.apply)(scheduler, change);
            }
            alive
        })
    }
}

/// All sources.
#[derive(Default)]
pub(crate) struct Feeds {
    sources: Vec<Box<dyn Changes>>,
    synced: Vec<BoxFuture<'static, ()>>,
}

impl Feeds {
    /// Also applies the changes of one kind.
    pub(crate) fn with<K: Object>(
        mut self,
        informers: &Informers,
        apply: impl Fn(&mut Scheduler, Change<K>) + Send + 'static,
    ) -> Self {
        let informer: Informer<K> = informers.informer();
        self.sources.push(Box::new(Source { changes: informer.subscribe(), apply }));
        self.synced.push(async move { informer.synced().await }.boxed());
        self
    }

    /// Waits until every kind was listed.
    pub(crate) async fn synced(&mut self) {
        futures::future::join_all(std::mem::take(&mut self.synced)).await;
    }

    /// Applies all changes that are there.
    pub(crate) fn drain(&mut self, scheduler: &mut Scheduler) {
        self.sources.iter_mut().for_each(|source| source.drain(scheduler));
    }

    /// Applies the next change; `false` when a source has ended.
    pub(crate) async fn next(&mut self, scheduler: &mut Scheduler) -> bool {
        let next = |context: &mut Context<'_>| {
            for source in &mut self.sources {
                if let Poll::Ready(alive) = source.poll(context, scheduler) {
                    return Poll::Ready(alive);
                }
            }
            Poll::Pending
        };
        poll_fn(next).await
    }
}
