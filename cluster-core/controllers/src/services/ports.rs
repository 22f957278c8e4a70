//! The ports behind a service on one pod: numbers as they are, names as the pod's containers define them.

use cluster_client::pods;
use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// One port of a service on one pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) protocol: String,
    pub(super) number: i32,
    pub(super) app_protocol: Option<String>,
}

/// The ports of `service` on `pod`; those the pod does not have are left out.
pub(super) fn resolve(service: &Service, pod: &Pod) -> Vec<Port> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let mut found: Vec<Port> = ports.filter_map(|port| resolve_one(port, pod)).collect();
    found.sort();
    found
}

fn resolve_one(port: &ServicePort, pod: &Pod) -> Option<Port> {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    let number = match &port.target_port {
        None => port.port,
        Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => named(pod, name, protocol)?,
    };
    Some(Port {
        name: port.name.clone().unwrap_or_default(),
        protocol: protocol.to_owned(),
        number,
        app_protocol: port.app_protocol.clone(),
    })
}

/// The container port of a name; sidecars have ports as well.
fn named(pod: &Pod, name: &str, protocol: &str) -> Option<i32> {
    let spec = pod.spec.as_ref()?;
    let mut ports = pods::lasting(spec).flat_map(|container| container.ports.iter().flatten());
    let fits = |port: &&k8s_openapi::api::core::v1::ContainerPort| {
        port.name.as_deref() == Some(name) && port.protocol.as_deref().unwrap_or("TCP") == protocol
    };
    ports.find(fits).map(|port| port.container_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn target_ports_are_numbers_or_names_of_the_pod() {
        let pod: Pod = serde_json::from_value(json!({"metadata": {}, "spec": {
            "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 80},
                {"name": "dns", "containerPort": 53, "protocol": "UDP"}]}],
            "initContainers": [{"name": "s", "restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 9}]},
                {"name": "i", "ports": [{"name": "init", "containerPort": 8}]}],
        }}))
        .expect("a pod");
        let cases = [
            (json!({"port": 8080}), Some(8080)),
            (json!({"port": 8080, "targetPort": 81}), Some(81)),
            (json!({"port": 8080, "targetPort": "web"}), Some(80)),
            (json!({"port": 8080, "targetPort": "dns"}), None),
            (json!({"port": 8080, "targetPort": "dns", "protocol": "UDP"}), Some(53)),
            (json!({"port": 8080, "targetPort": "side"}), Some(9)),
            (json!({"port": 8080, "targetPort": "init"}), None),
        ];
        for (port, expected) in cases {
            let port: ServicePort = serde_json::from_value(port).expect("a port");
            assert_eq!(resolve_one(&port, &pod).map(|port| port.number), expected, "{port:?}");
        }
    }
}
