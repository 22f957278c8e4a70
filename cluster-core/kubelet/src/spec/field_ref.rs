//! Values a pod may read of itself: `fieldRef` and `resourceFieldRef`.

use super::qos::{parse, units};
use crate::pod::state::container_spec;
use crate::prelude::*;
use k8s_openapi::api::core::v1::{Pod, PodSpec, ResourceFieldSelector};
use std::fmt::Write;

/// What a pod knows of the place it runs in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) pod_ip: String,
    pub(crate) host_ip: String,
    /// What the node gives to pods: an absent limit means it.
    pub(crate) allocatable: BTreeMap<String, Quantity>,
}

/// The value of a field path such as `metadata.labels['app']`.
pub(crate) fn field(pod: &Pod, place: &Place, path: &str) -> Result<String, String> {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        let map = match map {
            "metadata.labels" => &meta.labels,
            "metadata.annotations" => &meta.annotations,
            _ => return Err(format!("fieldPath {path:?} does not support subscript")),
        };
        return Ok(map.as_ref().and_then(|m| m.get(key)).cloned().unwrap_or_default());
    }
    let text = |field: Option<&String>| Ok(field.cloned().unwrap_or_default());
    match path {
        "metadata.name" => text(meta.name.as_ref()),
        "metadata.namespace" => text(meta.namespace.as_ref()),
        "metadata.uid" => text(meta.uid.as_ref()),
        "metadata.labels" => Ok(format_map(meta.labels.as_ref())),
        "metadata.annotations" => Ok(format_map(meta.annotations.as_ref())),
        "spec.nodeName" => text(spec.and_then(|s| s.node_name.as_ref())),
        "spec.serviceAccountName" => text(spec.and_then(|s| s.service_account_name.as_ref())),
        "status.hostIP" | "status.hostIPs" => Ok(place.host_ip.clone()),
        "status.podIP" | "status.podIPs" => Ok(place.pod_ip.clone()),
        _ => Err(format!("unsupported fieldPath: {path}")),
    }
}

/// `key="value"` lines in key order, as downward API files hold them.
fn format_map(map: Option<&BTreeMap<String, String>>) -> String {
    let mut out = String::new();
    for (key, value) in map.into_iter().flatten() {
        let newline = if out.is_empty() { "" } else { "\n" };
        write!(out, "{newline}{key}={value:?}").ok();
    }
    out
}

/// The value of a container's request or limit, divided and rounded up.
pub(crate) fn resource(
    spec: &PodSpec,
    place: &Place,
    selector: &ResourceFieldSelector,
    own_name: &str,
) -> Result<String, String> {
    let name = selector.container_name.as_deref().filter(|n| !n.is_empty()).unwrap_or(own_name);
    let container = container_spec(spec, name).ok_or_else(|| format!("container {name} not found"))?;
    let owners = [container.resources.as_ref(), spec.resources.as_ref()];
    let (kind, what) = selector.resource.split_once('.').ok_or_else(|| unsupported(&selector.resource))?;
    let sources = match kind {
        // What limits a container that has no limit itself: its pod, or else the node.
        "limits" => {
            let [own, pod] = owners.map(|owner| owner.and_then(|r| r.limits.as_ref()));
            [own, pod, Some(&place.allocatable)]
        }
        "requests" => [owners[0].and_then(|r| r.requests.as_ref()), None, None],
        _ => return Err(unsupported(&selector.resource)),
    };
    let read = |text: &Quantity| parse(text).map(|amount| units(what, amount)).filter(|value| *value > 0);
    let value = sources.into_iter().find_map(|amounts| read(amounts?.get(what)?)).unwrap_or_default();
    let by = selector.divisor.as_ref().and_then(read).unwrap_or(if what == "cpu" { 1000 } else { 1 });
    Ok(((value + by - 1) / by).to_string())
}

fn unsupported(resource: &str) -> String {
    format!("unsupported container resource: {resource}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a": "1", "b": "x y"}},
            "spec": {"nodeName": "w", "containers": [{"name": "c", "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}]},
        }))
        .expect("a pod")
    }

    #[test]
    fn fields_read_the_pod_and_its_place() {
        let place = Place { pod_ip: "10.0.0.1".to_owned(), ..Place::default() };
        let cases = [
            ("metadata.name", Ok("p")),
            ("metadata.labels['b']", Ok("x y")),
            ("metadata.labels['none']", Ok("")),
            ("metadata.labels", Ok("a=\"1\"\nb=\"x y\"")),
            ("spec.nodeName", Ok("w")),
            ("status.podIP", Ok("10.0.0.1")),
            ("status.phase", Err("unsupported fieldPath: status.phase")),
        ];
        for (path, wanted) in cases {
            assert_eq!(field(&pod(), &place, path).as_deref().map_err(String::as_str), wanted, "{path}");
        }
    }

    #[test]
    fn resources_are_divided_and_rounded_up() {
        let cases = [
            ("limits.cpu", None, "2"),
            ("limits.cpu", Some("1m"), "1500"),
            ("limits.memory", Some("1Mi"), "1024"),
            ("requests.memory", None, "0"),
        ];
        let spec = pod().spec.expect("a spec");
        for (name, divisor, wanted) in cases {
            assert_eq!(read(&spec, name, divisor), wanted, "{name}");
        }
    }

    fn read(spec: &PodSpec, name: &str, divisor: Option<&str>) -> String {
        let allocatable = json!({"cpu": "4", "memory": "8Gi", "ephemeral-storage": "50Gi", "hugepages-2Mi": "0"});
        let allocatable = serde_json::from_value(allocatable).expect("amounts");
        let place = Place { allocatable, ..Place::default() };
        let selector = json!({"resource": name, "divisor": divisor.unwrap_or("0")});
        let selector = serde_json::from_value(selector).expect("a selector");
        resource(spec, &place, &selector, "c").expect("a value")
    }

    #[test]
    fn an_absent_limit_is_the_pods_or_else_the_nodes() {
        let whole = json!({"limits": {"cpu": "3", "memory": "2Gi"}});
        for (own, pod, name, divisor, wanted) in [
            (json!({}), json!(null), "limits.cpu", "1", "4"),
            (json!({}), json!(null), "limits.memory", "1Gi", "8"),
            (json!({}), json!(null), "limits.ephemeral-storage", "1Gi", "50"),
            (json!({}), json!(null), "limits.hugepages-2Mi", "1", "0"),
            (json!({}), json!(null), "requests.cpu", "1m", "0"),
            (json!({}), json!(null), "requests.ephemeral-storage", "1", "0"),
            (json!({"limits": {"cpu": "0"}}), json!(null), "limits.cpu", "1", "4"),
            (json!({"limits": {"cpu": "1"}}), whole.clone(), "limits.cpu", "1", "1"),
            (json!({"limits": {"cpu": "1"}}), whole.clone(), "limits.memory", "1Gi", "2"),
            (json!({}), whole, "limits.ephemeral-storage", "1Gi", "50"),
        ] {
            let spec = json!({"resources": pod, "containers": [{"name": "c", "resources": own}]});
            let spec: PodSpec = serde_json::from_value(spec).expect("a spec");
            assert_eq!(read(&spec, name, Some(divisor)), wanted, "{own} {pod} {name}");
        }
    }
}
