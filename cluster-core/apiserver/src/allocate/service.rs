//! Which addresses and ports a service has, and which it is given.

use super::{Allocators, Reservation, Taken};
use cluster_object::field::{Error, Errors, Path};
use cluster_object::meta;
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

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

/// Gives the service what its type needs and it does not have; keeps what the old state had.
pub(super) fn assign(
    allocators: &Allocators,
    old: Option<&Value>,
    service: &mut Value,
    reservation: &mut Reservation,
    errors: &mut Errors,
) {
    if let Some(old) = old {
        inherit(old, service);
    }
    let before = old.map(held).unwrap_or_default();
    assign_address(allocators, &before, service, reservation, errors);
    assign_ports(allocators, &before, service, reservation, errors);
    assign_health_port(allocators, &before, service, reservation, errors);
    let after = held(service);
    reservation.given_up = before.into_iter().filter(|taken| !after.contains(taken)).collect();
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

fn assign_address(
    allocators: &Allocators,
    before: &[Taken],
    service: &mut Value,
    reservation: &mut Reservation,
    errors: &mut Errors,
) {
    if service_type(service) == "ExternalName" {
        return;
    }
    if has_address(service) {
        let Some(address) = address(allocators, before, service, reservation, errors) else { return };
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

fn address(
    allocators: &Allocators,
    before: &[Taken],
    service: &Value,
    reservation: &mut Reservation,
    errors: &mut Errors,
) -> Option<Ipv4Addr> {
    let path = Path::new("spec").child("clusterIPs");
    let mut pool = allocators.addresses.lock();
    let first = service["spec"]["clusterIPs"][0].as_str().unwrap_or_default();
    let given = Some(meta::text(service, "spec.clusterIP")).filter(|g| !g.is_empty()).unwrap_or(first);
    if given.is_empty() {
        let Some(number) = pool.take_any() else {
            errors.push(Error::new(
                &path,
                cluster_object::field::Reason::Internal,
                "Internal error: failed to allocate a serviceIP: range is full".to_owned(),
            ));
            return None;
        };
        reservation.taken.push(Taken::Address(number));
        return Some(number.into());
    }
    // Text that is no address is the validation's business.
    let address: Ipv4Addr = given.parse().ok()?;
    let number = u32::from(address);
    if before.contains(&Taken::Address(number)) {
        return Some(address);
    }
    let fault = if !pool.contains(number) {
        let (first, last) = pool.bounds();
        let range = subnet_of(first, last);
        format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}")
    } else if pool.take(number) {
        reservation.taken.push(Taken::Address(number));
        return Some(address);
    } else {
        "provided IP is already allocated".to_owned()
    };
    let detail = format!("failed to allocate IP {address}: {fault}");
    errors.push(Error::invalid(&path, &json!([given]), &detail));
    None
}

fn subnet_of(first: u32, last: u32) -> String {
    let prefix = (first - 1) ^ (last + 1);
    let length = u8::try_from(prefix.leading_zeros()).unwrap_or(32);
    Ipv4Net::new((first - 1).into(), length).map_or_else(|_| String::new(), |net| net.to_string())
}

fn assign_ports(
    allocators: &Allocators,
    before: &[Taken],
    service: &mut Value,
    reservation: &mut Reservation,
    errors: &mut Errors,
) {
    if !matches!(service_type(service), "NodePort" | "LoadBalancer") {
        return;
    }
    let wanted = has_node_ports(service);
    let mut pool = allocators.ports.lock();
    let path = Path::new("spec").child("ports");
    let mut own: Vec<(u64, Value)> = Vec::new();
    for (index, port) in service["spec"]["ports"].as_array_mut().into_iter().flatten().enumerate() {
        let given = port["nodePort"].as_u64().unwrap_or_default();
        let path = path.index(index).child("nodePort");
        if given == 0 {
            if !wanted {
                continue;
            }
            match pool.take_any() {
                Some(number) => {
                    reservation.taken.push(Taken::Port(number));
                    port["nodePort"] = number.into();
                    own.push((u64::from(number), port["protocol"].clone()));
                }
                None => errors.push(Error::new(
                    &path,
                    cluster_object::field::Reason::Internal,
                    "Internal error: failed to allocate a nodePort: range is full".to_owned(),
                )),
            }
            continue;
        }
        let number = given as u32;
        let shared = own.iter().any(|(n, protocol)| *n == given && *protocol != port["protocol"]);
        own.push((given, port["protocol"].clone()));
        if shared || before.contains(&Taken::Port(number)) {
            continue;
        }
        let fault = if !pool.contains(number) {
            let (first, last) = pool.bounds();
            format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
        } else if pool.take(number) {
            reservation.taken.push(Taken::Port(number));
            continue;
        } else {
            "provided port is already allocated".to_owned()
        };
        errors.push(Error::invalid(&path, &json!(given), &fault));
    }
}

fn assign_health_port(
    allocators: &Allocators,
    before: &[Taken],
    service: &mut Value,
    reservation: &mut Reservation,
    errors: &mut Errors,
) {
    let local = meta::text(service, "spec.externalTrafficPolicy") == "Local";
    if service_type(service) != "LoadBalancer" || !local {
        return;
    }
    let given = meta::get(service, "spec.healthCheckNodePort").as_u64().unwrap_or_default() as u32;
    let mut pool = allocators.ports.lock();
    if given == 0 {
        if let Some(number) = pool.take_any() {
            reservation.taken.push(Taken::Port(number));
            service["spec"]["healthCheckNodePort"] = number.into();
        }
    } else if !before.contains(&Taken::Port(given)) {
        if pool.take(given) {
            reservation.taken.push(Taken::Port(given));
        } else {
            let path = Path::new("spec").child("healthCheckNodePort");
            let detail = "failed to allocate requested HealthCheck NodePort: provided port is already allocated";
            errors.push(Error::invalid(&path, &json!(given), detail));
        }
    }
}
