//! Ingresses, network policies, service addresses and disruption budgets.

use super::BASE;
use super::cells::{OwnCell, join, or};
use super::service::load_balancer;
use super::walk::{At, child, is_empty, items, text, texts};
use crate::allocate::CIDR_FINALIZER;
use crate::registry::Strategy;
use cluster_object::field::{Error, Errors};
use cluster_object::{meta, name};
use serde_json::{Value, json};

pub(super) const INGRESS: Strategy = Strategy {
    prepare_create: |object| object["status"] = json!({"loadBalancer": {}}),
    validate: |object| {
        let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
        if spec.get("rules").is_empty() && !spec.get("defaultBackend").is_set() {
            errors.push(Error::invalid(
                &spec.path,
                &Value::Null,
                "either `defaultBackend` or `rules` must be specified",
            ));
        }
        if spec.get("defaultBackend").is_set() {
            backend(&spec.get("defaultBackend"), &mut errors);
        }
        for rule in spec.get("rules").items() {
            ingress_host(&rule.get("host"), &mut errors);
            rule.get("http.paths").items().for_each(|path| ingress_path(&path, &mut errors));
        }
        for tls in spec.get("tls").items() {
            tls.get("hosts").items().for_each(|host| ingress_host(&host, &mut errors));
        }
        errors
    },
    ..BASE
};

pub(super) const NETWORK_POLICY: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        if is_empty(&spec["policyTypes"]) {
            let egress = !is_empty(&spec["egress"]);
            spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        }
    },
    validate: |object| {
        let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in spec.get(direction).items() {
                rule.get("ports").items().for_each(|port| policy_port(&port, &mut errors));
                rule.get(peers).items().for_each(|peer| policy_peer(&peer, &mut errors));
            }
        }
        errors
    },
    ..BASE
};

pub(super) const DISRUPTION_BUDGET: Strategy = Strategy {
    prepare_create: |object| {
        object["status"] =
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
    },
    validate: |object| {
        let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
        let (least, most) = (spec.get("minAvailable"), spec.get("maxUnavailable"));
        if least.is_set() && most.is_set() {
            errors.push(spec.invalid("minAvailable and maxUnavailable cannot be both set"));
        }
        for bound in [least, most].iter().filter(|bound| bound.is_set()) {
            super::workloads::int_or_percent(bound, true, &mut errors);
        }
        errors
    },
    unconditional_update: false,
    ..BASE
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
    ..BASE
};

pub(super) const IP_ADDRESS: Strategy = Strategy {
    selectable_fields: &[
        ("spec.parentRef.group", |o| meta::text(o, "spec.parentRef.group").to_owned()),
        ("spec.parentRef.resource", |o| meta::text(o, "spec.parentRef.resource").to_owned()),
        ("spec.parentRef.namespace", |o| meta::text(o, "spec.parentRef.namespace").to_owned()),
        ("spec.parentRef.name", |o| meta::text(o, "spec.parentRef.name").to_owned()),
    ],
    validate_name: super::pod::validation::is_ip,
    ..BASE
};

fn ingress_host(host: &At<'_>, errors: &mut Errors) {
    let wild = host.text().starts_with('*');
    host.optional_rule(if wild { name::wildcard_dns_subdomain } else { dns_name }, errors);
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

fn policy_port(port: &At<'_>, errors: &mut Errors) {
    let (number, end) = (port.get("port"), port.get("endPort"));
    if number.is_set() {
        number.port_or_name(errors);
    }
    if end.is_set() {
        if !number.is_set() {
            errors.push(end.invalid("may not be specified when `port` is not specified"));
        } else if number.value.is_string() {
            errors.push(end.invalid("may not be specified when `port` is non-numeric"));
        } else if end.int() < number.int() {
            errors.push(end.invalid("must be greater than or equal to `port`"));
        }
    }
}

fn policy_peer(peer: &At<'_>, errors: &mut Errors) {
    let block = peer.get("ipBlock");
    let selectors = ["podSelector", "namespaceSelector"].map(|field| peer.get(field));
    for selector in &selectors {
        selector.label_selector(errors);
    }
    match (block.is_set(), selectors.iter().any(At::is_set)) {
        (false, false) => errors.push(peer.missing("must specify a peer")),
        (true, true) => errors.push(peer.forbidden("may not specify both ipBlock and another peer")),
        (true, false) => {
            let outer = cidr(&block.get("cidr"), errors);
            for except in block.get("except").items() {
                if let (Some(outer), Some(inner)) = (outer, cidr(&except, errors))
                    && (!outer.contains(&inner) || outer == inner)
                {
                    errors.push(except.invalid("must be a strict subset of `cidr`"));
                }
            }
        }
        (false, true) => {}
    }
}

/// Faults of the addresses that a service's load balancer gives it, when they change.
pub(super) fn balanced(service: &Value, old: &Value) -> Errors {
    let (mut errors, ingress) = (Errors::new(), At::root(service).get("status.loadBalancer.ingress"));
    if ingress.value == meta::get(old, "status.loadBalancer.ingress") {
        return errors;
    }
    if !ingress.is_empty() && meta::text(service, "spec.type") != "LoadBalancer" {
        errors.push(ingress.forbidden("may only be used when `spec.type` is \"LoadBalancer\""));
    }
    let stray = |point: &At<'_>| point.get("ip").is_empty() && point.get("ipMode").is_set();
    let modes = ingress.items().filter(stray).map(|point| point.get("ipMode"));
    errors.extend(modes.map(|mode| mode.forbidden("may not be specified when `ip` is not set")));
    errors
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

fn cidr(at: &At<'_>, errors: &mut Errors) -> Option<ipnet::IpNet> {
    at.required_rule(is_cidr, errors);
    at.text().parse().ok()
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

pub(super) const INGRESS_CELLS: &[OwnCell] = &[
    ("Class", |o| {
        let old = meta::annotation(o, "kubernetes.io/ingress.class").unwrap_or_default();
        or(if old.is_empty() { meta::text(o, "spec.ingressClassName") } else { old }, "<none>")
    }),
    ("Hosts", hosts),
    ("Address", |o| load_balancer(o).into()),
    ("Ports", |o| if items(&o["spec"]["tls"]).is_empty() { "80" } else { "80, 443" }.into()),
];
pub(super) const INGRESS_CLASS_CELLS: &[OwnCell] = &[("Parameters", |o| match &o["spec"]["parameters"] {
    Value::Null => "<none>".into(),
    p if is_empty(&p["apiGroup"]) => format!("{}/{}", text(&p["kind"]), text(&p["name"])).into(),
    p => format!("{}.{}/{}", text(&p["kind"]), text(&p["apiGroup"]), text(&p["name"])).into(),
})];
pub(super) const DISRUPTION_BUDGET_CELLS: &[OwnCell] = &[
    ("Min Available", |o| bound(&o["spec"]["minAvailable"])),
    ("Max Unavailable", |o| bound(&o["spec"]["maxUnavailable"])),
];
pub(super) const IP_ADDRESS_CELLS: &[OwnCell] = &[("ParentRef", |o| {
    let parent = &o["spec"]["parentRef"];
    let resource = [text(&parent["resource"]), text(&parent["group"])];
    let resource: Vec<&str> = resource.into_iter().filter(|part| !part.is_empty()).collect();
    let place = [text(&parent["namespace"]), text(&parent["name"])];
    let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}/{}", resource.join("."), place.join("/")).into()
})];
pub(super) const SERVICE_CIDR_CELLS: &[OwnCell] = &[("CIDRs", |o| join(texts(&o["spec"]["cidrs"])).into())];

fn bound(value: &Value) -> Value {
    if value.is_null() { "N/A".into() } else { super::cells::int_or_string(value).into() }
}

/// The fault of a reference without a name, for kinds that point at another object.
pub(super) fn reference(reference: &At<'_>, errors: &mut Errors) {
    for field in ["kind", "name"] {
        if reference.get(field).is_empty() {
            errors.push(Error::required(&reference.get(field).path, ""));
        }
    }
}
