//! From API objects to nft scripts.

use super::{Model, Place, delta, ruleset};
use cluster_config::NodeConfig;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;

fn node() -> NodeConfig {
    let node = json!({
        "cluster": "c", "name": "a", "role": "worker", "address": "172.30.0.2", "podCidr": "10.244.1.0/24",
        "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16", "dnsAddress": "10.96.0.10", "masters": [],
    });
    serde_json::from_value(node).expect("a node")
}

fn service(spec: Value) -> Arc<Service> {
    let mut whole = json!({
        "metadata": { "name": "web", "namespace": "default" },
        "spec": { "clusterIPs": ["10.96.0.7"], "ports": [{ "name": "http", "port": 80 }] },
    });
    for (key, value) in spec.as_object().expect("object") {
        whole["spec"][key] = value.clone();
    }
    Arc::new(serde_json::from_value(whole).expect("service"))
}

/// (address, node, ready, terminating and serving)
type Row<'a> = (&'a str, &'a str, bool, bool);

fn slice(endpoints: &[Row<'_>]) -> Arc<EndpointSlice> {
    let endpoints: Vec<Value> = endpoints
        .iter()
        .map(|(address, node, ready, serving)| {
            let conditions = json!({ "ready": ready, "serving": ready | serving, "terminating": serving });
            json!({ "addresses": [address], "nodeName": node, "conditions": conditions })
        })
        .collect();
    let slice = json!({
        "metadata": { "name": "web-1", "namespace": "default", "labels": { "kubernetes.io/service-name": "web" } },
        "addressType": "IPv4", "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }], "endpoints": endpoints,
    });
    Arc::new(serde_json::from_value(slice).expect("slice"))
}

fn model(service: Arc<Service>, slice: Arc<EndpointSlice>) -> Model {
    Model::read(&[service], |_| vec![slice.clone()], Place { node: "a", zone: Some("z") })
}

fn chains(service: Arc<Service>, slice: Arc<EndpointSlice>) -> Vec<(String, String)> {
    let rules = ruleset(&model(service, slice), &node());
    rules.chains.into_iter().map(|(chain, rules)| (chain, rules.join("; "))).collect()
}

#[test]
fn ready_endpoints_share_the_connections_and_terminating_ones_help_out_only_when_nobody_is_ready() {
    let cases: [(&[Row<'_>], &str); 3] = [
        (
            &[("10.244.1.2", "a", true, false), ("10.244.2.2", "b", true, false), ("10.244.2.3", "b", false, true)],
            "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }",
        ),
        (&[("10.244.1.2", "a", false, true)], "meta l4proto tcp dnat to 10.244.1.2:8080"),
        (&[("10.244.1.2", "a", true, false)], "meta l4proto tcp dnat to 10.244.1.2:8080"),
    ];
    for (endpoints, expected) in cases {
        let chains = chains(service(json!({})), slice(endpoints));
        assert_eq!(chains, [("service/default/web/tcp/80".to_owned(), expected.to_owned())]);
    }
    assert!(chains(service(json!({})), slice(&[("10.244.1.2", "a", false, false)])).is_empty());
}

#[test]
fn endpoints_meant_for_this_node_or_else_its_zone_are_preferred_when_all_are_meant_for_some() {
    /// The node and the zone that an endpoint is meant for; `-` for none.
    type Hints = (&'static str, &'static str);
    let cluster = |hints: [Hints; 2], zone: Option<&str>, policy: &str| {
        let far = ("10.244.2.2", "b", true, false);
        let mut slice = (*slice(&[("10.244.1.2", "a", true, false), far, ("10.244.2.3", "b", false, true)])).clone();
        for (endpoint, (node, zone)) in slice.endpoints.iter_mut().flatten().zip(hints) {
            let list = |name: &str| if name == "-" { json!(null) } else { json!([{ "name": name }]) };
            let hints = json!({ "forNodes": list(node), "forZones": list(zone) });
            endpoint.hints = serde_json::from_value(hints).expect("hints");
        }
        let service = service(json!({ "internalTrafficPolicy": policy }));
        let ports = Model::read(&[service], |_| vec![Arc::new(slice.clone())], Place { node: "a", zone }).ports;
        let chosen = if policy == "Local" { &ports[0].local } else { &ports[0].cluster };
        chosen.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>().join(" ")
    };
    let (near, far, both) = ("10.244.1.2", "10.244.2.2", "10.244.1.2 10.244.2.2");
    for (hints, zone, expected) in [
        ([("a", "-"), ("b", "-")], None, near),
        ([("a", "-"), ("-", "-")], None, both),
        ([("b", "-"), ("b", "-")], None, both),
        ([("-", "z"), ("-", "y")], Some("z"), near),
        ([("-", "y"), ("-", "z")], Some("z"), far),
        ([("-", "z"), ("-", "-")], Some("z"), both),
        ([("-", "y"), ("-", "y")], Some("z"), both),
        ([("-", "z"), ("-", "y")], None, both),
        // The node goes before the zone, the zone is what is left of it.
        ([("a", "y"), ("b", "z")], Some("z"), near),
        ([("b", "y"), ("b", "z")], Some("z"), far),
        ([("a", "y"), ("-", "z")], Some("z"), far),
    ] {
        assert_eq!(cluster(hints, zone, "Cluster"), expected, "{hints:?} {zone:?}");
    }
    assert_eq!(cluster([("b", "y"), ("b", "z")], Some("z"), "Local"), near, "hints are for the whole cluster");
}

#[test]
fn load_balancers_of_local_services_ask_for_the_ready_pods_of_this_node() {
    let endpoints = slice(&[
        ("10.244.1.2", "a", true, false),
        ("10.244.1.3", "a", true, false),
        ("10.244.1.4", "a", false, true),
        ("10.244.2.2", "b", true, false),
    ]);
    for (kind, policy, expected) in
        [("LoadBalancer", "Local", Some(2)), ("LoadBalancer", "Cluster", None), ("NodePort", "Local", None)]
    {
        let spec = json!({ "type": kind, "externalTrafficPolicy": policy, "healthCheckNodePort": 31000 });
        let checks = model(service(spec), endpoints.clone()).health_checks;
        assert_eq!(checks.get(&31000).map(|check| check.local_endpoints), expected, "{kind} {policy}");
    }
}

#[test]
fn what_another_proxy_serves_or_none_is_left_alone() {
    for label in ["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"] {
        let mut service = (*service(json!({}))).clone();
        service.metadata.labels = Some([(label.to_owned(), String::new())].into());
        assert!(model(Arc::new(service), slice(&[("10.244.1.2", "a", true, false)])).ports.is_empty(), "{label}");
    }
}

#[test]
fn a_local_traffic_policy_uses_the_nodes_own_endpoints_but_for_what_comes_from_the_node_and_drops_the_rest() {
    let ports = json!([{ "name": "http", "port": 80, "nodePort": 30080 }]);
    let both = slice(&[("10.244.1.2", "a", true, false), ("10.244.2.2", "b", true, false)]);
    let elsewhere = slice(&[("10.244.2.2", "b", true, false)]);
    let service_of =
        |policy: &str| service(json!({ "type": "NodePort", "ports": ports, "externalTrafficPolicy": policy }));
    let mark = "meta mark set meta mark or 0x4000";
    let cluster = "service/default/web/tcp/80";
    let near = format!("ip saddr 10.244.1.0/24 goto {cluster}; fib saddr type local {mark} goto {cluster}");
    for (policy, endpoints, external, local) in [
        ("Cluster", &both, format!("{mark}; goto {cluster}"), None),
        (
            "Local",
            &both,
            format!("{near}; goto local/default/web/tcp/80"),
            Some("meta l4proto tcp dnat to 10.244.1.2:8080"),
        ),
        ("Local", &elsewhere, format!("{near}; drop"), None),
    ] {
        let chains = chains(service_of(policy), endpoints.clone());
        let chain =
            |start: &str| chains.iter().find(|(chain, _)| chain.starts_with(start)).map(|(_, rules)| rules.as_str());
        assert_eq!((chain("external/"), chain("local/")), (Some(&*external), local), "{policy}");
        assert!(chain("service/").is_some_and(|rules| rules.contains("10.244.2.2")), "{policy}");
    }
    assert!(chains(service_of("Local"), slice(&[])).is_empty(), "what nobody serves is refused");
}

#[test]
fn what_must_stay_on_a_node_without_endpoints_is_dropped_and_what_nobody_serves_refused() {
    for (policy, ready, expected) in [
        ("Local", true, Some("drop")),
        ("Local", false, None),
        ("Cluster", true, Some("goto service/default/web/tcp/80")),
        ("Cluster", false, None),
    ] {
        let spec = json!({ "internalTrafficPolicy": policy });
        let rules = ruleset(&model(service(spec), slice(&[("10.244.2.2", "b", ready, false)])), &node());
        let verdict = rules.elements.get("service_ips").and_then(|all| all.get("10.96.0.7 . tcp . 80"));
        assert_eq!(verdict.map(String::as_str), expected, "{policy} {ready}");
        assert_eq!(rules.chains.is_empty(), expected.is_none_or(|verdict| verdict == "drop"), "{policy} {ready}");
    }
}

#[test]
fn a_load_balancer_with_source_ranges_is_for_these_alone() {
    let endpoints = slice(&[("10.244.1.2", "a", true, false)]);
    let ports = json!([{ "name": "http", "port": 80, "nodePort": 30080 }]);
    for (ranges, first) in [
        (json!(["10.0.0.0/8", " 10.1.0.0/16", "fd00::/8"]), "ip saddr != { 10.0.0.0/8, 172.18.0.9/32 } drop"),
        (json!(["0.0.0.0/0"]), "ip saddr != { 0.0.0.0/0 } drop"),
        (json!([]), ""),
    ] {
        let spec = json!({ "type": "LoadBalancer", "ports": ports, "externalIPs": ["172.18.0.7"],
            "loadBalancerSourceRanges": ranges });
        let mut service = (*service(spec)).clone();
        let status = json!({ "loadBalancer": { "ingress": [{ "ip": "172.18.0.9" }] } });
        service.status = serde_json::from_value(status).expect("a status");
        let rules = ruleset(&model(Arc::new(service), endpoints.clone()), &node());
        let (firewall, external) = ("firewall/default/web/tcp/80", "external/default/web/tcp/80");
        let expected: Vec<String> =
            if first.is_empty() { vec![] } else { vec![first.to_owned(), format!("goto {external}")] };
        assert_eq!(rules.chains.get(firewall).cloned().unwrap_or_default(), expected, "{ranges}");
        let guarded = format!("goto {}", if first.is_empty() { external } else { firewall });
        assert_eq!(rules.elements["service_ips"]["172.18.0.9 . tcp . 80"], guarded, "{ranges}");
        assert_eq!(rules.elements["service_ips"]["172.18.0.7 . tcp . 80"], format!("goto {external}"));
        assert_eq!(rules.elements["node_ports"]["tcp . 30080"], format!("goto {external}"));
    }
}

#[test]
fn clients_stay_for_as_long_as_the_service_says_now() {
    let with = |seconds: u32| {
        let config = json!({ "clientIP": { "timeoutSeconds": seconds } });
        let spec = json!({ "sessionAffinity": "ClientIP", "sessionAffinityConfig": config });
        ruleset(&model(service(spec), slice(&[("10.244.1.2", "a", true, false)])), &node())
    };
    let script = delta::script(Some(&with(60)), &with(5));
    let set = "service/default/web/tcp/80/10.244.1.2/8080";
    assert!(script.contains(&format!("add set ip devcluster {set}/5 {{")), "{script}");
    assert!(
        script.contains(&format!("update @{set}/5")) && script.contains(&format!("delete set ip devcluster {set}/60"))
    );
}

#[test]
fn headless_and_external_name_services_have_no_rules() {
    let endpoints = slice(&[("10.244.1.2", "a", true, false)]);
    assert!(chains(service(json!({ "clusterIPs": ["None"] })), endpoints.clone()).is_empty());
    assert!(chains(service(json!({ "type": "ExternalName", "externalName": "example.org" })), endpoints).is_empty());
}

#[test]
fn a_delta_touches_only_what_differs() {
    let with = |endpoints: &[Row<'_>]| {
        ruleset(&model(service(json!({ "sessionAffinity": "None" })), slice(endpoints)), &node())
    };
    let one = with(&[("10.244.2.2", "b", true, false)]);
    let two = with(&[("10.244.2.2", "b", true, false), ("10.244.2.3", "b", true, false)]);
    let none = with(&[]);

    assert_eq!(delta::script(Some(&one), &one), "");
    let grow = delta::script(Some(&one), &two);
    assert_eq!(grow.lines().count(), 3, "{grow}");
    assert!(grow.contains("flush chain") && grow.contains("add rule") && !grow.contains("element"));
    let shrink = delta::script(Some(&two), &none);
    assert_eq!(
        shrink,
        "delete element ip devcluster service_ips { 10.96.0.7 . tcp . 80 }\n\
         flush chain ip devcluster service/default/web/tcp/80\n\
         delete chain ip devcluster service/default/web/tcp/80\n"
    );
    assert!(delta::script(None, &one).starts_with("add table ip devcluster\ndelete table ip devcluster\n"));
}

#[test]
fn udp_flows_that_the_rules_no_longer_make_are_forgotten() {
    let ports = json!([{ "name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053 }]);
    let udp = |addresses: &[&str]| {
        let endpoints: Vec<Value> = addresses.iter().map(|a| json!({ "addresses": [a], "nodeName": "b" })).collect();
        let slice: EndpointSlice = serde_json::from_value(json!({
            "metadata": { "name": "web-1", "namespace": "default" }, "addressType": "IPv4",
            "ports": [{ "name": "dns", "port": 53, "protocol": "UDP" }], "endpoints": endpoints,
        }))
        .expect("slice");
        ruleset(&model(service(json!({ "ports": ports, "type": "NodePort" })), Arc::new(slice)), &node())
    };
    for (before, after, expected) in [
        (&["10.244.2.2", "10.244.2.3"][..], &["10.244.2.3"][..], "* 30053 10.244.2.2, 10.96.0.7 53 10.244.2.2"),
        (&["10.244.2.2"], &["10.244.2.2", "10.244.2.3"], ""),
        (&[], &["10.244.2.2"], "* 30053 *"),
    ] {
        let text = |address: Option<Ipv4Addr>| address.map_or("*".to_owned(), |address| address.to_string());
        let stale = delta::stale_flows(Some(&udp(before)), &udp(after));
        let stale: Vec<String> =
            stale.iter().map(|f| format!("{} {} {}", text(f.service), f.port, text(f.endpoint))).collect();
        assert_eq!(stale.join(", "), expected);
    }
}

#[test]
fn host_ports_lead_to_running_pods_by_address_protocol_and_number() {
    let pod = |spec: Value, status: Value| -> Arc<Pod> {
        Arc::new(serde_json::from_value(json!({"metadata": {}, "spec": spec, "status": status})).expect("a pod"))
    };
    let ports = json!([
        {"containerPort": 8080, "hostPort": 80},
        {"containerPort": 53, "hostPort": 53, "protocol": "UDP", "hostIP": "172.18.0.3"},
        {"containerPort": 9090},
    ]);
    let spec = json!({"containers": [{"name": "c", "ports": ports}]});
    let mut on_host = spec.clone();
    on_host["hostNetwork"] = json!(true);
    let pods = [
        pod(spec.clone(), json!({"podIP": "10.244.1.5", "phase": "Running"})),
        pod(spec.clone(), json!({"phase": "Pending"})),
        pod(spec, json!({"podIP": "10.244.1.6", "phase": "Failed"})),
        pod(on_host, json!({"podIP": "172.18.0.3", "phase": "Running"})),
    ];
    let mut model = Model::default();
    model.lead(&super::host_ports(&pods));
    let script = delta::script(None, &ruleset(&model, &node()));
    for line in [
        "add element ip devcluster host_ports { tcp . 80 : 10.244.1.5 . 8080 }",
        "add element ip devcluster host_address_ports { 172.18.0.3 . udp . 53 : 10.244.1.5 . 53 }",
        "add element ip devcluster hairpin { 10.244.1.5 . 10.244.1.5 }",
    ] {
        assert!(script.contains(line), "{script}");
    }
}
