//! How long a change of an object takes to become true on the nodes.

use crate::docker::Nodes;
use crate::http::{Access, Ask, Connection, Lines};
use crate::report::{Report, percentiles};
use crate::stats::Summary;
use crate::{Arguments, goals};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const PODS: &str = "/api/v1/namespaces/default/pods";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SAVED: &str = "saved";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const IMAGE: &str = "devcluster/busybox:1";
/// How long a change may take before it counts as unseen.
const LISTENING: Duration = Duration::from_secs(2);
/// Prints the mounted file whenever its content is new.
const READER: &str =
    r#"while :; do read -r new </config/value; [ "$new" = "$old" ] || echo "$new"; old=$new; usleep 500; done"#;

/// What `nft monitor` prints on a node.
type Monitor = BoxStream<'static, Result<String>>;

/// Pods one after the other, each from its request until a watcher sees it Ready.
pub(crate) async fn pod_ready(access: &Access, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut connection = access.connect().await?;
    let mut times = Vec::new();
    for number in 0..arguments.count(20) {
        let start = Instant::now();
        run_pod(access, &mut connection, &pod(&format!("ready-{number}"), "exec sleep 3600", &json!([]))).await?;
        times.push(start.elapsed());
    }
    report.add(&goals::POD_READY, percentiles(&Summary::of(times)).into());
    Ok(())
}

/// Edits of a mounted ConfigMap, each from its request until a process in the container has read and printed the new
/// value: the engine stamps what is printed.
pub(crate) async fn config_edit(access: &Access, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut connection = access.connect().await?;
    let map = json!({"metadata": {"name": "edited"}, "data": {"value": "none"}});
    connection.drain(Ask::post(CONFIG_MAPS, map.to_string())).await?;
    let (_open, mut log) = reader(access, "edited").await?;
    let mut times = Vec::new();
    for number in 0..arguments.count(100) {
        let value = format!("edit-{number}");
        let start = Timestamp::now();
        connection.drain(Ask::patch(format!("{CONFIG_MAPS}/edited"), &json!({"data": {"value": value}}))).await?;
        times.push(Duration::try_from(printed(&mut log, &value).await?.duration_since(start))?);
    }
    report.add(&goals::CONFIG_EDIT, percentiles(&Summary::of(times)).into());
    Ok(())
}

/// As [`config_edit`], from the moment a manifest is saved that `devcluster sync` follows.
pub(crate) async fn file_save(
    access: &Access,
    manifest: &Path,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<()> {
    let (_open, mut log) = reader(access, SAVED).await?;
    let mut times = Vec::new();
    for number in 0..arguments.count(100) {
        let value = format!("save-{number}");
        let start = Timestamp::now();
        save(manifest, &value)?;
        times.push(Duration::try_from(printed(&mut log, &value).await?.duration_since(start))?);
    }
    report.add(&goals::FILE_SAVE, percentiles(&Summary::of(times)).into());
    Ok(())
}

/// Saves the manifest as most editors do: a new file takes the place of the old one.
pub(crate) fn save(manifest: &Path, value: &str) -> Result<()> {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SAVED}, "data": {"value": value}});
    let new = manifest.with_extension("new");
    std::fs::write(&new, map.to_string())?;
    Ok(std::fs::rename(new, manifest)?)
}

/// A pod that prints a mounted ConfigMap's value whenever it is new: its log, which has begun, and what that comes by.
async fn reader(access: &Access, map: &str) -> Result<(Connection, Lines)> {
    let mut connection = access.connect().await?;
    let volumes = json!([{"name": "config", "configMap": {"name": map}}]);
    let name = format!("reader-of-{map}");
    run_pod(access, &mut connection, &pod(&name, READER, &volumes)).await?;
    let log = Ask::get(format!("{PODS}/{name}/log?follow=true&timestamps=true"));
    let mut log = Lines::new(connection.open(log).await?);
    printed(&mut log, "none").await?;
    Ok((connection, log))
}

/// Changes of a service's only endpoint, each from its request until every node's kernel has reported the new rule.
pub(crate) async fn endpoints(
    access: &Access,
    nodes: &Nodes,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<()> {
    let mut connection = access.connect().await?;
    let service = json!({"metadata": {"name": "moved"}, "spec": {"ports": [{"port": 80}]}});
    connection.drain(Ask::post("/api/v1/namespaces/default/services", service.to_string())).await?;
    connection.drain(Ask::post(SLICES, slice(&address(0)).to_string())).await?;
    let mut monitors = try_join_all(nodes.names.iter().map(|name| nodes.follow(name, &["nft", "monitor"]))).await?;
    let mut addresses = (1..).map(address);
    let mut change = async || move_endpoint(&mut connection, &mut monitors, addresses.next()).await;
    // A monitor tells nobody when it begins to listen, so the first changes may pass it by.
    let mut tries = 0;
    while timeout(LISTENING, change()).await.is_err() {
        tries += 1;
        ensure!(tries < 10, "no change of an endpoint was seen on every node");
    }

    let mut times = Vec::new();
    for _ in 0..arguments.count(100) {
        let start = Instant::now();
        change().await?;
        times.push(start.elapsed());
    }
    report.add(&goals::ENDPOINTS, percentiles(&Summary::of(times)).into());
    Ok(())
}

/// Gives the service another endpoint, and waits until every node has it.
async fn move_endpoint(connection: &mut Connection, monitors: &mut [Monitor], address: Option<String>) -> Result<()> {
    let address = address.unwrap_or_default();
    let endpoints = &slice(&address)["endpoints"];
    let change = connection.drain(Ask::patch(format!("{SLICES}/moved"), &json!({"endpoints": endpoints})));
    let seen = try_join_all(monitors.iter_mut().map(|monitor| programmed(monitor, &address)));
    tokio::try_join!(change, seen)?;
    Ok(())
}

fn pod(name: &str, script: &str, volumes: &Value) -> Value {
    let mounts = if volumes[0].is_null() { json!([]) } else { json!([{"name": "config", "mountPath": "/config"}]) };
    json!({
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": IMAGE, "command": ["sh", "-c", script], "volumeMounts": mounts}],
            "volumes": volumes,
        },
    })
}

/// Creates a pod and returns when it is Ready.
async fn run_pod(access: &Access, connection: &mut Connection, pod: &Value) -> Result<()> {
    let created = connection.json(Ask::post(PODS, pod.to_string())).await?;
    let name = created["metadata"]["name"].as_str().unwrap_or_default();
    let revision = created["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let watch = format!("{PODS}?watch=true&fieldSelector=metadata.name%3D{name}&resourceVersion={revision}");
    let mut watcher = access.connect().await?;
    let mut events = Lines::new(watcher.open(Ask::get(watch)).await?);
    while !is_ready(&events.next().await?) {}
    Ok(())
}

fn is_ready(event: &Bytes) -> bool {
    let event: Value = serde_json::from_slice(event).unwrap_or_default();
    let conditions = event["object"]["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

/// Waits for a line of the log; returns when it was printed.
async fn printed(log: &mut Lines, value: &str) -> Result<Timestamp> {
    loop {
        let line = log.next().await?;
        let line = std::str::from_utf8(&line)?;
        let (time, text) = line.split_once(' ').context("a line of the log has no time")?;
        if text == value {
            return Ok(time.parse()?);
        }
    }
}

/// An address for each change, in the pods' network.
fn address(number: usize) -> String {
    format!("10.244.{}.{}", 100 + number / 200, 10 + number % 200)
}

fn slice(address: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "moved", "labels": {"kubernetes.io/service-name": "moved"}},
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
    })
}

/// Waits until a node's kernel reports a rule or element with the address.
async fn programmed(monitor: &mut Monitor, address: &str) -> Result<()> {
    let mut text = String::new();
    while !text.contains(address) {
        text += &monitor.next().await.context("nft monitor ended")??;
    }
    Ok(())
}
