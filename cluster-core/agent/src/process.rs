//! The agent's process: one per user, listening on loopback only, ending when nobody needs it.

use crate::contact;
use crate::forwards::Forwards;
use crate::operations::Operations;
use crate::prelude::*;
use crate::server::{self, Assets};
use crate::session::Sessions;
use crate::syncs::Syncs;
use cluster_client::kubeconfig::private_folder;
use cluster_launcher::Launcher;
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

/// The first choice of a port; later the one before.
const PORT: u16 = 7373;
/// How long the agent stays when nothing needs it.
const IDLE: Duration = Duration::from_mins(2);
/// What everybody is told that a slow page may lag behind.
const EVENTS: usize = 256;

/// Tells all pages something.
pub(crate) type Events = broadcast::Sender<Utf8Bytes>;

pub(crate) fn tell(events: &Events, message: String) {
    if events.send(message.into()).is_err() {
        tracing::trace!("no page listens");
    }
}

/// What the agent is told by who starts it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The node image of clusters that a page creates.
    pub image: String,
    /// The node's program.
    pub node_binary: PathBuf,
}

/// Everything that runs in the agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) options: Options,
    pub(crate) port: u16,
    pub(crate) sessions: Sessions,
    pub(crate) clusters: Arc<Clusters>,
    pub(crate) operations: Arc<Operations>,
    pub(crate) forwards: Arc<Forwards>,
    pub(crate) syncs: Arc<Syncs>,
    pub(crate) activity: Activity,
    pub(crate) assets: Assets,
    pub(crate) events: Events,
    /// Ends the agent.
    pub(crate) stop: CancellationToken,
}

impl Agent {
    pub(crate) async fn new(
        options: Options,
        port: u16,
        memory: Arc<Memory>,
        clusters: Arc<Clusters>,
        assets: Assets,
    ) -> Arc<Self> {
        let (events, activity) = (broadcast::channel(EVENTS).0, Activity::default());
        let agent = Arc::new(Self {
            options,
            port,
            sessions: memory.get(|memory| Sessions::new(port, memory.bearer.clone(), memory.cookie.clone())),
            operations: Operations::new(events.clone(), activity.clone()),
            forwards: Forwards::start(clusters.clone(), memory.clone(), events.clone()).await,
            syncs: Syncs::start(clusters.clone(), memory, activity.clone(), events.clone()),
            clusters,
            activity,
            assets,
            events,
            stop: CancellationToken::new(),
        });
        tokio::spawn(forget(agent.clone()));
        agent
    }

    /// What a new page is told beside the clusters.
    pub(crate) fn snapshots(&self) -> [String; 3] {
        let operations = json!({"type": "operations", "operations": self.operations.list()}).to_string();
        [operations, self.forwards.board.message(), self.syncs.board.message()]
    }
}

/// Runs the agent until nobody needs it; calls `ready` once it answers. Fails when another one runs.
pub async fn run(options: Options, ready: impl FnOnce()) -> Result<(), Error> {
    let launcher = Launcher::connect()?;
    let home = launcher.home().to_owned();
    let _lock = lock(&home)?;
    leave_terminal();
    let memory = Arc::new(Memory::open(&home));
    let (port, listeners) = listen(memory.get(|memory| memory.port)).await?;
    let build = contact::build()?;
    memory.change(|memory| (memory.port, memory.build) = (port, build))?;
    let clusters = Clusters::follow(launcher).await;
    let agent = Agent::new(options, port, memory, clusters, Assets::packed()).await;
    let router = server::router(agent.clone());
    let serve = listeners.into_iter().map(|listener| {
        let router = router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await })
    });
    let served = futures::future::select_all(serve);
    tracing::info!(port, "the agent answers");
    ready();
    tokio::select! {
        (ended, ..) = served => tracing::error!(?ended, "the server ended"),
        () = idle(&agent) => tracing::info!("nobody needs the agent"),
        () = agent.stop.cancelled() => tracing::info!("the agent was asked to stop"),
    }
    Ok(())
}

/// Held by the agent that runs.
pub(crate) fn lock(home: &std::path::Path) -> Result<File, Error> {
    private_folder(home).map_err(Error::file("create", home))?;
    let other = || Error::Unreachable("another agent runs already".to_owned());
    cluster_launcher::lock(&contact::lock_path(home))?.ok_or_else(other)
}

/// A terminal that closes does not end the agent.
fn leave_terminal() {
    #[cfg(unix)]
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "the agent stays in its terminal");
    }
}

/// Both loopback addresses under one port: the one before, the usual one, or any that is free.
async fn listen(before: u16) -> Result<(u16, Vec<TcpListener>), Error> {
    for port in [before, PORT, 0].into_iter().skip(usize::from(before == 0)) {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let bound = first.and_then(|first| Ok((first.local_addr()?.port(), first)));
        let Ok((port, first)) = bound.inspect_err(|error| tracing::debug!(port, %error, "the port is taken")) else {
            continue;
        };
        let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await;
        let second = second.inspect_err(|error| tracing::debug!(%error, "no second listener on ::1"));
        return Ok((port, [first].into_iter().chain(second).collect()));
    }
    Err(Error::Unreachable("no port of 127.0.0.1 is free".to_owned()))
}

/// Ends what was asked for of clusters that are gone: another one of the name is not meant.
async fn forget(agent: Arc<Agent>) {
    let mut changes = agent.clusters.changes();
    loop {
        let forgotten = agent.clusters.launcher.clusters().map_err(Error::from).and_then(|names| {
            let exists = |cluster: &str| names.iter().any(|name| name == cluster);
            agent.forwards.retain(exists).and(agent.syncs.retain(exists))
        });
        if let Err(error) = forgotten {
            tracing::warn!(%error, "failed to end what belongs to clusters that are gone");
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Returns when no cluster has run, no page was open and nothing was to do for a while.
async fn idle(agent: &Agent) {
    let (mut holders, mut clusters) = (agent.activity.changes(), agent.clusters.changes());
    loop {
        let runs = |state: &str| !matches!(state, "stopped" | "paused");
        let needed =
            *holders.borrow_and_update() > 0 || clusters.borrow_and_update().iter().any(|cluster| runs(cluster.state));
        let changed = async {
            tokio::select! {
                _ = holders.changed() => {}
                _ = clusters.changed() => {}
            }
        };
        if needed {
            changed.await;
        } else if tokio::time::timeout(IDLE, changed).await.is_err() {
            return;
        }
    }
}
