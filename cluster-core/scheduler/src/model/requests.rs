//! What a pod asks a node for: containers together, init containers one after another, sidecars beside both.

use super::Resources;
use cluster_client::pods::is_sidecar;
use cluster_object::pod::{Demand, peak};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, ResourceRequirements};

/// What a container without a request counts for in scores.
const ASSUMED_CPU: i64 = 100;
const ASSUMED_MEMORY: i64 = 200 << 20;

/// The pod's requests, as they are and with every container counted for something in CPU and memory.
pub(crate) fn of_pod(pod: &Pod) -> (Resources, Resources) {
    let Some(spec) = &pod.spec else { return Default::default() };
    let infeasible = is_infeasible(pod);
    let plain = |container: &Container| {
        of_container(container, statuses(pod).find(|status| status.name == container.name), infeasible)
    };
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

/// The containers as their node tells of them, init containers too.
pub(crate) fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let lists = pod.status.iter().flat_map(|status| [&status.container_statuses, &status.init_container_statuses]);
    lists.flatten().flatten()
}

/// Whether the node says that it will never have room for what the pod now asks for.
pub(crate) fn is_infeasible(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|c| c.type_ == "PodResizePending" && c.reason.as_deref() == Some("Infeasible"))
}

/// The request, or what the node still holds for the container during a resize when that is more, or all it will have.
fn of_container(container: &Container, status: Option<&ContainerStatus>, infeasible: bool) -> Resources {
    let read = |r: &ResourceRequirements| r.requests.as_ref().map(Resources::read);
    let held = status.into_iter().flat_map(|status| {
        [status.allocated_resources.as_ref().map(Resources::read), status.resources.as_ref().and_then(read)]
    });
    let held: Vec<Resources> = held.flatten().collect();
    let asked = container.resources.as_ref().and_then(read).filter(|_| !infeasible || held.is_empty());
    let mut requests = asked.unwrap_or_default();
    for held in &held {
        requests.raise(held);
    }
    requests
}

fn total(spec: &PodSpec, of: impl Fn(&Container) -> Resources) -> Resources {
    let init = spec.init_containers.iter().flatten().map(|container| (of(container), is_sidecar(container)));
    let mut running = peak(spec.containers.iter().map(&of), init);
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn cpu_of(spec: Value) -> (i64, i64) {
        let pod: Pod = serde_json::from_value(json!({"spec": spec})).expect("a pod");
        let (plain, counted) = of_pod(&pod);
        (plain.cpu, counted.cpu)
    }

    fn container(cpu: &str, restart: Option<&str>) -> Value {
        json!({"name": "c", "restartPolicy": restart, "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn init_containers_run_before_and_sidecars_beside() {
        let sidecar = || container("2", Some("Always"));
        let table = [
            (json!({"containers": [container("1", None), container("1", None)]}), 2000),
            (json!({"containers": [container("1", None)], "initContainers": [container("3", None)]}), 3000),
            (json!({"containers": [container("1", None)], "initContainers": [sidecar(), container("3", None)]}), 5000),
            (json!({"containers": [container("1", None)], "initContainers": [container("3", None), sidecar()]}), 3000),
            (json!({"containers": [container("1", None)], "initContainers": [sidecar(), sidecar()]}), 5000),
            (json!({"containers": [container("1", None)], "overhead": {"cpu": "250m"}}), 1250),
            (json!({"containers": [container("1", None)], "resources": {"requests": {"cpu": "3"}}}), 3000),
        ];
        for (spec, cpu) in table {
            assert_eq!(cpu_of(spec.clone()), (cpu, cpu), "{spec}");
        }
    }

    #[test]
    fn a_container_without_requests_counts_for_something_in_scores() {
        let bare = json!({"name": "c"});
        assert_eq!(cpu_of(json!({"containers": [bare, container("1", None)]})), (1000, 1100));
        assert_eq!(cpu_of(json!({"containers": [container("0", None)]})), (0, 0));
    }

    #[test]
    fn during_a_resize_the_larger_amount_counts() {
        let pod: Pod = serde_json::from_value(json!({
            "spec": {"containers": [container("1", None)]},
            "status": {"containerStatuses": [
                {"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
                 "allocatedResources": {"cpu": "2"}},
            ]},
        }))
        .expect("a pod");
        assert_eq!(of_pod(&pod).0.cpu, 2000);
    }

    #[test]
    fn a_resize_that_never_fits_takes_no_room_and_a_sidecar_is_resized_too() {
        let holds = |name: &str, cpu: &str| {
            json!([{"name": name, "image": "i", "imageID": "", "ready": true, "restartCount": 0,
                "allocatedResources": {"cpu": cpu}}])
        };
        let pod = |reason: &str| -> Pod {
            let mut sidecar = container("1", Some("Always"));
            sidecar["name"] = "side".into();
            serde_json::from_value(json!({
                "spec": {"containers": [container("100", None)], "initContainers": [sidecar]},
                "status": {"containerStatuses": holds("c", "2"), "initContainerStatuses": holds("side", "3"),
                    "conditions": [{"type": "PodResizePending", "status": "True", "reason": reason}]},
            }))
            .expect("a pod")
        };
        assert_eq!(of_pod(&pod("Infeasible")).0.cpu, 5000);
        assert_eq!(of_pod(&pod("Deferred")).0.cpu, 103_000);
    }
}
