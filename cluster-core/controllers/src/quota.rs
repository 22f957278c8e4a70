//! What a namespace uses of its resource quotas.

use crate::meta::namespace;
use crate::pods::{BY_NAMESPACE, is_finished};
use crate::resources::{Partial, discover};
use crate::runner::{Controller, Runner, feed};
use crate::{Context, Error};
use async_trait::async_trait;
use cluster_client::{Change, Client, Informer, Informers, Object, ObjectKey, WatchScope, WorkQueue};
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, Pod, ResourceQuota, ResourceQuotaStatus, ScopedResourceSelectorRequirement,
    Service,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use parking_lot::Mutex;
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

fn parse(amount: Option<&Amount>) -> Quantity {
    amount.and_then(|amount| Quantity::parse(&amount.0).ok()).unwrap_or_default()
}

fn count(number: usize) -> Quantity {
    Quantity::new(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What all containers of a pod ask for together, or its largest init container alone when that is more.
fn total(pod: &Pod, resource: &str, limits: bool) -> Quantity {
    let Some(spec) = &pod.spec else { return Quantity::default() };
    let of = |container: &Container| {
        let resources = container.resources.as_ref();
        let amounts = resources.and_then(|all| if limits { all.limits.as_ref() } else { all.requests.as_ref() });
        parse(amounts.and_then(|amounts| amounts.get(resource)))
    };
    let mut sidecars = Quantity::default();
    let mut starting = Quantity::default();
    for container in spec.init_containers.iter().flatten() {
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = sidecars + of(container);
        } else {
            starting = starting.max(sidecars + of(container));
        }
    }
    let running: Quantity = spec.containers.iter().map(of).sum();
    (running + sidecars).max(starting) + parse(spec.overhead.as_ref().and_then(|overhead| overhead.get(resource)))
}

/// Whether a pod is within one scope of a quota.
fn within(pod: &Pod, scope: &ScopedResourceSelectorRequirement) -> bool {
    let spec = pod.spec.as_ref();
    let limited = spec.is_some_and(|spec| spec.active_deadline_seconds.is_some());
    let best_effort = pod.status.as_ref().and_then(|status| status.qos_class.as_deref()) == Some("BestEffort");
    match scope.scope_name.as_str() {
        "Terminating" => limited,
        "NotTerminating" => !limited,
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "PriorityClass" => holds(scope, spec.and_then(|spec| spec.priority_class_name.as_ref())),
        "CrossNamespacePodAffinity" => crosses_namespaces(pod),
        _ => true,
    }
}

fn holds(scope: &ScopedResourceSelectorRequirement, value: Option<&String>) -> bool {
    let value = value.filter(|value| !value.is_empty());
    let listed = value.is_some_and(|value| scope.values.iter().flatten().any(|wanted| wanted == value));
    match scope.operator.as_str() {
        "In" => listed,
        "NotIn" => value.is_some() && !listed,
        "DoesNotExist" => value.is_none(),
        _ => value.is_some(),
    }
}

/// Whether a pod's affinity looks at other namespaces.
fn crosses_namespaces(pod: &Pod) -> bool {
    let Some(affinity) = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref()) else { return false };
    let with = affinity.pod_affinity.iter().flat_map(|affinity| {
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        let required = affinity.required_during_scheduling_ignored_during_execution.iter().flatten();
        required.chain(preferred.map(|weighted| &weighted.pod_affinity_term))
    });
    let against = affinity.pod_anti_affinity.iter().flat_map(|affinity| {
        let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        let required = affinity.required_during_scheduling_ignored_during_execution.iter().flatten();
        required.chain(preferred.map(|weighted| &weighted.pod_affinity_term))
    });
    with.chain(against).any(|term| {
        term.namespace_selector.is_some() || term.namespaces.as_ref().is_some_and(|names| !names.is_empty())
    })
}

/// The scopes of a quota, both ways of saying them.
fn scopes(quota: &ResourceQuota) -> Vec<ScopedResourceSelectorRequirement> {
    let Some(spec) = &quota.spec else { return Vec::new() };
    let plain = spec.scopes.iter().flatten().map(|scope| ScopedResourceSelectorRequirement {
        scope_name: scope.clone(),
        operator: "Exists".to_owned(),
        values: None,
    });
    let selected = spec.scope_selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten().cloned());
    plain.chain(selected).collect()
}

/// What pods use of a resource; `None` when it is not about pods.
fn of_pods(name: &str, pods: &[&Pod]) -> Option<Quantity> {
    let (limits, resource) = match name {
        "pods" => return Some(count(pods.len())),
        "cpu" | "memory" | "ephemeral-storage" => (false, name),
        name if name.starts_with("hugepages-") => (false, name),
        _ => match (name.strip_prefix("requests."), name.strip_prefix("limits.")) {
            (Some("storage"), _) | (None, None) => return None,
            (Some(resource), _) => (false, resource),
            (None, Some(resource)) => (true, resource),
        },
    };
    Some(pods.iter().map(|pod| total(pod, resource, limits)).sum())
}

fn of_services(name: &str, services: &[&Service]) -> Option<Quantity> {
    let is = |service: &Service, kinds: &[&str]| {
        let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
        kind.is_some_and(|kind| kinds.contains(&kind))
    };
    let ports = |service: &&Service| service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).count();
    match name {
        "services" | "count/services" => Some(count(services.len())),
        "services.loadbalancers" => Some(count(services.iter().filter(|one| is(one, &["LoadBalancer"])).count())),
        "services.nodeports" => {
            let open = services.iter().filter(|service| is(service, &["NodePort", "LoadBalancer"]));
            Some(count(open.map(ports).sum()))
        }
        _ => None,
    }
}

/// What claims use of a resource, also of the claims of one class only.
fn of_claims(name: &str, claims: &[&PersistentVolumeClaim]) -> Option<Quantity> {
    let (class, name) = match name.split_once(".storageclass.storage.k8s.io/") {
        Some((class, name)) => (Some(class), name),
        None => (None, name),
    };
    let class_of = |claim: &PersistentVolumeClaim| claim.spec.as_ref().and_then(|spec| spec.storage_class_name.clone());
    let mut picked = claims.iter().filter(|claim| class.is_none_or(|class| class_of(claim).as_deref() == Some(class)));
    let size = |claim: &&PersistentVolumeClaim| {
        let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        parse(requests.and_then(|requests| requests.get("storage")))
    };
    match name {
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => Some(count(picked.count())),
        "requests.storage" => Some(picked.by_ref().map(size).sum()),
        _ => None,
    }
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
        let used = self.used(&quota, &hard, &key.namespace);
        let status = ResourceQuotaStatus { hard: Some(hard), used: Some(used) };
        if quota.status.as_ref() == Some(&status) {
            return Ok(None);
        }
        let updated = ResourceQuota { status: Some(status), ..(*quota).clone() };
        match self.client.update_status(&updated).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => Ok(other.map(|_| None)?),
        }
    }
}

impl Quotas {
    fn used(&self, quota: &ResourceQuota, hard: &Amounts, namespace: &str) -> Amounts {
        let scopes = scopes(quota);
        let mut pods = self.pods.by_index(BY_NAMESPACE, namespace);
        pods.retain(|pod| !is_finished(pod) && scopes.iter().all(|scope| within(pod, scope)));
        let services = self.services.by_index(BY_NAMESPACE, namespace);
        let claims = self.claims.by_index(BY_NAMESPACE, namespace);
        let pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).collect();
        let services: Vec<&Service> = services.iter().map(AsRef::as_ref).collect();
        let mut claims: Vec<&PersistentVolumeClaim> = claims.iter().map(AsRef::as_ref).collect();
        if let Some(scope) = scopes.iter().find(|scope| scope.scope_name == "VolumeAttributesClass") {
            let class = |claim: &&PersistentVolumeClaim| claim.spec.as_ref()?.volume_attributes_class_name.clone();
            claims.retain(|claim| holds(scope, class(claim).as_ref()));
        }
        let amount = |name: &str| {
            of_claims(name, &claims)
                .or_else(|| of_pods(name, &pods))
                .or_else(|| of_services(name, &services))
                .or_else(|| self.counted(name, namespace))
        };
        hard.keys().filter_map(|name| Some((name.clone(), Amount(amount(name)?.to_string())))).collect()
    }

    /// How many objects of a kind there are; `None` until that is known.
    fn counted(&self, name: &str, namespace: &str) -> Option<Quantity> {
        let counted = self.counted.lock();
        let informer = counted.get(resource(name)?)?;
        informer.is_synced().then(|| count(informer.by_index(BY_NAMESPACE, namespace).len()))
    }

    /// Sees to it that a kind is counted from now on.
    async fn watch(&self, name: &str) -> Result<(), Error> {
        let Some(name) = resource(name) else { return Ok(()) };
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

/// The kind whose objects a quota's name counts.
fn resource(name: &str) -> Option<&str> {
    const PLAIN: [&str; 4] = ["configmaps", "secrets", "replicationcontrollers", "resourcequotas"];
    name.strip_prefix("count/").or_else(|| PLAIN.contains(&name).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_resource_of_a_quota_is_counted_its_own_way() {
        let pod = json!({"metadata": {}, "spec": {
        "initContainers": [
            {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
            {"name": "init", "resources": {"requests": {"cpu": "2"}}},
        ],
        "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}},
            {"name": "b", "resources": {"requests": {"memory": "1Gi"}}},
        ]}});
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let service = json!({"metadata": {}, "spec": {"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}});
        let service: Service = serde_json::from_value(service).expect("a service");
        let claim = json!({"metadata": {}, "spec": {"storageClassName": "fast",
            "resources": {"requests": {"storage": "5Gi"}}}});
        let claim: PersistentVolumeClaim = serde_json::from_value(claim).expect("a claim");
        let cases = [
            ("pods", "2"),
            ("cpu", "4100m"),
            ("requests.memory", "4Gi"),
            ("limits.memory", "4Gi"),
            ("services", "1"),
            ("services.nodeports", "2"),
            ("services.loadbalancers", "0"),
            ("persistentvolumeclaims", "1"),
            ("requests.storage", "5Gi"),
            ("fast.storageclass.storage.k8s.io/requests.storage", "5Gi"),
            ("slow.storageclass.storage.k8s.io/persistentvolumeclaims", "0"),
        ];
        for (name, expected) in cases {
            let found = of_claims(name, &[&claim]);
            let found = found.or_else(|| of_pods(name, &[&pod, &pod])).or_else(|| of_services(name, &[&service]));
            assert_eq!(found.map(|amount| amount.to_string()).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_quota_counts_only_the_pods_within_its_scopes() {
        let affinity = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            [{"topologyKey": "zone", "namespaces": ["other"]}]}});
        let pod = json!({"metadata": {}, "status": {"qosClass": "BestEffort"},
            "spec": {"containers": [], "priorityClassName": "high", "affinity": affinity}});
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let cases = [
            ("BestEffort", "Exists", &[][..], true),
            ("NotBestEffort", "Exists", &[], false),
            ("Terminating", "Exists", &[], false),
            ("NotTerminating", "Exists", &[], true),
            ("PriorityClass", "In", &["low", "high"], true),
            ("PriorityClass", "In", &["low"], false),
            ("PriorityClass", "NotIn", &["low"], true),
            ("PriorityClass", "DoesNotExist", &[], false),
            ("CrossNamespacePodAffinity", "Exists", &[], true),
        ];
        for (scope, operator, values, expected) in cases {
            let selector = json!({"matchExpressions": [{"scopeName": scope, "operator": operator, "values": values}]});
            let quota = json!({"metadata": {}, "spec": {"scopeSelector": selector}});
            let quota: ResourceQuota = serde_json::from_value(quota).expect("a quota");
            let found = scopes(&quota).iter().all(|scope| within(&pod, scope));
            assert_eq!(found, expected, "{scope} {operator} {values:?}");
        }
    }
}
