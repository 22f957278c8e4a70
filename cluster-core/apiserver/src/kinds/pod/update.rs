//! What may change in a pod once it exists.

use super::MIRROR;
use crate::kinds::prelude::*;

const MUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Faults of a change of the pod itself.
pub(crate) fn validate(new: &Value, old: &Value) -> Errors {
    let mut errors = Errors::new();
    let (new_spec, old_spec) = (At::root(new).get("spec"), &old["spec"]);
    for list in ["containers", "initContainers"] {
        if items(&new_spec.value[list]).len() != items(&old_spec[list]).len() {
            errors.push(new_spec.get(list).forbidden("pod updates may not add or remove containers"));
        }
    }
    if new_spec.value["ephemeralContainers"] != old_spec["ephemeralContainers"] {
        errors.push(
            new_spec
                .get("ephemeralContainers")
                .forbidden("may not be changed by a pod update; use the ephemeralcontainers subresource"),
        );
    }
    let [now, was] = [new, old].map(|pod| meta::annotation(pod, MIRROR));
    if now != was {
        let (path, what) =
            (Path::new("metadata").child("annotations"), if was.is_none() { "add" } else { "remove or update" });
        errors.push(Error::forbidden(&path.key(MIRROR), &format!("may not {what} mirror pod annotation")));
    }
    if !errors.is_empty() {
        return errors;
    }
    deadline(&new_spec.get("activeDeadlineSeconds"), &old_spec["activeDeadlineSeconds"], &mut errors);
    for toleration in items(&old_spec["tolerations"]) {
        if !items(&new_spec.value["tolerations"]).iter().any(|new| same_toleration(new, toleration)) {
            errors.push(
                new_spec
                    .get("tolerations")
                    .forbidden("existing toleration can not be modified except its tolerationSeconds"),
            );
        }
    }
    for gate in new_spec.get("schedulingGates").items() {
        if !items(&old_spec["schedulingGates"]).contains(gate.value) {
            let name = gate.get("name");
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            errors.push(name.forbidden(&why));
        }
    }
    if !items(&old_spec["schedulingGates"]).is_empty() {
        placement(&new_spec, old_spec, &mut errors);
    }
    let mut merged = new_spec.value.clone();
    adopt_mutable(&mut merged, old_spec);
    let changed = changes("", &merged, old_spec);
    if !changed.is_empty() {
        errors.push(Error::forbidden(&new_spec.path, &format!("{MUTABLE}\n{}", changed.join("\n"))));
    }
    errors
}

/// A status, or a condition, that does not say which generation it saw keeps what the old one said.
pub(super) fn keep_generations(new: &mut Value, old: &Value) {
    let keep = |new: &mut Value, old: &Value| {
        if int(&new["observedGeneration"]) == 0 && int(&old["observedGeneration"]) != 0 {
            new["observedGeneration"] = old["observedGeneration"].clone();
        }
    };
    keep(new, old);
    for condition in each(new, "conditions") {
        if let Some(old) = items(&old["conditions"]).iter().find(|old| old["type"] == condition["type"]) {
            keep(condition, old);
        }
    }
}

/// Faults of a change of a pod's status that several fields have a part in.
pub(crate) fn validate_status(new: &Value, old: &Value) -> Errors {
    let (mut errors, status) = (Errors::new(), At::root(new).get("status"));
    status.get("qosClass").unchanged(&old["status"]["qosClass"], &mut errors);
    let lists = [
        ("containerStatuses", "containers"),
        ("initContainerStatuses", "initContainers"),
        ("ephemeralContainerStatuses", "ephemeralContainers"),
    ];
    for (list, of) in lists {
        for (index, was) in items(&old["status"][list]).iter().enumerate() {
            let revived = status
                .get(list)
                .items()
                .any(|now| now.value["name"] == was["name"] && !now.get("state.terminated").is_set());
            if revived && !may_restart(&old["spec"], of, was) {
                let path = status.get(list).path.index(index).child("state");
                errors.push(Error::forbidden(&path, "may not be transitioned to non-terminated state"));
            }
        }
    }
    let claims = items(&new["spec"]["resourceClaims"]);
    for claim in status.get("resourceClaimStatuses").items().map(|claim| claim.get("name")) {
        if !claims.iter().any(|known| known["name"] == *claim.value) {
            errors.push(claim.invalid("must match the name of an entry in `spec.resourceClaims`"));
        }
    }
    let hosts = status.get("hostIPs");
    let first = hosts.items().next().map(|host| host.get("ip"));
    errors.extend(
        first.filter(|ip| *ip.value != status.value["hostIP"]).map(|ip| ip.invalid("must be equal to `hostIP`")),
    );
    for list in [status.get("podIPs"), hosts] {
        let is_new = |ip: &Value| text(&ip["ip"]).contains(':');
        let families: Vec<bool> = items(list.value).iter().map(is_new).collect();
        if families.len() > 2 || (families.len() == 2 && families[0] == families[1]) {
            errors.push(list.invalid("may specify no more than one IP for each IP family"));
        }
    }
    errors
}

/// Whether a container of the list `of` that ended may run again.
fn may_restart(spec: &Value, of: &str, state: &Value) -> bool {
    let ended = &state["state"]["terminated"];
    let own = items(&spec[of]).iter().find(|container| container["name"] == state["name"]);
    let own =
        own.filter(|container| !is_empty(&container["restartPolicy"]) || !is_empty(&container["restartPolicyRules"]));
    let policy = match of {
        "ephemeralContainers" => "Never",
        _ => text(&spec["restartPolicy"]),
    };
    let all = ["initContainers", "containers"].into_iter().flat_map(|list| items(&spec[list]));
    let mut rules = all.flat_map(|container| items(&container["restartPolicyRules"]));
    // One with a policy or rules of its own, and one that may run again with all others, is left to the kubelet.
    ended.is_null()
        || rules.any(|rule| rule["action"] == "RestartAllContainers")
        || own.is_some()
        || policy == "Always"
        || (policy == "OnFailure" && ended["exitCode"] != 0)
}

fn deadline(new: &At<'_>, old: &Value, errors: &mut Errors) {
    match (new.value.as_i64(), old.as_i64()) {
        (None, Some(_)) => errors.push(new.invalid("must not update from a positive integer to nil value")),
        (Some(new_seconds), Some(old_seconds)) if new_seconds > old_seconds => {
            errors.push(new.invalid("must be less than or equal to previous value"));
        }
        _ => {}
    }
}

/// Faults of where a pod that nobody has scheduled yet may go: it only becomes choosier.
fn placement(spec: &At<'_>, old: &Value, errors: &mut Errors) {
    const TERMS: &str = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let selector = spec.get("nodeSelector");
    if entries(&old["nodeSelector"]).any(|(key, value)| selector.value[key] != *value) {
        errors.push(selector.invalid("only additions to spec.nodeSelector are allowed (no mutations or deletions)"));
    }
    let (terms, before) = (spec.get(TERMS), items(meta::get(old, TERMS)));
    if !before.is_empty() && items(terms.value).len() != before.len() {
        errors.push(terms.invalid("no additions/deletions to non-empty NodeSelectorTerms list are allowed"));
        return;
    }
    for (term, was) in terms.items().zip(before) {
        let parts = ["matchExpressions", "matchFields"].map(|part| (items(&term.value[part]), items(&was[part])));
        // A term without requirements fits no node, and more would make it fit some.
        let empty = parts.iter().all(|(_, was)| was.is_empty()) && parts.iter().any(|(now, _)| !now.is_empty());
        if empty || parts.iter().any(|(now, was)| !now.starts_with(was)) {
            errors.push(term.invalid("only additions are allowed (no mutations or deletions)"));
        }
    }
}

fn same_toleration(a: &Value, b: &Value) -> bool {
    ["key", "operator", "value", "effect"].iter().all(|field| a[field] == b[field])
}

/// Gives `new` the old values of everything that may change.
fn adopt_mutable(new: &mut Value, old: &Value) {
    let negative_grace = old["terminationGracePeriodSeconds"].as_i64().is_some_and(|s| s < 0);
    let mut fields = vec!["activeDeadlineSeconds", "tolerations", "schedulingGates"];
    if !items(&old["schedulingGates"]).is_empty() {
        fields.push("nodeSelector");
        let bare = |affinity: &Value| entries(affinity).all(|(kind, value)| kind == "nodeAffinity" || value.is_null());
        // What is left of an affinity that is there for its node alone is none.
        let alone = bare(&new["affinity"]) && bare(&old["affinity"]);
        fields.push(if alone { "affinity" } else { "affinity.nodeAffinity" });
    }
    if negative_grace && new["terminationGracePeriodSeconds"] == 1 {
        fields.push("terminationGracePeriodSeconds");
    }
    for field in fields {
        copy(new, field, old);
    }
    for list in ["containers", "initContainers"] {
        for (container, was) in each(new, list).zip(items(&old[list])) {
            container["image"] = was["image"].clone();
        }
    }
}

/// The fields that differ, one line each, old and new.
pub(super) fn changes(path: &str, new: &Value, old: &Value) -> Vec<String> {
    match (new, old) {
        _ if new == old => Vec::new(),
        (Value::Object(_), Value::Object(_)) => {
            let gone = entries(old).filter(|(key, _)| new.get(key.as_str()).is_none());
            let keys = entries(new).chain(gone).map(|(key, _)| key);
            keys.flat_map(|key| changes(&format!("{path}.{key}"), &new[key], &old[key])).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().flat_map(|(i, (a, b))| changes(&format!("{path}[{i}]"), a, b)).collect()
        }
        _ => vec![format!("  {}: - {old} + {new}", path.trim_start_matches('.'))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_that_forgets_its_generation_keeps_the_old_one() {
        let condition = |kind: &str, generation: i64| json!({"type": kind, "observedGeneration": generation});
        let old = json!({"observedGeneration": 3, "conditions": [condition("A", 1), condition("B", 2)]});
        let mut new = json!({"conditions": [{"type": "B"}, condition("A", 4), {"type": "C"}]});
        keep_generations(&mut new, &old);
        let expected = json!([condition("B", 2), condition("A", 4), {"type": "C"}]);
        assert_eq!(new, json!({"observedGeneration": 3, "conditions": expected}));
    }

    #[test]
    fn only_images_deadlines_and_more_tolerations_may_change() {
        let old = json!({"spec": {"containers": [{"name": "a", "image": "a:1"}], "tolerations": [{"key": "x"}]}});
        let mut new = old.clone();
        new["spec"]["containers"][0]["image"] = "a:2".into();
        new["spec"]["activeDeadlineSeconds"] = 5.into();
        new["spec"]["tolerations"] = json!([{"key": "x"}, {"key": "y"}]);
        assert_eq!(validate(&new, &old), vec![]);

        new["spec"]["nodeName"] = "n".into();
        let errors = validate(&new, &old);
        assert_eq!(
            errors[0].to_string().lines().next(),
            Some(
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                 `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                 tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
            )
        );

        let more = json!({"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b"}]}});
        assert_eq!(
            validate(&more, &old)[0].to_string(),
            "spec.containers: Forbidden: pod updates may not add or remove containers"
        );
    }

    #[test]
    fn a_pod_that_waits_for_its_gates_only_becomes_choosier() {
        let affinity = |terms: Value| json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
        let (a, b) = (json!({"key": "a"}), json!({"key": "b"}));
        let pod = |selector: Value, affinity: Value| json!({"spec": {"schedulingGates": [{"name": "g"}], "nodeSelector": selector, "affinity": affinity}});
        let old = pod(json!({"x": "y"}), affinity(json!([{"matchExpressions": [a]}])));
        let more = affinity(json!([{"matchExpressions": [a, b]}]));
        let mut apart = more.clone();
        apart["podAffinity"] = json!({"x": 1});
        for (new, fault) in [
            (pod(json!({"x": "y", "z": "z"}), more.clone()), ""),
            (
                pod(json!({"x": "z"}), more.clone()),
                "spec.nodeSelector: Invalid value: {\"x\":\"z\"}: only additions to",
            ),
            (pod(json!({"x": "y"}), affinity(json!([{"matchExpressions": [b, a]}]))), "only additions are allowed"),
            (pod(json!({"x": "y"}), affinity(json!([]))), "no additions/deletions to non-empty NodeSelectorTerms"),
            (pod(json!({"x": "y"}), Value::Null), "no additions/deletions to non-empty NodeSelectorTerms"),
            (pod(json!({"x": "y"}), apart), "spec: Forbidden: pod updates may not change fields other than"),
        ] {
            let faults = validate(&new, &old).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{new}: {faults}");
        }
        let free = pod(Value::Null, Value::Null);
        assert_eq!(validate(&pod(json!({"x": "y"}), more), &free), vec![]);
    }
}
