//! Commands in nodes, with their input and output, and the nodes' logs.

use crate::prelude::*;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{LogsOptions, ResizeExecOptions};
use futures::{Stream, StreamExt, TryStreamExt};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// A running command.
pub(crate) struct Running {
    pub(crate) id: String,
    pub(crate) output: Pin<Box<dyn Stream<Item = std::result::Result<LogOutput, bollard::errors::Error>> + Send>>,
    pub(crate) input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Launcher {
    /// Starts a command in a container.
    pub(crate) async fn start_command(&self, container: &str, command: &[&str], tty: bool) -> Result<Running> {
        let what = || format!("run `{}` in `{container}`", command.join(" "));
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..Default::default()
        };
        let id = self.docker.create_exec(container, options).await.doing(what())?.id;
        let start = StartExecOptions { tty, ..Default::default() };
        match self.docker.start_exec(&id, Some(start)).await.doing(what())? {
            StartExecResults::Attached { output, input } => Ok(Running { id, output, input }),
            StartExecResults::Detached => Err(Error::Invalid(format!("the engine did not attach to `{container}`"))),
        }
    }

    async fn exit_code(&self, id: &str) -> Result<i64> {
        let ended = self.docker.inspect_exec(id).await.doing("ask how a command ended")?;
        Ok(ended.exit_code.unwrap_or_default())
    }

    /// Runs a command to its end: its output, or an error when it fails.
    pub(crate) async fn output(&self, container: &str, command: &[&str]) -> Result<String> {
        let running = self.start_command(container, command, false).await?;
        self.finish(container, command, running).await
    }

    /// Ends a command's input and waits for its end, as [`Self::output`].
    pub(crate) async fn finish(&self, container: &str, command: &[&str], mut running: Running) -> Result<String> {
        if let Err(error) = running.input.shutdown().await {
            tracing::debug!(container, %error, "the command ended before its input did");
        }
        let chunks: Vec<LogOutput> = running.output.try_collect().await.doing("read the output of a command")?;
        let output: Vec<u8> = chunks.into_iter().flat_map(LogOutput::into_bytes).collect();
        let output = String::from_utf8_lossy(&output).trim().to_owned();
        match self.exit_code(&running.id).await? {
            0 => Ok(output),
            code => Err(Error::Command { node: container.to_owned(), command: command.join(" "), code, output }),
        }
    }

    /// Runs a command in a node with this input and, where it has no terminal, which tells its `(columns, rows)`, its output
    /// and errors apart; returns its exit code.
    pub async fn exec(
        &self,
        cluster: &str,
        node: &str,
        command: &[String],
        terminal: Option<UnboundedReceiver<(u16, u16)>>,
        mut input: impl AsyncRead + Send + Unpin + 'static,
        (mut output, mut errors): (impl AsyncWrite + Unpin, impl AsyncWrite + Unpin),
    ) -> Result<i64> {
        let (_, node) = self.node(cluster, node)?;
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let mut running = self.start_command(&node.name, &words, terminal.is_some()).await?;
        let mut sizes = terminal.unwrap_or_else(|| mpsc::unbounded_channel().1);
        let mut sink = running.input;
        let feeder = tokio::spawn(async move {
            let copied = tokio::io::copy(&mut input, &mut sink).await;
            copied.and(sink.shutdown().await)
        });
        loop {
            let chunk = tokio::select! {
                Some((columns, rows)) = sizes.recv() => {
                    let size = ResizeExecOptions { w: columns.into(), h: rows.into() };
                    // A command that has ended already has no terminal.
                    if let Err(error) = self.docker.resize_exec(&running.id, size).await {
                        tracing::debug!(%error, "failed to size the terminal");
                    }
                    continue;
                }
                chunk = running.output.next() => chunk,
            };
            match chunk.transpose().doing("read the output of a command")? {
                None => break,
                Some(chunk @ LogOutput::StdErr { .. }) => write(&mut errors, chunk).await?,
                Some(chunk) => write(&mut output, chunk).await?,
            }
        }
        feeder.abort();
        self.exit_code(&running.id).await
    }

    /// A node's log: the last `tail` lines, or all; with `follow` also what comes.
    pub async fn logs(
        &self,
        cluster: &str,
        node: &str,
        follow: bool,
        tail: Option<u32>,
        mut output: impl AsyncWrite + Unpin,
    ) -> Result<()> {
        let (_, node) = self.node(cluster, node)?;
        let options = LogsOptions {
            follow,
            stdout: true,
            stderr: true,
            tail: tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            ..Default::default()
        };
        let mut lines = self.docker.logs(&node.name, Some(options));
        while let Some(line) = lines.next().await {
            write(&mut output, line.doing(format!("read the log of `{}`", node.name))?).await?;
        }
        Ok(())
    }

    /// The end of a container's log, for error messages.
    pub(crate) async fn log_tail(&self, container: &str) -> String {
        let options = LogsOptions { stdout: true, stderr: true, tail: "15".to_owned(), ..Default::default() };
        let lines: Vec<_> = self.docker.logs(container, Some(options)).collect().await;
        lines.into_iter().filter_map(|line| line.ok().map(|line| format!("  {line}"))).collect()
    }
}

async fn write(target: &mut (impl AsyncWrite + Unpin), chunk: LogOutput) -> Result<()> {
    let written = async { target.write_all(chunk.as_ref()).await.and(target.flush().await) };
    written.await.map_err(Error::file("write", "standard output".as_ref()))
}
