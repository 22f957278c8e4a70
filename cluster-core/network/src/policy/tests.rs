//! Tables: policies in, rules out.

use super::model::{Model, PodFacts};
use super::ruleset::{NONE, ruleset};
use cluster_client::Informers;
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

fn pod(address: &str, namespace: &str, app: &str, local: bool) -> PodFacts {
    PodFacts {
        address: address.parse().expect("an address"),
        namespace: namespace.to_owned(),
        labels: [("app".to_owned(), app.to_owned())].into(),
        ports: vec![("http".to_owned(), "TCP".to_owned(), if app == "db" { 5432 } else { 80 })],
        local,
    }
}

/// The rules for `web` at 10.0.0.1, with the policies of its namespace.
fn rules(policies: &[Value]) -> String {
    let policy = |p: &Value| serde_json::from_value::<NetworkPolicySpec>(p.clone()).expect("a policy");
    let model = Model {
        policies: policies.iter().map(|p| ("shop".to_owned(), policy(p))).collect(),
        pods: vec![
            pod("10.0.0.1", "shop", "web", true),
            pod("10.0.0.2", "shop", "db", false),
            pod("10.0.1.3", "other", "web", false),
        ],
        namespaces: [("shop", "a"), ("other", "b")]
            .map(|(name, team)| (name.to_owned(), [("team".to_owned(), team.to_owned())].into()))
            .into(),
    };
    ruleset(&model, "10.96.0.10".parse().expect("an address"))
}

#[test]
fn each_policy_allows_what_it_says_and_nothing_else() {
    let web = json!({"matchLabels": {"app": "web"}});
    let ingress = |rule: Value| json!({"podSelector": web, "ingress": [rule]});
    let egress = |rule: Value| json!({"podSelector": web, "policyTypes": ["Egress"], "egress": [rule]});
    let cases = [
        (json!({"podSelector": {}, "policyTypes": ["Ingress"]}), "chain ingress/10.0.0.1 {\n  drop\n}"),
        (ingress(json!({})), "{\n   return\n  drop"),
        (ingress(json!({"from": [{"podSelector": {}}]})), "{\n  ip saddr { 10.0.0.1, 10.0.0.2 } return\n  drop"),
        (
            ingress(
                json!({"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}], "ports": [{"port": 8080}]}),
            ),
            "{\n  ip saddr { 10.0.1.3 } tcp dport 8080 return\n  drop",
        ),
        (
            ingress(json!({"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "none"}}}]})),
            "chain ingress/10.0.0.1 {\n  drop\n}",
        ),
        (
            ingress(json!({"from": [{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.2.0/24"]}}]})),
            "{\n  ip saddr 10.1.0.0/16 ip saddr != { 10.1.2.0/24 } return\n  drop",
        ),
        (
            ingress(json!({"ports": [{"port": "http"}, {"protocol": "UDP"}]})),
            "{\n  tcp dport 80 return\n  meta l4proto udp return\n  drop",
        ),
        (
            egress(json!({"to": [{"podSelector": {}}], "ports": [{"port": "http"}]})),
            "{\n  ip daddr { 10.0.0.1 } tcp dport 80 return\n  ip daddr { 10.0.0.2 } tcp dport 5432 return\n  drop",
        ),
        (
            egress(json!({"ports": [{"port": 53, "endPort": 55, "protocol": "UDP"}]})),
            "{\n  udp dport 53-55 return\n  drop",
        ),
    ];
    for (policy, wanted) in cases {
        let shown = rules(std::slice::from_ref(&policy));
        assert!(shown.contains(wanted), "{policy}\n{shown}");
    }
}

#[test]
fn a_pod_that_no_policy_chooses_is_open() {
    assert_eq!(rules(&[json!({"podSelector": {"matchLabels": {"app": "db"}}})]), NONE);
    assert_eq!(rules(&[]), NONE);
}

#[test]
fn policies_add_up_and_each_direction_is_isolated_alone() {
    let shown = rules(&[
        json!({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}),
        json!({"podSelector": {}, "ingress": [{"ports": [{"port": 443}]}]}),
    ]);
    assert!(shown.contains("{\n  tcp dport 80 return\n  tcp dport 443 return\n  drop"), "{shown}");
    assert!(!shown.contains("egress/"), "{shown}");
    assert!(shown.contains("ip daddr 10.96.0.10 th dport 53 accept"), "{shown}");
    assert!(shown.contains("ip saddr . ip daddr { 10.0.0.1 . 10.0.0.1 } accept"), "itself: {shown}");
}

#[test]
fn an_address_is_the_newest_pods_while_the_object_of_the_one_before_is_still_there() {
    let pod = |name: &str, made: &str, deleted: Option<&str>| -> Arc<Pod> {
        let pod = json!({
            "metadata": {"name": name, "namespace": "n", "labels": {"app": name}, "deletionTimestamp": deleted,
                "creationTimestamp": format!("2026-01-01T00:00:0{made}Z")},
            "spec": {"nodeName": "a", "containers": []}, "status": {"podIP": "10.0.0.1"},
        });
        Arc::new(serde_json::from_value(pod).expect("a pod"))
    };
    let gone = Some("2026-01-01T00:00:09Z");
    for pods in [
        [pod("new", "2", None), pod("old", "1", None)],
        [pod("old", "1", gone), pod("new", "1", None)],
        [pod("new", "1", None), pod("old", "2", gone)],
        [pod("new", "2", gone), pod("old", "1", gone)],
    ] {
        let model = Model::read(&[], &pods, &[], "a");
        assert_eq!((model.pods.len(), model.pods[0].labels["app"].as_str()), (1, "new"), "{pods:?}");
    }
}

#[tokio::test]
async fn pods_stay_isolated_while_a_node_that_starts_again_waits_for_the_api_server() {
    let server = FakeServer::new();
    let client = server.client();
    let namespaced = json!({"name": "web", "namespace": "shop"});
    let policy = json!({"metadata": namespaced, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    let pod = json!({"metadata": namespaced, "spec": {"nodeName": "a", "containers": []},
        "status": {"podIP": "10.0.0.1"}});
    client.create::<NetworkPolicy>(&serde_json::from_value(policy).expect("a policy")).await.expect("created");
    client.create::<Pod>(&serde_json::from_value(pod).expect("a pod")).await.expect("created");
    let node = json!({
        "cluster": "c", "name": "a", "role": "worker", "address": "172.30.0.2", "podCidr": "10.0.0.0/24",
        "podSubnet": "10.0.0.0/16", "serviceSubnet": "10.96.0.0/16", "dnsAddress": "10.96.0.10", "masters": [],
    });
    let node = serde_json::from_value(node).expect("a node");
    let (told, mut scripts) = tokio::sync::mpsc::unbounded_channel();
    let apply = async |script: &str| {
        told.send(script.to_owned()).expect("a listener");
        Ok(())
    };
    server.fail(2);
    let (informers, stop) = (Informers::new(client), CancellationToken::new());
    let first = async {
        let first = scripts.recv().await;
        stop.cancel();
        first
    };
    let (kept, first) = tokio::join!(super::keep(informers, node, apply, stop.clone()), first);
    kept.expect("kept");
    assert!(first.as_ref().is_some_and(|script| script.contains("chain ingress/10.0.0.1 {")), "{first:?}");
}
