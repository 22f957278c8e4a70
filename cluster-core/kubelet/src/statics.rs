//! Static pods: manifests in a folder, read again whenever the kernel says that one changed.

use crate::pod::mirror::{HASH, SEEN, SOURCE};
use crate::prelude::*;
use k8s_openapi::api::core::v1::Toleration;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::AsFd;
use tokio::io::unix::AsyncFd;

/// Follows the folder until cancelled.
pub(crate) async fn run(dir: PathBuf, node: String, pods: watch::Sender<Vec<Arc<Pod>>>, cancel: CancellationToken) {
    if let Some(Err(e)) = cancel.run_until_cancelled(follow(&dir, &node, &pods)).await {
        tracing::error!("cannot watch {}: {e}; static pods are not updated", dir.display());
    }
}

async fn follow(dir: &Path, node: &str, pods: &watch::Sender<Vec<Arc<Pod>>>) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let what = AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE;
    inotify.add_watch(dir, what)?;
    let descriptor = inotify.as_fd().try_clone_to_owned()?;
    // SAFETY: the owned descriptor stays open and the same until the AsyncFd that owns it is dropped.
    let ready = unsafe { AsyncFd::register(descriptor) }.map_err(std::io::Error::from)?;
    loop {
        pods.send_replace(read(dir, node));
        let mut guard = ready.readable().await?;
        while inotify.read_events().is_ok() {}
        guard.clear_ready();
    }
}

/// All static pods of a folder; unreadable manifests are reported and left out.
pub(crate) fn read(dir: &Path, node: &str) -> Vec<Arc<Pod>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|p| p.is_file() && !p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')));
    paths.sort();
    let mut pods = Vec::new();
    for path in paths {
        match std::fs::read_to_string(&path).map_err(|e| e.to_string()).and_then(|text| parse(&text, node)) {
            Ok(pod) => pods.push(Arc::new(pod)),
            Err(e) => tracing::warn!("cannot use the manifest {}: {e}", path.display()),
        }
    }
    pods
}

fn parse(text: &str, node: &str) -> Result<Pod, String> {
    let values = cluster_object::yaml::from_manifest(text).map_err(|e| e.to_string())?;
    let [value] = values.as_slice() else { return Err("it must hold exactly one pod".to_owned()) };
    let mut pod: Pod = serde_json::from_value(value.clone()).map_err(|e| e.to_string())?;
    let mut hasher = DefaultHasher::new();
    (value.to_string(), node).hash(&mut hasher);
    let half = hasher.finish();
    half.hash(&mut hasher);
    let uid = uuid::Uuid::from_u64_pair(half, hasher.finish()).to_string();
    let meta = &mut pod.metadata;
    let name = meta.name.as_deref().ok_or("the pod has no name")?;
    meta.name = Some(format!("{name}-{node}"));
    meta.namespace.get_or_insert_with(|| "default".to_owned());
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(HASH.to_owned(), uid.replace('-', ""));
    annotations.insert(SOURCE.to_owned(), "file".to_owned());
    annotations.insert(SEEN.to_owned(), Timestamp::now().to_string());
    meta.uid = Some(uid);
    let spec = pod.spec.as_mut().ok_or("the pod has no spec")?;
    spec.node_name = Some(node.to_owned());
    let no_execute = Toleration {
        effect: Some("NoExecute".to_owned()),
        operator: Some("Exists".to_owned()),
        ..Toleration::default()
    };
    spec.tolerations.get_or_insert_default().push(no_execute);
    Ok(pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn manifests_that_come_and_go_are_seen() {
        let dir = tempfile::tempdir().expect("a folder");
        let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n";
        let (send, mut seen) = watch::channel(Vec::new());
        let cancel = CancellationToken::new();
        let task = tokio::spawn(run(dir.path().to_owned(), "n1".to_owned(), send, cancel.clone()));
        seen.wait_for(Vec::is_empty).await.expect("running");
        seen.changed().await.expect("a first look");
        std::fs::write(dir.path().join("web.yaml"), manifest).expect("written");
        let pods = seen.wait_for(|pods| pods.len() == 1).await.expect("running").clone();
        assert_eq!(pods[0].metadata.name.as_deref(), Some("web-n1"));
        std::fs::remove_file(dir.path().join("web.yaml")).expect("removed");
        seen.wait_for(Vec::is_empty).await.expect("running");
        cancel.cancel();
        task.await.expect("ended");
    }
}
