//! What nodes and pods use, as the cluster's metrics API tells it: asked while somebody looks, and kept for an hour.

use super::{Gone, Outbox};
use crate::Error;
use crate::clusters::Live;
use crate::watch::decode;
use cluster_client::Status;
use cluster_object::{meta, quantity::Quantity};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The API is one that has to be asked.
const PERIOD: Duration = Duration::from_secs(5);
const KEPT: usize = 720;
const API: &str = "/apis/metrics.k8s.io/v1beta1";

/// Of which cluster.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MetricsSpec {
    pub(crate) cluster: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Used {
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    name: String,
    /// Cores.
    cpu: f64,
    /// Bytes.
    memory: i64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Point {
    at: String,
    nodes: Vec<Used>,
    pods: Vec<Used>,
}

/// The points of a cluster, the newest last.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<(Option<Instant>, VecDeque<Arc<Point>>)>);

/// Sends a point in every period, with the first one those before.
pub(super) async fn show(live: &Live, out: &Outbox) -> Result<(), Gone> {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut first, mut lost) = (true, false);
    loop {
        ticks.tick().await;
        match newest(live).await {
            Ok(point) => {
                let mut message = json!(*point);
                if first {
                    message["points"] = json!(live.metrics.0.lock().await.1);
                }
                if std::mem::take(&mut first) || std::mem::take(&mut lost) {
                    out.state(None).await?;
                }
                out.send("metrics", &message).await?;
            }
            Err(error) if !lost => {
                lost = true;
                out.state(Some(&error.status())).await?;
            }
            Err(_) => {}
        }
    }
}

/// The newest point; asks for one when another view has not just done it.
async fn newest(live: &Live) -> Result<Arc<Point>, Error> {
    let (asked, points) = &mut *live.metrics.0.lock().await;
    if let (Some(at), Some(point)) = (*asked, points.back())
        && at.elapsed() < PERIOD / 2
    {
        return Ok(point.clone());
    }
    let (nodes, pods) = (format!("{API}/nodes"), format!("{API}/pods"));
    let (nodes, pods) = tokio::try_join!(live.get(&nodes), live.get(&pods))?;
    let point = Arc::new(Point {
        at: meta::now(),
        nodes: read(&nodes, |node| vec![node["usage"].clone()])?,
        pods: read(&pods, |pod| {
            let containers = pod["containers"].as_array().into_iter().flatten();
            containers.map(|container| container["usage"].clone()).collect()
        })?,
    });
    *asked = Some(Instant::now());
    points.push_back(point.clone());
    if points.len() > KEPT {
        points.pop_front();
    }
    Ok(point)
}

/// The sums of what each item's parts use.
fn read(bytes: &[u8], parts: impl Fn(&Value) -> Vec<Value>) -> Result<Vec<Used>, Error> {
    let list: Value = decode("metrics", bytes).map_err(Status::internal)?;
    let amount = |usage: &Value, name: &str| Quantity::from_value(&usage[name]).ok();
    let used = |item: &Value| {
        let parts = parts(item);
        let milli: i64 = parts.iter().filter_map(|usage| Some(amount(usage, "cpu")?.milli_value())).sum();
        Used {
            namespace: meta::namespace(item).to_owned(),
            name: meta::name(item).to_owned(),
            cpu: milli as f64 / 1000.0,
            memory: parts.iter().filter_map(|usage| Some(amount(usage, "memory")?.value())).sum(),
        }
    };
    Ok(list["items"].as_array().into_iter().flatten().map(used).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_uses_what_its_containers_use() {
        let list = json!({"items": [{"metadata": {"name": "p", "namespace": "n"}, "containers": [
            {"usage": {"cpu": "250m", "memory": "1Mi"}}, {"usage": {"cpu": "1", "memory": "1024"}}]}]});
        let parts = |pod: &Value| {
            pod["containers"].as_array().into_iter().flatten().map(|container| container["usage"].clone()).collect()
        };
        let used = read(list.to_string().as_bytes(), parts).expect("a list");
        let expected = Used { namespace: "n".to_owned(), name: "p".to_owned(), cpu: 1.25, memory: 1_049_600 };
        assert_eq!(used, [expected]);
    }
}
