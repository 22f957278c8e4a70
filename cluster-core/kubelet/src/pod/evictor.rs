//! Looks at what the node has left and at what pods have written, makes room, and ends the pods that must go.

use super::evict::{Candidate, choose, for_storage, limits_storage, message};
use super::leftovers::remove;
use crate::node::images::{Collector, used, wanted};
use crate::node::{Supply, disk, supplies};
use crate::prelude::*;
use k8s_openapi::api::core::v1::Volume;
use std::os::unix::fs::MetadataExt;
use tokio::time::Instant;

/// How often the kernel is asked. Source: upstream's monitoring interval.
const LOOK: Duration = Duration::from_secs(10);
/// How often the images are listed, which costs the engine more. Source: upstream's image manager.
const LOOK_AT_IMAGES: Duration = Duration::from_secs(30);

/// Runs until cancelled; tells which images there are.
pub(crate) async fn run(
    context: Arc<Context>,
    pods: Pods,
    images: watch::Sender<Vec<ImageInfo>>,
    cancel: CancellationToken,
) {
    let mut looks = tokio::time::interval(LOOK);
    let (mut collector, mut listed) = (Collector::default(), None::<Instant>);
    let root = &context.options.root;
    while cancel.run_until_cancelled(looks.tick()).await.is_some() {
        let full = supplies(root).iter().any(|supply| supply.is_of_disk() && supply.is_short());
        if full {
            remove_dead(&context, &pods).await;
        }
        if full || listed.is_none_or(|at| at.elapsed() >= LOOK_AT_IMAGES) {
            listed = Some(Instant::now());
            let bytes = if full { u64::MAX } else { wanted(disk(root)[0]) };
            match collect(&context, &pods, &mut collector, bytes).await {
                Ok(list) => drop(images.send_replace(list)),
                Err(e) => tracing::debug!("cannot list the images: {e}"),
            }
        }
        if let Some(short) = supplies(root).iter().find(|supply| supply.is_short()) {
            relieve(&context, &pods, short).await;
        }
        for view in pods.list().into_iter().filter(is_active) {
            if view.pod.spec.as_ref().is_some_and(limits_storage)
                && let Some(message) = storage(&context, &view).await
            {
                tell(&pods, &view, message);
            }
        }
    }
}

/// Removes the containers of pods that are through: while the disk is full, their logs are not worth it.
async fn remove_dead(context: &Context, pods: &Pods) {
    let through = |view: View| matches!(view.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let mut dead = context.runtime.list().await.unwrap_or_default();
    dead.retain(|c| !c.running && pods.view(c.label(label::POD_UID)).is_some_and(through));
    for container in dead {
        if let Err(e) = remove(context, &container).await {
            tracing::warn!("cannot remove container {}: {e}", container.id);
        }
    }
}

/// Lists the images, and removes so many bytes of those that nobody uses.
async fn collect(
    context: &Context,
    pods: &Pods,
    collector: &mut Collector,
    bytes: u64,
) -> Result<Vec<ImageInfo>, RuntimeError> {
    let (list, now) = (context.runtime.images().await?, Instant::now());
    let mut used = used(&pods.list());
    used.insert(context.options.pause_image.clone());
    collector.see(&list, &used, now);
    for image in collector.unused(&list, bytes, now) {
        tracing::info!(names = ?image.names, "removing an image that no pod uses, because the disk fills");
        if let Err(e) = context.runtime.remove_image(&image.id).await {
            tracing::warn!("cannot remove image {}: {e}", image.id);
        }
    }
    Ok(list)
}

fn is_active(view: &View) -> bool {
    view.status.phase.as_deref() == Some("Running") && !view.pod.is_deleting()
}

fn tell(pods: &Pods, view: &View, message: String) {
    tracing::warn!(pod = view.pod.name(), "evicting: {message}");
    pods.tell(view.pod.uid(), Event::Evicted(message));
}

/// What runs on the node but sandboxes.
async fn running(context: &Context) -> Vec<ContainerInfo> {
    let mut all = context.runtime.list().await.unwrap_or_default();
    all.retain(|c| c.running && c.label(label::CONTAINER) != label::SANDBOX);
    all
}

fn of<'a>(all: &'a [ContainerInfo], view: &View) -> impl Iterator<Item = &'a ContainerInfo> {
    let uid = view.pod.uid().to_owned();
    all.iter().filter(move |c| c.label(label::POD_UID) == uid)
}

/// Ends one pod, unless one is being ended; the next look tells whether that was enough.
async fn relieve(context: &Context, pods: &Pods, short: &Supply) {
    let all = running(context).await;
    let views: Vec<View> = pods.list().into_iter().filter(is_active).collect();
    if views.iter().any(|view| view.status.reason.as_deref() == Some("Evicted")) {
        return;
    }
    let mut candidates = Vec::new();
    for view in &views {
        let (mut containers, mut beside) = (BTreeMap::new(), 0);
        match short.resource {
            "memory" | "pids" => {
                for container in of(&all, view) {
                    let Usage { memory_bytes, processes, .. } =
                        context.runtime.usage(&container.id).await.unwrap_or_default();
                    if short.resource == "pids" {
                        beside += processes;
                    } else {
                        let used = i64::try_from(memory_bytes).unwrap_or(i64::MAX);
                        containers.insert(container.label(label::CONTAINER).to_owned(), used);
                    }
                }
            }
            "inodes" => {
                let all =
                    layers(context, &all, view).await.into_values().chain(volumes(context, view).await.into_values());
                beside = all.map(|written| written.files).sum();
            }
            _ => {
                containers = bytes(layers(context, &all, view).await);
                beside = bytes(volumes(context, view).await).values().sum();
            }
        }
        candidates.push(Candidate { pod: view.pod.clone(), containers, beside });
    }
    if let Some(chosen) = choose(&candidates, short.resource)
        && let Some(view) = views.iter().find(|view| Arc::ptr_eq(&view.pod, &chosen.pod))
    {
        tell(pods, view, message(chosen, short));
    }
}

/// Why a pod has written too much, if it has.
async fn storage(context: &Context, view: &View) -> Option<String> {
    let spec = view.pod.spec.as_ref()?;
    let limited = spec.containers.iter().any(|c| c.resources.as_ref().is_some_and(|r| r.limits.is_some()));
    let layers = if limited { layers(context, &running(context).await, view).await } else { BTreeMap::new() };
    for_storage(spec, &bytes(volumes(context, view).await), &bytes(layers))
}

/// What is on disk below a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Written {
    bytes: i64,
    files: i64,
}

fn bytes(written: BTreeMap<String, Written>) -> BTreeMap<String, i64> {
    written.into_iter().map(|(name, written)| (name, written.bytes)).collect()
}

/// What a pod's containers have written beside their volumes.
async fn layers(context: &Context, all: &[ContainerInfo], view: &View) -> BTreeMap<String, Written> {
    let mut folders = Vec::new();
    for container in of(all, view) {
        let written = context.runtime.inspect(&container.id).await.ok().and_then(|info| info.written);
        folders.extend(written.map(|folder| (container.label(label::CONTAINER).to_owned(), folder)));
    }
    measure(folders).await
}

/// What is in a pod's volumes on disk.
async fn volumes(context: &Context, view: &View) -> BTreeMap<String, Written> {
    let folder = context.pod_dir(&view.pod).join("volumes/kubernetes.io~empty-dir");
    let on_disk = |v: &&Volume| v.empty_dir.as_ref().is_some_and(|e| e.medium.as_deref() != Some("Memory"));
    let all = view.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    measure(all.filter(on_disk).map(|v| (v.name.clone(), folder.join(&v.name))).collect()).await
}

async fn measure(folders: Vec<(String, PathBuf)>) -> BTreeMap<String, Written> {
    let measured = tokio::task::spawn_blocking(move || {
        folders.into_iter().map(|(name, folder)| (name, below(&folder))).collect::<BTreeMap<_, _>>()
    });
    measured.await.unwrap_or_default()
}

/// What is on disk below a folder. What vanishes meanwhile counts as nothing.
fn below(folder: &Path) -> Written {
    let mut written = Written::default();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(meta) = entry.path().symlink_metadata() else { continue };
        let inside = if meta.is_dir() { below(&entry.path()) } else { Written::default() };
        written.bytes += i64::try_from(meta.blocks()).unwrap_or_default() * 512 + inside.bytes;
        written.files += 1 + inside.files;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_counted_in_bytes_and_in_files() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("d")).expect("made");
        std::fs::write(folder.path().join("d/f"), vec![1; 10_000]).expect("written");
        std::os::unix::fs::symlink("/etc", folder.path().join("l")).expect("linked");
        let Written { bytes, files } = below(folder.path());
        assert!(bytes >= 10_000 && files == 3, "{bytes} {files}");
        assert_eq!(below(&folder.path().join("none")), Written::default());
    }
}
