//! What services select: the addresses behind them as endpoint slices and as the older Endpoints objects.

pub(crate) mod endpoints;
mod hints;
pub(crate) mod mirror;
mod ports;
pub(crate) mod slices;

use crate::meta::has_labels;
use crate::prelude::*;

const HEADLESS: &str = "service.kubernetes.io/headless";

/// The selector of a service whose endpoints are made here; `None` when somebody else makes them.
fn selector(service: &Service) -> Option<&Labels> {
    let spec = service.spec.as_ref()?;
    spec.selector.as_ref().filter(|selector| !selector.is_empty() && spec.type_.as_deref() != Some("ExternalName"))
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

fn publishes_not_ready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true)
}

/// The services whose endpoints a change of a pod may touch.
fn affected(change: &Change<Pod>, services: &Informer<Service>) -> Vec<ObjectKey> {
    let pod = change.object();
    let mut labels: Vec<Option<&Labels>> = vec![pod.metadata.labels.as_ref()];
    if let Change::Updated { old, new } = change {
        if same_endpoint(old, new) {
            return Vec::new();
        }
        labels.push(old.metadata.labels.as_ref());
    }
    near(services, pod.namespace(), |service| {
        selector(service).is_some_and(|selector| labels.iter().any(|labels| has_labels(*labels, selector)))
    })
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

/// The pods a service selects that have an address and are not over.
fn selected(selector: &Labels, service: &Service, pods: &Informer<Pod>) -> Vec<Arc<Pod>> {
    let mut pods = pods.by_index(BY_NAMESPACE, service.namespace());
    pods.retain(|pod| {
        has_labels(pod.metadata.labels.as_ref(), selector) && !pods::is_finished(pod) && address(pod).is_some()
    });
    pods
}

fn address(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref().filter(|ip| !ip.is_empty())
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

fn exists(service: Option<&Arc<Service>>) -> bool {
    service.is_some_and(|service| !service.is_deleting())
}
