//! The table for a model: a chain for each isolated pod and direction, which returns what is allowed and drops the rest.

use super::model::{Model, PodFacts, selects};
use crate::prelude::*;
use k8s_openapi::api::networking::v1::{NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::fmt::Display;

/// Takes the table away, whether it is there or not.
pub(super) const NONE: &str = "add table ip devcluster-policy\ndelete table ip devcluster-policy\n";

/// Seen from the isolated pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The address of the other side.
    fn peer(self) -> &'static str {
        if self == Self::Ingress { "ip saddr" } else { "ip daddr" }
    }

    fn chain(self, pod: &PodFacts) -> String {
        format!("{}/{}", if self == Self::Ingress { "ingress" } else { "egress" }, pod.address)
    }

    /// Whether a policy isolates its pods in this direction.
    fn isolates(self, policy: &NetworkPolicySpec) -> bool {
        let name = if self == Self::Ingress { "Ingress" } else { "Egress" };
        match policy.policy_types.as_deref() {
            Some(types) if !types.is_empty() => types.iter().any(|t| t == name),
            _ => self == Self::Ingress || policy.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
        }
    }

    /// Peers and ports of a policy's rules.
    fn rules(self, policy: &NetworkPolicySpec) -> Vec<(&[NetworkPolicyPeer], &[NetworkPolicyPort])> {
        match self {
            Self::Ingress => {
                let rules = policy.ingress.iter().flatten();
                rules.map(|r| (r.from.as_deref().unwrap_or_default(), r.ports.as_deref().unwrap_or_default())).collect()
            }
            Self::Egress => {
                let rules = policy.egress.iter().flatten();
                rules.map(|r| (r.to.as_deref().unwrap_or_default(), r.ports.as_deref().unwrap_or_default())).collect()
            }
        }
    }
}

/// The transaction that makes the table hold just these policies.
pub(super) fn ruleset(model: &Model, dns: Ipv4Addr) -> String {
    let (mut chains, mut verdicts, mut isolated) = (Vec::new(), [Vec::new(), Vec::new()], BTreeSet::new());
    for pod in model.pods.iter().filter(|pod| pod.local) {
        for direction in [Direction::Ingress, Direction::Egress] {
            if let Some(rules) = isolation(model, pod, direction) {
                let chain = direction.chain(pod);
                chains.push(format!("chain {chain} {{"));
                chains.extend(rules.iter().map(|rule| format!("  {rule} return")));
                chains.push("  drop\n}".to_owned());
                verdicts[direction as usize].push(format!("{} : jump {chain}", pod.address));
                isolated.insert(format!("{0} . {0}", pod.address));
            }
        }
    }
    if chains.is_empty() {
        return NONE.to_owned();
    }
    let chains = chains.join("\n");
    let map = |field: &str, verdicts: &[String]| match verdicts {
        [] => String::new(),
        some => format!("  {field} vmap {{ {} }}\n", some.join(", ")),
    };
    let [ingress, egress] = &verdicts;
    let leaving = map("ip saddr", egress);
    let arriving = map("ip daddr", ingress);
    // Whatever a pod was allowed to begin may be answered, and nothing keeps it from itself behind a service. The node
    // itself reaches its pods without `forward`.
    let itself = set(&isolated.into_iter().collect::<Vec<_>>());
    let open = format!(
        "  ct state established,related accept\n  ip daddr {dns} th dport 53 accept\n  ip saddr . ip daddr {itself} accept\n"
    );
    format!(
        "{NONE}table ip devcluster-policy {{\n{chains}\n\
         chain forward {{ type filter hook forward priority filter + 10; policy accept;\n{open}{leaving}{arriving}}}\n\
         chain input {{ type filter hook input priority filter + 10; policy accept;\n{open}{leaving}}}\n}}\n"
    )
}

/// What an isolated pod may still do, as matches; nothing when no policy isolates it.
fn isolation(model: &Model, pod: &PodFacts, direction: Direction) -> Option<Vec<String>> {
    let mut rules = Vec::new();
    let mut isolated = false;
    for (namespace, policy) in &model.policies {
        let chosen = policy.pod_selector.as_ref().is_none_or(|selector| selects(selector, &pod.labels));
        if *namespace != pod.namespace || !chosen || !direction.isolates(policy) {
            continue;
        }
        isolated = true;
        for (peers, ports) in direction.rules(policy) {
            allow(model, pod, namespace, direction, peers, ports, &mut rules);
        }
    }
    isolated.then_some(rules)
}

/// The matches of one rule: each peer with each port.
fn allow(
    model: &Model,
    pod: &PodFacts,
    namespace: &str,
    direction: Direction,
    peers: &[NetworkPolicyPeer],
    ports: &[NetworkPolicyPort],
    rules: &mut Vec<String>,
) {
    let side = direction.peer();
    let anyone = peers.is_empty();
    let all = anyone.then(NetworkPolicyPeer::default);
    for peer in all.iter().chain(peers) {
        let pods: Vec<&PodFacts> = match &peer.ip_block {
            Some(_) => Vec::new(),
            None if anyone => model.pods.iter().collect(),
            None => model.chosen(peer, namespace).collect(),
        };
        let from = match &peer.ip_block {
            Some(block) if block.cidr.contains(':') => continue,
            Some(block) => {
                let except: Vec<&String> = block.except.iter().flatten().collect();
                let except = if except.is_empty() { String::new() } else { format!(" {side} != {}", set(&except)) };
                Some(format!("{side} {}{except}", block.cidr))
            }
            None if anyone => Some(String::new()),
            None => among(side, pods.iter().map(|pod| pod.address)),
        };
        if ports.is_empty() {
            rules.extend(from.clone());
        }
        for port in ports {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let what = match (&port.port, port.end_port) {
                // Each of the pods may give another number to the name.
                (Some(IntOrString::String(name)), _) if direction == Direction::Egress => {
                    for (number, pods) in numbers(pods.iter().copied(), name, protocol) {
                        rules.extend(among(side, pods).map(|to| join(&to, &matched(protocol, number))));
                    }
                    continue;
                }
                (Some(IntOrString::String(name)), _) => {
                    numbers(std::iter::once(pod), name, protocol).keys().map(|own| matched(protocol, own)).collect()
                }
                (Some(IntOrString::Int(first)), Some(last)) => vec![matched(protocol, format!("{first}-{last}"))],
                (Some(IntOrString::Int(number)), None) => vec![matched(protocol, number)],
                (None, _) => vec![format!("meta l4proto {}", protocol.to_lowercase())],
            };
            rules.extend(from.iter().flat_map(|from| what.iter().map(move |what| join(from, what))));
        }
    }
}

/// The numbers that pods give to a port's name, and the addresses of those that do.
fn numbers<'a>(pods: impl Iterator<Item = &'a PodFacts>, name: &str, protocol: &str) -> BTreeMap<i32, Vec<Ipv4Addr>> {
    let mut found: BTreeMap<i32, Vec<Ipv4Addr>> = BTreeMap::new();
    for pod in pods {
        for (_, _, number) in pod.ports.iter().filter(|(n, p, _)| n == name && p == protocol) {
            found.entry(*number).or_default().push(pod.address);
        }
    }
    found
}

fn matched(protocol: &str, port: impl Display) -> String {
    format!("{} dport {port}", protocol.to_lowercase())
}

fn join(peer: &str, port: &str) -> String {
    if peer.is_empty() { port.to_owned() } else { format!("{peer} {port}") }
}

/// One of some addresses; nothing when there are none.
fn among(side: &str, addresses: impl IntoIterator<Item = Ipv4Addr>) -> Option<String> {
    let mut addresses: Vec<Ipv4Addr> = addresses.into_iter().collect();
    addresses.sort_unstable();
    (!addresses.is_empty()).then(|| format!("{side} {}", set(&addresses)))
}

fn set(items: &[impl Display]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    format!("{{ {} }}", items.join(", "))
}
