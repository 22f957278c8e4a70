//! What a namespace uses of its resource quotas.

use crate::meta::namespace;
use crate::pods::{BY_NAMESPACE, is_finished};
use crate::resources::Partial;
use crate::runner::{Controller, Runner};
use crate::{Context, Error};
use async_trait::async_trait;
use cluster_client::{Change, Client, Informer, Object, ObjectKey, WatchScope};
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, Pod, ResourceQuota, ResourceQuotaStatus, Service};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use std::collections::BTreeMap;
use std::time::Duration;

/// Kinds that are only counted: the name in a quota, and where they are listed.
const COUNTED: [(&str, &str); 10] = [
    ("configmaps", "/api/v1/configmaps"),
    ("secrets", "/api/v1/secrets"),
    ("replicationcontrollers", "/api/v1/replicationcontrollers"),
    ("deployments.apps", "/apis/apps/v1/deployments"),
    ("replicasets.apps", "/apis/apps/v1/replicasets"),
    ("statefulsets.apps", "/apis/apps/v1/statefulsets"),
    ("daemonsets.apps", "/apis/apps/v1/daemonsets"),
    ("jobs.batch", "/apis/batch/v1/jobs"),
    ("cronjobs.batch", "/apis/batch/v1/cronjobs"),
    ("ingresses.networking.k8s.io", "/apis/networking.k8s.io/v1/ingresses"),
];

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
    let counted = COUNTED.map(|(name, path)| {
        let informer = informers.watching::<Partial>(WatchScope { path: path.to_owned(), ..WatchScope::default() });
        by_namespace(&informer);
        (name, informer)
    });
    let controller = Quotas {
        client: context.client.clone(),
        quotas: quotas.clone(),
        pods: pods.clone(),
        services: services.clone(),
        claims: claims.clone(),
        counted: counted.clone(),
    };
    let mut runner = Runner::new(controller)
        .on_each(&quotas)
        .on(&pods, near::<Pod>(&quotas, |old, new| is_finished(old) != is_finished(new) || old.spec != new.spec))
        .on(&services, near::<Service>(&quotas, |old, new| old.spec != new.spec))
        .on(&claims, near::<PersistentVolumeClaim>(&quotas, |old, new| old.spec != new.spec));
    for (_, informer) in &counted {
        runner = runner.on(informer, near::<Partial>(&quotas, |_, _| false));
    }
    runner.run(context.cancel).await;
}

struct Quotas {
    client: Client,
    quotas: Informer<ResourceQuota>,
    pods: Informer<Pod>,
    services: Informer<Service>,
    claims: Informer<PersistentVolumeClaim>,
    counted: [(&'static str, Informer<Partial>); COUNTED.len()],
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

/// Whether a pod is within a quota's scope.
fn within(pod: &Pod, scope: &str) -> bool {
    let spec = pod.spec.as_ref();
    let limited = spec.is_some_and(|spec| spec.active_deadline_seconds.is_some());
    let best_effort = pod.status.as_ref().and_then(|status| status.qos_class.as_deref()) == Some("BestEffort");
    match scope {
        "Terminating" => limited,
        "NotTerminating" => !limited,
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "PriorityClass" => spec.is_some_and(|spec| spec.priority_class_name.is_some()),
        _ => true,
    }
}

/// What pods use of a resource; `None` when it is not about pods.
fn of_pods(name: &str, pods: &[&Pod]) -> Option<Quantity> {
    let (limits, resource) = match name {
        "pods" | "count/pods" => return Some(count(pods.len())),
        "cpu" | "memory" | "ephemeral-storage" => (false, name),
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
        let scopes = quota.spec.as_ref().and_then(|spec| spec.scopes.as_deref()).unwrap_or_default();
        let mut pods = self.pods.by_index(BY_NAMESPACE, namespace);
        pods.retain(|pod| !is_finished(pod) && scopes.iter().all(|scope| within(pod, scope)));
        let services = self.services.by_index(BY_NAMESPACE, namespace);
        let claims = self.claims.by_index(BY_NAMESPACE, namespace);
        let pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).collect();
        let services: Vec<&Service> = services.iter().map(AsRef::as_ref).collect();
        let claims: Vec<&PersistentVolumeClaim> = claims.iter().map(AsRef::as_ref).collect();
        let amount = |name: &str| {
            of_claims(name, &claims)
                .or_else(|| of_pods(name, &pods))
                .or_else(|| of_services(name, &services))
                .or_else(|| self.counted(name, namespace))
        };
        hard.keys().filter_map(|name| Some((name.clone(), Amount(amount(name)?.to_string())))).collect()
    }

    fn counted(&self, name: &str, namespace: &str) -> Option<Quantity> {
        let name = name.strip_prefix("count/").unwrap_or(name);
        if matches!(name, "resourcequotas") {
            return Some(count(self.quotas.by_index(BY_NAMESPACE, namespace).len()));
        }
        let (_, informer) = self.counted.iter().find(|(known, _)| *known == name)?;
        Some(count(informer.by_index(BY_NAMESPACE, namespace).len()))
    }
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
}
