//! Whom an endpoint is meant for, where its service asks for near ones (`trafficDistribution`).

use crate::prelude::*;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, ForNode, ForZone};

/// The zone of a ready endpoint, and its node where the service prefers its own.
pub(super) fn hints(service: &Service, endpoint: &Endpoint) -> Option<EndpointHints> {
    let wanted = service.spec.as_ref()?.traffic_distribution.as_deref()?;
    endpoint.conditions.as_ref()?.ready.filter(|ready| *ready)?;
    let for_zones = endpoint.zone.clone().map(|name| vec![ForZone { name }]);
    let node = endpoint.node_name.clone().filter(|_| wanted == "PreferSameNode");
    let for_nodes = node.map(|name| vec![ForNode { name }]);
    (for_zones.is_some() || for_nodes.is_some()).then_some(EndpointHints { for_nodes, for_zones })
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ServiceSpec;
    use k8s_openapi::api::discovery::v1::EndpointConditions;

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
}
