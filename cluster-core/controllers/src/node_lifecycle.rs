//! Watches over nodes: one that falls silent becomes unknown, conditions become taints, its pods become not ready.

mod zones;

use crate::prelude::*;
use cluster_client::node_lease;
use k8s_openapi::api::coordination::v1::Lease;
use zones::Limits;

/// Node conditions with the status at which they taint, and the taint.
const TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
];
/// Labels of nodes, and the names they had before, which some selectors still have.
const OLDER_LABELS: [(&str, &str); 2] =
    [("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch")];
/// Says to a kubelet for how many seconds it may keep what it read of ConfigMaps and Secrets.
const TTL: &str = "node.alpha.kubernetes.io/ttl";
/// How long that is, in clusters of at least and at most so many nodes.
const TTLS: [(&str, usize, usize); 5] =
    [("0", 0, 100), ("15", 90, 500), ("30", 450, 1000), ("60", 900, 2000), ("300", 1800, usize::MAX)];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Conditions the kubelet reports, which nobody knows when it is silent.
const REPORTED: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

pub(crate) fn runner(context: &Context) -> Runner<NodeLifecycle> {
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", node_lease::NAMESPACE);
    let (client, recorder) = (context.client.clone(), context.recorder("node-controller"));
    let (nodes, pods) = context.caches();
    let leases = context.informers.watching(WatchScope { path: leases, ..WatchScope::default() });
    let grace = Duration::from_secs(context.options.node_grace_seconds);
    let (health, limits) = (Mutex::default(), Limits::default());
    let controller = Arc::new(NodeLifecycle { client, recorder, grace, nodes, leases, pods, health, limits });
    index::by_node(&controller.pods);
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.nodes)
        .on(&controller.leases, |_, change| Some(ObjectKey::new("", change.object().name())))
        .on(&controller.pods, |_, change| match change {
            // A pod may still be said to be ready after its node was found silent.
            Change::Updated { new, .. } if pods::is_ready(new) => Some(ObjectKey::new("", pods::node(new))),
            _ => None,
        })
}

pub(crate) struct NodeLifecycle {
    client: Client,
    recorder: Recorder,
    grace: Duration,
    nodes: Informer<Node>,
    leases: Informer<Lease>,
    pods: Informer<Pod>,
    health: Mutex<HashMap<ObjectKey, Health>>,
    limits: Limits,
}

/// The last sign of life: what the lease and the heartbeat said. Only this process's own clock counts.
struct Health {
    node: ObjectReference,
    sign: [Option<Time>; 2],
    seen: Instant,
}

impl NodeLifecycle {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(node) = self.nodes.get(key) else {
            if let Some(Health { node, .. }) = self.health.lock().remove(key) {
                let message = format!("Node {0} event: Removing Node {0} from Controller", key.name);
                self.recorder.normal(&node, "RemovingNode", message);
            }
            return Ok(None);
        };
        let silent = self.silence(key, &node);
        let mut node = (*node).clone();
        if silent >= self.grace && make_unknown(&mut node) {
            node = self.client.update_status(&node).await?;
            let message = format!("Node {} status is now: NodeNotReady", key.name);
            self.recorder.normal(&reference(&node), "NodeNotReady", message);
        }
        let (evicts, waits) = self.eviction(&node);
        let (taints, labels) = (wanted_taints(&node, evicts), wanted_labels(&node));
        let ttl = wanted_ttl(&node, self.nodes.count());
        if taints.is_some() || labels.is_some() || ttl.is_some() {
            let spec = node.spec.get_or_insert_default();
            spec.taints = taints.or(spec.taints.take());
            node.metadata.labels = labels.or(node.metadata.labels);
            let annotations = node.metadata.annotations.get_or_insert_default();
            annotations.extend(ttl.map(|ttl| (TTL.to_owned(), ttl.to_owned())));
            node = self.client.update(&node).await?;
        }
        if !is_ready(&node) {
            self.mark_pods(&key.name).await?;
        }
        // Every sign of life brings the node back; this is for when none comes.
        let silence = self.grace.checked_sub(silent).map(|left| left + Duration::from_millis(50));
        Ok(silence.into_iter().chain(waits).min())
    }

    /// Whether a node that is not ready may lose its pods, and when to ask again.
    fn eviction(&self, node: &Node) -> (bool, Option<Duration>) {
        if is_ready(node) {
            return (true, None);
        }
        let mut taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let evicts = |taint: &Taint| taint.effect == "NoExecute" && TAINTS.iter().any(|(.., key)| *key == taint.key);
        // The cache may not know yet that this one is silent.
        let fresh = |other: Arc<Node>| if other.name() == node.name() { Arc::new(node.clone()) } else { other };
        let nodes: Vec<Arc<Node>> = self.nodes.list().into_iter().map(fresh).collect();
        let pause = self.limits.ask(node, &nodes, taints.any(evicts), Instant::now());
        (pause.is_none(), pause)
    }

    /// For how long the node gave no sign of life.
    fn silence(&self, key: &ObjectKey, node: &Node) -> Duration {
        let lease = self.leases.get(&ObjectKey::new(node_lease::NAMESPACE, &key.name));
        let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref().map(|time| Time(time.0)));
        let sign = [renewed, ready(node).and_then(|ready| ready.last_heartbeat_time.clone())];
        let now = Instant::now();
        let mut health = self.health.lock();
        let known = health.entry(key.clone()).or_insert_with(|| {
            let message = format!("Node {0} event: Registered Node {0} in Controller", key.name);
            self.recorder.normal(&reference(node), "RegisteredNode", message);
            Health { node: reference(node), sign: [None, None], seen: now }
        });
        if known.sign != sign {
            (known.sign, known.seen) = (sign, now);
        }
        now - known.seen
    }

    /// Pods of a node that is not ready are not ready either, whatever they last said.
    async fn mark_pods(&self, node: &str) -> Result<(), Error> {
        for pod in self.pods.by_index(BY_NODE, node).iter().filter(|pod| pods::is_ready(pod)) {
            let mut marked = (**pod).clone();
            let status = marked.status.get_or_insert_default();
            let before = pods::ready_condition(pod).cloned().unwrap_or_default();
            let not_ready =
                PodCondition { status: "False".to_owned(), last_transition_time: Some(meta::now()), ..before };
            conditions::set(&mut status.conditions, not_ready);
            if ignore_gone(self.client.update_status(&marked).await)?.is_some() {
                self.recorder.warning(&reference(&marked), "NodeNotReady", "Node is not ready");
            }
            tracing::debug!(pod = marked.name(), namespace = marked.namespace(), node, "marked not ready");
        }
        Ok(())
    }
}

fn ready(node: &Node) -> Option<&NodeCondition> {
    conditions::get(node.status.as_ref()?.conditions.as_ref(), "Ready")
}

pub(crate) fn is_ready(node: &Node) -> bool {
    ready(node).is_some_and(|ready| ready.status == "True")
}

/// Sets what the kubelet reports to `Unknown`; whether that changed anything.
fn make_unknown(node: &mut Node) -> bool {
    let status = node.status.get_or_insert_default();
    let mut changed = false;
    for kind in REPORTED {
        let (reason, message, heartbeat) = match conditions::get(status.conditions.as_ref(), kind) {
            Some(known) if known.status == "Unknown" => continue,
            Some(known) => {
                ("NodeStatusUnknown", "Kubelet stopped posting node status.", known.last_heartbeat_time.clone())
            }
            None => ("NodeStatusNeverUpdated", "Kubelet never posted node status.", None),
        };
        let condition = NodeCondition::build(kind, "Unknown", reason, message.to_owned());
        conditions::set(&mut status.conditions, NodeCondition { last_heartbeat_time: heartbeat, ..condition });
        changed = true;
    }
    changed
}

/// The labels the node should have, older names included; `None` when it has them.
fn wanted_labels(node: &Node) -> Option<Labels> {
    let labels = node.metadata.labels.as_ref()?;
    let missing = OLDER_LABELS.iter().filter_map(|(name, older)| Some((*older, labels.get(*name)?)));
    let mut missing = missing.filter(|(older, value)| labels.get(*older) != Some(value)).peekable();
    missing.peek()?;
    let missing = missing.map(|(older, value)| (older.to_owned(), value.clone()));
    Some(labels.clone().into_iter().chain(missing).collect())
}

/// What the node should say of kept objects, by how many nodes there are; `None` when that is what it says, or may say on.
fn wanted_ttl(node: &Node, count: usize) -> Option<&'static str> {
    let suits = |(_, least, most): &&(&str, usize, usize)| (*least..=*most).contains(&count);
    let mut suitable = TTLS.iter().filter(suits).map(|(ttl, ..)| *ttl).peekable();
    let first = *suitable.peek()?;
    let said = node.annotation(TTL);
    (!suitable.any(|ttl| said == Some(ttl))).then_some(first)
}

/// The taints the node should have; `None` when it has them. `evicts` says that its pods may be told to go.
fn wanted_taints(node: &Node, evicts: bool) -> Option<Vec<Taint>> {
    let empty = NodeSpec::default();
    let spec = node.spec.as_ref().unwrap_or(&empty);
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for (kind, status, key) in TAINTS {
        if conditions::get(conditions, kind).is_some_and(|condition| condition.status == status) {
            wanted.push((key, "NoSchedule"));
            if kind == "Ready" && evicts {
                wanted.push((key, "NoExecute"));
            }
        }
    }
    if conditions::get(conditions, "Ready").is_none() {
        wanted.push((TAINTS[0].2, "NoSchedule"));
    }
    if spec.unschedulable == Some(true) {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let current = spec.taints.clone().unwrap_or_default();
    let managed = |taint: &Taint| taint.key == UNSCHEDULABLE || TAINTS.iter().any(|(_, _, key)| *key == taint.key);
    let mut taints = current.clone();
    taints.retain(|taint| !managed(taint) || wanted.contains(&(taint.key.as_str(), taint.effect.as_str())));
    for (key, effect) in wanted {
        if !taints.iter().any(|taint| taint.key == key && taint.effect == effect) {
            let (key, effect) = (key.to_owned(), effect.to_owned());
            taints.push(Taint { key, effect, time_added: Some(meta::now()), value: None });
        }
    }
    (taints != current).then_some(taints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node(conditions: Value, taints: Value, unschedulable: bool) -> Node {
        let value = json!({"metadata": {"name": "n"}, "spec": {"taints": taints, "unschedulable": unschedulable},
            "status": {"conditions": conditions}});
        serde_json::from_value(value).expect("a node")
    }

    #[test]
    fn conditions_become_taints() {
        let ready = |status: &str| json!([{"type": "Ready", "status": status}]);
        let own = json!({"key": "own", "effect": "NoSchedule"});
        let unreachable = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"});
        let cases = [
            (ready("True"), json!([]), false, None),
            (ready("True"), json!([own, unreachable]), false, Some("own:NoSchedule")),
            (
                ready("False"),
                json!([own]),
                false,
                Some("own:NoSchedule node.kubernetes.io/not-ready:NoSchedule node.kubernetes.io/not-ready:NoExecute"),
            ),
            (
                ready("Unknown"),
                json!([unreachable]),
                false,
                Some("node.kubernetes.io/unreachable:NoExecute node.kubernetes.io/unreachable:NoSchedule"),
            ),
            (ready("True"), json!(null), true, Some("node.kubernetes.io/unschedulable:NoSchedule")),
            (json!([]), json!(null), false, Some("node.kubernetes.io/not-ready:NoSchedule")),
            (
                json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]),
                json!(null),
                false,
                Some("node.kubernetes.io/disk-pressure:NoSchedule"),
            ),
        ];
        for (conditions, taints, unschedulable, expected) in cases {
            let node = node(conditions, taints, unschedulable);
            let found = wanted_taints(&node, true).map(|taints| {
                taints.iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect::<Vec<_>>().join(" ")
            });
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn kubelets_may_keep_what_they_read_for_longer_the_more_nodes_there_are() {
        for (said, count, expected) in [
            (None, 1, Some("0")),
            (Some("0"), 100, None),
            (Some("0"), 101, Some("15")),
            // Between two sizes what was said stands, so that it does not change to and fro.
            (Some("15"), 95, None),
            (Some("15"), 89, Some("0")),
            (Some("60"), 480, Some("15")),
            (Some("x"), 5000, Some("300")),
        ] {
            let value = json!({"metadata": {"annotations": said.map(|said| json!({TTL: said}))}});
            let node: Node = serde_json::from_value(value).expect("a node");
            assert_eq!(wanted_ttl(&node, count), expected, "{said:?} {count}");
        }
    }

    #[test]
    fn labels_bear_their_older_names_too() {
        let (os, older) = ("kubernetes.io/os", "beta.kubernetes.io/os");
        let both = json!({os: "linux", older: "linux"});
        let cases = [
            (json!({}), None),
            (json!({"a": "b"}), None),
            (json!({os: "linux"}), Some(both.clone())),
            (json!({os: "linux", older: "windows"}), Some(both.clone())),
            (both, None),
        ];
        for (labels, expected) in cases {
            let node: Node = serde_json::from_value(json!({"metadata": {"labels": labels}})).expect("a node");
            assert_eq!(wanted_labels(&node).map(|labels| json!(labels)), expected, "{labels}");
        }
    }

    #[test]
    fn a_silent_node_is_unknown_and_keeps_its_last_heartbeat() {
        let heartbeat = "2026-01-01T00:00:00Z";
        let mut node =
            node(json!([{"type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat}]), json!(null), false);
        assert!(make_unknown(&mut node));
        let ready = ready(&node).expect("a condition");
        assert_eq!((ready.status.as_str(), ready.reason.as_deref()), ("Unknown", Some("NodeStatusUnknown")));
        assert_eq!(ready.last_heartbeat_time.as_ref().map(|time| time.0.to_string()).as_deref(), Some(heartbeat));
        assert_eq!(node.status.as_ref().and_then(|s| s.conditions.as_ref()).map(Vec::len), Some(4));
        assert!(!make_unknown(&mut node));
    }
}
