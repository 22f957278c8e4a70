//! Deletes pods from nodes with `NoExecute` taints they do not tolerate, or no longer.

use crate::prelude::*;
use cluster_client::nodes::covers;

pub(crate) fn runner(context: &Context) -> Runner<TaintEviction> {
    let (client, recorder) = (context.client.clone(), context.recorder("taint-eviction-controller"));
    let (nodes, pods) = context.caches();
    let controller = Arc::new(TaintEviction { client, recorder, nodes, pods, counting: Mutex::default() });
    index::by_node(&controller.pods);
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.pods, |_, change| Some(change.unless(concerns_nobody)?.key()))
        .on(&controller.nodes, |c, change| {
            let node = change.unless(|old, new| no_execute(old).eq(no_execute(new)));
            node.map_or_else(Vec::new, |node| meta::keys(&c.pods.by_index(BY_NODE, node.name())))
        })
}

/// Whether a pod is where it was and tolerates what it did.
fn concerns_nobody(old: &Pod, new: &Pod) -> bool {
    pods::node(old) == pods::node(new) && tolerations(old) == tolerations(new)
}

fn tolerations(pod: &Pod) -> &[Toleration] {
    pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default()
}

/// Since when a pod is on its node, as far as it tells.
fn arrival(pod: &Pod) -> Option<&Time> {
    let scheduled = pods::holding(pod, "PodScheduled").and_then(|scheduled| scheduled.last_transition_time.as_ref());
    scheduled.or(pod.metadata.creation_timestamp.as_ref())
}

fn no_execute(node: &Node) -> impl Iterator<Item = &Taint> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    taints.iter().filter(|taint| taint.effect == "NoExecute")
}

pub(crate) struct TaintEviction {
    client: Client,
    recorder: Recorder,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
    /// Since when pods, by UID, have had to count, for taints that do not say when they came. Another pod of the name
    /// counts for itself.
    counting: Mutex<HashMap<ObjectKey, (String, Time)>>,
}

/// How long a pod may stay on a tainted node, if not for ever: not at all with a taint it does not tolerate; else the
/// shortest time counts that the first toleration of any taint allows, from when the taint was set, or else noticed, but
/// not from before the pod `arrived`.
fn judge<'a>(
    taints: impl Iterator<Item = &'a Taint>,
    tolerations: &[Toleration],
    arrived: &Time,
    noticed: &Time,
    now: &Time,
) -> Option<Duration> {
    let stays = |taint: &Taint| match tolerations.iter().find(|toleration| covers(toleration, taint)) {
        None => Some(Duration::ZERO),
        Some(used) => {
            let since = taint.time_added.as_ref().unwrap_or(noticed).max(arrived);
            Some(meta::left(since, meta::seconds(used.toleration_seconds?), now).unwrap_or_default())
        }
    };
    taints.filter_map(stays).min()
}

impl TaintEviction {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let noticed = self.counting.lock().remove(key);
        let Some(pod) = self.pods.get(key).filter(|pod| !pod.is_deleting()) else { return Ok(None) };
        let Some(node) = self.nodes.get(&ObjectKey::new("", pods::node(&pod))) else { return Ok(None) };
        let now = meta::now();
        let counted = noticed.filter(|(uid, _)| uid == pod.uid()).map(|(_, since)| since);
        let noticed = counted.clone().unwrap_or_else(|| now.clone());
        let left = judge(no_execute(&node), tolerations(&pod), arrival(&pod).unwrap_or(&noticed), &noticed, &now);
        if left.is_some() {
            // Also of who is to go: an eviction that fails is tried again at once, not after the whole time.
            self.counting.lock().insert(key.clone(), (pod.uid().to_owned(), noticed));
        } else if counted.is_some() {
            let message = format!("Cancelling deletion of Pod {key}");
            self.recorder.normal(&reference(pod.as_ref()), "TaintManagerEviction", message);
        }
        if left.is_some_and(|left| left.is_zero()) {
            return self.evict(&pod).await.map(|()| None);
        }
        Ok(left)
    }

    async fn evict(&self, pod: &Pod) -> Result<(), Error> {
        let message = "Taint manager: deleting due to NoExecute taint";
        let marked = pods::disrupted(pod, "DeletionByTaintManager", message);
        if ignore_gone(self.client.update_status(&marked).await)?.is_none() {
            return Ok(());
        }
        let message = format!("Marking for deletion Pod {}", pod.key());
        self.recorder.normal(&reference(pod), "TaintManagerEviction", message);
        delete(&self.client, pod).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_pod_stays_as_long_as_it_tolerates_every_taint() {
        let now = meta::now();
        let noticed = Time(now.0 - jiff::SignedDuration::from_secs(5));
        let ago = |seconds: i64| (now.0 - jiff::SignedDuration::from_secs(seconds)).to_string();
        let unreachable = json!({"key": "unreachable", "effect": "NoExecute", "timeAdded": ago(10)});
        let undated = json!({"key": "unreachable", "effect": "NoExecute"});
        let other = json!({"key": "gpu", "value": "yes", "effect": "NoExecute", "timeAdded": ago(10)});
        let tolerate =
            |seconds: Value| json!({"key": "unreachable", "operator": "Exists", "tolerationSeconds": seconds});
        let stay = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            (json!([]), json!([]), None),
            (json!([unreachable]), json!([]), stay(0)),
            (json!([unreachable]), json!([tolerate(json!(30))]), stay(20)),
            (json!([unreachable]), json!([tolerate(json!(5))]), stay(0)),
            (json!([undated]), json!([tolerate(json!(30))]), stay(25)),
            (json!([undated]), json!([tolerate(json!(4))]), stay(0)),
            (json!([unreachable]), json!([tolerate(json!(null))]), None),
            (json!([unreachable, other]), json!([tolerate(json!(null))]), stay(0)),
            (json!([unreachable, other]), json!([tolerate(json!(30)), {"key": "gpu", "value": "yes"}]), stay(20)),
            (json!([unreachable, other]), json!([tolerate(json!(30)), {"key": "gpu", "value": "no"}]), stay(0)),
            (json!([unreachable, other]), json!([{"operator": "Exists"}]), None),
            (json!([unreachable]), json!([{"operator": "Exists", "effect": "NoSchedule"}]), stay(0)),
            (json!([unreachable]), json!([tolerate(json!(90)), tolerate(json!(30))]), stay(80)),
            (json!([unreachable]), json!([tolerate(json!(null)), tolerate(json!(30))]), None),
        ];
        for (taints, tolerations, expected) in cases {
            let text = format!("{taints} {tolerations}");
            let taints: Vec<Taint> = serde_json::from_value(taints).expect("taints");
            let tolerations: Vec<Toleration> = serde_json::from_value(tolerations).expect("tolerations");
            let long_ago = Time(now.0 - jiff::SignedDuration::from_secs(999));
            assert_eq!(judge(taints.iter(), &tolerations, &long_ago, &noticed, &now), expected, "{text}");
        }
    }

    #[test]
    fn a_pod_is_looked_at_again_when_it_moves_or_tolerates_otherwise_and_its_time_begins_when_it_comes() {
        let pod = |node: &str, seconds: u32| -> Pod {
            serde_json::from_value(json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"nodeName": node, "containers": [], "tolerations":
                    [{"operator": "Exists", "tolerationSeconds": seconds}]},
                "status": {"conditions": [{"type": "PodScheduled", "status": "True",
                    "lastTransitionTime": "2026-01-01T00:09:00Z"}]}}))
            .expect("a pod")
        };
        let before = pod("a", 300);
        for (now, same) in [(pod("a", 300), true), (pod("a", 5), false), (pod("b", 300), false)] {
            assert_eq!(concerns_nobody(&before, &now), same, "{now:?}");
        }
        let time = |text: &str| Time(text.parse().expect("a time"));
        let taint = json!({"key": "x", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"});
        let taint: Taint = serde_json::from_value(taint).expect("a taint");
        let (arrived, now) = (arrival(&before).expect("a time"), time("2026-01-01T00:10:00Z"));
        let verdict = judge([&taint].into_iter(), tolerations(&before), arrived, &now, &now);
        assert_eq!(verdict, Some(Duration::from_mins(4)));
    }
}
