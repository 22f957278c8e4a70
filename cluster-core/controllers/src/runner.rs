//! The loop all controllers share: changes become keys, workers reconcile them, failures come back later.

use crate::Error;
use cluster_client::{Change, Informer, Object, ObjectKey, WorkQueue};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Brings one object to its desired state.
pub(crate) trait Controller: Send + Sync + 'static {
    /// For the log.
    const NAME: &'static str;
    /// How many keys are worked on at once.
    const WORKERS: usize = 4;

    /// Reconciles the object under `key`, which may be gone.
    fn reconcile(&self, key: &ObjectKey) -> impl Future<Output = Outcome> + Send;
}

/// How a reconciliation ended. `Some` asks for another one after that time.
pub(crate) type Outcome = Result<Option<Duration>, Error>;

/// A controller with its queue and what feeds it.
pub(crate) struct Runner<C> {
    controller: Arc<C>,
    queue: WorkQueue<ObjectKey>,
    feeds: JoinSet<()>,
    synced: Vec<BoxFuture<'static, ()>>,
}

impl<C: Controller> Runner<C> {
    pub(crate) fn new(controller: C) -> Self {
        Self::with_queue(|_| controller)
    }

    /// For a controller that finds out later what else feeds it.
    pub(crate) fn with_queue(make: impl FnOnce(WorkQueue<ObjectKey>) -> C) -> Self {
        let queue = WorkQueue::new();
        Self { controller: Arc::new(make(queue.clone())), queue, feeds: JoinSet::new(), synced: Vec::new() }
    }

    /// Reconciles what `keys` makes of every change in one of the controller's caches.
    pub(crate) fn on<K, I>(
        mut self,
        cache: fn(&C) -> &Informer<K>,
        keys: impl Fn(&C, &Change<K>) -> I + Send + 'static,
    ) -> Self
    where
        K: Object,
        I: IntoIterator<Item = ObjectKey> + Send + 'static,
    {
        let controller = self.controller.clone();
        let keys = move |change: &Change<K>| keys(&controller, change);
        self.feeds.spawn(feed(cache(&self.controller), self.queue.clone(), keys));
        self.needs(cache)
    }

    /// Reconciles every object in one of the controller's caches when it changes.
    pub(crate) fn on_each<K: Object>(self, cache: fn(&C) -> &Informer<K>) -> Self {
        self.on(cache, |_, change| [ObjectKey::of(change.object().as_ref())])
    }

    /// Starts only when this cache is filled.
    pub(crate) fn needs<K: Object>(mut self, cache: fn(&C) -> &Informer<K>) -> Self {
        let informer = cache(&self.controller).clone();
        self.synced.push(async move { informer.synced().await }.boxed());
        self
    }

    /// Works until `cancel`.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let Self { controller, queue, feeds, synced } = self;
        tokio::select! {
            _ = futures::future::join_all(synced) => tracing::debug!(controller = C::NAME, "started"),
            () = cancel.cancelled() => return,
        }
        let mut workers = JoinSet::new();
        for _ in 0..C::WORKERS {
            workers.spawn(work(controller.clone(), queue.clone()));
        }
        cancel.cancelled().await;
        queue.close();
        // A worker finishes the key it has; what the process does next does not wait for more than that.
        workers.join_all().await;
        drop(feeds);
    }
}

/// Adds what `keys` makes of every change of a kind to a queue, until the cache ends.
pub(crate) fn feed<K, I>(
    informer: &Informer<K>,
    queue: WorkQueue<ObjectKey>,
    keys: impl Fn(&Change<K>) -> I + Send + 'static,
) -> impl Future<Output = ()> + Send + 'static
where
    K: Object,
    I: IntoIterator<Item = ObjectKey> + Send + 'static,
{
    let mut changes = informer.subscribe();
    async move {
        while let Some(change) = changes.recv().await {
            keys(&change).into_iter().for_each(|key| queue.add(key));
        }
    }
}

async fn work<C: Controller>(controller: Arc<C>, queue: WorkQueue<ObjectKey>) {
    while let Some(key) = queue.get().await {
        match AssertUnwindSafe(Box::pin(controller.reconcile(&key))).catch_unwind().await {
            Ok(Ok(again)) => {
                queue.forget(&key);
                if let Some(delay) = again {
                    queue.add_after(key.clone(), delay);
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(controller = C::NAME, %key, %error, "failed to reconcile, will try again");
                queue.add_rate_limited(key.clone());
            }
            Err(_) => {
                tracing::error!(controller = C::NAME, %key, "panicked, will try again");
                queue.add_rate_limited(key.clone());
            }
        }
        queue.done(&key);
    }
}
