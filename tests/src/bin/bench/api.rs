//! The rows that need an API server alone.

use crate::http::{Ask, Connection};
use crate::objects::{self, NAMESPACES, Template, collection};
use crate::report::{Measured, Report, Unit, percentiles};
use crate::server::{Folder, Server};
use crate::stats::Summary;
use crate::watchers::Watchers;
use crate::{Arguments, goals, load, note};
use anyhow::Result;
use futures::future::join_all;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

const CONNECTIONS: usize = 32;
const WATCHERS: usize = 200;
const STARTS: usize = 5;
const SETTLE: Duration = Duration::from_secs(2);

/// Measures and reports all of them.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let program = arguments.program("devcluster-node")?;
    let folder = Folder::new(&program)?;
    start(&program, &folder, report).await?;
    idle(&program, &folder, report).await?;

    let data = folder.join("full");
    let server = Server::start(&program, &data, "").await?;
    let mut connections = server.access.connect_all(CONNECTIONS).await?;
    prepare(&mut connections[0]).await?;
    let (maps, pods) = (arguments.count(27_000), arguments.count(25_000));
    note(&format!("creating {maps} ConfigMaps and {pods} pods"));
    create(&mut connections, &goals::CREATE_CONFIG_MAP, "configmaps", maps, &objects::config_map(), report).await?;
    create(&mut connections, &goals::CREATE_POD, "pods", pods, &objects::pod(), report).await?;
    let get = |i: usize| Ask::get(format!("{}/pods-{}", collection("pods", i % pods), i % pods));
    report.add_load(&goals::GET, &load::run(&mut connections, arguments.count(60_000), get).await?);
    watch(arguments, &server, &mut connections[0], report).await?;
    tokio::time::sleep(SETTLE).await;
    report.add(&goals::FULL_RSS, vec![Measured::new("", server.memory()?, Unit::Megabytes)]);
    list(&mut connections[0], &server, report).await?;
    crash(server, connections, &program, &data, arguments.count(20_000), report).await
}

/// Starts on empty folders.
async fn start(program: &Path, folder: &Folder, report: &mut Report) -> Result<()> {
    let mut times = Vec::new();
    for number in 0..STARTS {
        let server = Server::start(program, &folder.join(&format!("start-{number}")), "").await?;
        times.push(server.started);
        server.kill().await?;
    }
    report.add(&goals::START, vec![Measured::time("", Summary::of(times).p50)]);
    Ok(())
}

/// Memory without objects, of the API server and of the whole control plane.
async fn idle(program: &Path, folder: &Folder, report: &mut Report) -> Result<()> {
    let mut memory = Vec::new();
    for (name, with) in [("", "scheduler,controllers"), ("API and store alone", "")] {
        let server = Server::start(program, &folder.join(&format!("idle-{name}")), with).await?;
        tokio::time::sleep(SETTLE).await;
        memory.push(Measured::new(name, server.memory()?, Unit::Megabytes));
    }
    report.add(&goals::IDLE_RSS, memory);
    Ok(())
}

/// Makes the namespaces.
async fn prepare(connection: &mut Connection) -> Result<()> {
    for number in 0..NAMESPACES {
        for (path, object) in objects::namespace_objects(&objects::namespace(number)) {
            connection.drain(Ask::post(path, object.to_string())).await?;
        }
    }
    Ok(())
}

async fn create(
    connections: &mut [Connection],
    goal: &'static goals::Goal,
    plural: &str,
    count: usize,
    template: &Template,
    report: &mut Report,
) -> Result<()> {
    let ask = |i: usize| Ask::post(collection(plural, i), template.body(&format!("{plural}-{i}")));
    report.add_load(goal, &load::run(connections, count, ask).await?);
    Ok(())
}

async fn watch(arguments: &Arguments, server: &Server, writer: &mut Connection, report: &mut Report) -> Result<()> {
    let path = "/api/v1/namespaces/default/configmaps";
    let watchers = Watchers::start(&server.access, path, "", WATCHERS).await?;
    let template = objects::config_map();
    let ask = |i: usize| Ask::post(path, template.body(&format!("watched-{i}")));
    let summary = watchers.time(writer, arguments.count(500), ask).await?;
    report.add(&goals::WATCH, percentiles(&summary).into());
    Ok(())
}

async fn list(connection: &mut Connection, server: &Server, report: &mut Report) -> Result<()> {
    let (mut times, mut size) = (Vec::new(), 0);
    for _ in 0..5 {
        let start = Instant::now();
        size = connection.drain(Ask::get("/api/v1/pods")).await?;
        times.push(start.elapsed());
    }
    let size = Measured::new("body", size as f64 / 1e6, Unit::Megabytes);
    let after = Measured::new("RSS after", server.memory()?, Unit::Megabytes);
    report.add(&goals::LIST, vec![Measured::time("", Summary::of(times).p50), size, after]);
    Ok(())
}

/// Kills the server while it is written to, starts it again and looks for everything it acknowledged.
async fn crash(
    server: Server,
    mut connections: Vec<Connection>,
    program: &Path,
    data: &Path,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let template = objects::config_map();
    let (template, next, acknowledged) = (&template, &Cell::new(0), &RefCell::new(Vec::new()));
    let writers = connections.iter_mut().map(|connection| async move {
        loop {
            let number = next.replace(next.get() + 1);
            let body = template.body(&format!("crash-{number}"));
            if connection.drain(Ask::post(collection("configmaps", number), body)).await.is_err() {
                break;
            }
            acknowledged.borrow_mut().push(number);
        }
    });
    let killing = async {
        while acknowledged.borrow().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server.kill().await
    };
    let (killed, _) = futures::join!(killing, join_all(writers));
    killed?;

    let server = Server::start(program, data, "").await?;
    report.add(&goals::RESTART, vec![Measured::time("", server.started)]);
    let kept = names(&mut server.access.connect().await?).await?;
    let lost = acknowledged.borrow().iter().filter(|number| !kept.contains(&format!("crash-{number}"))).count();
    report.add(&goals::LOST, vec![Measured::new("", lost as f64, Unit::Count)]);
    Ok(())
}

/// The names of all ConfigMaps.
async fn names(connection: &mut Connection) -> Result<HashSet<String>> {
    let mut names = HashSet::new();
    for number in 0..NAMESPACES {
        let list = connection.json(Ask::get(collection("configmaps", number))).await?;
        let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        names.extend(items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)));
    }
    Ok(names)
}
