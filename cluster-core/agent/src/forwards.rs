//! Ports of this machine that lead into clusters: one for each port of a service that is open to the outside, and those
//! that somebody asked for. Each connection finds its way anew, so a forward heals with what it leads to.

mod datagrams;
mod services;
mod target;
mod tunnel;

use crate::prelude::*;
use cluster_client::Informer;
use cluster_launcher::Protocol;
use futures::FutureExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A node that does not answer in this time is passed over.
const DIAL_LIMIT: Duration = Duration::from_secs(2);
/// How far above the wanted one a free port is looked for.
const TRIES: u16 = 50;
/// Whether this machine reaches the nodes' addresses; elsewhere Docker runs in a machine of its own.
const ROUTABLE: bool = cfg!(target_os = "linux");

/// A forward that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Where to.
    pub cluster: String,
    /// The target's.
    pub namespace: String,
    /// `service/NAME`, `pod/NAME`, `deployment/NAME` or another workload.
    pub target: String,
    /// The target's.
    pub port: u16,
    /// The port here; the same or the next free one unless it is named.
    pub local: Option<u16>,
}

impl Wanted {
    /// What the forward is called in URLs.
    pub fn id(&self) -> String {
        format!("{}:{}:{}:{}", self.cluster, self.namespace, self.target.replace('/', ":"), self.port)
    }
}

/// A forward as pages see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Forward {
    id: String,
    cluster: String,
    namespace: String,
    target: String,
    port: u16,
    protocol: Protocol,
    /// On 127.0.0.1; 0 while there is none.
    local: u16,
    /// `listening`, `waiting` (it listens, and nobody answers behind it) or `failed` (it has no port).
    state: &'static str,
    automatic: bool,
    why: Option<Saying>,
    /// On the nodes, any of which leads to an automatic forward's service.
    #[serde(skip)]
    node_port: Option<u16>,
}

/// What listens here.
enum Socket {
    Streams(TcpListener),
    Datagrams(UdpSocket),
}

impl Socket {
    /// With the port that it got.
    async fn bind(protocol: Protocol, port: u16) -> std::io::Result<(u16, Self)> {
        let address = (Ipv4Addr::LOCALHOST, port);
        Ok(if protocol == Protocol::Tcp {
            let listener = TcpListener::bind(address).await?;
            (listener.local_addr()?.port(), Self::Streams(listener))
        } else {
            let socket = UdpSocket::bind(address).await?;
            (socket.local_addr()?.port(), Self::Datagrams(socket))
        })
    }
}

impl Forward {
    /// It waits for as long as there is a reason.
    fn wait(&mut self, why: Option<Saying>) {
        self.state = if why.is_some() { "waiting" } else { "listening" };
        self.why = why;
    }

    /// Takes in whether somebody is there to answer. What its connections met is told until nobody is.
    fn judge(&mut self, answers: bool) {
        if !answers || self.why == Some(asking()) || self.has_nobody() {
            self.wait((!answers).then(|| self.nobody()));
        }
    }

    /// A connection was led on, or why not. That nobody is there is said in no other words, and of an automatic forward
    /// its service alone tells the state.
    fn connected(&mut self, why: Option<Saying>) {
        let known = self.has_nobody() && why.is_some();
        if !self.automatic && !known {
            self.wait(why);
        }
    }

    /// Connections reach a pod that runs; of many, one that is ready is looked for.
    fn nobody(&self) -> Saying {
        if self.target.starts_with("pod/") { say("why.forward.not-running") } else { say("why.forward.no-pod") }
    }

    fn has_nobody(&self) -> bool {
        self.why == Some(self.nobody())
    }
}

/// What is told before anybody knows.
fn asking() -> Saying {
    say("why.forward.asking")
}

/// All forwards.
#[derive(Debug)]
pub(crate) struct Forwards {
    clusters: Arc<Clusters>,
    memory: Arc<Memory>,
    pub(crate) board: Board<Forward>,
}

impl Forwards {
    /// Begins to follow the services of all clusters; takes up what was asked for before.
    pub(crate) async fn start(clusters: Arc<Clusters>, memory: Arc<Memory>, events: Events) -> Arc<Self> {
        let forwards = Arc::new(Self { clusters, memory, board: Board::new("forwards", events) });
        for wanted in forwards.memory.get(|memory| memory.forwards.clone()) {
            forwards.begin(&wanted).await;
        }
        tokio::spawn(services::follow_all(forwards.clone()));
        forwards
    }

    /// Makes a forward and remembers it.
    pub(crate) async fn add(self: &Arc<Self>, wanted: Wanted) -> Result<Forward, Error> {
        target::parse(&wanted.target)?;
        self.clusters.state(&wanted.cluster)?;
        if let Some(forward) = self.board.get(&wanted.id()) {
            if wanted.local.is_none_or(|local| local == forward.local) {
                return Ok(forward);
            }
            self.board.take_away(&forward.id);
        }
        let forward = self.begin(&wanted).await;
        if forward.state == "failed" {
            self.board.take_away(&forward.id);
            return Err(Status::new(409, "Conflict", forward.why.unwrap_or_default().text).into());
        }
        self.memory.change(|memory| {
            memory.forwards.retain(|other| other.id() != wanted.id());
            memory.forwards.push(Wanted { local: Some(forward.local), ..wanted });
        })?;
        Ok(forward)
    }

    /// Ends a forward that was asked for; false when there is no such one.
    pub(crate) fn remove(&self, id: &str) -> Result<bool, Error> {
        let found = self.board.get(id).is_some_and(|forward| !forward.automatic);
        if found {
            self.memory.change(|memory| memory.forwards.retain(|wanted| wanted.id() != id))?;
            self.board.take_away(id);
        }
        Ok(found)
    }

    /// Ends those of clusters that are gone.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) -> Result<(), Error> {
        let gone = |forward: Forward| (!exists(&forward.cluster)).then_some(forward.id);
        self.board.list().into_iter().filter_map(gone).try_for_each(|id| self.remove(&id).map(drop))
    }

    async fn begin(self: &Arc<Self>, wanted: &Wanted) -> Forward {
        let choice = wanted.local.unwrap_or(wanted.port);
        // A port that was named is that port or none.
        let tries = if wanted.local.is_some() { 1 } else { TRIES };
        let bound = bind(Protocol::Tcp, choice, tries).await;
        let Wanted { cluster, namespace, target, port, .. } = wanted.clone();
        let forward = Forward { id: wanted.id(), cluster, namespace, target, port, ..Forward::default() };
        self.put(forward, bound)
    }

    /// Enters a forward and serves its listener.
    fn put(self: &Arc<Self>, mut forward: Forward, bound: std::io::Result<(u16, Socket)>) -> Forward {
        let task = match bound {
            Ok((port, socket)) => {
                forward.local = port;
                forward.wait(Some(asking()));
                if let Some(answers) = self.answers(&forward) {
                    forward.judge(answers);
                }
                Some(AbortOnDropHandle::new(match socket {
                    Socket::Streams(listener) => {
                        let connections = serve(self.clone(), forward.clone(), listener);
                        let judged = target::follow(self.clone(), forward.clone());
                        tokio::spawn(async move { tokio::join!(connections, judged) }.map(drop))
                    }
                    Socket::Datagrams(socket) => {
                        let (clusters, cluster) = (self.clusters.clone(), forward.cluster.clone());
                        let port = forward.node_port;
                        let node = move || nodes(&clusters, &cluster, port?).into_iter().next();
                        tokio::spawn(datagrams::serve(socket, node))
                    }
                }))
            }
            Err(error) => {
                forward.state = "failed";
                forward.why = Some(say("why.forward.no-port").with("message", error));
                None
            }
        };
        self.board.put(&forward.id, forward.clone(), task);
        forward
    }

    /// Whether a pod is ready behind a forward's service, as far as it is known.
    fn answers(&self, forward: &Forward) -> Option<bool> {
        let slices: Informer<EndpointSlice> = self.clusters.live(&forward.cluster).ok()?.informers.informer();
        services::answers(forward, &slices.is_synced().then(|| slices.list())?)
    }

    /// Changes what is known of a forward that listens.
    fn change(&self, id: &str, change: impl FnOnce(&mut Forward)) {
        self.board.change(id, |forward| {
            let before = forward.why.clone();
            if forward.state != "failed" {
                change(forward);
            }
            forward.why != before
        });
    }
}

/// Binds a port of 127.0.0.1, or the next free one above it.
async fn bind(protocol: Protocol, first: u16, tries: u16) -> std::io::Result<(u16, Socket)> {
    let mut last = std::io::Error::from(ErrorKind::AddrInUse);
    for port in (first..=u16::MAX).take(tries.into()) {
        match Socket::bind(protocol, port).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    if tries > 1 { Socket::bind(protocol, 0).await } else { Err(last) }
}

async fn serve(forwards: Arc<Forwards>, forward: Forward, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                tokio::spawn(connect(forwards.clone(), forward.clone(), socket));
            }
            // Of too many open files it recovers as connections end.
            Err(error) => {
                tracing::warn!(id = forward.id, %error, "failed to accept a connection");
                tokio::time::sleep(DIAL_LIMIT).await;
            }
        }
    }
}

/// Leads one connection to where the forward leads now.
async fn connect(forwards: Arc<Forwards>, forward: Forward, mut socket: TcpStream) {
    let ended = match forwards.clusters.live(&forward.cluster) {
        Err(error) => Err(error),
        Ok(live) => match forward.node_port.filter(|_| ROUTABLE) {
            Some(port) => through_node(&forwards.clusters, &live, port, &mut socket).await,
            None => through_server(&forwards, &live, &forward, &mut socket).await,
        },
    };
    if let Err(error) = &ended {
        tracing::debug!(id = forward.id, %error, "a connection was not led on");
    }
    let why = ended.err().map(|error| Saying::verbatim(error.to_string()));
    forwards.change(&forward.id, |forward| forward.connected(why));
}

/// A port of each of a cluster's nodes that run.
fn nodes(clusters: &Clusters, cluster: &str, port: u16) -> Vec<SocketAddr> {
    let list = clusters.list();
    let nodes = list.iter().filter(|found| found.name == cluster).flat_map(|found| &found.nodes);
    nodes.filter(|node| node.state == "running").map(|node| (node.address, port).into()).collect()
}

/// Any node leads to the service.
async fn through_node(clusters: &Clusters, live: &Live, port: u16, socket: &mut TcpStream) -> Result<(), Error> {
    for address in nodes(clusters, &live.name, port) {
        if let Ok(Ok(mut far)) = tokio::time::timeout(DIAL_LIMIT, TcpStream::connect(address)).await {
            if let Err(error) = copy_bidirectional(socket, &mut far).await {
                tracing::debug!(%error, "a connection broke");
            }
            return Ok(());
        }
    }
    Err(Status::new(503, "ServiceUnavailable", "no node answers on the service's port").into())
}

/// The API server leads to a pod.
async fn through_server(
    forwards: &Forwards,
    live: &Live,
    forward: &Forward,
    socket: &mut TcpStream,
) -> Result<(), Error> {
    let (pod, port) = target::resolve(live, &forward.namespace, &forward.target, forward.port).await?;
    tunnel::join(live, &forward.namespace, &pod, port, socket, || {
        forwards.change(&forward.id, |forward| forward.connected(None));
    })
    .await
}
