//! What nodes and pods use: processor and memory as the cluster's metrics API tells it, the network as the kubelets do.
//! Asked often while somebody looks and now and then while nobody does, and kept for an hour.

use super::list::within;
use super::{Gone, Outbox, every};
use crate::prelude::*;
use std::borrow::Cow;
use tokio::sync::Mutex;

/// The API is one that has to be asked.
const PERIOD: Duration = Duration::from_secs(5);
const KEPT: Duration = Duration::from_hours(1);
/// So much of nodes and pods is kept in all: less of the past where there are many.
const MOST_USED: usize = 50_000;
/// How often the past is recorded while nobody looks: so long, or so many times as long as asking took, so that a large
/// cluster has no more of it than a small one.
const RARELY: Duration = Duration::from_secs(30);
const REST: u32 = 20;
/// So many nodes are asked at once.
const AT_ONCE: usize = 16;
const API: &str = "/apis/metrics.k8s.io/v1beta1";

/// What to tell.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MetricsSpec {
    /// From now on, without what was before.
    latest: bool,
    /// All when there is none.
    scope: Option<Scope>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scope {
    /// All when none is named.
    Nodes { nodes: Vec<String> },
    /// All of the namespace without names.
    Pods { namespace: String, pods: Option<Vec<String>> },
    /// Sums of namespaces, all when none is named.
    Namespaces { namespaces: Vec<String> },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Used {
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    name: String,
    /// Cores.
    cpu: f64,
    /// Bytes.
    memory: i64,
    /// Bytes per second; nothing until they were counted twice.
    received: Option<f64>,
    sent: Option<f64>,
    /// Of a pod with several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    containers: Vec<Used>,
}

#[derive(Debug, Clone, Serialize)]
struct Point {
    at: String,
    #[serde(skip)]
    taken: Instant,
    nodes: Vec<Used>,
    pods: Vec<Used>,
}

/// The bytes received and sent by those of a namespace and name, the namespace empty for nodes.
type Counted = HashMap<(String, String), (u64, u64)>;

/// The points of a cluster, the newest last, and the counts that one was made of.
#[derive(Debug, Default)]
struct Kept {
    points: VecDeque<Arc<Point>>,
    counted: Counted,
}

/// What is kept of a cluster.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Kept>);

/// Sees to it that there is a past when somebody first looks, for as long as the cluster runs.
pub(crate) async fn record(live: Arc<Live>) {
    let run = async {
        loop {
            let begin = Instant::now();
            if let Err(error) = newest(&live).await {
                tracing::debug!(cluster = live.name, %error, "what is used is not known");
            }
            tokio::time::sleep((begin.elapsed() * REST).max(RARELY)).await;
        }
    };
    live.ended.run_until_cancelled(run).await;
}

/// An amount that objects use.
pub(super) type Amount = fn(&Used) -> i64;

/// The amount that a column shows.
pub(super) fn amount(column: &str) -> Option<Amount> {
    match column.to_lowercase().as_str() {
        "cpu" => Some(|used| (used.cpu * 1e6) as i64),
        "memory" => Some(|used| used.memory),
        _ => None,
    }
}

/// How much each uses, in bytes or millionths of a core, by `namespace/name`; nodes have no namespace.
pub(super) type Amounts = HashMap<String, i64>;

/// Tells the amounts in every other period: a list is glanced at, a chart is watched.
pub(super) async fn follow(live: &Live, of: Amount, amounts: &watch::Sender<Amounts>) -> Result<(), Gone> {
    let mut ticks = every(PERIOD * 2);
    loop {
        ticks.tick().await;
        match newest(live).await {
            Ok(point) => {
                let named = |used: &Used| (format!("{}/{}", used.namespace, used.name), of(used));
                amounts.send_replace(point.nodes.iter().chain(&point.pods).map(named).collect());
            }
            Err(error) => tracing::debug!(%error, "what is used is not known"),
        }
    }
}

/// Sends a point in every period, and before them those that are known already unless only the latest are wanted: a
/// kubelet that was not asked for a while measures for a second.
pub(super) async fn show(live: &Live, spec: &MetricsSpec, out: &Outbox) -> Result<(), Gone> {
    let MetricsSpec { latest, scope } = spec;
    let (mut ticks, mut was_known) = (every(if *latest { PERIOD * 2 } else { PERIOD }), None);
    let known = if *latest { VecDeque::new() } else { live.metrics.0.lock().await.points.clone() };
    if let Some(last) = known.back() {
        let mut message = json!(last.within(scope.as_ref()));
        message["points"] = known.iter().map(|point| json!(point.within(scope.as_ref()))).collect();
        out.send("metrics", &message).await?;
    }
    loop {
        ticks.tick().await;
        let point = newest(live).await;
        if was_known.replace(point.is_ok()) != Some(point.is_ok()) {
            out.state(point.as_ref().err().map(Error::status).as_ref()).await?;
        }
        if let Ok(point) = point {
            out.send("metrics", &json!(point.within(scope.as_ref()))).await?;
        }
    }
}

/// The newest point; asks for one when another view has not just done it.
async fn newest(live: &Live) -> Result<Arc<Point>, Error> {
    let mut kept = live.metrics.0.lock().await;
    let last = kept.points.back().cloned();
    if let Some(point) = last.as_ref().filter(|point| point.taken.elapsed() < PERIOD / 2) {
        return Ok(point.clone());
    }
    let (nodes, pods) = (format!("{API}/nodes"), format!("{API}/pods"));
    let (nodes, pods) = tokio::try_join!(live.get(&nodes), live.get(&pods))?;
    let (nodes, pods) = (read(&nodes), read(&pods));
    let counted = count(live, &nodes).await;
    let mut point = Point { at: meta::now(), taken: Instant::now(), nodes, pods };
    if let Some(last) = last {
        let seconds = (point.taken - last.taken).as_secs_f64();
        for used in point.nodes.iter_mut().chain(&mut point.pods) {
            used.rate((&kept.counted, &counted), seconds);
        }
    }
    Ok(kept.put(point, counted))
}

impl Kept {
    /// Takes a point in, and lets go what is too old or too much.
    fn put(&mut self, point: Point, counted: Counted) -> Arc<Point> {
        let most = (MOST_USED / (point.nodes.len() + point.pods.len()).max(1)).max(2);
        let point = Arc::new(point);
        self.points.push_back(point.clone());
        let young = self.points.partition_point(|point| point.taken.elapsed() > KEPT);
        self.points.drain(..young.max(self.points.len().saturating_sub(most)));
        self.counted = counted;
        point
    }
}

impl Point {
    fn within(&self, scope: Option<&Scope>) -> Cow<'_, Self> {
        let some =
            |all: &[Used], wanted: &dyn Fn(&Used) -> bool| all.iter().filter(|one| wanted(one)).cloned().collect();
        let (nodes, pods) = match scope {
            None => return Cow::Borrowed(self),
            Some(Scope::Nodes { nodes }) => (some(&self.nodes, &|one| within(nodes, &one.name)), Vec::new()),
            Some(Scope::Namespaces { namespaces }) => (Vec::new(), sums(&self.pods, namespaces)),
            Some(Scope::Pods { namespace, pods }) => {
                let named = |one: &Used| pods.as_ref().is_none_or(|pods| pods.contains(&one.name));
                (Vec::new(), some(&self.pods, &|one| one.namespace == *namespace && named(one)))
            }
        };
        Cow::Owned(Self { at: self.at.clone(), taken: self.taken, nodes, pods })
    }
}

/// What the pods of each namespace use together, under its name.
fn sums(pods: &[Used], namespaces: &[String]) -> Vec<Used> {
    let mut sums: BTreeMap<&str, Used> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| within(namespaces, &pod.namespace)) {
        let sum = sums.entry(&pod.namespace).or_default();
        pod.namespace.clone_into(&mut sum.name);
        sum.cpu += pod.cpu;
        sum.memory += pod.memory;
        let add = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
        (sum.received, sum.sent) = (add(sum.received, pod.received), add(sum.sent, pod.sent));
    }
    sums.into_values().collect()
}

/// What the nodes' kubelets have counted.
async fn count(live: &Live, nodes: &[Used]) -> Counted {
    let ask = |node: &Used| {
        let path = format!("/api/v1/nodes/{}/proxy/stats/summary", escape(&node.name));
        async move {
            let summary =
                live.get(&path).await.inspect_err(|error| tracing::debug!(path, %error, "no summary")).ok()?;
            Some(counted(&summary))
        }
    };
    let mut all = Counted::new();
    for some in nodes.chunks(AT_ONCE) {
        all.extend(futures::future::join_all(some.iter().map(ask)).await.into_iter().flatten().flatten());
    }
    all
}

/// The counts in a kubelet's summary.
fn counted(summary: &Value) -> Counted {
    let node = json!({"name": summary["node"]["nodeName"]});
    let pods = meta::items(&summary["pods"]).iter().map(|pod| (&pod["podRef"], pod));
    let count = |(named, of): (&Value, &Value)| {
        let text = |field: &str| named[field].as_str().unwrap_or_default().to_owned();
        let bytes = |field: &str| of["network"][field].as_u64();
        Some(((text("namespace"), text("name")), (bytes("rxBytes")?, bytes("txBytes")?)))
    };
    pods.chain([(&node, &summary["node"])]).filter_map(count).collect()
}

impl Used {
    /// Takes what was received and sent in a time; nothing when the counting began anew in it.
    fn rate(&mut self, (before, now): (&Counted, &Counted), seconds: f64) {
        let of = (self.namespace.clone(), self.name.clone());
        let (Some(before), Some(now)) = (before.get(&of), now.get(&of)) else { return };
        let rate = |before: u64, now: u64| Some(now.checked_sub(before)? as f64 / seconds);
        (self.received, self.sent) = (rate(before.0, now.0), rate(before.1, now.1));
    }
}

/// What each item of a list uses.
fn read(list: &Value) -> Vec<Used> {
    meta::items(&list["items"]).iter().map(used).collect()
}

/// What a node or container uses, or the containers of a pod together.
fn used(item: &Value) -> Used {
    let mut containers: Vec<Used> = meta::items(&item["containers"]).iter().map(used).collect();
    let amount = |name: &str| Quantity::from_value(&item["usage"][name]).ok();
    let own = amount("cpu").map_or(0.0, |cpu| cpu.milli_value() as f64 / 1000.0);
    let (cpu, memory) = containers.iter().fold((own, amount("memory").map_or(0, Quantity::value)), |sum, container| {
        (sum.0 + container.cpu, sum.1 + container.memory)
    });
    if containers.len() == 1 {
        containers.clear();
    }
    let name = item["name"].as_str().unwrap_or_else(|| meta::name(item)).to_owned();
    Used { namespace: meta::namespace(item).to_owned(), name, cpu, memory, containers, ..Used::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_uses_what_its_containers_use() {
        let container =
            |name: &str, cpu: &str, memory: &str| json!({"name": name, "usage": {"cpu": cpu, "memory": memory}});
        let pod = |containers: Value| {
            let list = json!({"items": [{"metadata": {"name": "p", "namespace": "n"}, "containers": containers}]});
            json!(read(&list))
        };
        let used = |name: &str, cpu: f64, memory: i64| json!({"name": name, "cpu": cpu, "memory": memory, "received": null, "sent": null});
        let mut expected = used("p", 1.25, 1_049_600);
        expected["namespace"] = "n".into();
        expected["containers"] = json!([used("a", 0.25, 1 << 20), used("b", 1.0, 1024)]);
        assert_eq!(pod(json!([container("a", "250m", "1Mi"), container("b", "1", "1024")])), json!([expected]));
        assert_eq!(pod(json!([container("a", "250m", "1Mi")]))[0]["containers"], Value::Null, "it is the pod");
    }

    #[test]
    fn a_page_is_told_what_it_asked_for_alone() {
        let named = |namespace: &str, name: &str| Used {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..used(&Value::Null)
        };
        let nodes = vec![named("", "m"), named("", "w")];
        let pods = vec![named("a", "p"), named("a", "q"), named("b", "p")];
        let point = Point { at: String::new(), taken: Instant::now(), nodes, pods };
        let told = |scope: Value| {
            let scope: Scope = serde_json::from_value(scope).expect("a scope");
            let point = point.within(Some(&scope)).into_owned();
            point
                .nodes
                .iter()
                .chain(&point.pods)
                .map(|one| format!("{}/{}", one.namespace, one.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(json!({"nodes": []})), ["/m", "/w"]);
        assert_eq!(told(json!({"nodes": ["w"]})), ["/w"]);
        assert_eq!(told(json!({"namespace": "a"})), ["a/p", "a/q"]);
        assert_eq!(told(json!({"namespace": "a", "pods": ["q"]})), ["a/q"]);
        assert_eq!(told(json!({"namespaces": []})), ["/a", "/b"]);
        assert_eq!(told(json!({"namespaces": ["b", "c"]})), ["/b"]);
        assert_eq!(point.within(None).pods.len(), 3);
    }

    #[test]
    fn a_namespace_uses_what_its_pods_use() {
        let pod = |cpu: f64, received: Option<f64>| Used {
            namespace: "n".to_owned(),
            cpu,
            memory: 2,
            received,
            ..Used::default()
        };
        let pods = [pod(0.25, None), pod(1.0, Some(3.0)), pod(0.5, Some(4.0))];
        let expected = Used { name: "n".to_owned(), cpu: 1.75, memory: 6, received: Some(7.0), ..Used::default() };
        assert_eq!(sums(&pods, &[]), [expected]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_of_the_past_is_kept_and_less_where_there_is_much() {
        let mut kept = Kept::default();
        let mut put = async |pods: usize, times: usize| {
            for _ in 0..times {
                tokio::time::advance(Duration::from_secs(30)).await;
                let pods = vec![Used::default(); pods];
                let point = Point { at: String::new(), taken: Instant::now(), nodes: Vec::new(), pods };
                kept.put(point, Counted::new());
            }
            kept.points.len()
        };
        assert_eq!(put(1, 10).await, 10);
        assert_eq!(put(1, 200).await, 121, "from an hour ago till now");
        assert_eq!(put(MOST_USED / 3, 1).await, 3);
        assert_eq!(put(MOST_USED * 2, 1).await, 2, "a rate takes two");
    }

    #[test]
    fn the_network_is_what_was_counted_since_the_last_time() {
        let summary = |node: u64, pod: u64| {
            let network = |received: u64| json!({"name": "eth0", "rxBytes": received, "txBytes": received / 2});
            counted(&json!({"node": {"nodeName": "m", "network": network(node)},
                "pods": [{"podRef": {"name": "p", "namespace": "n"}, "network": network(pod)}, {"podRef": {"name": "host"}}]}))
        };
        let (before, now) = (summary(100, 900), summary(300, 40));
        let rates = |namespace: &str, name: &str| {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            let mut used = Used { namespace, name, ..used(&Value::Null) };
            used.rate((&before, &now), 4.0);
            (used.received, used.sent)
        };
        assert_eq!(rates("", "m"), (Some(50.0), Some(25.0)));
        assert_eq!(rates("n", "p"), (None, None), "it was started anew");
        assert_eq!(rates("", "host"), (None, None));
    }
}
