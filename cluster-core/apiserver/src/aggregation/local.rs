//! APIServices of the groups that are served here: made for every version of them, and taken away with definitions.

use crate::prelude::*;

const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";
/// The priority of the core group; those after it in discovery have 100 less each.
const TOP_PRIORITY: usize = 18_000;
/// Upstream's priority of custom groups.
const CUSTOM_PRIORITY: usize = 1000;

/// The condition of an APIService that names no service.
pub(crate) fn local_status() -> Value {
    json!({"conditions": [{
        "type": "Available", "status": "True", "lastTransitionTime": meta::now(), "reason": "Local",
        "message": "Local APIServices are always available",
    }]})
}

/// What is missing among the APIServices `present`, and the names of those that are made for nothing any more.
pub(super) fn plan(resources: &[Arc<Resource>], present: &[Arc<Value>]) -> (Vec<Value>, Vec<String>) {
    let mut wanted = BTreeMap::new();
    for (index, group) in discovery::groups(resources).into_iter().enumerate() {
        let custom = resources.iter().any(|r| r.group == group && r.custom.is_some());
        let priority = if custom { CUSTOM_PRIORITY } else { TOP_PRIORITY - 100 * index };
        let versions = discovery::versions(resources, group);
        for (place, version) in versions.iter().enumerate() {
            let object = json!({
                "kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1",
                "metadata": {
                    "name": format!("{version}.{group}"),
                    "labels": {(MANAGED): if custom { "true" } else { "onstart" }},
                },
                "spec": {
                    "group": group, "version": version, "groupPriorityMinimum": priority,
                    "versionPriority": if custom { 100 } else { versions.len() - place },
                },
            });
            wanted.insert(format!("{version}.{group}"), object);
        }
    }
    let stale = present.iter().filter(|o| meta::label(o, MANAGED) == Some("true") && o["spec"]["service"].is_null());
    let stale = stale.map(|o| meta::name(o)).filter(|name| !wanted.contains_key(*name)).map(str::to_owned).collect();
    for object in present {
        wanted.remove(meta::name(object));
    }
    (wanted.into_values().collect(), stale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn every_version_has_its_service_and_those_of_lost_definitions_go() {
        let resources: Vec<_> = kinds::builtin().into_iter().map(Arc::new).collect();
        let (missing, _) = plan(&resources, &[]);
        let named = |name: &str| missing.iter().find(|o| meta::name(o) == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(named("v1.")["spec"]["groupPriorityMinimum"], 18_000);
        let priority = |name: &str| named(name)["spec"]["versionPriority"].as_i64();
        assert!(priority("v2.autoscaling") > priority("v1.autoscaling"));
        let gone = json!({"metadata": {"name": "v1.example.com", "labels": {(MANAGED): "true"}}, "spec": {}});
        let mut foreign = gone.clone();
        foreign["metadata"]["labels"] = json!({});
        let mut present = missing;
        present.extend([gone, foreign]);
        let present: Vec<_> = present.into_iter().map(Arc::new).collect();
        assert_eq!(plan(&resources, &present), (vec![], vec!["v1.example.com".to_owned()]));
    }
}
