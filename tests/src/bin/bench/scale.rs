//! The largest cluster: as many simulated nodes and pods as upstream supports, on this machine.

use crate::goals;
use crate::http::{Access, Ask, Connection, Lines};
use crate::report::{Measured, Report, Unit, percentiles};
use crate::server::{Folder, Server};
use crate::stats::Summary;
use crate::{Arguments, load, note, objects};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const NODES: usize = 5000;
const PODS: usize = 150_000;
const REPLICAS: usize = 500;
/// For how long the cluster is left alone, and then made and ended pods in.
const IDLE: Duration = Duration::from_secs(20);
const CHURN: Duration = Duration::from_secs(30);
const CHURN_RATE: usize = 100;
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS_PATH: &str = "/api/v1/namespaces/default/pods";

/// Fills the cluster by deployments, looks at it, lets it rest, and makes pods come and go.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let program = arguments.program("devcluster-node")?;
    let folder = Folder::new(&program)?;
    let (nodes, pods) = (arguments.count(NODES), arguments.count(PODS));
    let server = Server::simulate(&program, &folder.join("scale"), nodes).await?;
    note(&format!("running {pods} pods on {nodes} nodes"));
    let deployments = pods.div_ceil(REPLICAS);
    let mut creators = server.access.connect_all(4).await?;
    let replicas = REPLICAS.min(pods);
    let start = Instant::now();
    let filled = all_ready(&server.access, deployments);
    let body = |number: usize| Ask::post(DEPLOYMENTS, objects::deployment(&format!("web-{number}"), replicas));
    let work = async {
        load::run(&mut creators, deployments, body).await?;
        filled.await
    };
    let mut calls = Vec::new();
    let mut prober = server.access.connect().await?;
    tokio::select! {
        done = work => done?,
        failed = probe(&mut prober, &mut calls) => failed?,
    }
    let took = start.elapsed();
    report.add(&goals::SCALE_FILL, vec![Measured::time("", took)]);
    report.add_part("pods a second", Measured::new("rate", pods as f64 / took.as_secs_f64(), Unit::PerSecond));
    report.add_load(&goals::SCALE_CALLS, &Summary::new(calls, took));
    report.add(&goals::SCALE_RSS, vec![Measured::new("", server.memory()?, Unit::Megabytes)]);
    // The creators' connections have been idle too long for the server to keep them.
    let mut writers = server.access.connect_all(2).await?;
    let list = Instant::now();
    writers[0].drain(Ask::get("/api/v1/pods")).await?;
    report.add(&goals::SCALE_LIST, vec![Measured::time("", list.elapsed())]);

    let before = server.processor_time()?;
    tokio::time::sleep(IDLE).await;
    let share = server.processor_time()?.saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
    report.add(&goals::SCALE_CPU, vec![Measured::new("", share * 100.0, Unit::Percent)]);

    let mut writers = [server.access.connect().await?, server.access.connect().await?];
    let starts = churn(&server.access, &mut writers).await?;
    report.add(&goals::SCALE_START, percentiles(&Summary::of(starts)).into());
    report.add_part("RSS at the end", Measured::new("", server.memory()?, Unit::Megabytes));
    Ok(())
}

/// Waits until so many deployments have all their replicas ready.
async fn all_ready(access: &Access, deployments: usize) -> Result<()> {
    let mut connection = access.connect().await?;
    let watch = Ask::get(format!("{DEPLOYMENTS}?watch=true"));
    let mut changes = Lines::new(connection.open(watch).await?);
    let mut ready: HashMap<String, bool> = HashMap::new();
    while ready.values().filter(|ready| **ready).count() < deployments {
        let change: Value = serde_json::from_slice(&changes.next().await?)?;
        let object = &change["object"];
        let all = object["status"]["readyReplicas"] == object["spec"]["replicas"];
        ready.insert(object["metadata"]["name"].as_str().unwrap_or_default().to_owned(), all);
    }
    Ok(())
}

/// Makes, reads and changes an object over and over, and times each call; never ends well.
async fn probe(connection: &mut Connection, times: &mut Vec<Duration>) -> Result<()> {
    let object = objects::config_map();
    let mut pace = interval(Duration::from_millis(20));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_usize.. {
        let name = format!("probe-{}", number / 3);
        pace.tick().await;
        let ask = match number % 3 {
            0 => Ask::post(CONFIG_MAPS, object.body(&name)),
            1 => Ask::get(format!("{CONFIG_MAPS}/{name}")),
            _ => Ask::patch(format!("{CONFIG_MAPS}/{name}"), &json!({"data": {"more": "text"}})),
        };
        let start = Instant::now();
        connection.drain(ask).await?;
        times.push(start.elapsed());
    }
    Ok(())
}

/// Makes pods at a steady pace, ends each as soon as it is Ready, and gives the times until they were.
async fn churn(access: &Access, writers: &mut [Connection; 2]) -> Result<Vec<Duration>> {
    let mut watcher = access.connect().await?;
    let list = watcher.json(Ask::get(format!("{PODS_PATH}?limit=1"))).await?;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let watch = format!("{PODS_PATH}?watch=true&labelSelector=bench%3Dchurn&resourceVersion={revision}");
    let mut changes = Lines::new(watcher.open(Ask::get(watch)).await?);
    let count = CHURN_RATE * CHURN.as_secs() as usize;
    let [creator, deleter] = writers;
    let created = std::cell::RefCell::new(Vec::with_capacity(count));
    let (started, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let create = async {
        let pod = objects::labelled("churn", &json!({}));
        let mut pace = interval(CHURN / count as u32);
        for number in 0..count {
            pace.tick().await;
            created.borrow_mut().push(Instant::now());
            creator.drain(Ask::post(PODS_PATH, pod.body(&format!("churn-{number}")))).await?;
        }
        anyhow::Ok(())
    };
    let delete = async {
        while let Some(number) = ended.recv().await {
            deleter.drain(Ask::delete(format!("{PODS_PATH}/churn-{number}"))).await?;
        }
        anyhow::Ok(())
    };
    let see = async {
        let (mut times, started) = (HashMap::new(), started);
        while times.len() < count {
            let change: Value = serde_json::from_slice(&changes.next().await?)?;
            let object = &change["object"];
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            let ready = conditions.any(|one| one["type"] == "Ready" && one["status"] == "True");
            let number = name.strip_prefix("churn-").and_then(|number| number.parse::<usize>().ok());
            let Some(number) = number.filter(|number| ready && !times.contains_key(number)) else { continue };
            times.insert(number, created.borrow()[number].elapsed());
            started.send(number)?;
        }
        anyhow::Ok(times.into_values().collect())
    };
    let ((), (), times) = tokio::try_join!(create, delete, see)?;
    Ok(times)
}
