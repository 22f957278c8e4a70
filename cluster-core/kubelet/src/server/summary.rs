//! `GET /stats/summary`: CPU and memory of node, pods and containers, and the network of pods.

use super::network;
use super::usage::{by_pod, running, total};
use crate::prelude::*;
use axum::Json;

/// CPU and memory of pods and containers, and the network of pods.
pub(super) async fn summary(State(target): State<Arc<Target>>) -> Result<Json<Value>, Refusal> {
    let now = Timestamp::now().to_string();
    let figures = |usage: &Usage| {
        json!({
            "cpu": {"time": now, "usageCoreNanoSeconds": usage.cpu_nanoseconds},
            "memory": {"time": now, "workingSetBytes": usage.memory_bytes, "usageBytes": usage.memory_bytes},
        })
    };
    let running = running(&target).await?;
    let (table, mut networks) = tokio::join!(by_pod(&target, &running), network::of_pods(&target, &running, &now));
    let mut pods = Vec::new();
    for ((namespace, name, uid), containers) in table {
        let mut pod = figures(&total(&containers));
        let containers = containers.iter().map(|container| {
            let mut one = figures(&container.usage);
            one["name"] = json!(container.name);
            one["startTime"] = json!(container.started_at);
            one
        });
        pod["containers"] = containers.collect();
        if let Some(network) = networks.remove(&uid) {
            pod["network"] = network;
        }
        pod["podRef"] = json!({"name": name, "namespace": namespace, "uid": uid});
        pods.push(pod);
    }
    let mut node = figures(&crate::node::usage());
    if let Some(network) = network::of("self", &now) {
        node["network"] = network;
    }
    node["nodeName"] = json!(target.context.options.node.name);
    Ok(Json(json!({"node": node, "pods": pods})))
}
