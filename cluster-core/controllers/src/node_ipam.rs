//! Gives every node that comes without a network for its pods one, as `--allocate-node-cidrs` does upstream. The nodes
//! of a launcher and of the simulator bring theirs.

use crate::prelude::*;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// The length of a node's network.
const PREFIX: u8 = 24;
const BY_NETWORK: &str = "pod-network";
/// When a node that found none is looked at again: others may have gone.
const LATER: Duration = Duration::from_mins(1);

pub(crate) async fn run(context: Context) {
    let Some(subnet) = context.options.node_networks else { return };
    let nodes: Informer<Node> = context.informers.informer();
    nodes.add_index(BY_NETWORK, |node| network(node).map(str::to_owned).into_iter().collect());
    let recorder = context.recorder("cidrAllocator");
    let controller =
        Arc::new(NodeIpam { client: context.client.clone(), recorder, subnet, nodes, last: Mutex::new(count(subnet)) });
    // Two nodes must not get the same network at once.
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .alone()
        .on_each(&controller.nodes)
        .run(context.cancel)
        .await;
}

struct NodeIpam {
    client: Client,
    recorder: Recorder,
    subnet: Ipv4Net,
    nodes: Informer<Node>,
    /// The number of the network given last. The next is another, so the cache may be behind.
    last: Mutex<u32>,
}

/// How many networks of nodes there are in the subnet.
fn count(subnet: Ipv4Net) -> u32 {
    1 << PREFIX.saturating_sub(subnet.prefix_len()).min(31)
}

fn network(node: &Node) -> Option<&str> {
    node.spec.as_ref()?.pod_cidr.as_deref().filter(|network| !network.is_empty())
}

/// The next free network below number `last`, and then from the top: those that nodes bring begin at the bottom.
fn next(subnet: Ipv4Net, last: u32, is_taken: impl Fn(&str) -> bool) -> Option<(u32, String)> {
    let numbers = (0..last).rev().chain((last..count(subnet)).rev());
    let network = |number: u32| {
        let first = Ipv4Addr::from_bits(subnet.network().to_bits() + (number << (32 - PREFIX)));
        (number, format!("{first}/{PREFIX}"))
    };
    numbers.map(network).find(|(_, network)| !is_taken(network))
}

impl NodeIpam {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(node) = self.nodes.get(key).filter(|node| network(node).is_none()) else { return Ok(None) };
        let last = *self.last.lock();
        let Some((number, network)) =
            next(self.subnet, last, |network| !self.nodes.by_index(BY_NETWORK, network).is_empty())
        else {
            let text = format!("Node {} status is now: CIDRNotAvailable", node.name());
            self.recorder.normal(&reference(node.as_ref()), "CIDRNotAvailable", text);
            return Ok(Some(LATER));
        };
        *self.last.lock() = number;
        // A node that was made anew is another one.
        let patch =
            json!({"metadata": {"uid": node.metadata.uid}, "spec": {"podCIDR": network, "podCIDRs": [network]}});
        let patch = Patch::Merge(patch);
        let written = self.client.patch::<Node>("", node.name(), "", &patch).await;
        ignore_gone(written).map(|_| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_client::Informers;
    use cluster_fake_server::FakeServer;

    #[test]
    fn networks_are_given_from_the_top_and_again_only_when_the_rest_was() {
        let subnet: Ipv4Net = "10.128.0.0/22".parse().expect("a net");
        let cases = [
            (4, vec![], Some(3)),
            (4, vec!["10.128.3.0/24"], Some(2)),
            (2, vec!["10.128.1.0/24"], Some(0)),
            (0, vec![], Some(3)),
            (1, vec!["10.128.0.0/24", "10.128.3.0/24", "10.128.2.0/24"], Some(1)),
            (2, vec!["10.128.0.0/24", "10.128.1.0/24", "10.128.2.0/24", "10.128.3.0/24"], None),
        ];
        for (last, taken, expected) in cases {
            let found = next(subnet, last, |network| taken.contains(&network));
            assert_eq!(found.as_ref().map(|(number, _)| *number), expected, "{last} {taken:?}");
            assert!(found.is_none_or(|(number, network)| network == format!("10.128.{number}.0/24")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_without_a_network_get_one_each_and_others_keep_theirs() {
        let client = FakeServer::new().client();
        let own = [("a", None), ("b", Some("10.128.3.0/24")), ("c", None)];
        for (name, network) in own {
            let node = json!({"metadata": {"name": name}, "spec": {"podCIDR": network}});
            client.create::<Node>(&serde_json::from_value(node).expect("a node")).await.expect("created");
        }
        let options = crate::Options { node_networks: "10.128.0.0/22".parse().ok(), ..Default::default() };
        let informers = Informers::new(client.clone());
        tokio::spawn(run(Context { informers: informers.clone(), options, ..Context::of(&client) }));
        let mut changes = informers.informer::<Node>().subscribe();
        let mut given = std::collections::BTreeMap::new();
        while given.len() < 3 {
            let change = changes.recv().await.expect("nodes change");
            if let Some(found) = network(change.object()) {
                given.insert(found.to_owned(), change.object().name().to_owned());
            }
        }
        assert_eq!(given["10.128.3.0/24"], "b");
        assert_eq!(given.keys().collect::<Vec<_>>(), ["10.128.1.0/24", "10.128.2.0/24", "10.128.3.0/24"]);
    }
}
