//! The commands around the agent: the process itself, and the dashboard that it serves.

use crate::arguments::Common;
use crate::{commands, filter, show};
use anyhow::{Context, Result};
use cluster_agent::log::Log;
use cluster_agent::{Contact, Options, READY};
use cluster_launcher::{Launcher, Silent};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Sends what the agent has to tell into its log.
pub(crate) fn log() -> Result<()> {
    let launcher = Launcher::connect(Arc::new(Silent), CancellationToken::new())?;
    let log = Log::open(launcher.home())?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter("info,hyper=warn")).with_ansi(false);
    lines.with_writer(Mutex::new(log)).init();
    Ok(())
}

/// Is the agent, until nobody needs it.
pub(crate) async fn run(common: &Common) -> Result<u8> {
    let options = Options {
        image: common.image.clone(),
        node_binary: commands::node_binary(common)?,
        dashboard: std::env::var_os("DEVCLUSTER_UI").map(Into::into),
    };
    let ended = cluster_agent::run(options, || show::line(READY)).await;
    ended.inspect_err(|error| tracing::error!(%error, "the agent ends"))?;
    Ok(0)
}

/// The way to the agent, which is started when none runs.
pub(crate) async fn contact(launcher: &Launcher, common: &Common) -> Result<Contact> {
    let mut command = Command::new(std::env::current_exe().context("failed to find this program")?);
    command.args(["agent", "--image", &common.image, "--node-binary"]).arg(commands::node_binary(common)?);
    Ok(Contact::start(launcher.home(), command).await?)
}

/// Prints where the dashboard is, and opens it.
pub(crate) async fn dashboard(launcher: &Launcher, common: &Common, no_open: bool) -> Result<()> {
    let address = contact(launcher, common).await?.dashboard().await?;
    show::line(&address);
    if !no_open && let Err(error) = open(&address) {
        show::warning(&format!("no browser could be opened: {error}; open the address yourself"));
    }
    Ok(())
}

fn open(address: &str) -> std::io::Result<()> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let mut command = std::process::Command::new(opener);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}
