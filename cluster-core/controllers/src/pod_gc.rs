//! Removes pods nobody else will: of nodes that are gone, terminating without a node, and finished ones beyond a limit.

use crate::conditions::{self, Condition};
use crate::meta::{created, is_deleting};
use crate::node_lifecycle::{index_by_node, is_ready};
use crate::pods::{self, BY_NODE};
use crate::runner::{Controller, Runner};
use crate::{Context, Error, meta};
use async_trait::async_trait;
use cluster_client::{Change, Client, DeleteOptions, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use std::time::Duration;

const FINISHED: &str = "finished";
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// How long a node must be missing before its pods are given up.
const QUARANTINE: Duration = Duration::from_secs(40);

pub(crate) async fn run(context: Context) {
    let (nodes, pods) = (context.informers.informer::<Node>(), context.informers.informer::<Pod>());
    index_by_node(&pods);
    pods.add_index(FINISHED, |pod| if pods::is_finished(pod) { vec![String::new()] } else { Vec::new() });
    let limit = context.options.terminated_pods;
    let controller = PodGc { client: context.client.clone(), limit, nodes: nodes.clone(), pods: pods.clone() };
    let on_node = pods.clone();
    Runner::new(controller)
        .on_each(&pods)
        .on(&nodes, move |change| match change {
            Change::Updated { old, new } if is_out_of_service(old) == is_out_of_service(new) => Vec::new(),
            change => {
                let pods = on_node.by_index(BY_NODE, meta::name(change.object().as_ref()));
                pods.iter().map(|pod| ObjectKey::of(pod.as_ref())).collect()
            }
        })
        .run(context.cancel)
        .await;
}

struct PodGc {
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
        None if pods::node(pod).is_empty() && is_deleting(pod) => Some(Reason::Unscheduled),
        None if !pods::node(pod).is_empty() => Some(Reason::Orphaned),
        Some(node) if is_deleting(pod) && is_out_of_service(node) => Some(Reason::OutOfService),
        _ if limit > 0 && pods::is_finished(pod) && newer >= limit => Some(Reason::TooMany),
        _ => None,
    }
}

#[async_trait]
impl Controller for PodGc {
    const NAME: &'static str = "pod-garbage-collector";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(pod) = self.pods.get(key) else { return Ok(None) };
        let node = self.nodes.get(&ObjectKey::new("", pods::node(&pod)));
        let Some(reason) = judge(&pod, node.as_deref(), self.newer(&pod), self.limit) else { return Ok(None) };
        if reason == Reason::Orphaned {
            if let Some(left) =
                pod.metadata.creation_timestamp.as_ref().and_then(|t| meta::left(t, QUARANTINE, &meta::now()))
            {
                return Ok(Some(left));
            }
            match self.client.get::<Node>("", pods::node(&pod)).await {
                Ok(_) => return Ok(Some(QUARANTINE)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.remove(&pod, &reason).await {
            Err(Error::Client(error)) if error.is_not_found() => Ok(None),
            other => other.map(|()| None),
        }
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
        finished.iter().filter(|other| created(other.as_ref()) > created(pod)).count()
    }

    async fn remove(&self, pod: &Pod, reason: &Reason) -> Result<(), Error> {
        tracing::info!(pod = meta::name(pod), namespace = meta::namespace(pod), ?reason, "removing a pod");
        if let Some(message) = reason.message().filter(|_| !pods::is_finished(pod)) {
            let mut failed = pod.clone();
            let status = failed.status.get_or_insert_default();
            status.phase = Some("Failed".to_owned());
            let target = PodCondition::build("DisruptionTarget", "True", "DeletionByPodGC", message.to_owned());
            conditions::set(&mut status.conditions, target);
            self.client.update_status(&failed).await?;
        }
        let uid = pod.metadata.uid.clone();
        let options = DeleteOptions { grace_period_seconds: Some(0), uid, ..DeleteOptions::default() };
        Ok(self.client.delete::<Pod>(meta::namespace(pod), meta::name(pod), &options).await?)
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
