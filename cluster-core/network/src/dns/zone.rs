//! What DNS needs to know of services and endpoints, out of the node's caches.

use crate::prelude::*;
use crate::proxy::{BY_SERVICE, SERVICE_NAME, slice_service};
use cluster_client::{Informer, Object, ObjectKey};
use k8s_openapi::api::discovery::v1::Endpoint;

/// The index of services and slices by address.
const BY_ADDRESS: &str = "address";

/// The cluster's names out of the node's caches.
pub(super) struct Zone {
    services: Informer<Service>,
    slices: Informer<EndpointSlice>,
}

impl Zone {
    pub(super) fn new(informers: &Informers) -> Self {
        let (services, slices) = (informers.informer::<Service>(), informers.informer::<EndpointSlice>());
        slices.add_index(BY_SERVICE, slice_service);
        services.add_index(BY_ADDRESS, service_addresses);
        slices.add_index(BY_ADDRESS, endpoint_addresses);
        Self { services, slices }
    }

    /// Waits until all names are known.
    pub(super) async fn synced(&self) {
        tokio::join!(self.services.synced(), self.slices.synced());
    }

    /// Whether the namespace has any service: a name below it can then exist.
    pub(super) fn has_namespace(&self, namespace: &str) -> bool {
        self.services.list().iter().any(|service| service.namespace() == namespace)
    }

    /// A service and its slices.
    pub(super) fn service(&self, namespace: &str, name: &str) -> Option<(Arc<Service>, Vec<Arc<EndpointSlice>>)> {
        let service = self.services.get(&ObjectKey::new(namespace, name))?;
        Some((service, self.slices.by_index(BY_SERVICE, &format!("{namespace}/{name}"))))
    }

    /// The names of an address, relative to the cluster's domain, for example `web.default.svc`.
    pub(super) fn names_of(&self, address: Ipv4Addr) -> Vec<String> {
        let text = address.to_string();
        let services = self.services.by_index(BY_ADDRESS, &text);
        let mut names: Vec<String> =
            services.iter().map(|service| format!("{}.{}.svc", service.name(), service.namespace())).collect();
        for slice in self.slices.by_index(BY_ADDRESS, &text) {
            let Some(service) = slice.label(SERVICE_NAME) else { continue };
            let namespace = slice.namespace();
            let here = published(&slice, true).filter(|(_, of)| *of == address);
            names.extend(here.map(|(name, _)| format!("{name}.{service}.{namespace}.svc")));
        }
        names
    }
}

/// The addresses a service is filed under.
fn service_addresses(service: &Service) -> Vec<String> {
    service.spec.as_ref().and_then(|spec| spec.cluster_ips.clone()).unwrap_or_default()
}

/// The addresses a slice is filed under.
fn endpoint_addresses(slice: &EndpointSlice) -> Vec<String> {
    slice.endpoints.iter().flatten().flat_map(|endpoint| endpoint.addresses.clone()).collect()
}

/// The endpoints that have names: each is called by its pod's hostname, or by its address with dashes.
pub(super) fn published(slice: &EndpointSlice, all: bool) -> impl Iterator<Item = (String, Ipv4Addr)> {
    let ready = move |e: &&Endpoint| all || e.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true);
    slice.endpoints.iter().flatten().filter(ready).filter_map(|endpoint| {
        let address: Ipv4Addr = endpoint.addresses.first()?.parse().ok()?;
        let name = endpoint.hostname.clone().unwrap_or_else(|| address.to_string().replace('.', "-"));
        Some((name, address))
    })
}
