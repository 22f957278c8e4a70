//! What pages and programs ask for over HTTP.

use crate::forwards::Wanted;
use crate::prelude::*;
use crate::session::Caller;
use crate::syncs::WantedSync;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, delete, get};
use axum::{Extension, Json};
use cluster_launcher::{ClusterSpec, Error as LauncherError, ImageInfo, Switch, UpOptions};
use http::header::SET_COOKIE;

type Answer = Result<Json<Value>, Error>;
type Shared = State<Arc<Agent>>;
type Route = MethodRouter<Arc<Agent>>;

/// How long each step of an operation may take.
const WAIT: Duration = Duration::from_mins(2);

pub(super) async fn open_session(State(agent): Shared, Json(body): Json<Value>) -> Result<Response, Error> {
    let cookie = agent.sessions.open(meta::text(&body, "token")).ok_or_else(Status::unauthorized)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// A one-time token, which only a program may ask for.
pub(super) async fn token(State(agent): Shared, caller: Extension<Option<Caller>>) -> Answer {
    program(caller)?;
    Ok(Json(json!({"token": agent.sessions.tokens.issue()})))
}

fn program(Extension(caller): Extension<Option<Caller>>) -> Result<(), Status> {
    let is_program = caller == Some(Caller::Program);
    is_program.then_some(()).ok_or_else(|| Status::new(403, "Forbidden", "only programs may ask this"))
}

pub(super) async fn ticket(State(agent): Shared) -> Json<Value> {
    Json(json!({"ticket": agent.sessions.tickets.issue()}))
}

pub(super) async fn stop(State(agent): Shared, caller: Extension<Option<Caller>>) -> Answer {
    program(caller)?;
    agent.stop.cancel();
    Ok(Json(json!({})))
}

pub(super) async fn nothing() -> Error {
    Status::new(404, "NotFound", "there is nothing under this path").into()
}

/// Answers with what the agent has now.
pub(super) fn told(what: fn(&Agent) -> Value) -> Route {
    get(move |State(agent): Shared| async move { Json(what(&agent)) })
}

/// Ends what an id names.
pub(super) fn end(what: &'static str, end: fn(&Agent, &str) -> Result<bool, Error>) -> Route {
    delete(move |State(agent): Shared, Path(id): Path<String>| async move {
        let missing = || Status::new(404, "NotFound", format!("there is no {what} {id}"));
        if end(&agent, &id)? { Ok(Json(json!({}))) } else { Err(Error::from(missing())) }
    })
}

#[derive(Deserialize)]
pub(super) struct NewCluster {
    name: String,
    #[serde(default = "one")]
    masters: u16,
    #[serde(default = "two")]
    workers: u16,
    #[serde(default)]
    simulated: usize,
    /// Whether the demo is deployed once the cluster is ready.
    #[serde(default)]
    sample: bool,
}

fn one() -> u16 {
    1
}

fn two() -> u16 {
    2
}

fn accepted(id: String) -> Response {
    (StatusCode::ACCEPTED, Json(json!({"operation": id}))).into_response()
}

pub(super) async fn create_cluster(State(agent): Shared, Json(body): Json<NewCluster>) -> Result<Response, Error> {
    let spec = ClusterSpec::new(&body.name, &agent.options.image, body.masters, body.workers);
    spec.validate()?;
    let (binary, simulated) = (agent.options.node_binary.clone(), body.simulated);
    let options = UpOptions { spec, explicit: true, binary, wait: WAIT, simulated };
    let title = say("work.create").with("cluster", &body.name);
    let of = body.name.clone();
    let id = agent.operations.start(&agent.clusters.launcher, title, &body.name, |launcher| async move {
        launcher.up(options).await?;
        if body.sample { launcher.demo(&of, WAIT).await.map(drop) } else { Ok(()) }
    });
    Ok(accepted(id))
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub(super) enum Action {
    /// Starts a stopped cluster.
    Start,
    /// Stops a cluster, whose data stays.
    Stop,
    /// Freezes a cluster's nodes.
    Pause,
    /// Lets a paused cluster go on.
    Unpause,
    /// Removes a cluster with its data.
    Delete,
    /// Deploys the demo application.
    Demo,
    /// Adds workers, or nodes without machines.
    AddNodes {
        #[serde(default = "one")]
        count: u16,
        #[serde(default)]
        simulated: bool,
    },
    /// Drains a node and removes it.
    RemoveNode { node: String },
    /// Starts a stopped node.
    StartNode { node: String },
    /// Stops a node.
    StopNode { node: String },
    /// Ends a node without warning.
    KillNode { node: String },
    /// Copies images into all nodes.
    LoadImages { images: Vec<String> },
}

impl Action {
    /// What people call it; its code is that of the action.
    fn title(&self, cluster: &str) -> Saying {
        let of_cluster = |title| say(title).with("cluster", cluster);
        match self {
            Self::Start => of_cluster("work.start"),
            Self::Stop => of_cluster("work.stop"),
            Self::Pause => of_cluster("work.pause"),
            Self::Unpause => of_cluster("work.unpause"),
            Self::Delete => of_cluster("work.delete"),
            Self::Demo => of_cluster("work.demo"),
            Self::AddNodes { count, .. } => of_cluster("work.add-nodes").with("count", count),
            Self::RemoveNode { node } => say("work.remove-node").with("node", node),
            Self::StartNode { node } => say("work.start-node").with("node", node),
            Self::StopNode { node } => say("work.stop-node").with("node", node),
            Self::KillNode { node } => say("work.kill-node").with("node", node),
            Self::LoadImages { images } => of_cluster("work.load-images").with("images", images.join(", ")),
        }
    }
}

pub(super) async fn act(
    State(agent): Shared,
    Path(cluster): Path<String>,
    Json(action): Json<Action>,
) -> Result<Response, Error> {
    if !agent.clusters.launcher.clusters()?.contains(&cluster) {
        return Err(LauncherError::NoCluster(cluster).into());
    }
    let (title, of) = (action.title(&cluster), cluster.clone());
    let binary = agent.options.node_binary.clone();
    let id = agent.operations.start(&agent.clusters.launcher, title, &cluster, |launcher| async move {
        match action {
            Action::Start => launcher.start(&of, None, WAIT).await,
            Action::Stop => launcher.switch(&of, None, Switch::Stop).await,
            Action::Pause => launcher.switch(&of, None, Switch::Pause).await,
            Action::Unpause => launcher.switch(&of, None, Switch::Resume).await,
            Action::Delete => launcher.down(&of).await,
            Action::Demo => launcher.demo(&of, WAIT).await.map(drop),
            Action::AddNodes { count, simulated: true } => {
                launcher.add_simulated_nodes(&of, count.into()).await.map(drop)
            }
            Action::AddNodes { count, .. } => launcher.add_nodes(&of, count, &binary, WAIT).await.map(drop),
            Action::RemoveNode { node } => launcher.remove_node(&of, &node, WAIT).await,
            Action::StartNode { node } => launcher.start(&of, Some(&node), WAIT).await,
            Action::StopNode { node } => launcher.switch(&of, Some(&node), Switch::Stop).await,
            Action::KillNode { node } => launcher.switch(&of, Some(&node), Switch::Kill).await,
            Action::LoadImages { images } => launcher.load_images(&of, &images).await.map(drop),
        }
    });
    Ok(accepted(id))
}

pub(super) async fn images(State(agent): Shared, Path(cluster): Path<String>) -> Answer {
    let images = agent.clusters.launcher.list_images(&cluster).await?.into_iter();
    let image = |image: ImageInfo| json!({"name": image.name, "id": image.id, "size": bytes(&image.size), "nodes": image.nodes});
    Ok(Json(images.map(image).collect()))
}

/// Takes an archive of `docker save` into all nodes, as it comes.
pub(super) async fn load_archive(State(agent): Shared, Path(cluster): Path<String>, body: Body) -> Answer {
    let archive = body.into_data_stream().map(|chunk| chunk.map_err(std::io::Error::other));
    Ok(Json(json!(agent.clusters.launcher.load_archive(&cluster, archive).await?)))
}

/// Node by node, why a pod has no place.
pub(super) async fn why(
    State(agent): Shared,
    Path((cluster, namespace, pod)): Path<(String, String, String)>,
) -> Answer {
    let live = agent.clusters.live(&cluster)?;
    Ok(Json(json!(Box::pin(cluster_scheduler::explain(&live.client, &namespace, &pod)).await?)))
}

/// A size as Docker writes it for people, `4.26MB`, in bytes.
fn bytes(size: &str) -> u64 {
    let unit = size.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(size.len());
    let factor = match &size[unit..] {
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => 1.0,
    };
    (size[..unit].trim().parse().unwrap_or(0.0) * factor) as u64
}

pub(super) async fn forward(State(agent): Shared, Json(wanted): Json<Wanted>) -> Result<Response, Error> {
    let forward = agent.forwards.add(wanted).await?;
    Ok((StatusCode::CREATED, Json(json!(forward))).into_response())
}

pub(super) async fn sync(State(agent): Shared, Json(wanted): Json<WantedSync>) -> Result<Response, Error> {
    Ok((StatusCode::CREATED, Json(json!(agent.syncs.add(wanted)?))).into_response())
}

/// What a sync would change, or a pull: `diff`, `preview`, `pull`.
pub(super) async fn look(State(agent): Shared, Path(look): Path<String>, Json(wanted): Json<WantedSync>) -> Answer {
    Ok(Json(Box::pin(agent.syncs.look(&look, wanted)).await?))
}
