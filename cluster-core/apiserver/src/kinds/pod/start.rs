//! What a new pod gets beside its defaults.

use crate::kinds::prelude::*;
use cluster_object::pod::qos_class_of;

/// Gives a new pod its status, and its terms of affinity and spreading the labels that they name of the pod itself.
pub(super) fn start(pod: &mut Value) {
    let mut status = json!({"phase": "Pending", "qosClass": qos_class_of(&pod["spec"])});
    if !is_empty(&pod["spec"]["schedulingGates"]) {
        status["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates", "lastProbeTime": null,
            "lastTransitionTime": meta::now()}]);
    }
    pod["status"] = status;
    if is_empty(&pod["spec"]["affinity"]) && is_empty(&pod["spec"]["topologySpreadConstraints"]) {
        return;
    }
    let labels = pod["metadata"]["labels"].clone();
    let Some(spec) = child(pod, "spec") else { return };
    each(spec, "topologySpreadConstraints").for_each(|constraint| select(constraint, &labels));
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = at(spec, &format!("affinity.{kind}")) else { continue };
        each(affinity, "requiredDuringSchedulingIgnoredDuringExecution").for_each(|term| select(term, &labels));
        let preferred = each(affinity, "preferredDuringSchedulingIgnoredDuringExecution");
        preferred.filter_map(|term| child(term, "podAffinityTerm")).for_each(|term| select(term, &labels));
    }
}

/// Makes requirements of the selector out of the keys that are to match, or not to, what the pod has there.
fn select(term: &mut Value, labels: &Value) {
    let mut requirements = Vec::new();
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        let keys = texts(&term[field]).filter_map(|key| Some((key, labels.get(key)?)));
        requirements.extend(keys.map(|(key, value)| json!({"key": key, "operator": operator, "values": [value]})));
    }
    if let Some(selector) = child(term, "labelSelector").filter(|_| !requirements.is_empty()) {
        let given = items(&selector["matchExpressions"]);
        selector["matchExpressions"] = [given, &requirements].concat().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_with_gates_says_from_the_start_why_it_waits() {
        let mut pod = json!({"spec": {"schedulingGates": [{"name": "a"}]}});
        start(&mut pod);
        assert_eq!(pod["status"]["conditions"][0]["reason"], "SchedulingGated");
        assert_eq!(pod["status"]["phase"], "Pending");
        let mut free = json!({"spec": {}});
        start(&mut free);
        assert_eq!(free["status"]["conditions"], Value::Null);
    }

    #[test]
    fn terms_select_by_the_labels_of_the_pod_that_they_name() {
        let term = || json!({"labelSelector": {"matchLabels": {"app": "a"}}, "matchLabelKeys": ["hash", "none"], "mismatchLabelKeys": ["tenant"]});
        let mut open = term();
        meta::remove(&mut open, "labelSelector");
        let mut pod = json!({"metadata": {"labels": {"hash": "1", "tenant": "t"}}, "spec": {
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(), open]},
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": term()}]}},
            "topologySpreadConstraints": [term()]}});
        start(&mut pod);
        let spec = &pod["spec"];
        let required = &spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let preferred = &spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
        let expected = json!([{"key": "hash", "operator": "In", "values": ["1"]},
            {"key": "tenant", "operator": "NotIn", "values": ["t"]}]);
        for term in [&required[0], &preferred[0]["podAffinityTerm"], &spec["topologySpreadConstraints"][0]] {
            assert_eq!(term["labelSelector"]["matchExpressions"], expected);
        }
        assert_eq!(required[1]["labelSelector"], Value::Null, "no selector selects nothing");
    }
}
