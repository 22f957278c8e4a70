//! The commands around the agent: the process itself, and the dashboard that it serves.

use crate::arguments::{Common, ForwardArguments};
use crate::show::Table;
use crate::{commands, filter, show};
use anyhow::{Context, Result};
use cluster_agent::log::Log;
use cluster_agent::{Contact, Options, READY, Wanted, browse};
use cluster_launcher::Launcher;
use http::Method;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::process::Command;

/// Sends what the agent has to tell into its log.
pub(crate) fn log() -> Result<()> {
    let launcher = Launcher::connect()?;
    let log = Log::open(launcher.home())?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter("info,hyper=warn")).with_ansi(false);
    lines.with_writer(Mutex::new(log)).init();
    Ok(())
}

/// Is the agent, until nobody needs it.
pub(crate) async fn run(common: &Common) -> Result<u8> {
    let options = Options { image: common.image.clone(), node_binary: commands::node_binary(common)? };
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
        // Not as the dashboard's address, whose cookie browsers would send along.
        table.row([&format!("localhost:{}", forward["local"]), &target, &port, &state]);
    }
    table
}

/// Makes a forward, ends one, or shows all.
pub(crate) async fn forward(
    launcher: &Launcher,
    common: &Common,
    cluster: &str,
    arguments: ForwardArguments,
) -> Result<()> {
    let ForwardArguments { target, port, local, namespace, remove } = arguments;
    let of = cluster.to_owned();
    let wanted = target.zip(port).map(|(target, port)| Wanted { cluster: of, namespace, target, port, local });
    let contact = contact(launcher, common).await?;
    let forwards = match wanted {
        None => forwards(launcher, cluster).await?,
        Some(wanted) if remove => {
            contact.call(Method::DELETE, &format!("/api/forwards/{}", wanted.id()), None).await?;
            return Ok(());
        }
        Some(wanted) => vec![contact.call(Method::POST, "/api/forwards", Some(&json!(wanted))).await?],
    };
    commands::print(common, &forwards, |forwards| forwards_table(forwards).print())
}

/// Prints where the dashboard is, and opens it.
pub(crate) async fn dashboard(launcher: &Launcher, common: &Common, no_open: bool) -> Result<()> {
    let address = contact(launcher, common).await?.dashboard().await?;
    show::line(&address);
    if !no_open && let Err(error) = browse(&address) {
        show::warning(&format!("no browser could be opened: {error}; open the address yourself"));
    }
    Ok(())
}
