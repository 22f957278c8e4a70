//! Carries out the actions that touch containers: sandbox, start, kill, and looking at how one ended.

use super::mirror::is_static;
use super::plan::LEAST_GRACE;
use super::state::{Ended, Found, container_spec, definition};
use super::{hooks, images, log_links};
use crate::prelude::*;
use crate::runtime::{LogQuery, Output};
use crate::spec::container::{self, Parts, message_file};
use crate::spec::qos;
use crate::volume;
use k8s_openapi::api::core::v1::LinuxContainerUser;
use k8s_openapi::api::node::v1::RuntimeClass;

/// The reason of a start that was given up because the pod is being ended.
pub(super) const GIVEN_UP: &str = "ContainerCreating";

const MESSAGE_LIMIT: usize = 4096;
const LOG_MESSAGE_LIMIT: usize = 2048;
const LOG_MESSAGE_LINES: u64 = 80;

/// Docker has one user namespace for all containers, if any. The words are upstream's.
fn no_user_namespaces(handler: &str) -> String {
    let who = if handler.is_empty() { "runtime".to_owned() } else { format!("RuntimeClass handler {handler:?}") };
    format!("can't set `spec.hostUsers: false`, {who} does not support user namespaces")
}

/// The user and the groups in the kernel's words about a process.
fn user(status: &str) -> Option<LinuxContainerUser> {
    let numbers = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().map(|number| number.parse().ok()).collect::<Option<Vec<i64>>>()
    };
    let (uid, gid) = (*numbers("Uid:")?.first()?, *numbers("Gid:")?.first()?);
    Some(LinuxContainerUser { uid, gid, supplemental_groups: numbers("Groups:") })
}

/// What starting a container needs to know beside its pod.
pub(crate) struct StartOrder {
    pub(crate) name: String,
    pub(crate) attempt: u32,
    pub(crate) sandbox: String,
    pub(crate) ip: String,
    pub(crate) volumes: BTreeMap<String, PathBuf>,
    /// The container whose processes an ephemeral one sees.
    pub(crate) target: Option<String>,
    pub(crate) abort: CancellationToken,
}

/// Makes the sandbox; the answer is its ID and address.
pub(super) async fn sandbox(context: &Context, pod: &Pod, attempt: u32) -> Result<(String, String), String> {
    let handler = handler(context, pod).await?;
    if pod.spec.as_ref().and_then(|s| s.host_users) == Some(false) {
        return Err(no_user_namespaces(&handler));
    }
    let text = |e: RuntimeError| e.to_string();
    let pause = &context.options.pause_image;
    if context.runtime.image(pause).await.map_err(text)?.is_none() {
        context.runtime.pull(pause, None).await.map_err(text)?;
    }
    let (name, body) = container::sandbox(context, pod, attempt, &handler);
    let id = context.runtime.create(&name, &body).await.map_err(text)?;
    let begun = async {
        context.runtime.start(&id).await.map_err(text)?;
        limit_pod(pod)?;
        let ip = context.runtime.inspect(&id).await.map_err(text)?.ip;
        container::write_etc(context, pod, &context.pod_dir(pod), &ip).map_err(|e| e.to_string())?;
        Ok(ip)
    };
    match begun.await {
        Ok(ip) => Ok((id, ip)),
        Err(why) => {
            context.discard(&id).await;
            Err(why)
        }
    }
}

/// What the pod's runtime class calls its runtime: a name that the engine knows, or refuses.
async fn handler(context: &Context, pod: &Pod) -> Result<String, String> {
    let class = pod.spec.as_ref().and_then(|s| s.runtime_class_name.as_deref());
    let Some(class) = class else { return Ok(String::new()) };
    let found = context.client.get::<RuntimeClass>("", class).await;
    found.map(|class| class.handler).map_err(|e| format!("failed to get the handler of RuntimeClass {class:?}: {e}"))
}

/// Starts one container; all outcomes are events, in the order they happened.
pub(super) async fn start(context: &Context, pod: &Pod, order: &StartOrder) -> Vec<Event> {
    let failed = |(reason, message): (&'static str, String)| {
        vec![Event::StartFailed { name: order.name.clone(), reason, message }]
    };
    let id = match order.abort.run_until_cancelled(create(context, pod, order)).await {
        Some(Ok(id)) => id,
        Some(Err(failure)) => return failed(failure),
        None => return failed((GIVEN_UP, "the pod is being ended".to_owned())),
    };
    let path = || Some(field_path(pod, &order.name));
    context.record(pod, path(), false, "Created", "Container created");
    if let Err(e) = context.runtime.start(&id).await {
        return not_started(context, pod, order, &id, &e).await;
    }
    context.record(pod, path(), false, "Started", "Container started");
    let hook = post_start(context, pod, order, &id).await;
    match context.runtime.inspect(&id).await {
        Ok(info) => {
            if let Err(error) = log_links::make(&context.options.logs, &info) {
                tracing::warn!(%error, container = info.id, "failed to link its log");
            }
            let runs = info.running;
            let failed = hook.err().filter(|_| runs);
            let failed = failed.map(|message| Event::HookFailed { name: order.name.clone(), message });
            [Event::Started(found(context, pod, info).await.into())].into_iter().chain(failed).collect()
        }
        Err(e) => failed(("RunContainerError", e.to_string())),
    }
}

/// How a container that the engine has started stands.
async fn found(context: &Context, pod: &Pod, info: ContainerInfo) -> Found {
    let state = if info.running {
        Ok(info.started_at.unwrap_or_else(Timestamp::now))
    } else {
        Err(ended(context, pod, &info).await)
    };
    let user = std::fs::read_to_string(format!("/proc/{}/status", info.pid)).ok().and_then(|text| user(&text));
    let [name, hash] = [label::CONTAINER, label::HASH].map(|key| info.label(key).to_owned());
    Found { name, restarts: info.restarts(), hash, user, state, id: info.id, image_id: info.image_id }
}

async fn create(context: &Context, pod: &Pod, order: &StartOrder) -> Result<String, images::Failure> {
    let spec = pod.spec.as_ref().and_then(|spec| definition(spec, &order.name));
    let definition =
        spec.as_deref().ok_or_else(|| ("CreateContainerConfigError", "the container is not defined".to_owned()))?;
    let wanted = (definition.image.as_deref(), definition.image_pull_policy.as_deref());
    let image = images::image(context, pod, wanted, Some(&field_path(pod, &order.name))).await?;
    let volumes = with_images(context, pod, definition, &order.volumes).await?;
    if !is_static(pod) {
        // The variables of services are of all or wrong.
        context.services.synced().await;
    }
    let mut placed = pod.clone();
    let status = placed.status.get_or_insert_default();
    let host_network = pod.spec.as_ref().is_some_and(|s| s.host_network == Some(true));
    status.pod_ip = Some(if host_network { context.options.node.address.to_string() } else { order.ip.clone() });
    // What the class says now may be something else than when the sandbox was made.
    let sandbox = context.runtime.inspect(&order.sandbox).await;
    let runtime = &sandbox.map_err(|e| ("CreateContainerConfigError", e.to_string()))?.runtime;
    let parts =
        Parts { context, pod: &placed, image: &image, order, volumes: &volumes, dir: &context.pod_dir(pod), runtime };
    let made = container::container(&parts, definition).await;
    let (name, body) = made.map_err(|m| ("CreateContainerConfigError", m))?;
    context.runtime.create(&name, &body).await.map_err(|e| ("CreateContainerError", e.to_string()))
}

/// The pod's volumes with those of images, which are made when a container is the first to use them.
async fn with_images(
    context: &Context,
    pod: &Pod,
    container: &Container,
    volumes: &BTreeMap<String, PathBuf>,
) -> Result<BTreeMap<String, PathBuf>, images::Failure> {
    let mut volumes = volumes.clone();
    for volume in pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
        let used = container.volume_mounts.iter().flatten().any(|mount| mount.name == volume.name);
        let Some(source) = volume.image.as_ref().filter(|_| used) else { continue };
        let wanted = (source.reference.as_deref(), source.pull_policy.as_deref());
        let image = images::image(context, pod, wanted, None).await?;
        let made = volume::image(&context.pod_dir(pod), &volume.name, &image.layers);
        volumes.insert(volume.name.clone(), made.map_err(|why| ("CreateContainerError", why))?);
    }
    Ok(volumes)
}

/// A container that the engine made but could not run counts as one that ended at once.
async fn not_started(context: &Context, pod: &Pod, order: &StartOrder, id: &str, error: &RuntimeError) -> Vec<Event> {
    let now = Timestamp::now();
    let path = Some(field_path(pod, &order.name));
    context.record(pod, path, true, "Failed", &format!("Error: failed to start container {:?}: {error}", order.name));
    let info = context.runtime.inspect(id).await.unwrap_or_default();
    let ended = Ended {
        id: id.to_owned(),
        exit_code: if info.exit_code == 0 { 128 } else { info.exit_code },
        reason: "StartError".to_owned(),
        message: error.to_string(),
        started_at: None,
        finished_at: now,
    };
    let hash = info.label(label::HASH).to_owned();
    let (name, id, restarts) = (order.name.clone(), id.to_owned(), order.attempt);
    let found = Found { name, id, restarts, hash, image_id: info.image_id, user: None, state: Err(ended) };
    vec![Event::Started(found.into())]
}

async fn post_start(context: &Context, pod: &Pod, order: &StartOrder, id: &str) -> Result<(), String> {
    let definition = pod.spec.as_ref().and_then(|spec| container_spec(spec, &order.name));
    let Some(handler) = definition.and_then(|c| c.lifecycle.as_ref()).and_then(|l| l.post_start.as_ref()) else {
        return Ok(());
    };
    let hook = hooks::run(&*context.runtime, pod, &order.name, id, &order.ip, handler);
    let done = order.abort.run_until_cancelled(hook).await.unwrap_or(Ok(()));
    done.map_err(|why| format!("PostStartHook failed: {why}"))
}

fn limit_pod(pod: &Pod) -> Result<(), String> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let parent = qos::cgroup_parent(spec, pod.uid());
    qos::limit_pod(Path::new(qos::GROUPS), spec, &parent)
}

/// Brings requests and limits of a container to the engine, or those of the pod as a whole when the name is empty.
pub(super) async fn resize(context: &Context, pod: &Pod, name: &str, id: &str) -> Result<(), String> {
    let Some(spec) = pod.spec.as_ref().filter(|_| !name.is_empty()) else { return limit_pod(pod) };
    let Some(definition) = container_spec(spec, name) else { return Ok(()) };
    let limits = qos::limits(spec, definition, context.capacity.memory);
    // The kernel would end the container rather than refuse.
    if limits.memory > 0 {
        let usage = context.runtime.usage(id).await.map_err(|e| e.to_string())?.memory_bytes;
        if i64::try_from(usage).is_ok_and(|usage| usage > limits.memory) {
            let wanted = limits.memory;
            return Err(format!(
                "attempting to set container {name:?} memory limit ({wanted}) below current usage ({usage})"
            ));
        }
    }
    context.runtime.update(id, &limits).await.map_err(|e| e.to_string())
}

/// Runs a container's preStop hook, if it has one, within the grace.
pub(super) async fn pre_stop(context: &Context, pod: &Pod, name: &str, id: &str, ip: &str, grace: Duration) {
    let definition = pod.spec.as_ref().and_then(|spec| container_spec(spec, name));
    let handler = definition.and_then(|c| c.lifecycle.as_ref()).and_then(|l| l.pre_stop.as_ref());
    if let Some(handler) = handler
        && let hook = hooks::run(&*context.runtime, pod, name, id, ip, handler)
        && let Ok(Err(why)) = tokio::time::timeout(grace, hook).await
    {
        let path = Some(field_path(pod, name));
        context.record(pod, path, true, "FailedPreStopHook", &format!("PreStopHook failed: {why}"));
    }
}

/// Stops a container after its preStop hook, if that is still to run, within the grace, however often that takes.
pub(super) async fn kill(context: &Context, pod: &Pod, name: &str, id: &str, ip: &str, grace: Duration, hook: bool) {
    let begun = tokio::time::Instant::now();
    if hook && !grace.is_zero() {
        pre_stop(context, pod, name, id, ip, grace).await;
    }
    let left = || grace.saturating_sub(begun.elapsed()).max(LEAST_GRACE.min(grace));
    insist(&format!("stop container {name} ({id})"), || context.runtime.stop(id, left())).await;
}

/// How a dead container ended, with its termination message.
pub(super) async fn ended(context: &Context, pod: &Pod, info: &ContainerInfo) -> Ended {
    let name = info.label(label::CONTAINER);
    let reason = match (info.oom_killed, info.exit_code, info.error.is_empty()) {
        (true, _, _) => "OOMKilled",
        (_, 0, _) => "Completed",
        (_, _, false) => "StartError",
        _ => "Error",
    };
    let file = message_file(&context.pod_dir(pod), name, info.restarts());
    let mut message = std::fs::read(&file).map(|bytes| lossy_tail(&bytes, MESSAGE_LIMIT)).unwrap_or_default();
    let definition = pod.spec.as_ref().and_then(|spec| container_spec(spec, name));
    let policy = definition.and_then(|c| c.termination_message_policy.as_deref());
    if message.is_empty() && policy == Some("FallbackToLogsOnError") && info.exit_code != 0 {
        message = log_tail(context, &info.id).await;
    }
    if message.is_empty() {
        message.clone_from(&info.error);
    }
    Ended {
        id: info.id.clone(),
        exit_code: info.exit_code,
        reason: reason.to_owned(),
        message,
        started_at: info.started_at,
        finished_at: info.finished_at.unwrap_or_else(Timestamp::now),
    }
}

fn lossy_tail(bytes: &[u8], limit: usize) -> String {
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(limit)..]).into_owned()
}

async fn log_tail(context: &Context, id: &str) -> String {
    let query = LogQuery { tail: Some(LOG_MESSAGE_LINES), ..LogQuery::default() };
    let Ok(mut stream) = context.runtime.logs(id, &query).await else { return String::new() };
    let mut bytes = Vec::new();
    while let Some(Ok(Output::Stdout(piece) | Output::Stderr(piece))) = stream.next().await {
        bytes.extend_from_slice(&piece);
    }
    lossy_tail(&bytes, LOG_MESSAGE_LIMIT)
}

/// What an earlier kubelet left of a pod; half-made containers are removed.
pub(super) async fn observe(context: &Context, pod: &Pod, present: Vec<ContainerInfo>) -> Event {
    let mut sandbox = None;
    let mut containers = Vec::new();
    let mut present = present;
    present.sort_by_key(ContainerInfo::restarts);
    for brief in present {
        let Some(info) = context.find(&brief.id).await else { continue };
        let name = info.label(label::CONTAINER).to_owned();
        if name == label::SANDBOX && info.running {
            sandbox = Some((info.id, info.ip));
        } else if name == label::SANDBOX || info.created {
            context.discard(&info.id).await;
        } else {
            containers.push(found(context, pod, info).await);
        }
    }
    Event::Observed { sandbox, containers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_runs() {
        let text = "Name:\tsh\nUid:\t1000\t1000\t1000\t1000\nGid:\t7\t7\t7\t7\nGroups:\t7 50000 \n";
        let groups = Some(vec![7, 50_000]);
        let wanted = LinuxContainerUser { uid: 1000, gid: 7, supplemental_groups: groups };
        assert_eq!((user(text), user("Uid:\t0\n")), (Some(wanted), None));
    }
}
