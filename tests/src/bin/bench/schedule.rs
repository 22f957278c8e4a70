//! The scheduler on simulated nodes: API server, store and scheduler in one process.

use crate::goals::{self, Goal};
use crate::http::{Ask, Connection, Lines};
use crate::report::{Measured, Report, Unit};
use crate::server::{Folder, Server};
use crate::watchers::Watchers;
use crate::{Arguments, load, note, objects};
use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::Instant;

const CONNECTIONS: usize = 32;
const PODS: &str = "/api/v1/namespaces/bench/pods";
const REPLICAS: usize = 1000;
const REPLICA_NODES: usize = 100;

/// One kind of pods to find nodes for.
struct Case {
    goal: &'static Goal,
    nodes: usize,
    pods: usize,
    /// How many pods of low priority are there before, which leave no room.
    fill: usize,
    spec: Value,
}

impl Case {
    /// Pods that are preempted need somebody who ends them.
    fn parts(&self) -> &'static str {
        if self.fill > 0 { "scheduler,simulator" } else { "scheduler" }
    }

    /// Each pod comes once into the watch of pods that have a node, and then changes if somebody runs it.
    fn changes(&self, pods: usize) -> usize {
        if self.fill > 0 { pods * 2 } else { pods }
    }
}

fn cases() -> [Case; 6] {
    let labels = json!({"matchLabels": {"app.kubernetes.io/name": "cats-for-gold"}});
    let spread = json!([{"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": labels}]);
    let zone = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone-0", "zone-1"]});
    let zones = json!({"nodeSelectorTerms": [{"matchExpressions": [zone]}]});
    let alone = json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}]);
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let case = |goal, nodes, pods, spec| Case { goal, nodes, pods, fill: 0, spec };
    [
        case(&goals::SCHEDULE, 1000, 5000, json!({})),
        case(&goals::SCHEDULE_BASIC, 5000, 5000, json!({})),
        case(&goals::SCHEDULE_SPREAD, 5000, 5000, json!({"topologySpreadConstraints": spread})),
        case(&goals::SCHEDULE_AFFINITY, 5000, 5000, json!({"affinity": {"nodeAffinity": {required: zones}}})),
        case(&goals::SCHEDULE_ANTI_AFFINITY, 5000, 2000, json!({"affinity": {"podAntiAffinity": {required: alone}}})),
        Case { fill: 1000, ..case(&goals::SCHEDULE_PREEMPTION, 500, 500, large("high")) },
    ]
}

/// Half a node, at a priority.
fn large(class: &str) -> Value {
    let container = json!({"name": "c", "image": "i", "resources": {"requests": {"cpu": "4", "memory": "1Gi"}}});
    json!({"containers": [container], "priorityClassName": class})
}

/// Measures each case, and a deployment.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    for case in cases() {
        let rate = schedule(arguments, &case).await?;
        report.add(case.goal, vec![Measured::new("rate", rate, Unit::PerSecond)]);
    }
    deployment(arguments, report).await
}

/// Pods a second, from the first one's creation until the last has a node.
async fn schedule(arguments: &Arguments, case: &Case) -> Result<f64> {
    let program = arguments.program("devcluster-node")?;
    let folder = Folder::new(&program)?;
    let server = Server::start(&program, &folder.join("schedule"), case.parts()).await?;
    let mut connections = server.access.connect_all(CONNECTIONS).await?;
    for (path, object) in objects::namespace_objects("bench") {
        connections[0].drain(Ask::post(path, object.to_string())).await?;
    }
    for (class, value) in [("low", 1), ("high", 1000)] {
        let class = json!({"metadata": {"name": class}, "value": value});
        connections[0].drain(Ask::post("/apis/scheduling.k8s.io/v1/priorityclasses", class.to_string())).await?;
    }
    let (nodes, pods) = (arguments.count(case.nodes), arguments.count(case.pods));
    note(&format!("scheduling {pods} pods on {nodes} nodes"));
    let zones: Vec<_> = (0..3).map(objects::node).collect();
    load::run(&mut connections, nodes, |i| Ask::post("/api/v1/nodes", zones[i % 3].body(&format!("node-{i}")))).await?;
    if case.fill > 0 {
        create(&server, &mut connections, case, ("low", &large("low")), arguments.count(case.fill)).await?;
    }
    let start = Instant::now();
    create(&server, &mut connections, case, ("pod", &case.spec), pods).await?;
    Ok(pods as f64 / start.elapsed().as_secs_f64())
}

/// Creates pods and waits until they have nodes.
async fn create(
    server: &Server,
    connections: &mut [Connection],
    case: &Case,
    (name, spec): (&str, &Value),
    count: usize,
) -> Result<()> {
    let pod = objects::labelled(name, spec);
    let query = format!("fieldSelector=spec.nodeName%21%3D&labelSelector=bench%3D{name}");
    let bound = Watchers::start(&server.access, PODS, &query, 1).await?;
    let create = load::run(connections, count, |i| Ask::post(PODS, pod.body(&format!("{name}-{i}"))));
    let (created, ()) = tokio::join!(create, bound.all_saw(case.changes(count)));
    created.map(drop)
}

/// The time from a deployment's creation until all its replicas are Ready.
async fn deployment(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let program = arguments.program("devcluster-node")?;
    let folder = Folder::new(&program)?;
    let server = Server::simulate(&program, &folder.join("deployment"), REPLICA_NODES).await?;
    let replicas = arguments.count(REPLICAS);
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let mut connections = server.access.connect_all(2).await?;
    let mut changes = Lines::new(connections[0].open(Ask::get(format!("{path}?watch=true"))).await?);
    let start = Instant::now();
    connections[1].drain(Ask::post(path, objects::deployment("web", replicas))).await?;
    loop {
        let change: Value = serde_json::from_slice(&changes.next().await?)?;
        if change["object"]["status"]["readyReplicas"] == json!(replicas) {
            break;
        }
    }
    report.add(&goals::DEPLOYMENT, vec![Measured::time("", start.elapsed())]);
    Ok(())
}
