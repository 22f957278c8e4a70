//! `metrics.k8s.io/v1beta1`: what nodes and pods use now, asked of the kubelets when somebody wants to know.
//!
//! Kubelets count processor time; a rate takes two samples. The last two of each node are kept, so that whoever asks
//! again gets the rate since, and nobody is asked while nobody wants to know.

use crate::kinds::prelude::*;

/// The group that is answered here.
pub(crate) const GROUP: &str = "metrics.k8s.io";
/// The shortest time that a rate is taken over.
const WINDOW: Duration = Duration::from_secs(1);
/// Samples as far apart as this say what is used now.
const FRESH: Duration = Duration::from_secs(5);
/// A sample older than this says nothing about now.
const STALE: Duration = Duration::from_mins(2);
/// How long a kubelet may take to tell; metrics-server's `--kubelet-request-timeout`.
const PATIENCE: Duration = Duration::from_secs(10);

/// The last samples of each node.
#[derive(Default)]
pub(crate) struct Samples {
    nodes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Pair>>>>>,
}

impl Samples {
    /// Forgets the nodes that are gone.
    fn keep(&self, present: impl Fn(&str) -> bool) {
        self.nodes.lock().retain(|node, _| present(node));
    }
}

/// Namespace, pod and container; all empty for the node itself.
type Place = (String, String, String);

/// What a kubelet counted at one moment: nanoseconds of processor time and bytes.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    time: Timestamp,
    figures: BTreeMap<Place, (u64, u64)>,
}

/// Two samples of one node, the older one first.
#[derive(Debug, Clone)]
struct Pair(Sample, Sample);

/// Answers get and list of `nodes` and `pods`.
pub(crate) async fn serve(call: &Call<'_>) -> Result<Reply, Status> {
    let of_nodes = call.resource.plural == "nodes";
    let namespace = Some(call.info.namespace.as_str()).filter(|n| !n.is_empty());
    let mut subjects = call.server.list(&call.resource.plural, namespace);
    let name = call.info.name.as_str();
    subjects
        .retain(|o| (name.is_empty() || meta::name(o) == name) && call.query.labels.matches(|key| meta::label(o, key)));
    let node_of =
        |o: &Arc<Value>| if of_nodes { meta::name(o).to_owned() } else { meta::text(o, "spec.nodeName").to_owned() };
    let mut nodes: Vec<String> = subjects.iter().map(node_of).filter(|node| !node.is_empty()).collect();
    nodes.sort();
    nodes.dedup();
    let present = |node: &str| call.server.store.get(&verbs::key("nodes", "", node)).is_some();
    call.server.samples.keep(present);
    let asked = nodes
        .iter()
        .filter(|node| present(node))
        .map(|node| async move { (node.clone(), pair(call.server, node).await) });
    let pairs: HashMap<String, Option<Pair>> = join_all(asked).await.into_iter().collect();
    let metrics = |subject: &Arc<Value>| {
        let pair = pairs.get(&node_of(subject))?.as_ref()?;
        if of_nodes { pair.of_node(subject) } else { pair.of_pod(subject) }
    };
    let mut found: Vec<Value> = subjects.iter().filter_map(metrics).collect();
    if !name.is_empty() {
        let missing = || Status::not_found(GroupResource { group: GROUP, resource: &call.resource.plural }, name);
        return Reply::other(StatusCode::OK, &found.pop().ok_or_else(missing)?);
    }
    let list = json!({
        "kind": format!("{}List", call.resource.kind), "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
        "items": found,
    });
    Reply::other(StatusCode::OK, &list)
}

/// Two samples that tell the present use of a node; `None` when its kubelet does not answer.
async fn pair(server: &ApiServer, node: &str) -> Option<Pair> {
    let slot = Arc::clone(server.samples.nodes.lock().entry(node.to_owned()).or_default());
    let mut slot = slot.lock().await;
    let age = |sample: &Sample| Duration::try_from(Timestamp::now() - sample.time).unwrap_or_default();
    let first = match slot.take() {
        Some(pair) if age(&pair.1) < FRESH => return slot.insert(pair).clone().into(),
        Some(Pair(_, last)) if age(&last) < STALE => last,
        _ => {
            let first = ask(server, node).await?;
            tokio::time::sleep(WINDOW).await;
            first
        }
    };
    let second = ask(server, node).await?;
    Some(slot.insert(Pair(first, second)).clone())
}

async fn ask(server: &ApiServer, node: &str) -> Option<Sample> {
    match summary(server, node).await {
        Ok(summary) => Some(Sample::read(&summary)),
        Err(why) => {
            tracing::debug!(node, why, "failed to get a node's usage");
            None
        }
    }
}

async fn summary(server: &ApiServer, node: &str) -> Result<Value, String> {
    let node = server.find("nodes", "", node).unwrap_or_default();
    let target = Target::kubelet(server, &node, "/stats/summary".to_owned()).map_err(|status| status.message)?;
    // Whoever else asks for the node waits for this answer.
    let (_, body) = backend::fetch(&target, Method::GET, [], Body::empty(), PATIENCE).await?;
    serde_json::from_slice(&body).map_err(|e| e.to_string())
}

impl Sample {
    /// Reads a kubelet's `/stats/summary`.
    fn read(summary: &Value) -> Self {
        let count = |of: &Value| {
            let number = |path: &str| meta::get(of, path).as_u64().unwrap_or_default();
            (number("cpu.usageCoreNanoSeconds"), number("memory.workingSetBytes"))
        };
        let mut figures = BTreeMap::from([(Place::default(), count(&summary["node"]))]);
        for pod in items(&summary["pods"]) {
            let pod_ref = |field: &str| text(&pod["podRef"][field]).to_owned();
            for container in items(&pod["containers"]) {
                let place = (pod_ref("namespace"), pod_ref("name"), text(&container["name"]).to_owned());
                figures.insert(place, count(container));
            }
        }
        let time = meta::text(&summary["node"], "cpu.time").parse().unwrap_or_else(|_| Timestamp::now());
        Self { time, figures }
    }
}

impl Pair {
    fn seconds(&self) -> f64 {
        self.1.time.duration_since(self.0.time).as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The use of one place; `None` when it was not there both times.
    fn usage(&self, place: &Place) -> Option<Value> {
        let (before, _) = self.0.figures.get(place)?;
        let (now, memory) = self.1.figures.get(place)?;
        let nanocores = now.saturating_sub(*before) as f64 / self.seconds();
        Some(json!({"cpu": format!("{}n", nanocores as u64), "memory": format!("{}Ki", memory / 1024)}))
    }

    fn metrics(&self, kind: &str, subject: &Value) -> Value {
        let mut metadata = json!({"name": meta::name(subject), "creationTimestamp": meta::now()});
        for field in ["namespace", "labels"] {
            if let Some(value) = subject["metadata"].get(field) {
                metadata[field] = value.clone();
            }
        }
        json!({
            "kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
            "timestamp": meta::whole(self.1.time),
            "window": format!("{:.3}s", self.seconds()),
        })
    }

    fn of_node(&self, node: &Value) -> Option<Value> {
        let mut metrics = self.metrics("NodeMetrics", node);
        metrics["usage"] = self.usage(&Place::default())?;
        Some(metrics)
    }

    fn of_pod(&self, pod: &Value) -> Option<Value> {
        let (namespace, name) = (meta::namespace(pod), meta::name(pod));
        let of_pod = self.1.figures.keys().filter(|(ns, pod, _)| ns == namespace && pod == name);
        let containers: Vec<Value> =
            of_pod.filter_map(|place| Some(json!({"name": place.2, "usage": self.usage(place)?}))).collect();
        let mut metrics = self.metrics("PodMetrics", pod);
        metrics["containers"] = containers.into();
        items(&metrics["containers"]).first()?;
        Some(metrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_are_gone_are_forgotten() {
        let samples = Samples::default();
        for node in ["a", "b"] {
            samples.nodes.lock().entry(node.to_owned()).or_default();
        }
        samples.keep(|node| node == "a");
        assert_eq!(samples.nodes.lock().keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn use_is_the_rate_between_two_samples() {
        let sample = |time: &str, cpu: u64| {
            let figures =
                json!({"cpu": {"time": time, "usageCoreNanoSeconds": cpu}, "memory": {"workingSetBytes": 2048}});
            let mut container = figures.clone();
            container["name"] = json!("c");
            let pod = json!({"podRef": {"name": "p", "namespace": "d"}, "containers": [container]});
            Sample::read(&json!({"node": figures, "pods": [pod]}))
        };
        let pair = Pair(sample("2026-01-01T00:00:00Z", 1_000), sample("2026-01-01T00:00:02Z", 5_000));
        let usage = json!({"cpu": "2000n", "memory": "2Ki"});
        let node = pair.of_node(&json!({"metadata": {"name": "n"}})).expect("metrics");
        assert_eq!(
            (&node["usage"], &node["window"], &node["timestamp"]),
            (&usage, &json!("2.000s"), &json!("2026-01-01T00:00:02Z"))
        );
        let pod =
            pair.of_pod(&json!({"metadata": {"name": "p", "namespace": "d", "labels": {"a": "b"}}})).expect("metrics");
        assert_eq!(pod["containers"], json!([{"name": "c", "usage": usage}]));
        assert_eq!(pod["metadata"]["labels"], json!({"a": "b"}));
        assert!(pair.of_pod(&json!({"metadata": {"name": "q", "namespace": "d"}})).is_none());
    }
}
