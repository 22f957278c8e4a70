//! How many pods of a disruption budget may be evicted now.

use crate::prelude::*;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// An eviction whose pod does not go within this time did not happen.
const EVICTED_FOR: Duration = Duration::from_mins(2);
const ALLOWED: &str = "DisruptionAllowed";

pub(crate) fn runner(context: &Context) -> Runner<Budgets> {
    let (client, recorder) = (context.client.clone(), context.recorder("controllermanager"));
    let (budgets, pods, sets, deployments, controllers, stateful) = context.caches();
    let controller = Budgets { client, recorder, budgets, pods, sets, deployments, controllers, stateful };
    index::by_namespace(&controller.budgets);
    index::by_namespace(&controller.pods);
    Runner::new(controller)
        .on_each(|c| &c.budgets)
        .on(|c| &c.pods, |c, change| c.of_pod(change.object()))
        .on(|c| &c.sets, Budgets::siblings)
        .on(|c| &c.deployments, Budgets::siblings)
        .on(|c| &c.controllers, Budgets::siblings)
        .on(|c| &c.stateful, Budgets::siblings)
}

fn picks(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| meta::matches(&meta::selector(selector), &pod.metadata))
}

/// How many pods there should be and how many must be healthy; `sizes` are those of the pods' controllers.
fn expect(spec: &PodDisruptionBudgetSpec, pods: usize, sizes: &BTreeMap<String, i32>) -> (i32, i32) {
    let total = sizes.values().sum();
    let pods = i32::try_from(pods).unwrap_or(i32::MAX);
    match (&spec.max_unavailable, &spec.min_available) {
        (Some(max), _) => (total, (total - scaled(max, total, true)).max(0)),
        (None, Some(IntOrString::Int(min))) => (pods, *min),
        (None, Some(share)) => (total, scaled(share, total, true)),
        (None, None) => (pods, 0),
    }
}

/// The status, and when the next eviction will be held for one that did not happen.
fn observe(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    (expected, desired): (i32, i32),
    now: &Time,
) -> (PodDisruptionBudgetStatus, Option<Duration>) {
    let mut status = budget.status.clone().unwrap_or_default();
    let mut evicted = status.disrupted_pods.take().unwrap_or_default();
    evicted.retain(|pod, time| {
        let waits = pods.iter().any(|other| other.name() == pod && !other.is_deleting());
        waits && meta::left(time, EVICTED_FOR, now).is_some()
    });
    let again = evicted.values().filter_map(|time| meta::left(time, EVICTED_FOR, now)).min();
    let is_healthy = |pod: &&Arc<Pod>| is_ready(pod) && !pod.is_deleting() && !evicted.contains_key(pod.name());
    let healthy = i32::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i32::MAX);
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let (is, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let generation = budget.metadata.generation;
    let conditions = status.conditions.get_or_insert_default();
    let old = conditions.iter().find(|condition| condition.type_ == ALLOWED && condition.status == is);
    let new = Condition {
        type_: ALLOWED.to_owned(),
        status: is.to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
        observed_generation: generation,
        last_transition_time: old.map_or_else(|| now.clone(), |old| old.last_transition_time.clone()),
    };
    conditions.retain(|condition| condition.type_ != ALLOWED);
    conditions.push(new);
    status.disrupted_pods = Some(evicted).filter(|evicted| !evicted.is_empty());
    status.current_healthy = Some(healthy);
    status.desired_healthy = Some(desired);
    status.expected_pods = Some(expected);
    status.disruptions_allowed = Some(allowed);
    status.observed_generation = generation;
    (status, again)
}

pub(crate) struct Budgets {
    client: Client,
    recorder: Recorder,
    budgets: Informer<PodDisruptionBudget>,
    pods: Informer<Pod>,
    // The controllers whose size says how many pods there should be.
    sets: Informer<ReplicaSet>,
    deployments: Informer<Deployment>,
    controllers: Informer<ReplicationController>,
    stateful: Informer<StatefulSet>,
}

impl Budgets {
    fn of_pod(&self, pod: &Pod) -> Vec<ObjectKey> {
        near(&self.budgets, pod.namespace(), |budget| picks(budget, pod))
    }

    /// A controller that was resized may change what all budgets of its namespace expect.
    fn siblings<K: Object>(&self, change: &Change<K>) -> Vec<ObjectKey> {
        let resized = change.unless(|old, new| old.generation() == new.generation());
        resized.map_or_else(Vec::new, |sized| near(&self.budgets, sized.namespace(), |_| true))
    }

    /// The UID and size of the controller that decides about a pod.
    fn size(&self, namespace: &str, owner: &OwnerReference) -> Option<(String, i32)> {
        let key = ObjectKey::new(namespace, &owner.name);
        let size = match owner.kind.as_str() {
            "ReplicaSet" => {
                let set = self.sets.get(&key)?;
                let above = set.controller().filter(|above| above.kind == "Deployment");
                if let Some(deployment) =
                    above.and_then(|by| self.deployments.get(&ObjectKey::new(namespace, &by.name)))
                {
                    return Some((deployment.metadata.uid.clone()?, deployment.spec.replicas.unwrap_or(1)));
                }
                set.spec.replicas
            }
            "ReplicationController" => self.controllers.get(&key)?.spec.as_ref()?.replicas,
            "StatefulSet" => self.stateful.get(&key)?.spec.replicas,
            _ => return None,
        };
        Some((owner.uid.clone(), size.unwrap_or(1)))
    }
}

impl Controller for Budgets {
    const NAME: &'static str = "disruption";

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(budget) = self.budgets.get(key) else { return Ok(None) };
        let mut pods = self.pods.by_index(BY_NAMESPACE, &key.namespace);
        pods.retain(|pod| picks(&budget, pod));
        if pods.is_empty() {
            self.recorder.normal(&reference(budget.as_ref()), "NoPods", "No matching pods found");
        }
        let owners = pods.iter().filter_map(|pod| pod.controller());
        let sizes = owners.filter_map(|owner| self.size(&key.namespace, owner)).collect();
        let active = pods.iter().filter(|pod| is_active(pod)).count();
        let counts = expect(&budget.spec.clone().unwrap_or_default(), active, &sizes);
        let (status, again) = observe(&budget, &pods, counts, &meta::now());
        let updated = PodDisruptionBudget { status: Some(status), ..(*budget).clone() };
        write_status(&self.client, budget.as_ref(), &updated).await?;
        Ok(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod as parse;
    use serde_json::json;

    #[test]
    fn a_budget_allows_what_is_healthy_beyond_what_it_needs() {
        let now = meta::now();
        let cases = [
            (json!({"minAvailable": 2}), 3, 3, (3, 2, 1)),
            (json!({"minAvailable": 2}), 3, 2, (3, 2, 0)),
            (json!({"minAvailable": 5}), 3, 3, (3, 5, 0)),
            (json!({"minAvailable": "50%"}), 3, 3, (5, 3, 0)),
            (json!({"maxUnavailable": 1}), 5, 5, (5, 4, 1)),
            (json!({"maxUnavailable": 1}), 4, 4, (5, 4, 0)),
            (json!({"maxUnavailable": "30%"}), 5, 5, (5, 3, 2)),
            (json!({"maxUnavailable": 9}), 0, 0, (5, 0, 0)),
        ];
        for (spec, count, ready, expected) in cases {
            let pods: Vec<_> = (0..count)
                .map(|n| {
                    let status = if n < ready { "True" } else { "False" };
                    parse(json!({"metadata": {"name": format!("p{n}")},
                        "status": {"conditions": [{"type": "Ready", "status": status}]}}))
                })
                .collect();
            let sizes = [("set".to_owned(), 5)].into();
            let budget = json!({"metadata": {"name": "b"}, "spec": spec});
            let budget: PodDisruptionBudget = serde_json::from_value(budget).expect("a budget");
            let counts = expect(budget.spec.as_ref().expect("a spec"), pods.len(), &sizes);
            let (status, _) = observe(&budget, &pods, counts, &now);
            let found = [status.expected_pods, status.desired_healthy, status.disruptions_allowed];
            assert_eq!(found, [Some(expected.0), Some(expected.1), Some(expected.2)], "{spec} {count} {ready}");
        }
    }

    #[test]
    fn an_evicted_pod_does_not_count_until_it_is_gone_or_stays() {
        let now = meta::now();
        let ago = |seconds: i64| (now.0 - jiff::SignedDuration::from_secs(seconds)).to_string();
        let ready = |name: &str| {
            parse(json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
        };
        let pods = [ready("a"), ready("b"), ready("c")];
        let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1},
            "status": {"disruptedPods": {"a": ago(10), "b": ago(500), "gone": ago(1)}}});
        let budget: PodDisruptionBudget = serde_json::from_value(budget).expect("a budget");
        let (status, again) = observe(&budget, &pods, (3, 1), &now);
        assert_eq!((status.current_healthy, status.disruptions_allowed), (Some(2), Some(1)));
        assert_eq!(status.disrupted_pods.map(|pods| pods.into_keys().collect()), Some(vec!["a".to_owned()]));
        assert_eq!(again, Some(Duration::from_secs(110)));
    }
}
