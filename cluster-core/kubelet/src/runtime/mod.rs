//! What the kubelet asks of a container engine: the [`Runtime`] trait. What is to be made it says in Docker's own words.
//!
//! [`docker::Docker`] implements it through the engine's socket; tests use a fake.

pub(crate) mod docker;
mod docker_spec;

use crate::prelude::*;
use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::models::ContainerCreateBody;
use serde::Deserialize;
use std::pin::Pin;

/// Labels that every container of a pod carries, so that a restarted kubelet finds what runs.
pub(crate) mod label {
    /// The pod's name.
    pub(crate) const POD_NAME: &str = "io.kubernetes.pod.name";
    /// The pod's namespace.
    pub(crate) const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
    /// The pod's UID.
    pub(crate) const POD_UID: &str = "io.kubernetes.pod.uid";
    /// The container's name in the pod; [`SANDBOX`] for the sandbox.
    pub(crate) const CONTAINER: &str = "io.kubernetes.container.name";
    /// How many times the container was started before.
    pub(crate) const RESTARTS: &str = "io.kubernetes.container.restartCount";
    /// The hash of the container's definition.
    pub(crate) const HASH: &str = "io.kubernetes.container.hash";
    /// The value of [`CONTAINER`] on a sandbox.
    pub(crate) const SANDBOX: &str = "POD";
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
pub(crate) type Result<T> = std::result::Result<T, RuntimeError>;

/// Limits of a container in the kernel's terms; zero means none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    /// cgroup cpu.shares.
    pub(crate) cpu_shares: i64,
    /// Quota per 100 ms period, in microseconds.
    pub(crate) cpu_quota: i64,
    /// Bytes of memory.
    pub(crate) memory: i64,
    /// The kernel's preference when memory runs out.
    pub(crate) oom_score_adj: i64,
}

/// What the engine knows of a container.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContainerInfo {
    /// The engine's ID.
    pub(crate) id: String,
    /// See [`label`].
    pub(crate) labels: HashMap<String, String>,
    /// Whether it runs.
    pub(crate) running: bool,
    /// Whether it was only created.
    pub(crate) created: bool,
    /// The exit code of a dead one.
    pub(crate) exit_code: i32,
    /// Whether the kernel killed it for memory.
    pub(crate) oom_killed: bool,
    /// What the engine said when it could not start it.
    pub(crate) error: String,
    /// When it started.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    pub(crate) finished_at: Option<Timestamp>,
    /// The image's ID.
    pub(crate) image_id: String,
    /// Its address; empty when it shares another's network.
    pub(crate) ip: String,
    /// The main process on the node.
    pub(crate) pid: i64,
    /// Whether it has a terminal.
    pub(crate) tty: bool,
    /// Whether its standard input closes after the first attach.
    pub(crate) stdin_once: bool,
    /// What runs it, by the engine's name of that.
    pub(crate) runtime: String,
    /// The file on the node that its output goes to, if it is one.
    pub(crate) log_path: Option<PathBuf>,
    /// The folder on the node that holds what it wrote beside its image and volumes, if the engine keeps it in one.
    pub(crate) written: Option<PathBuf>,
}

impl ContainerInfo {
    /// A label's value, or empty.
    pub(crate) fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// How many starts went before this one.
    pub(crate) fn restarts(&self) -> u32 {
        self.label(label::RESTARTS).parse().unwrap_or(0)
    }
}

/// An image in the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageInfo {
    /// The ID, `sha256:...`.
    pub(crate) id: String,
    /// Tags and digests.
    pub(crate) names: Vec<String>,
    /// The folders that lie over each other in it, the topmost first; none when the engine keeps images otherwise.
    pub(crate) layers: Vec<String>,
    /// Bytes.
    pub(crate) size: i64,
    /// The user its processes run as; empty for root.
    pub(crate) user: String,
}

/// Which log lines are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogQuery {
    /// Whether to go on with new lines.
    pub(crate) follow: bool,
    /// Only the last lines.
    pub(crate) tail: Option<u64>,
    /// Only lines since this time.
    pub(crate) since: Option<Timestamp>,
    /// Whether each line starts with its time.
    pub(crate) timestamps: bool,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Standard output, or a terminal's output.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
}

/// Output of a container or a command in it.
pub(crate) type OutputStream = BoxStream<'static, Result<Output>>;

/// A command to run in a container.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExecSpec {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Whether to connect standard input.
    pub(crate) stdin: bool,
    /// Whether to allocate a terminal.
    pub(crate) tty: bool,
}

/// A terminal's size in columns and rows, as clients send it: `{"Width":80,"Height":24}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TerminalSize {
    /// Columns.
    pub(crate) width: u16,
    /// Rows.
    pub(crate) height: u16,
}

/// A command in progress, or a container attached to.
pub(crate) struct Session {
    /// What it prints; ends with the process.
    pub(crate) output: OutputStream,
    /// Its standard input; dropping it closes the input.
    pub(crate) input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Takes new sizes of the terminal.
    pub(crate) resize: mpsc::UnboundedSender<TerminalSize>,
    /// The exit code, to be awaited when `output` has ended; an attach does not know it and says 0.
    pub(crate) exit_code: futures::future::BoxFuture<'static, Result<i32>>,
    /// Ends the command, which goes on when nobody reads it any more; to be awaited instead of `exit_code`.
    pub(crate) kill: futures::future::BoxFuture<'static, Result<()>>,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RuntimeEvent {
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
pub(crate) struct Usage {
    /// CPU time since its start.
    pub(crate) cpu_nanoseconds: u64,
    /// Working set.
    pub(crate) memory_bytes: u64,
    /// Processes and threads.
    pub(crate) processes: i64,
}

/// A container engine.
#[async_trait]
pub(crate) trait Runtime: Send + Sync + 'static {
    /// The engine's version.
    async fn version(&self) -> Result<String>;
    /// Fails while the engine does not answer.
    async fn ping(&self) -> Result<()>;
    /// Creates a container of this name and answers its ID; a dead one of the same name is replaced.
    async fn create(&self, name: &str, body: &ContainerCreateBody) -> Result<String>;
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
    /// Removes an image under all its names; one that is gone is no error.
    async fn remove_image(&self, id: &str) -> Result<()>;
    /// Fetches an image from its registry.
    async fn pull(&self, name: &str, auth: Option<&DockerCredentials>) -> Result<()>;
    /// What happens to containers of pods from now on; never ends while the kubelet runs.
    fn events(&self) -> BoxStream<'static, RuntimeEvent>;
    /// What a container uses.
    async fn usage(&self, id: &str) -> Result<Usage>;
}
