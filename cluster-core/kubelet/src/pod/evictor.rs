//! Looks at the node's memory and disk and at what pods have written, makes room, and ends the pods that must go.

use super::evict::{Candidate, choose, for_storage, limits_storage, message};
use super::leftovers::remove;
use crate::node::images::{Collector, used, wanted};
use crate::node::{LEAST_DISK, LEAST_MEMORY, available_memory, disk};
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
    while cancel.run_until_cancelled(looks.tick()).await.is_some() {
        let available = available_memory();
        if available < LEAST_MEMORY {
            relieve(&context, &pods, "memory", (LEAST_MEMORY, available)).await;
        }
        let space = disk(&context.options.root);
        let full = is_full(space);
        if full {
            remove_dead(&context, &pods).await;
        }
        if full || listed.is_none_or(|at| at.elapsed() >= LOOK_AT_IMAGES) {
            listed = Some(Instant::now());
            let bytes = if full { u64::MAX } else { wanted(space) };
            match collect(&context, &pods, &mut collector, bytes).await {
                Ok(list) => drop(images.send_replace(list)),
                Err(e) => tracing::debug!("cannot list the images: {e}"),
            }
        }
        let space = disk(&context.options.root);
        if full && is_full(space) {
            let [least, free] = [LEAST_DISK, space.1].map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
            relieve(&context, &pods, "ephemeral-storage", (least, free)).await;
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

fn is_full((all, free): (u64, u64)) -> bool {
    all > 0 && free < LEAST_DISK
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

/// Ends one pod, unless one is being ended; the next look tells whether that was enough. Of the resource, so much should
/// be left, and so much is.
async fn relieve(context: &Context, pods: &Pods, resource: &str, (threshold, available): (i64, i64)) {
    let all = running(context).await;
    let views: Vec<View> = pods.list().into_iter().filter(is_active).collect();
    if views.iter().any(|view| view.status.reason.as_deref() == Some("Evicted")) {
        return;
    }
    let mut candidates = Vec::new();
    for view in &views {
        let mut candidate = Candidate { pod: view.pod.clone(), containers: BTreeMap::new(), volumes: 0 };
        if resource == "memory" {
            for container in of(&all, view) {
                let used = context.runtime.usage(&container.id).await.unwrap_or_default().memory_bytes;
                let used = i64::try_from(used).unwrap_or(i64::MAX);
                candidate.containers.insert(container.label(label::CONTAINER).to_owned(), used);
            }
        } else {
            candidate.containers = layers(context, &all, view).await;
            candidate.volumes = volumes(context, view).await.values().sum();
        }
        candidates.push(candidate);
    }
    if let Some(chosen) = choose(&candidates, resource)
        && let Some(view) = views.iter().find(|view| Arc::ptr_eq(&view.pod, &chosen.pod))
    {
        tell(pods, view, message(chosen, resource, threshold, available));
    }
}

/// Why a pod has written too much, if it has.
async fn storage(context: &Context, view: &View) -> Option<String> {
    let spec = view.pod.spec.as_ref()?;
    let limited = spec.containers.iter().any(|c| c.resources.as_ref().is_some_and(|r| r.limits.is_some()));
    let layers = if limited { layers(context, &running(context).await, view).await } else { BTreeMap::new() };
    for_storage(spec, &volumes(context, view).await, &layers)
}

/// Bytes that a pod's containers have written beside their volumes.
async fn layers(context: &Context, all: &[ContainerInfo], view: &View) -> BTreeMap<String, i64> {
    let mut layers = BTreeMap::new();
    for container in of(all, view) {
        let written = context.runtime.written(&container.id).await.unwrap_or_default();
        layers.insert(container.label(label::CONTAINER).to_owned(), written);
    }
    layers
}

/// Bytes in a pod's volumes on disk.
async fn volumes(context: &Context, view: &View) -> BTreeMap<String, i64> {
    let folder = context.pod_dir(&view.pod).join("volumes/kubernetes.io~empty-dir");
    let on_disk = |v: &&Volume| v.empty_dir.as_ref().is_some_and(|e| e.medium.as_deref() != Some("Memory"));
    let all = view.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let names: Vec<String> = all.filter(on_disk).map(|v| v.name.clone()).collect();
    let measured = tokio::task::spawn_blocking(move || {
        names.into_iter().map(|name| (name.clone(), size(&folder.join(name)))).collect::<BTreeMap<_, _>>()
    });
    measured.await.unwrap_or_default()
}

/// Bytes on disk below a folder. What vanishes meanwhile counts as nothing.
fn size(folder: &Path) -> i64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| {
        let Ok(meta) = entry.path().symlink_metadata() else { return 0 };
        let below = if meta.is_dir() { size(&entry.path()) } else { 0 };
        i64::try_from(meta.blocks()).unwrap_or_default() * 512 + below
    };
    entries.map(of).sum()
}
