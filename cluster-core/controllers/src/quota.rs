//! What a namespace uses of its resource quotas.

use crate::prelude::*;
use crate::runner::feed;
use cluster_object::quota;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;

/// How long the first list of a kind may take.
const SYNC: Duration = Duration::from_secs(10);

/// When to look again for a kind that is not there.
const RETRY: Duration = Duration::from_mins(1);

type Amounts = BTreeMap<String, Amount>;

/// The quotas of the namespace in which something came, went, or changed, unless in nothing but what counts the `same`.
fn concerned<K: Object>(
    quotas: &Informer<ResourceQuota>,
    change: &Change<K>,
    same: impl Fn(&K, &K) -> bool,
) -> Vec<ObjectKey> {
    change.unless(same).map_or_else(Vec::new, |object| near(quotas, object.namespace(), |_| true))
}

pub(crate) fn runner(context: &Context) -> Runner<Quotas> {
    let (client, informers) = (context.client.clone(), context.informers.clone());
    let (quotas, pods, services, claims) = context.caches();
    let (counted, queue) = (Mutex::default(), WorkQueue::new());
    let controller = Arc::new(Quotas { client, informers, quotas, pods, services, claims, counted, queue });
    let same_pod = |old: &Pod, new: &Pod| {
        is_finished(old) == is_finished(new) && old.is_deleting() == new.is_deleting() && old.spec == new.spec
    };
    Runner::with_queue(&controller, |c, key| c.reconcile(key).boxed(), controller.queue.clone())
        .on_each(&controller.quotas)
        .on(&controller.pods, move |c, change| concerned(&c.quotas, change, same_pod))
        .on(&controller.services, |c, change| concerned(&c.quotas, change, |old, new| old.spec == new.spec))
        .on(&controller.claims, |c, change| concerned(&c.quotas, change, |old, new| old.spec == new.spec))
}

pub(crate) struct Quotas {
    client: Client,
    informers: Informers,
    quotas: Informer<ResourceQuota>,
    pods: Informer<Pod>,
    services: Informer<Service>,
    claims: Informer<PersistentVolumeClaim>,
    /// Kinds that are only counted, by their name in a quota.
    counted: Mutex<HashMap<String, Informer<Partial>>>,
    queue: WorkQueue<ObjectKey>,
}

impl Quotas {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(quota) = self.quotas.get(key) else { return Ok(None) };
        let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
        for name in hard.keys() {
            if let Err(error) = self.watch(name).await {
                tracing::debug!(name, %error, "a kind is not counted yet");
            }
        }
        let used = self.used(&quota, &hard, &key.namespace)?;
        // A kind that there is not, or that cannot be listed, may come.
        let waits = hard.keys().any(|name| quota::only_counts(name).is_some() && !used.contains_key(name));
        let status = ResourceQuotaStatus { hard: Some(hard), used: Some(used) };
        let updated = ResourceQuota { status: Some(status), ..(*quota).clone() };
        write_status(&self.client, quota.as_ref(), &updated).await?;
        let (pods, now) = (self.pods.in_namespace(&key.namespace), meta::now());
        let leaving = pods.iter().filter_map(|pod| until_over(pod, &now)).min();
        Ok(waits.then_some(RETRY).into_iter().chain(leaving).min())
    }

    fn used(&self, quota: &ResourceQuota, hard: &Amounts, namespace: &str) -> Result<Amounts, Error> {
        let quota = as_json(quota)?;
        let within = |storage: &'static str| -> Result<_, Error> {
            let mut objects = match storage {
                "pods" => all_as_json(&self.pods, namespace),
                "services" => all_as_json(&self.services, namespace),
                _ => all_as_json(&self.claims, namespace),
            }?;
            objects.retain(|object| quota::in_scope(&quota, storage, object));
            Ok((storage, objects))
        };
        let about = |name: &str, storage: &str| quota::usage(name, storage, &Value::Null).is_some();
        // Only what the quota names is read.
        let named = |storage: &&'static str| hard.keys().any(|name| about(name, storage));
        let detailed = quota::DETAILED.into_iter().filter(named).map(within).collect::<Result<Vec<_>, _>>()?;
        let sum = |name: &str| {
            let (storage, objects) = detailed.iter().find(|(storage, _)| about(name, storage))?;
            Some(objects.iter().filter_map(|object| quota::usage(name, storage, object)).sum())
        };
        let amount = |name: &str| sum(name).or_else(|| self.counted(name, namespace));
        Ok(hard.keys().filter_map(|name| Some((name.clone(), Amount(amount(name)?.to_string())))).collect())
    }

    /// How many objects of a kind there are; `None` until that is known.
    fn counted(&self, name: &str, namespace: &str) -> Option<Quantity> {
        let counted = self.counted.lock();
        let informer = counted.get(quota::only_counts(name)?)?;
        let number = i64::try_from(informer.in_namespace(namespace).len()).ok()?;
        informer.is_synced().then(|| Quantity::new(number))
    }

    /// Sees to it that a kind is counted from now on.
    async fn watch(&self, name: &str) -> Result<(), Error> {
        let Some(name) = quota::only_counts(name) else { return Ok(()) };
        if self.counted.lock().contains_key(name) {
            return Ok(());
        }
        let (resources, _) = discover(&self.client).await?;
        let Some(found) = resources.iter().find(|found| found.qualified() == name && found.namespaced) else {
            return Ok(());
        };
        let scope = WatchScope { path: found.path(""), ..WatchScope::default() };
        let informer = self.informers.watching::<Partial>(scope);
        let quotas = self.quotas.clone();
        let keys = move |change: &Change<Partial>| concerned(&quotas, change, |_, _| true);
        tokio::spawn(feed(&informer, self.queue.clone(), keys));
        self.counted.lock().insert(name.to_owned(), informer.clone());
        let synced = tokio::time::timeout(SYNC, informer.synced()).await;
        synced.map_err(|_| Error::Object(format!("{name} cannot be listed")))
    }
}

/// How long until a pod on its way out stops to count, whether its node lets it go or not.
fn until_over(pod: &Pod, now: &Time) -> Option<Duration> {
    let (deleted, grace) = (pod.metadata.deletion_timestamp.as_ref()?, pod.metadata.deletion_grace_period_seconds?);
    meta::left(deleted, meta::seconds(grace.saturating_add(1)), now).filter(|_| !is_finished(pod))
}

/// The objects of a namespace as the rules of quotas read them.
fn all_as_json<K: Object>(informer: &Informer<K>, namespace: &str) -> Result<Vec<Value>, Error> {
    informer.in_namespace(namespace).iter().map(|object| as_json(object.as_ref())).collect()
}

fn as_json<K: Object>(object: &K) -> Result<Value, Error> {
    serde_json::to_value(object).map_err(|error| Error::Object(format!("an object has no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_fake_server::FakeServer;

    #[test]
    fn a_quota_is_looked_at_again_when_the_grace_of_a_pod_ends() {
        let now = Time("2026-01-01T00:00:30Z".parse().expect("a time"));
        let cases = [
            (json!({}), "Running", None),
            (
                json!({"deletionTimestamp": "2026-01-01T00:00:20Z", "deletionGracePeriodSeconds": 30}),
                "Running",
                Some(21),
            ),
            (json!({"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 0}), "Running", Some(1)),
            (json!({"deletionTimestamp": "2026-01-01T00:00:29Z", "deletionGracePeriodSeconds": 0}), "Running", None),
            (json!({"deletionTimestamp": "2026-01-01T00:00:20Z", "deletionGracePeriodSeconds": 30}), "Failed", None),
        ];
        for (metadata, phase, expected) in cases {
            let pod = crate::pods::tests::pod(json!({"metadata": metadata, "status": {"phase": phase}}));
            assert_eq!(until_over(&pod, &now).map(|left| left.as_secs()), expected, "{metadata} {phase}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_comes_after_its_quota_is_counted_and_holds_up_no_other() {
        let server = FakeServer::new();
        let client = server.client();
        let verbs = ["list", "watch"];
        let maps =
            json!({"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": true, "verbs": verbs}]});
        server.serve("/apis", json!({"groups": []}));
        server.serve("/api/v1", maps);
        let context = Context::of(&client);
        let quotas = context.informers.informer::<ResourceQuota>();
        tokio::spawn(runner(&context).run(context.cancel));
        let quota = json!({"metadata": {"name": "q", "namespace": "ns"},
            "spec": {"hard": {"count/foos.x.io": "5", "configmaps": "5"}}});
        client.create(&serde_json::from_value::<ResourceQuota>(quota).expect("a quota")).await.expect("created");
        let used = || quotas.list()[0].status.clone().and_then(|status| status.used).unwrap_or_default();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(used().into_keys().collect::<Vec<_>>(), ["configmaps"]);
        let version = json!({"groupVersion": "x.io/v1", "version": "v1"});
        server.serve("/apis", json!({"groups": [{"name": "x.io", "versions": [version]}]}));
        let foos = json!({"resources": [{"name": "foos", "kind": "Foo", "namespaced": true, "verbs": verbs}]});
        server.serve("/apis/x.io/v1", foos);
        tokio::time::sleep(RETRY * 2).await;
        assert_eq!(used().into_keys().collect::<Vec<_>>(), ["configmaps", "count/foos.x.io"]);
    }
}
