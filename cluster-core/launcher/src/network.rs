//! The Docker network of a cluster, on a subnet that nothing else on the host uses.

use crate::engine;
use crate::prelude::*;
use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptions;
use ipnet::Ipv4Net;
use serde_json::json;

impl Launcher {
    /// Makes the cluster's network. Without a subnet in `spec` it takes the first free one and writes it there.
    pub(crate) async fn create_network(&self, spec: &mut ClusterSpec) -> Result<()> {
        if let Some(subnet) = spec.subnet {
            return self.try_create_network(spec, subnet).await;
        }
        // Of the host's routes; which subnets its other networks have the engine says below.
        let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
        let mut taken: Vec<Ipv4Net> = routes.lines().filter_map(route).collect();
        while let Some(subnet) = free_subnet(&taken) {
            match self.try_create_network(spec, subnet).await {
                Err(error) if error.to_string().contains("overlap") => taken.push(subnet),
                Err(error) => return Err(error),
                Ok(()) => {
                    spec.subnet = Some(subnet);
                    return Ok(());
                }
            }
        }
        Err(Error::Invalid("no subnet is free below 172.30.0.0/15 and 10.88.0.0/16".to_owned()))
    }

    async fn try_create_network(&self, spec: &ClusterSpec, subnet: Ipv4Net) -> Result<()> {
        let name = spec.context();
        if self.docker.inspect_network(&name, None).await.is_ok() {
            return Err(Error::Foreign { what: "a network", name });
        }
        let request: NetworkCreateRequest = engine::request(json!({
            "Name": name,
            "Driver": "bridge",
            "IPAM": {"Config": [{"Subnet": subnet}]},
            "Labels": {CLUSTER_LABEL: spec.name},
        }))?;
        self.docker.create_network(request).await.doing(format!("create the network `{name}` on {subnet}"))?;
        Ok(())
    }

    /// Removes every network of a cluster.
    pub(crate) async fn remove_networks(&self, cluster: &str) -> Result<()> {
        let options = ListNetworksOptions { filters: Some(cluster_filter(cluster)) };
        let networks = self.docker.list_networks(Some(options)).await.doing("list networks")?;
        for name in networks.into_iter().filter_map(|network| network.name) {
            self.docker.remove_network(&name).await.if_there(format!("remove the network `{name}`"))?;
        }
        Ok(())
    }
}

/// The first /24 that overlaps nothing.
fn free_subnet(taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let bases = [[172, 30], [172, 31], [10, 88]];
    let candidates = bases.iter().flat_map(|[a, b]| (0..=255).map(|c| Ipv4Addr::new(*a, *b, c, 0)));
    candidates
        .map(|address| Ipv4Net::new_assert(address, 24))
        .find(|net| !taken.iter().any(|other| other.contains(net) || net.contains(other)))
}

/// The destination of a line of `/proc/net/route`, but for the default route, which covers everything.
fn route(line: &str) -> Option<Ipv4Net> {
    let mut fields = line.split_whitespace().skip(1);
    let address = |field: Option<&str>| {
        let number = u32::from_str_radix(field?, 16).ok()?;
        Some(Ipv4Addr::from(number.to_le_bytes()))
    };
    let destination = address(fields.next())?;
    let mask = address(fields.nth(5))?;
    Ipv4Net::with_netmask(destination, mask).ok().filter(|net| net.prefix_len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_subnet_that_overlaps_nothing_is_taken() {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a net")).collect::<Vec<_>>();
        let check = |taken: &[&str], free: &str| {
            assert_eq!(free_subnet(&nets(taken)).map(|net| net.to_string()).as_deref(), Some(free));
        };
        check(&[], "172.30.0.0/24");
        check(&["172.17.0.0/16", "172.30.0.0/24"], "172.30.1.0/24");
        check(&["172.30.0.0/16"], "172.31.0.0/24");
        check(&["172.30.0.128/25", "172.30.1.0/24"], "172.30.2.0/24");
        check(&["172.16.0.0/12"], "10.88.0.0/24");
    }

    #[test]
    fn the_hosts_routes_are_read_but_for_the_default_one() {
        assert_eq!(route("eth0\t00001EAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0"), "172.30.0.0/16".parse().ok());
        assert_eq!(route("eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0"), None);
        assert_eq!(route("Iface\tDestination\tGateway"), None);
    }
}
