//! What running containers use, asked of the engine once for all who tell it: the summary and the metrics.

use crate::pod::status::container_statuses;
use crate::prelude::*;

/// A pod's namespace, name and UID.
pub(super) type PodKey = (String, String, String);

/// A running container.
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) image: String,
    pub(super) started_at: Option<Time>,
    pub(super) usage: Usage,
}

/// All running containers of the engine that are ours, sandboxes included.
pub(super) async fn running(target: &Target) -> Result<Vec<ContainerInfo>, Refusal> {
    let listed = target.context.runtime.list().await;
    let mut running = listed.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    running.retain(|container| container.running);
    Ok(running)
}

/// What each container uses, by pod.
pub(super) async fn by_pod(target: &Target, running: &[ContainerInfo]) -> BTreeMap<PodKey, Vec<Measured>> {
    let asked = running.iter().filter(|c| c.label(label::CONTAINER) != label::SANDBOX).map(|c| {
        let own = |key| c.label(key).to_owned();
        let pod = (own(label::POD_NAMESPACE), own(label::POD_NAME), own(label::POD_UID));
        let name = own(label::CONTAINER);
        let (image, started_at) = target.pods.view(&pod.2).map(|view| told(&view, &name)).unwrap_or_default();
        async move {
            let usage = target.context.runtime.usage(&c.id).await.unwrap_or_default();
            (pod, Measured { name, id: c.id.clone(), image, started_at, usage })
        }
    });
    let mut pods: BTreeMap<PodKey, Vec<Measured>> = BTreeMap::new();
    for (pod, container) in futures::future::join_all(asked).await {
        pods.entry(pod).or_default().push(container);
    }
    pods
}

/// The image and the start of a container as its pod's status has them.
fn told(view: &View, container: &str) -> (String, Option<Time>) {
    let found = container_statuses(&view.status).find(|status| status.name == container);
    found.map_or_else(Default::default, |status| {
        let running = status.state.as_ref().and_then(|state| state.running.as_ref());
        (status.image.clone(), running.and_then(|running| running.started_at.clone()))
    })
}

/// What all containers of a pod use.
pub(super) fn total(containers: &[Measured]) -> Usage {
    let sum = |field: fn(&Usage) -> u64| containers.iter().map(|container| field(&container.usage)).sum();
    let (cpu_nanoseconds, memory_bytes) = (sum(|usage| usage.cpu_nanoseconds), sum(|usage| usage.memory_bytes));
    Usage { cpu_nanoseconds, memory_bytes, ..Usage::default() }
}
