//! Each rule as documented: which nodes it leaves, which it prefers, what it says.

use crate::model::{Cluster, PodInfo};
use crate::tests::{chosen, cluster, feasible, node, pod, requests};
use cluster_client::ObjectKey;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Service};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};
use std::sync::Arc;

fn spec(spec: Value) -> Arc<PodInfo> {
    pod("p", json!({"spec": spec}))
}

fn labelled(name: &str, app: &str, node: &str, cluster: &mut Cluster) {
    cluster.place(pod(name, json!({"metadata": {"labels": {"app": app}}})), node, false);
}

fn zoned(name: &str, zone: &str) -> k8s_openapi::api::core::v1::Node {
    node(name, json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}))
}

fn complaint(cluster: &Cluster, pod: &PodInfo) -> String {
    chosen(cluster, pod).expect_err("no node fits").to_string()
}

#[test]
fn taints_keep_off_pods_that_do_not_tolerate_them() {
    let tainted = |effect: &str| node("n", json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": effect}]}}));
    let table = [
        (json!([]), false),
        (json!([{"key": "k", "operator": "Exists"}]), true),
        (json!([{"key": "k", "value": "v"}]), true),
        (json!([{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}]), true),
        (json!([{"key": "k", "value": "w"}]), false),
        (json!([{"key": "j", "operator": "Exists"}]), false),
        (json!([{"operator": "Exists"}]), true),
        (json!([{"operator": "Exists", "effect": "NoExecute"}]), false),
    ];
    for (tolerations, fits) in table {
        let pod = spec(json!({"tolerations": tolerations}));
        let cluster = cluster(&[tainted("NoSchedule")]);
        assert_eq!(chosen(&cluster, &pod).is_ok(), fits, "{tolerations}");
    }
    let plain = spec(json!({}));
    let text = complaint(&cluster(&[tainted("NoExecute")]), &plain);
    assert_eq!(text, "0/1 nodes are available: 1 node(s) had untolerated taint(s).");
    let soft = [tainted("PreferNoSchedule"), node("clean", json!({}))];
    assert_eq!(chosen(&cluster(&soft), &plain).as_deref(), Ok("clean"));
}

#[test]
fn node_affinity_knows_all_operators() {
    let cluster = cluster(&[node("n", json!({"metadata": {"labels": {"disk": "ssd", "size": "5"}}}))]);
    let table = [
        ("disk", "In", json!(["ssd", "hdd"]), true),
        ("disk", "In", json!(["hdd"]), false),
        ("disk", "NotIn", json!(["hdd"]), true),
        ("none", "NotIn", json!(["hdd"]), true),
        ("disk", "NotIn", json!(["ssd"]), false),
        ("disk", "Exists", json!([]), true),
        ("none", "Exists", json!([]), false),
        ("none", "DoesNotExist", json!([]), true),
        ("size", "Gt", json!(["4"]), true),
        ("size", "Gt", json!(["5"]), false),
        ("size", "Lt", json!(["6"]), true),
        ("disk", "Lt", json!(["6"]), false),
    ];
    for (key, operator, values, fits) in table {
        let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let rule = json!({"nodeSelectorTerms": [term]});
        let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}});
        let pod = spec(json!({"affinity": affinity}));
        assert_eq!(chosen(&cluster, &pod).is_ok(), fits, "{key} {operator} {values}");
    }
    let text = complaint(&cluster, &spec(json!({"nodeSelector": {"disk": "hdd"}})));
    assert_eq!(text, "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.");
}

#[test]
fn preferred_node_affinity_adds_weights() {
    let nodes = ["a", "b", "c"].map(|name| node(name, json!({"metadata": {"labels": {"k": name}}})));
    let prefer = |weight: i32, value: &str| {
        let term = json!({"matchExpressions": [{"key": "k", "operator": "In", "values": [value]}]});
        json!({"weight": weight, "preference": term})
    };
    let rules = json!({"preferredDuringSchedulingIgnoredDuringExecution": [prefer(10, "a"), prefer(20, "c")]});
    assert_eq!(chosen(&cluster(&nodes), &spec(json!({"affinity": {"nodeAffinity": rules}}))).as_deref(), Ok("c"));
}

#[test]
fn a_daemon_pod_is_held_against_its_own_node_only() {
    let nodes = ["a", "b", "c"].map(|name| node(name, json!({"spec": {"unschedulable": name == "b"}})));
    let pinned = |name: &str| {
        let term = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]});
        let rule = json!({"nodeSelectorTerms": [term]});
        spec(json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}}))
    };
    let cluster = cluster(&nodes);
    assert_eq!(chosen(&cluster, &pinned("c")).as_deref(), Ok("c"));
    let text = complaint(&cluster, &pinned("b"));
    assert_eq!(
        text,
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    );
}

#[test]
fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
    let cluster = cluster(&[node("n", json!({"spec": {"unschedulable": true}}))]);
    assert_eq!(complaint(&cluster, &spec(json!({}))), "0/1 nodes are available: 1 node(s) were unschedulable.");
    let tolerant = spec(json!({"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]}));
    assert!(chosen(&cluster, &tolerant).is_ok());
}

#[test]
fn host_ports_conflict_by_protocol_and_address() {
    let with = |name: &str, port: Value| {
        pod(name, json!({"spec": {"containers": [{"name": "c", "image": "app", "ports": [port]}]}}))
    };
    let mut cluster = cluster(&[node("n", json!({}))]);
    cluster.place(with("other", json!({"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1"})), "n", false);
    let table = [
        (json!({"containerPort": 80, "hostPort": 80}), false),
        (json!({"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1"}), false),
        (json!({"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.2"}), true),
        (json!({"containerPort": 80, "hostPort": 80, "protocol": "UDP"}), true),
        (json!({"containerPort": 80, "hostPort": 81}), true),
        (json!({"containerPort": 80}), true),
    ];
    for (port, fits) in table {
        assert_eq!(chosen(&cluster, &with("p", port.clone())).is_ok(), fits, "{port}");
    }
    let text = complaint(&cluster, &with("p", json!({"containerPort": 80, "hostPort": 80})));
    assert_eq!(text, "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.");
}

#[test]
fn every_lacking_resource_is_named() {
    let small = json!({"status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "1", "x.io/gpu": "2"}}});
    let mut cluster = cluster(&[node("n", small)]);
    let greedy = json!({"spec": {"containers": [{"name": "c", "image": "a", "resources": {"requests": {
        "cpu": "2", "memory": "2Gi", "ephemeral-storage": "1", "x.io/gpu": "3",
    }}}]}});
    let text = "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient ephemeral-storage, 1 Insufficient memory, \
                1 Insufficient x.io/gpu.";
    assert_eq!(complaint(&cluster, &pod("p", greedy)), text);
    assert!(chosen(&cluster, &pod("p", requests("1", "1Gi"))).is_ok());
    cluster.place(pod("other", json!({})), "n", false);
    assert_eq!(complaint(&cluster, &pod("p", json!({}))), "0/1 nodes are available: 1 Too many pods.");
}

#[test]
fn the_emptier_node_is_better() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    cluster.place(pod("other", requests("2", "2Gi")), "a", false);
    assert_eq!(chosen(&cluster, &pod("p", requests("1", "1Gi"))).as_deref(), Ok("b"));
    cluster.remove_pod("uid-other");
    cluster.place(pod("other", requests("2", "2Gi")), "b", false);
    assert_eq!(chosen(&cluster, &pod("p", json!({}))).as_deref(), Ok("a"));
}

#[test]
fn a_node_with_the_image_is_better() {
    let images = json!({"status": {"images": [{"names": ["app:latest"], "sizeBytes": 2_000_000_000_i64}]}});
    let nodes = [node("a", json!({})), node("b", images), node("c", json!({}))];
    assert_eq!(chosen(&cluster(&nodes), &pod("p", json!({}))).as_deref(), Ok("b"));
}

fn spread(when: &str, key: &str, min_domains: Option<i32>) -> Arc<PodInfo> {
    let constraint = json!({
        "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when, "minDomains": min_domains,
        "labelSelector": {"matchLabels": {"app": "web"}},
    });
    let patch = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"topologySpreadConstraints": [constraint]}});
    pod("p", patch)
}

#[test]
fn hard_spread_keeps_the_skew() {
    const ZONE: &str = "topology.kubernetes.io/zone";
    let nodes = [zoned("a", "1"), zoned("b", "2"), zoned("c", "2"), node("d", json!({}))];
    let mut cluster = cluster(&nodes);
    let pod = spread("DoNotSchedule", ZONE, None);
    assert_eq!(feasible(&cluster, &pod), ["a", "b", "c"]);
    labelled("w1", "web", "a", &mut cluster);
    labelled("o1", "other", "b", &mut cluster);
    assert_eq!(feasible(&cluster, &pod), ["b", "c"]);
    assert_eq!(feasible(&cluster, &spread("DoNotSchedule", ZONE, Some(3))), ["b", "c"]);
    labelled("w2", "web", "c", &mut cluster);
    assert_eq!(feasible(&cluster, &pod), ["a", "b", "c"]);
    assert!(feasible(&cluster, &spread("DoNotSchedule", ZONE, Some(3))).is_empty());
    let text = complaint(&cluster, &spread("DoNotSchedule", ZONE, Some(3)));
    let expected = "0/4 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required \
                    label), 3 node(s) didn't match pod topology spread constraints.";
    assert_eq!(text, expected);
}

#[test]
fn soft_spread_prefers_the_emptier_domain() {
    let mut cluster = cluster(&["a", "b", "c"].map(|name| zoned(name, name)));
    labelled("w1", "web", "a", &mut cluster);
    labelled("w2", "web", "c", &mut cluster);
    let pod = spread("ScheduleAnyway", "topology.kubernetes.io/zone", None);
    assert_eq!(chosen(&cluster, &pod).as_deref(), Ok("b"));
}

#[test]
fn pods_of_a_service_are_spread_by_default() {
    let mut cluster = cluster(&["a", "b", "c"].map(|name| zoned(name, "z")));
    let service = json!({"metadata": {"name": "s", "namespace": "ns"}, "spec": {"selector": {"app": "web"}}});
    cluster.set_service(&serde_json::from_value::<Service>(service).expect("a service"));
    for (number, node) in ["a", "a", "c"].into_iter().enumerate() {
        labelled(&format!("w{number}"), "web", node, &mut cluster);
    }
    // As full as the others, but with strangers.
    for number in 0..3 {
        labelled(&format!("o{number}"), "other", "b", &mut cluster);
    }
    let pod = pod("p", json!({"metadata": {"labels": {"app": "web"}}}));
    assert_eq!(chosen(&cluster, &pod).as_deref(), Ok("b"));
}

fn pod_rule(kind: &str, app: &str, patch: Value) -> Value {
    let mut term =
        json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"app": app}}});
    for (key, value) in patch.as_object().into_iter().flatten() {
        term[key] = value.clone();
    }
    json!({"spec": {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}})
}

#[test]
fn required_pod_affinity_wants_company() {
    let mut cluster = cluster(&[zoned("a", "1"), zoned("b", "1"), zoned("c", "2")]);
    let wants = pod("p", pod_rule("podAffinity", "db", json!({})));
    let text = complaint(&cluster, &wants);
    assert_eq!(text, "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.");
    labelled("db", "db", "a", &mut cluster);
    assert_eq!(feasible(&cluster, &wants), ["a", "b"]);
    let elsewhere = pod("p", pod_rule("podAffinity", "db", json!({"namespaces": ["other"]})));
    assert!(feasible(&cluster, &elsewhere).is_empty());
    let anywhere = pod("p", pod_rule("podAffinity", "db", json!({"namespaceSelector": {}})));
    assert_eq!(feasible(&cluster, &anywhere), ["a", "b"]);
    let mut first = pod_rule("podAffinity", "new", json!({}));
    first["metadata"] = json!({"labels": {"app": "new"}});
    assert_eq!(feasible(&cluster, &pod("p", first)), ["a", "b", "c"]);
}

#[test]
fn anti_affinity_works_both_ways() {
    let mut cluster = cluster(&[zoned("a", "1"), zoned("b", "1"), zoned("c", "2")]);
    cluster.place(pod("hermit", pod_rule("podAntiAffinity", "web", json!({}))), "a", false);
    labelled("db", "db", "c", &mut cluster);
    let web = pod("p", json!({"metadata": {"labels": {"app": "web"}}}));
    assert_eq!(feasible(&cluster, &web), ["c"]);
    let shy = pod("q", pod_rule("podAntiAffinity", "db", json!({})));
    assert_eq!(feasible(&cluster, &shy), ["a", "b"]);
    cluster.remove_pod("uid-db");
    cluster.remove_pod("uid-hermit");
    assert_eq!(feasible(&cluster, &web), ["a", "b", "c"]);
}

#[test]
fn preferred_pod_affinity_attracts_and_repels() {
    let rule = |kind: &str| {
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}});
        let weighed = json!([{"weight": 100, "podAffinityTerm": term}]);
        json!({"spec": {"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": weighed}}}})
    };
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    labelled("db", "db", "a", &mut cluster);
    assert_eq!(chosen(&cluster, &pod("p", rule("podAffinity"))).as_deref(), Ok("a"));
    labelled("web", "web", "b", &mut cluster);
    assert_eq!(chosen(&cluster, &pod("p", rule("podAntiAffinity"))).as_deref(), Ok("b"));
}

fn claiming() -> Arc<PodInfo> {
    spec(json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}))
}

fn with_claim(cluster: &mut Cluster, claim: Value) {
    let mut claim = claim;
    claim["metadata"] = json!({"name": "data", "namespace": "ns"});
    let claim: PersistentVolumeClaim = serde_json::from_value(claim).expect("a claim");
    cluster.objects.claims.insert(ObjectKey::new("ns", "data"), Arc::new(claim));
}

#[test]
fn claims_must_exist_and_be_bound_or_wait_for_the_node() {
    let mut cluster = cluster(&[node("n", json!({}))]);
    let text = complaint(&cluster, &claiming());
    assert_eq!(text, "0/1 nodes are available: persistentvolumeclaim \"data\" not found.");
    with_claim(&mut cluster, json!({"spec": {"storageClassName": "local"}}));
    let text = complaint(&cluster, &claiming());
    assert_eq!(text, "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    let mut class = json!({"provisioner": "x", "volumeBindingMode": "WaitForFirstConsumer"});
    let mut set = |class: &Value| {
        let class: StorageClass = serde_json::from_value(class.clone()).expect("a class");
        cluster.objects.storage_classes.insert("local".to_owned(), Arc::new(class));
        chosen(&cluster, &claiming()).map_err(|diagnosis| diagnosis.to_string())
    };
    assert_eq!(set(&class).as_deref(), Ok("n"));
    class["provisioner"] = "kubernetes.io/no-provisioner".into();
    let text = "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.";
    assert_eq!(set(&class), Err(text.to_owned()));
}

#[test]
fn a_bound_volume_keeps_the_pod_on_its_node() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    with_claim(&mut cluster, json!({"spec": {"volumeName": "pv"}}));
    let text = complaint(&cluster, &claiming());
    let lost = "persistentvolumeclaim \"data\" bound to non-existent persistentvolume \"pv\"";
    assert_eq!(text, format!("0/2 nodes are available: {lost}."));
    let local = |node: &str| {
        let term = json!({"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]});
        let volume = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}});
        Arc::new(serde_json::from_value::<PersistentVolume>(volume).expect("a volume"))
    };
    cluster.objects.volumes.insert("pv".to_owned(), local("b"));
    assert_eq!(feasible(&cluster, &claiming()), ["b"]);
    cluster.objects.volumes.insert("pv".to_owned(), local("z"));
    let text = complaint(&cluster, &claiming());
    assert_eq!(text, "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.");
}

#[test]
fn without_nodes_there_is_nothing_to_choose() {
    assert_eq!(complaint(&Cluster::new(), &spec(json!({}))), "no nodes available to schedule pods");
}
