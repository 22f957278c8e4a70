//! What the nftables table holds for a model: chains, map elements and set elements.

use super::model::{Endpoint, Model, ServicePort};
use crate::kernel::Flow;
use crate::prelude::*;
use ipnet::Ipv4Net;

/// The table's name.
pub(super) const TABLE: &str = "ip devcluster";
/// Packets with this bit leave with the node's own address.
const MASQUERADE: &str = "0x4000";

/// The table's content, in nft's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ruleset {
    /// The parts that depend on the node alone.
    pub(super) frame: String,
    /// Rules of each service port's chain.
    pub(super) chains: BTreeMap<String, Vec<String>>,
    /// Sets of clients that stay with an endpoint: name and definition.
    pub(super) affinity_sets: BTreeMap<String, String>,
    /// What the maps of the frame hold, by map: keys and what they lead to, which is nothing in a set.
    pub(super) elements: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// The UDP flows that the table can have made.
    pub(super) udp_flows: BTreeSet<Flow>,
}

/// The table for a model.
pub(super) fn ruleset(model: &Model, node: &NodeConfig) -> Ruleset {
    let mut rules = Ruleset { frame: frame(node), ..Ruleset::default() };
    for port in &model.ports {
        rules.add_port(port, node.pod_cidr);
    }
    for ((address, protocol, port), to) in &model.host_ports {
        let (key, target) = (format!("{protocol} . {port}"), format!("{} . {}", to.address, to.port));
        match address {
            Some(address) => rules.add("host_address_ports", format!("{address} . {key}"), target),
            None => rules.add("host_ports", key, target),
        }
    }
    for ip in &model.local_endpoints {
        rules.add("hairpin", format!("{ip} . {ip}"), String::new());
    }
    rules
}

impl Ruleset {
    fn add(&mut self, map: &'static str, key: String, leads_to: String) {
        self.elements.entry(map).or_default().insert(key, leads_to);
    }

    /// What nobody serves anywhere is left to be refused.
    fn add_port(&mut self, port: &ServicePort, pods: Ipv4Net) {
        if port.cluster.is_empty() {
            return;
        }
        let chain = |kind: &str| format!("{kind}/{}", port.name);
        let (cluster, local, external) = (chain("service"), chain("local"), chain("external"));
        // What must stay on this node, where nobody serves it, is dropped.
        let verdict = |stays: bool| match (stays, port.local.is_empty()) {
            (false, _) => format!("goto {cluster}"),
            (true, false) => format!("goto {local}"),
            (true, true) => "drop".to_owned(),
        };
        for ip in &port.cluster_ips {
            self.add_address(port, *ip, verdict(port.internal_local));
        }
        let is_external = port.node_port.is_some() || !port.external_ips.is_empty();
        if !port.internal_local || is_external {
            self.balance(&cluster, port, &port.cluster);
        }
        if port.internal_local || (is_external && port.external_local) {
            self.balance(&local, port, &port.local);
        }
        if is_external {
            self.add_external(port, &external);
            let masquerade = format!("meta mark set meta mark or {MASQUERADE}");
            // What the node and its pods send there goes as if a load balancer sent it back: to any endpoint.
            let mut rules = if port.external_local {
                vec![
                    format!("ip saddr {pods} goto {cluster}"),
                    format!("fib saddr type local {masquerade} goto {cluster}"),
                ]
            } else {
                vec![masquerade]
            };
            rules.push(verdict(port.external_local));
            self.chains.insert(external, rules);
        }
    }

    /// Leads what is for the service's addresses outside of the cluster to the chain.
    fn add_external(&mut self, port: &ServicePort, chain: &str) {
        let (guarded, sources) = port.guarded.clone().unwrap_or_default();
        let firewall = format!("firewall/{}", port.name);
        if !guarded.is_empty() {
            let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
            let drop = format!("ip saddr != {{ {} }} drop", sources.join(", "));
            self.chains.insert(firewall.clone(), vec![drop, format!("goto {chain}")]);
        }
        for ip in &port.external_ips {
            let first = if guarded.contains(ip) { &firewall } else { chain };
            self.add_address(port, *ip, format!("goto {first}"));
        }
        if let Some(node_port) = port.node_port {
            self.flows(port, None, node_port);
            self.add("node_ports", format!("{} . {node_port}", port.protocol), format!("goto {chain}"));
        }
    }

    fn add_address(&mut self, port: &ServicePort, ip: Ipv4Addr, verdict: String) {
        self.add("service_ips", format!("{ip} . {} . {}", port.protocol, port.port), verdict);
        self.flows(port, Some(ip), port.port);
    }

    fn flows(&mut self, port: &ServicePort, service: Option<Ipv4Addr>, number: u16) {
        if port.protocol == "udp" {
            let flow = |e: &Endpoint| Flow { service, port: number, endpoint: Some(e.address) };
            self.udp_flows.extend(port.cluster.iter().chain(&port.local).map(flow));
        }
    }

    /// A chain that sends each new connection to one of `endpoints`, all alike.
    fn balance(&mut self, chain: &str, port: &ServicePort, endpoints: &[Endpoint]) {
        if endpoints.is_empty() {
            return;
        }
        let rules = match port.affinity_seconds {
            None => vec![format!("meta l4proto {} {}", port.protocol, dnat(endpoints))],
            Some(seconds) => self.balance_with_affinity(chain, port, endpoints, seconds),
        };
        self.chains.insert(chain.to_owned(), rules);
    }

    /// Each endpoint has a chain that remembers its clients in a set; clients in a set go there again.
    fn balance_with_affinity(
        &mut self,
        chain: &str,
        port: &ServicePort,
        endpoints: &[Endpoint],
        seconds: u32,
    ) -> Vec<String> {
        let (mut rules, mut verdicts) = (Vec::new(), Vec::new());
        for (index, endpoint) in endpoints.iter().enumerate() {
            let own = format!("{chain}/{}/{}", endpoint.address, endpoint.port);
            // What a set is like does not change: another time is another set.
            let set = format!("{own}/{seconds}");
            self.affinity_sets.insert(
                set.clone(),
                format!("{{ type ipv4_addr; size 65536; flags dynamic,timeout; timeout {seconds}s; }}"),
            );
            self.chains.insert(
                own.clone(),
                vec![
                    format!("update @{set} {{ ip saddr }}"),
                    format!("meta l4proto {} {}", port.protocol, dnat(std::slice::from_ref(endpoint))),
                ],
            );
            rules.push(format!("ip saddr @{set} goto {own}"));
            verdicts.push(format!("{index} : goto {own}"));
        }
        rules.push(format!("numgen random mod {} vmap {{ {} }}", endpoints.len(), verdicts.join(", ")));
        rules
    }
}

fn dnat(endpoints: &[Endpoint]) -> String {
    if let [only] = endpoints {
        return format!("dnat to {}:{}", only.address, only.port);
    }
    let target = |(index, to): (usize, &Endpoint)| format!("{index} : {} . {}", to.address, to.port);
    let targets: Vec<String> = endpoints.iter().enumerate().map(target).collect();
    format!("dnat ip to numgen random mod {} map {{ {} }}", endpoints.len(), targets.join(", "))
}

/// Base chains, maps and sets. The table is made anew when this text changes.
fn frame(node: &NodeConfig) -> String {
    let NodeConfig { pod_cidr, pod_subnet, service_subnet, dns_address, .. } = node;
    // Services and ports of the node lead to verdicts, host ports to a pod's port. Pods in `hairpin` may be sent back to
    // themselves.
    format!(
        "map service_ips {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
map node_ports {{ type inet_proto . inet_service : verdict; }}
map host_ports {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
map host_address_ports {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
set hairpin {{ type ipv4_addr . ipv4_addr; }}
chain services {{
  ip daddr . meta l4proto . th dport vmap @service_ips
  ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node_ports
  fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @host_address_ports
  fib daddr type local dnat ip to meta l4proto . th dport map @host_ports
}}
chain prerouting {{ type nat hook prerouting priority dstnat; policy accept; jump services; }}
chain output {{ type nat hook output priority -100; policy accept; jump services; }}
chain postrouting {{
  type nat hook postrouting priority srcnat; policy accept;
  meta mark and {MASQUERADE} == {MASQUERADE} masquerade fully-random
  ip saddr . ip daddr @hairpin masquerade fully-random
  ip saddr 127.0.0.0/8 ip daddr {pod_cidr} masquerade fully-random
  ip saddr {pod_cidr} ip daddr != {pod_subnet} fib daddr type != local masquerade fully-random
}}
chain unanswered {{
  ip daddr {service_subnet} ip daddr != {dns_address} reject with icmp type port-unreachable
}}
chain forward {{ type filter hook forward priority filter; policy accept; ct state new jump unanswered; }}
chain filter-output {{ type filter hook output priority filter; policy accept; ct state new jump unanswered; }}
"
    )
}
