//! What a pod asks a node for: containers together, init containers one after another, sidecars beside both.

use super::Resources;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, ResourceRequirements};

/// What a container without a request counts for in scores.
const ASSUMED_CPU: i64 = 100;
const ASSUMED_MEMORY: i64 = 200 << 20;

/// The pod's requests, as they are and with every container counted for something in CPU and memory.
pub(crate) fn of_pod(pod: &Pod) -> (Resources, Resources) {
    let Some(spec) = &pod.spec else { return Default::default() };
    let status = pod.status.as_ref();
    let granted = |container: &Container| {
        let statuses = status.and_then(|s| s.container_statuses.as_deref()).unwrap_or_default();
        statuses.iter().find(|status| status.name == container.name)
    };
    let plain = |container: &Container| of_container(container, granted(container));
    let counted = |container: &Container| {
        let mut requests = plain(container);
        let named = |name| requested(container.resources.as_ref(), name);
        if !named("cpu") {
            requests.cpu = ASSUMED_CPU;
        }
        if !named("memory") {
            requests.memory = ASSUMED_MEMORY;
        }
        requests
    };
    (total(spec, plain), total(spec, counted))
}

fn requested(resources: Option<&ResourceRequirements>, name: &str) -> bool {
    resources.and_then(|r| r.requests.as_ref()).is_some_and(|requests| requests.contains_key(name))
}

/// The request, or what the node still holds for the container during a resize when that is more.
fn of_container(container: &Container, status: Option<&ContainerStatus>) -> Resources {
    let read = |r: &ResourceRequirements| r.requests.as_ref().map(Resources::read);
    let mut requests = container.resources.as_ref().and_then(read).unwrap_or_default();
    if let Some(status) = status {
        let held = status.allocated_resources.as_ref().map(Resources::read);
        for held in held.into_iter().chain(status.resources.as_ref().and_then(read)) {
            requests.raise(&held);
        }
    }
    requests
}

fn total(spec: &PodSpec, of: impl Fn(&Container) -> Resources) -> Resources {
    let mut running = Resources::default();
    for container in &spec.containers {
        running.add(&of(container));
    }
    let (mut sidecars, mut starting) = (Resources::default(), Resources::default());
    for container in spec.init_containers.iter().flatten() {
        let mut needed = of(container);
        if is_sidecar(container) {
            running.add(&needed);
            sidecars.add(&needed);
            needed = sidecars.clone();
        } else {
            needed.add(&sidecars);
        }
        starting.raise(&needed);
    }
    running.raise(&starting);
    if let Some(requests) = spec.resources.as_ref().and_then(|r| r.requests.as_ref()) {
        override_with(&mut running, &Resources::read(requests), |name| requests.contains_key(name));
    }
    if let Some(overhead) = &spec.overhead {
        running.add(&Resources::read(overhead));
    }
    running
}

/// Requests of the pod as a whole take the place of what its containers add up to.
fn override_with(sum: &mut Resources, whole: &Resources, named: impl Fn(&str) -> bool) {
    if named("cpu") {
        sum.cpu = whole.cpu;
    }
    if named("memory") {
        sum.memory = whole.memory;
    }
    sum.extended.extend(whole.extended.iter().map(|(name, amount)| (name.clone(), *amount)));
}

/// Whether an init container keeps running beside the others.
pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}
