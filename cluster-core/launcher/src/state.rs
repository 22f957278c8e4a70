//! What the host remembers: one folder per cluster with its description and its keys, readable by its owner only.

use crate::prelude::*;
use cluster_client::kubeconfig;
use cluster_pki::{ClusterPki, Pair};
use etcetera::BaseStrategy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;

const ADMIN_CERT: &str = "admin.crt";
const ADMIN_KEY: &str = "admin.key";

/// The folder of all clusters.
#[derive(Debug, Clone)]
pub(crate) struct State(pub(crate) PathBuf);

/// What is remembered of a cluster beside its keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// What it is made of.
    pub(crate) spec: ClusterSpec,
    /// Whether `up` came to its end.
    pub(crate) complete: bool,
    /// kubectl's context before this cluster; comes back on `down`.
    #[serde(default)]
    pub(crate) previous_context: String,
}

/// The platform's data folder, or `$DEVCLUSTER_HOME`.
pub(crate) fn home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("DEVCLUSTER_HOME").filter(|home| !home.is_empty()) {
        return Ok(home.into());
    }
    let strategy = etcetera::choose_base_strategy()
        .map_err(|_| Error::Invalid("the home directory is unknown: set HOME or DEVCLUSTER_HOME".to_owned()))?;
    Ok(strategy.data_dir().join("devcluster"))
}

impl State {
    fn folder(&self, cluster: &str) -> PathBuf {
        self.0.join(cluster)
    }

    /// The names of all clusters.
    pub(crate) fn clusters(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(Error::file("read", &self.0))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::file("read", &self.0))?;
            if entry.path().join("cluster.json").exists() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Takes the cluster for this process; fails at once when another has it.
    pub(crate) fn lock(&self, cluster: &str) -> Result<File> {
        private_folder(&self.0)?;
        lock(&self.0.join(format!(".{cluster}.lock")))?.ok_or_else(|| Error::Busy(cluster.to_owned()))
    }

    /// What is remembered of a cluster.
    pub(crate) fn load(&self, cluster: &str) -> Result<Option<Record>> {
        read_json(&self.folder(cluster).join("cluster.json"))
    }

    /// As [`Self::load`], but a cluster that is not there is an error.
    pub(crate) fn require(&self, cluster: &str) -> Result<Record> {
        self.load(cluster)?.ok_or_else(|| Error::NoCluster(cluster.to_owned()))
    }

    /// Remembers a cluster.
    pub(crate) fn save(&self, record: &Record) -> Result<()> {
        let folder = self.folder(&record.spec.name);
        private_folder(&folder)?;
        write_json(&folder.join("cluster.json"), record)
    }

    /// Forgets a cluster.
    pub(crate) fn remove(&self, cluster: &str) -> Result<()> {
        let folder = self.folder(cluster);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file("remove", &folder)(error)),
            _ => Ok(()),
        }
    }

    /// The cluster's keys; made at the first call.
    pub(crate) fn pki(&self, cluster: &str) -> Result<ClusterPki> {
        let folder = self.folder(cluster).join("pki");
        if folder.exists() {
            return ClusterPki::load(|name| read(&folder.join(name)));
        }
        let pki = ClusterPki::generate(cluster)?;
        let admin = pki.admin()?;
        private_folder(&folder)?;
        for (name, text) in pki.files().into_iter().chain([(ADMIN_CERT, admin.cert), (ADMIN_KEY, admin.key)]) {
            write_private(&folder.join(name), text.as_bytes())?;
        }
        Ok(pki)
    }

    /// The administrator's certificate.
    pub(crate) fn admin(&self, cluster: &str) -> Result<Pair> {
        let folder = self.folder(cluster).join("pki");
        Ok(Pair { cert: read(&folder.join(ADMIN_CERT))?, key: read(&folder.join(ADMIN_KEY))? })
    }
}

/// Takes a file for this process until the result is dropped; none when another process has it.
pub fn lock(path: &Path) -> Result<Option<File>> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::file("lock", path)(source)),
    }
}

/// What a file holds; none when it is not there.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::file("read", path))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| Error::file("read", path)(error.into()))
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_json(path: &Path, content: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(content).map_err(|error| Error::file("write", path)(error.into()))?;
    write_private(path, &text)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

fn private_folder(path: &Path) -> Result<()> {
    kubeconfig::private_folder(path).map_err(Error::file("create", path))
}

fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    kubeconfig::write_private(path, content).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State(folder.path().join("devcluster"));
        (folder, state)
    }

    #[test]
    fn a_cluster_is_remembered_until_it_is_removed() {
        let (_folder, state) = state();
        assert!(state.clusters().expect("read").is_empty());
        let record = Record {
            spec: ClusterSpec::new("dev", "image", 1, 2),
            complete: false,
            previous_context: "other".to_owned(),
        };
        state.save(&record).expect("saved");
        assert_eq!(state.require("dev").expect("loaded").spec, record.spec);
        assert_eq!(state.clusters().expect("read"), ["dev"]);
        state.remove("dev").expect("removed");
        state.remove("dev").expect("removing twice is fine");
        assert!(matches!(state.require("dev"), Err(Error::NoCluster(_))));
    }

    #[test]
    fn keys_are_made_once_and_only_their_owner_may_read_them() {
        let (_folder, state) = state();
        let made = state.pki("dev").expect("made");
        assert_eq!(state.pki("dev").expect("loaded").files(), made.files());
        assert!(state.admin("dev").expect("admin").cert.contains("BEGIN CERTIFICATE"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(state.folder("dev").join("pki")), 0o700);
            assert_eq!(mode(state.folder("dev").join("pki").join("ca.key")), 0o600);
        }
    }

    #[test]
    fn two_processes_do_not_change_one_cluster_at_once() {
        let (_folder, state) = state();
        let lock = state.lock("dev").expect("free");
        assert!(matches!(state.lock("dev"), Err(Error::Busy(_))));
        state.lock("other").expect("another cluster is free");
        drop(lock);
        state.lock("dev").expect("free again");
    }
}
