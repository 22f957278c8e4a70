//! The work queue between informers and workers: no duplicates, no key in two hands, delays and back-off.

use crate::prelude::*;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::any::type_name;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use tokio::sync::Notify;

const BASE_DELAY: Duration = Duration::from_millis(5);
const MAX_DELAY: Duration = Duration::from_secs(1000);
/// How many times as long as the work on it took a key rests after it. The first change is answered at once; those of a
/// burst are seen together, so that a set of 500 pods is not counted 500 times while they start.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(100);

/// What a worker does about a key; a time asks for the key again after it.
pub type Work<C, T, E> = for<'a> fn(&'a C, &'a T) -> BoxFuture<'a, Result<Option<Duration>, E>>;

/// A queue of keys. A key that is added while it waits is there once; one that is added while a worker has it is
/// handed out again after that worker called [`WorkQueue::done`]. Clones share the queue.
#[derive(Debug)]
pub struct WorkQueue<T>(Arc<Inner<T>>);

impl<T> Clone for WorkQueue<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Inner<T> {
    state: Mutex<State<T>>,
    notify: Notify,
}

#[derive(Debug)]
struct State<T> {
    ready: VecDeque<T>,
    /// What has to be worked on: all of `ready`, and what came again while it was in work.
    dirty: HashSet<T>,
    in_work: HashSet<T>,
    /// Keys that become ready later, in the order of time; the number keeps equal times apart.
    later: BTreeMap<(Instant, u64), T>,
    due: HashMap<T, (Instant, u64)>,
    failures: HashMap<T, u32>,
    counter: u64,
    closed: bool,
}

impl<T: Clone + Eq + Hash> Default for WorkQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Eq + Hash> WorkQueue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        let state = State {
            ready: VecDeque::new(),
            dirty: HashSet::new(),
            in_work: HashSet::new(),
            later: BTreeMap::new(),
            due: HashMap::new(),
            failures: HashMap::new(),
            counter: 0,
            closed: false,
        };
        Self(Arc::new(Inner { state: Mutex::new(state), notify: Notify::new() }))
    }

    /// Makes `key` ready now.
    pub fn add(&self, key: T) {
        self.0.state.lock().add(key);
        self.0.notify.notify_one();
    }

    /// Makes `key` ready after `delay`; the earlier of two delays counts.
    pub fn add_after(&self, key: T, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let mut state = self.0.state.lock();
        let at = Instant::now() + delay;
        match state.due.get(&key) {
            Some(&(due, _)) if due <= at => return,
            Some(&slot) => drop(state.later.remove(&slot)),
            None => {}
        }
        state.counter += 1;
        let slot = (at, state.counter);
        state.later.insert(slot, key.clone());
        state.due.insert(key, slot);
        drop(state);
        self.0.notify.notify_one();
    }

    /// Makes `key` ready after a delay that doubles with each call, from 5 ms to 1000 s, until [`WorkQueue::forget`].
    fn add_rate_limited(&self, key: T) {
        let failures = {
            let mut state = self.0.state.lock();
            let failures = state.failures.entry(key.clone()).or_default();
            *failures += 1;
            *failures - 1
        };
        let delay = BASE_DELAY.saturating_mul(2_u32.saturating_pow(failures)).min(MAX_DELAY);
        self.add_after(key, delay);
    }

    /// Forgets the failures of `key`.
    fn forget(&self, key: &T) {
        self.0.state.lock().failures.remove(key);
    }

    /// The next key; the caller owns it until it calls [`WorkQueue::done`]. `None` once the queue is closed.
    async fn get(&self) -> Option<T> {
        loop {
            let next = {
                let mut state = self.0.state.lock();
                if state.closed {
                    // A waiter that was about to sleep when the queue was closed hears it from the one before it.
                    self.0.notify.notify_one();
                    return None;
                }
                state.promote(Instant::now());
                if let Some(key) = state.ready.pop_front() {
                    state.dirty.remove(&key);
                    state.in_work.insert(key.clone());
                    let more = !state.ready.is_empty() || !state.later.is_empty();
                    drop(state);
                    if more {
                        // Another waiter takes over what is left, and the clock.
                        self.0.notify.notify_one();
                    }
                    return Some(key);
                }
                state.later.keys().next().map(|(at, _)| *at)
            };
            match next {
                Some(at) => tokio::select! {
                    () = self.0.notify.notified() => {}
                    () = tokio::time::sleep_until(at) => {}
                },
                None => self.0.notify.notified().await,
            }
        }
    }

    /// Gives `key` back; hands it out again when it was added meanwhile.
    fn done(&self, key: &T) {
        let mut state = self.0.state.lock();
        state.in_work.remove(key);
        if state.dirty.contains(key) {
            state.ready.push_back(key.clone());
            drop(state);
            self.0.notify.notify_one();
        }
    }

    /// Ends every [`WorkQueue::get`] with `None`.
    pub fn close(&self) {
        self.0.state.lock().closed = true;
        self.0.notify.notify_waiters();
        self.0.notify.notify_one();
    }
}

impl<T: Clone + Eq + Hash + Debug + Send + 'static> WorkQueue<T> {
    /// Works for `owner` on one key after the other, whatever becomes of each, until the queue is closed.
    pub async fn work<C, E: Display>(self, owner: Arc<C>, work: Work<C, T, E>) {
        while let Some(key) = self.get().await {
            let start = Instant::now();
            match AssertUnwindSafe(work(&owner, &key)).catch_unwind().await {
                Ok(Ok(again)) => {
                    self.forget(&key);
                    if let Some(delay) = again {
                        self.add_after(key.clone(), delay);
                    }
                }
                Ok(Err(error)) => {
                    tracing::debug!(owner = type_name::<C>(), ?key, %error, "failed, will try again");
                    self.add_rate_limited(key.clone());
                }
                Err(_) => {
                    tracing::error!(owner = type_name::<C>(), ?key, "panicked, will try again");
                    self.add_rate_limited(key.clone());
                }
            }
            tokio::spawn(release(key, self.clone(), (start.elapsed() * REST).min(LONGEST_REST)));
        }
    }
}

async fn release<T: Clone + Eq + Hash>(key: T, queue: WorkQueue<T>, rest: Duration) {
    tokio::time::sleep(rest).await;
    queue.done(&key);
}

impl<T: Clone + Eq + Hash> State<T> {
    fn add(&mut self, key: T) {
        if self.dirty.insert(key.clone()) && !self.in_work.contains(&key) {
            self.ready.push_back(key);
        }
    }

    fn promote(&mut self, now: Instant) {
        while let Some(slot) = self.later.first_entry().filter(|slot| slot.key().0 <= now) {
            let key = slot.remove();
            self.due.remove(&key);
            self.add(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_key_is_queued_once_and_never_in_two_hands() {
        let queue = WorkQueue::new();
        queue.add("a");
        queue.add("a");
        assert_eq!(queue.get().await, Some("a"));
        queue.add("a");
        assert!(tokio::time::timeout(Duration::from_secs(1), queue.get()).await.is_err());
        queue.done(&"a");
        assert_eq!(queue.get().await, Some("a"));
        queue.done(&"a");
        assert!(tokio::time::timeout(Duration::from_secs(1), queue.get()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_delay_counts() {
        let queue = WorkQueue::new();
        let start = Instant::now();
        queue.add_after("a", Duration::from_secs(9));
        queue.add_after("a", Duration::from_secs(2));
        queue.add_after("a", Duration::from_secs(5));
        assert_eq!(queue.get().await, Some("a"));
        assert_eq!(start.elapsed().as_secs(), 2);
        queue.done(&"a");
        assert!(tokio::time::timeout(Duration::from_secs(20), queue.get()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_double_the_delay_until_forgotten() {
        let queue = WorkQueue::new();
        for expected in [5, 10, 20, 40] {
            let start = Instant::now();
            queue.add_rate_limited("a");
            assert_eq!(queue.get().await, Some("a"));
            assert_eq!(start.elapsed().as_millis(), expected);
            queue.done(&"a");
        }
        queue.forget(&"a");
        let start = Instant::now();
        queue.add_rate_limited("a");
        assert_eq!((queue.get().await, start.elapsed().as_millis()), (Some("a"), 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_key_is_served_while_another_worker_is_busy() {
        let queue = WorkQueue::new();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                tokio::spawn({
                    let q = queue.clone();
                    async move { q.get().await }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        queue.add_after("late", Duration::from_secs(3));
        queue.add("now");
        let mut got = Vec::new();
        for waiter in waiters {
            got.extend(tokio::time::timeout(Duration::from_secs(5), waiter).await.expect("in time").expect("no panic"));
        }
        got.sort_unstable();
        assert_eq!(got, ["late", "now"]);
    }

    #[tokio::test]
    async fn closing_ends_the_waiters() {
        let queue = WorkQueue::<&str>::new();
        let waiter = tokio::spawn({
            let q = queue.clone();
            async move { q.get().await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(waiter.await.expect("no panic"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_reaches_waiters_that_were_about_to_sleep() {
        let queue = WorkQueue::<&str>::new();
        queue.close();
        let asleep = || tokio::time::timeout(Duration::from_secs(1), queue.0.notify.notified());
        asleep().await.expect("the first hears it");
        assert_eq!(queue.get().await, None);
        asleep().await.expect("and the second from the first");
    }

    const WORK: Duration = Duration::from_millis(5);

    /// Remembers how many changes there were when it last began, and how often it began.
    #[derive(Default)]
    struct Counter {
        changes: AtomicUsize,
        seen: AtomicUsize,
        runs: AtomicUsize,
    }

    type Outcome = Result<Option<Duration>, &'static str>;

    impl Counter {
        async fn reconcile(&self) -> Outcome {
            self.seen.store(self.changes.load(Ordering::Relaxed), Ordering::Relaxed);
            self.runs.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(WORK).await;
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn changes_of_a_burst_are_seen_together_and_the_last_one_too() {
        let (controller, queue) = (Arc::new(Counter::default()), WorkQueue::new());
        let worker = tokio::spawn(queue.clone().work(controller.clone(), |c, _| c.reconcile().boxed()));
        for _ in 0..100 {
            controller.changes.fetch_add(1, Ordering::Relaxed);
            queue.add("web");
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
        let work = queue.clone().work(controller.clone(), |c, number| async move { c.reconcile(*number) }.boxed());
        let worker = tokio::spawn(work);
        queue.add(7);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*controller.0.lock(), [7, 7]);
        queue.close();
        worker.await.expect("the worker ends");
    }
}
