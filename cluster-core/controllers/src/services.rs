//! What services select: the addresses behind them as endpoint slices and as the older Endpoints objects.

mod endpoints;
mod hints;
pub(crate) mod mirror;
mod ports;
mod slices;
mod triggers;

use crate::meta::has_labels;
use crate::prelude::*;
use slices::{Groups, MANAGED_BY, SERVICE, Slices, service_of};
use triggers::{TRIGGERED, Triggers, stamp};

const HEADLESS: &str = "service.kubernetes.io/headless";
const ZONE: &str = "topology.kubernetes.io/zone";

pub(crate) fn runner(context: &Context) -> Runner<Writer> {
    let (client, recorder) = (context.client.clone(), context.recorder("endpoint-slice-controller"));
    let (services, pods, nodes, endpoints) = context.caches();
    let slices = Slices::new(context, SERVICE, MANAGED_BY.1);
    let (divided, triggers) = (Mutex::default(), Triggers::default());
    let controller = Arc::new(Writer { client, recorder, services, pods, nodes, endpoints, slices, divided, triggers });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.services)
        .on(&controller.pods, Writer::affected)
        .on(&controller.endpoints, |_, change| change.gone().map(|gone| gone.key()))
        .on(&controller.slices.cache, |_, change| service_of(change.object(), MANAGED_BY.1))
        .on(&controller.nodes, Writer::shares_changed)
}

pub(crate) struct Writer {
    client: Client,
    recorder: Recorder,
    services: Informer<Service>,
    pods: Informer<Pod>,
    nodes: Informer<Node>,
    endpoints: Informer<Endpoints>,
    slices: Slices,
    /// The services, with an address family, whose endpoints are divided among the zones.
    divided: Mutex<HashSet<(ObjectKey, String)>>,
    triggers: Triggers,
}

impl Writer {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        if let Some(pause) = self.slices.behind(key) {
            return Ok(Some(pause));
        }
        let service = self.services.get(key).filter(|service| !service.is_deleting());
        let (mut slices, mut endpoints, mut trigger) = (None, None, None);
        if service.is_none() {
            self.triggers.forget(key);
            self.divided.lock().retain(|(service, _)| service != key);
        }
        if let Some(service) = &service {
            let Some(selector) = selector(service) else { return Ok(None) };
            let mut pods = self.pods.in_namespace(&key.namespace);
            pods.retain(|pod| has_labels(pod.metadata.labels.as_ref(), selector) && !is_finished(pod));
            trigger = self.triggers.next(service, &pods);
            let mut groups = slices::groups(service, &pods, |pod| self.zone(pod));
            self.divide(service, &mut groups);
            endpoints = Some((service.as_ref(), endpoints::subsets(service, &groups)));
            let labels = labels(service, &[(SERVICE, service.name()), MANAGED_BY]);
            slices = Some((slices::pattern(service.as_ref(), labels, None), groups));
        }
        let sliced = self.slices.reconcile(key, slices, trigger).await;
        endpoints::write(&self.client, endpoints, self.endpoints.get(key), trigger).await?;
        sliced.map(|()| None)
    }

    /// Divides the endpoints of a service among the zones if it asks for that, and tells when that begins, ends or fails.
    fn divide(&self, service: &Service, groups: &mut Groups) {
        let is_asked = hints::is_divided(service);
        let nodes = if is_asked { self.nodes.list() } else { Vec::new() };
        let shares = hints::shares(&nodes);
        for family in families(service) {
            let of_family = groups.iter_mut().filter(|((of, _), _)| *of == family);
            let endpoints = of_family.flat_map(|(_, endpoints)| endpoints).collect();
            let done = is_asked.then(|| hints::divide(endpoints, shares.as_ref()));
            let (mut divided, key) = (self.divided.lock(), (service.key(), family.clone()));
            let is_news = if matches!(done, Some(Ok(()))) { divided.insert(key) } else { divided.remove(&key) };
            let (kind, what, text) = match done {
                Some(Err(why)) => ("Warning", "Disabled", why),
                _ if !is_news => continue,
                Some(Ok(())) => ("Normal", "Enabled", "Topology Aware Hints has been enabled".to_owned()),
                None => ("Warning", "Disabled", "Topology Aware Hints has been disabled".to_owned()),
            };
            let (reason, text) = (format!("TopologyAwareHints{what}"), format!("{text}, addressType: {family}"));
            self.recorder.event(&reference(service), kind, &reason, text);
        }
    }

    /// What a change of a node's part in its zone means: services that are divided may be divided otherwise.
    fn shares_changed(&self, change: &Change<Node>) -> Vec<ObjectKey> {
        let changed = change.unless(|old, new| hints::capacity(old) == hints::capacity(new));
        let mut services = changed.map_or_else(Vec::new, |_| self.services.list());
        services.retain(|service| hints::is_divided(service));
        meta::keys(&services)
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
