//! Encryption at rest: secrets never reach the disk in the clear, and only under their own name and key open again.

use std::path::Path;
use std::sync::Arc;

use cluster_store::{AesGcm, OpenError, Options, SqliteStore, Store, backup};

use crate::support::{key, put};

const SECRET: &str = "correct-horse-battery-staple";

fn options(folder: &Path, keys: &[(u32, [u8; 32])]) -> Options {
    Options { at_rest: Arc::new(AesGcm::new(&["secrets"], keys)), ..Options::file(folder.join("state.db")) }
}

fn on_disk(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[tokio::test]
async fn secret_bytes_never_appear_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, map) = (key("secrets", "default", "s"), key("configmaps", "default", "c"));
    let store = SqliteStore::open(options(folder.path(), &[(1, [7; 32])])).await.unwrap();
    for i in 0..20 {
        put(&store, &secret, &format!("{SECRET}{i}")).await.unwrap();
    }
    put(&store, &map, "visible").await.unwrap();
    backup(&folder.path().join("state.db"), &folder.path().join("copy.db")).await.unwrap();
    assert!(on_disk(folder.path(), "visible"), "the search works, the WAL included");
    assert!(!on_disk(folder.path(), SECRET));
    store.close().await;
    assert!(!on_disk(folder.path(), SECRET));
    let again = SqliteStore::open(options(folder.path(), &[(2, [8; 32]), (1, [7; 32])])).await.unwrap();
    let read = again.get(&secret).unwrap().bytes.clone();
    assert!(String::from_utf8_lossy(&read).contains(SECRET), "an older key still opens");
    again.close().await;
    let wrong = SqliteStore::open(options(folder.path(), &[(1, [9; 32])])).await;
    assert!(matches!(wrong, Err(OpenError::Sealed(_))));
}

#[test]
fn a_sealed_value_opens_under_its_own_name_only() {
    let cipher = AesGcm::new(&["secrets"], &[(1, [7; 32])]);
    let (a, b) = (key("secrets", "default", "a"), key("secrets", "default", "b"));
    let sealed = cipher.seal(&a, b"text").unwrap();
    assert_ne!(sealed, cipher.seal(&a, b"text").unwrap(), "nonces differ");
    assert_eq!(cipher.open(&a, sealed.clone()).unwrap(), b"text");
    assert!(cipher.open(&b, sealed.clone()).is_err());
    for cut in 1..sealed.len() {
        assert!(cipher.open(&a, sealed[..cut].to_vec()).is_err());
    }
    assert_eq!(cipher.open(&a, b"{}".to_vec()).unwrap(), b"{}", "text written before encryption opens");
    assert!(AesGcm::new(&["secrets"], &[]).seal(&a, b"text").is_err());
}
