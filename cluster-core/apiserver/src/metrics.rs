//! Counts and times of requests, and what the server holds, as Prometheus text under upstream's names and labels.

use crate::paths::GIT_VERSION;
use crate::prelude::*;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::fmt::Write;

/// Upper bounds of the latency buckets, in seconds. Source: upstream's `apiserver_request_duration_seconds`.
const BUCKETS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Labels, Answered>>,
}

/// What a request is counted under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Labels {
    verb: &'static str,
    dry_run: &'static str,
    scope: &'static str,
    group: String,
    version: String,
    resource: String,
    subresource: String,
}

/// How the requests of some labels were answered.
#[derive(Debug, Default)]
struct Answered {
    codes: BTreeMap<u16, u64>,
    seconds: f64,
    /// How many took longer than the bound before, and not longer than this one; the last took longer than all.
    buckets: [u64; BUCKETS.len() + 1],
}

impl Labels {
    /// Those of a request. What is not served has no name, so that nobody makes series at will.
    pub(crate) fn of(server: &ApiServer, parts: &Parts, info: &RequestInfo) -> Self {
        let served = server.registry.get(&info.group, &info.version, &info.resource);
        let served = served.filter(|r| info.subresource.is_empty() || r.subresource(&info.subresource).is_some());
        let named = |name: &String| served.as_ref().map(|_| name.clone()).unwrap_or_default();
        let query = parts.uri.query().unwrap_or_default();
        let names_one = !info.name.is_empty() || info.verb == "create";
        Self {
            verb: verb(parts, info),
            dry_run: if query.split('&').any(|pair| pair.starts_with("dryRun=")) { "All" } else { "" },
            scope: match (info.is_resource, names_one, info.namespace.is_empty()) {
                (false, ..) => "",
                (true, true, _) => "resource",
                (true, false, false) => "namespace",
                (true, false, true) => "cluster",
            },
            group: named(&info.group),
            version: named(&info.version),
            resource: named(&info.resource),
            subresource: named(&info.subresource),
        }
    }

    fn text(&self) -> String {
        let Self { verb, dry_run, scope, group, version, resource, subresource } = self;
        format!(
            "verb=\"{verb}\",component=\"apiserver\",dry_run=\"{dry_run}\",group={group:?},resource={resource:?},\
             scope=\"{scope}\",subresource={subresource:?},version={version:?}"
        )
    }
}

/// A request's verb as metrics call it: by its method where it has one.
fn verb(parts: &Parts, info: &RequestInfo) -> &'static str {
    let connects = matches!(&*info.subresource, "exec" | "attach" | "portforward" | "proxy");
    let applies =
        || parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply"));
    match &*info.verb {
        _ if connects => "CONNECT",
        "get" => "GET",
        "list" => "LIST",
        "watch" => "WATCH",
        "create" | "post" => "POST",
        "update" | "put" => "PUT",
        "patch" if applies() => "APPLY",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "deletecollection" => "DELETECOLLECTION",
        _ => "other",
    }
}

impl Metrics {
    /// Counts one request.
    pub(crate) fn record(&self, labels: Labels, code: u16, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let mut requests = self.requests.lock();
        let answered = requests.entry(labels).or_default();
        *answered.codes.entry(code).or_default() += 1;
        answered.seconds += seconds;
        answered.buckets[BUCKETS.partition_point(|bound| *bound < seconds)] += 1;
    }

    /// The series of requests in the text format.
    fn render(&self) -> String {
        let mut counts = "# TYPE apiserver_request_total counter\n".to_owned();
        let mut times = "# TYPE apiserver_request_duration_seconds histogram\n".to_owned();
        let name = "apiserver_request_duration_seconds";
        for (labels, answered) in self.requests.lock().iter() {
            let labels = labels.text();
            for (code, count) in &answered.codes {
                writeln!(counts, "apiserver_request_total{{{labels},code=\"{code}\"}} {count}").ok();
            }
            let mut count = 0;
            let bounds = BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (bound, more) in bounds.zip(answered.buckets) {
                count += more;
                writeln!(times, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}").ok();
            }
            writeln!(times, "{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {count}", answered.seconds).ok();
        }
        counts + &times
    }
}

/// All series of a server.
pub(crate) fn render(server: &ApiServer) -> String {
    let mut out = server.metrics.render();
    out += "# TYPE apiserver_current_inflight_requests gauge\n";
    for (kind, count) in server.places.taken() {
        writeln!(out, "apiserver_current_inflight_requests{{request_kind=\"{kind}\"}} {count}").ok();
    }
    let table = server.registry.table();
    let stored: BTreeMap<&str, (&str, &str)> =
        table.resources().iter().map(|r| (&*r.storage, (&*r.group, &*r.plural))).collect();
    out += "# TYPE apiserver_resource_objects gauge\n";
    for (storage, (group, resource)) in stored {
        let count = server.store.snapshot(storage).len();
        writeln!(out, "apiserver_resource_objects{{group={group:?},resource={resource:?}}} {count}").ok();
    }
    writeln!(out, "# TYPE kubernetes_build_info gauge\nkubernetes_build_info{{git_version=\"{GIT_VERSION}\"}} 1").ok();
    out + &process()
}

/// The figures that every Prometheus client library tells of its process.
fn process() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    let usage = getrusage(UsageWho::RUSAGE_SELF).map(|usage| usage.user_time() + usage.system_time());
    let microseconds = usage.map_or(0, |time| time.num_microseconds());
    format!(
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {}\n\
         # TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {}\n",
        microseconds as f64 / 1e6,
        resident.unwrap_or(0_u64) * 1024,
    )
}
