//! The garbage collector: what is owned goes with its owners, in the background, in the foreground, or is orphaned.

mod collector;
mod graph;

use crate::prelude::*;
use crate::resources::CUSTOM_RESOURCES;
use collector::Collector;
use graph::Task;
use parking_lot::RwLock;
use tokio_util::task::AbortOnDropHandle;

/// How long after a change of the custom resources their kinds are looked up; several often come together.
const SETTLE: Duration = Duration::from_millis(500);
/// How often kinds are looked up that no watch announces, for example those of aggregated servers.
const REDISCOVER: Duration = Duration::from_mins(5);
/// How long the first list of a kind may take.
const SYNC: Duration = Duration::from_secs(30);
/// How many tasks are worked on at once.
const WORKERS: usize = 8;

pub(crate) async fn run(context: Context) {
    let collector = Arc::new(Collector {
        client: context.client.clone(),
        recorder: context.recorder("garbage-collector-controller"),
        graph: Mutex::default(),
        resources: RwLock::default(),
        queue: WorkQueue::new(),
    });
    let mut workers = JoinSet::new();
    let mut monitors =
        Monitors { collector: collector.clone(), informers: context.informers.clone(), running: HashMap::new() };
    if context.cancel.run_until_cancelled(monitors.start(&mut workers)).await.is_none() {
        return;
    }
    context.cancel.run_until_cancelled(monitors.follow()).await;
    collector.queue.close();
    workers.join_all().await;
}

/// The watches over all kinds.
struct Monitors {
    collector: Arc<Collector>,
    informers: Informers,
    running: HashMap<Resource, Monitor>,
}

struct Monitor {
    scope: WatchScope,
    /// Feeds the graph as long as this is held.
    _task: AbortOnDropHandle<()>,
}

impl Monitors {
    /// Watches every kind; the workers begin when the graph is whole, for what is not in it yet would look orphaned.
    async fn start(&mut self, workers: &mut JoinSet<()>) {
        loop {
            match self.refresh().await {
                Ok(()) => break,
                Err(error) => {
                    tracing::debug!(%error, "failed to discover the kinds, will try again");
                    tokio::time::sleep(SETTLE).await;
                }
            }
        }
        for _ in 0..WORKERS {
            let queue = self.collector.queue.clone();
            workers.spawn(queue.work(self.collector.clone(), |c, task| c.reconcile(task).boxed()).boxed());
        }
    }

    /// Keeps the watches in step with the kinds.
    async fn follow(&mut self) {
        let scope = WatchScope { path: CUSTOM_RESOURCES.to_owned(), ..WatchScope::default() };
        let mut changes = self.informers.watching::<Partial>(scope).subscribe();
        let mut due = Instant::now() + REDISCOVER;
        loop {
            tokio::select! {
                Some(_) = changes.recv() => due = due.min(Instant::now() + SETTLE),
                () = tokio::time::sleep_until(due) => {
                    due = Instant::now() + REDISCOVER;
                    if let Err(error) = self.refresh().await {
                        tracing::debug!(%error, "failed to discover the kinds");
                        due = Instant::now() + 10 * SETTLE;
                    }
                }
            }
        }
    }

    async fn refresh(&mut self) -> Result<(), Error> {
        let (resources, failures) = discover(&self.collector.client).await?;
        // Events own nothing and are owned by nothing, and there are many.
        let wanted = |resource: &Resource| resource.can(&["list", "watch", "delete"]) && resource.name != "events";
        let resources: Vec<Resource> = resources.into_iter().filter(wanted).collect();
        if failures.is_empty() {
            self.running.retain(|resource, monitor| {
                let kept = resources.contains(resource);
                if !kept {
                    self.informers.forget::<Partial>(&monitor.scope);
                }
                kept
            });
        }
        *self.collector.resources.write() = resources.iter().cloned().map(Arc::new).collect();
        let new: Vec<Resource> =
            resources.into_iter().filter(|resource| !self.running.contains_key(resource)).collect();
        join_all(new.into_iter().map(|resource| self.monitor(resource)).collect::<Vec<_>>()).await;
        Ok(())
    }

    /// Feeds one kind into the graph; the returned future ends when its objects are in. Of pods, which are many, the
    /// cache of all controllers serves.
    fn monitor(&mut self, resource: Resource) -> BoxFuture<'static, ()> {
        let scope = WatchScope { path: resource.path(""), ..WatchScope::default() };
        if resource.group.is_empty() && resource.name == "pods" {
            self.watch(resource, self.informers.informer::<Pod>(), scope)
        } else {
            self.watch(resource, self.informers.watching::<Partial>(scope.clone()), scope)
        }
    }

    fn watch<K: Object>(
        &mut self,
        resource: Resource,
        informer: Informer<K>,
        scope: WatchScope,
    ) -> BoxFuture<'static, ()> {
        let (collector, shared) = (self.collector.clone(), Arc::new(resource.clone()));
        let (mut changes, path) = (informer.subscribe(), scope.path.clone());
        let task = tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                let tasks = match change {
                    Change::Added(object) | Change::Updated { new: object, .. } => {
                        collector.graph.lock().put(&shared, object.as_ref())
                    }
                    Change::Deleted(object) => collector.graph.lock().remove(object.uid()),
                };
                collector.enqueue(tasks);
            }
        });
        self.running.insert(resource, Monitor { scope, _task: AbortOnDropHandle::new(task) });
        async move {
            // A kind that cannot be listed must not keep all others from being collected.
            if tokio::time::timeout(SYNC, informer.synced()).await.is_err() {
                tracing::warn!(path, "a kind does not answer, going on without it");
            }
        }
        .boxed()
    }
}

impl Collector {
    async fn reconcile(&self, task: &Task) -> Outcome {
        match task {
            Task::Examine(uid) => self.examine(uid).await,
            Task::Orphan(uid) => self.orphan(uid).await,
        }
        .map(|()| None)
    }
}

#[cfg(test)]
mod tests;
