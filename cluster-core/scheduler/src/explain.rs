//! Tells of a pod that waits, node by node, why it does not run there: the scheduler's own rules, asked from outside.

use crate::Chooser;
use crate::choose::{prepare, refusals};
use crate::prelude::*;
use cluster_client::pods::is_finished;
use cluster_client::{Client, Error};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use serde::Serialize;

/// Why a pod is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What holds for the pod as a whole, as its event says it.
    pub summary: String,
    /// The nodes by name.
    pub nodes: Vec<Verdict>,
}

/// What one node says to a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Verdict {
    /// The node.
    pub node: String,
    /// Everything that is against it; nothing when the pod could run there.
    pub reasons: Vec<String>,
}

/// Explains a pod, from what the API server knows now, by the rules of the default profile.
pub async fn explain(client: &Client, namespace: &str, name: &str) -> Result<Explanation, Error> {
    let pod = PodInfo::new(Arc::new(client.get::<Pod>(namespace, name).await?));
    let settled = pod.node_name().map(|node| format!("It has a node: {node}."));
    let gated = || "Scheduling is blocked due to non-empty scheduling gates".to_owned();
    if let Some(summary) = settled.or_else(|| pod.is_gated().then(gated)) {
        return Ok(Explanation { summary, nodes: Vec::new() });
    }
    Ok(judge(&picture(client).await?, &pod))
}

/// Every object that decisions look at. Those which only spread pods are left out: they forbid nothing.
async fn picture(client: &Client) -> Result<Cluster, Error> {
    let mut cluster = Cluster::new();
    for node in client.list::<Node>("", "").await? {
        cluster.set_node(&node);
    }
    for pod in client.list::<Pod>("", "").await? {
        let info = Arc::new(PodInfo::new(Arc::new(pod)));
        if let Some(node) = info.node_name().filter(|_| !is_finished(&info.pod)) {
            cluster.place(info.clone(), node, false);
        }
    }
    let objects = &mut cluster.objects;
    for namespace in client.list::<Namespace>("", "").await? {
        let meta = namespace.metadata;
        objects.namespaces.insert(meta.name.unwrap_or_default(), meta.labels.unwrap_or_default());
    }
    let claims = client.list::<PersistentVolumeClaim>("", "").await?.into_iter();
    objects.claims = claims.map(|claim| (claim.key(), Arc::new(claim))).collect();
    objects.volumes = by_name(client.list::<PersistentVolume>("", "").await?);
    objects.storage_classes = by_name(client.list::<StorageClass>("", "").await?);
    objects.drivers = by_name(client.list::<CSINode>("", "").await?);
    cluster.settle();
    Ok(cluster)
}

fn by_name<K: Object>(objects: Vec<K>) -> HashMap<String, Arc<K>> {
    objects.into_iter().map(|object| (object.name().to_owned(), Arc::new(object))).collect()
}

/// Asks every filter about every node, where a decision stops at the first that refuses.
fn judge(cluster: &Cluster, pod: &PodInfo) -> Explanation {
    let settings = Settings::default();
    let profile = settings.profile(pod.scheduler_name()).unwrap_or(&settings.profiles[0]);
    let cycle = Cycle { pod, cluster, profile };
    let summary = match Chooser::new(1).choose(cluster, profile, pod) {
        Ok(node) => format!("It fits; the scheduler would choose {}.", cluster.node(node).name()),
        Err(diagnosis) => diagnosis.to_string(),
    };
    let prepared = prepare(&cycle);
    let verdict = |node: &NodeInfo| {
        let reasons = match &prepared {
            Ok(filters) => words(&refusals(filters, node)),
            Err((_, refusal)) => words(std::slice::from_ref(refusal)),
        };
        Verdict { node: node.name().to_owned(), reasons }
    };
    let mut nodes: Vec<Verdict> = cluster.order().iter().map(|id| verdict(cluster.node(*id))).collect();
    nodes.sort();
    Explanation { summary, nodes }
}

/// The reasons without what events put before them, where nodes are counted and here is one.
fn words(refusals: &[Refusal]) -> Vec<String> {
    let reasons = refusals.iter().flat_map(|refusal| &refusal.reasons);
    reasons.map(|reason| reason.strip_prefix("node(s) ").unwrap_or(reason).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{cluster, node, pod, requests};
    use serde_json::json;

    #[test]
    fn each_node_is_told_with_everything_that_is_against_it() {
        let taints = json!({"spec": {"unschedulable": true, "taints": [{"key": "k", "effect": "NoSchedule"}]}});
        let small = json!({"status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "9"}}});
        let cluster = cluster(&[node("closed", taints), node("free", json!({})), node("small", small)]);
        let explained = |cpu: &str| judge(&cluster, &pod("p", requests(cpu, "2Gi")));
        let fits = explained("2");
        assert_eq!(fits.summary, "It fits; the scheduler would choose free.");
        assert_eq!(fits.nodes[1], Verdict { node: "free".to_owned(), reasons: vec![] });
        let nowhere = explained("5");
        let text = "0/3 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable, 2 Insufficient cpu.";
        assert_eq!(nowhere.summary, text);
        let told: Vec<String> = nowhere.nodes.iter().map(|v| format!("{}: {}", v.node, v.reasons.join("; "))).collect();
        let expected = [
            "closed: were unschedulable; had untolerated taint(s); Insufficient cpu",
            "free: Insufficient cpu",
            "small: Insufficient cpu; Insufficient memory",
        ];
        assert_eq!(told, expected);
    }
}
