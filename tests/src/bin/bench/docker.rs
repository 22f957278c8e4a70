//! What is seen from outside a node: its processor time, its processes, what its commands print.

use anyhow::{Context, Result, bail};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bollard::query_parameters::StatsOptionsBuilder;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use std::time::Duration;

/// Prints the status of the process that runs the node. The brackets keep the search from finding itself.
const NODE_PROCESS: &str = "file=$(grep -lzx 'ru[n]' /proc/[0-9]*/cmdline | head -n 1); cat ${file%cmdline}status";

/// The containers of a cluster.
pub(crate) struct Nodes {
    docker: Docker,
    /// Their names.
    pub(crate) names: Vec<String>,
}

impl Nodes {
    /// The nodes of those names.
    pub(crate) fn new(names: Vec<String>) -> Result<Self> {
        Ok(Self { docker: Docker::connect_with_local_defaults().context("failed to reach Docker")?, names })
    }

    /// What a command prints while it runs. With a terminal, so that no line waits in a buffer.
    pub(crate) async fn follow(&self, node: &str, command: &[&str]) -> Result<BoxStream<'static, Result<String>>> {
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let exec = self.docker.create_exec(node, config).await?;
        let text = |piece: LogOutput| String::from_utf8_lossy(&piece.into_bytes()).into_owned();
        match self.docker.start_exec(&exec.id, None).await? {
            StartExecResults::Attached { output, .. } => Ok(output.map_ok(text).err_into().boxed()),
            StartExecResults::Detached => bail!("the command in {node} runs on its own"),
        }
    }

    /// All that a command prints.
    async fn run(&self, node: &str, command: &[&str]) -> Result<String> {
        Ok(self.follow(node, command).await?.try_collect::<Vec<String>>().await?.concat())
    }

    /// Resident memory of the process that runs a node, in millions of bytes.
    pub(crate) async fn memory(&self, node: &str) -> Result<f64> {
        crate::server::memory(&self.run(node, &["sh", "-c", NODE_PROCESS]).await?)
    }

    /// Processor time of all nodes since their starts, with everything that runs in them.
    pub(crate) async fn processor_time(&self) -> Result<Duration> {
        let mut total = 0;
        for name in &self.names {
            let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
            let stats = self.docker.stats(name, Some(options)).try_next().await?;
            let usage = stats.and_then(|stats| stats.cpu_stats?.cpu_usage?.total_usage);
            total += usage.with_context(|| format!("{name} has no processor time"))?;
        }
        Ok(Duration::from_nanos(total))
    }
}
