//! What an actor knows of its pod, what can happen to it, and what may be done about it.

use super::backoff::Backoff;
use super::resize::Sizing;
use crate::prelude::*;
use crate::spec::hash;
use cluster_client::pods::{is_finished, is_sidecar};
use k8s_openapi::api::core::v1::LinuxContainerUser;
use std::borrow::Cow;

/// The part a container plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs to its end before the next.
    Init,
    /// An init container that goes on beside the application's.
    Sidecar,
    /// One of the application's.
    #[default]
    App,
    /// Somebody's tools beside the application: started once, whatever the others do.
    Ephemeral,
}

impl Kind {
    /// Whether it belongs to `initContainers`.
    pub(crate) fn is_init(self) -> bool {
        matches!(self, Self::Init | Self::Sidecar)
    }
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) id: String,
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Timestamp,
}

/// Where a container stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not run in this sandbox.
    #[default]
    Waiting,
    /// Its image is fetched, or it is created and started.
    Starting,
    /// It runs; `killing` is the grace it was given to end.
    Running { id: String, started_at: Timestamp, killing: Option<Duration> },
    /// It ended, and has not been started again.
    Exited(Ended),
}

/// One container of the pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ContainerState {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    /// Why it waits, when something went wrong: reason and message.
    pub(crate) waiting: Option<(String, String)>,
    /// No new try before this time.
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) pull_backoff: Backoff,
    pub(crate) crash_backoff: Backoff,
    /// It crashed and must wait: the length of the wait in seconds.
    pub(crate) crash_loop: Option<i64>,
    pub(crate) restarts: u32,
    pub(crate) last: Option<Ended>,
    pub(crate) image_id: String,
    /// Whom its first process runs as.
    pub(crate) user: Option<LinuxContainerUser>,
    /// The startup probe succeeded, or there is none.
    pub(crate) started: bool,
    /// The readiness probe's last word.
    pub(crate) ready: bool,
    /// The hash of the definition it was started from.
    pub(crate) hash: String,
    pub(crate) sizing: Sizing,
    /// Whether its preStop hook, which began before its turn to end, is through.
    pub(crate) pre_stop: Option<bool>,
    /// It ended before its start was reported.
    pub(crate) early: Option<Ended>,
}

impl ContainerState {
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind, ..Self::default() }
    }

    /// The engine's ID of it while it runs.
    pub(crate) fn running(&self) -> Option<&str> {
        match &self.phase {
            Phase::Running { id, .. } => Some(id),
            _ => None,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running().is_some()
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Running { .. } | Phase::Starting)
    }
}

/// The pod's folders and mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Volumes {
    #[default]
    Pending,
    Preparing,
    Ready,
    Failed {
        retry_at: Timestamp,
    },
}

/// The pause container that holds the pod's namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Sandbox {
    /// There is none.
    #[default]
    Absent,
    /// The engine makes it.
    Creating,
    /// It runs.
    Ready { id: String },
    /// It could not be made; no new try before that time.
    Failed { retry_at: Timestamp },
    /// It ended by itself: all containers must go and a new one come.
    Dead { id: String },
    /// The engine removes it.
    Removing,
}

/// Everything an actor knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodState {
    pub(crate) pod: Arc<Pod>,
    pub(crate) containers: Vec<ContainerState>,
    pub(crate) volumes: Volumes,
    pub(crate) sandbox: Sandbox,
    pub(crate) sandbox_attempt: u32,
    /// The pod's address; kept when the sandbox is gone.
    pub(crate) ip: String,
    pub(crate) start_time: Timestamp,
    /// The kubelet ended the pod: reason and message.
    pub(crate) failed: Option<(String, String)>,
    /// The requests and limits of the pod as a whole.
    pub(crate) sizing: Sizing,
    /// Why new requests and limits wait: reason and message.
    pub(crate) resize_pending: Option<(&'static str, String)>,
    /// Seconds its containers get to end when the node cannot wait for their own grace period.
    pub(crate) hurry: Option<i64>,
    /// The API server holds a final phase from before this actor; nothing may start.
    pub(crate) over: bool,
    /// The pod began anew, in another sandbox or by a rule: what ended before says nothing of its init containers.
    pub(crate) anew: bool,
    /// The container that ended so that a rule of its own has all containers start again.
    pub(crate) restarting: Option<String>,
    /// What runs has been looked up.
    pub(crate) observed: bool,
    pub(crate) cleaning: bool,
    pub(crate) cleaned: bool,
    pub(crate) finished: bool,
    /// When the pod was first asked to end.
    pub(crate) stop_since: Option<Timestamp>,
}

impl PodState {
    pub(crate) fn new(pod: Arc<Pod>, now: Timestamp) -> Self {
        let status = pod.status.as_ref();
        let containers =
            pod.spec.iter().flat_map(defined).map(|(name, kind)| ContainerState::new(name, kind)).collect();
        Self {
            containers,
            ip: status.and_then(|s| s.pod_ip.clone()).unwrap_or_default(),
            start_time: status.and_then(|s| s.start_time.as_ref()).map_or(now, |t| t.0),
            resize_pending: super::resize::pending(&pod),
            over: is_finished(&pod),
            pod,
            ..Self::default()
        }
    }

    pub(crate) fn container(&mut self, name: &str) -> Option<&mut ContainerState> {
        self.containers.iter_mut().find(|c| c.name == name)
    }

    /// Takes a newer object; its only new containers can be ephemeral ones. What kept an image waiting says nothing of
    /// the one that comes instead.
    pub(crate) fn take(&mut self, pod: Arc<Pod>) {
        for container in &mut self.containers {
            let of = |pod: &Pod| container_spec(pod.spec.as_ref()?, &container.name).map(hash);
            if of(&self.pod) != of(&pod) {
                (container.waiting, container.retry_at, container.crash_loop) = (None, None, None);
                (container.pull_backoff, container.crash_backoff) = Default::default();
            }
        }
        for (name, kind) in pod.spec.iter().flat_map(defined) {
            if self.container(name).is_none() {
                self.containers.push(ContainerState::new(name, kind));
            }
        }
        self.pod = pod;
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.pod.is_deleting()
    }

    /// The definition of a container.
    pub(crate) fn spec_of(&self, name: &str) -> Option<&Container> {
        container_spec(self.pod.spec.as_ref()?, name)
    }
}

/// The containers of a pod in the order of their start, ephemeral ones last.
pub(super) fn defined(spec: &PodSpec) -> impl Iterator<Item = (&str, Kind)> {
    let init = spec.init_containers.iter().flatten().map(|c| (c.name.as_str(), init_kind(c)));
    let app = spec.containers.iter().map(|c| (c.name.as_str(), Kind::App));
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|c| (c.name.as_str(), Kind::Ephemeral));
    init.chain(app).chain(ephemeral)
}

/// The definition of any container; an ephemeral one has the fields of the others.
pub(crate) fn definition<'a>(spec: &'a PodSpec, name: &str) -> Option<Cow<'a, Container>> {
    container_spec(spec, name).map(Cow::Borrowed).or_else(|| {
        let ephemeral = spec.ephemeral_containers.iter().flatten().find(|c| c.name == name)?;
        serde_json::to_value(ephemeral).and_then(serde_json::from_value).ok().map(Cow::Owned)
    })
}

/// The definition of a container, init containers included, ephemeral ones not.
pub(crate) fn container_spec<'a>(spec: &'a PodSpec, name: &str) -> Option<&'a Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers).find(|c| c.name == name)
}

fn init_kind(container: &Container) -> Kind {
    if is_sidecar(container) { Kind::Sidecar } else { Kind::Init }
}

/// Which probe spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeKind {
    Startup,
    Readiness,
    Liveness,
}

impl ProbeKind {
    /// The word in messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// A container that the engine has started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) restarts: u32,
    pub(crate) hash: String,
    pub(crate) image_id: String,
    /// Whom its first process runs as, if it runs.
    pub(crate) user: Option<LinuxContainerUser>,
    /// When it started, if it runs; else how it ended.
    pub(crate) state: Result<Timestamp, Ended>,
}

/// What can happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// What the engine had when the actor began: the sandbox with its address, and containers, oldest first.
    Observed { sandbox: Option<(String, String)>, containers: Vec<Found> },
    /// The pod object changed.
    PodChanged(Arc<Pod>),
    /// All volumes are mounted.
    VolumesReady,
    /// A volume could not be made ready.
    VolumesFailed(String),
    /// The sandbox runs.
    SandboxReady { id: String, ip: String },
    /// The sandbox could not be made.
    SandboxFailed(String),
    /// The sandbox ended by itself.
    SandboxDied { id: String },
    /// The sandbox is gone, as was asked.
    SandboxRemoved,
    /// A container was started, and its postStart hook is through.
    Started(Box<Found>),
    /// A container could not be started.
    StartFailed { name: String, reason: &'static str, message: String },
    /// The engine took new requests and limits of a running container, or of the pod when the name is empty; or why not.
    Resized { name: String, outcome: Result<(), String> },
    /// A container must go because its postStart hook failed.
    HookFailed { name: String, message: String },
    /// The preStop hook of a container that is not yet to end is through.
    PreStopped { name: String },
    /// A container ended.
    Exited { name: String, ended: Ended },
    /// A probe's verdict changed.
    Probe { name: String, kind: ProbeKind, ok: bool },
    /// Something the pod's configuration names changed: what failed may work now.
    ObjectsChanged,
    /// All containers and folders are removed.
    Cleaned,
    /// Whether the node has room for what the pod asks for now; the reason and the message when it has not.
    Room(Option<(&'static str, String)>),
    /// The node runs short, or the pod took more than it may; the text tells what and how much.
    Evicted(String),
    /// A time asked for by [`Action::WakeAt`] has come.
    Tick,
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Makes and mounts the volumes.
    PrepareVolumes,
    /// Makes the sandbox.
    CreateSandbox { attempt: u32 },
    /// Ends and removes the sandbox.
    RemoveSandbox { id: String },
    /// Starts a container.
    Start { name: String, attempt: u32 },
    /// Runs the preStop hook of a container that ends after others.
    PreStop { name: String, id: String, grace: Duration },
    /// Ends a container within its grace, with its preStop hook unless that has run; the message is for the event.
    Kill { name: String, id: String, grace: Duration, hook: bool, message: String },
    /// Tells the engine new requests and limits of a running container, or of the pod when the name is empty.
    Resize { name: String, id: String },
    /// Gives up fetching images and waiting for hooks.
    AbortStarts,
    /// Removes the volumes of a pod that is through, and follows no objects for them any more.
    RemoveVolumes,
    /// Removes all containers and folders.
    Clean,
    /// The pod is gone from this node: the API object may go too.
    Finish,
    /// Records an event about the pod or one of its containers.
    Record { warning: bool, reason: &'static str, message: String, container: Option<String> },
    /// Comes back with [`Event::Tick`].
    WakeAt(Timestamp),
}
