//! Which pod has which address of its node's network.

use ipnet::Ipv4Net;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

/// The addresses in use, by the pods' UIDs.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    taken: BTreeSet<Ipv4Addr>,
    by_pod: HashMap<String, Ipv4Addr>,
}

impl Addresses {
    /// Takes in an address that a pod has.
    pub(crate) fn hold(&mut self, pod: &str, address: Ipv4Addr) {
        if self.taken.insert(address) {
            self.by_pod.insert(pod.to_owned(), address);
        }
    }

    /// The pod's address, now if not before; none when the network is full. The first one is the node's own.
    pub(crate) fn of(&mut self, pod: &str, network: Ipv4Net) -> Option<Ipv4Addr> {
        if let Some(address) = self.by_pod.get(pod) {
            return Some(*address);
        }
        let free = network.hosts().skip(1).find(|address| !self.taken.contains(address))?;
        self.hold(pod, free);
        Some(free)
    }

    /// The pod is gone.
    pub(crate) fn release(&mut self, pod: &str) {
        if let Some(address) = self.by_pod.remove(pod) {
            self.taken.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pods_share_an_address_and_a_free_one_is_given_again() {
        let network: Ipv4Net = "10.128.1.0/29".parse().expect("a network");
        let mut addresses = Addresses::default();
        addresses.hold("old", Ipv4Addr::new(10, 128, 1, 3));
        let mut last = |pod: &str| addresses.of(pod, network).map(|address| address.octets()[3]);
        let given = ["a", "b", "a", "old", "c", "d", "e"].map(&mut last);
        assert_eq!(given, [Some(2), Some(4), Some(2), Some(3), Some(5), Some(6), None]);
        addresses.release("b");
        assert_eq!(addresses.of("e", network), Some(Ipv4Addr::new(10, 128, 1, 4)));
    }
}
