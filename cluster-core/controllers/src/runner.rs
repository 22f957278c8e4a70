//! The loop all controllers share: changes become keys, workers reconcile them, failures come back later.

use crate::prelude::*;
use std::any::type_name;
use std::fmt::Debug;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use tokio_util::sync::CancellationToken;

/// Brings the object under a key, which may be gone, to its desired state, or does another task.
pub(crate) type Reconcile<C, Key = ObjectKey> = for<'a> fn(&'a C, &'a Key) -> BoxFuture<'a, Outcome>;
/// How many keys a controller works on at once.
const WORKERS: usize = 4;

/// How a reconciliation ended. `Some` asks for another one after that time.
pub(crate) type Outcome = Result<Option<Duration>, Error>;

/// How many times as long as a reconcile took its object rests after it. The first change is answered at once; those of
/// a burst are seen together, so that a set of 500 pods is not counted 500 times while they start.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(100);

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
            tasks.spawn(work(controller.clone(), reconcile, queue.clone()).boxed());
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

/// Works on one key after the other, whatever becomes of each, until the queue ends.
pub(crate) async fn work<C, Key>(controller: Arc<C>, reconcile: Reconcile<C, Key>, queue: WorkQueue<Key>)
where
    Key: Clone + Eq + Hash + Debug + Send + 'static,
{
    while let Some(key) = queue.get().await {
        let start = Instant::now();
        match AssertUnwindSafe(reconcile(&controller, &key)).catch_unwind().await {
            Ok(Ok(again)) => {
                queue.forget(&key);
                if let Some(delay) = again {
                    queue.add_after(key.clone(), delay);
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(controller = type_name::<C>(), ?key, %error, "failed to reconcile, will try again");
                queue.add_rate_limited(key.clone());
            }
            Err(_) => {
                tracing::error!(controller = type_name::<C>(), ?key, "panicked, will try again");
                queue.add_rate_limited(key.clone());
            }
        }
        tokio::spawn(release(key, queue.clone(), (start.elapsed() * REST).min(LONGEST_REST)));
    }
}

async fn release<Key: Clone + Eq + Hash>(key: Key, queue: WorkQueue<Key>, rest: Duration) {
    tokio::time::sleep(rest).await;
    queue.done(&key);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const WORK: Duration = Duration::from_millis(5);

    /// Remembers how many changes there were when it last began, and how often it began.
    #[derive(Default)]
    struct Counter {
        changes: AtomicUsize,
        seen: AtomicUsize,
        runs: AtomicUsize,
    }

    impl Counter {
        async fn reconcile(&self, _: &ObjectKey) -> Outcome {
            self.seen.store(self.changes.load(Ordering::Relaxed), Ordering::Relaxed);
            self.runs.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(WORK).await;
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn changes_of_a_burst_are_seen_together_and_the_last_one_too() {
        let (controller, queue) = (Arc::new(Counter::default()), WorkQueue::new());
        let worker = tokio::spawn(work(controller.clone(), |c, key| c.reconcile(key).boxed(), queue.clone()));
        for _ in 0..100 {
            controller.changes.fetch_add(1, Ordering::Relaxed);
            queue.add(ObjectKey::new("default", "web"));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(WORK * (1 + REST)).await;
        assert_eq!(controller.seen.load(Ordering::Relaxed), 100);
        let runs = controller.runs.load(Ordering::Relaxed);
        assert!(runs <= 6, "{runs} times in 100 ms, of which each takes 25 ms with its rest");
        queue.close();
        worker.await.expect("the worker ends");
    }

    /// Remembers its tasks.
    struct Clumsy(Mutex<Vec<u8>>);

    impl Clumsy {
        fn reconcile(&self, number: u8) -> Outcome {
            let tries = {
                let mut seen = self.0.lock();
                seen.push(number);
                seen.len()
            };
            assert!(tries > 1, "the first time it stumbles");
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_outlives_a_panic_and_does_the_task_again() {
        let (controller, queue) = (Arc::new(Clumsy(Mutex::default())), WorkQueue::new());
        let worker =
            tokio::spawn(work(controller.clone(), |c, key| async move { c.reconcile(*key) }.boxed(), queue.clone()));
        queue.add(7);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*controller.0.lock(), [7, 7]);
        queue.close();
        worker.await.expect("the worker ends");
    }
}
