//! Which objects a ResourceQuota is about, and what each uses of it.

use crate::meta::{self, items};
use crate::pod;
use crate::quantity::Quantity;
use jiff::Timestamp;
use serde_json::Value;

/// Kinds that may be counted by their bare name.
const CORE: [&str; 7] =
    ["pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas"];

/// Kinds of which more can be limited than their number.
pub const DETAILED: [&str; 3] = ["pods", "services", "persistentvolumeclaims"];

/// Whether a quota is about an object of `storage` (`pods`, `apps/deployments`): about any object when it has no scopes,
/// else about the pods (or the claims) that are within all of them.
pub fn in_scope(quota: &Value, storage: &str, object: &Value) -> bool {
    let plain = items(meta::get(quota, "spec.scopes")).iter().map(|scope| (scope, "Exists", &Value::Null));
    let selected = items(meta::get(quota, "spec.scopeSelector.matchExpressions"));
    let selected = selected.iter().map(|one| (&one["scopeName"], meta::text(one, "operator"), &one["values"]));
    plain.chain(selected).all(|(scope, operator, values)| {
        let spec = &object["spec"];
        let holds = |value: &Value| {
            let value = value.as_str().unwrap_or_default();
            let listed = items(values).iter().any(|one| one == value);
            match operator {
                "In" => listed,
                "NotIn" => !value.is_empty() && !listed,
                "DoesNotExist" => value.is_empty(),
                _ => !value.is_empty(),
            }
        };
        match (storage, scope.as_str().unwrap_or_default()) {
            ("pods", "Terminating") => !spec["activeDeadlineSeconds"].is_null(),
            ("pods", "NotTerminating") => spec["activeDeadlineSeconds"].is_null(),
            ("pods", "BestEffort") => pod::qos_class_of(spec) == "BestEffort",
            ("pods", "NotBestEffort") => pod::qos_class_of(spec) != "BestEffort",
            ("pods", "PriorityClass") => holds(&spec["priorityClassName"]),
            ("pods", "CrossNamespacePodAffinity") => crosses_namespaces(spec),
            ("persistentvolumeclaims", "VolumeAttributesClass") => holds(&spec["volumeAttributesClassName"]),
            _ => false,
        }
    })
}

/// Whether a pod's affinity looks at other namespaces.
fn crosses_namespaces(spec: &Value) -> bool {
    let terms = ["podAffinity", "podAntiAffinity"].into_iter().flat_map(|kind| {
        let affinity = &spec["affinity"][kind];
        let required = items(&affinity["requiredDuringSchedulingIgnoredDuringExecution"]).iter();
        let preferred = items(&affinity["preferredDuringSchedulingIgnoredDuringExecution"]).iter();
        required.chain(preferred.map(|weighted| &weighted["podAffinityTerm"]))
    });
    terms.into_iter().any(|term| !items(&term["namespaces"]).is_empty() || !term["namespaceSelector"].is_null())
}

/// Whether a pod has ended, or should have: a node that is lost must not keep others from taking its place.
fn is_over(pod: &Value, now: Timestamp) -> bool {
    let deleted = meta::deletion_timestamp(pod).and_then(|time| time.parse::<Timestamp>().ok());
    let grace = meta::get(pod, "metadata.deletionGracePeriodSeconds").as_i64();
    matches!(meta::text(pod, "status.phase"), "Succeeded" | "Failed")
        || deleted.zip(grace).is_some_and(|(at, grace)| now.as_second().saturating_sub(at.as_second()) > grace)
}

/// How much an object uses of what the quota calls `name`; `None` when that is not about its kind. A pod that is over
/// uses nothing, but is an object for `count/pods`.
pub fn usage(name: &str, storage: &str, object: &Value) -> Option<Quantity> {
    let one_if = |is: bool| Some(Quantity::new(i64::from(is)));
    let counted = match storage.split_once('/') {
        Some((group, plural)) => format!("count/{plural}.{group}"),
        None => format!("count/{storage}"),
    };
    let finished = storage == "pods" && is_over(object, Timestamp::now());
    if name == counted || (name == storage && CORE.contains(&name)) {
        return one_if(!finished || name == counted);
    }
    let spec = &object["spec"];
    match (storage, name) {
        ("pods", _) => {
            let (list, resource) = match name {
                "cpu" | "memory" | "ephemeral-storage" => ("requests", name),
                _ if name.starts_with("hugepages-") => ("requests", name),
                _ => name.split_once('.').filter(|(list, _)| matches!(*list, "requests" | "limits"))?,
            };
            let used = if finished { None } else { pod::total(spec, list, resource) };
            (resource != "storage").then(|| used.unwrap_or_default())
        }
        ("persistentvolumeclaims", _) => {
            let (class, name) =
                name.split_once(".storageclass.storage.k8s.io/").map_or((None, name), |(c, n)| (Some(c), n));
            let own = class.is_none_or(|class| spec["storageClassName"] == class);
            let size = || Quantity::from_value(&spec["resources"]["requests"]["storage"]).unwrap_or_default();
            match name {
                "requests.storage" => Some(if own { size() } else { Quantity::default() }),
                "persistentvolumeclaims" => one_if(own),
                _ => None,
            }
        }
        ("services", "services.loadbalancers") => one_if(spec["type"] == "LoadBalancer"),
        ("services", "services.nodeports") => {
            let ports = items(&spec["ports"]).iter();
            let ports = match (meta::text(spec, "type"), &spec["allocateLoadBalancerNodePorts"]) {
                // It has the node ports that it names.
                ("LoadBalancer", Value::Bool(false)) => ports.filter(|port| port["nodePort"] != Value::Null).count(),
                ("NodePort" | "LoadBalancer", _) => ports.count(),
                _ => 0,
            };
            Some(Quantity::new(i64::try_from(ports).unwrap_or(i64::MAX)))
        }
        _ => None,
    }
}

/// The kind whose objects a quota's name counts, as far as [`usage`] does not say more of them.
pub fn only_counts(name: &str) -> Option<&str> {
    let plural = name.strip_prefix("count/").or_else(|| CORE.contains(&name).then_some(name))?;
    (!DETAILED.contains(&plural)).then_some(plural)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_resource_of_a_quota_is_counted_its_own_way() {
        let mut pod = json!({"spec": {
        "initContainers": [
            {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
            {"name": "init", "resources": {"requests": {"cpu": "2"}}},
        ],
        "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}},
            {"name": "b", "resources": {"requests": {"memory": "1Gi"}}},
        ]}});
        let service = json!({"spec": {"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}});
        let balanced = json!({"spec": {
            "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 1}, {"port": 2, "nodePort": 30002}],
        }});
        let claim = json!({"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}}});
        let cases = [
            ("pods", "pods", &pod, Some("1")),
            ("count/pods", "pods", &pod, Some("1")),
            ("cpu", "pods", &pod, Some("2050m")),
            ("requests.memory", "pods", &pod, Some("2Gi")),
            ("limits.memory", "pods", &pod, Some("2Gi")),
            ("limits.cpu", "pods", &pod, Some("0")),
            ("requests.storage", "pods", &pod, None),
            ("services", "pods", &pod, None),
            ("services", "services", &service, Some("1")),
            ("services.nodeports", "services", &service, Some("2")),
            ("services.loadbalancers", "services", &service, Some("0")),
            ("services.loadbalancers", "services", &balanced, Some("1")),
            ("services.nodeports", "services", &balanced, Some("1")),
            ("cpu", "services", &service, None),
            ("persistentvolumeclaims", "persistentvolumeclaims", &claim, Some("1")),
            ("requests.storage", "persistentvolumeclaims", &claim, Some("5Gi")),
            ("fast.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims", &claim, Some("5Gi")),
            ("slow.storageclass.storage.k8s.io/persistentvolumeclaims", "persistentvolumeclaims", &claim, Some("0")),
            ("count/deployments.apps", "apps/deployments", &Value::Null, Some("1")),
            ("deployments", "apps/deployments", &Value::Null, None),
        ];
        for (name, storage, object, expected) in cases {
            let found = usage(name, storage, object).map(|amount| amount.to_string());
            assert_eq!(found.as_deref(), expected, "{name} of {storage}");
        }
        pod["status"] = json!({"phase": "Failed"});
        for (name, expected) in [("pods", 0), ("cpu", 0), ("count/pods", 1)] {
            assert_eq!(usage(name, "pods", &pod), Some(Quantity::new(expected)), "{name} of a finished pod");
        }
    }

    #[test]
    fn a_pod_that_should_be_gone_is_over() {
        let now = "2026-01-01T00:01:00Z".parse().expect("a time");
        for (metadata, phase, expected) in [
            (json!({}), "Running", false),
            (json!({}), "Succeeded", true),
            (json!({"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30}), "Running", false),
            (json!({"deletionTimestamp": "2026-01-01T00:00:29Z", "deletionGracePeriodSeconds": 30}), "Running", true),
            (json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), "Running", false),
        ] {
            let pod = json!({"metadata": metadata, "status": {"phase": phase}});
            assert_eq!(is_over(&pod, now), expected, "{pod}");
        }
    }

    #[test]
    fn a_quota_counts_only_the_pods_within_its_scopes() {
        let affinity = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            [{"topologyKey": "zone", "namespaces": ["other"]}]}});
        let pod = json!({"spec": {"containers": [], "priorityClassName": "high", "affinity": affinity}});
        let cases = [
            ("BestEffort", "Exists", &[][..], true),
            ("NotBestEffort", "Exists", &[], false),
            ("Terminating", "Exists", &[], false),
            ("NotTerminating", "Exists", &[], true),
            ("PriorityClass", "In", &["low", "high"], true),
            ("PriorityClass", "In", &["low"], false),
            ("PriorityClass", "NotIn", &["low"], true),
            ("PriorityClass", "DoesNotExist", &[], false),
            ("CrossNamespacePodAffinity", "Exists", &[], true),
            ("VolumeAttributesClass", "Exists", &[], false),
        ];
        for (scope, operator, values, expected) in cases {
            let selector = json!({"matchExpressions": [{"scopeName": scope, "operator": operator, "values": values}]});
            let quota = json!({"spec": {"scopeSelector": selector}});
            assert_eq!(in_scope(&quota, "pods", &pod), expected, "{scope} {operator} {values:?}");
        }
        assert!(in_scope(&json!({"spec": {"scopes": ["NotTerminating", "BestEffort"]}}), "pods", &pod));
        assert!(in_scope(&json!({"spec": {}}), "services", &json!({})));
    }
}
