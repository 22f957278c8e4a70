//! Services.

use super::pod::validation::is_ip;
use crate::kinds::prelude::*;

/// The port that kubelets listen on.
const KUBELET: i64 = 10250;

pub(super) const SERVICE: Strategy = Strategy {
    defaults: service_defaults,
    prepare_create: default_families,
    prepare_update: |service, old| {
        keep_allocated(service, old);
        default_families(service);
    },
    validate: service,
    validate_update: service_update,
    validate_status: super::networking::balanced,
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
    } else if spec["sessionAffinity"] == "ClientIP" {
        default(spec, "sessionAffinityConfig", json!({}));
        default(&mut spec["sessionAffinityConfig"], "clientIP", json!({}));
        default(&mut spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", 10800);
    }
    let kind = text(&spec["type"]).to_owned();
    if kind != "ExternalName" {
        let external = kind != "ClusterIP" || !is_empty(&spec["externalIPs"]);
        if external {
            default(spec, "externalTrafficPolicy", "Cluster");
        }
        default(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// One IPv4 family, which is what the cluster has.
fn default_families(service: &mut Value) {
    if !has_cluster_ip(service) {
        return;
    }
    let Some(spec) = child(service, "spec") else { return };
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

fn service(at: &At<'_>, errors: &mut Errors) {
    let spec = at.get("spec");
    let (kind, ports) = (spec.get("type").text(), spec.get("ports"));
    let headless = spec.get("clusterIP").text() == "None";
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.push(ports.missing(""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(Error::invalid(&spec.get("clusterIPs").path.index(0), &json!("None"), &why));
        }
        "ExternalName" => {
            let external = spec.get("externalName");
            if external.is_empty() {
                errors.push(external.missing(""));
            } else {
                let trimmed = At { value: &json!(external.text().trim_end_matches('.')), path: external.path.clone() };
                trimmed.rule(name::dns_subdomain, errors);
            }
            for (field, shown) in
                [("clusterIP", "clusterIPs"), ("ipFamilies", "ipFamilies"), ("ipFamilyPolicy", "ipFamilyPolicy")]
            {
                if !spec.get(field).is_empty() {
                    errors.push(spec.get(shown).forbidden("may not be set for ExternalName services"));
                }
            }
        }
        _ => {}
    }
    let (mut seen, mut node_ports) = (Vec::new(), Vec::new());
    let several = items(ports.value).len() > 1;
    for port in ports.items() {
        if several && port.get("name").is_empty() {
            errors.push(port.get("name").missing(""));
        }
        if kind == "LoadBalancer" && port.get("port").int() == KUBELET {
            let why = format!("may not expose port {KUBELET} externally since it is used by kubelet");
            errors.push(Error::invalid(&port.path, &KUBELET.into(), &why));
        }
        let node = port.get("nodePort");
        if !node.is_empty() {
            if kind == "ClusterIP" || kind == "ExternalName" {
                errors.push(node.forbidden(&format!("may not be used when `type` is '{kind}'")));
            }
            let key = format!("{}/{}", port.get("protocol").text(), node.int());
            port.get("nodePort").unique(&mut node_ports, key, errors);
        }
        let key = format!("{}/{}", port.get("protocol").text(), port.get("port").int());
        let shown = json!({"protocol": port.value["protocol"], "port": port.value["port"]});
        At { value: &shown, ..port }.unique(&mut seen, key, errors);
    }
    let timeout = spec.get("sessionAffinityConfig.clientIP.timeoutSeconds");
    if timeout.is_set() && !(1..=86400).contains(&timeout.int()) {
        errors.push(timeout.invalid("must be greater than 0 and less than 86400"));
    }
    let cluster_ip = spec.get("clusterIP");
    if kind != "ExternalName" && !cluster_ip.is_empty() && !headless {
        At { path: spec.get("clusterIPs").path.index(0), value: cluster_ip.value }.rule(is_ip, errors);
    }
    traffic(&spec, errors);
    balancer(at.value, errors);
}

fn traffic(spec: &At<'_>, errors: &mut Errors) {
    let (kind, external, check) =
        (spec.get("type").text(), spec.get("externalTrafficPolicy"), spec.get("healthCheckNodePort"));
    let is_open =
        matches!(kind, "NodePort" | "LoadBalancer") || kind == "ClusterIP" && !spec.get("externalIPs").is_empty();
    if !is_open && !external.is_empty() {
        errors.push(external.invalid("may only be set for externally-accessible services"));
    } else if is_open && external.is_empty() {
        errors.push(external.missing(""));
    }
    if !check.is_empty() && !is_checked(spec.value) {
        errors.push(
            check.invalid("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"),
        );
    }
}

/// What is for services with a load balancer alone.
fn balancer(service: &Value, errors: &mut Errors) {
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
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        only(&spec.get(field), spec.get(field).is_set());
    }
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

fn service_update(at: &At<'_>, old: &Value, errors: &mut Errors) {
    let (spec, was) = (at.get("spec"), &old["spec"]);
    if has_cluster_ip(at.value)
        && has_cluster_ip(old)
        && !is_empty(&was["clusterIP"])
        && spec.value["clusterIP"] != was["clusterIP"]
    {
        let shown = match &spec.value["clusterIPs"] {
            Value::Null => json!([spec.value["clusterIP"]]),
            list => list.clone(),
        };
        errors.push(Error::invalid(&spec.get("clusterIPs").path.index(0), &shown, "may not change once set"));
    }
    let check = spec.get("healthCheckNodePort");
    if is_checked(spec.value) && is_checked(was) && *check.value != was["healthCheckNodePort"] {
        errors.push(check.forbidden("field is immutable"));
    }
    let class = spec.get("loadBalancerClass");
    if at.value["spec"]["type"] == "LoadBalancer"
        && was["type"] == "LoadBalancer"
        && *class.value != was["loadBalancerClass"]
    {
        errors.push(class.invalid("may not change once set"));
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

    fn update_faults(new: &Value, old: &Value) -> Errors {
        let mut errors = Errors::new();
        service_update(&At::root(new), old, &mut errors);
        errors
    }

    fn faults(object: &Value) -> Vec<String> {
        let mut errors = At::root(object).faults(named("Service"));
        service(&At::root(object), &mut errors);
        order::sort(named("Service"), &Path::default(), &mut errors);
        errors.iter().map(ToString::to_string).collect()
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
            update_faults(&new, &old)[0].to_string(),
            "spec.clusterIPs[0]: Invalid value: [\"10.96.0.5\"]: may not change once set"
        );
    }
}
