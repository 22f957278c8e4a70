//! Whether a cluster can be made of its description.

use super::{ClusterSpec, Mount, NodeSpec, POD_PREFIX};
use crate::{Error, Result};
use cluster_config::{API_PORT, Role};
use cluster_object::name;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// Container and network names carry it, and Docker limits host names to 63 characters.
const MAX_NAME: usize = 40;
/// As large as the subnet that is chosen where none is named.
const ANY_SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 24);

impl ClusterSpec {
    /// Whether a cluster can be made of it; the error says what cannot.
    pub fn validate(&self) -> Result<()> {
        let checked = name::dns_label(&self.name);
        checked.map_err(|why| Error::Invalid(format!("`{}` is no name for a cluster: {why}", self.name)))?;
        check(self.name.len() <= MAX_NAME, || {
            format!("the cluster's name `{}` is longer than {MAX_NAME} characters", self.name)
        })?;
        let [masters, workers] = [Role::Master, Role::Worker].map(|role| self.of(role).count());
        check(masters > 0, || "a cluster needs a master".to_owned())?;
        check(workers > 0, || "a cluster needs at least one worker, because masters take no pods".to_owned())?;
        check(masters % 2 == 1, || {
            let fewer = masters - 1;
            format!("{masters} masters survive no more than {fewer}: choose an odd number, most of which must live")
        })?;
        self.validate_networks()?;
        self.nodes.iter().try_for_each(validate_node)
    }

    fn validate_networks(&self) -> Result<()> {
        let nets = [("pod", self.pod_subnet), ("service", self.service_subnet)].into_iter();
        let nets: Vec<_> = nets.chain(self.subnet.map(|subnet| ("node", subnet))).collect();
        for (at, (what, a)) in nets.iter().enumerate() {
            for (other, b) in &nets[at + 1..] {
                let apart = !a.contains(b) && !b.contains(a);
                check(apart, || format!("the {what} subnet {a} and the {other} subnet {b} overlap"))?;
            }
        }
        let room = |net: Ipv4Net, prefix: u8| 1u64 << prefix.saturating_sub(net.prefix_len());
        let highest = u64::from(self.nodes.iter().map(|node| node.index).max().unwrap_or(0));
        let (pods, services) = (self.pod_subnet, self.service_subnet);
        check(room(pods, POD_PREFIX) > highest, || format!("the pod subnet {pods} is too small for {highest} nodes"))?;
        let addresses = room(self.subnet.unwrap_or(ANY_SUBNET), 32);
        check(addresses > highest + 2, || format!("the node subnet is too small for {highest} nodes"))?;
        check(room(services, 32) >= 256, || format!("the service subnet {services} is smaller than a /24"))
    }
}

fn check(good: bool, why: impl FnOnce() -> String) -> Result<()> {
    good.then_some(()).ok_or_else(|| Error::Invalid(why()))
}

fn validate_node(node: &NodeSpec) -> Result<()> {
    let NodeSpec { name: node_name, role, labels, mounts, ports, .. } = node;
    for (key, value) in labels {
        let checked = name::qualified_name(key).and_then(|()| name::label_value(value));
        let own = || "nodes may not give themselves this one; `kubectl label node` can".to_owned();
        let checked = checked.and_then(|()| if name::is_guarded_on_nodes(key) { Err(own()) } else { Ok(()) });
        checked.map_err(|why| Error::Invalid(format!("label `{key}={value}` of node `{node_name}`: {why}")))?;
    }
    let publishes = ports.iter().any(|port| port.container_port == API_PORT && *role == Role::Master);
    check(!publishes, || {
        format!("port {API_PORT} of node `{node_name}` is the API server's, which is published already")
    })?;
    mounts.iter().try_for_each(|Mount { container_path, host_path, .. }| {
        let good = container_path.starts_with('/') && !container_path.contains(':') && !host_path.contains(':');
        check(good, || {
            format!("mount `{container_path}` of node `{node_name}`: paths in the node are absolute, and no path holds a colon")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::net;
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_with_its_reason() {
        let check = |change: fn(&mut ClusterSpec), reason: &str| {
            let mut spec = ClusterSpec::new("dev", "image", 1, 2);
            change(&mut spec);
            let error = spec.validate().expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        };
        ClusterSpec::new("dev", "image", 1, 2).validate().expect("the default is fine");
        check(|spec| spec.name = "Dev".into(), "is no name for a cluster");
        check(|spec| spec.name = "d".repeat(41), "longer than 40");
        check(|spec| drop(spec.push(Role::Master).clone()), "choose an odd number");
        check(|spec| spec.nodes.truncate(1), "at least one worker");
        check(|spec| spec.nodes.clear(), "needs a master");
        check(|spec| spec.service_subnet = net([10, 244, 8, 0], 24), "overlap");
        check(|spec| spec.pod_subnet = net([10, 1, 0, 0], 23), "too small for 3 nodes");
        check(|spec| *spec = ClusterSpec::new("dev", "image", 1, 253), "the node subnet is too small for 254 nodes");
        check(|spec| *spec = ClusterSpec::new("dev", "image", 1, u16::MAX), "too small for 501 nodes");
        check(|spec| drop(spec.nodes[1].labels.insert("a b".into(), String::new())), "label `a b=`");
        check(
            |spec| drop(spec.nodes[1].labels.insert("node-role.kubernetes.io/worker".into(), String::new())),
            "nodes may not give themselves this one",
        );
    }
}
