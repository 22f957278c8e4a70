//! What the subresources of a pod may change: its resources, and its ephemeral containers.

use super::MIRROR;
use super::update::changes;
use crate::kinds::prelude::*;
use cluster_object::pod::qos_class_of;

/// Faults of what a resize asks for.
pub(crate) fn resize(new: &Value, old: &Value) -> Errors {
    let mut errors = Errors::new();
    if meta::annotation(old, MIRROR).is_some() {
        return vec![Error::forbidden(&Path::default(), "static pods cannot be resized")];
    }
    let spec = At::root(new).get("spec");
    let running = items(&old["status"]["containerStatuses"]).iter().find(|state| state["state"]["running"].is_object());
    if running.is_some_and(|state| state["resources"].is_null()) {
        errors.push(spec.forbidden("Pod running on node without support for resize"));
    }
    amounts(&spec, &spec.get("resources"), &old["spec"]["resources"], &mut errors);
    for list in ["initContainers", "containers"] {
        let (new, old) = (spec.get(list), items(&old["spec"][list]));
        if new.items().count() != old.len() {
            errors.push(new.forbidden("containers may not be added or removed on resize"));
        }
        for (container, old) in new.items().zip(old) {
            if container.value["name"] != old["name"] {
                errors.push(container.get("name").forbidden("containers may not be renamed or reordered on resize"));
                continue;
            }
            if list == "initContainers" && old["restartPolicy"] != "Always" {
                if container.value["resources"] != old["resources"] {
                    let why = "resources for non-sidecar init containers are immutable";
                    errors.push(container.get("resources").forbidden(why));
                }
                continue;
            }
            amounts(&spec, &container.get("resources"), &old["resources"], &mut errors);
        }
    }
    if errors.is_empty() && qos_class_of(spec.value) != qos_class_of(&old["spec"]) {
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(Error::invalid(&spec.path, &new["status"]["qosClass"], why));
    }
    errors
}

/// Faults of new requests and limits beside the old ones.
fn amounts(spec: &At<'_>, new: &At<'_>, old: &Value, errors: &mut Errors) {
    for list in ["limits", "requests"] {
        let (new, old) = (new.get(list), &old[list]);
        if entries(old).any(|(name, _)| new.value[name].is_null()) {
            errors.push(new.forbidden(&format!("resource {list} cannot be removed")));
        }
        let other = |list: &Value| -> Vec<(String, Value)> {
            let fixed = entries(list).filter(|(name, _)| !matches!(name.as_str(), "cpu" | "memory"));
            fixed.map(|(name, amount)| (name.clone(), amount.clone())).collect()
        };
        if other(new.value) != other(old) {
            errors.push(spec.forbidden("only cpu and memory resources are mutable"));
        }
    }
}

/// Faults of a change of the ephemeral containers, which only become more.
pub(crate) fn ephemeral(new: &Value, old: &Value) -> Errors {
    if meta::annotation(old, MIRROR).is_some() {
        return vec![Error::forbidden(&Path::default(), "static pods do not support ephemeral containers")];
    }
    let list = At::root(new).get("spec.ephemeralContainers");
    let fault = |was: &Value| {
        let now = items(list.value).iter().find(|now| now["name"] == was["name"]);
        let (what, details) = match now {
            None => ("removed", String::new()),
            Some(now) if now == was => return None,
            Some(now) => ("changed", changes("", now, was).join("\n")),
        };
        let name = text(&was["name"]);
        Some(list.forbidden(&format!("existing ephemeral containers {name:?} may not be {what}\n{details}")))
    };
    items(&old["spec"]["ephemeralContainers"]).iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ephemeral_containers_only_become_more() {
        let pod = |containers: Value| json!({"spec": {"ephemeralContainers": containers}});
        let (a, b) = (json!({"name": "a", "image": "a"}), json!({"name": "b", "image": "b"}));
        let old = pod(json!([a]));
        for (new, fault) in [
            (json!([b, a]), ""),
            (json!([b]), "existing ephemeral containers \"a\" may not be removed\n"),
            (json!([{"name": "a", "image": "b"}]), "existing ephemeral containers \"a\" may not be changed\n"),
        ] {
            let faults = ephemeral(&pod(new), &old).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{faults}");
        }
        let mirror = json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}});
        assert_eq!(ephemeral(&old, &mirror).len() + resize(&old, &mirror).len(), 2, "static pods have neither");
    }

    #[test]
    fn what_has_run_and_what_cannot_is_not_resized() {
        let pod = |policy: &str, cpu: &str| {
            json!({"spec": {"containers": [], "initContainers": [
            {"name": "i", "restartPolicy": policy, "resources": {"requests": {"cpu": cpu}}}]}})
        };
        assert_eq!(resize(&pod("Always", "2"), &pod("Always", "1")), vec![]);
        let faults = resize(&pod("", "2"), &pod("", "1"));
        let why =
            "spec.initContainers[0].resources: Forbidden: resources for non-sidecar init containers are immutable";
        assert_eq!(faults[0].to_string(), why);
        let mut old = pod("Always", "1");
        old["status"]["containerStatuses"] = json!([{"state": {"running": {}}}]);
        let faults = resize(&pod("Always", "2"), &old);
        assert_eq!(faults[0].to_string(), "spec: Forbidden: Pod running on node without support for resize");
    }

    #[test]
    fn a_resize_keeps_what_is_there_and_the_class() {
        let pod = |containers: Value| json!({"spec": {"containers": containers}});
        let old = pod(
            json!([{"name": "a", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}}]),
        );
        let a = |resources: Value| json!([{"name": "a", "resources": resources}]);
        let cases = [
            (a(json!({"requests": {"cpu": "2"}, "limits": {"cpu": "3", "memory": "2Gi"}})), ""),
            (
                a(json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})),
                "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
            ),
            (
                a(json!({"limits": {"cpu": "2", "memory": "1Gi"}})),
                "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
            ),
            (
                a(json!({"requests": {"cpu": "1", "ephemeral-storage": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}})),
                "spec: Forbidden: only cpu and memory resources are mutable",
            ),
            (
                json!([{"name": "b"}]),
                "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize",
            ),
            (json!([]), "spec.containers: Forbidden: containers may not be added or removed on resize"),
            (
                a(json!({"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}})),
                "Pod QOS Class may not change as a result of resizing",
            ),
        ];
        for (containers, expected) in cases {
            let faults = resize(&pod(containers), &old).iter().map(ToString::to_string).collect::<Vec<_>>();
            assert!(faults.join(", ").contains(expected) && faults.is_empty() == expected.is_empty(), "{faults:?}");
        }
        let whole = |requests: Value| json!({"spec": {"containers": [], "resources": {"requests": requests}}});
        let old = whole(json!({"cpu": "1"}));
        assert_eq!(resize(&whole(json!({"cpu": "2"})), &old), vec![]);
        let expected = "spec.resources.requests: Forbidden: resource requests cannot be removed";
        assert_eq!(resize(&whole(json!({"memory": "1Gi"})), &old)[0].to_string(), expected);
    }
}
