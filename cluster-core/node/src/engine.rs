//! The node's container engine: how it is started, waited for and given the images that the node brings along.

use crate::prelude::*;
use bollard::Docker;
use bollard::query_parameters::ImportImageOptionsBuilder;
use bytes::Bytes;
use futures::TryStreamExt;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::convert::Infallible;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Where containerd answers.
pub(crate) const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
const SOCKET: &str = "/run/docker.sock";
const LOGS: &str = "/var/log";
const TIMEOUT_SECONDS: u64 = 120;
/// Marks that the images were loaded; it lives beside the engine's own state and goes with it.
const LOADED: &str = "/var/lib/docker/devcluster-images-loaded";

/// containerd runs beside the engine, not below it: the engine would wait for its own one in long sleeps, a second in
/// all. Its configuration comes with the node image.
pub(crate) fn containerd_command() -> Result<Command> {
    let mut command = Command::new("containerd");
    command.args(["--log-level", "warn"]);
    logged(command, "containerd")
}

/// Becomes the engine, once containerd is there; returns only when that fails.
pub fn exec(config: &NodeConfig) -> Result<Infallible> {
    wait_for(Path::new(CONTAINERD_SOCKET)).context("failed to wait for containerd")?;
    let mut command = Command::new("dockerd");
    command.args(["--containerd", CONTAINERD_SOCKET, "--host", "unix:///run/docker.sock", "--log-level=warn"]);
    // Routes, masquerading and services are the service proxy's.
    command.args(["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"]);
    command.args(["--userland-proxy=false", "--storage-driver=overlay2", "--exec-opt=native.cgroupdriver=cgroupfs"]);
    // crun starts a container in three quarters of runc's time.
    command.args(["--add-runtime=crun=/usr/bin/crun", "--default-runtime=crun"]);
    // What the nodes of kind have for trying RuntimeClasses with.
    command.arg("--add-runtime=test-handler=/usr/bin/crun");
    command.args(["--log-opt=max-size=10m", "--log-opt=max-file=3"]);
    // Pods survive a restart of the engine.
    command.arg("--live-restore");
    // The bridge has the first address of the node's pods; the pods get the others.
    if let Some(gateway) = config.pod_cidr.hosts().next() {
        command.arg(format!("--bip={gateway}/{}", config.pod_cidr.prefix_len()));
    }
    Err(logged(command, "dockerd")?.exec()).context("failed to start dockerd")
}

/// Lets a program of the node write to a log file of its own.
pub(crate) fn logged(mut command: Command, name: &str) -> Result<Command> {
    let file = format!("{LOGS}/{name}.log");
    let log = File::options().create(true).append(true).open(&file);
    let log = log.with_context(|| format!("failed to open {file}"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Connects once the engine answers.
pub(crate) async fn connect() -> Result<Docker> {
    let appears = tokio::task::spawn_blocking(|| wait_for(Path::new(SOCKET)));
    appears.await?.context("failed to wait for the engine's socket")?;
    let docker = Docker::connect_with_unix(SOCKET, TIMEOUT_SECONDS, bollard::API_DEFAULT_VERSION)?;
    // The engine binds its socket before it is ready to answer; the request waits in the queue until then.
    docker.ping().await.context("the engine does not answer")?;
    Ok(docker)
}

/// Waits until a file exists, woken by the kernel. Makes its folder when it is missing.
fn wait_for(file: &Path) -> Result<()> {
    let folder = file.parent().context("the path has no folder")?;
    std::fs::create_dir_all(folder)?;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    inotify.add_watch(folder, AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO)?;
    // Looked at only after the watch is set, so that nothing is missed in between.
    while !file.try_exists()? {
        inotify.read_events()?;
    }
    Ok(())
}

/// Loads the archives below [`path::IMAGES`], all at once, on the node's first start.
pub(crate) async fn load_images(docker: &Docker) -> Result<()> {
    if tokio::fs::try_exists(LOADED).await? {
        return Ok(());
    }
    let mut archives = Vec::new();
    let mut folder = match tokio::fs::read_dir(path::IMAGES).await {
        Ok(folder) => folder,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("failed to read {}", path::IMAGES)),
    };
    while let Some(entry) = folder.next_entry().await? {
        archives.push(entry.path());
    }
    futures::future::try_join_all(archives.iter().map(|archive| load(docker, archive))).await?;
    tokio::fs::write(LOADED, "").await.with_context(|| format!("failed to write {LOADED}"))
}

async fn load(docker: &Docker, archive: &PathBuf) -> Result<()> {
    let bytes = tokio::fs::read(archive).await.with_context(|| format!("failed to read {}", archive.display()))?;
    let options = ImportImageOptionsBuilder::default().quiet(true).build();
    let body = bollard::body_full(Bytes::from(bytes));
    let loaded: Result<Vec<_>, _> = docker.import_image(options, body, None).try_collect().await;
    loaded.with_context(|| format!("failed to load {}", archive.display()))?;
    Ok(())
}
