//! What the agent remembers between its lives, in one file that only its owner may read.

use crate::prelude::*;
use crate::session::secret;

/// The content of `agent.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Remembered {
    /// Where the agent listens, so that bookmarks stay good.
    pub(crate) port: u16,
    /// Opens the API to programs of this user: the command line, the desktop app.
    pub(crate) bearer: String,
    /// What browsers that have shown a one-time token hold as a cookie.
    pub(crate) cookie: String,
    /// The program that serves, so that a newer one takes its place.
    pub(crate) build: String,
    /// The local ports of services, where they are not the node ports, by the forward's id.
    pub(crate) ports: BTreeMap<String, u16>,
    /// Forwards that were asked for.
    pub(crate) forwards: Vec<crate::forwards::Wanted>,
    /// Folders that are kept in clusters.
    pub(crate) syncs: Vec<crate::syncs::WantedSync>,
}

/// The file and its content.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    content: Mutex<Remembered>,
}

pub(crate) fn path(home: &Path) -> PathBuf {
    home.join("agent.json")
}

/// What the file holds; nothing when it is not there.
pub(crate) fn read(home: &Path) -> Result<Remembered, Error> {
    Ok(cluster_launcher::read_json(&path(home))?.unwrap_or_default())
}

impl Memory {
    /// Reads the file; makes the secrets that are missing. A file that cannot be read begins anew.
    pub(crate) fn open(home: &Path) -> Self {
        let mut content = read(home).unwrap_or_else(|error| {
            tracing::warn!(%error, "began with an empty memory");
            Remembered::default()
        });
        for text in [&mut content.bearer, &mut content.cookie] {
            if text.is_empty() {
                *text = secret();
            }
        }
        Self { path: path(home), content: Mutex::new(content) }
    }

    /// A part of the content.
    pub(crate) fn get<T>(&self, read: impl FnOnce(&Remembered) -> T) -> T {
        read(&self.content.lock())
    }

    /// Changes the content and writes the file, whole or not at all.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Remembered) -> T) -> Result<T, Error> {
        let mut content = self.content.lock();
        let changed = change(&mut content);
        cluster_launcher::write_json(&self.path, &*content)?;
        Ok(changed)
    }
}
