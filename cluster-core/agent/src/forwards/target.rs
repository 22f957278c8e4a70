//! Which pod, and which of its ports, a forward leads to now.

use crate::prelude::*;

/// The resource and the name in `service/NAME`, `deployment/NAME` or `pod/NAME`, and where the object selects its pods.
pub(super) fn parse(target: &str) -> Result<(Resource, &str, &'static str), Status> {
    let (kind, name) = target.split_once('/').unwrap_or_default();
    let (group, resource, selector) = match kind {
        "service" => ("", "services", "/spec/selector"),
        "deployment" => ("apps", "deployments", "/spec/selector/matchLabels"),
        "pod" => ("", "pods", ""),
        _ => Default::default(),
    };
    if resource.is_empty() || name.is_empty() {
        return Err(Status::bad_request("the target must be service/NAME, pod/NAME or deployment/NAME"));
    }
    Ok((Resource::new(group, "v1", resource), name, selector))
}

/// A pod that is ready, and its port.
pub(super) async fn resolve(live: &Live, namespace: &str, target: &str, port: u16) -> Result<(String, u16), Error> {
    let (resource, name, selector) = parse(target)?;
    if selector.is_empty() {
        return Ok((name.to_owned(), port));
    }
    let object = live.get(&format!("{}/{}", resource.path(namespace), escape(name))).await?;
    let labels = object.pointer(selector).and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<_> = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if labels.is_empty() {
        return Err(Status::new(503, "ServiceUnavailable", "it selects no pods").into());
    }
    let path = Resource::new("", "v1", "pods").path(namespace);
    let pods = live.get(&format!("{path}?labelSelector={}", escape(&labels.join(",")))).await?;
    let pod = meta::items(&pods["items"]).iter().find(|pod| is_ready(pod));
    let pod = pod.ok_or_else(|| Status::new(503, "ServiceUnavailable", "no pod behind it is ready"))?;
    let wanted = target_port(&object, port);
    let port = pod_port(pod, &wanted).ok_or_else(|| Status::bad_request(format!("its pods have no port {wanted}")))?;
    Ok((meta::name(pod).to_owned(), port))
}

fn is_ready(pod: &Value) -> bool {
    meta::is_true(pod, "Ready") && meta::deletion_timestamp(pod).is_none()
}

/// The port on the pods, a number or a name, which only services may have another one for.
fn target_port(object: &Value, port: u16) -> Value {
    let mut ports = meta::items(&object["spec"]["ports"]).iter();
    let found = ports.find(|one| one["port"] == port).map(|one| one["targetPort"].clone());
    found.filter(|target| !target.is_null()).unwrap_or_else(|| port.into())
}

fn pod_port(pod: &Value, wanted: &Value) -> Option<u16> {
    if let Some(number) = wanted.as_u64() {
        return u16::try_from(number).ok();
    }
    let containers = meta::items(&pod["spec"]["containers"]).iter();
    let mut ports = containers.flat_map(|container| meta::items(&container["ports"]));
    let number = ports.find(|port| port["name"] == *wanted)?["containerPort"].as_u64()?;
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_port_leads_to_the_pods_port_by_number_or_name() {
        let service = json!({"spec": {"ports": [{"port": 80, "targetPort": "web"}, {"port": 81}, {"port": 82, "targetPort": 8082}]}});
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8080}]}]}});
        for (port, expected) in [(80, Some(8080)), (81, Some(81)), (82, Some(8082)), (99, Some(99))] {
            assert_eq!(pod_port(&pod, &target_port(&service, port)), expected);
        }
        assert_eq!(pod_port(&pod, &json!("other")), None);
    }

    #[test]
    fn targets_name_a_kind_and_an_object() {
        for (target, path) in [
            ("pod/a", "/api/v1/namespaces/n/pods"),
            ("service/a", "/api/v1/namespaces/n/services"),
            ("deployment/a", "/apis/apps/v1/namespaces/n/deployments"),
        ] {
            let (resource, name, _) = parse(target).expect("a target");
            assert_eq!((resource.path("n").as_str(), name), (path, "a"));
        }
        for wrong in ["pod/", "node/a", "a", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
