//! Counts and times of requests, as Prometheus text under upstream's names.

use crate::prelude::*;
use std::fmt::Write;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Labels, Latency>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    verb: Cow<'static, str>,
    resource: String,
    subresource: String,
    code: u16,
}

#[derive(Debug, Default)]
struct Latency {
    count: u64,
    seconds: f64,
    buckets: [u64; BUCKETS.len()],
}

impl Metrics {
    /// Counts one request.
    pub(crate) fn record(
        &self,
        verb: Cow<'static, str>,
        resource: &str,
        subresource: &str,
        code: u16,
        elapsed: Duration,
    ) {
        let labels = Labels { verb, resource: resource.to_owned(), subresource: subresource.to_owned(), code };
        let seconds = elapsed.as_secs_f64();
        let mut requests = self.requests.lock();
        let latency = requests.entry(labels).or_default();
        latency.count += 1;
        latency.seconds += seconds;
        for (bucket, bound) in latency.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    /// All series in the text format.
    pub(crate) fn render(&self) -> String {
        let mut out = String::from("# TYPE apiserver_request_total counter\n");
        let requests = self.requests.lock();
        let mut write = |line: String| out.write_str(&line).expect("writing to a String does not fail");
        for (labels, latency) in requests.iter() {
            write(format!("apiserver_request_total{{{}}} {}\n", labels.text(), latency.count));
        }
        write("# TYPE apiserver_request_duration_seconds histogram\n".to_owned());
        for (labels, latency) in requests.iter() {
            let (name, labels) = ("apiserver_request_duration_seconds", labels.text());
            for (count, bound) in latency.buckets.iter().zip(BUCKETS) {
                write(format!("{name}_bucket{{{labels},le=\"{bound}\"}} {count}\n"));
            }
            write(format!("{name}_bucket{{{labels},le=\"+Inf\"}} {}\n", latency.count));
            write(format!("{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {}\n", latency.seconds, latency.count));
        }
        out
    }
}

impl Labels {
    fn text(&self) -> String {
        let Self { verb, resource, subresource, code } = self;
        let verb = verb.to_uppercase();
        format!("verb=\"{verb}\",resource={resource:?},subresource={subresource:?},code=\"{code}\"")
    }
}
