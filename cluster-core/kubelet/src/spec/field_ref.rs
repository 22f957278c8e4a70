//! Values a pod may read of itself: `fieldRef` and `resourceFieldRef`.

use super::qos::{milli, whole};
use crate::pod::state::container_spec;
use k8s_openapi::api::core::v1::{Pod, PodSpec, ResourceFieldSelector};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a pod knows of the place it runs in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) pod_ip: String,
    pub(crate) host_ip: String,
    /// Allocatable thousandths of CPUs and bytes of memory: what an absent limit means.
    pub(crate) cpu_milli: i64,
    pub(crate) memory: i64,
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
    let resources = container.resources.as_ref();
    let (kind, what) = selector.resource.split_once('.').ok_or_else(|| unsupported(&selector.resource))?;
    let limits = resources.and_then(|r| r.limits.as_ref());
    let amounts = match kind {
        "limits" => limits,
        "requests" => resources.and_then(|r| r.requests.as_ref()),
        _ => return Err(unsupported(&selector.resource)),
    };
    let divisor = selector.divisor.as_ref().map(|d| BTreeMap::from([("d".to_owned(), d.clone())]));
    let limit_default = kind == "limits";
    if what == "cpu" {
        let value = milli(amounts, "cpu").unwrap_or(if limit_default { place.cpu_milli } else { 0 });
        let by = milli(divisor.as_ref(), "d").filter(|d| *d > 0).unwrap_or(1000);
        return Ok(divide(value, by));
    }
    let value = whole(amounts, what).unwrap_or(if limit_default && what == "memory" { place.memory } else { 0 });
    let by = whole(divisor.as_ref(), "d").filter(|d| *d > 0).unwrap_or(1);
    Ok(divide(value, by))
}

fn unsupported(resource: &str) -> String {
    format!("unsupported container resource: {resource}")
}

fn divide(value: i64, by: i64) -> String {
    ((value + by - 1) / by).to_string()
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
        let place = Place { cpu_milli: 2000, memory: 4096, ..Place::default() };
        let cases = [
            ("limits.cpu", None, "2"),
            ("limits.cpu", Some("1m"), "1500"),
            ("limits.memory", Some("1Mi"), "1024"),
            ("requests.memory", None, "0"),
        ];
        let spec = pod().spec.expect("a spec");
        for (resource_name, divisor, wanted) in cases {
            let selector = json!({"resource": resource_name, "divisor": divisor.unwrap_or("0")});
            let selector = serde_json::from_value(selector).expect("a selector");
            assert_eq!(resource(&spec, &place, &selector, "c"), Ok(wanted.to_owned()), "{resource_name}");
        }
    }
}
