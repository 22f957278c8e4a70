//! `/metrics`, `/metrics/resource`, `/metrics/cadvisor` and `/metrics/probes` in Prometheus' text format. Names and labels are upstream's,
//! so metrics-server and the usual dashboards read them.

use super::network;
use super::usage::{by_pod, running, total};
use crate::prelude::*;
use crate::probe::figures::{BOUNDS, Figures, Key};
use std::fmt::Write;

/// Prometheus' text format, written family by family.
#[derive(Default)]
struct Exposition(String);

/// The labels of a sample, and its value.
type Sample<'a> = (Vec<(&'a str, &'a str)>, f64);

impl Exposition {
    /// All samples of one name. The moment, in milliseconds, says when they were measured; without one it is now.
    fn family<'a>(&mut self, kind: &str, name: &str, at: Option<i64>, samples: impl IntoIterator<Item = Sample<'a>>) {
        self.kind(kind, name);
        self.samples(name, at, samples);
    }

    fn kind(&mut self, kind: &str, name: &str) {
        writeln!(self.0, "# TYPE {name} {kind}").ok();
    }

    fn samples<'a>(&mut self, name: &str, at: Option<i64>, samples: impl IntoIterator<Item = Sample<'a>>) {
        let moment = at.map(|at| format!(" {at}")).unwrap_or_default();
        for (labels, value) in samples {
            let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            writeln!(self.0, "{name}{labels} {value}{moment}").ok();
        }
    }
}

/// The kubelet's own figures.
pub(super) async fn own(State(target): State<Arc<Target>>) -> Result<String, Refusal> {
    let running = running(&target).await?;
    let (sandboxes, containers): (Vec<_>, Vec<_>) =
        running.iter().partition(|container| container.label(label::CONTAINER) == label::SANDBOX);
    let mut out = Exposition::default();
    out.family("gauge", "kubelet_node_name", None, [(vec![("node", &*target.context.options.node.name)], 1.0)]);
    out.family("gauge", "kubelet_running_pods", None, [(vec![], sandboxes.len() as f64)]);
    let state = vec![("container_state", "running")];
    out.family("gauge", "kubelet_running_containers", None, [(state, containers.len() as f64)]);
    Ok(out.0)
}

/// How the probes of containers went.
pub(super) fn probes(figures: &BTreeMap<Key, Figures>) -> String {
    let mut out = Exposition::default();
    let totals = figures.iter().flat_map(|([uid, namespace, pod, container, kind], figures)| {
        [("failed", figures.failed), ("successful", figures.successful)].map(|(result, count)| {
            let pod = [("container", &**container), ("namespace", namespace), ("pod", pod), ("pod_uid", uid)];
            ([&pod[..], &[("probe_type", &**kind), ("result", result)]].concat(), count as f64)
        })
    });
    out.family("counter", "prober_probe_total", None, totals.filter(|(_, count)| *count > 0.0));
    out.kind("histogram", "prober_probe_duration_seconds");
    let bounds = BOUNDS.map(|bound| bound.to_string());
    for ([_, namespace, pod, container, kind], figures) in figures.iter().filter(|(_, f)| f.successful > 0) {
        let labels = [("container", &**container), ("namespace", namespace), ("pod", pod), ("probe_type", kind)];
        let counts = figures.within.iter().chain([&figures.successful]);
        let buckets = bounds.iter().map(String::as_str).chain(["+Inf"]).zip(counts);
        let buckets = buckets.map(|(bound, count)| ([&labels[..], &[("le", bound)]].concat(), *count as f64));
        out.samples("prober_probe_duration_seconds_bucket", None, buckets);
        out.samples("prober_probe_duration_seconds_sum", None, [(labels.to_vec(), figures.seconds)]);
        out.samples("prober_probe_duration_seconds_count", None, [(labels.to_vec(), figures.successful as f64)]);
    }
    out.0
}

/// What metrics-server reads: CPU and memory of node, pods and containers.
pub(super) async fn resource(State(target): State<Arc<Target>>) -> Result<String, Refusal> {
    let pods = by_pod(&target, &running(&target).await?).await;
    let node = crate::node::usage();
    let mut subjects: Vec<(&str, Vec<(&str, &str)>, Usage)> = vec![("node", vec![], node)];
    let mut starts = Vec::new();
    for ((namespace, pod, _), containers) in &pods {
        for container in containers {
            let labels = vec![("container", &*container.name), ("namespace", &**namespace), ("pod", &**pod)];
            starts.extend(container.started_at.as_ref().map(|start| (labels.clone(), seconds_since_epoch(start.0))));
            subjects.push(("container", labels, container.usage));
        }
        subjects.push(("pod", vec![("namespace", namespace), ("pod", pod)], total(containers)));
    }
    let now = Some(Timestamp::now().as_millisecond());
    let mut out = Exposition::default();
    for of in ["container", "node", "pod"] {
        let those = || subjects.iter().filter(|(subject, ..)| *subject == of);
        let cpu = those().map(|(_, labels, usage)| (labels.clone(), seconds(usage.cpu_nanoseconds)));
        out.family("counter", &format!("{of}_cpu_usage_seconds_total"), now, cpu);
        let memory = those().map(|(_, labels, usage)| (labels.clone(), usage.memory_bytes as f64));
        out.family("gauge", &format!("{of}_memory_working_set_bytes"), now, memory);
    }
    out.family("gauge", "container_start_time_seconds", None, starts);
    out.family("gauge", "resource_scrape_error", None, [(vec![], 0.0)]);
    Ok(out.0)
}

/// The part of cAdvisor's figures that dashboards are made of.
pub(super) async fn cadvisor(State(target): State<Arc<Target>>) -> Result<String, Refusal> {
    let running = running(&target).await?;
    let (pods, networks) = tokio::join!(by_pod(&target, &running), network::of_pods(&target, &running, ""));
    let now = Timestamp::now();
    let at = Some(now.as_millisecond());
    let mut rows = Vec::new();
    for ((namespace, pod, _), containers) in &pods {
        for container in containers {
            let labels = vec![
                ("container", &*container.name),
                ("id", &*container.id),
                ("image", &*container.image),
                ("name", &*container.id),
                ("namespace", &**namespace),
                ("pod", &**pod),
            ];
            rows.push((labels, container));
        }
    }
    let mut out = Exposition::default();
    let cpu = rows.iter().map(|(labels, c)| {
        ([&labels[..1], &[("cpu", "total")], &labels[1..]].concat(), seconds(c.usage.cpu_nanoseconds))
    });
    out.family("counter", "container_cpu_usage_seconds_total", at, cpu);
    for name in ["container_memory_working_set_bytes", "container_memory_usage_bytes"] {
        let memory = rows.iter().map(|(labels, c)| (labels.clone(), c.usage.memory_bytes as f64));
        out.family("gauge", name, at, memory);
    }
    let starts =
        rows.iter().filter_map(|(labels, c)| Some((labels.clone(), seconds_since_epoch(c.started_at.as_ref()?.0))));
    out.family("gauge", "container_start_time_seconds", at, starts);
    let seen = rows.iter().map(|(labels, _)| (labels.clone(), seconds_since_epoch(now)));
    out.family("gauge", "container_last_seen", at, seen);
    for (name, figure) in [
        ("container_network_receive_bytes_total", "rxBytes"),
        ("container_network_receive_errors_total", "rxErrors"),
        ("container_network_transmit_bytes_total", "txBytes"),
        ("container_network_transmit_errors_total", "txErrors"),
    ] {
        let samples = pods.keys().flat_map(|(namespace, pod, uid)| {
            let interfaces = networks.get(uid).and_then(|network| network["interfaces"].as_array());
            interfaces.into_iter().flatten().map(move |one| {
                let interface = one["name"].as_str().unwrap_or_default();
                let labels = vec![("interface", interface), ("namespace", &**namespace), ("pod", &**pod)];
                (labels, one[figure].as_f64().unwrap_or_default())
            })
        });
        out.family("counter", name, at, samples);
    }
    let capacity = crate::node::capacity();
    out.family("gauge", "machine_cpu_cores", at, [(vec![], capacity.cpu_milli as f64 / 1e3)]);
    out.family("gauge", "machine_memory_bytes", at, [(vec![], capacity.memory as f64)]);
    Ok(out.0)
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn seconds_since_epoch(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1e3
}

#[cfg(test)]
mod tests;
