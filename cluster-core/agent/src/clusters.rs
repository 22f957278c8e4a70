//! The clusters of this machine and the way into each: a list that follows Docker's events and the state folder.

use crate::feed::Feeds;
use crate::prelude::*;
use crate::view::metrics::{self, History};
use cluster_client::Informers;
use cluster_launcher::{ClusterStatus, Launcher};
use cluster_object::status::GroupResource;
use k8s_openapi::api::core::v1::Namespace;
use notify::{RecursiveMode, Watcher};
use std::pin::pin;
use std::sync::OnceLock;
use tokio::sync::Notify;
use tokio_util::sync::DropGuard;

/// Between two looks, so that the events of one operation are one look.
const SETTLE: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const FIELD_MANAGER: &str = "devcluster-dashboard";

/// A cluster as pages see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// `running`, `stopped`, `paused`, `partial` or `creating`.
    pub(crate) state: &'static str,
    /// The UID of its namespace kube-system, by which two clusters of one name differ; empty unless it is known.
    pub(crate) uid: String,
    pub(crate) server: String,
    pub(crate) nodes: Vec<Node>,
}

/// A node as pages see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    /// Its container: `running`, `stopped`, `paused`, `missing`.
    pub(crate) state: String,
    pub(crate) address: Ipv4Addr,
}

/// A cluster whose API server can be asked.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) name: String,
    server: String,
    pub(crate) backend: Arc<HttpBackend>,
    pub(crate) client: Client,
    pub(crate) informers: Informers,
    pub(crate) feeds: Feeds,
    pub(crate) metrics: History,
    /// Of its namespace kube-system; nothing until it is known.
    uid: OnceLock<String>,
    /// Triggered when the cluster stops or goes.
    pub(crate) ended: CancellationToken,
}

impl Live {
    fn new(name: &str, server: &str, backend: HttpBackend) -> Arc<Self> {
        let backend = Arc::new(backend);
        let client = Client::new(backend.clone(), FIELD_MANAGER);
        let ended = CancellationToken::new();
        Arc::new(Self {
            name: name.to_owned(),
            server: server.to_owned(),
            feeds: Feeds::new(backend.clone()),
            informers: Informers::new(client.clone()),
            metrics: History::default(),
            uid: OnceLock::new(),
            backend,
            client,
            ended,
        })
    }

    /// What the API server has under a path.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        get(&self.client, path, "application/json").await
    }
}

/// What an API server has under a path, in a form of JSON.
pub(crate) async fn get(client: &Client, path: &str, accept: &str) -> Result<Value, Error> {
    let request = Request::get(path).header(ACCEPT, accept).body(Bytes::new());
    let request = request.map_err(|error| Status::bad_request(error.to_string()))?;
    Ok(client.request(request).await?)
}

/// All clusters.
#[derive(Debug)]
pub(crate) struct Clusters {
    pub(crate) launcher: Launcher,
    list: watch::Sender<Arc<Vec<Cluster>>>,
    /// The ways that are open; each is closed when it is dropped.
    live: Mutex<HashMap<String, (Arc<Live>, DropGuard)>>,
    wake: Arc<Notify>,
}

impl Clusters {
    /// Begins to follow the clusters; the first look is done when this returns.
    pub(crate) async fn follow(launcher: Launcher) -> Arc<Self> {
        let list = watch::Sender::new(Arc::default());
        let clusters = Arc::new(Self { launcher, list, live: Mutex::default(), wake: Arc::default() });
        clusters.look().await;
        tokio::spawn(follow_engine(clusters.clone()));
        tokio::spawn(run(clusters.clone()));
        clusters
    }

    /// The present list.
    pub(crate) fn list(&self) -> Arc<Vec<Cluster>> {
        self.list.borrow().clone()
    }

    /// Wakes whenever the list changes.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Vec<Cluster>>> {
        self.list.subscribe()
    }

    /// The way into a cluster that runs.
    pub(crate) fn live(&self, name: &str) -> Result<Arc<Live>, Error> {
        if let Some((live, _)) = self.live.lock().get(name) {
            return Ok(live.clone());
        }
        let state = self.state(name)?;
        Err(Status::new(503, "ServiceUnavailable", format!("cluster `{name}` is {state}")).into())
    }

    /// How a cluster is; 404 when there is none of the name.
    pub(crate) fn state(&self, name: &str) -> Result<&'static str, Error> {
        let resource = GroupResource { group: "devcluster.io", resource: "clusters" };
        let found = self.list().iter().find(|cluster| cluster.name == name).map(|cluster| cluster.state);
        Ok(found.ok_or_else(|| Status::not_found(resource, name))?)
    }

    /// Waits until a cluster runs.
    pub(crate) async fn running(&self, name: &str) -> Arc<Live> {
        let mut changes = self.changes();
        loop {
            if let Ok(live) = self.live(name) {
                return live;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Looks at all clusters anew and tells what is different.
    async fn look(self: &Arc<Self>) {
        let mut list = Vec::new();
        for name in self.launcher.clusters().unwrap_or_default() {
            match self.launcher.glance(&name).await {
                Ok(status) => list.push(self.enter(status)),
                Err(error) => tracing::warn!(cluster = name, %error, "failed to look at a cluster"),
            }
        }
        self.live.lock().retain(|name, _| list.iter().any(|cluster: &Cluster| cluster.name == *name));
        self.list.send_if_modified(|present| {
            let changed = **present != list;
            *present = Arc::new(list);
            changed
        });
    }

    /// Opens or closes the way into a cluster, as its state wants it.
    fn enter(self: &Arc<Self>, status: ClusterStatus) -> Cluster {
        let serves = status.nodes.iter().any(|node| node.role == "master" && node.container == "running");
        let mut live = self.live.lock();
        let known = live.get(&status.name).is_some_and(|(live, _)| live.server == status.server);
        if !serves || !known {
            live.remove(&status.name);
        }
        if serves && !known {
            match self.launcher.backend(&status.name) {
                Ok(backend) => {
                    let way = Live::new(&status.name, &status.server, backend);
                    tokio::spawn(identify(self.clone(), way.clone()));
                    tokio::spawn(metrics::record(way.clone()));
                    let end = way.ended.clone().drop_guard();
                    live.insert(status.name.clone(), (way, end));
                }
                Err(error) => tracing::warn!(cluster = status.name, %error, "failed to enter a cluster"),
            }
        }
        let uid = live.get(&status.name).and_then(|(live, _)| live.uid.get());
        to_page(status, uid.cloned().unwrap_or_default())
    }
}

fn to_page(status: ClusterStatus, uid: String) -> Cluster {
    let state = match status.state {
        "Running" => "running",
        "Stopped" => "stopped",
        "Paused" => "paused",
        "Incomplete" => "creating",
        _ => "partial",
    };
    let nodes = status.nodes.into_iter();
    let nodes = nodes.map(|n| Node { name: n.name, role: n.role, state: n.container, address: n.address }).collect();
    Cluster { name: status.name, state, uid, server: status.server, nodes }
}

/// Learns the cluster's UID as soon as its API server answers.
async fn identify(clusters: Arc<Clusters>, live: Arc<Live>) {
    // Informers of its own, which end with it.
    let informers = Informers::new(live.client.clone());
    let mut changes = informers.scoped::<Namespace>("", "metadata.name=kube-system").subscribe();
    let found = live.ended.run_until_cancelled(changes.recv()).await.flatten();
    let known = found.and_then(|change| live.uid.set(change.object().metadata.uid.clone()?).ok());
    if known.is_some() {
        clusters.wake.notify_one();
    }
}

/// Looks again after every wake-up.
async fn run(clusters: Arc<Clusters>) {
    let _watcher = follow_folder(clusters.launcher.home(), clusters.wake.clone());
    loop {
        clusters.wake.notified().await;
        clusters.look().await;
        tokio::time::sleep(SETTLE).await;
    }
}

/// `up` writes what Docker does not know: that a cluster is complete.
fn follow_folder(home: &Path, wake: Arc<Notify>) -> Option<notify::RecommendedWatcher> {
    let changed = move |event: notify::Result<notify::Event>| {
        let described = |path: &std::path::PathBuf| path.file_name().is_some_and(|name| name == "cluster.json");
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(described)) {
            wake.notify_one();
        }
    };
    let watching = notify::recommended_watcher(changed).and_then(|mut watcher| {
        watcher.watch(home, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    watching.inspect_err(|error| tracing::warn!(%error, "failed to follow the state folder")).ok()
}

/// Wakes on every event of the engine; connects again when the engine went away.
async fn follow_engine(clusters: Arc<Clusters>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut since = Timestamp::now();
    loop {
        let mut changes = pin!(clusters.launcher.changes(since.as_second()));
        while let Some(change) = changes.next().await {
            if let Err(error) = change {
                tracing::debug!(%error, "lost the engine");
                break;
            }
            backoff.reset();
            clusters.wake.notify_one();
        }
        since = Timestamp::now();
        tokio::time::sleep(backoff.pause()).await;
        // An engine that was started anew has forgotten what happened.
        clusters.wake.notify_one();
    }
}
