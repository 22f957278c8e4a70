//! What DNS needs to know of services and endpoints, and how it reads it from the informers.

use crate::prelude::*;
use crate::proxy::{BY_SERVICE, SERVICE_NAME};
use cluster_client::{Informer, Object, ObjectKey};

/// The index of services and slices by address.
pub(super) const BY_ADDRESS: &str = "address";

/// A port that SRV records speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    /// May be empty; then it has no SRV record.
    pub(super) name: String,
    /// `tcp`, `udp` or `sctp`.
    pub(super) protocol: String,
    /// The number.
    pub(super) number: u16,
}

/// What stands behind a service's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Backing {
    /// Its cluster IPs.
    ClusterIp(Vec<Ipv4Addr>),
    /// Its endpoints.
    Headless,
    /// Another name.
    External(String),
}

/// A service as DNS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServiceEntry {
    /// What answers.
    pub(super) backing: Backing,
    /// The service's ports.
    pub(super) ports: Vec<Port>,
}

/// An endpoint of a headless service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndpointName {
    /// The pod's hostname, or its address with dashes.
    pub(super) name: String,
    /// The pod's address.
    pub(super) address: Ipv4Addr,
    /// The target ports.
    pub(super) ports: Vec<Port>,
}

/// The cluster's names.
pub(super) trait Zone: Send + Sync + Unpin + 'static {
    /// Whether the namespace has any service: a name below it can then exist.
    fn has_namespace(&self, namespace: &str) -> bool;
    /// One service.
    fn service(&self, namespace: &str, name: &str) -> Option<ServiceEntry>;
    /// The endpoints of a service that are to be published.
    fn endpoints(&self, namespace: &str, name: &str) -> Vec<EndpointName>;
    /// The names of an address, relative to the cluster's domain, for example `web.default.svc`.
    fn names_of(&self, address: Ipv4Addr) -> Vec<String>;
}

/// The cluster's names out of the node's caches.
pub(super) struct InformerZone {
    pub(super) services: Informer<Service>,
    pub(super) slices: Informer<EndpointSlice>,
}

impl Zone for InformerZone {
    fn has_namespace(&self, namespace: &str) -> bool {
        self.services.list().iter().any(|service| service.namespace() == namespace)
    }

    fn service(&self, namespace: &str, name: &str) -> Option<ServiceEntry> {
        self.services.get(&ObjectKey::new(namespace, name)).and_then(|service| entry(&service))
    }

    fn endpoints(&self, namespace: &str, name: &str) -> Vec<EndpointName> {
        let publish_all = self
            .services
            .get(&ObjectKey::new(namespace, name))
            .and_then(|s| s.spec.as_ref()?.publish_not_ready_addresses)
            .unwrap_or(false);
        let slices = self.slices.by_index(BY_SERVICE, &format!("{namespace}/{name}"));
        slices.iter().flat_map(|slice| published(slice, publish_all)).collect()
    }

    fn names_of(&self, address: Ipv4Addr) -> Vec<String> {
        let text = address.to_string();
        let services = self.services.by_index(BY_ADDRESS, &text);
        let mut names: Vec<String> =
            services.iter().map(|service| format!("{}.{}.svc", service.name(), service.namespace())).collect();
        for slice in self.slices.by_index(BY_ADDRESS, &text) {
            let Some(service) = slice.label(SERVICE_NAME) else { continue };
            let namespace = slice.namespace();
            let here = published(&slice, true).into_iter().filter(|endpoint| endpoint.address == address);
            names.extend(here.map(|endpoint| format!("{}.{service}.{namespace}.svc", endpoint.name)));
        }
        names
    }
}

/// The addresses a service is filed under.
pub(super) fn service_addresses(service: &Service) -> Vec<String> {
    service.spec.as_ref().and_then(|spec| spec.cluster_ips.clone()).unwrap_or_default()
}

/// The addresses a slice is filed under.
pub(super) fn endpoint_addresses(slice: &EndpointSlice) -> Vec<String> {
    slice.endpoints.iter().flatten().flat_map(|endpoint| endpoint.addresses.clone()).collect()
}

fn entry(service: &Service) -> Option<ServiceEntry> {
    let spec = service.spec.as_ref()?;
    let backing = if spec.type_.as_deref() == Some("ExternalName") {
        Backing::External(spec.external_name.clone()?)
    } else {
        match spec.cluster_ips.as_deref().unwrap_or_default() {
            [only] if only == "None" => Backing::Headless,
            ips => Backing::ClusterIp(ips.iter().filter_map(|ip| ip.parse().ok()).collect()),
        }
    };
    let ports = spec.ports.iter().flatten();
    let ports = ports.filter_map(|p| port(p.name.as_deref(), p.protocol.as_deref(), Some(p.port))).collect();
    Some(ServiceEntry { backing, ports })
}

fn port(name: Option<&str>, protocol: Option<&str>, number: Option<i32>) -> Option<Port> {
    Some(Port {
        name: name.unwrap_or_default().to_owned(),
        protocol: protocol.unwrap_or("TCP").to_ascii_lowercase(),
        number: u16::try_from(number?).ok()?,
    })
}

fn published(slice: &EndpointSlice, publish_all: bool) -> Vec<EndpointName> {
    let ports: Vec<Port> =
        slice.ports.iter().flatten().filter_map(|p| port(p.name.as_deref(), p.protocol.as_deref(), p.port)).collect();
    let ready = |conditions: Option<bool>| publish_all || conditions.unwrap_or(true);
    let endpoints = slice.endpoints.iter().flatten().filter(|e| ready(e.conditions.as_ref().and_then(|c| c.ready)));
    endpoints
        .filter_map(|endpoint| {
            let address: Ipv4Addr = endpoint.addresses.first()?.parse().ok()?;
            let name = endpoint.hostname.clone().unwrap_or_else(|| address.to_string().replace('.', "-"));
            Some(EndpointName { name, address, ports: ports.clone() })
        })
        .collect()
}
