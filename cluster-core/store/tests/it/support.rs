//! What the tests share: keys, drafts, stores in temporary folders, a seeded generator.

use std::path::Path;
use std::sync::Arc;

use cluster_store::{Draft, Entry, Expect, Key, Options, SqliteStore, Store, WriteError};

/// A draft of an object whose payload is `text`.
pub(crate) fn draft(text: &str) -> Draft {
    Draft { before: r#"{"metadata":{"resourceVersion":""#.into(), after: format!(r#""}},"data":"{text}"}}"#).into() }
}

pub(crate) fn key(resource: &str, namespace: &str, name: &str) -> Key {
    Key::new(resource, namespace, name)
}

pub(crate) fn pod(name: &str) -> Key {
    key("pods", "default", name)
}

pub(crate) async fn put(store: &SqliteStore, key: &Key, text: &str) -> Result<Arc<Entry>, WriteError> {
    store.put(key.clone(), Expect::Any, draft(text)).await
}

pub(crate) async fn delete(store: &SqliteStore, key: &Key) -> Result<Arc<Entry>, WriteError> {
    store.delete(key.clone(), Expect::Any, draft("deleted")).await
}

pub(crate) async fn memory() -> Arc<SqliteStore> {
    SqliteStore::open(Options::in_memory()).await.expect("an in-memory store opens")
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
