//! Removes pods nobody else will: of nodes that are gone, terminating without a node, and finished ones beyond a limit.

use crate::node_lifecycle::is_ready;
use crate::prelude::*;

const FINISHED: &str = "finished";
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// How long a node must be missing before its pods are given up.
const QUARANTINE: Duration = Duration::from_secs(40);

pub(crate) fn runner(context: &Context) -> Runner<PodGc> {
    let client = context.client.clone();
    let (nodes, pods) = context.caches();
    let controller = PodGc { client, limit: context.options.terminated_pods, nodes, pods };
    index::by_node(&controller.pods);
    let finished = |pod: &Pod| if pods::is_finished(pod) { vec![String::new()] } else { Vec::new() };
    controller.pods.add_index(FINISHED, finished);
    Runner::new(controller).on_each(|c| &c.pods).on(
        |c| &c.nodes,
        |c, change| {
            let node = change.unless(|old, new| is_out_of_service(old) == is_out_of_service(new));
            node.map_or_else(Vec::new, |node| meta::keys(&c.pods.by_index(BY_NODE, node.name())))
        },
    )
}

pub(crate) struct PodGc {
    client: Client,
    limit: usize,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
}

fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    !is_ready(node) && taints.is_some_and(|taints| taints.iter().any(|taint| taint.key == OUT_OF_SERVICE))
}

/// Why a pod is removed.
#[derive(Debug, PartialEq, Eq)]
enum Reason {
    Orphaned,
    Unscheduled,
    OutOfService,
    TooMany,
}

impl Reason {
    fn message(&self) -> Option<&'static str> {
        match self {
            Self::Orphaned => Some("PodGC: node no longer exists"),
            Self::OutOfService => Some("PodGC: node is out of service"),
            Self::Unscheduled | Self::TooMany => None,
        }
    }
}

/// `older` is how many finished pods are newer than this one, when it is finished.
fn judge(pod: &Pod, node: Option<&Node>, newer: usize, limit: usize) -> Option<Reason> {
    match node {
        None if pods::node(pod).is_empty() && pod.is_deleting() => Some(Reason::Unscheduled),
        None if !pods::node(pod).is_empty() => Some(Reason::Orphaned),
        Some(node) if pod.is_deleting() && is_out_of_service(node) => Some(Reason::OutOfService),
        _ if limit > 0 && pods::is_finished(pod) && newer >= limit => Some(Reason::TooMany),
        _ => None,
    }
}

impl Controller for PodGc {
    const NAME: &'static str = "pod-garbage-collector";

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(pod) = self.pods.get(key) else { return Ok(None) };
        let node = self.nodes.get(&ObjectKey::new("", pods::node(&pod)));
        let Some(reason) = judge(&pod, node.as_deref(), self.newer(&pod), self.limit) else { return Ok(None) };
        if reason == Reason::Orphaned {
            if let Some(left) =
                pod.metadata.creation_timestamp.as_ref().and_then(|t| meta::left(t, QUARANTINE, &meta::now()))
            {
                return Ok(Some(left));
            }
            if ignore_gone(self.client.get::<Node>("", pods::node(&pod)).await)?.is_some() {
                return Ok(Some(QUARANTINE));
            }
        }
        ignore_gone(self.remove(&pod, &reason).await)?;
        Ok(None)
    }
}

impl PodGc {
    /// How many finished pods ended after this one.
    fn newer(&self, pod: &Pod) -> usize {
        if !pods::is_finished(pod) {
            return 0;
        }
        let finished = self.pods.by_index(FINISHED, "");
        if finished.len() <= self.limit {
            return 0;
        }
        finished.iter().filter(|other| other.created() > pod.created()).count()
    }

    async fn remove(&self, pod: &Pod, reason: &Reason) -> Result<(), cluster_client::Error> {
        tracing::info!(pod = pod.name(), namespace = pod.namespace(), ?reason, "removing a pod");
        if let Some(message) = reason.message().filter(|_| !pods::is_finished(pod)) {
            let mut failed = pod.clone();
            let status = failed.status.get_or_insert_default();
            status.phase = Some("Failed".to_owned());
            let mut target = PodCondition::build("DisruptionTarget", "True", "DeletionByPodGC", message.to_owned());
            target.observed_generation = pod.metadata.generation;
            conditions::set(&mut status.conditions, target);
            self.client.update_status(&failed).await?;
        }
        let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        self.client.delete_this(pod, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;
    use serde_json::json;

    #[test]
    fn only_pods_nobody_else_removes_are_removed() {
        let node = |ready: &str, taint: &str| -> Node {
            serde_json::from_value(
                json!({"metadata": {"name": "n"}, "spec": {"taints": [{"key": taint, "effect": "NoExecute"}]},
                "status": {"conditions": [{"type": "Ready", "status": ready}]}}),
            )
            .expect("a node")
        };
        let (fine, dead) = (node("True", "x"), node("Unknown", OUT_OF_SERVICE));
        let cases = [
            ("n", false, "Running", Some(&fine), 0, None),
            ("n", false, "Running", None, 0, Some(Reason::Orphaned)),
            ("", false, "Pending", None, 0, None),
            ("", true, "Pending", None, 0, Some(Reason::Unscheduled)),
            ("n", true, "Running", Some(&fine), 0, None),
            ("n", true, "Running", Some(&dead), 0, Some(Reason::OutOfService)),
            ("n", false, "Running", Some(&dead), 0, None),
            ("n", false, "Succeeded", Some(&fine), 2, None),
            ("n", false, "Succeeded", Some(&fine), 3, Some(Reason::TooMany)),
        ];
        for (on, deleting, phase, node, newer, expected) in cases {
            let deleted = deleting.then_some("2026-01-01T00:00:00Z");
            let pod = pod(json!({"metadata": {"name": "p", "deletionTimestamp": deleted},
                "spec": {"nodeName": on, "containers": []}, "status": {"phase": phase}}));
            assert_eq!(judge(&pod, node, newer, 3), expected, "{on} {deleting} {phase} {newer}");
        }
    }
}
