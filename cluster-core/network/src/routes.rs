//! Routes to the pods of the other nodes: one per node, by its address, kept by watch of the nodes.

use crate::Error;
use crate::kernel;
use crate::prelude::*;
use cluster_client::{Informers, Object, ObjectKey};
use cluster_config::SIMULATED;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// Marks our routes in the kernel's table, so that `ip route show proto 77` lists them.
const PROTOCOL: &str = "77";

/// The pods of a node, and the address that leads to them.
type Route = (Ipv4Net, Ipv4Addr);

/// Keeps the routes until `cancel`.
pub async fn run(informers: Informers, own_node: String, cancel: CancellationToken) -> Result<(), Error> {
    let nodes = informers.informer::<Node>();
    let mut changes = nodes.subscribe();
    let mut routes: BTreeMap<ObjectKey, Route> = BTreeMap::new();
    while let Some(Some(change)) = cancel.run_until_cancelled(changes.recv()).await {
        let node = change.object();
        let key = node.key();
        // The change may be old: what counts is what the cache holds now.
        let wanted = nodes.get(&key).and_then(|node| route_to(&node, &own_node));
        if routes.get(&key) == wanted.as_ref() {
            continue;
        }
        let changed = change_route(routes.remove(&key), wanted).await;
        match (changed, wanted) {
            // One node, which may have an address that nothing leads to, must not keep the others from theirs.
            (Err(error), _) => tracing::warn!(node = %key, %error, "no route to the node's pods"),
            (Ok(()), Some((pods, gateway))) => {
                tracing::info!(node = %key, %pods, %gateway, "route to the node's pods");
                routes.insert(key, (pods, gateway));
            }
            (Ok(()), None) => {}
        }
    }
    Ok(())
}

async fn change_route(old: Option<Route>, new: Option<Route>) -> Result<(), Error> {
    if let Some(old) = old {
        match change("del", old).await {
            // The kernel dropped the route with its interface.
            Err(Error::Refused { reason, .. }) if reason.contains("No such process") => {}
            deleted => deleted?,
        }
    }
    match new {
        Some(new) => change("replace", new).await,
        None => Ok(()),
    }
}

async fn change(verb: &str, (pods, gateway): Route) -> Result<(), Error> {
    let (pods, gateway) = (pods.to_string(), gateway.to_string());
    kernel::run("ip", &["route", verb, &pods, "via", &gateway, "proto", PROTOCOL], "").await.map(drop)
}

/// Gives the loopback interface an address that the node answers on; one that is there already is fine.
pub(crate) async fn add_loopback_address(address: Ipv4Addr) -> Result<(), Error> {
    kernel::run("ip", &["address", "replace", &format!("{address}/32"), "dev", "lo"], "").await.map(drop)
}

/// Takes an address from the loopback interface again.
pub(crate) async fn remove_loopback_address(address: Ipv4Addr) -> Result<(), Error> {
    kernel::run("ip", &["address", "del", &format!("{address}/32"), "dev", "lo"], "").await.map(drop)
}

/// What the loopback interface answers on.
pub(crate) async fn loopback_addresses() -> Result<BTreeSet<Ipv4Addr>, Error> {
    Ok(addresses(&kernel::run("ip", &["-4", "-oneline", "address", "show", "dev", "lo"], "").await?))
}

/// The addresses in lines like `1: lo    inet 127.0.0.1/8 scope host lo`.
fn addresses(lines: &str) -> BTreeSet<Ipv4Addr> {
    lines.lines().filter_map(|line| line.split_whitespace().nth(3)?.split('/').next()?.parse().ok()).collect()
}

/// The pods of another node and the address that leads to them; to what is simulated nothing leads.
fn route_to(node: &Node, own_node: &str) -> Option<Route> {
    if node.label(SIMULATED).is_some() || node.name() == own_node {
        return None;
    }
    let pods = node.spec.as_ref()?.pod_cidr.as_ref()?.parse().ok()?;
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    let internal = addresses.iter().find(|address| address.type_ == "InternalIP")?;
    Some((pods, internal.address.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, cidr: Option<&str>, address: Option<(&str, &str)>) -> Node {
        let addresses: Vec<_> = address
            .into_iter()
            .map(|(kind, address)| serde_json::json!({ "type": kind, "address": address }))
            .collect();
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": name }, "spec": { "podCIDR": cidr }, "status": { "addresses": addresses },
        }))
        .expect("node")
    }

    #[test]
    fn the_addresses_of_an_interface_are_read() {
        let lines = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n\
            1: lo    inet 10.96.0.10/32 scope global lo\\       valid_lft forever preferred_lft forever\n";
        assert_eq!(addresses(lines), ["127.0.0.1", "10.96.0.10"].map(|ip| ip.parse().expect("address")).into());
    }

    #[test]
    fn only_other_nodes_with_pods_and_an_internal_address_get_a_route() {
        let internal = Some(("InternalIP", "172.30.0.3"));
        let route = Some(("10.244.2.0/24".parse().expect("net"), "172.30.0.3".parse().expect("address")));
        assert_eq!(route_to(&node("b", Some("10.244.2.0/24"), internal), "a"), route);
        assert_eq!(route_to(&node("a", Some("10.244.2.0/24"), internal), "a"), None);
        let mut simulated = node("b", Some("10.128.2.0/24"), internal);
        simulated.metadata.labels = Some([(SIMULATED.to_owned(), "true".to_owned())].into());
        assert_eq!(route_to(&simulated, "a"), None);
        assert_eq!(route_to(&node("b", None, internal), "a"), None);
        assert_eq!(route_to(&node("b", Some("10.244.2.0/24"), Some(("Hostname", "b"))), "a"), None);
    }
}
