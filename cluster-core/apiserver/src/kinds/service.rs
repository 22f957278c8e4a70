//! Services.

use crate::kinds::prelude::*;

pub(super) const SERVICE: Strategy = Strategy {
    defaults: service_defaults,
    prepare_create: default_families,
    prepare_update: |service, old| {
        keep_allocated(service, old);
        default_families(service);
    },
    validate: |at, errors| ranges(at.value, errors),
    ..Strategy::NONE
};

fn has_cluster_ip(service: &Value) -> bool {
    matches!(meta::text(service, "spec.type"), "ClusterIP" | "NodePort" | "LoadBalancer")
}

fn has_node_ports(service: &Value) -> bool {
    matches!(meta::text(service, "spec.type"), "NodePort" | "LoadBalancer")
}

fn service_defaults(service: &mut Value) {
    let Some(spec) = child(service, "spec") else { return };
    if spec["sessionAffinity"] == "None" {
        drop(remove(spec, "sessionAffinityConfig"));
    }
    if spec["type"] == "LoadBalancer"
        && let Some(balancer) = at(service, "status.loadBalancer")
    {
        for address in each(balancer, "ingress").filter(|address| !is_empty(&address["ip"])) {
            default(address, "ipMode", "VIP");
        }
    }
}

/// One IPv4 family, which is what the cluster has. The list of addresses has the first of them too.
fn default_families(service: &mut Value) {
    let needed = has_cluster_ip(service);
    let Some(spec) = child(service, "spec") else { return };
    if is_empty(&spec["clusterIPs"]) && !is_empty(&spec["clusterIP"]) {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
    if !needed {
        return;
    }
    let open = spec["clusterIP"] == "None" && is_empty(&spec["selector"]);
    default(spec, "ipFamilies", if open { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) });
    default(spec, "ipFamilyPolicy", if open { "RequireDualStack" } else { "SingleStack" });
}

/// Carries over what was allocated where the update leaves it out, and drops what the new type does not have.
fn keep_allocated(service: &mut Value, old: &Value) {
    let (cluster_ip, node_ports) = (has_cluster_ip(service), has_node_ports(service));
    let (had_cluster_ip, had_node_ports) = (has_cluster_ip(old), has_node_ports(old));
    let Some(spec) = child(service, "spec") else { return };
    let old = &old["spec"];
    if cluster_ip && had_cluster_ip {
        // Who changes the one means both.
        if !is_empty(&spec["clusterIP"])
            && spec["clusterIP"] != old["clusterIP"]
            && spec["clusterIPs"] == old["clusterIPs"]
        {
            drop(remove(spec, "clusterIPs"));
        }
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            let mine = field != "clusterIPs" || spec["clusterIP"] == old["clusterIP"];
            if mine && is_empty(&spec[field]) && !is_empty(&old[field]) {
                spec[field] = old[field].clone();
            }
        }
        if spec["externalTrafficPolicy"] == "Local"
            && spec["type"] == "LoadBalancer"
            && is_empty(&spec["healthCheckNodePort"])
        {
            spec["healthCheckNodePort"] = old["healthCheckNodePort"].clone();
        }
    }
    if !cluster_ip && had_cluster_ip {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec[field] == old[field] {
                drop(remove(spec, field));
            }
        }
    }
    if had_node_ports {
        keep_node_ports(spec, old, node_ports);
    }
    let no_check = spec["healthCheckNodePort"].is_null()
        || is_checked(old) && !is_checked(spec) && spec["healthCheckNodePort"] == old["healthCheckNodePort"];
    if no_check {
        drop(remove(spec, "healthCheckNodePort"));
    }
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if old["type"] == "LoadBalancer" && spec["type"] != "LoadBalancer" && spec[field] == old[field] {
            drop(remove(spec, field));
        }
    }
    if !node_ports && is_empty(&spec["externalIPs"]) && spec["externalTrafficPolicy"] == old["externalTrafficPolicy"] {
        drop(remove(spec, "externalTrafficPolicy"));
    }
}

/// Whether load balancers ask each node for the service's health.
fn is_checked(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
}

/// Carries over the node ports by the names of their ports, or drops those that the old type had.
fn keep_node_ports(spec: &mut Value, old: &Value, needed: bool) {
    let numbers = |spec: &Value| -> Vec<i64> {
        items(&spec["ports"]).iter().map(|port| int(&port["nodePort"])).filter(|number| *number != 0).collect()
    };
    let (had, given) = (numbers(old), numbers(spec));
    if !needed {
        if given.iter().all(|number| had.contains(number)) {
            each(spec, "ports").for_each(|port| drop(remove(port, "nodePort")));
        }
        return;
    }
    let mut used = given;
    for port in each(spec, "ports").filter(|port| is_empty(&port["nodePort"])) {
        let same = items(&old["ports"]).iter().rfind(|was| text(&was["name"]) == text(&port["name"]));
        let number = same.map_or(0, |was| int(&was["nodePort"]));
        if number != 0 && !used.contains(&number) {
            port["nodePort"] = number.into();
            used.push(number);
        }
    }
}

/// Faults of the networks that a load balancer may be asked from.
fn ranges(service: &Value, errors: &mut Errors) {
    const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let (at, spec) = (At::root(service), At::root(service).get("spec"));
    let (ranges, balanced) = (spec.get("loadBalancerSourceRanges"), spec.get("type").text() == "LoadBalancer");
    let annotated = meta::annotation(service, RANGES).filter(|_| ranges.is_empty());
    let mut only = |path: &At<'_>, given: bool| {
        if given && !balanced {
            errors.push(path.forbidden("may only be used when `type` is 'LoadBalancer'"));
        }
    };
    // Upstream's path begins with a capital.
    let shown = At { path: spec.path.child("LoadBalancerSourceRanges"), value: ranges.value };
    let annotation = At { path: at.path.child("metadata.annotations").key(RANGES), value: ranges.value };
    only(&shown, !ranges.is_empty());
    only(&annotation, annotated.is_some());
    for (index, range) in texts(ranges.value).enumerate() {
        let trimmed = Value::from(range.trim());
        At { path: shown.path.index(index), value: &trimmed }.rule(super::networking::is_cidr, errors);
    }
    let is_wrong = |text: &str| text.split(',').any(|range| super::networking::is_cidr(range.trim()).is_err());
    if let Some(text) = annotated.filter(|text| balanced && !text.trim().is_empty() && is_wrong(text)) {
        let why = "must be a comma separated list of CIDRs e.g. 192.168.0.0/16,10.0.0.0/8";
        errors.push(Error::invalid(&annotation.path, &text.into(), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rules::named;

    fn complete(object: &mut Value) {
        named("Service").fill(object);
        service_defaults(object);
    }

    fn strategy() -> Strategy {
        Strategy { fields: named("Service"), ..SERVICE }
    }

    fn faults(object: &Value) -> Vec<String> {
        strategy().faults(object).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_bare_service_gets_all_defaults_and_is_valid() {
        let mut object = json!({"spec": {"ports": [{"port": 80}], "selector": {"app": "a"}}});
        complete(&mut object);
        (SERVICE.prepare_create)(&mut object);
        assert_eq!(
            object["spec"],
            json!({"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}], "selector": {"app": "a"},
                "sessionAffinity": "None", "type": "ClusterIP", "internalTrafficPolicy": "Cluster",
                "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"})
        );
        assert_eq!(faults(&object), Vec::<String>::new());
    }

    #[test]
    fn an_address_of_a_load_balancer_leads_to_the_services_own() {
        let ingress = json!([{"ip": "1.1.1.1"}, {"ip": "1.1.1.2", "ipMode": "Proxy"}, {"hostname": "a"}]);
        let mut object = json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": ingress}}});
        complete(&mut object);
        let modes = items(&object["status"]["loadBalancer"]["ingress"]).iter().map(|address| text(&address["ipMode"]));
        assert_eq!(modes.collect::<Vec<_>>(), ["VIP", "Proxy", ""]);
    }

    #[test]
    fn faults_read_as_upstreams() {
        let mut object =
            json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}, {"port": 0, "name": "b"}]}});
        complete(&mut object);
        assert_eq!(
            faults(&object),
            [
                "spec.ports[0].name: Required value",
                "spec.ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[1].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
            ]
        );
    }

    #[test]
    fn an_update_keeps_what_was_allocated() {
        let old = json!({"spec": {"type": "NodePort", "clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5"],
            "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30001}]}});
        let mut new = json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP"}]}});
        keep_allocated(&mut new, &old);
        assert_eq!(
            (&new["spec"]["clusterIP"], &new["spec"]["ports"][0]["nodePort"]),
            (&json!("10.96.0.5"), &json!(30001))
        );
        let port = |name: &str, port: u16, node: u16| json!({"name": name, "port": port, "nodePort": node});
        let old = json!({"spec": {"type": "NodePort", "ports": [port("a", 80, 30001), port("b", 81, 30002)]}});
        for (given, kept) in [
            ([port("a", 8080, 0), port("b", 80, 0)], [30001, 30002]),
            ([port("b", 80, 0), port("a", 81, 0)], [30002, 30001]),
            ([port("c", 80, 30001), port("a", 81, 0)], [30001, 0]),
        ] {
            let mut new = json!({"spec": {"type": "NodePort", "ports": given}});
            keep_allocated(&mut new, &old);
            let ports = [0, 1].map(|index| int(&new["spec"]["ports"][index]["nodePort"]));
            assert_eq!(ports, kept, "node ports belong to names");
        }
        let mut plain = old.clone();
        plain["spec"]["type"] = "ClusterIP".into();
        keep_allocated(&mut plain, &old);
        assert_eq!(plain["spec"]["ports"][0], json!({"name": "a", "port": 80}));
        let old = json!({"spec": {"type": "NodePort", "clusterIP": "10.96.0.5"}});
        new["spec"]["clusterIP"] = "10.96.0.6".into();
        assert_eq!(
            strategy().update_faults(&new, &old)[0].to_string(),
            "spec.clusterIPs[0]: Invalid value: [\"10.96.0.5\"]: may not change once set"
        );
    }
}
