//! How many pods of a disruption budget may be evicted now.

use crate::prelude::*;
use crate::resources;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// An eviction whose pod does not go within this time did not happen.
const EVICTED_FOR: Duration = Duration::from_mins(2);
const ALLOWED: &str = "DisruptionAllowed";

pub(crate) fn runner(context: &Context) -> Runner<Budgets> {
    let (client, recorder) = (context.client.clone(), context.recorder("controllermanager"));
    let (budgets, pods, sets, deployments, controllers, stateful) = context.caches();
    let controller = Arc::new(Budgets { client, recorder, budgets, pods, sets, deployments, controllers, stateful });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.budgets)
        .on(&controller.pods, |c, change| c.of_pod(change.object()))
        .on(&controller.sets, Budgets::siblings)
        .on(&controller.deployments, Budgets::siblings)
        .on(&controller.controllers, Budgets::siblings)
        .on(&controller.stateful, Budgets::siblings)
}

fn picks(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| meta::matches(&meta::selector(selector), &pod.metadata))
}

/// Whether the budget is a share of, or a distance to, how many pods their controllers want.
fn counts_controllers(spec: &PodDisruptionBudgetSpec) -> bool {
    spec.max_unavailable.is_some() || matches!(spec.min_available, Some(IntOrString::String(_)))
}

fn unmanaged(spec: &PodDisruptionBudgetSpec) -> String {
    let selector = cluster_client::labels::selector(spec.selector.as_ref());
    format!(
        "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the \
         status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these \
         pods please set \".spec.minAvailable\" field of the PDB to an integer value."
    )
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

/// The status, when the next eviction will be held for one that did not happen, and the pods of which that is held now.
fn observe<'a>(
    budget: &PodDisruptionBudget,
    pods: &'a [Arc<Pod>],
    (expected, desired): (i32, i32),
    now: &Time,
) -> (PodDisruptionBudgetStatus, Option<Duration>, Vec<&'a Pod>) {
    let mut status = budget.status.clone().unwrap_or_default();
    let mut evicted = status.disrupted_pods.take().unwrap_or_default();
    let (mut again, mut spared) = (None, Vec::new());
    evicted.retain(|name, time| {
        let Some(pod) = pods.iter().find(|pod| pod.name() == name && !pod.is_deleting()) else { return false };
        let left = meta::left(time, EVICTED_FOR, now);
        spared.extend(left.is_none().then_some(pod.as_ref()));
        again = again.into_iter().chain(left).min();
        left.is_some()
    });
    let is_healthy = |pod: &&Arc<Pod>| is_ready(pod) && !pod.is_deleting() && !evicted.contains_key(pod.name());
    let healthy = i32::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i32::MAX);
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    status.observed_generation = budget.metadata.generation;
    let reason = if allowed > 0 { "SufficientPods" } else { "InsufficientPods" };
    allow(&mut status, allowed, (reason, String::new()), now);
    status.disrupted_pods = Some(evicted).filter(|evicted| !evicted.is_empty());
    status.current_healthy = Some(healthy);
    status.desired_healthy = Some(desired);
    status.expected_pods = Some(expected);
    (status, again, spared)
}

/// Says how many pods may be evicted, and by reason and message why.
fn allow(status: &mut PodDisruptionBudgetStatus, allowed: i32, (reason, message): (&str, String), now: &Time) {
    status.disruptions_allowed = Some(allowed);
    let is = if allowed > 0 { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    let old = conditions.iter().find(|condition| condition.type_ == ALLOWED && condition.status == is);
    let new = Condition {
        type_: ALLOWED.to_owned(),
        status: is.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: status.observed_generation,
        last_transition_time: old.map_or_else(|| now.clone(), |old| old.last_transition_time.clone()),
    };
    conditions.retain(|condition| condition.type_ != ALLOWED);
    conditions.push(new);
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

    /// By UID the sizes of the controllers that decide about these pods.
    async fn sizes(&self, pods: &[Arc<Pod>]) -> Result<BTreeMap<String, i32>, Error> {
        let owners = pods.iter().filter_map(|pod| Some((&pod.controller()?.uid, pod))).collect::<BTreeMap<_, _>>();
        let mut sizes = BTreeMap::new();
        for (pod, owner) in owners.into_values().filter_map(|pod| Some((pod, pod.controller()?))) {
            let size = match self.known_size(pod.namespace(), owner) {
                None => self.scale(pod.namespace(), owner).await?.map(|size| (owner.uid.clone(), size)),
                known => known,
            };
            sizes
                .extend([size.ok_or_else(|| Error::Object(format!("found no controllers for pod {:?}", pod.name())))?]);
        }
        Ok(sizes)
    }

    /// The UID and size of a controller of the kinds that are watched.
    fn known_size(&self, namespace: &str, owner: &OwnerReference) -> Option<(String, i32)> {
        let key = ObjectKey::new(namespace, &owner.name);
        let size = match (meta::group(owner), owner.kind.as_str()) {
            ("apps", "ReplicaSet") => {
                let set = self.sets.get(&key)?;
                if let Some(above) = controller_key::<Deployment>(set.as_ref()) {
                    let deployment = self.deployments.get(&above)?;
                    return Some((deployment.uid().to_owned(), deployment.spec.replicas.unwrap_or(1)));
                }
                set.spec.replicas
            }
            ("", "ReplicationController") => self.controllers.get(&key)?.spec.as_ref()?.replicas,
            ("apps", "StatefulSet") => self.stateful.get(&key)?.spec.replicas,
            _ => return None,
        };
        Some((owner.uid.clone(), size.unwrap_or(1)))
    }

    /// The size of a controller of any other kind, which is gone when there is none.
    async fn scale(&self, namespace: &str, owner: &OwnerReference) -> Result<Option<i32>, Error> {
        let resource = resources::of_kind(&self.client, &owner.api_version, &owner.kind).await?;
        let object = resource.object(namespace, &owner.name);
        if let Some(scale) = ignore_gone(self.client.raw(Method::GET, &format!("{object}/scale"), None).await)? {
            let size = scale["spec"]["replicas"].as_i64().and_then(|size| size.try_into().ok());
            return Ok(size.or(Some(0)).filter(|_| scale["metadata"]["uid"] == owner.uid));
        }
        let there = ignore_gone(self.client.raw(Method::GET, &object, None).await)?;
        let none = || Error::Object(format!("{} does not implement the scale subresource", resource.qualified()));
        there.map_or(Ok(None), |_| Err(none()))
    }

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(budget) = self.budgets.get(key) else { return Ok(None) };
        let mut pods = self.pods.in_namespace(&key.namespace);
        pods.retain(|pod| picks(&budget, pod));
        if pods.is_empty() {
            self.recorder.normal(&reference(budget.as_ref()), "NoPods", "No matching pods found");
        }
        let (spec, now) = (budget.spec.clone().unwrap_or_default(), meta::now());
        let sizes = if counts_controllers(&spec) { self.sizes(&pods).await } else { Ok(BTreeMap::new()) };
        let (status, outcome) = match sizes {
            Ok(sizes) => {
                if counts_controllers(&spec) && pods.iter().any(|pod| pod.controller().is_none()) {
                    self.recorder.warning(&reference(budget.as_ref()), "UnmanagedPods", unmanaged(&spec));
                }
                let (status, again, spared) = observe(&budget, &pods, expect(&spec, pods.len(), &sizes), &now);
                for pod in spared {
                    let text = format!("Pod was expected by PDB {key} to be deleted but it wasn't");
                    self.recorder.warning(&reference(pod), "NotDeleted", text);
                }
                (status, Ok(again))
            }
            Err(error) => {
                let text = format!("Failed to calculate the number of expected pods: {error}");
                self.recorder.warning(&reference(budget.as_ref()), "CalculateExpectedPodCountFailed", text);
                let mut status = budget.status.clone().unwrap_or_default();
                for count in [&mut status.current_healthy, &mut status.desired_healthy, &mut status.expected_pods] {
                    count.get_or_insert(0);
                }
                allow(&mut status, 0, ("SyncFailed", error.to_string()), &now);
                (status, Err(error))
            }
        };
        let updated = PodDisruptionBudget { status: Some(status), ..(*budget).clone() };
        write_status(&self.client, budget.as_ref(), &updated).await?;
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod as parse;
    use cluster_fake_server::FakeServer;
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
            let (status, ..) = observe(&budget, &pods, counts, &now);
            let found = [status.expected_pods, status.desired_healthy, status.disruptions_allowed];
            assert_eq!(found, [Some(expected.0), Some(expected.1), Some(expected.2)], "{spec} {count} {ready}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_scale_of_any_kind_counts_and_a_kind_without_one_closes_the_budget() {
        let server = FakeServer::new();
        let client = server.client();
        let kinds = json!({"resources": [{"name": "clones", "kind": "Clone", "namespaced": true, "verbs": []}]});
        server.serve("/apis/x.io/v1", kinds);
        let clone = json!({"metadata": {"name": "web", "uid": "u"}, "spec": {"replicas": 3}});
        server.serve("/apis/x.io/v1/namespaces/ns/clones/web", clone.clone());
        let context = Context::of(&client);
        let budgets = context.informers.informer::<PodDisruptionBudget>();
        tokio::spawn(runner(&context).run(context.cancel));
        let budget = json!({"metadata": {"name": "b", "namespace": "ns"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
        client
            .create(&serde_json::from_value::<PodDisruptionBudget>(budget).expect("a budget"))
            .await
            .expect("created");
        let add = async |name: &str| {
            let owner =
                json!({"apiVersion": "x.io/v1", "kind": "Clone", "name": "web", "uid": "u", "controller": true});
            let made = json!({"metadata": {"name": name, "namespace": "ns", "labels": {"app": "web"},
                "ownerReferences": [owner]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
            client.create(parse(made).as_ref()).await.expect("created");
            tokio::time::sleep(Duration::from_secs(5)).await;
        };
        let told = || {
            let status = budgets.list()[0].status.clone().unwrap_or_default();
            let condition = status.conditions.unwrap_or_default().remove(0);
            (status.expected_pods, status.disruptions_allowed, condition.reason, condition.message)
        };
        add("p1").await;
        let why = "clones.x.io does not implement the scale subresource";
        assert_eq!(told(), (Some(0), Some(0), "SyncFailed".to_owned(), why.to_owned()));
        server.serve("/apis/x.io/v1/namespaces/ns/clones/web/scale", clone);
        add("p2").await;
        add("p3").await;
        assert_eq!(told(), (Some(3), Some(1), "SufficientPods".to_owned(), String::new()));
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
        let (status, again, spared) = observe(&budget, &pods, (3, 1), &now);
        assert_eq!((status.current_healthy, status.disruptions_allowed), (Some(2), Some(1)));
        assert_eq!(status.disrupted_pods.map(|pods| pods.into_keys().collect()), Some(vec!["a".to_owned()]));
        assert_eq!((again, spared), (Some(Duration::from_secs(110)), vec![pods[1].as_ref()]));
    }
}
