//! The way to the agent: the command line starts it, its WebSocket tells what happens.

use crate::news::{Cluster, Heard};
use crate::{tray, window};
use anyhow::{Context, Result, bail};
use cluster_agent::Contact;
use cluster_launcher::Launcher;
use futures::StreamExt;
use http::Method;
use parking_lot::Mutex;
use serde_json::json;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tauri::async_runtime::{self, JoinHandle};
use tauri::{AppHandle, Manager, Url};
use tauri_plugin_notification::NotificationExt;
use tokio::process::Command;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// Between the end of an agent and the start of the next, so that one that ends at once keeps no processor busy.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the window waits for the agent: to begin with the bundled page and leave it at once costs more.
const PATIENCE: Duration = Duration::from_secs(1);

type Reached = Result<(Contact, Url)>;

/// What is known of the agent.
pub(crate) struct Known(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// The first try, which begins before there is a window system.
    first: Option<JoinHandle<Reached>>,
    following: Option<JoinHandle<()>>,
    contact: Option<Contact>,
    heard: Heard,
}

/// Begins to start the agent.
pub(crate) fn begin() -> Known {
    Known(Mutex::new(Inner { first: Some(async_runtime::spawn(reach())), ..Inner::default() }))
}

/// Where the dashboard is, if the agent answers about as soon as the window system; it is followed from then on.
pub(crate) fn reached(app: &AppHandle) -> Option<Url> {
    let known = app.state::<Known>();
    let mut first = known.0.lock().first.take()?;
    let Ok(reached) = async_runtime::block_on(async { timeout(PATIENCE, &mut first).await }) else {
        known.0.lock().first = Some(first);
        return None;
    };
    // What went wrong is told to the page that tries again.
    let (contact, url) = reached.ok()?.ok()?;
    begin_following(app, contact);
    Some(url)
}

/// Leads the window to the agent's dashboard and follows what the agent tells.
pub(crate) async fn open(app: &AppHandle) -> Result<()> {
    let first = app.state::<Known>().0.lock().first.take();
    let (contact, url) = match first {
        Some(first) => first.await.context("the start was interrupted")??,
        None => reach().await?,
    };
    window::open(app, url);
    begin_following(app, contact);
    Ok(())
}

fn begin_following(app: &AppHandle, contact: Contact) {
    let following = async_runtime::spawn(follow(app.clone(), contact));
    if let Some(other) = app.state::<Known>().0.lock().following.replace(following) {
        other.abort();
    }
}

/// The clusters, as the agent told them last.
pub(crate) fn clusters(app: &AppHandle) -> Vec<Cluster> {
    app.state::<Known>().0.lock().heard.clusters().to_vec()
}

/// Starts or stops a cluster; how that goes is told as for everybody else.
pub(crate) fn act(app: &AppHandle, action: &str, cluster: &str) {
    let Some(contact) = app.state::<Known>().0.lock().contact.clone() else { return };
    let (app, path, body) = (app.clone(), format!("/api/clusters/{cluster}/actions"), json!({"action": action}));
    async_runtime::spawn(async move {
        if let Err(error) = contact.call(Method::POST, &path, Some(&body)).await {
            notify(&app, "devcluster", &error.to_string());
        }
    });
}

/// Opens the dashboard in the browser, for systems whose web view shows nothing.
pub(crate) fn open_in_browser(app: &AppHandle) {
    let app = app.clone();
    async_runtime::spawn(async move {
        match reach().await {
            Ok((_, url)) => window::browse(&url),
            Err(error) => notify(&app, "devcluster", &format!("{error:#}")),
        }
    });
}

fn notify(app: &AppHandle, title: &str, body: &str) {
    if let Err(error) = app.notification().builder().title(title).body(body).show() {
        tracing::warn!(%error, title, body, "a notification was not shown");
    }
}

/// The command line's program: the one that came with this, or else the one in the path.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("DEVCLUSTER_BIN") {
        return named.into();
    }
    let name = format!("devcluster{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().map(|own| own.with_file_name(&name)).ok().filter(|beside| beside.exists());
    beside.unwrap_or_else(|| name.into())
}

/// A running agent of the command line's own build, and an address that opens its dashboard once.
async fn reach() -> Reached {
    let program = program();
    let mut command = Command::new(&program);
    command.args(["dashboard", "--no-open"]).stdin(Stdio::null());
    #[cfg(windows)]
    command.creation_flags(0x0800_0000); // CREATE_NO_WINDOW
    let output = command.output().await.with_context(|| format!("failed to run `{}`", program.display()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    running().await?.context("the agent ended at once")
}

/// The agent that runs, perhaps of another build, and an address that opens its dashboard once.
async fn running() -> Result<Option<(Contact, Url)>> {
    let Some(contact) = Contact::find(Launcher::connect()?.home())? else { return Ok(None) };
    let url = Url::parse(&contact.dashboard().await?).context("the agent gave no address")?;
    Ok(Some((contact, url)))
}

/// An agent after the one before has ended: whoever has started one meanwhile keeps it.
async fn reach_again() -> Reached {
    match running().await? {
        Some(reached) => Ok(reached),
        None => reach().await,
    }
}

/// Follows the agent, and the next one when it ends. A page whose agent is back at its address recovers by itself.
async fn follow(app: AppHandle, mut contact: Contact) {
    loop {
        let ended = listen(&app, contact).await.err().map(|error| format!("{error:#}"));
        tracing::info!(ended, "the agent is gone");
        *app.state::<Known>().0.lock() = Inner { following: None, ..Inner::default() };
        tray::update(&app, &[]);
        tokio::time::sleep(PAUSE).await;
        match reach_again().await {
            Ok((next, url)) => {
                if !window::shows(&app, &url) {
                    window::open(&app, url);
                }
                contact = next;
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "no agent");
                window::start(&app);
                return;
            }
        }
    }
}

/// Hears the agent until it ends.
async fn listen(app: &AppHandle, contact: Contact) -> Result<()> {
    let (mut socket, _) = connect_async(contact.events().await?).await?;
    let known = app.state::<Known>();
    known.0.lock().contact = Some(contact);
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let before = clusters(app);
        let notices = known.0.lock().heard.hear(serde_json::from_str(&text)?, window::words(app));
        let now = clusters(app);
        if now != before {
            tray::update(app, &now);
        }
        for notice in notices.iter().filter(|_| !window::is_looked_at(app)) {
            notify(app, &notice.title, &notice.body);
        }
    }
    Ok(())
}
