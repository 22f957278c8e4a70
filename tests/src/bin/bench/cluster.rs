//! The rows that need a cluster: one master and two workers in Docker, made by the program users have.

use crate::docker::Nodes;
use crate::http::Access;
use crate::report::{Measured, Report, Unit};
use crate::server::Folder;
use crate::{Arguments, goals, latency, note};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

const NAME: &str = "bench";
/// From the start of the cluster until it counts as idle.
const SETTLE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(30);

/// A running cluster.
struct Cluster {
    program: PathBuf,
    kubeconfig: PathBuf,
    _folder: Folder,
}

impl Cluster {
    fn new(arguments: &Arguments) -> Result<Self> {
        let program = arguments.program("devcluster")?;
        let folder = Folder::new(&program)?;
        Ok(Self { program, kubeconfig: folder.join("kubeconfig"), _folder: folder })
    }

    /// Runs a command of the program; returns what it prints. The user's own kubeconfig is left alone.
    async fn run(&self, words: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.program);
        command.args(words).args(["--name", NAME]).env("KUBECONFIG", &self.kubeconfig).stderr(Stdio::inherit());
        let output = command.output().await.with_context(|| format!("failed to run {}", self.program.display()))?;
        if !output.status.success() {
            bail!("devcluster {} ended with {}", words.join(" "), output.status);
        }
        Ok(output.stdout)
    }

    /// Makes the cluster. Returns its nodes.
    async fn up(&self, report: &mut Report) -> Result<Nodes> {
        let up: Value = serde_json::from_slice(&self.run(&["up", "--workers", "2", "--output", "json"]).await?)?;
        let millis = |value: &Value| value.as_f64().unwrap_or_default();
        report.add(&goals::UP, vec![Measured::new("", millis(&up["totalMillis"]), Unit::Millis)]);
        for step in up["steps"].as_array().map_or(&[][..], Vec::as_slice) {
            let name = step["step"].as_str().unwrap_or_default();
            report.add_part(name, Measured::new("", millis(&step["millis"]), Unit::Millis));
        }
        let nodes = up["nodes"].as_array().map_or(&[][..], Vec::as_slice);
        Nodes::new(nodes.iter().filter_map(|node| node["name"].as_str().map(str::to_owned)).collect())
    }
}

/// Makes the cluster, measures, removes it.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let cluster = Cluster::new(arguments)?;
    cluster.run(&["down"]).await.ok();
    note("making the cluster `bench`");
    let nodes = cluster.up(report).await?;
    let measured = rows(&cluster, &nodes, arguments, report).await;
    cluster.run(&["down"]).await?;
    measured
}

async fn rows(cluster: &Cluster, nodes: &Nodes, arguments: &Arguments, report: &mut Report) -> Result<()> {
    idle(nodes, report).await?;
    let access = Access::from_kubeconfig(&cluster.kubeconfig)?;
    latency::pod_ready(&access, arguments, report).await?;
    latency::config_edit(&access, arguments, report).await?;
    file_save(cluster, &access, arguments, report).await?;
    latency::endpoints(&access, nodes, arguments, report).await
}

/// Saves of a manifest while `devcluster sync` follows it.
async fn file_save(cluster: &Cluster, access: &Access, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let manifest = cluster.kubeconfig.with_file_name("saved.yaml");
    latency::save(&manifest, "none")?;
    let mut sync = Command::new(&cluster.program);
    sync.arg("sync").arg(&manifest).args(["--name", NAME]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut sync = sync.kill_on_drop(true).spawn().context("failed to start `devcluster sync`")?;
    let output = sync.stdout.take().context("its output is piped")?;
    // Open to the end: the program ends when nobody reads what it says.
    let mut lines = BufReader::new(output).lines();
    lines.next_line().await?.context("`devcluster sync` ended")?;
    latency::file_save(access, &manifest, arguments, report).await
}

/// Memory and processor time while nothing happens.
async fn idle(nodes: &Nodes, report: &mut Report) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    let master = nodes.names.iter().find(|name| name.contains("master")).context("the cluster has no master")?;
    report.add(&goals::MASTER_RSS, vec![Measured::new("", nodes.memory(master).await?, Unit::Megabytes)]);
    let (start, before) = (Instant::now(), nodes.processor_time().await?);
    tokio::time::sleep(IDLE).await;
    let used = nodes.processor_time().await?.saturating_sub(before);
    let share = 100.0 * used.as_secs_f64() / start.elapsed().as_secs_f64();
    report.add(&goals::IDLE_CPU, vec![Measured::new("", share, Unit::Percent)]);
    Ok(())
}
