//! A pod's containers in the engine: how one stands, and removing what is no longer needed.

use super::log_links;
use super::start;
use super::state::{Ended, defined};
use crate::prelude::*;
use crate::spec::qos;
use crate::volume;

/// How a container stands; nothing while it runs.
pub(super) async fn look(context: &Context, pod: &Pod, id: &str) -> Vec<Event> {
    let Some(info) = context.find(id).await else { return vanished(pod, id) };
    if info.running || info.created {
        return Vec::new();
    }
    let name = info.label(label::CONTAINER).to_owned();
    let ended = start::ended(context, pod, &info).await;
    vec![Event::Exited { name, ended }]
}

/// Somebody removed the container behind our back: it counts as lost in every container of that ID.
fn vanished(pod: &Pod, id: &str) -> Vec<Event> {
    let ended = Ended {
        id: id.to_owned(),
        exit_code: 137,
        reason: "ContainerStatusUnknown".to_owned(),
        message: "The container could not be located when the pod was terminated".to_owned(),
        started_at: None,
        finished_at: Timestamp::now(),
    };
    let names = pod.spec.iter().flat_map(defined).map(|(name, _)| name.to_owned());
    names.map(|name| Event::Exited { name, ended: ended.clone() }).collect()
}

/// Keeps the container and the one before it, whose log is still asked for.
pub(super) async fn remove_old(context: &Context, pod: &Pod, name: &str, attempt: u32) {
    if attempt < 2 {
        return;
    }
    let removal = async {
        for old in context.containers(pod.uid()).await? {
            if old.label(label::CONTAINER) == name && old.restarts() + 1 < attempt {
                remove(context, &old).await?;
            }
        }
        Ok::<(), RuntimeError>(())
    };
    if let Err(e) = removal.await {
        tracing::warn!("cannot remove what is left of container {name}: {e}");
    }
}

/// Removes all containers of a pod, then its folder, however often that takes.
pub(super) async fn clean(context: &Context, uid: &str) {
    let clean = || async {
        let all = context.containers(uid).await.map_err(|e| e.to_string())?;
        let removals = all.iter().map(|container| remove(context, container));
        futures::future::try_join_all(removals).await.map_err(|e| e.to_string())?;
        let dir = context.options.root.join("pods").join(uid);
        qos::remove_groups(Path::new(qos::GROUPS), uid);
        tokio::task::spawn_blocking(move || volume::clean(&dir)).await.map_err(|e| e.to_string())?
    };
    insist(&format!("clean up after pod {uid}"), clean).await;
}

/// Removes a container, and with it the links to its log.
pub(super) async fn remove(context: &Context, container: &ContainerInfo) -> Result<(), RuntimeError> {
    context.runtime.remove(&container.id).await?;
    if let Err(error) = log_links::remove(&context.options.logs, container) {
        tracing::warn!(%error, container = container.id, "failed to remove the links to a log");
    }
    Ok(())
}
