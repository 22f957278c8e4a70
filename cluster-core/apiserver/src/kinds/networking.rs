//! Ingresses, network policies, service addresses and disruption budgets.

use super::cells::join;
use crate::allocate::CIDR_FINALIZER;
use crate::kinds::prelude::*;

pub(super) const INGRESS: Strategy = Strategy {
    validate: |at, errors| {
        let spec = at.get("spec");
        if spec.get("rules").is_empty() && !spec.get("defaultBackend").is_set() {
            errors.push(Error::invalid(
                &spec.path,
                &Value::Null,
                "either `defaultBackend` or `rules` must be specified",
            ));
        }
        if spec.get("defaultBackend").is_set() {
            backend(&spec.get("defaultBackend"), errors);
        }
        for rule in spec.get("rules").items() {
            rule.get("http.paths").items().for_each(|path| ingress_path(&path, errors));
        }
    },
    ..Strategy::NONE
};

pub(super) const NETWORK_POLICY: Strategy = Strategy {
    validate: |at, errors| {
        let spec = at.get("spec");
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            let peers = spec.get(direction).items().flat_map(|rule| rule.get(peers).items());
            for block in peers.map(|peer| peer.get("ipBlock")).filter(At::is_set) {
                let cidr = |at: &At<'_>| at.text().parse::<ipnet::IpNet>().ok();
                let outer = cidr(&block.get("cidr"));
                let outside =
                    |inner: &ipnet::IpNet| outer.is_some_and(|outer| !outer.contains(inner) || outer == *inner);
                let stray = block.get("except").items().filter(|except| cidr(except).as_ref().is_some_and(outside));
                errors.extend(stray.map(|except| except.invalid("must be a strict subset of `cidr`")));
            }
        }
    },
    ..Strategy::NONE
};

pub(super) const SERVICE_CIDR: Strategy = Strategy {
    prepare_create: |object| {
        // It is usable at once, and is let go when no address needs it any more.
        let ready = json!({"type": "Ready", "status": "True", "reason": "", "lastTransitionTime": meta::now(),
            "message": "Kubernetes Service CIDR is ready"});
        object["status"] = json!({"conditions": [ready]});
        let mut finalizers: Vec<Value> = meta::finalizers(object).into_iter().map(Value::from).collect();
        if !finalizers.iter().any(|known| known == CIDR_FINALIZER) {
            finalizers.push(CIDR_FINALIZER.into());
            meta::set(object, "metadata.finalizers", finalizers);
        }
    },
    ..Strategy::NONE
};

/// Whether the text is the name of a machine, or `*` and a domain.
pub(super) fn ingress_host(text: &str) -> Result<(), String> {
    if text.starts_with('*') { name::wildcard_dns_subdomain(text) } else { dns_name(text) }
}

fn ingress_path(path: &At<'_>, errors: &mut Errors) {
    let (kind, text) = (path.get("pathType"), path.get("path"));
    match kind.text() {
        "" => errors.push(kind.missing("pathType must be specified")),
        "Exact" | "Prefix" if !text.text().starts_with('/') => errors.push(text.invalid("must be an absolute path")),
        "Exact" | "Prefix" => {
            for bad in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|bad| text.text().contains(**bad)) {
                errors.push(text.invalid(&format!("must not contain '{bad}'")));
            }
            for bad in ["/..", "/."].iter().filter(|bad| text.text().ends_with(**bad)) {
                errors.push(text.invalid(&format!("cannot end with '{bad}'")));
            }
        }
        "ImplementationSpecific" if !text.is_empty() && !text.text().starts_with('/') => {
            errors.push(text.invalid("must be an absolute path"));
        }
        "ImplementationSpecific" => {}
        _ => kind.one_of(&["Exact", "ImplementationSpecific", "Prefix"], errors),
    }
    backend(&path.get("backend"), errors);
}

fn backend(backend: &At<'_>, errors: &mut Errors) {
    let (service, resource) = (backend.get("service"), backend.get("resource"));
    let invalid = |why: &str| Error::invalid(&backend.path, &json!(""), why);
    match (service.is_set(), resource.is_set()) {
        (true, true) => errors.push(invalid("cannot set both resource and service backends")),
        (false, false) => errors.push(invalid("resource or service backend is required")),
        (false, true) => {}
        (true, false) => {
            service.get("name").required_rule(name::dns1035_label, errors);
            let (port_name, number) = (service.get("port.name"), service.get("port.number"));
            match (port_name.is_empty(), number.is_empty()) {
                (true, true) => errors.push(backend.missing("port name or number is required")),
                (false, false) => errors.push(invalid("cannot set both port name & port number")),
                (false, true) => port_name.rule(name::port_name, errors),
                (true, false) => number.port(errors),
            }
        }
    }
}

/// Faults of the addresses that a service's load balancer gives it, when they change.
pub(super) fn balanced(at: &At<'_>, old: &Value, errors: &mut Errors) {
    let ingress = at.get("status.loadBalancer.ingress");
    if ingress.value == meta::get(old, "status.loadBalancer.ingress") {
        return;
    }
    if !ingress.is_empty() && meta::text(at.value, "spec.type") != "LoadBalancer" {
        errors.push(ingress.forbidden("may only be used when `spec.type` is \"LoadBalancer\""));
    }
    let stray = |point: &At<'_>| point.get("ip").is_empty() && point.get("ipMode").is_set();
    let modes = ingress.items().filter(stray).map(|point| point.get("ipMode"));
    errors.extend(modes.map(|mode| mode.forbidden("may not be specified when `ip` is not set")));
}

/// Whether the text is the name of a machine, and not its address.
pub(super) fn dns_name(text: &str) -> Result<(), String> {
    match text.parse::<std::net::IpAddr>() {
        Ok(_) => Err("must be a DNS name, not an IP address".to_owned()),
        Err(_) => name::dns_subdomain(text),
    }
}

/// Whether the text is a network.
pub(super) fn is_cidr(text: &str) -> Result<(), String> {
    let fault = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    text.parse::<ipnet::IpNet>().map(|_| ()).map_err(|_| fault.to_owned())
}

fn hosts(ingress: &Value) -> Value {
    let rules = items(&ingress["spec"]["rules"]);
    let hosts: Vec<&str> =
        rules.iter().take(3).map(|rule| text(&rule["host"])).filter(|host| !host.is_empty()).collect();
    match (hosts.is_empty(), rules.len()) {
        (true, _) => "*".into(),
        (false, ..=3) => join(hosts).into(),
        (false, more) => format!("{} + {} more...", join(hosts), more - 3).into(),
    }
}

pub(super) const INGRESS_CELLS: &[OwnCell] = &[("Hosts", hosts)];
