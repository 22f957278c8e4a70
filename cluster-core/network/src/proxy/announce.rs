//! The addresses of load balancers, for whoever is on the nodes' network: one node has each, and answers for it.

use super::model::{conditions, ingress_ips, is_ours};
use crate::prelude::*;
use crate::{Error, routes};
use cluster_config::SIMULATED;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Load balancers leave nodes with this label alone.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// What a process before this one has left; `own` is for another end.
pub(super) async fn found(own: Ipv4Addr) -> Result<BTreeSet<Ipv4Addr>, Error> {
    let mut found = routes::loopback_addresses().await?;
    found.retain(|address| !address.is_loopback() && *address != own);
    Ok(found)
}

/// Answers for what is wanted, and no longer for anything else.
pub(super) async fn hold(held: &mut BTreeSet<Ipv4Addr>, wanted: BTreeSet<Ipv4Addr>) -> Result<(), Error> {
    for address in held.difference(&wanted) {
        routes::remove_loopback_address(*address).await?;
    }
    for address in wanted.difference(held) {
        routes::add_loopback_address(*address).await?;
    }
    *held = wanted;
    Ok(())
}

/// The names of the nodes that may answer.
pub(super) fn candidates(nodes: &[Arc<Node>]) -> BTreeSet<String> {
    let may = |node: &&Arc<Node>| {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready = conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        ready && node.label(SIMULATED).is_none() && node.label(EXCLUDED).is_none() && !super::health::is_leaving(node)
    };
    nodes.iter().filter(may).map(|node| node.name().to_owned()).collect()
}

/// The addresses of services for which `own` answers. All nodes come to the same answer, since all run one program: a
/// service with a local policy goes to one that has a pod of it, and few addresses move when a node comes or goes.
pub(super) fn addresses(
    services: &[Arc<Service>],
    slices_of: impl Fn(&str) -> Vec<Arc<EndpointSlice>>,
    nodes: &BTreeSet<String>,
    own: &str,
) -> BTreeSet<Ipv4Addr> {
    let mut mine = BTreeSet::new();
    for service in services.iter().filter(|service| is_ours(service) && ingress_ips(service).next().is_some()) {
        let local = service.spec.as_ref().is_some_and(|s| s.external_traffic_policy.as_deref() == Some("Local"));
        let slices = if local { slices_of(&service.key().to_string()) } else { Vec::new() };
        let endpoints = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
        let ready = endpoints.filter(|endpoint| conditions(endpoint).0);
        let near: BTreeSet<&str> = ready.filter_map(|endpoint| endpoint.node_name.as_deref()).collect();
        let may = |node: &&String| !local || near.contains(node.as_str());
        let chosen = |address: Ipv4Addr| nodes.iter().filter(may).max_by_key(|node| weight(address, node));
        mine.extend(ingress_ips(service).filter(|address| chosen(*address).is_some_and(|node| node == own)));
    }
    mine
}

fn weight(address: Ipv4Addr, node: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (address, node).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    #[test]
    fn each_address_has_one_node_and_a_local_service_one_with_a_pod() {
        let nodes: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
        let slice: EndpointSlice = from_value(json!({"addressType": "IPv4", "endpoints": [
            {"addresses": ["10.0.0.1"], "nodeName": "b"},
            {"addresses": ["10.0.0.2"], "nodeName": "c", "conditions": {"ready": false}}]}))
        .expect("a slice");
        let slice = Arc::new(slice);
        let mut used = BTreeSet::new();
        for last in 0..20 {
            for (policy, only) in [("Cluster", None), ("Local", Some("b"))] {
                let address = format!("172.30.0.{last}");
                let service: Service = from_value(json!({"spec": {"externalTrafficPolicy": policy},
                    "status": {"loadBalancer": {"ingress": [{"ip": address}, {"ip": "172.30.0.99", "ipMode": "Proxy"}]}}})).expect("a service");
                let service = Arc::new(service);
                let holds = |node: &&String| {
                    let held = addresses(std::slice::from_ref(&service), |_| vec![slice.clone()], &nodes, node);
                    held == BTreeSet::from([address.parse().expect("an address")])
                };
                let holders: Vec<&String> = nodes.iter().filter(holds).collect();
                assert!(holders.len() == 1 && only.is_none_or(|only| holders[0] == only), "{policy}: {holders:?}");
                used.insert(holders[0].clone());
            }
        }
        assert_eq!(used, nodes);
    }

    #[test]
    fn nodes_that_are_ready_and_stay_may_answer() {
        let node = |ready: &str, more: Value| {
            let mut node =
                json!({"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
            node["metadata"]["labels"] = more;
            Arc::new(from_value::<Node>(node).expect("a node"))
        };
        for (node, may) in [
            (node("True", json!({})), true),
            (node("Unknown", json!({})), false),
            (node("True", json!({EXCLUDED: ""})), false),
            (node("True", json!({SIMULATED: ""})), false),
        ] {
            assert_eq!(candidates(std::slice::from_ref(&node)).contains("n"), may, "{node:?}");
        }
    }
}
