//! What services select: the addresses behind them as endpoint slices and as the older Endpoints objects.

mod endpoints;
mod hints;
pub(crate) mod mirror;
mod ports;
mod slices;

use crate::meta::has_labels;
use crate::prelude::*;
use slices::{MANAGED_BY, SERVICE, Slices, service_of};

const HEADLESS: &str = "service.kubernetes.io/headless";
const ZONE: &str = "topology.kubernetes.io/zone";

pub(crate) fn runner(context: &Context) -> Runner<Writer> {
    let client = context.client.clone();
    let (services, pods, nodes, endpoints) = context.caches();
    let slices = Slices::new(context, SERVICE, MANAGED_BY.1);
    let controller = Arc::new(Writer { client, services, pods, nodes, endpoints, slices });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.services)
        .on(&controller.pods, Writer::affected)
        .on(&controller.endpoints, |_, change| change.gone().map(|gone| gone.key()))
        .on(&controller.slices.cache, |_, change| service_of(change.object(), MANAGED_BY.1))
        .needs(&controller.nodes)
}

pub(crate) struct Writer {
    client: Client,
    services: Informer<Service>,
    pods: Informer<Pod>,
    nodes: Informer<Node>,
    endpoints: Informer<Endpoints>,
    slices: Slices,
}

impl Writer {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let service = self.services.get(key).filter(|service| !service.is_deleting());
        let (mut slices, mut endpoints) = (None, None);
        if let Some(service) = &service {
            let Some(selector) = selector(service) else { return Ok(None) };
            let mut pods = self.pods.in_namespace(&key.namespace);
            pods.retain(|pod| has_labels(pod.metadata.labels.as_ref(), selector) && !is_finished(pod));
            let groups = slices::groups(service, &pods, |pod| self.zone(pod));
            endpoints = Some((service.as_ref(), endpoints::subsets(service, &groups)));
            let labels = labels(service, &[(SERVICE, service.name()), MANAGED_BY]);
            slices = Some((slices::pattern(service.as_ref(), labels, None), groups));
        }
        let again = self.slices.reconcile(key, slices).await;
        endpoints::write(&self.client, endpoints, self.endpoints.get(key)).await?;
        again
    }

    fn zone(&self, pod: &Pod) -> Option<String> {
        self.nodes.get(&ObjectKey::new("", pods::node(pod)))?.label(ZONE).map(str::to_owned)
    }

    /// The services whose endpoints a change of a pod may touch.
    fn affected(&self, change: &Change<Pod>) -> Vec<ObjectKey> {
        let pod = change.object();
        let mut labels: Vec<Option<&Labels>> = vec![pod.metadata.labels.as_ref()];
        if let Change::Updated { old, new } = change {
            if same_endpoint(old, new) {
                return Vec::new();
            }
            labels.push(old.metadata.labels.as_ref());
        }
        near(&self.services, pod.namespace(), |service| {
            selector(service).is_some_and(|selector| labels.iter().any(|labels| has_labels(*labels, selector)))
        })
    }
}

/// The selector of a service whose endpoints are made here; `None` when somebody else makes them.
fn selector(service: &Service) -> Option<&Labels> {
    let spec = service.spec.as_ref()?;
    spec.selector.as_ref().filter(|selector| !selector.is_empty() && spec.type_.as_deref() != Some("ExternalName"))
}

/// The address families of a service, the first one first.
fn families(service: &Service) -> Vec<String> {
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.clone());
    families.unwrap_or_else(|| vec!["IPv4".to_owned()])
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

fn publishes_not_ready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true)
}

/// Whether two states of a pod make the same endpoint; most status updates do.
fn same_endpoint(old: &Pod, new: &Pod) -> bool {
    let ips = |pod: &Pod| pod.status.as_ref().and_then(|status| status.pod_ips.clone());
    old.metadata.labels == new.metadata.labels
        && ips(old) == ips(new)
        && pods::is_ready(old) == pods::is_ready(new)
        && pods::is_finished(old) == pods::is_finished(new)
        && old.is_deleting() == new.is_deleting()
        && pods::node(old) == pods::node(new)
}

/// The name the pod has in the DNS of a headless service.
fn hostname(pod: &Pod, service: &Service) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    (spec.subdomain.as_deref() == Some(service.name())).then(|| spec.hostname.clone()).flatten()
}

fn target(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: Some(pod.uid().to_owned()),
        ..ObjectReference::default()
    }
}

fn node_name(pod: &Pod) -> Option<String> {
    pod.spec.as_ref().and_then(|spec| spec.node_name.clone())
}

/// The labels of what is made for a service: the service's own and `more`.
fn labels(service: &Service, more: &[(&str, &str)]) -> Labels {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    labels
}
