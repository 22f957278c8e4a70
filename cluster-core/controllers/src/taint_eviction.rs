//! Deletes pods from nodes with `NoExecute` taints they do not tolerate, or no longer.

use crate::prelude::*;
use cluster_client::nodes::covers;

pub(crate) fn runner(context: &Context) -> Runner<TaintEviction> {
    let (client, recorder) = (context.client.clone(), context.recorder("taint-eviction-controller"));
    let (nodes, pods) = context.caches();
    let controller = TaintEviction { client, recorder, nodes, pods, counting: Mutex::default() };
    index::by_node(&controller.pods);
    Runner::new(controller)
        .on(|c| &c.pods, |_, change| Some(change.unless(|old, new| pods::node(old) == pods::node(new))?.key()))
        .on(
            |c| &c.nodes,
            |c, change| {
                let node = change.unless(|old, new| no_execute(old).eq(no_execute(new)));
                node.map_or_else(Vec::new, |node| meta::keys(&c.pods.by_index(BY_NODE, node.name())))
            },
        )
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

/// What becomes of a pod on a tainted node.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Stay,
    StayFor(Duration),
    Evict,
}

/// A taint nobody tolerates evicts at once; else the shortest time that any toleration in use allows counts, from when
/// the taint was set, or else noticed.
fn judge<'a>(
    taints: impl Iterator<Item = &'a Taint>,
    tolerations: &[Toleration],
    noticed: &Time,
    now: &Time,
) -> Verdict {
    let mut verdict = Verdict::Stay;
    for taint in taints {
        let mut used = tolerations.iter().filter(|toleration| covers(toleration, taint)).peekable();
        if used.peek().is_none() {
            return Verdict::Evict;
        }
        let Some(allowed) = used.filter_map(|toleration| toleration.toleration_seconds).min() else { continue };
        let since = taint.time_added.as_ref().unwrap_or(noticed);
        let Some(left) = meta::left(since, meta::seconds(allowed), now) else { return Verdict::Evict };
        verdict = match verdict {
            Verdict::StayFor(other) => Verdict::StayFor(left.min(other)),
            _ => Verdict::StayFor(left),
        };
    }
    verdict
}

impl Controller for TaintEviction {
    const NAME: &'static str = "taint-eviction";

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let noticed = self.counting.lock().remove(key);
        let Some(pod) = self.pods.get(key).filter(|pod| !pod.is_deleting()) else { return Ok(None) };
        let Some(node) = self.nodes.get(&ObjectKey::new("", pods::node(&pod))) else { return Ok(None) };
        let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
        let now = meta::now();
        let noticed = noticed.filter(|(uid, _)| uid == pod.uid()).map_or_else(|| now.clone(), |(_, since)| since);
        let verdict = judge(no_execute(&node), tolerations, &noticed, &now);
        if verdict != Verdict::Stay {
            // Also of who is to go: an eviction that fails is tried again at once, not after the whole time.
            self.counting.lock().insert(key.clone(), (pod.uid().to_owned(), noticed));
        }
        match verdict {
            Verdict::Stay => Ok(None),
            Verdict::StayFor(left) => Ok(Some(left)),
            Verdict::Evict => self.evict(&pod).await.map(|()| None),
        }
    }
}

impl TaintEviction {
    async fn evict(&self, pod: &Pod) -> Result<(), Error> {
        let mut marked = pod.clone();
        let message = "Taint manager: deleting due to NoExecute taint".to_owned();
        let mut target = PodCondition::build("DisruptionTarget", "True", "DeletionByTaintManager", message);
        target.observed_generation = pod.metadata.generation;
        conditions::set(&mut marked.status.get_or_insert_default().conditions, target);
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
        let stay = |seconds| Verdict::StayFor(Duration::from_secs(seconds));
        let cases = [
            (json!([]), json!([]), Verdict::Stay),
            (json!([unreachable]), json!([]), Verdict::Evict),
            (json!([unreachable]), json!([tolerate(json!(30))]), stay(20)),
            (json!([unreachable]), json!([tolerate(json!(5))]), Verdict::Evict),
            (json!([undated]), json!([tolerate(json!(30))]), stay(25)),
            (json!([undated]), json!([tolerate(json!(4))]), Verdict::Evict),
            (json!([unreachable]), json!([tolerate(json!(null))]), Verdict::Stay),
            (json!([unreachable, other]), json!([tolerate(json!(null))]), Verdict::Evict),
            (json!([unreachable, other]), json!([tolerate(json!(30)), {"key": "gpu", "value": "yes"}]), stay(20)),
            (json!([unreachable, other]), json!([tolerate(json!(30)), {"key": "gpu", "value": "no"}]), Verdict::Evict),
            (json!([unreachable, other]), json!([{"operator": "Exists"}]), Verdict::Stay),
            (json!([unreachable]), json!([{"operator": "Exists", "effect": "NoSchedule"}]), Verdict::Evict),
            (json!([unreachable]), json!([tolerate(json!(90)), tolerate(json!(30))]), stay(20)),
        ];
        for (taints, tolerations, expected) in cases {
            let text = format!("{taints} {tolerations}");
            let taints: Vec<Taint> = serde_json::from_value(taints).expect("taints");
            let tolerations: Vec<Toleration> = serde_json::from_value(tolerations).expect("tolerations");
            assert_eq!(judge(taints.iter(), &tolerations, &noticed, &now), expected, "{text}");
        }
    }
}
