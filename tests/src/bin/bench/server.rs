//! The API server under test, as a process of its own.

use crate::http::{Access, Ask};
use crate::note;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    // Kept open, so that the server may print.
    _lines: Lines<BufReader<ChildStdout>>,
    /// The way to it.
    pub(crate) access: Access,
    /// From the start of the process to the answer of `/readyz`.
    pub(crate) started: Duration,
}

impl Server {
    /// Starts the server on the folder `data`; `with` names parts that run in its process.
    pub(crate) async fn start(program: &Path, data: &Path, with: &str) -> Result<Self> {
        let arguments: &[&str] = if with.is_empty() { &["apiserver"] } else { &["apiserver", "--with", with] };
        Self::run(program, data, arguments).await
    }

    /// Starts a cluster of `nodes` simulated nodes.
    pub(crate) async fn simulate(program: &Path, data: &Path, nodes: usize) -> Result<Self> {
        Self::run(program, data, &["simulate", "--nodes", &nodes.to_string()]).await
    }

    async fn run(program: &Path, data: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).arg("--data").arg(data).env("DEVCLUSTER_LOG", "warn");
        let start = Instant::now();
        let spawned = command.stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = spawned.with_context(|| format!("failed to start {}", program.display()))?;
        let output = child.stdout.take().context("the server's output is not ours")?;
        let mut lines = BufReader::new(output).lines();
        if lines.next_line().await?.is_none() {
            bail!("the API server ended: {}", child.wait().await?);
        }
        let access = Access::from_kubeconfig(&data.join("kubeconfig"))?;
        access.connect().await?.drain(Ask::get("/readyz")).await?;
        Ok(Self { child, _lines: lines, access, started: start.elapsed() })
    }

    /// Resident memory in millions of bytes.
    pub(crate) fn memory(&self) -> Result<f64> {
        memory(&self.about("status")?)
    }

    /// The processor time it has used.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        // The fields after the program's name, which may hold blanks: user and system time, in hundredths of a second.
        let stat = self.about("stat")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("the process has no times")?;
        Ok(Duration::from_millis((ticks.0 + ticks.1) * 10))
    }

    fn about(&self, file: &str) -> Result<String> {
        let id = self.child.id().context("the server ended")?;
        Ok(std::fs::read_to_string(format!("/proc/{id}/{file}"))?)
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("failed to kill the API server")
    }
}

/// `VmRSS` of a process' status file, in millions of bytes.
pub(crate) fn memory(status: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the process has no memory")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// A folder for the servers' state; removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one. It lies beside the programs, on a disk, because `/tmp` may be memory.
    pub(crate) fn new(beside: &Path) -> Result<Self> {
        let parent = beside.parent().context("the program has no folder")?;
        let path = parent.join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("failed to make {}", path.display()))?;
        Ok(Self(path))
    }

    /// A folder in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            note(&format!("failed to remove {}: {error}", self.0.display()));
        }
    }
}
