//! `GET /pods`, `/stats/summary`, `/metrics` and `/metrics/resource`.

use super::network;
use crate::prelude::*;
use axum::Json;
use axum::extract::State;
use std::fmt::Write;

/// All pods with their status as the kubelet sees it.
pub(super) async fn list(State(target): State<Arc<Target>>) -> Json<Value> {
    let pods = target.pods.list().into_iter().map(|view| {
        let mut pod = json!(*view.pod);
        pod["status"] = json!(view.status);
        pod
    });
    Json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods.collect::<Vec<_>>()}))
}

/// Usage by pod (namespace, name, UID) and container.
type Table = BTreeMap<(String, String, String), Vec<(String, Usage)>>;

async fn running(target: &Target) -> Result<Vec<ContainerInfo>, Refusal> {
    let listed = target.runtime.list().await;
    let mut running = listed.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    running.retain(|container| container.running);
    Ok(running)
}

async fn usage(target: &Target, running: &[ContainerInfo]) -> Table {
    let asked = running.iter().filter(|c| c.label(label::CONTAINER) != label::SANDBOX).map(|c| async move {
        let usage = target.runtime.usage(&c.id).await.unwrap_or_default();
        let own = |key| c.label(key).to_owned();
        ((own(label::POD_NAMESPACE), own(label::POD_NAME), own(label::POD_UID)), (own(label::CONTAINER), usage))
    });
    let mut table = Table::new();
    for (pod, container) in futures::future::join_all(asked).await {
        table.entry(pod).or_default().push(container);
    }
    table
}

fn total(containers: &[(String, Usage)]) -> Usage {
    let sum = |field: fn(&Usage) -> u64| containers.iter().map(|(_, usage)| field(usage)).sum();
    Usage { cpu_nanoseconds: sum(|usage| usage.cpu_nanoseconds), memory_bytes: sum(|usage| usage.memory_bytes) }
}

/// CPU and memory of pods and containers, and the network of pods.
pub(super) async fn summary(State(target): State<Arc<Target>>) -> Result<Json<Value>, Refusal> {
    let now = Timestamp::now().to_string();
    let figures = |cpu: u64, memory: u64| {
        json!({
            "cpu": {"time": now, "usageCoreNanoSeconds": cpu},
            "memory": {"time": now, "workingSetBytes": memory, "usageBytes": memory},
        })
    };
    let running = running(&target).await?;
    let (table, mut networks) = tokio::join!(usage(&target, &running), network::of_pods(&target, &running, &now));
    let mut pods = Vec::new();
    for ((namespace, name, uid), containers) in table {
        let total = total(&containers);
        let containers = containers.into_iter().map(|(name, usage)| {
            let mut one = figures(usage.cpu_nanoseconds, usage.memory_bytes);
            one["name"] = json!(name);
            one
        });
        let mut pod = figures(total.cpu_nanoseconds, total.memory_bytes);
        pod["containers"] = containers.collect();
        if let Some(network) = networks.remove(&uid) {
            pod["network"] = network;
        }
        pod["podRef"] = json!({"name": name, "namespace": namespace, "uid": uid});
        pods.push(pod);
    }
    let all = crate::node::usage();
    let mut node = figures(all.cpu_nanoseconds, all.memory_bytes);
    if let Some(network) = network::of("self", &now) {
        node["network"] = network;
    }
    node["nodeName"] = json!(target.node_name);
    Ok(Json(json!({"node": node, "pods": pods})))
}

/// The kubelet's own figures.
pub(super) async fn metrics(State(target): State<Arc<Target>>) -> String {
    let mut phases: BTreeMap<String, usize> = BTreeMap::new();
    for view in target.pods.list() {
        *phases.entry(view.status.phase.unwrap_or_default()).or_default() += 1;
    }
    let mut out = String::from("# TYPE kubelet_pods gauge\n");
    for (phase, count) in phases {
        writeln!(out, "kubelet_pods{{phase={phase:?}}} {count}").ok();
    }
    out
}

/// `/metrics/resource`: what metrics-server and Prometheus read. Names are upstream's.
pub(super) async fn resource_metrics(State(target): State<Arc<Target>>) -> Result<String, Refusal> {
    let table = usage(&target, &running(&target).await?).await;
    let mut rows = vec![("node", String::new(), crate::node::usage())];
    for ((namespace, pod, _), containers) in table {
        let total = total(&containers);
        for (container, usage) in containers {
            rows.push(("container", format!("{{container={container:?},namespace={namespace:?},pod={pod:?}}}"), usage));
        }
        rows.push(("pod", format!("{{namespace={namespace:?},pod={pod:?}}}"), total));
    }
    let now = Timestamp::now().as_millisecond();
    let mut out = String::new();
    for of in ["container", "node", "pod"] {
        let mut lines = [String::new(), String::new()];
        for (_, labels, usage) in rows.iter().filter(|(subject, ..)| *subject == of) {
            let seconds = usage.cpu_nanoseconds as f64 / 1e9;
            writeln!(lines[0], "{of}_cpu_usage_seconds_total{labels} {seconds} {now}").ok();
            writeln!(lines[1], "{of}_memory_working_set_bytes{labels} {} {now}", usage.memory_bytes).ok();
        }
        writeln!(out, "# TYPE {of}_cpu_usage_seconds_total counter").ok();
        out.push_str(&lines[0]);
        writeln!(out, "# TYPE {of}_memory_working_set_bytes gauge").ok();
        out.push_str(&lines[1]);
    }
    out.push_str("# TYPE resource_scrape_error gauge\nresource_scrape_error 0\n");
    Ok(out)
}
