//! Services.

use super::pod::validation::is_ip;
use crate::kinds::prelude::*;

/// From which numbers node ports are taken.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

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
    let mut keep = |field: &str| {
        if is_empty(&spec[field]) && !is_empty(&old[field]) {
            spec[field] = old[field].clone();
        }
    };
    if cluster_ip && had_cluster_ip {
        ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"].into_iter().for_each(&mut keep);
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
    for port in each(spec, "ports") {
        let was = items(&old["ports"]).iter().find(|p| p["port"] == port["port"] && p["protocol"] == port["protocol"]);
        let Some(was) = was.filter(|p| !is_empty(&p["nodePort"])) else { continue };
        if node_ports && had_node_ports && is_empty(&port["nodePort"]) {
            port["nodePort"] = was["nodePort"].clone();
        } else if !node_ports && port["nodePort"] == was["nodePort"] {
            drop(remove(port, "nodePort"));
        }
    }
    let checked = |spec: &Value| spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local";
    let no_check = spec["healthCheckNodePort"].is_null()
        || checked(old) && !checked(spec) && spec["healthCheckNodePort"] == old["healthCheckNodePort"];
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
            } else if !NODE_PORTS.contains(&node.int()) {
                errors.push(
                    node.invalid("provided port is not in the valid range. The range of valid ports is 30000-32767"),
                );
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
    let is_checked = kind == "LoadBalancer" && external.text() == "Local";
    if !check.is_empty() && !is_checked {
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
                "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
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
        new["spec"]["clusterIP"] = "10.96.0.6".into();
        assert_eq!(
            update_faults(&new, &old)[0].to_string(),
            "spec.clusterIPs[0]: Invalid value: [\"10.96.0.5\"]: may not change once set"
        );
    }
}
