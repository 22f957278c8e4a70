//! The scheduler as a whole, and pods and nodes for all tests, made from JSON.

mod e2e;
mod property;

use crate::model::{Cluster, NodeId, PodInfo};
use crate::profile::Profile;
use crate::{Chooser, Diagnosis};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use std::sync::Arc;

/// Overlays `patch` on `base`, field by field.
fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch,
    }
}

/// A node with 4 CPUs, 8 GiB and room for 110 pods, changed by `patch`.
pub(crate) fn node(name: &str, patch: Value) -> Node {
    let mut node = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    });
    merge(&mut node, patch);
    serde_json::from_value(node).expect("a node")
}

/// A pod `ns/name` with one container, changed by `patch`.
pub(crate) fn pod(name: &str, patch: Value) -> Arc<PodInfo> {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "ns", "uid": format!("uid-{name}")},
        "spec": {"schedulerName": "default-scheduler", "containers": [{"name": "c", "image": "app"}]},
    });
    merge(&mut pod, patch);
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    Arc::new(PodInfo::new(Arc::new(pod)))
}

/// The spec of a pod that requests this much.
pub(crate) fn requests(cpu: &str, memory: &str) -> Value {
    json!({"spec": {"containers": [
        {"name": "c", "image": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}},
    ]}})
}

/// A cluster of these nodes.
pub(crate) fn cluster(nodes: &[Node]) -> Cluster {
    let mut cluster = Cluster::new();
    for node in nodes {
        cluster.set_node(node);
    }
    cluster.settle();
    cluster
}

/// The names of all nodes the pod can run on, in the order of their names.
pub(crate) fn feasible(cluster: &Cluster, pod: &PodInfo) -> Vec<String> {
    let cycle = crate::plugins::Cycle { pod, cluster, profile: &Profile::default() };
    let Ok(filters) = crate::choose::prepare(&cycle) else { return Vec::new() };
    let fits = |id: &&NodeId| crate::choose::check(&cycle, &filters, cluster.node(**id)).is_ok();
    let mut names: Vec<String> =
        cluster.order().iter().filter(fits).map(|id| cluster.node(*id).name().into()).collect();
    names.sort();
    names
}

/// The node chosen for a pod.
pub(crate) fn chosen(cluster: &Cluster, pod: &PodInfo) -> Result<String, Diagnosis> {
    Chooser::new(1).choose(cluster, &Profile::default(), pod).map(|id| cluster.node(id).name().to_owned())
}
