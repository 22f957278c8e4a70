//! Which addresses and ports a service has, and which it is given.

use super::pick::pick;
use super::{Ranges, Taken};
use crate::kinds::prelude::*;

/// Everything a stored service holds.
pub(super) fn held(service: &Value) -> Vec<Taken> {
    let address = meta::text(service, "spec.clusterIP").parse::<Ipv4Addr>().ok();
    let mut held: Vec<Taken> = address.map(|a| Taken::Address(a.into())).into_iter().collect();
    let health = meta::get(service, "spec.healthCheckNodePort");
    for port in ports(service).iter().map(|p| &p["nodePort"]).chain([health]) {
        match port.as_u64() {
            Some(port) if port > 0 && !held.contains(&Taken::Port(port as u32)) => held.push(Taken::Port(port as u32)),
            _ => {}
        }
    }
    held
}

fn ports(service: &Value) -> &[Value] {
    meta::get(service, "spec.ports").as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Gives the service what its type needs and it does not have, noted in `wanted`. Returns what the old state had and the
/// new one has not.
pub(super) fn assign(
    ranges: &Ranges<'_>,
    old: Option<&Value>,
    service: &mut Value,
    wanted: &mut Vec<Taken>,
    errors: &mut Errors,
) -> Result<Vec<Taken>, Status> {
    let before = old.map(held).unwrap_or_default();
    let mut assignment = Assignment { ranges, before: &before, wanted, errors };
    let families = |service: &Value| ["ipFamilies", "ipFamilyPolicy"].map(|field| service["spec"][field].clone());
    if old.is_none_or(|old| families(old) != families(service)) {
        assignment.check_families(&service["spec"]);
    }
    assignment.give_address(service);
    assignment.give_ports(service);
    if old.is_none_or(|old| old["spec"]["healthCheckNodePort"].is_null()) && assignment.errors.is_empty() {
        assignment.give_health_port(service)?;
    }
    let after = held(service);
    Ok(before.into_iter().filter(|taken| !after.contains(taken)).collect())
}

/// What one service is given.
struct Assignment<'a> {
    ranges: &'a Ranges<'a>,
    /// What its old state had.
    before: &'a [Taken],
    /// What it takes beside that.
    wanted: &'a mut Vec<Taken>,
    errors: &'a mut Errors,
}

/// The first and last address that services get.
fn bounds(network: Ipv4Net) -> Option<(u32, u32)> {
    let (first, last) = (u32::from(network.network()) + 1, u32::from(network.broadcast()).checked_sub(1)?);
    (first <= last).then_some((first, last))
}

impl Assignment<'_> {
    /// Notes that this number is wanted; false when somebody has it.
    fn want(&mut self, taken: Taken) -> bool {
        let free = !self.wanted.contains(&taken) && self.ranges.is_free(taken);
        if free {
            self.wanted.push(taken);
        }
        free
    }

    fn want_address(&mut self) -> Option<u32> {
        let found = self.ranges.networks.iter().find_map(|network| {
            let (first, last) = bounds(*network)?;
            pick(&(first..=last), |number| self.ranges.is_free(Taken::Address(number)))
        })?;
        self.wanted.push(Taken::Address(found));
        Some(found)
    }

    fn want_port(&mut self) -> Option<u32> {
        let ports = &self.ranges.server.config.node_ports;
        let range = u32::from(*ports.start())..=u32::from(*ports.end());
        let found = pick(&range, |number| {
            let taken = Taken::Port(number);
            !self.wanted.contains(&taken) && self.ranges.is_free(taken)
        })?;
        self.wanted.push(Taken::Port(found));
        Some(found)
    }

    fn refuse(&mut self, path: &Path, what: &str) {
        let text = format!("Internal error: failed to allocate {what}: range is full");
        self.errors.push(Error::new(path, cluster_object::field::Reason::Internal, text));
    }

    /// Refuses what takes more than the one family of addresses that the cluster has.
    fn check_families(&mut self, spec: &Value) {
        let open = spec["clusterIP"] == "None" && is_empty(&spec["selector"]);
        if open || spec["type"] == "ExternalName" {
            return;
        }
        let (policy, families) = (At::root(spec).get("ipFamilyPolicy"), At::root(spec).get("ipFamilies"));
        let of_spec = |at: At<'_>, why| Error::invalid(&Path::new("spec").child(&at.path.to_string()), at.value, why);
        if policy.text() == "RequireDualStack" {
            self.errors.push(of_spec(policy, "this cluster is not configured for dual-stack services"));
        }
        for family in families.items().filter(|family| family.text() == "IPv6") {
            self.errors.push(of_spec(family, "not configured on this cluster"));
        }
    }

    fn give_address(&mut self, service: &mut Value) {
        let spec = &mut service["spec"];
        if spec["type"] == "ExternalName" {
            return;
        }
        let why = match items(&spec["clusterIPs"]).first() {
            Some(_) if is_empty(&spec["clusterIP"]) => "must be empty when `clusterIP` is not specified",
            Some(first) if *first != spec["clusterIP"] => "first value must match `clusterIP`",
            _ => "",
        };
        if !why.is_empty() {
            self.errors.push(Error::invalid(&Path::new("spec").child("clusterIPs"), &spec["clusterIPs"], why));
            return;
        }
        if spec["clusterIP"] != "None" {
            let Some(address) = self.address(text(&spec["clusterIP"])) else { return };
            spec["clusterIP"] = address.to_string().into();
        }
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }

    fn address(&mut self, given: &str) -> Option<Ipv4Addr> {
        let path = Path::new("spec").child("clusterIPs");
        if given.is_empty() {
            let Some(number) = self.want_address() else {
                self.refuse(&path, "a serviceIP");
                return None;
            };
            return Some(number.into());
        }
        // Text that is no address is the validation's business.
        let address: Ipv4Addr = given.parse().ok()?;
        let number = u32::from(address);
        if self.before.contains(&Taken::Address(number)) {
            return Some(address);
        }
        let fits = |net: &Ipv4Net| bounds(*net).is_some_and(|(first, last)| (first..=last).contains(&number));
        let fault = if !self.ranges.networks.iter().any(fits) {
            let valid: Vec<String> = self.ranges.networks.iter().map(ToString::to_string).collect();
            let valid = valid.join(", ");
            format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is {valid}")
        } else if self.want(Taken::Address(number)) {
            return Some(address);
        } else {
            "provided IP is already allocated".to_owned()
        };
        let detail = format!("failed to allocate IP {address}: {fault}");
        self.errors.push(Error::invalid(&path, &json!([given]), &detail));
        None
    }

    fn give_ports(&mut self, service: &mut Value) {
        let balanced = service["spec"]["type"] == "LoadBalancer";
        if !balanced && service["spec"]["type"] != "NodePort" {
            return;
        }
        let needed = !balanced || service["spec"]["allocateLoadBalancerNodePorts"] != false;
        let path = Path::new("spec").child("ports");
        let mut own: Vec<(i64, Value)> = Vec::new();
        for (index, port) in each(&mut service["spec"], "ports").enumerate() {
            let given = int(&port["nodePort"]);
            let path = path.index(index).child("nodePort");
            if given == 0 {
                if !needed {
                    continue;
                }
                match self.want_port() {
                    Some(number) => {
                        port["nodePort"] = number.into();
                        own.push((i64::from(number), port["protocol"].clone()));
                    }
                    None => self.refuse(&path, "a nodePort"),
                }
                continue;
            }
            let shared = own.iter().any(|(n, protocol)| *n == given && *protocol != port["protocol"]);
            own.push((given, port["protocol"].clone()));
            if !shared && let Err(fault) = self.want_given(given) {
                self.errors.push(Error::invalid(&path, &json!(given), &fault));
            }
        }
    }

    /// Notes that this port is wanted, unless the old state had it; an error says why it cannot be had.
    fn want_given(&mut self, port: i64) -> Result<(), String> {
        let valid = &self.ranges.server.config.node_ports;
        let (first, last) = (valid.start(), valid.end());
        match u32::try_from(port).map(Taken::Port) {
            Ok(taken) if self.before.contains(&taken) => Ok(()),
            Ok(taken) if (i64::from(*first)..=i64::from(*last)).contains(&port) => {
                if self.want(taken) {
                    Ok(())
                } else {
                    Err("provided port is already allocated".to_owned())
                }
            }
            _ => Err(format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")),
        }
    }

    fn give_health_port(&mut self, service: &mut Value) -> Result<(), Status> {
        let spec = &mut service["spec"];
        if spec["type"] != "LoadBalancer" || spec["externalTrafficPolicy"] != "Local" {
            return Ok(());
        }
        let given = int(&spec["healthCheckNodePort"]);
        if given != 0 {
            let failed = |why| format!("failed to allocate requested HealthCheck NodePort {given}: {why}");
            return self.want_given(given).map_err(|why| Status::internal(failed(why)));
        }
        let number = self.want_port();
        let full = || Status::internal("failed to allocate a HealthCheck NodePort: range is full");
        spec["healthCheckNodePort"] = number.ok_or_else(full)?.into();
        Ok(())
    }
}
