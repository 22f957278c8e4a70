//! How many pods of a disruption budget may be evicted now.

use crate::meta::{self, controller, is_deleting, name, namespace, scaled};
use crate::pods::{BY_NAMESPACE, is_active, is_ready};
use crate::runner::{Controller, Runner};
use crate::{Context, Error, ignore_gone};
use async_trait::async_trait;
use cluster_client::events::{Recorder, reference};
use cluster_client::{Change, Client, Informer, Object, ObjectKey};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, ReplicationController};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An eviction whose pod does not go within this time did not happen.
const EVICTED_FOR: Duration = Duration::from_mins(2);
const ALLOWED: &str = "DisruptionAllowed";

pub(crate) async fn run(context: Context) {
    let informers = &context.informers;
    let (budgets, pods) = (informers.informer::<PodDisruptionBudget>(), informers.informer::<Pod>());
    budgets.add_index(BY_NAMESPACE, |budget| vec![namespace(budget).to_owned()]);
    pods.add_index(BY_NAMESPACE, |pod| vec![namespace(pod).to_owned()]);
    let owners = Owners {
        sets: informers.informer(),
        deployments: informers.informer(),
        controllers: informers.informer(),
        stateful: informers.informer(),
    };
    let controller = Budgets {
        client: context.client.clone(),
        recorder: context.recorder("controllermanager"),
        budgets: budgets.clone(),
        pods: pods.clone(),
        owners: owners.clone(),
    };
    let all = budgets.clone();
    Runner::new(controller)
        .on_each(&budgets)
        .on(&pods, move |change: &Change<Pod>| concerned(change.object(), &all))
        .on(&owners.sets, siblings(&budgets))
        .on(&owners.deployments, siblings(&budgets))
        .on(&owners.controllers, siblings(&budgets))
        .on(&owners.stateful, siblings(&budgets))
        .run(context.cancel)
        .await;
}

fn concerned(pod: &Pod, budgets: &Informer<PodDisruptionBudget>) -> Vec<ObjectKey> {
    let near = budgets.by_index(BY_NAMESPACE, namespace(pod));
    let picked = near.iter().filter(|budget| picks(budget, pod));
    picked.map(|budget| ObjectKey::of(budget.as_ref())).collect()
}

/// A controller that was resized may change what all budgets of its namespace expect.
fn siblings<K: Object>(
    budgets: &Informer<PodDisruptionBudget>,
) -> impl Fn(&Change<K>) -> Vec<ObjectKey> + Send + 'static {
    let budgets = budgets.clone();
    move |change| match change {
        Change::Updated { old, new } if meta::generation(old.as_ref()) == meta::generation(new.as_ref()) => Vec::new(),
        change => {
            let near = budgets.by_index(BY_NAMESPACE, namespace(change.object().as_ref()));
            near.iter().map(|budget| ObjectKey::of(budget.as_ref())).collect()
        }
    }
}

fn picks(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| meta::matches(&meta::selector(selector), &pod.metadata))
}

/// The controllers whose size says how many pods there should be.
#[derive(Clone)]
struct Owners {
    sets: Informer<ReplicaSet>,
    deployments: Informer<Deployment>,
    controllers: Informer<ReplicationController>,
    stateful: Informer<StatefulSet>,
}

impl Owners {
    /// The UID and size of the controller that decides about a pod.
    fn size(&self, namespace: &str, owner: &OwnerReference) -> Option<(String, i32)> {
        let key = ObjectKey::new(namespace, &owner.name);
        let size = match owner.kind.as_str() {
            "ReplicaSet" => {
                let set = self.sets.get(&key)?;
                let above = controller(&set.metadata).filter(|above| above.kind == "Deployment");
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
        let waits = pods.iter().any(|other| name(other.as_ref()) == pod && !is_deleting(other.as_ref()));
        waits && meta::left(time, EVICTED_FOR, now).is_some()
    });
    let again = evicted.values().filter_map(|time| meta::left(time, EVICTED_FOR, now)).min();
    let is_healthy =
        |pod: &&Arc<Pod>| is_ready(pod) && !is_deleting(pod.as_ref()) && !evicted.contains_key(name(pod.as_ref()));
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

struct Budgets {
    client: Client,
    recorder: Recorder,
    budgets: Informer<PodDisruptionBudget>,
    pods: Informer<Pod>,
    owners: Owners,
}

#[async_trait]
impl Controller for Budgets {
    const NAME: &'static str = "disruption";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(budget) = self.budgets.get(key) else { return Ok(None) };
        let mut pods = self.pods.by_index(BY_NAMESPACE, &key.namespace);
        pods.retain(|pod| picks(&budget, pod));
        if pods.is_empty() {
            self.recorder.normal(&reference(budget.as_ref()), "NoPods", "No matching pods found");
        }
        let owners = pods.iter().filter_map(|pod| controller(&pod.metadata));
        let sizes = owners.filter_map(|owner| self.owners.size(&key.namespace, owner)).collect();
        let active = pods.iter().filter(|pod| is_active(pod)).count();
        let counts = expect(&budget.spec.clone().unwrap_or_default(), active, &sizes);
        let (status, again) = observe(&budget, &pods, counts, &meta::now());
        if budget.status.as_ref() != Some(&status) {
            let updated = PodDisruptionBudget { status: Some(status), ..(*budget).clone() };
            ignore_gone(self.client.update_status(&updated).await)?;
        }
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
