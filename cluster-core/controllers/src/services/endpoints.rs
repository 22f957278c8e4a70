//! The Endpoints object of each service with a selector: what the slices of its first family hold, in the older form.

use super::ports::Port;
use super::slices::Groups;
use super::{families, labels, publishes_not_ready, stamp};
use crate::prelude::*;
use k8s_openapi::api::discovery::v1::Endpoint;

const MANAGED_BY: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MAX_ADDRESSES: usize = 1000;

/// Makes the object of a service hold these addresses, which changed at the time of `trigger`, or removes it.
pub(super) async fn write(
    client: &Client,
    wanted: Option<(&Service, Vec<EndpointSubset>)>,
    current: Option<Arc<Endpoints>>,
    trigger: Option<Timestamp>,
) -> Result<(), Error> {
    let old = current.as_deref().cloned().unwrap_or_default();
    let Some((service, mut subsets)) = wanted else {
        return if current.is_some() { delete(client, &old).await } else { Ok(()) };
    };
    let mut annotations = old.metadata.annotations.clone().unwrap_or_default();
    if cut(&mut subsets) {
        annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
    } else {
        annotations.remove(OVER_CAPACITY);
    }
    let metadata = ObjectMeta {
        namespace: service.metadata.namespace.clone(),
        name: service.metadata.name.clone(),
        labels: Some(labels(service, &[MANAGED_BY])),
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        ..old.metadata.clone()
    };
    // An empty list comes back as none.
    let same = old.metadata == metadata && old.subsets.unwrap_or_default() == subsets;
    let mut new = Endpoints { metadata, subsets: Some(subsets) };
    stamp(&mut new.metadata, trigger);
    match current {
        None => client.create(&new).await?,
        Some(_) if same => return Ok(()),
        Some(_) => client.update(&new).await?,
    };
    Ok(())
}

/// Addresses by the ports they have in common, ready ones apart from those that are not.
pub(super) fn subsets(service: &Service, groups: &Groups) -> Vec<EndpointSubset> {
    let tolerant = publishes_not_ready(service);
    let has_ports = service.spec.iter().any(|spec| spec.ports.iter().flatten().next().is_some());
    let families = families(service);
    let groups =
        groups.iter().filter(|((of, ports), _)| families.first() == Some(of) && !(has_ports && ports.is_empty()));
    let subset = |((_, ports), endpoints): (&(String, Vec<Port>), &Vec<Endpoint>)| {
        let is = |value: Option<bool>| value == Some(true);
        let conditions = |endpoint: &Endpoint| endpoint.conditions.clone().unwrap_or_default();
        let present = endpoints.iter().filter(|endpoint| tolerant || !is(conditions(endpoint).terminating));
        let (ready, not_ready): (Vec<_>, Vec<_>) = present.partition(|endpoint| is(conditions(endpoint).ready));
        EndpointSubset {
            addresses: addresses(ready),
            not_ready_addresses: addresses(not_ready),
            ports: (!ports.is_empty()).then(|| ports.iter().map(wire).collect()),
        }
    };
    let all = groups.map(subset);
    all.filter(|subset| subset.addresses.is_some() || subset.not_ready_addresses.is_some()).collect()
}

fn addresses(endpoints: Vec<&Endpoint>) -> Option<Vec<EndpointAddress>> {
    let address = |endpoint: &Endpoint| EndpointAddress {
        ip: endpoint.addresses[0].clone(),
        hostname: endpoint.hostname.clone(),
        node_name: endpoint.node_name.clone(),
        target_ref: endpoint.target_ref.clone(),
    };
    let mut addresses: Vec<_> = endpoints.into_iter().map(address).collect();
    addresses.sort_by(|a, b| a.ip.cmp(&b.ip));
    Some(addresses).filter(|addresses| !addresses.is_empty())
}

fn wire(port: &Port) -> EndpointPort {
    EndpointPort {
        name: (!port.name.is_empty()).then(|| port.name.clone()),
        port: port.number,
        protocol: Some(port.protocol.clone()),
        app_protocol: port.app_protocol.clone(),
    }
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

#[cfg(test)]
mod tests {
    use super::super::slices::groups;
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
        let pods: Vec<_> = pods.into_iter().collect();
        let found: Vec<_> = subsets(&service, &groups(&service, &pods, |_| None))
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
