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

fn service_type(service: &Value) -> &str {
    match meta::text(service, "spec.type") {
        "" => "ClusterIP",
        given => given,
    }
}

fn has_address(service: &Value) -> bool {
    service_type(service) != "ExternalName" && meta::text(service, "spec.clusterIP") != "None"
}

fn has_node_ports(service: &Value) -> bool {
    match service_type(service) {
        "NodePort" => true,
        "LoadBalancer" => meta::get(service, "spec.allocateLoadBalancerNodePorts") != &Value::Bool(false),
        _ => false,
    }
}

/// Gives the service what its type needs and it does not have, noted in `wanted`; keeps what the old state had. Returns
/// what that had and the new one has not.
pub(super) fn assign(
    ranges: &Ranges<'_>,
    old: Option<&Value>,
    service: &mut Value,
    wanted: &mut Vec<Taken>,
    errors: &mut Errors,
) -> Vec<Taken> {
    if let Some(old) = old {
        inherit(old, service);
    }
    let before = old.map(held).unwrap_or_default();
    let mut assignment = Assignment { ranges, before: &before, wanted, errors };
    assignment.give_address(service);
    assignment.give_ports(service);
    assignment.give_health_port(service);
    let after = held(service);
    before.into_iter().filter(|taken| !after.contains(taken)).collect()
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

/// Carries over what the client left out.
fn inherit(old: &Value, service: &mut Value) {
    let unset = meta::text(service, "spec.clusterIP").is_empty();
    if unset && service_type(service) != "ExternalName" && service_type(old) != "ExternalName" {
        for field in ["clusterIP", "clusterIPs"] {
            if let Some(value) = old["spec"].get(field) {
                service["spec"][field] = value.clone();
            }
        }
    }
    if !has_node_ports(old) || !has_node_ports(service) {
        return;
    }
    let key = |port: &Value| (port["protocol"].clone(), port["port"].clone());
    for port in service["spec"]["ports"].as_array_mut().into_iter().flatten() {
        if port["nodePort"].as_u64().unwrap_or_default() == 0
            && let Some(same) = ports(old).iter().find(|o| key(o) == key(port) && o["nodePort"].is_u64())
        {
            port["nodePort"] = same["nodePort"].clone();
        }
    }
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

    fn give_address(&mut self, service: &mut Value) {
        if service_type(service) == "ExternalName" {
            return;
        }
        if has_address(service) {
            let Some(address) = self.address(service) else { return };
            service["spec"]["clusterIP"] = address.to_string().into();
        }
        let spec = &mut service["spec"];
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
        if spec["ipFamilies"].as_array().is_none_or(Vec::is_empty) {
            spec["ipFamilies"] = json!(["IPv4"]);
        }
        if spec["ipFamilyPolicy"].is_null() {
            spec["ipFamilyPolicy"] = json!("SingleStack");
        }
    }

    fn address(&mut self, service: &Value) -> Option<Ipv4Addr> {
        let path = Path::new("spec").child("clusterIPs");
        let first = service["spec"]["clusterIPs"][0].as_str().unwrap_or_default();
        let given = Some(meta::text(service, "spec.clusterIP")).filter(|g| !g.is_empty()).unwrap_or(first);
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
        if !matches!(service_type(service), "NodePort" | "LoadBalancer") {
            return;
        }
        let needed = has_node_ports(service);
        let (valid, path) = (&self.ranges.server.config.node_ports, Path::new("spec").child("ports"));
        let mut own: Vec<(u64, Value)> = Vec::new();
        for (index, port) in service["spec"]["ports"].as_array_mut().into_iter().flatten().enumerate() {
            let given = port["nodePort"].as_u64().unwrap_or_default();
            let path = path.index(index).child("nodePort");
            if given == 0 {
                if !needed {
                    continue;
                }
                match self.want_port() {
                    Some(number) => {
                        port["nodePort"] = number.into();
                        own.push((u64::from(number), port["protocol"].clone()));
                    }
                    None => self.refuse(&path, "a nodePort"),
                }
                continue;
            }
            let number = given as u32;
            let shared = own.iter().any(|(n, protocol)| *n == given && *protocol != port["protocol"]);
            own.push((given, port["protocol"].clone()));
            if shared || self.before.contains(&Taken::Port(number)) {
                continue;
            }
            let fault = if !(u32::from(*valid.start())..=u32::from(*valid.end())).contains(&number) {
                let (first, last) = (valid.start(), valid.end());
                format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
            } else if self.want(Taken::Port(number)) {
                continue;
            } else {
                "provided port is already allocated".to_owned()
            };
            self.errors.push(Error::invalid(&path, &json!(given), &fault));
        }
    }

    fn give_health_port(&mut self, service: &mut Value) {
        let local = meta::text(service, "spec.externalTrafficPolicy") == "Local";
        if service_type(service) != "LoadBalancer" || !local {
            return;
        }
        let given = meta::get(service, "spec.healthCheckNodePort").as_u64().unwrap_or_default() as u32;
        if given == 0 {
            if let Some(number) = self.want_port() {
                service["spec"]["healthCheckNodePort"] = number.into();
            }
        } else if !self.before.contains(&Taken::Port(given)) && !self.want(Taken::Port(given)) {
            let path = Path::new("spec").child("healthCheckNodePort");
            let detail = "failed to allocate requested HealthCheck NodePort: provided port is already allocated";
            self.errors.push(Error::invalid(&path, &json!(given), detail));
        }
    }
}
