//! Routes to the pods of the other nodes: one per node, by its address, kept by watch of the nodes.

use crate::Error;
use crate::prelude::*;
use cluster_client::{Informers, Object, ObjectKey};
use cluster_config::SIMULATED;
use futures::TryStreamExt;
use ipnet::Ipv4Net;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::route::RouteProtocol;
use rtnetlink::{Handle, RouteMessageBuilder};
use std::net::{IpAddr, Ipv4Addr};

/// Marks our routes in the kernel's table, so that `ip route show proto 77` lists them.
const PROTOCOL: RouteProtocol = RouteProtocol::Other(77);

/// The pods of a node, and the address that leads to them.
type Route = (Ipv4Net, Ipv4Addr);

/// Keeps the routes until `cancel`.
pub async fn run(informers: Informers, own_node: String, cancel: CancellationToken) -> Result<(), Error> {
    let handle = handle()?;
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
        let changed = change_route(&handle, routes.remove(&key), wanted).await;
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

async fn change_route(handle: &Handle, old: Option<Route>, new: Option<Route>) -> Result<(), Error> {
    if let Some((pods, gateway)) = old {
        match handle.route().del(message(pods, gateway)).execute().await {
            // ESRCH: the kernel dropped the route with its interface.
            Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -nix::libc::ESRCH => {}
            deleted => deleted.map_err(|source| failed(format!("remove the route {pods}"), source))?,
        }
    }
    let Some((pods, gateway)) = new else { return Ok(()) };
    let added = handle.route().add(message(pods, gateway)).replace().execute().await;
    added.map_err(|source| failed(format!("route {pods} by {gateway}"), source))
}

/// The index of `lo`: the kernel makes it first in every network namespace.
const LOOPBACK: u32 = 1;

fn handle() -> Result<Handle, Error> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(Error::Netlink)?;
    tokio::spawn(connection);
    Ok(handle)
}

/// Gives the loopback interface an address that the node answers on; one that is there already is fine.
pub(crate) async fn add_loopback_address(address: Ipv4Addr) -> Result<(), Error> {
    match handle()?.address().add(LOOPBACK, address.into(), 32).execute().await {
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -nix::libc::EEXIST => Ok(()),
        other => other.map_err(|source| failed(format!("add {address} to the loopback interface"), source)),
    }
}

/// Takes an address from the loopback interface again.
pub(crate) async fn remove_loopback_address(address: Ipv4Addr) -> Result<(), Error> {
    let step = || format!("remove {address} from the loopback interface");
    let handle = handle()?;
    let mut found = handle.address().get().set_link_index_filter(LOOPBACK).set_address_filter(address.into()).execute();
    while let Some(message) = found.try_next().await.map_err(|source| failed(step(), source))? {
        handle.address().del(message).execute().await.map_err(|source| failed(step(), source))?;
    }
    Ok(())
}

/// What the loopback interface answers on.
pub(crate) async fn loopback_addresses() -> Result<BTreeSet<Ipv4Addr>, Error> {
    let found = handle()?.address().get().set_link_index_filter(LOOPBACK).execute();
    let found: Vec<_> = found.try_collect().await.map_err(|source| failed("list addresses".to_owned(), source))?;
    let attributes = found.into_iter().flat_map(|message| message.attributes);
    let address = |attribute| match attribute {
        AddressAttribute::Address(IpAddr::V4(address)) => Some(address),
        _ => None,
    };
    Ok(attributes.filter_map(address).collect())
}

fn failed(step: String, source: rtnetlink::Error) -> Error {
    Error::Route { step, source }
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

fn message(pods: Ipv4Net, gateway: Ipv4Addr) -> rtnetlink::packet_route::route::RouteMessage {
    RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(pods.network(), pods.prefix_len())
        .gateway(gateway)
        .protocol(PROTOCOL)
        .build()
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
