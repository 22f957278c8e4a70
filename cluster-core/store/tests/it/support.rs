//! What the tests share: keys, drafts, stores in temporary folders, a seeded generator.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

use cluster_store::{AesGcm, Draft, Entry, EtcdStore, Expect, Key, OpenError, Options, SqliteStore, Store, WriteError};
use tempfile::TempDir;

/// A draft of an object whose payload is `text`.
pub(crate) fn draft(text: &str) -> Draft {
    Draft {
        before: r#"{"metadata":{"resourceVersion":""#.into(),
        after: format!(r#""}},"data":"{text}"}}"#).into(),
        facts: None,
    }
}

pub(crate) fn key(resource: &str, namespace: &str, name: &str) -> Key {
    Key::new(resource, namespace, name)
}

pub(crate) fn pod(name: &str) -> Key {
    key("pods", "default", name)
}

pub(crate) async fn put(store: &Arc<impl Store + ?Sized>, key: &Key, text: &str) -> Result<Arc<Entry>, WriteError> {
    store.put(key.clone(), Expect::Any, draft(text)).await
}

pub(crate) async fn delete(store: &Arc<impl Store + ?Sized>, key: &Key) -> Result<Arc<Entry>, WriteError> {
    store.delete(key.clone(), Expect::Any, draft("deleted")).await
}

/// An empty store, and the etcd that lives as long as it is needed.
pub(crate) async fn on_sqlite() -> (Arc<dyn Store>, Option<Etcd>) {
    (SqliteStore::open(Options::in_memory()).await.expect("an in-memory store opens"), None)
}

pub(crate) async fn on_etcd() -> (Arc<dyn Store>, Option<Etcd>) {
    let etcd = Etcd::start();
    (etcd.store().await, Some(etcd))
}

/// An etcd of one member in a temporary folder, on Unix sockets there.
pub(crate) struct Etcd {
    folder: TempDir,
    process: Child,
}

impl Etcd {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let process = Self::spawn(folder.path(), "client");
        Self { folder, process }
    }

    fn spawn(folder: &Path, socket: &str) -> Child {
        // A killed etcd leaves its sockets, and the next one trips over them.
        for stale in [format!("{socket}:0"), "peer:0".to_owned()] {
            std::fs::remove_file(folder.join(stale)).ok();
        }
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let client = format!("unix://{socket}:0");
        Command::new("etcd")
            .current_dir(folder)
            .args(["--name=a", "--data-dir=data", "--initial-cluster=a=unix://peer:0", "--max-request-bytes=4194304"])
            .args(["--listen-peer-urls=unix://peer:0", "--initial-advertise-peer-urls=unix://peer:0"])
            .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("etcd is installed, by .ci/etcd for example")
    }

    pub(crate) async fn store(&self) -> Arc<EtcdStore> {
        self.store_at("client", Arc::default()).await.expect("the store opens")
    }

    pub(crate) async fn store_at(&self, socket: &str, at_rest: Arc<AesGcm>) -> Result<Arc<EtcdStore>, OpenError> {
        EtcdStore::open(self.folder.path().join(format!("{socket}:0")), at_rest).await
    }

    /// Kills it and starts it again, listening on `socket`.
    pub(crate) fn restart(&mut self, socket: &str) {
        self.kill();
        self.process = Self::spawn(self.folder.path(), socket);
    }

    /// Makes it forget what was before `revision`.
    pub(crate) fn compact(&self, socket: &str, revision: u64) {
        let (socket, body) = (format!("{socket}:0"), format!(r#"{{"revision":"{revision}","physical":true}}"#));
        let mut curl = Command::new("curl");
        curl.current_dir(&self.folder).args(["-fsS", "-o", "answer", "--unix-socket", &socket, "-d", &body]);
        assert!(curl.arg("http://etcd/v3/kv/compaction").status().unwrap().success());
    }

    pub(crate) fn has_on_disk(&self, text: &str) -> bool {
        let mut grep = Command::new("grep");
        grep.arg("-raqF").arg(text).arg(self.folder.path().join("data")).status().unwrap().success()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) async fn file(folder: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(Options::file(folder.join("state.db"))).await.expect("the store opens")
}

/// A small seeded generator (splitmix64): the tests need repeatable choices, not good ones.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % limit
    }
}
