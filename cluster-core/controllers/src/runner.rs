//! The loop all controllers share: changes become keys, workers reconcile them, failures come back later.

use crate::prelude::*;
use std::any::type_name;
use tokio_util::sync::CancellationToken;

/// Brings the object under a key, which may be gone, to its desired state.
pub(crate) type Reconcile<C> = Work<C, ObjectKey, Error>;
/// How many keys a controller works on at once.
const WORKERS: usize = 4;

/// How a reconciliation ended. `Some` asks for another one after that time.
pub(crate) type Outcome = Result<Option<Duration>, Error>;

/// A controller with its queue and what feeds it.
pub(crate) struct Runner<C> {
    controller: Arc<C>,
    reconcile: Reconcile<C>,
    workers: usize,
    queue: WorkQueue<ObjectKey>,
    feeds: JoinSet<()>,
    synced: Vec<BoxFuture<'static, ()>>,
}

impl<C: Send + Sync + 'static> Runner<C> {
    pub(crate) fn new(controller: &Arc<C>, reconcile: Reconcile<C>) -> Self {
        Self::with_queue(controller, reconcile, WorkQueue::new())
    }

    /// For a controller that finds out later what else feeds it.
    pub(crate) fn with_queue(controller: &Arc<C>, reconcile: Reconcile<C>, queue: WorkQueue<ObjectKey>) -> Self {
        let (controller, feeds, synced) = (controller.clone(), JoinSet::new(), Vec::new());
        Self { controller, reconcile, workers: WORKERS, queue, feeds, synced }
    }

    /// Works on one key at a time.
    pub(crate) fn alone(self) -> Self {
        Self { workers: 1, ..self }
    }

    /// Reconciles what `keys` makes of every change in one of the controller's caches.
    pub(crate) fn on<K, I>(mut self, cache: &Informer<K>, keys: impl Fn(&C, &Change<K>) -> I + Send + 'static) -> Self
    where
        K: Object,
        I: IntoIterator<Item = ObjectKey> + Send + 'static,
    {
        let controller = self.controller.clone();
        let keys = move |change: &Change<K>| keys(&controller, change);
        self.feeds.spawn(feed(cache, self.queue.clone(), keys).boxed());
        self.needs(cache)
    }

    /// Reconciles every object in one of the controller's caches when it changes.
    pub(crate) fn on_each<K: Object>(self, cache: &Informer<K>) -> Self {
        self.on(cache, |_, change| [change.object().key()])
    }

    /// Starts only when this cache is filled.
    pub(crate) fn needs<K: Object>(mut self, cache: &Informer<K>) -> Self {
        let informer = cache.clone();
        self.synced.push(async move { informer.synced().await }.boxed());
        self
    }

    /// Works until `cancel`.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let Self { controller, reconcile, workers, queue, feeds, synced } = self;
        if cancel.run_until_cancelled(join_all(synced)).await.is_none() {
            return;
        }
        tracing::debug!(controller = type_name::<C>(), "started");
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            tasks.spawn(queue.clone().work(controller.clone(), reconcile).boxed());
        }
        cancel.cancelled().await;
        queue.close();
        // A worker finishes the key it has; what the process does next does not wait for more than that.
        tasks.join_all().await;
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
