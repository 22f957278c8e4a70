//! What the nftables table holds for a model: chains, map elements and set elements.

use super::Options;
use super::model::{Endpoint, Model, ServicePort};
use crate::nft::Flow;
use crate::prelude::*;
use std::fmt::Write;

/// The table's name.
pub(super) const TABLE: &str = "ip devcluster";
/// Packets with this bit leave with the node's own address.
const MASQUERADE: &str = "0x4000";

/// The table's content, in nft's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The parts that depend on the node alone.
    pub(super) frame: String,
    /// Rules of each service port's chain.
    pub(super) chains: BTreeMap<String, Vec<String>>,
    /// Sets of clients that stay with an endpoint: name and definition.
    pub(super) affinity_sets: BTreeMap<String, String>,
    /// `service_ips`: `address . protocol . port` to verdict.
    pub(super) service_ips: BTreeMap<String, String>,
    /// `node_ports`: `protocol . port` to verdict.
    pub(super) node_ports: BTreeMap<String, String>,
    /// `host_ports`: `protocol . port` to `address . port` of a pod.
    pub(super) host_ports: BTreeMap<String, String>,
    /// `host_address_ports`: the same for one address of the node, `address . protocol . port`.
    pub(super) host_address_ports: BTreeMap<String, String>,
    /// `hairpin`: `address . address` of pods that may be sent back to themselves.
    pub(super) hairpin: BTreeSet<String>,
    /// The UDP flows that the table can have made.
    pub(super) udp_flows: BTreeSet<Flow>,
}

/// The table for a model.
pub fn ruleset(model: &Model, options: &Options) -> Ruleset {
    let mut rules = Ruleset { frame: frame(options), ..Ruleset::default() };
    for port in &model.ports {
        rules.add_internal(port);
        rules.add_external(port);
    }
    for ((address, protocol, port), to) in &model.host_ports {
        let (key, target) = (format!("{protocol} . {port}"), format!("{} . {}", to.address, to.port));
        match address {
            Some(address) => rules.host_address_ports.insert(format!("{address} . {key}"), target),
            None => rules.host_ports.insert(key, target),
        };
    }
    rules.hairpin = model.local_endpoints.iter().map(|ip| format!("{ip} . {ip}")).collect();
    rules
}

impl Ruleset {
    fn add_internal(&mut self, port: &ServicePort) {
        if port.internal.is_empty() {
            return;
        }
        let chain = format!("service/{}", port.name);
        for ip in &port.cluster_ips {
            self.service_ips.insert(format!("{ip} . {} . {}", port.protocol, port.port), format!("goto {chain}"));
            self.flows(port, Some(*ip), port.port, &port.internal);
        }
        self.balance(&chain, &[], port, &port.internal);
    }

    fn add_external(&mut self, port: &ServicePort) {
        if port.external.is_empty() || (port.node_port.is_none() && port.external_ips.is_empty()) {
            return;
        }
        let chain = format!("external/{}", port.name);
        let (guarded, sources) = port.guarded.clone().unwrap_or_default();
        let firewall = format!("firewall/{}", port.name);
        if !guarded.is_empty() {
            let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
            let drop = format!("ip saddr != {{ {} }} drop", sources.join(", "));
            self.chains.insert(firewall.clone(), vec![drop, format!("goto {chain}")]);
        }
        for ip in &port.external_ips {
            let first = if guarded.contains(ip) { &firewall } else { &chain };
            self.service_ips.insert(format!("{ip} . {} . {}", port.protocol, port.port), format!("goto {first}"));
            self.flows(port, Some(*ip), port.port, &port.external);
        }
        if let Some(node_port) = port.node_port {
            self.flows(port, None, node_port, &port.external);
            self.node_ports.insert(format!("{} . {node_port}", port.protocol), format!("goto {chain}"));
        }
        let mark = format!("meta mark set meta mark or {MASQUERADE}");
        let first: &[String] = if port.external_local { &[] } else { &[mark] };
        self.balance(&chain, first, port, &port.external);
    }

    fn flows(&mut self, port: &ServicePort, service: Option<Ipv4Addr>, number: u16, endpoints: &[Endpoint]) {
        if port.protocol == "udp" {
            let flow = |e: &Endpoint| Flow { service, port: number, endpoint: Some(e.address) };
            self.udp_flows.extend(endpoints.iter().map(flow));
        }
    }

    /// A chain that sends each new connection to one of `endpoints`, all alike.
    fn balance(&mut self, chain: &str, first: &[String], port: &ServicePort, endpoints: &[Endpoint]) {
        let mut rules = first.to_vec();
        match port.affinity_seconds {
            None => rules.push(format!("meta l4proto {} {}", port.protocol, dnat(endpoints))),
            Some(seconds) => self.balance_with_affinity(chain, &mut rules, port, endpoints, seconds),
        }
        self.chains.insert(chain.to_owned(), rules);
    }

    /// Each endpoint has a chain that remembers its clients in a set; clients in a set go there again.
    fn balance_with_affinity(
        &mut self,
        chain: &str,
        rules: &mut Vec<String>,
        port: &ServicePort,
        endpoints: &[Endpoint],
        seconds: u32,
    ) {
        let mut verdicts = Vec::new();
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
    }
}

fn dnat(endpoints: &[Endpoint]) -> String {
    if let [only] = endpoints {
        return format!("dnat to {}:{}", only.address, only.port);
    }
    let mut targets = String::new();
    for (index, Endpoint { address, port }) in endpoints.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let written = write!(targets, "{comma}{index} : {address} . {port}");
        debug_assert!(written.is_ok());
    }
    format!("dnat ip to numgen random mod {} map {{ {targets} }}", endpoints.len())
}

/// Base chains, maps and sets. The table is made anew when this text changes.
fn frame(options: &Options) -> String {
    let Options { pod_cidr, pod_subnet, service_subnet, dns_address, .. } = options;
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
