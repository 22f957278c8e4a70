//! Which pod must go when the node runs short of something, and which has written more than it may. Pure; messages are
//! upstream's eviction manager's.

use super::admit::is_critical;
use crate::node::Supply;
use crate::prelude::*;
use crate::spec::qos::{container_request, parse, request};
use cluster_object::quantity::Quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::fmt::Write;

/// A running pod with what it uses of a resource that the node is short of.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) pod: Arc<Pod>,
    /// What each of its containers uses, where they are told of it.
    pub(crate) containers: BTreeMap<String, i64>,
    /// What it uses beside.
    pub(crate) beside: i64,
}

/// The pod to end: one that uses more than it asked for before one that does not, then the one of the lowest priority,
/// then the one furthest above its request. The cluster's own pods stay.
pub(crate) fn choose<'a>(candidates: &'a [Candidate], resource: &str) -> Option<&'a Candidate> {
    let priority = |c: &Candidate| c.pod.spec.as_ref().and_then(|s| s.priority).unwrap_or_default();
    let asked = |c: &Candidate| c.pod.spec.as_ref().map_or(0, |spec| request(spec, resource).value());
    let excess = |c: &Candidate| c.containers.values().sum::<i64>() + c.beside - asked(c);
    let movable = candidates.iter().filter(|c| !is_critical(&c.pod));
    movable.max_by_key(|c| (excess(c) > 0, std::cmp::Reverse(priority(c)), excess(c)))
}

/// What an evicted pod is told.
pub(crate) fn message(chosen: &Candidate, short: &Supply) -> String {
    let Supply { resource, least, available, .. } = short;
    let bytes = |bytes: i64| Quantity::binary(bytes).to_string();
    let text = |amount: i64| if matches!(*resource, "inodes" | "pids") { amount.to_string() } else { bytes(amount) };
    let (least, available) = (text(*least), text(*available));
    let mut message =
        format!("The node was low on resource: {resource}. Threshold quantity: {least}, available: {available}. ");
    for (name, used) in &chosen.containers {
        let asked = chosen.pod.spec.as_ref().map_or(0, |s| container_request(s, name, resource));
        if *used > asked {
            let (used, asked) = (text(*used), if asked == 0 { "0".to_owned() } else { text(asked) });
            // Writing to a String cannot fail.
            write!(
                message,
                "Container {name} was using {used}, request is {asked}, has larger consumption of {resource}. "
            )
            .ok();
        }
    }
    message
}

/// Whether a pod says how much it may write, so that somebody must look.
pub(crate) fn limits_storage(spec: &PodSpec) -> bool {
    let volumes = spec.volumes.iter().flatten().filter_map(|v| v.empty_dir.as_ref());
    volumes.into_iter().any(|e| e.size_limit.is_some() && e.medium.as_deref() != Some("Memory"))
        || spec.containers.iter().any(|c| storage_limit(c).is_some())
}

/// What a container may write, if it says so.
fn storage_limit(container: &Container) -> Option<&Text> {
    container.resources.as_ref()?.limits.as_ref()?.get("ephemeral-storage")
}

/// Why a pod has written too much, given the bytes of its emptyDir volumes and of its containers' own layers.
pub(crate) fn for_storage(
    spec: &PodSpec,
    volumes: &BTreeMap<String, i64>,
    layers: &BTreeMap<String, i64>,
) -> Option<String> {
    for volume in spec.volumes.iter().flatten() {
        let Some(limit) = volume.empty_dir.as_ref().and_then(|e| e.size_limit.as_ref()) else { continue };
        let bytes = parse(limit).map_or(i64::MAX, Quantity::value);
        if volumes.get(&volume.name).is_some_and(|used| *used > bytes) {
            return Some(format!("Usage of EmptyDir volume {:?} exceeds the limit {:?}. ", volume.name, limit.0));
        }
    }
    let limit = |c| storage_limit(c).and_then(|text| Some((parse(text)?.value(), &text.0)));
    let limits: Vec<_> = spec.containers.iter().filter_map(|c| Some((c, limit(c)?))).collect();
    for (container, (bytes, text)) in &limits {
        if layers.get(&container.name).is_some_and(|used| used > bytes) {
            let name = &container.name;
            return Some(format!("Container {name} exceeded its local ephemeral storage limit {text:?}. "));
        }
    }
    let total: i64 = limits.iter().map(|(_, (bytes, _))| bytes).sum();
    let used: i64 = volumes.values().chain(layers.values()).sum();
    let all_limited = !limits.is_empty() && limits.len() == spec.containers.len();
    (all_limited && used > total).then(|| {
        let total = Quantity::binary(total);
        format!("Pod ephemeral local storage usage exceeds the total limit of containers {total}. ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn candidate(name: &str, priority: i32, request: &str, used: i64) -> Candidate {
        let pod = json!({"metadata": {"name": name}, "spec": {"priority": priority, "containers": [
            {"name": "c", "resources": {"requests": {"memory": request, "ephemeral-storage": request}}}]}});
        let pod = Arc::new(serde_json::from_value(pod).expect("a pod"));
        Candidate { pod, containers: [("c".to_owned(), used)].into(), beside: 0 }
    }

    #[test]
    fn the_pod_that_took_what_it_did_not_ask_for_goes_first() {
        let modest = || candidate("modest", 0, "100Mi", 90 << 20);
        let greedy = || candidate("greedy", 0, "10Mi", 30 << 20);
        let important = || candidate("important", 1000, "0", 500 << 20);
        let greedier = || candidate("greedier", 0, "0", 200 << 20);
        let system = || candidate("system", 2_000_000_000, "0", 900 << 20);
        let cases = [
            (vec![modest(), greedy()], Some("greedy")),
            (vec![greedy(), important()], Some("greedy")),
            (vec![modest(), important()], Some("important")),
            (vec![greedy(), greedier(), system()], Some("greedier")),
            (vec![system()], None),
            (vec![modest()], Some("modest")),
        ];
        for (candidates, expected) in cases {
            for resource in ["memory", "ephemeral-storage"] {
                let chosen = choose(&candidates, resource).and_then(|c| c.pod.metadata.name.as_deref());
                assert_eq!(chosen, expected);
            }
        }
        let full = Candidate { beside: 100 << 20, ..modest() };
        assert_eq!(choose(&[greedy(), full], "memory").map(|c| c.pod.name()), Some("modest"), "volumes count");
    }

    #[test]
    fn the_message_names_the_shortage_and_who_caused_it() {
        let chosen = candidate("p", 0, "10Mi", 30 << 20);
        let short = |resource, available| Supply { resource, condition: 0, least: 100 << 20, available };
        let expected = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. \
            Container c was using 30Mi, request is 10Mi, has larger consumption of memory. ";
        assert_eq!(message(&chosen, &short("memory", 50 << 20)), expected);
        let expected = expected.replace("memory", "ephemeral-storage");
        assert_eq!(message(&chosen, &short("ephemeral-storage", 50 << 20)), expected);
        let crowd = Candidate { containers: BTreeMap::new(), beside: 900, ..chosen };
        let expected = "The node was low on resource: pids. Threshold quantity: 104857600, available: 7. ";
        assert_eq!(message(&crowd, &short("pids", 7)), expected);
    }

    #[test]
    fn what_is_written_beyond_a_limit_is_found() {
        let spec: PodSpec = serde_json::from_value(json!({
            "containers": [
                {"name": "a", "resources": {"limits": {"ephemeral-storage": "1Ki"}}},
                {"name": "b", "resources": {"limits": {"ephemeral-storage": "1Ki"}}}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "3Ki"}}],
        }))
        .expect("a pod spec");
        assert!(limits_storage(&spec));
        let sizes = |value: Value| serde_json::from_value::<BTreeMap<String, i64>>(value).expect("sizes");
        let cases = [
            (json!({"v": 100}), json!({"a": 1024, "b": 100}), None),
            (json!({"v": 3073}), json!({}), Some("EmptyDir volume \"v\" exceeds the limit \"3Ki\"")),
            (json!({}), json!({"b": 1025}), Some("Container b exceeded its local ephemeral storage limit \"1Ki\"")),
            (json!({"v": 2000}), json!({"a": 100}), Some("exceeds the total limit of containers 2Ki")),
        ];
        for (volumes, layers, expected) in cases {
            let got = for_storage(&spec, &sizes(volumes), &sizes(layers));
            assert_eq!(got.is_some(), expected.is_some(), "{got:?}");
            assert!(expected.is_none_or(|part| got.as_ref().is_some_and(|m| m.contains(part))), "{got:?}");
        }
    }
}
