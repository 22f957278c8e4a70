//! Whom an endpoint is meant for: its neighbours, where its service asks for near ones (`trafficDistribution`), or a zone
//! that would else have too few for its CPUs (`service.kubernetes.io/topology-mode`).

use super::ZONE;
use crate::node_lifecycle::is_ready;
use crate::prelude::*;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, ForNode, ForZone};

/// The annotations that divide the endpoints of a service among zones, the older one first.
const MODES: [&str; 2] = ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"];
/// The nodes of these do no work for services.
const ROLES: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
/// By how much more than its part of the traffic an endpoint may be loaded.
const OVERLOAD: f64 = 0.2;

/// Whether a service asks that its endpoints are divided among the zones.
pub(super) fn is_divided(service: &Service) -> bool {
    matches!(MODES.iter().find_map(|mode| service.annotation(mode)), Some("Auto" | "auto"))
}

/// The zone of a ready endpoint, and its node where the service prefers its own.
pub(super) fn hints(service: &Service, endpoint: &Endpoint) -> Option<EndpointHints> {
    let wanted = service.spec.as_ref()?.traffic_distribution.as_deref()?;
    if is_divided(service) || !is_meant(endpoint) {
        return None;
    }
    let for_zones = endpoint.zone.clone().map(|name| vec![ForZone { name }]);
    let node = endpoint.node_name.clone().filter(|_| wanted == "PreferSameNode");
    let for_nodes = node.map(|name| vec![ForNode { name }]);
    (for_zones.is_some() || for_nodes.is_some()).then_some(EndpointHints { for_nodes, for_zones })
}

/// Whether an endpoint is for anybody.
fn is_meant(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
}

/// The zone of a node that works for services, and its CPUs in thousandths.
pub(super) fn capacity(node: &Node) -> Option<(&str, i64)> {
    if !is_ready(node) || ROLES.iter().any(|role| node.label(role).is_some()) {
        return None;
    }
    let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
    let cpus = allocatable.and_then(|all| Quantity::parse(&all.get("cpu")?.0).ok()).unwrap_or_default();
    Some((node.label(ZONE).unwrap_or_default(), cpus.milli_value()))
}

/// The part of all CPUs that is in each zone; none when a node does not tell, or where there is one zone.
pub(super) fn shares(nodes: &[Arc<Node>]) -> Option<BTreeMap<&str, f64>> {
    let mut shares = BTreeMap::new();
    for (zone, cpus) in nodes.iter().filter_map(|node| capacity(node)) {
        if zone.is_empty() || cpus == 0 {
            return None;
        }
        *shares.entry(zone).or_default() += cpus as f64;
    }
    let total: f64 = shares.values().sum();
    for share in shares.values_mut() {
        *share /= total;
    }
    Some(shares).filter(|shares| shares.len() > 1)
}

/// Gives each endpoint its own zone, but those that a zone can spare to zones that lack some; or says why none can have
/// one. Source: upstream's `TopologyCache.AddHints`.
pub(super) fn divide(mut endpoints: Vec<&mut Endpoint>, shares: Option<&BTreeMap<&str, f64>>) -> Result<(), String> {
    let unknown = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
    let shares = shares.ok_or(unknown)?;
    endpoints.retain(|endpoint| is_meant(endpoint));
    let count = endpoints.len() as f64;
    let fault = |text: &str| Err(format!("{text} ({count} endpoints, {} zones)", shares.len()));
    let least = |share: &f64| (share * count / (1.0 + OVERLOAD)).ceil();
    if shares.len() > endpoints.len() {
        return fault("Insufficient number of endpoints");
    }
    if shares.values().map(least).sum::<f64>() > count {
        let text = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold";
        return fault(text);
    }
    if endpoints.iter().any(|endpoint| endpoint.zone.as_deref().unwrap_or_default().is_empty()) {
        return Err("One or more endpoints do not have a zone specified".to_owned());
    }
    let mut spare: BTreeMap<&str, f64> =
        shares.iter().map(|(zone, share)| (*zone, -(share * count).max(least(share)))).collect();
    for endpoint in &mut endpoints {
        if let Some(spare) = endpoint.zone.as_deref().and_then(|zone| spare.get_mut(zone)) {
            *spare += 1.0;
        }
        endpoint.hints = endpoint.zone.as_deref().map(of_zone);
    }
    loop {
        let most = spare.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(zone, spare)| (*zone, *spare));
        let last = spare.iter().min_by(|a, b| a.1.total_cmp(b.1)).map(|(zone, spare)| (*zone, -spare));
        let (Some((giver, spares)), Some((taker, lacks))) = (most, last) else { return Ok(()) };
        if spares.min(lacks) < 0.5 || spares.max(lacks) < 1.0 {
            return Ok(());
        }
        let own = Some(of_zone(giver));
        if let Some(given) = endpoints.iter_mut().find(|endpoint| endpoint.hints == own) {
            given.hints = Some(of_zone(taker));
        }
        spare.extend([(giver, spares - 1.0), (taker, 1.0 - lacks)]);
    }
}

fn of_zone(name: &str) -> EndpointHints {
    EndpointHints { for_nodes: None, for_zones: Some(vec![ForZone { name: name.to_owned() }]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ServiceSpec;
    use k8s_openapi::api::discovery::v1::EndpointConditions;
    use serde_json::json;

    #[test]
    fn endpoints_are_meant_for_those_near_them_when_their_service_asks() {
        let near = |wanted: Option<&str>, ready, zone: Option<&str>| {
            let traffic_distribution = wanted.map(str::to_owned);
            let spec = ServiceSpec { traffic_distribution, ..ServiceSpec::default() };
            let service = Service { spec: Some(spec), ..Service::default() };
            let conditions = EndpointConditions { ready: Some(ready), ..EndpointConditions::default() };
            let (node_name, zone) = (Some("n".to_owned()), zone.map(str::to_owned));
            let endpoint = Endpoint { conditions: Some(conditions), node_name, zone, ..Endpoint::default() };
            hints(&service, &endpoint).map(|hints| (hints.for_nodes.is_some(), hints.for_zones.is_some()))
        };
        assert_eq!(near(None, true, Some("z")), None);
        assert_eq!(near(Some("PreferSameNode"), true, Some("z")), Some((true, true)));
        assert_eq!(near(Some("PreferSameNode"), false, Some("z")), None);
        assert_eq!(near(Some("PreferClose"), true, Some("z")), Some((false, true)));
        assert_eq!(near(Some("PreferSameZone"), true, None), None);
    }

    fn nodes(zones: &[(&str, &str)]) -> Vec<Arc<Node>> {
        let node = |(zone, cpus): &(&str, &str)| {
            let status = json!({"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": cpus}});
            let node = json!({"metadata": {"labels": {ZONE: zone}}, "status": status});
            Arc::new(serde_json::from_value(node).expect("a node"))
        };
        zones.iter().map(node).collect()
    }

    #[test]
    fn endpoints_are_divided_among_the_zones_by_their_cpus() {
        let few = "Insufficient number of endpoints (1 endpoints, 2 zones)";
        let overload = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold \
                        (3 endpoints, 2 zones)";
        let unknown = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
        let equal = [("a", "4"), ("b", "2"), ("b", "2")];
        for (zones, endpoints, expected) in [
            (&equal[..], "ab", "ab"),
            (&equal, "aabb", "aabb"),
            (&equal, "aaab", "baab"),
            (&equal, "aaaaaa", "bbbaaa"),
            (&equal, "aab", overload),
            (&equal, "a", few),
            (&equal, "abc-", "One or more endpoints do not have a zone specified"),
            // One that is ready in a zone without nodes stays there.
            (&equal, "aaaabc", "baaabc"),
            (&[("a", "3"), ("b", "1")], "aaab", "aaab"),
            (&[("a", "3"), ("b", "1")], "abbb", "aaab"),
            (&[("a", "4"), ("", "4")], "aabb", unknown),
            (&[("a", "4"), ("b", "0")], "aabb", unknown),
            (&[("a", "4")], "aabb", unknown),
        ] {
            let ready = EndpointConditions { ready: Some(true), ..EndpointConditions::default() };
            let endpoint = |zone: char| Endpoint {
                zone: Some(zone.to_string()).filter(|zone| zone != "-"),
                conditions: Some(ready.clone()),
                ..Endpoint::default()
            };
            let mut all: Vec<Endpoint> = endpoints.chars().map(endpoint).collect();
            all.push(Endpoint { conditions: None, ..endpoint('a') });
            let nodes = nodes(zones);
            let divided = divide(all.iter_mut().collect(), shares(&nodes).as_ref());
            let meant = all.iter().filter_map(|endpoint| Some(endpoint.hints.clone()?.for_zones?[0].name.clone()));
            let found = divided.map_or_else(|why| why, |()| meant.collect());
            assert_eq!(found, expected, "{endpoints}");
        }
    }
}
