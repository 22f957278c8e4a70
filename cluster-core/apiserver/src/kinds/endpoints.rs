//! Endpoints and endpoint slices.

use super::BASE;
use super::cells::OwnCell;
use super::pod::validation::is_ip;
use super::walk::{At, int, items, text, texts};
use crate::registry::Strategy;
use cluster_object::field::Errors;
use cluster_object::name;
use serde_json::Value;

pub(super) const ENDPOINTS: Strategy = Strategy { validate: endpoints, ..BASE };

pub(super) const ENDPOINT_SLICE: Strategy = Strategy {
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        let names = at.get("addressType").text() == "FQDN";
        for endpoint in at.get("endpoints").items() {
            for address in endpoint.get("addresses").items() {
                address.rule(if names { name::dns_subdomain } else { is_ip }, &mut errors);
            }
        }
        errors
    },
    ..BASE
};

fn endpoints(object: &Value) -> Errors {
    let mut errors = Errors::new();
    for subset in At::root(object).get("subsets").items() {
        if subset.get("addresses").is_empty() && subset.get("notReadyAddresses").is_empty() {
            errors.push(subset.missing("must specify `addresses` or `notReadyAddresses`"));
        }
        for address in subset.get("addresses").items().chain(subset.get("notReadyAddresses").items()) {
            address.get("ip").rule(is_ip, &mut errors);
        }
        let several = items(&subset.value["ports"]).len() > 1;
        for port in subset.get("ports").items() {
            if several && port.get("name").is_empty() {
                errors.push(port.get("name").missing(""));
            }
            port.get("port").port(&mut errors);
        }
    }
    errors
}

/// At most three of `all`, and how many there are more.
pub(super) fn first_three(all: &[String]) -> Value {
    match all.len() {
        0 => "<none>".into(),
        1..=3 => all.join(",").into(),
        more => format!("{} + {} more...", all[..3].join(","), more - 3).into(),
    }
}

fn endpoint_addresses(object: &Value) -> Value {
    let mut all = Vec::new();
    for subset in items(&object["subsets"]) {
        for address in items(&subset["addresses"]) {
            let ip = text(&address["ip"]);
            let ip = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
            let ports = items(&subset["ports"]);
            all.extend(ports.iter().map(|port| format!("{ip}:{}", int(&port["port"]))));
            if ports.is_empty() {
                all.push(ip);
            }
        }
    }
    first_three(&all)
}

pub(super) const ENDPOINTS_CELLS: &[OwnCell] = &[("Endpoints", endpoint_addresses)];
pub(super) const ENDPOINT_SLICE_CELLS: &[OwnCell] = &[
    ("Ports", |o| {
        if items(&o["ports"]).is_empty() {
            return "<unset>".into();
        }
        let show = |port: &Value| port["port"].as_i64().map_or_else(|| "*".to_owned(), |number| number.to_string());
        first_three(&items(&o["ports"]).iter().map(show).collect::<Vec<_>>())
    }),
    ("Endpoints", |o| {
        if items(&o["endpoints"]).is_empty() {
            return "<unset>".into();
        }
        let all = items(&o["endpoints"]).iter().flat_map(|e| texts(&e["addresses"])).map(str::to_owned);
        first_three(&all.collect::<Vec<_>>())
    }),
];
