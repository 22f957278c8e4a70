//! What the kubelet asks of a container engine: the [`Runtime`] trait and the words it speaks in.
//!
//! [`docker::Docker`] implements it through the engine's socket; tests use a fake.

pub mod docker;
mod docker_spec;

use crate::prelude::*;
use async_trait::async_trait;
use serde::Deserialize;
use std::pin::Pin;

/// Labels that every container of a pod carries, so that a restarted kubelet finds what runs.
pub mod label {
    /// The pod's name.
    pub const POD_NAME: &str = "io.kubernetes.pod.name";
    /// The pod's namespace.
    pub const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
    /// The pod's UID.
    pub const POD_UID: &str = "io.kubernetes.pod.uid";
    /// The container's name in the pod; [`SANDBOX`] for the sandbox.
    pub const CONTAINER: &str = "io.kubernetes.container.name";
    /// How many times the container was started before.
    pub const RESTARTS: &str = "io.kubernetes.container.restartCount";
    /// The hash of the container's definition.
    pub const HASH: &str = "io.kubernetes.container.hash";
    /// The image as the pod names it.
    pub const IMAGE: &str = "io.kubernetes.container.image";
    /// The value of [`CONTAINER`] on a sandbox.
    pub const SANDBOX: &str = "POD";
}

/// Why the engine did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RuntimeError {
    /// The container or image does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The engine refused; the text is the engine's.
    #[error("{0}")]
    Refused(String),
    /// The engine does not answer.
    #[error("the container engine does not answer: {0}")]
    Unreachable(String),
}

/// A result of a call to the engine.
pub type Result<T> = std::result::Result<T, RuntimeError>;

/// The namespaces a container joins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Namespace {
    /// One of its own.
    #[default]
    Private,
    /// The node's.
    Host,
    /// That of the container with this ID.
    Container(String),
}

/// One bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// The path on the node.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// Whether writes are refused.
    pub read_only: bool,
    /// Whether they are refused below mounts inside it too.
    pub recursive: bool,
    /// `None`, `HostToContainer` or `Bidirectional`.
    pub propagation: Option<String>,
}

/// Limits of a container in the kernel's terms; zero means none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// cgroup cpu.shares.
    pub cpu_shares: i64,
    /// Quota per 100 ms period, in microseconds.
    pub cpu_quota: i64,
    /// Bytes of memory.
    pub memory: i64,
    /// The kernel's preference when memory runs out.
    pub oom_score_adj: i64,
}

/// Everything needed to create a container or a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerSpec {
    /// The engine's name for it.
    pub name: String,
    /// The image.
    pub image: String,
    /// Replaces the image's entry point when not empty.
    pub command: Vec<String>,
    /// Replaces the image's arguments when not empty.
    pub args: Vec<String>,
    /// `KEY=value`.
    pub env: Vec<String>,
    /// The directory it starts in; the image's when empty.
    pub working_dir: String,
    /// The host name; only for a private network.
    pub hostname: String,
    /// See [`label`].
    pub labels: HashMap<String, String>,
    /// Bind mounts.
    pub mounts: Vec<Mount>,
    /// The network namespace.
    pub network: Namespace,
    /// The process namespace.
    pub pid: Namespace,
    /// The IPC namespace.
    pub ipc: Namespace,
    /// `uid`, `uid:gid` or empty for the image's.
    pub user: String,
    /// Supplementary groups.
    pub groups: Vec<String>,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Full access to the node.
    pub privileged: bool,
    /// Whether the root file system refuses writes.
    pub read_only_root: bool,
    /// `no-new-privileges`, `seccomp=...`.
    pub security_options: Vec<String>,
    /// Kernel parameters of the sandbox.
    pub sysctls: HashMap<String, String>,
    /// Resource limits.
    pub limits: Limits,
    /// The engine's name of a runtime class's handler; the engine's own choice when empty.
    pub runtime: String,
    /// The cgroup to live under.
    pub cgroup_parent: String,
    /// Whether a terminal is allocated.
    pub tty: bool,
    /// Whether standard input stays open.
    pub stdin: bool,
    /// Whether standard input closes after the first attach.
    pub stdin_once: bool,
    /// The signal that asks it to stop; the image's when empty.
    pub stop_signal: String,
}

/// What the engine knows of a container.
#[derive(Debug, Clone, Default)]
pub struct ContainerInfo {
    /// The engine's ID.
    pub id: String,
    /// See [`label`].
    pub labels: HashMap<String, String>,
    /// Whether it runs.
    pub running: bool,
    /// Whether it was only created.
    pub created: bool,
    /// The exit code of a dead one.
    pub exit_code: i32,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// What the engine said when it could not start it.
    pub error: String,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The image's ID.
    pub image_id: String,
    /// Its address; empty when it shares another's network.
    pub ip: String,
    /// The main process on the node.
    pub pid: i64,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its standard input closes after the first attach.
    pub stdin_once: bool,
    /// Where each mount's files lie on the node, by path in the container.
    pub mounts: BTreeMap<String, String>,
    /// The file on the node that its output goes to, if it is one.
    pub log_path: Option<PathBuf>,
}

impl ContainerInfo {
    /// A label's value, or empty.
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// How many starts went before this one.
    pub fn restarts(&self) -> u32 {
        self.label(label::RESTARTS).parse().unwrap_or(0)
    }
}

/// An image in the engine.
#[derive(Debug, Clone, Default)]
pub struct ImageInfo {
    /// The ID, `sha256:...`.
    pub id: String,
    /// Tags and digests.
    pub names: Vec<String>,
    /// The folders that lie over each other in it, the topmost first; none when the engine keeps images otherwise.
    pub layers: Vec<String>,
    /// Bytes.
    pub size: i64,
    /// The user its processes run as; empty for root.
    pub user: String,
}

/// Credentials of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryAuth {
    /// The registry's address.
    pub server: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

/// Which log lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Whether to go on with new lines.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Option<u64>,
    /// Only lines since this time.
    pub since: Option<Timestamp>,
    /// Whether each line starts with its time.
    pub timestamps: bool,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output, or a terminal's output.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
}

/// Output of a container or a command in it.
pub type OutputStream = BoxStream<'static, Result<Output>>;

/// A command to run in a container.
#[derive(Debug, Clone, Default)]
pub struct ExecSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether to connect standard input.
    pub stdin: bool,
    /// Whether to allocate a terminal.
    pub tty: bool,
}

/// A terminal's size in columns and rows, as clients send it: `{"Width":80,"Height":24}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// A command in progress, or a container attached to.
pub struct Session {
    /// What it prints; ends with the process.
    pub output: OutputStream,
    /// Its standard input; dropping it closes the input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Takes new sizes of the terminal.
    pub resize: mpsc::UnboundedSender<TerminalSize>,
    /// The exit code, to be awaited when `output` has ended; an attach does not know it and says 0.
    pub exit_code: futures::future::BoxFuture<'static, Result<i32>>,
    /// Ends the command, which goes on when nobody reads it any more; to be awaited instead of `exit_code`.
    pub kill: futures::future::BoxFuture<'static, Result<()>>,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// It ended.
    Died {
        /// The container.
        id: String,
        /// The pod it belongs to.
        pod_uid: String,
    },
    /// The stream was interrupted: everything must be looked at anew.
    Reconnected,
}

/// How much a container uses now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since its start.
    pub cpu_nanoseconds: u64,
    /// Working set.
    pub memory_bytes: u64,
}

/// The engine.
#[derive(Debug, Clone, Default)]
pub struct EngineInfo {
    /// The version.
    pub version: String,
    /// `systemd` or `cgroupfs`.
    pub cgroup_driver: String,
}

/// A container engine.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// What the engine is. This costs it some milliseconds: see [`Runtime::ping`].
    async fn info(&self) -> Result<EngineInfo>;
    /// Fails while the engine does not answer.
    async fn ping(&self) -> Result<()>;
    /// Creates a container and answers its ID; a dead container of the same name is replaced.
    async fn create(&self, spec: &ContainerSpec) -> Result<String>;
    /// Starts a created container.
    async fn start(&self, id: &str) -> Result<()>;
    /// Changes a running container's limits.
    async fn update(&self, id: &str, limits: &Limits) -> Result<()>;
    /// Asks a container to stop and kills it after `grace`; returns when it is dead.
    async fn stop(&self, id: &str, grace: Duration) -> Result<()>;
    /// Removes a container, running or not; a missing one is no error.
    async fn remove(&self, id: &str) -> Result<()>;
    /// All containers that carry pod labels, with labels and state only.
    async fn list(&self) -> Result<Vec<ContainerInfo>>;
    /// All about one container.
    async fn inspect(&self, id: &str) -> Result<ContainerInfo>;
    /// What a container printed.
    async fn logs(&self, id: &str, query: &LogQuery) -> Result<OutputStream>;
    /// Runs a command in a container.
    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<Session>;
    /// Connects to a running container's main process: to its input, its output from now on, or both.
    async fn attach(&self, id: &str, stdin: bool, output: bool) -> Result<Session>;
    /// All images.
    async fn images(&self) -> Result<Vec<ImageInfo>>;
    /// One image, or nothing when the engine does not have it.
    async fn image(&self, name: &str) -> Result<Option<ImageInfo>>;
    /// Fetches an image from its registry.
    async fn pull(&self, name: &str, auth: Option<&RegistryAuth>) -> Result<()>;
    /// What happens to containers of pods from now on; never ends while the kubelet runs.
    fn events(&self) -> BoxStream<'static, RuntimeEvent>;
    /// What a container uses.
    async fn usage(&self, id: &str) -> Result<Usage>;
    /// Bytes that a container wrote beside its image and volumes. Costs a walk over them.
    async fn written(&self, id: &str) -> Result<i64>;
}
