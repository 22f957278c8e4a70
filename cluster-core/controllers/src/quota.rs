//! What a namespace uses of its resource quotas.

use crate::meta::namespace;
use crate::pods::{BY_NAMESPACE, is_finished};
use crate::resources::{Partial, discover};
use crate::runner::{Controller, Runner, feed};
use crate::{Context, Error, ignore_gone};
use async_trait::async_trait;
use cluster_client::{Change, Client, Informer, Informers, Object, ObjectKey, WatchScope, WorkQueue};
use cluster_object::quantity::Quantity;
use cluster_object::quota;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, ResourceQuota, ResourceQuotaStatus, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long the first list of a kind may take.
const SYNC: Duration = Duration::from_secs(10);

type Amounts = BTreeMap<String, Amount>;

fn by_namespace<K: Object>(informer: &Informer<K>) {
    informer.add_index(BY_NAMESPACE, |object| vec![namespace(object).to_owned()]);
}

/// The quotas of the namespace in which something came, went, or changed in what `matters`.
fn near<K: Object>(
    quotas: &Informer<ResourceQuota>,
    matters: fn(&K, &K) -> bool,
) -> impl Fn(&Change<K>) -> Vec<ObjectKey> + Send + 'static {
    let quotas = quotas.clone();
    move |change| match change {
        Change::Updated { old, new } if !matters(old, new) => Vec::new(),
        change => {
            let near = quotas.by_index(BY_NAMESPACE, namespace(change.object().as_ref()));
            near.iter().map(|quota| ObjectKey::of(quota.as_ref())).collect()
        }
    }
}

pub(crate) async fn run(context: Context) {
    let informers = &context.informers;
    let quotas = informers.informer::<ResourceQuota>();
    let (pods, services) = (informers.informer::<Pod>(), informers.informer::<Service>());
    let claims = informers.informer::<PersistentVolumeClaim>();
    by_namespace(&quotas);
    by_namespace(&pods);
    by_namespace(&services);
    by_namespace(&claims);
    let make = |queue| Quotas {
        client: context.client.clone(),
        informers: informers.clone(),
        quotas: quotas.clone(),
        pods: pods.clone(),
        services: services.clone(),
        claims: claims.clone(),
        counted: Mutex::default(),
        queue,
    };
    Runner::with_queue(make)
        .on_each(&quotas)
        .on(&pods, near::<Pod>(&quotas, |old, new| is_finished(old) != is_finished(new) || old.spec != new.spec))
        .on(&services, near::<Service>(&quotas, |old, new| old.spec != new.spec))
        .on(&claims, near::<PersistentVolumeClaim>(&quotas, |old, new| old.spec != new.spec))
        .run(context.cancel)
        .await;
}

struct Quotas {
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

#[async_trait]
impl Controller for Quotas {
    const NAME: &'static str = "resourcequota";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(quota) = self.quotas.get(key) else { return Ok(None) };
        let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
        for name in hard.keys() {
            self.watch(name).await?;
        }
        let used = self.used(&quota, &hard, &key.namespace)?;
        let status = ResourceQuotaStatus { hard: Some(hard), used: Some(used) };
        if quota.status.as_ref() == Some(&status) {
            return Ok(None);
        }
        let updated = ResourceQuota { status: Some(status), ..(*quota).clone() };
        ignore_gone(self.client.update_status(&updated).await)?;
        Ok(None)
    }
}

impl Quotas {
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
        let number = i64::try_from(informer.by_index(BY_NAMESPACE, namespace).len()).ok()?;
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
        by_namespace(&informer);
        tokio::spawn(feed(&informer, self.queue.clone(), near::<Partial>(&self.quotas, |_, _| false)));
        let synced = tokio::time::timeout(SYNC, informer.synced()).await;
        synced.map_err(|_| Error::Object(format!("{name} cannot be listed")))?;
        self.counted.lock().insert(name.to_owned(), informer);
        Ok(())
    }
}

/// The objects of a namespace as the rules of quotas read them.
fn all_as_json<K: Object>(informer: &Informer<K>, namespace: &str) -> Result<Vec<Value>, Error> {
    informer.by_index(BY_NAMESPACE, namespace).iter().map(|object| as_json(object.as_ref())).collect()
}

fn as_json<K: Object>(object: &K) -> Result<Value, Error> {
    serde_json::to_value(object).map_err(|error| Error::Object(format!("an object has no JSON: {error}")))
}
