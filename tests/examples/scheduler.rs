//! Prints how many pods a second the bare decision places: `cargo run --release -p devcluster-tests --example scheduler [NODES] [PODS]`.

use cluster_scheduler::{Chooser, Cluster, PodInfo, Profile};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("a well-formed object")
}

fn node(number: usize) -> Node {
    let name = format!("node-{number}");
    object(json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": format!("zone-{}", number % 3),
        }},
        "status": {"allocatable": {"cpu": "32", "memory": "64Gi", "pods": "110"}},
    }))
}

fn pod(number: usize) -> Pod {
    object(json!({
        "metadata": {
            "name": format!("pod-{number}"), "namespace": "default", "uid": format!("uid-{number}"),
            "labels": {"app": format!("app-{}", number % 50)},
        },
        "spec": {"containers": [
            {"name": "c", "image": "app", "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}},
        ]},
    }))
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let (nodes, pods) = (arguments.next().unwrap_or(1000), arguments.next().unwrap_or(5000));
    let mut cluster = Cluster::new();
    for number in 0..nodes {
        cluster.set_node(&node(number));
    }
    for number in 0..50 {
        let name = format!("app-{number}");
        cluster.set_service(&object::<Service>(json!({
            "metadata": {"name": name, "namespace": "default"}, "spec": {"selector": {"app": name}},
        })));
    }
    cluster.settle();
    let waiting: Vec<Arc<Pod>> = (0..pods).map(|number| Arc::new(pod(number))).collect();
    let (start, mut chooser, mut placed) = (Instant::now(), Chooser::new(1), 0_usize);
    let profile = Profile::default();
    for pod in waiting {
        let info = Arc::new(PodInfo::new(pod));
        if let Ok(id) = chooser.choose(&cluster, &profile, &info) {
            let name = cluster.node(id).name().to_owned();
            cluster.place(info, &name, true);
            placed += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{placed} of {pods} pods on {nodes} nodes in {seconds:.3} s: {:.0} pods/s", placed as f64 / seconds);
}
