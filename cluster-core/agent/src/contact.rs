//! How a program of the same user reaches the agent, and starts it when it does not run.

use crate::prelude::*;
use crate::{log, memory};
use cluster_client::http::Identity;
use cluster_client::kubeconfig::private_folder;
use std::fs::{File, TryLockError};
use std::process::Stdio;
use std::time::UNIX_EPOCH;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// What the agent prints when it answers.
pub const READY: &str = "ready";
/// How much of the log an error shows.
const LOG_LINES: usize = 5;

/// The way to a running agent.
#[derive(Debug, Clone)]
pub struct Contact {
    port: u16,
    client: Client,
}

/// Which program this is: its version, and when its file was written.
pub(crate) fn build() -> Result<String, Error> {
    let path =
        std::env::current_exe().map_err(|error| Error::Unreachable(format!("this program has no path: {error}")))?;
    let written = path.metadata().and_then(|metadata| metadata.modified()).map_err(Error::file("read", &path))?;
    let since = written.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {} {}", env!("CARGO_PKG_VERSION"), path.display(), since.as_nanos()))
}

/// The agent holds it as long as it runs.
pub(crate) fn lock_path(home: &Path) -> PathBuf {
    home.join("agent.lock")
}

/// Waits for a lock; it is held until the file is dropped.
async fn wait_for_lock(path: PathBuf) -> Result<File, Error> {
    let wait = move || {
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        file.lock().map_err(Error::file("lock", &path))?;
        Ok(file)
    };
    tokio::task::spawn_blocking(wait).await.map_err(|error| Error::Unreachable(error.to_string()))?
}

/// Opens an address in the user's browser.
pub fn browse(address: &str) -> std::io::Result<()> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let mut command = std::process::Command::new(opener);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

impl Contact {
    /// The agent of a state folder, if one runs.
    pub fn find(home: &Path) -> Result<Option<Self>, Error> {
        let path = lock_path(home);
        if !path.exists() {
            return Ok(None);
        }
        let file = File::open(&path).map_err(Error::file("open", &path))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Self::remembered(home).map(Some),
            Err(TryLockError::Error(source)) => Err(Error::file("lock", &path)(source)),
        }
    }

    fn remembered(home: &Path) -> Result<Self, Error> {
        let memory = memory::read(home)?;
        let server = format!("http://127.0.0.1:{}", memory.port);
        let backend = HttpBackend::new(&server, &[], Identity::Token(memory.bearer))?;
        Ok(Self { port: memory.port, client: Client::new(Arc::new(backend), "devcluster") })
    }

    /// The agent of a state folder; `command` starts one when none runs, or one of another build. That program prints
    /// [`READY`] when it answers.
    pub async fn start(home: &Path, mut command: Command) -> Result<Self, Error> {
        private_folder(home).map_err(Error::file("create", home))?;
        // Whoever starts the agent holds this until it answers, so others find one that does.
        let _starting = wait_for_lock(home.join("agent.start.lock")).await?;
        if let Some(contact) = Self::find(home)? {
            if memory::read(home)?.build == build()? {
                return Ok(contact);
            }
            contact.call(Method::POST, "/api/stop", Some(&json!({}))).await?;
            drop(wait_for_lock(lock_path(home)).await?);
        }
        let path = log::path(home);
        let log = log::append(&path).map_err(Error::file("open", &path))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        #[cfg(windows)]
        command.creation_flags(0x0800_0008); // CREATE_NO_WINDOW | DETACHED_PROCESS
        let mut child =
            command.spawn().map_err(|error| Error::Unreachable(format!("the agent cannot start: {error}")))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or_else(|| Self::failed(&path))?).lines();
        match lines.next_line().await {
            Ok(Some(line)) if line == READY => Self::remembered(home),
            _ => Err(Self::failed(&path)),
        }
    }

    fn failed(log: &Path) -> Error {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(LOG_LINES).collect();
        let end: Vec<&str> = lines.into_iter().rev().collect();
        Error::Unreachable(format!("the agent did not start; the end of {}:\n{}", log.display(), end.join("\n")))
    }

    /// Asks the agent.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        Ok(self.client.raw(method, path, body).await?)
    }

    /// An address that opens the dashboard once.
    pub async fn dashboard(&self) -> Result<String, Error> {
        Ok(format!("http://127.0.0.1:{}/#t={}", self.port, self.secret("token").await?))
    }

    /// An address that opens the WebSocket once.
    pub async fn events(&self) -> Result<String, Error> {
        Ok(format!("ws://127.0.0.1:{}/api/ws?ticket={}", self.port, self.secret("ticket").await?))
    }

    /// A secret that is good once.
    async fn secret(&self, what: &str) -> Result<String, Error> {
        let answer = self.call(Method::POST, &format!("/api/{what}"), Some(&json!({}))).await?;
        Ok(meta::text(&answer, what).to_owned())
    }
}
