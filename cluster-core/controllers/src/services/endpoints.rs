//! The Endpoints object of each service with a selector.

use super::ports::{Port, resolve};
use super::{address, affected, exists, hostname, labels, node_name, publishes_not_ready, selected, selector, target};
use crate::prelude::*;

const MANAGED_BY: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");

const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MAX_ADDRESSES: usize = 1000;

pub(crate) fn runner(context: &Context) -> Runner<Writer> {
    let client = context.client.clone();
    let (services, pods, endpoints) = context.caches();
    let controller = Writer { client, services, pods, endpoints };
    index::by_namespace(&controller.services);
    index::by_namespace(&controller.pods);
    Runner::new(controller)
        .on_each(|c| &c.services)
        .on(|c| &c.pods, |c, change| affected(change, &c.services))
        .on(|c| &c.endpoints, |_, change| change.gone().map(|gone| gone.key()))
}

pub(crate) struct Writer {
    client: Client,
    services: Informer<Service>,
    pods: Informer<Pod>,
    endpoints: Informer<Endpoints>,
}

impl Controller for Writer {
    const NAME: &'static str = "endpoints";

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let (service, current) = (self.services.get(key), self.endpoints.get(key));
        let Some(service) = service.filter(|service| exists(Some(service))) else {
            if let Some(current) = current {
                delete(&self.client, current.as_ref()).await?;
            }
            return Ok(None);
        };
        let Some(selector) = selector(&service) else { return Ok(None) };
        let mut subsets = subsets(&service, &selected(selector, &service, &self.pods));
        let is_cut = cut(&mut subsets);
        let (subsets, labels) = (Some(subsets), Some(labels(&service, &[MANAGED_BY])));
        let annotate = |annotations: Option<Labels>| {
            let mut annotations = annotations.unwrap_or_default();
            if is_cut {
                annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
            } else {
                annotations.remove(OVER_CAPACITY);
            }
            Some(annotations).filter(|annotations| !annotations.is_empty())
        };
        let written = match current {
            Some(current) => {
                // An empty list comes back as none.
                let same = current.subsets.as_deref().unwrap_or_default() == subsets.as_deref().unwrap_or_default();
                let annotations = annotate(current.metadata.annotations.clone());
                let metadata = ObjectMeta { labels, annotations, ..current.metadata.clone() };
                if same && current.metadata == metadata {
                    return Ok(None);
                }
                self.client.update(&Endpoints { metadata, subsets }).await
            }
            None => {
                let (namespace, name) = (Some(key.namespace.to_string()), Some(key.name.to_string()));
                let annotations = annotate(None);
                let metadata = ObjectMeta { namespace, name, labels, annotations, ..ObjectMeta::default() };
                self.client.create(&Endpoints { metadata, subsets }).await
            }
        };
        Ok(written.map(|_| None)?)
    }
}

/// Addresses by the ports they have in common, ready ones apart from those that are not.
fn subsets(service: &Service, pods: &[Arc<Pod>]) -> Vec<EndpointSubset> {
    let mut groups: BTreeMap<Vec<Port>, (Vec<EndpointAddress>, Vec<EndpointAddress>)> = BTreeMap::new();
    let tolerant = publishes_not_ready(service);
    let has_ports =
        service.spec.as_ref().is_some_and(|spec| spec.ports.as_ref().is_some_and(|ports| !ports.is_empty()));
    for pod in pods.iter().filter(|pod| tolerant || !pod.is_deleting()) {
        let ports = resolve(service, pod);
        let Some(ip) = address(pod).filter(|_| !ports.is_empty() || !has_ports) else { continue };
        let address = EndpointAddress {
            ip: ip.to_owned(),
            hostname: hostname(pod, service),
            node_name: node_name(pod),
            target_ref: Some(target(pod)),
        };
        let (ready, not_ready) = groups.entry(ports).or_default();
        if tolerant || is_ready(pod) { ready.push(address) } else { not_ready.push(address) }
    }
    groups.into_iter().map(|(ports, (ready, not_ready))| subset(&ports, ready, not_ready)).collect()
}

/// Leaves no more addresses than the object may have, those that are ready first; whether some had to go.
fn cut(subsets: &mut Vec<EndpointSubset>) -> bool {
    let mut room = MAX_ADDRESSES;
    let mut is_cut = false;
    let mut fit = |addresses: &mut Option<Vec<EndpointAddress>>| {
        let Some(list) = addresses else { return };
        is_cut |= list.len() > room;
        list.truncate(room);
        room -= list.len();
        *addresses = addresses.take().filter(|list| !list.is_empty());
    };
    for subset in subsets.iter_mut() {
        fit(&mut subset.addresses);
    }
    for subset in subsets.iter_mut() {
        fit(&mut subset.not_ready_addresses);
    }
    subsets.retain(|subset| subset.addresses.is_some() || subset.not_ready_addresses.is_some());
    is_cut
}

fn subset(ports: &[Port], mut ready: Vec<EndpointAddress>, mut not_ready: Vec<EndpointAddress>) -> EndpointSubset {
    for addresses in [&mut ready, &mut not_ready] {
        addresses.sort_by(|a, b| a.ip.cmp(&b.ip));
    }
    let some = |addresses: Vec<EndpointAddress>| (!addresses.is_empty()).then_some(addresses);
    let port = |port: &Port| EndpointPort {
        name: (!port.name.is_empty()).then(|| port.name.clone()),
        port: port.number,
        protocol: Some(port.protocol.clone()),
        app_protocol: port.app_protocol.clone(),
    };
    let ports = (!ports.is_empty()).then(|| ports.iter().map(port).collect());
    EndpointSubset { addresses: some(ready), not_ready_addresses: some(not_ready), ports }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;
    use serde_json::json;

    #[test]
    fn addresses_are_grouped_by_ports_and_readiness() {
        let service: Service = serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "ns"},
            "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": "http"}]}}))
        .expect("a service");
        let make = |name: &str, ip: &str, port: i32, ready: &str, deleting: bool| {
            let deleted = deleting.then_some("2026-01-01T00:00:00Z");
            pod(json!({"metadata": {"name": name, "namespace": "ns", "uid": name, "deletionTimestamp": deleted},
                "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": port}]}]},
                "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]}}))
        };
        let pods = [
            make("b", "10.0.0.2", 80, "True", false),
            make("a", "10.0.0.1", 80, "True", false),
            make("c", "10.0.0.3", 80, "False", false),
            make("d", "10.0.0.4", 81, "True", false),
            make("e", "10.0.0.5", 80, "True", true),
        ];
        let ips = |addresses: &Option<Vec<EndpointAddress>>| -> Vec<String> {
            addresses.iter().flatten().map(|address| address.ip.clone()).collect()
        };
        let found: Vec<_> = subsets(&service, &pods)
            .iter()
            .map(|s| (s.ports.as_ref().map(|p| p[0].port), ips(&s.addresses), ips(&s.not_ready_addresses)))
            .collect();
        let text = |ips: &[&str]| ips.iter().map(|ip| (*ip).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found,
            [(Some(80), text(&["10.0.0.1", "10.0.0.2"]), text(&["10.0.0.3"])), (Some(81), text(&["10.0.0.4"]), vec![]),]
        );
    }

    #[test]
    fn an_endpoints_object_holds_a_thousand_addresses_ready_ones_first() {
        let addresses = |count: usize| Some(vec![EndpointAddress::default(); count]);
        let subset = |ready: usize, not_ready: usize| EndpointSubset {
            addresses: addresses(ready),
            not_ready_addresses: addresses(not_ready),
            ports: None,
        };
        let len = |addresses: &Option<Vec<EndpointAddress>>| addresses.as_ref().map_or(0, Vec::len);
        for (given, expected, is_cut) in [
            (vec![(600, 0), (400, 0)], vec![(600, 0), (400, 0)], false),
            (vec![(600, 300), (300, 9)], vec![(600, 100), (300, 0)], true),
            (vec![(1000, 0), (5, 5)], vec![(1000, 0)], true),
        ] {
            let mut subsets: Vec<_> = given.iter().map(|(ready, not)| subset(*ready, *not)).collect();
            assert_eq!(cut(&mut subsets), is_cut, "{given:?}");
            let found: Vec<_> =
                subsets.iter().map(|subset| (len(&subset.addresses), len(&subset.not_ready_addresses))).collect();
            assert_eq!(found, expected, "{given:?}");
        }
    }
}
