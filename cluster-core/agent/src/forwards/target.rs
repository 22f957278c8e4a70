//! Which pod, and which of its ports, a forward leads to now.

use crate::Error;
use crate::clusters::Live;
use crate::feed::Resource;
use cluster_client::escape;
use cluster_object::status::Status;
use serde_json::Value;

/// What was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Pod(String),
    Service(String),
    Deployment(String),
}

impl Target {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/').filter(|(_, name)| !name.is_empty())?;
        let name = name.to_owned();
        Some(match kind {
            "pod" => Self::Pod(name),
            "service" => Self::Service(name),
            "deployment" => Self::Deployment(name),
            _ => return None,
        })
    }

    /// A pod that is ready, and its port.
    pub(super) async fn resolve(&self, live: &Live, namespace: &str, port: u16) -> Result<(String, u16), Error> {
        let read = async |resource: Resource, name: &str| {
            let object = live.get(&format!("{}/{}", resource.path(namespace), escape(name))).await?;
            serde_json::from_slice::<Value>(&object).map_err(|error| Error::Status(Status::internal(error)))
        };
        let (selector, wanted) = match self {
            Self::Pod(name) => return Ok((name.clone(), port)),
            Self::Service(name) => {
                let service = read(Resource::new("", "v1", "services"), name).await?;
                (service["spec"]["selector"].clone(), target_port(&service, port))
            }
            Self::Deployment(name) => {
                let deployment = read(Resource::new("apps", "v1", "deployments"), name).await?;
                (deployment["spec"]["selector"]["matchLabels"].clone(), port.into())
            }
        };
        let labels = selector.as_object().into_iter().flatten();
        let labels: Vec<String> =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
        if labels.is_empty() {
            return Err(Status::new(503, "ServiceUnavailable", "it selects no pods").into());
        }
        let path = Resource::new("", "v1", "pods").path(namespace);
        let pods = live.get(&format!("{path}?labelSelector={}", escape(&labels.join(",")))).await?;
        let pods: Value = serde_json::from_slice(&pods).map_err(Status::internal)?;
        let pod = pods["items"].as_array().into_iter().flatten().find(|pod| is_ready(pod));
        let pod = pod.ok_or_else(|| Status::new(503, "ServiceUnavailable", "no pod behind it is ready"))?;
        let port =
            pod_port(pod, &wanted).ok_or_else(|| Status::bad_request(format!("its pods have no port {wanted}")))?;
        Ok((cluster_object::meta::name(pod).to_owned(), port))
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    ready && cluster_object::meta::deletion_timestamp(pod).is_none()
}

/// A service's port on the pods: a number or a name.
fn target_port(service: &Value, port: u16) -> Value {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let found = ports.into_iter().find(|one| one["port"] == port).map(|one| one["targetPort"].clone());
    found.filter(|target| !target.is_null()).unwrap_or_else(|| port.into())
}

fn pod_port(pod: &Value, wanted: &Value) -> Option<u16> {
    if let Some(number) = wanted.as_u64() {
        return u16::try_from(number).ok();
    }
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
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
        assert_eq!(Target::parse("pod/a"), Some(Target::Pod("a".to_owned())));
        for wrong in ["pod/", "node/a", "a", ""] {
            assert_eq!(Target::parse(wrong), None, "{wrong}");
        }
    }
}
