//! The commands around the agent: the process itself, and the dashboard that it serves.

use crate::arguments::Common;
use crate::show::Table;
use crate::{commands, filter, show};
use anyhow::{Context, Result};
use cluster_agent::log::Log;
use cluster_agent::{Contact, Options, READY};
use cluster_launcher::{Launcher, Silent};
use http::Method;
use serde_json::{Value, json};
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

/// What a user wants forwarded.
pub(crate) struct Wanted {
    pub(crate) namespace: String,
    pub(crate) target: String,
    pub(crate) port: u16,
    pub(crate) local: Option<u16>,
}

/// The ports of this machine that lead into a cluster; none when no agent runs.
pub(crate) async fn forwards(launcher: &Launcher, cluster: &str) -> Result<Vec<Value>> {
    let Some(contact) = Contact::find(launcher.home())? else { return Ok(Vec::new()) };
    let all = contact.call(Method::GET, "/api/forwards", None).await?;
    Ok(all.as_array().into_iter().flatten().filter(|forward| forward["cluster"] == cluster).cloned().collect())
}

pub(crate) fn forwards_table(forwards: &[Value]) -> Table {
    let mut table = Table::new(["LOCALHOST", "LEADS TO", "PORT", "STATE"]);
    for forward in forwards {
        let text = |field: &str| forward[field].as_str().unwrap_or_default();
        let target = format!("{} in {}", text("target"), text("namespace"));
        let state = match forward["why"]["text"].as_str() {
            None => text("state").to_owned(),
            Some(why) => format!("{}: {why}", text("state")),
        };
        let port = format!("{}/{}", forward["port"], text("protocol"));
        table.row([&format!("127.0.0.1:{}", forward["local"]), &target, &port, &state]);
    }
    table
}

/// Makes a forward, ends one, or shows all.
pub(crate) async fn forward(
    launcher: &Launcher,
    common: &Common,
    cluster: &str,
    wanted: Option<Wanted>,
    remove: bool,
) -> Result<()> {
    let contact = contact(launcher, common).await?;
    let forwards = match wanted {
        None => forwards(launcher, cluster).await?,
        Some(Wanted { namespace, target, port, .. }) if remove => {
            let id = format!("{cluster}:{namespace}:{}:{port}", target.replace('/', ":"));
            contact.call(Method::DELETE, &format!("/api/forwards/{id}"), None).await?;
            return Ok(());
        }
        Some(Wanted { namespace, target, port, local }) => {
            let body =
                json!({"cluster": cluster, "namespace": namespace, "target": target, "port": port, "local": local});
            vec![contact.call(Method::POST, "/api/forwards", Some(&body)).await?]
        }
    };
    commands::print(common, &forwards, |forwards| forwards_table(forwards).print())
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
