//! What of a pod's definition more than one component asks about.

use cluster_object::pod::HostPort;
use k8s_openapi::api::core::v1::{Container, Pod, PodCondition, PodSpec};

/// The phase in its status; empty before it has one.
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// Whether all its containers ended for good.
pub fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// The node it is bound to; empty for none.
pub fn node(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default()
}

/// The condition of a type, while it is true.
pub fn holding<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True")
}

/// Whether an init container keeps running beside the others.
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The containers that run as long as the pod does.
pub fn lasting(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(|container| is_sidecar(container)))
}

/// The ports of the node that its containers want.
pub fn host_ports(spec: &PodSpec) -> impl Iterator<Item = HostPort> {
    let ports = lasting(spec).flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| HostPort::new(port.host_port, port.protocol.as_deref(), port.host_ip.as_deref()))
}
