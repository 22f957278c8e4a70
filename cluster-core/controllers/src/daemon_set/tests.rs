//! Tables of what a daemon set does.

use super::plan::plan;
use super::*;
use crate::history::REVISION;
use crate::pods::tests::pod as parse;
use cluster_client::Object;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::sync::Arc;

fn set(strategy: &Value, spec: &Value) -> DaemonSet {
    serde_json::from_value(json!({"metadata": {"name": "log", "namespace": "ns", "uid": "set"}, "spec": {
        "selector": {"matchLabels": {"app": "log"}}, "updateStrategy": strategy,
        "template": {"metadata": {"labels": {"app": "log"}}, "spec": spec}}}))
    .expect("a set")
}

fn node(text: &str) -> Arc<Node> {
    let (name, taint) = text.split_once(':').unwrap_or((text, ""));
    let taints: Vec<Value> = match taint {
        "" => Vec::new(),
        "cordoned" => vec![json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})],
        effect => vec![json!({"key": "gpu", "effect": effect})],
    };
    let node = json!({"metadata": {"name": name, "labels": {"is": name}}, "spec": {"taints": taints}});
    Arc::new(serde_json::from_value(node).expect("a node"))
}

/// A pod by node, state and revision: `a:ready:new`.
fn pod((index, text): (usize, &str)) -> Arc<Pod> {
    let parts: Vec<&str> = text.split(':').collect();
    let (phase, ready) = match parts[1] {
        "ready" | "dying" => ("Running", "True"),
        "failed" => ("Failed", "False"),
        _ => ("Running", "False"),
    };
    let deleted = (parts[1] == "dying").then_some("2026-01-01T00:00:00Z");
    parse(json!({
        "metadata": {"name": format!("{}{index}", parts[0]), "uid": index.to_string(), "deletionTimestamp": deleted,
            "creationTimestamp": format!("2026-01-01T00:00:0{index}Z"), "labels": {REVISION: parts[2]}},
        "spec": {"nodeName": parts[0], "containers": []},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready,
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    }))
}

#[test]
fn every_fitting_node_has_one_pod_and_updates_keep_their_bounds() {
    let any = json!({"containers": []});
    let picky = json!({"containers": [], "nodeSelector": {"is": "b"}});
    let rolling = |rules: Value| json!({"type": "RollingUpdate", "rollingUpdate": rules});
    let (plain, two, none) =
        (rolling(json!({})), rolling(json!({"maxUnavailable": "50%"})), json!({"type": "OnDelete"}));
    let surge = rolling(json!({"maxSurge": 1, "maxUnavailable": 0}));
    let cases = [
        (&plain, &any, "a b", "", "+a +b"),
        (&plain, &picky, "a b", "", "+b"),
        (&plain, &any, "a b:cordoned", "", "+a +b"),
        (&plain, &any, "a b:NoSchedule", "", "+a"),
        (&plain, &any, "a:NoSchedule", "a:ready:new", ""),
        (&plain, &any, "a:NoExecute", "a:ready:new", "-a0"),
        (&plain, &picky, "a", "a:ready:new", "-a0"),
        (&plain, &any, "a", "a:ready:new a:ready:new", "-a1"),
        (&plain, &any, "a", "a:failed:new", "-a0"),
        (&plain, &any, "a", "a:dying:new", ""),
        (&plain, &any, "a b", "a:ready:old b:ready:old", "-a0"),
        (&plain, &any, "a b", "a:unready:new b:ready:old", ""),
        (&plain, &any, "a b", "a:unready:new b:unready:old", "-b1"),
        (&plain, &any, "a b", "a:dying:old b:ready:old", ""),
        (&two, &any, "a b c d", "a:ready:old b:ready:old c:ready:old d:ready:old", "-a0 -b1"),
        (&none, &any, "a b", "a:ready:old b:ready:old", ""),
        (&surge, &any, "a b", "a:ready:old b:ready:old", "+a"),
        (&surge, &any, "a b", "a:ready:old b:ready:old a:unready:new", ""),
        (&surge, &any, "a b", "a:ready:old b:ready:old a:ready:new", "-a0"),
        (&surge, &any, "a b", "b:ready:old a:ready:new", "+b"),
        (&surge, &any, "a", "a:unready:old a:unready:new", "-a0"),
        (&surge, &any, "a", "a:dying:new", "+a"),
        (&surge, &any, "a", "a:dying:new a:unready:new", ""),
        (&surge, &any, "a", "a:failed:new", "-a0"),
        (&surge, &any, "a:NoSchedule", "a:dying:new", ""),
        (&surge, &any, "a", "a:unready:old", "+a"),
        (&surge, &any, "a", "a:ready:old a:ready:old", "-a1"),
    ];
    for (strategy, spec, nodes, pods, expected) in cases {
        let set = set(strategy, spec);
        let nodes: Vec<_> = nodes.split(' ').map(node).collect();
        let pods: Vec<_> = pods.split_whitespace().enumerate().map(pod).collect();
        let pattern = pattern(&set, &set.spec.template, "new");
        let plan = plan(&set, &nodes, &pods, (&pattern, "new"), true, &meta::now());
        let created = plan.create.iter().map(|node| format!("+{node}"));
        let found: Vec<_> = created.chain(plan.delete.iter().map(|pod| format!("-{}", pod.name()))).collect();
        assert_eq!(found.join(" "), expected, "{strategy} {spec} {nodes:?} {pods:?}");
    }
}

#[test]
fn a_pod_that_never_got_to_a_node_that_is_gone_goes() {
    let set = set(&json!({}), &json!({"containers": []}));
    let pattern = pattern(&set, &set.spec.template, "new");
    let waits_for = |node: &str| {
        let mut waiting = on_node(&pattern, node);
        waiting.metadata.name = Some(format!("waits-{node}"));
        Arc::new(waiting)
    };
    let pods = [waits_for("a"), waits_for("gone"), pod((0, "lost:ready:new"))];
    let plan = plan(&set, &[node("a")], &pods, (&pattern, "new"), true, &meta::now());
    let names: Vec<_> = plan.delete.iter().map(|pod| pod.name()).collect();
    assert_eq!((names, plan.create), (vec!["waits-gone"], vec![]));
}

#[test]
fn a_pod_for_a_node_is_bound_to_it_and_counted_there() {
    let set = set(&json!({}), &json!({"containers": [], "hostNetwork": true}));
    let pattern = pattern(&set, &set.spec.template, "new");
    let made = on_node(&pattern, "a");
    assert_eq!(pods::target(&made), Some("a"));
    assert_eq!(made.spec.as_ref().and_then(|spec| spec.tolerations.as_ref()).map(Vec::len), Some(7));
    let pods: Vec<_> = ["a:ready:new", "b:unready:old", "c:ready:new"].into_iter().enumerate().map(pod).collect();
    let nodes = [node("a"), node("b"), node("c:NoSchedule"), node("d")];
    let status = plan(&set, &nodes, &pods, (&pattern, "new"), true, &meta::now()).status;
    let counts = (status.desired_number_scheduled, status.current_number_scheduled, status.number_misscheduled);
    assert_eq!(counts, (3, 2, 1));
    assert_eq!((status.number_ready, status.number_available, status.number_unavailable), (1, Some(1), Some(2)));
    assert_eq!(status.updated_number_scheduled, Some(1));
}

#[test]
fn while_an_update_surges_the_oldest_pod_of_a_node_is_counted() {
    let any = json!({"containers": []});
    let set = set(&json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}), &any);
    let pattern = pattern(&set, &set.spec.template, "new");
    let counts = |pods: &str| {
        let pods: Vec<_> = pods.split(' ').enumerate().map(pod).collect();
        let status = plan(&set, &[node("a")], &pods, (&pattern, "new"), true, &meta::now()).status;
        (status.number_ready, status.number_available, status.updated_number_scheduled)
    };
    assert_eq!(counts("a:ready:old a:unready:new"), (1, Some(1), None), "nothing is updated yet");
    assert_eq!(counts("a:unready:old a:ready:new"), (0, None, None));
    assert_eq!(counts("a:ready:new"), (1, Some(1), Some(1)));
}

#[test]
fn pods_bear_the_number_of_their_template() {
    let mut set = set(&json!({}), &json!({"containers": []}));
    let label =
        |set: &DaemonSet| pattern(set, &set.spec.template, "x").label("pod-template-generation").map(str::to_owned);
    assert_eq!(label(&set), None);
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert("deprecated.daemonset.template.generation".to_owned(), "7".to_owned());
    assert_eq!(label(&set).as_deref(), Some("7"));
}
