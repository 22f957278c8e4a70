//! The scheduler on simulated nodes: API server, store and scheduler in one process.

use crate::http::Ask;
use crate::report::{Measured, Report, Unit};
use crate::server::{Folder, Server};
use crate::watchers::Watchers;
use crate::{Arguments, goals, load, note, objects};
use anyhow::Result;
use tokio::time::Instant;

const NODES: usize = 1000;
const PODS: usize = 5000;
const CONNECTIONS: usize = 32;

/// Measures from the first pod's creation until the last has a node.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let program = arguments.program("devcluster-node")?;
    let folder = Folder::new(&program)?;
    let server = Server::start(&program, &folder.join("schedule"), "scheduler").await?;
    let mut connections = server.access.connect_all(CONNECTIONS).await?;
    for (path, object) in objects::namespace_objects("bench") {
        connections[0].drain(Ask::post(path, object.to_string())).await?;
    }
    let (nodes, pods) = (arguments.count(NODES), arguments.count(PODS));
    note(&format!("scheduling {pods} pods on {nodes} nodes"));
    let node = objects::node();
    load::run(&mut connections, nodes, |i| Ask::post("/api/v1/nodes", node.body(&format!("node-{i}")))).await?;

    let path = "/api/v1/namespaces/bench/pods";
    let bound = Watchers::start(&server.access, path, "fieldSelector=spec.nodeName%21%3D", 1).await?;
    let pod = objects::pod();
    let start = Instant::now();
    let create = load::run(&mut connections, pods, |i| Ask::post(path, pod.body(&format!("pod-{i}"))));
    let (created, ()) = tokio::join!(create, bound.all_saw(pods));
    created?;
    let rate = pods as f64 / start.elapsed().as_secs_f64();
    report.add(&goals::SCHEDULE, vec![Measured::new("rate", rate, Unit::PerSecond)]);
    Ok(())
}
