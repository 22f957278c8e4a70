//! What the proxy has to do, read from Services and EndpointSlices.

use super::host_ports::HostPort;
use crate::prelude::*;
use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::{Service, ServicePort as ApiPort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint as ApiEndpoint, EndpointSlice};

/// Upstream's default for `sessionAffinityConfig.clientIP.timeoutSeconds`.
const AFFINITY_SECONDS: u32 = 10_800;

/// All ports of all services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// Sorted by service and port.
    pub(super) ports: Vec<ServicePort>,
    /// Addresses of pods on this node that stand behind a service: they may be sent back to themselves.
    pub(super) local_endpoints: BTreeSet<Ipv4Addr>,
    /// Ports of the node that lead to its pods.
    pub(super) host_ports: BTreeMap<HostPort, Endpoint>,
    /// What load balancers ask, by port of the node.
    pub(super) health_checks: BTreeMap<u16, HealthCheck>,
}

/// A service whose load balancer asks each node whether one of its pods is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HealthCheck {
    /// The service's namespace.
    pub(super) namespace: String,
    /// The service's name.
    pub(super) name: String,
    /// How many of its ready endpoints are on this node.
    pub(super) local_endpoints: usize,
}

/// Where the proxy stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The node's name.
    pub(super) node: &'a str,
    /// The zone that the node's label tells.
    pub(super) zone: Option<&'a str>,
}

/// One port of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServicePort {
    /// `namespace/service/protocol/port`; unique.
    pub(super) name: String,
    /// `tcp`, `udp` or `sctp`.
    pub(super) protocol: String,
    /// The service's port.
    pub(super) port: u16,
    /// The cluster IPs (IPv4).
    pub(super) cluster_ips: Vec<Ipv4Addr>,
    /// Load balancer and external addresses.
    pub(super) external_ips: Vec<Ipv4Addr>,
    /// Those of them that only some clients may use, with who may.
    pub(super) guarded: Option<(Vec<Ipv4Addr>, Vec<Ipv4Net>)>,
    /// The port on every node.
    pub(super) node_port: Option<u16>,
    /// Seconds a client stays with its endpoint.
    pub(super) affinity_seconds: Option<u32>,
    /// Who answers on all nodes, or on those near to this one.
    pub(super) cluster: Vec<Endpoint>,
    /// Who answers on this node.
    pub(super) local: Vec<Endpoint>,
    /// `internalTrafficPolicy: Local`: traffic from inside stays on its node.
    pub(super) internal_local: bool,
    /// `externalTrafficPolicy: Local`: traffic from outside stays on its node and keeps its source address.
    pub(super) external_local: bool,
}

/// Where one connection may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    /// The pod's address.
    pub(super) address: Ipv4Addr,
    /// The target port.
    pub(super) port: u16,
}

struct Candidate {
    endpoint: Endpoint,
    ready: bool,
    /// Terminating but still serving: used when nobody is ready.
    serving: bool,
    local: bool,
    /// Whether it is meant for this node, and for its zone, if it is meant for certain nodes or zones.
    near: [Option<bool>; 2],
}

impl Model {
    /// Reads all services; `slices_of` gives the slices of `namespace/name`.
    pub(super) fn read(
        services: &[Arc<Service>],
        slices_of: impl Fn(&str) -> Vec<Arc<EndpointSlice>>,
        place: Place<'_>,
    ) -> Self {
        let mut model = Self::default();
        for service in services {
            let slices = slices_of(&service.key().to_string());
            model.ports.extend(service_ports(service, &slices, place));
            let mut ready = BTreeSet::new();
            for endpoint in slices.iter().flat_map(|slice| slice.endpoints.iter().flatten()) {
                if endpoint.node_name.as_deref() == Some(place.node) {
                    let addresses = addresses(&endpoint.addresses);
                    ready.extend(addresses.iter().copied().filter(|_| conditions(endpoint).0));
                    model.local_endpoints.extend(addresses);
                }
            }
            model.health_checks.extend(health_check(service, ready.len()));
        }
        model.ports.sort_by(|a, b| a.name.cmp(&b.name));
        model
    }

    /// Adds the node's host ports.
    pub(super) fn lead(&mut self, ports: &BTreeMap<HostPort, Endpoint>) {
        self.host_ports.clone_from(ports);
        self.local_endpoints.extend(ports.values().map(|endpoint| endpoint.address));
    }
}

/// Labels of services that somebody else serves, or nobody.
const NOT_OURS: [&str; 2] = ["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"];

/// The ports of one service; none for headless and external-name services.
pub(super) fn service_ports(service: &Service, slices: &[Arc<EndpointSlice>], place: Place<'_>) -> Vec<ServicePort> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let cluster_ips = addresses(spec.cluster_ips.as_deref().unwrap_or_default());
    if spec.type_.as_deref() == Some("ExternalName") || cluster_ips.is_empty() || !is_ours(service) {
        return Vec::new();
    }
    let external_ips = external_ips(service, spec);
    let guarded = guarded(service, spec);
    let of = service.key();
    let of_port = |port: &ApiPort| {
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let candidates = candidates(slices, port.name.as_deref().unwrap_or_default(), protocol, place);
        let protocol = protocol.to_ascii_lowercase();
        Some(ServicePort {
            name: format!("{of}/{protocol}/{}", port.port),
            port: u16::try_from(port.port).ok()?,
            cluster_ips: cluster_ips.clone(),
            external_ips: external_ips.clone(),
            guarded: guarded.clone(),
            node_port: port.node_port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p != 0),
            affinity_seconds: affinity(spec),
            cluster: choose(&candidates, false),
            local: choose(&candidates, true),
            internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            external_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            protocol,
        })
    };
    spec.ports.iter().flatten().filter_map(of_port).collect()
}

pub(super) fn is_ours(service: &Service) -> bool {
    !NOT_OURS.iter().any(|key| service.label(key).is_some())
}

fn health_check(service: &Service, local_endpoints: usize) -> Option<(u16, HealthCheck)> {
    let spec = service.spec.as_ref().filter(|_| is_ours(service))?;
    let policy = (spec.type_.as_deref(), spec.external_traffic_policy.as_deref());
    let port = spec.health_check_node_port.filter(|_| policy == (Some("LoadBalancer"), Some("Local")))?;
    let (namespace, name) = (service.namespace().to_owned(), service.name().to_owned());
    let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
    Some((port, HealthCheck { namespace, name, local_endpoints }))
}

fn addresses(texts: &[String]) -> Vec<Ipv4Addr> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn external_ips(service: &Service, spec: &ServiceSpec) -> Vec<Ipv4Addr> {
    let mut ips = addresses(spec.external_ips.as_deref().unwrap_or_default());
    ips.extend(ingress_ips(service));
    ips
}

/// The addresses of a load balancer that is not for everybody, and the networks that it is for. A node that has such an
/// address speaks to it as itself.
fn guarded(service: &Service, spec: &ServiceSpec) -> Option<(Vec<Ipv4Addr>, Vec<Ipv4Net>)> {
    let ranges = spec.load_balancer_source_ranges.iter().flatten().filter_map(|range| range.trim().parse().ok());
    let ranges: Vec<Ipv4Net> = ranges.collect();
    let addresses: Vec<Ipv4Addr> = ingress_ips(service).collect();
    let all: Vec<Ipv4Net> = ranges.iter().copied().chain(addresses.iter().map(|ip| (*ip).into())).collect();
    (!ranges.is_empty() && !addresses.is_empty()).then(|| (addresses, Ipv4Net::aggregate(&all)))
}

/// The addresses of a service's load balancer.
pub(super) fn ingress_ips(service: &Service) -> impl Iterator<Item = Ipv4Addr> {
    let ingress = service.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|b| b.ingress.as_ref());
    // A balancer that is a proxy of its own must see its traffic.
    let own = ingress.into_iter().flatten().filter(|ingress| ingress.ip_mode.as_deref() != Some("Proxy"));
    own.filter_map(|ingress| ingress.ip.as_deref()?.parse().ok())
}

fn affinity(spec: &ServiceSpec) -> Option<u32> {
    if spec.session_affinity.as_deref() != Some("ClientIP") {
        return None;
    }
    let seconds = spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref()?.timeout_seconds);
    Some(seconds.and_then(|s| u32::try_from(s).ok()).unwrap_or(AFFINITY_SECONDS))
}

fn candidates(slices: &[Arc<EndpointSlice>], port_name: &str, protocol: &str, place: Place<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for slice in slices.iter().filter(|slice| slice.address_type == "IPv4") {
        let port = slice.ports.iter().flatten().find(|p| {
            p.name.as_deref().unwrap_or_default() == port_name && p.protocol.as_deref().unwrap_or("TCP") == protocol
        });
        let Some(port) = port.and_then(|p| u16::try_from(p.port?).ok()) else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            let Some(address) = endpoint.addresses.first().and_then(|a| a.parse().ok()) else { continue };
            let (ready, serving) = conditions(endpoint);
            let local = endpoint.node_name.as_deref() == Some(place.node);
            let near = near(endpoint, place);
            found.push(Candidate { endpoint: Endpoint { address, port }, ready, serving, local, near });
        }
    }
    found
}

/// Ready, and serving while terminating; absent conditions count as ready (discovery/v1).
pub(super) fn conditions(endpoint: &ApiEndpoint) -> (bool, bool) {
    let Some(conditions) = &endpoint.conditions else { return (true, false) };
    let ready = conditions.ready.unwrap_or(true);
    let terminating = conditions.terminating.unwrap_or(false);
    (ready, terminating && conditions.serving.unwrap_or(ready))
}

/// What the hints of an endpoint say of this node, and of its zone.
fn near(endpoint: &ApiEndpoint, place: Place<'_>) -> [Option<bool>; 2] {
    let hints = endpoint.hints.as_ref();
    let nodes = hints.and_then(|hints| hints.for_nodes.as_ref()).filter(|nodes| !nodes.is_empty());
    let zones = hints.and_then(|hints| hints.for_zones.as_ref()).filter(|zones| !zones.is_empty());
    [
        nodes.map(|nodes| nodes.iter().any(|hint| hint.name == place.node)),
        zones.map(|zones| zones.iter().any(|hint| Some(&*hint.name) == place.zone)),
    ]
}

/// Ready endpoints, of these the ones meant for this node or else its zone, when all are meant for some; when there are
/// none, terminating ones that still serve (KEP-1669). Who wants only local ones has no use for hints.
fn choose(candidates: &[Candidate], local_only: bool) -> Vec<Endpoint> {
    let pick = |wanted: fn(&Candidate) -> bool| -> Vec<&Candidate> {
        candidates.iter().filter(|c| wanted(c) && (c.local || !local_only)).collect()
    };
    let mut chosen = pick(|c| c.ready);
    let hints = [0, 1].into_iter().find(|hint| {
        chosen.iter().all(|c| c.near[*hint].is_some()) && chosen.iter().any(|c| c.near[*hint] == Some(true))
    });
    if chosen.is_empty() {
        chosen = pick(|c| c.serving);
    } else if let Some(hint) = hints.filter(|_| !local_only) {
        chosen.retain(|c| c.near[hint] == Some(true));
    }
    let chosen: BTreeSet<Endpoint> = chosen.into_iter().map(|c| c.endpoint).collect();
    chosen.into_iter().collect()
}
