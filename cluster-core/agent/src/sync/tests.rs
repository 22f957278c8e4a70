//! Syncs against an API server in memory.

use super::*;
use cluster_fake_server::FakeServer;
use std::fs;

fn served(kinds: &[(&str, &str)]) -> Value {
    let resource = |(kind, plural): &(&str, &str)| json!({"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": ["list", "delete"]});
    let resources: Vec<Value> = kinds.iter().map(resource).collect();
    json!([{"version": "v1", "resources": resources}])
}

/// A server that knows ConfigMaps.
fn server() -> Arc<FakeServer> {
    let server = FakeServer::new();
    server.serve("/api", json!({"items": [{"versions": served(&[("ConfigMap", "configmaps")])}]}));
    server.serve("/apis", json!({"items": []}));
    server
}

fn write(folder: &Path, kind: &str, version: &str, name: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n");
    fs::write(folder.join(format!("{name}.yaml")), text).expect("written");
}

async fn sync<'a>(server: &Arc<FakeServer>, folder: &Path, tell: impl FnMut(Told) + Send + 'a) -> Syncing<'a> {
    let spec = Spec { paths: vec![folder.to_owned()], namespace: "default".to_owned(), prune: true, ..Spec::default() };
    Syncing::new(server.client(), spec, tell).await.expect("a sync")
}

/// Follows a folder, and does something to it beside that.
async fn beside<F: Future<Output = ()>>(
    server: &Arc<FakeServer>,
    folder: &Path,
    work: impl FnOnce(mpsc::UnboundedReceiver<Told>) -> F,
) {
    let (sender, told) = mpsc::unbounded_channel();
    let mut sync = sync(server, folder, move |told| drop(sender.send(told))).await;
    tokio::select! {
        ended = sync.follow() => panic!("the sync ended: {ended:?}"),
        () = work(told) => {}
    }
}

async fn until(told: &mut mpsc::UnboundedReceiver<Told>, wanted: &str) {
    loop {
        let found = told.recv().await.expect("the sync goes on");
        if matches!(&found, Told::Done { object, what } if format!("{object} {what}") == wanted) {
            return;
        }
    }
}

#[test]
fn what_changes_beside_the_files_does_not_concern_them() {
    let paths = ["/a/b/all.yaml", "/a/c"].map(PathBuf::from);
    let table = [("/a/b/all.yaml", true), ("/a/b/log", false), ("/a/c/d/e.yaml", true), ("/a", true), ("/a/cc", false)];
    for (changed, expected) in table {
        let event = notify::Event::new(notify::EventKind::Any).add_path(changed.into());
        assert_eq!(concerns(&event, &paths), expected, "{changed}");
    }
}

#[tokio::test]
async fn what_a_new_definition_made_possible_is_not_taken_for_a_leftover() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), server());
    write(folder.path(), "Gadget", "example.com/v1", "g");
    let mut done = Vec::new();
    let mut sync = sync(&server, folder.path(), |told| {
        if let Told::Done { object, what } = told {
            done.push(format!("{object} {what}"));
        }
    })
    .await;
    let group = json!({"metadata": {"name": "example.com"}, "versions": served(&[("Gadget", "gadgets")])});
    server.serve("/apis", json!({"items": [group]}));
    for _ in 0..2 {
        assert_eq!(sync.once().await.expect("a round"), 0);
    }
    drop(sync);
    assert_eq!(done, ["gadget/g configured"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_cluster_could_not_take_is_tried_again() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), server());
    write(folder.path(), "ConfigMap", "v1", "a");
    let (sender, mut told) = mpsc::unbounded_channel();
    let mut sync = sync(&server, folder.path(), move |told| drop(sender.send(told))).await;
    server.fail(1);
    tokio::select! {
        ended = sync.follow() => panic!("the sync ended: {ended:?}"),
        () = until(&mut told, "configmap/a configured") => {}
    }
}

#[tokio::test]
async fn a_folder_that_was_replaced_by_another_is_followed() {
    let (parent, server) = (tempfile::tempdir().expect("a folder"), server());
    let folder = parent.path().join("manifests");
    write(&folder, "ConfigMap", "v1", "a");
    beside(&server, &folder, async |mut told| {
        until(&mut told, "configmap/a configured").await;
        fs::rename(&folder, parent.path().join("away")).expect("moved");
        write(&folder, "ConfigMap", "v1", "b");
        until(&mut told, "configmap/b configured").await;
        write(&folder, "ConfigMap", "v1", "c");
        until(&mut told, "configmap/c configured").await;
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_appears_is_followed() {
    let (parent, server) = (tempfile::tempdir().expect("a folder"), server());
    let folder = parent.path().join("later/manifests");
    beside(&server, &folder, async |mut told| {
        while !matches!(told.recv().await, Some(Told::Round { .. })) {}
        write(&folder, "ConfigMap", "v1", "a");
        until(&mut told, "configmap/a configured").await;
    })
    .await;
}
