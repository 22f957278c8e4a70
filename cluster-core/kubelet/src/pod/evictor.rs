//! Looks at the node's memory and at what pods have written, and ends the pods that must go.

use super::evict::{Candidate, for_memory, for_storage, limits_storage, memory_message};
use crate::node::{LEAST_MEMORY, available_memory};
use crate::prelude::*;
use std::os::unix::fs::MetadataExt;

/// How often the kernel is asked. Source: upstream's monitoring interval.
const LOOK: Duration = Duration::from_secs(10);

/// Runs until cancelled.
pub(crate) async fn run(context: Arc<Context>, pods: Pods, cancel: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    while cancel.run_until_cancelled(looks.tick()).await.is_some() {
        let available = available_memory();
        if available < LEAST_MEMORY {
            relieve(&context, &pods, available).await;
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

/// Ends one pod; the next look tells whether that was enough.
async fn relieve(context: &Context, pods: &Pods, available: i64) {
    let all = running(context).await;
    let views: Vec<View> = pods.list().into_iter().filter(is_active).collect();
    let mut candidates = Vec::new();
    for view in &views {
        let mut usages = Vec::new();
        for container in of(&all, view) {
            let usage = context.runtime.usage(&container.id).await.unwrap_or_default();
            usages.push((container.label(label::CONTAINER).to_owned(), usage));
        }
        candidates.push(Candidate { pod: view.pod.clone(), containers: usages });
    }
    if let Some(chosen) = for_memory(&candidates)
        && let Some(view) = views.iter().find(|view| Arc::ptr_eq(&view.pod, &chosen.pod))
    {
        tell(pods, view, memory_message(chosen, LEAST_MEMORY, available));
    }
}

/// Why a pod has written too much, if it has.
async fn storage(context: &Context, view: &View) -> Option<String> {
    let spec = view.pod.spec.as_ref()?;
    let mut layers = BTreeMap::new();
    if spec.containers.iter().any(|c| c.resources.as_ref().is_some_and(|r| r.limits.is_some())) {
        for container in of(&running(context).await, view) {
            let written = context.runtime.written(&container.id).await.unwrap_or_default();
            layers.insert(container.label(label::CONTAINER).to_owned(), written);
        }
    }
    let folder = context.pod_dir(&view.pod).join("volumes/kubernetes.io~empty-dir");
    let in_memory = |e: &&k8s_openapi::api::core::v1::EmptyDirVolumeSource| e.medium.as_deref() == Some("Memory");
    let own = spec.volumes.iter().flatten().filter(|v| v.empty_dir.as_ref().is_some_and(|e| !in_memory(&e)));
    let names: Vec<String> = own.map(|v| v.name.clone()).collect();
    let measured = tokio::task::spawn_blocking(move || {
        names.into_iter().map(|name| (name.clone(), size(&folder.join(name)))).collect::<BTreeMap<_, _>>()
    });
    for_storage(spec, &measured.await.ok()?, &layers)
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
