//! Removes pods nobody else will: of nodes that are gone, terminating without a node, and finished ones beyond a limit.

use crate::node_lifecycle::is_ready;
use crate::prelude::*;

const FINISHED: &str = "finished";
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// How long a node must be missing before its pods are given up.
const QUARANTINE: Duration = Duration::from_secs(40);
/// After this a disruption that was announced did not happen.
const MARKED_FOR: Duration = Duration::from_mins(2);

pub(crate) fn runner(context: &Context) -> Runner<PodGc> {
    let client = context.client.clone();
    let (nodes, pods) = context.caches();
    let controller =
        Arc::new(PodGc { client, limit: context.options.terminated_pods, nodes, pods, missing: Mutex::default() });
    index::by_node(&controller.pods);
    let finished = |pod: &Pod| if is_finished(pod) { vec![String::new()] } else { Vec::new() };
    controller.pods.add_index(FINISHED, finished);
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.pods, |c, change| c.of_pod(change.object()))
        .on(&controller.nodes, |c, change| {
            let node = change.unless(|old, new| is_out_of_service(old) == is_out_of_service(new));
            node.map_or_else(Vec::new, |node| {
                let mut keys = meta::keys(&c.pods.by_index(BY_NODE, node.name()));
                keys.push(node.key());
                keys
            })
        })
}

/// Its keys are those of pods that may have to go, of nodes (without a namespace) whose pods may, and one without any
/// name for the finished pods together.
pub(crate) struct PodGc {
    client: Client,
    limit: usize,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
    /// Since when nodes that have pods are missing.
    missing: Mutex<HashMap<String, Instant>>,
}

fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    !is_ready(node) && taints.is_some_and(|taints| taints.iter().any(|taint| taint.key == OUT_OF_SERVICE))
}

/// Why a terminating pod is removed at once: the message of its condition, which is empty for none.
fn judge(pod: &Pod, node: Option<&Node>) -> Option<&'static str> {
    match node {
        None if pods::node(pod).is_empty() && pod.is_deleting() => Some(""),
        Some(node) if pod.is_deleting() && is_out_of_service(node) => Some("PodGC: node is out of service"),
        _ => None,
    }
}

/// The finished pods beyond the limit, in no order.
fn surplus(mut finished: Vec<Arc<Pod>>, limit: usize) -> Vec<Arc<Pod>> {
    let count = if limit == 0 { 0 } else { finished.len().saturating_sub(limit) };
    if count > 0 {
        finished.select_nth_unstable_by(count - 1, |a, b| turn(a).cmp(&turn(b)));
    }
    finished.truncate(count);
    finished
}

/// Evicted ones go first, since nobody counts them, then the oldest.
fn turn(pod: &Pod) -> (bool, i128, &str) {
    let reason = pod.status.as_ref().and_then(|status| status.reason.as_deref());
    (phase(pod) != "Failed" || reason != Some("Evicted"), pod.created(), pod.name())
}

/// Since when a pod bears the mark of a disruption that did not come. What a kubelet ends may take its time.
fn marked_in_vain(pod: &Pod) -> Option<&Time> {
    let mark = pods::holding(pod, "DisruptionTarget").filter(|_| is_active(pod))?;
    mark.last_transition_time.as_ref().filter(|_| mark.reason() != "TerminationByKubelet")
}

impl PodGc {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        if key.name.is_empty() {
            let surplus = surplus(self.pods.by_index(FINISHED, ""), self.limit);
            return self.remove_all(&surplus, "").await.map(|()| None);
        }
        if key.namespace.is_empty() {
            return self.give_up(key).await;
        }
        let Some(pod) = self.pods.get(key) else { return Ok(None) };
        let node = self.nodes.get(&ObjectKey::new("", pods::node(&pod)));
        if let Some(why) = judge(&pod, node.as_deref()) {
            return self.remove_all(&[pod], why).await.map(|()| None);
        }
        let Some(since) = marked_in_vain(&pod) else { return Ok(None) };
        if let Some(left) = meta::left(since, MARKED_FOR, &meta::now()) {
            return Ok(Some(left));
        }
        let mut cleared = (*pod).clone();
        let spared = PodCondition::build("DisruptionTarget", "False", "", String::new());
        conditions::set(&mut cleared.status.get_or_insert_default().conditions, spared);
        ignore_gone(self.client.update_status(&cleared).await).map(|_| None)
    }

    /// What a change of a pod makes look at.
    fn of_pod(&self, pod: &Pod) -> Vec<ObjectKey> {
        let node = ObjectKey::new("", pods::node(pod));
        let is_missing = !node.name.is_empty() && self.nodes.get(&node).is_none();
        let keys = [
            (pod.is_deleting() || marked_in_vain(pod).is_some()).then(|| pod.key()),
            is_missing.then_some(node),
            is_finished(pod).then(|| ObjectKey::new("", "")),
        ];
        keys.into_iter().flatten().collect()
    }

    /// Removes the pods of a node that has been missing for long.
    async fn give_up(&self, node: &ObjectKey) -> Outcome {
        let pods = self.pods.by_index(BY_NODE, &node.name);
        if pods.is_empty() || self.nodes.get(node).is_some() {
            self.missing.lock().remove(&*node.name);
            return Ok(None);
        }
        let since = *self.missing.lock().entry(node.name.to_string()).or_insert_with(Instant::now);
        if let Some(left) = QUARANTINE.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
            return Ok(Some(left));
        }
        if ignore_gone(self.client.get::<Node>("", &node.name).await)?.is_some() {
            return Ok(Some(QUARANTINE));
        }
        self.remove_all(&pods, "PodGC: node no longer exists").await.map(|()| None)
    }

    async fn remove_all(&self, pods: &[Arc<Pod>], why: &str) -> Result<(), Error> {
        let removed = join_all(pods.iter().map(|pod| async move { ignore_gone(self.remove(pod, why).await) })).await;
        removed.into_iter().try_for_each(|removed| removed.map(drop))
    }

    /// No kubelet says any more of a pod that has not ended how it did.
    async fn remove(&self, pod: &Pod, why: &str) -> Result<(), cluster_client::Error> {
        tracing::info!(pod = pod.name(), namespace = pod.namespace(), why, "removing a pod");
        if !is_finished(pod) {
            let mut failed = if why.is_empty() { pod.clone() } else { pods::disrupted(pod, "DeletionByPodGC", why) };
            failed.status.get_or_insert_default().phase = Some("Failed".to_owned());
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
    use cluster_fake_server::FakeServer;

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
            ("n", false, Some(&fine), None),
            ("n", false, None, None),
            ("", false, None, None),
            ("", true, None, Some("")),
            ("n", true, Some(&fine), None),
            ("n", true, Some(&dead), Some("PodGC: node is out of service")),
            ("n", false, Some(&dead), None),
        ];
        for (on, deleting, node, expected) in cases {
            let deleted = deleting.then_some("2026-01-01T00:00:00Z");
            let pod = pod(json!({"metadata": {"name": "p", "deletionTimestamp": deleted},
                "spec": {"nodeName": on, "containers": []}}));
            assert_eq!(judge(&pod, node), expected, "{on} {deleting}");
        }
    }

    #[test]
    fn of_too_many_finished_pods_evicted_ones_go_first_then_the_oldest() {
        let made = |name: &str, second: u32, reason: &str| {
            pod(json!({"metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:0{second}Z")},
                "status": {"phase": "Failed", "reason": reason}}))
        };
        let pods = [made("new", 3, ""), made("b", 1, ""), made("evicted", 9, "Evicted"), made("a", 1, "")];
        for (limit, expected) in [(0, ""), (9, ""), (4, ""), (3, "evicted"), (2, "evicted a"), (1, "evicted a b")] {
            let mut gone = surplus(pods.to_vec(), limit);
            gone.sort_by(|a, b| turn(a).cmp(&turn(b)));
            let names: Vec<_> = gone.iter().map(|pod| pod.name()).collect();
            assert_eq!(names.join(" "), expected, "{limit}");
        }
    }

    #[test]
    fn only_who_lives_on_was_marked_in_vain() {
        let mark = |status: &str, reason: &str| {
            json!([{"type": "DisruptionTarget", "status": status, "reason": reason,
                "lastTransitionTime": "2026-01-01T00:00:00Z"}])
        };
        let cases = [
            (json!([]), "Running", None, false),
            (mark("True", "EvictionByEvictionAPI"), "Running", None, true),
            (mark("True", "EvictionByEvictionAPI"), "Failed", None, false),
            (mark("True", "EvictionByEvictionAPI"), "Running", Some("2026-01-01T00:00:01Z"), false),
            (mark("True", "TerminationByKubelet"), "Running", None, false),
            (mark("False", ""), "Running", None, false),
        ];
        for (conditions, phase, deleted, expected) in cases {
            let pod = pod(json!({"metadata": {"name": "p", "deletionTimestamp": deleted},
                "status": {"phase": phase, "conditions": conditions}}));
            assert_eq!(marked_in_vain(&pod).is_some(), expected, "{conditions} {phase} {deleted:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_finished_pods_go_and_those_of_a_node_only_when_it_stays_away() {
        let server = FakeServer::new();
        let client = server.client();
        let options = crate::Options { terminated_pods: 2, ..crate::Options::default() };
        let context = Context { options, ..Context::of(&client) };
        let pods = context.informers.informer::<Pod>();
        tokio::spawn(runner(&context).run(context.cancel));
        let names = || pods.list().iter().map(|pod| pod.name().to_owned()).collect::<Vec<_>>().join(" ");
        let node: Node = serde_json::from_value(json!({"metadata": {"name": "n"}})).expect("a node");
        client.create(&node).await.expect("created");
        let make = async |name: &str, phase: &str| {
            let made = pod(json!({"metadata": {"name": name, "namespace": "ns"},
                "spec": {"nodeName": "n", "containers": []}, "status": {"phase": phase}}));
            client.create(made.as_ref()).await.expect("created");
            tokio::time::sleep(Duration::from_mins(1)).await;
        };
        for name in ["a", "b", "c", "d"] {
            make(name, "Succeeded").await;
        }
        assert_eq!(names(), "c d");
        make("runs", "Running").await;
        let options = DeleteOptions::default();
        client.delete::<Node>("", "n", &options).await.expect("deleted");
        tokio::time::sleep(QUARANTINE / 2).await;
        client.create(&node).await.expect("it registers anew");
        tokio::time::sleep(QUARANTINE * 2).await;
        assert_eq!(names(), "c d runs");
        client.delete::<Node>("", "n", &options).await.expect("deleted");
        tokio::time::sleep(QUARANTINE * 2).await;
        assert_eq!(names(), "");
    }
}
