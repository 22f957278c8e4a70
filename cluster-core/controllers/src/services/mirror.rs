//! Endpoints that somebody writes by hand, for a service without a selector, are mirrored into endpoint slices.

use super::TRIGGERED;
use super::ports::Port;
use super::slices::{self, Groups, MANAGED_BY, SERVICE, Slices, service_of};
use crate::prelude::*;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions};

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
const INDEX: &str = "mirrored-service";
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// Annotations that are about the Endpoints object itself.
const OWN: [&str; 2] = ["kubectl.kubernetes.io/last-applied-configuration", TRIGGERED];

pub(crate) fn runner(context: &Context) -> Runner<Mirror> {
    let (services, endpoints) = (context.informers.informer(), context.informers.informer());
    let controller = Arc::new(Mirror { services, endpoints, slices: Slices::new(context, INDEX, MANAGER) });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.services)
        .on_each(&controller.endpoints)
        .on(&controller.slices.cache, |_, change| service_of(change.object(), MANAGER))
}

pub(crate) struct Mirror {
    services: Informer<Service>,
    endpoints: Informer<Endpoints>,
    slices: Slices,
}

impl Mirror {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        if let Some(pause) = self.slices.behind(key) {
            return Ok(Some(pause));
        }
        let service = self.services.get(key).filter(|service| {
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            !service.is_deleting() && selector.is_none_or(Labels::is_empty)
        });
        let endpoints = self.endpoints.get(key).filter(|endpoints| is_mirrored(endpoints));
        let wanted = service.and(endpoints).map(|endpoints| (pattern_for(&endpoints), groups(&endpoints)));
        self.slices.reconcile(key, wanted, None).await.map(|()| None)
    }
}

fn is_mirrored(endpoints: &Endpoints) -> bool {
    endpoints.label(SKIP) != Some("true") && !endpoints.is_deleting() && endpoints.annotation(LEADER).is_none()
}

/// The metadata of a new slice for an object.
fn pattern_for(endpoints: &Endpoints) -> ObjectMeta {
    let mut labels = endpoints.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE.to_owned(), endpoints.name().to_owned());
    labels.insert(MANAGED_BY.0.to_owned(), MANAGER.to_owned());
    let mut annotations = endpoints.metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|name, _| !OWN.contains(&name.as_str()));
    slices::pattern(endpoints, labels, Some(annotations).filter(|annotations| !annotations.is_empty()))
}

fn groups(endpoints: &Endpoints) -> Groups {
    let mut groups = Groups::new();
    for subset in endpoints.subsets.iter().flatten() {
        let ports = subset.ports.iter().flatten().map(|port| Port {
            name: port.name.clone().unwrap_or_default(),
            protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
            number: port.port,
            app_protocol: port.app_protocol.clone(),
        });
        let mut ports: Vec<Port> = ports.collect();
        ports.sort();
        for (addresses, ready) in [(&subset.addresses, true), (&subset.not_ready_addresses, false)] {
            for address in addresses.iter().flatten() {
                let family = if address.ip.contains(':') { "IPv6" } else { "IPv4" };
                groups.entry((family.to_owned(), ports.clone())).or_default().push(endpoint(address, ready));
            }
        }
    }
    groups
}

fn endpoint(address: &EndpointAddress, ready: bool) -> Endpoint {
    Endpoint {
        addresses: vec![address.ip.clone()],
        conditions: Some(EndpointConditions { ready: Some(ready), ..EndpointConditions::default() }),
        hostname: address.hostname.clone(),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn make(metadata: &Value) -> Endpoints {
        serde_json::from_value(json!({"metadata": metadata, "subsets": [{
            "addresses": [{"ip": "10.1.2.3", "hostname": "db"}, {"ip": "fd00::1"}],
            "notReadyAddresses": [{"ip": "10.1.2.4"}],
            "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
        }]}))
        .expect("endpoints")
    }

    #[test]
    fn endpoints_become_slices_of_each_family() {
        let endpoints = make(&json!({"name": "db", "namespace": "ns", "labels": {"a": "b"},
            "annotations": {OWN[0]: "{}", "note": "kept"}}));
        let found: Vec<_> = groups(&endpoints)
            .into_iter()
            .map(|((family, ports), endpoints)| {
                let ready = |e: &Endpoint| e.conditions.as_ref().and_then(|conditions| conditions.ready);
                let found: Vec<_> = endpoints.iter().map(|e| (e.addresses[0].clone(), ready(e))).collect();
                (family, ports[0].number, found)
            })
            .collect();
        let four = vec![("10.1.2.3".to_owned(), Some(true)), ("10.1.2.4".to_owned(), Some(false))];
        let six = vec![("fd00::1".to_owned(), Some(true))];
        assert_eq!(found, [("IPv4".to_owned(), 5432, four), ("IPv6".to_owned(), 5432, six)]);
        let pattern = pattern_for(&endpoints);
        let labels = pattern.labels.expect("labels");
        assert_eq!((labels.len(), labels[SERVICE].as_str()), (3, "db"));
        assert_eq!(pattern.annotations, Some([("note".to_owned(), "kept".to_owned())].into()));
    }

    #[test]
    fn what_asks_not_to_be_mirrored_is_not() {
        let cases = [
            (json!({}), true),
            (json!({"labels": {SKIP: "true"}}), false),
            (json!({"labels": {SKIP: "false"}}), true),
            (json!({"annotations": {LEADER: "x"}}), false),
            (json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), false),
        ];
        for (metadata, expected) in cases {
            assert_eq!(is_mirrored(&make(&metadata)), expected, "{metadata}");
        }
    }
}
