//! A pod's containers in the engine: how one stands, and removing what is no longer needed.

use super::log_links;
use super::start;
use super::state::Ended;
use crate::prelude::*;

/// How a container stands; nothing while it runs.
pub(super) async fn look(context: &Context, pod: &Pod, id: &str) -> Vec<Event> {
    let info = match context.runtime.inspect(id).await {
        Ok(info) if info.running || info.created => return Vec::new(),
        Ok(info) => info,
        Err(RuntimeError::NotFound(_)) => return vanished(pod, id),
        Err(e) => {
            tracing::warn!("cannot look at container {id}: {e}");
            return Vec::new();
        }
    };
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
    let names = pod.spec.iter().flat_map(|s| s.init_containers.iter().flatten().chain(&s.containers));
    names.map(|c| Event::Exited { name: c.name.clone(), ended: ended.clone() }).collect()
}

async fn of_pod(context: &Context, pod: &Pod) -> Vec<ContainerInfo> {
    let mut all = context.runtime.list().await.unwrap_or_default();
    all.retain(|c| c.label(label::POD_UID) == pod.uid());
    all
}

/// Keeps the container and the one before it, whose log is still asked for.
pub(super) async fn remove_old(context: &Context, pod: &Pod, name: &str, attempt: u32) {
    if attempt < 2 {
        return;
    }
    for old in of_pod(context, pod).await {
        if old.label(label::CONTAINER) == name && old.restarts() + 1 < attempt {
            remove(context, &old).await;
        }
    }
}

pub(super) async fn clean(context: &Context, pod: &Pod) {
    let all = of_pod(context, pod).await;
    futures::future::join_all(all.iter().map(|container| remove(context, container))).await;
}

/// Removes a container, and with it the links to its log.
pub(super) async fn remove(context: &Context, container: &ContainerInfo) {
    context.discard(&container.id).await;
    if let Err(error) = log_links::remove(&context.options.logs, container) {
        tracing::warn!(%error, container = container.id, "failed to remove the links to a log");
    }
}
