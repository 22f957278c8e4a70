//! The watches that keep the scheduler's picture of the cluster current.

use crate::scheduler::Scheduler;
use cluster_client::{Change, Informer, Informers, Object};
use futures::future::{BoxFuture, FutureExt, poll_fn};
use std::task::{Context, Poll};

/// Applies the next change of one kind: one that is there, or with a context also one that is still to come. `false` when
/// there never will be one, or without a context when there is none now.
type Source = Box<dyn FnMut(&mut Scheduler, Option<&mut Context<'_>>) -> Poll<bool> + Send>;

/// All sources.
#[derive(Default)]
pub(crate) struct Feeds {
    sources: Vec<Source>,
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
        let mut changes = informer.subscribe();
        self.sources.push(Box::new(move |scheduler, context| {
            let next = match context {
                Some(context) => changes.poll_recv(context),
                None => Poll::Ready(changes.try_recv().ok()),
            };
            next.map(|change| change.map(|change| apply(scheduler, change)).is_some())
        }));
        self.synced.push(async move { informer.synced().await }.boxed());
        self
    }

    /// Waits until every kind was listed.
    pub(crate) async fn synced(&mut self) {
        futures::future::join_all(std::mem::take(&mut self.synced)).await;
    }

    /// Applies all changes that are there.
    pub(crate) fn drain(&mut self, scheduler: &mut Scheduler) {
        for source in &mut self.sources {
            while source(scheduler, None) == Poll::Ready(true) {}
        }
    }

    /// Applies the next change; `false` when a source has ended.
    pub(crate) async fn next(&mut self, scheduler: &mut Scheduler) -> bool {
        let next = |context: &mut Context<'_>| {
            let mut applied = self.sources.iter_mut().map(|source| source(scheduler, Some(&mut *context)));
            applied.find(Poll::is_ready).unwrap_or(Poll::Pending)
        };
        poll_fn(next).await
    }
}
