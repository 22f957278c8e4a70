//! The decisions of a pod actor: what happened and what is known gives what is to be done. No I/O here.

use super::state::{Action, ContainerState, Ended, Found, Kind, Phase, PodState, ProbeKind, Sandbox, Volumes};
use super::status::container_statuses;
use super::{plan, resize, start};
use crate::prelude::*;
use k8s_openapi::api::core::v1::{ContainerRestartRule, ContainerStatus};

/// The wait after a failed volume, sandbox or container configuration.
pub(super) const RETRY: SignedDuration = SignedDuration::from_secs(10);
/// How long a failed pull is shown as such before it counts as backing off.
const SHOW_ERROR: SignedDuration = SignedDuration::from_secs(1);

/// Takes one event into the state and answers what to do now.
pub(crate) fn step(state: &mut PodState, event: Event, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    let resizes = resize::standing(state);
    apply(state, event, now, &mut actions);
    if state.observed {
        plan::plan(state, now, &mut actions);
    }
    resize::tell(state, resizes, &mut actions);
    actions
}

fn apply(state: &mut PodState, event: Event, now: Timestamp, actions: &mut Vec<Action>) {
    match event {
        Event::Observed { sandbox, containers } => observed(state, sandbox, containers),
        Event::PodChanged(pod) => state.take(pod),
        Event::VolumesReady => state.volumes = Volumes::Ready,
        Event::VolumesFailed(message) => {
            state.volumes = Volumes::Failed { retry_at: now + RETRY };
            actions.push(warn("FailedMount", message, None));
        }
        Event::SandboxReady { id, ip } => {
            state.sandbox = Sandbox::Ready { id };
            state.ip = ip;
        }
        Event::SandboxFailed(message) => {
            state.sandbox = Sandbox::Failed { retry_at: now + RETRY };
            state.sandbox_attempt += 1;
            let message = format!("Failed to create pod sandbox: {message}");
            actions.push(warn("FailedCreatePodSandBox", message, None));
        }
        Event::SandboxDied { id } => {
            if state.sandbox == (Sandbox::Ready { id: id.clone() }) {
                state.sandbox = Sandbox::Dead { id };
                let message = "Pod sandbox changed, it will be killed and re-created.".to_owned();
                actions.push(Action::Record { warning: false, reason: "SandboxChanged", message, container: None });
            }
        }
        Event::SandboxRemoved => sandbox_removed(state),
        Event::Started(found) => started(state, *found),
        Event::StartFailed { name, reason, message } => start_failed(state, &name, (reason, message), now, actions),
        Event::Resized { name, outcome } => resized(state, &name, outcome, now, actions),
        Event::HookFailed { name, message } => {
            actions.push(warn("FailedPostStartHook", message.clone(), Some(name.clone())));
            kill_one(state, &name, None, "FailedPostStartHook".to_owned(), actions);
        }
        Event::PreStopped { name } => {
            if let Some(container) = state.container(&name) {
                container.pre_stop = Some(true);
            }
        }
        Event::Exited { name, ended } => exited(state, &name, ended),
        Event::Probe { name, kind, ok } => probed(state, &name, kind, ok, actions),
        Event::ObjectsChanged => retry_now(state, now),
        Event::Cleaned => state.cleaned = true,
        Event::Room(verdict) => state.resize_pending = verdict,
        Event::Evicted(message) => evicted(state, message, actions),
        Event::Tick => state.containers.iter_mut().for_each(|c| show_pull_backoff(c, &mut *actions)),
    }
}

pub(super) fn warn(reason: &'static str, message: String, container: Option<String>) -> Action {
    Action::Record { warning: true, reason, message, container }
}

fn resized(state: &mut PodState, name: &str, outcome: Result<(), String>, now: Timestamp, actions: &mut Vec<Action>) {
    let container = state.containers.iter_mut().find(|container| container.name == name);
    let sizing = container.map_or(&mut state.sizing, |container| &mut container.sizing);
    match outcome {
        Ok(()) => sizing.took(),
        Err(why) if sizing.failed(&why, now) => {
            actions.push(warn("ResizeError", resize::message(state, "error", &why), None));
        }
        Err(_) => {}
    }
}

/// Takes over what an earlier kubelet started.
fn observed(state: &mut PodState, sandbox: Option<(String, String)>, found: Vec<Found>) {
    state.observed = true;
    if let Some((id, ip)) = sandbox {
        state.sandbox = Sandbox::Ready { id };
        state.ip = ip;
        let reported = state.pod.status.as_ref().and_then(|status| status.resources.clone());
        state.sizing.told = reported.or_else(|| state.pod.spec.as_ref()?.resources.clone());
    }
    for one in found {
        let reported = reported(state, &one.name).cloned();
        let resources = reported.as_ref().and_then(|c| c.resources.clone());
        let resources = resources.or_else(|| state.spec_of(&one.name)?.resources.clone());
        let (name, runs) = (one.name.clone(), one.state.is_ok());
        let same = reported.filter(|c| runs && c.container_id.as_deref() == Some(&format!("docker://{}", one.id)));
        if let Some(container) = state.container(&name) {
            container.sizing.told = resources;
            if let Phase::Exited(before) = std::mem::replace(&mut container.phase, Phase::Waiting) {
                container.last = Some(before);
            }
            container.restarts = one.restarts;
        }
        // What ended while nobody looked, with the node most likely, starts again at once: waits are not kept over a
        // restart, as upstream's.
        started(state, one);
        // A restart of the kubelet is none of the container: what its probes have said holds until they say otherwise.
        if let (Some(container), Some(told)) = (state.container(&name), same) {
            (container.started, container.ready) = (container.started || told.started == Some(true), told.ready);
        }
    }
    if state.sandbox == Sandbox::Absent && !state.is_deleted() && plan::outcome(state).is_none() {
        begin_anew(state, false);
    }
}

/// What an earlier kubelet said of a container.
fn reported<'a>(state: &'a PodState, name: &str) -> Option<&'a ContainerStatus> {
    container_statuses(state.pod.status.as_ref()?).find(|c| c.name == name)
}

/// Whether a container counts as started and as ready when no probe has spoken yet.
fn one_probe(state: &PodState, name: &str) -> (bool, bool) {
    let spec = state.spec_of(name);
    let started = spec.is_none_or(|c| c.startup_probe.is_none());
    (started, started && spec.is_none_or(|c| c.readiness_probe.is_none()))
}

fn sandbox_removed(state: &mut PodState) {
    state.sandbox = Sandbox::Absent;
    state.sandbox_attempt += 1;
    if state.stop_since.is_none() {
        begin_anew(state, false);
    }
}

/// The pod starts from its first init container; only what is not to run again stays as it ended, unless all are to.
pub(super) fn begin_anew(state: &mut PodState, all: bool) {
    let stays = |c: &ContainerState| matches!(&c.phase, Phase::Exited(e) if !c.kind.is_init() && !restarts(state, c, e.exit_code));
    let stay: Vec<bool> = state.containers.iter().map(|c| !all && stays(c)).collect();
    for (container, _) in state.containers.iter_mut().zip(stay).filter(|(_, stays)| !stays) {
        if let Phase::Exited(ended) = std::mem::take(&mut container.phase) {
            container.last = Some(ended);
            container.restarts += 1;
            state.anew = true;
        }
    }
}

fn started(state: &mut PodState, found: Found) {
    let without_probe = one_probe(state, &found.name);
    let Some(container) = state.container(&found.name) else { return };
    (container.waiting, container.retry_at, container.crash_loop) = (None, None, None);
    (container.image_id, container.hash) = (found.image_id, found.hash);
    container.user = found.user.or(container.user.take());
    let early = container.early.take().filter(|early| early.id == found.id);
    let (started_at, ended) = match found.state {
        Ok(at) => (at, early),
        Err(ended) => (ended.started_at.unwrap_or(ended.finished_at), Some(ended)),
    };
    (container.started, container.ready) = without_probe;
    container.phase = Phase::Running { id: found.id, started_at, killing: None };
    state.restarting.take_if(|name| *name == found.name);
    if let Some(ended) = ended {
        exited(state, &found.name, ended);
    }
}

fn start_failed(
    state: &mut PodState,
    name: &str,
    (reason, message): (&'static str, String),
    now: Timestamp,
    actions: &mut Vec<Action>,
) {
    let Some(container) = state.container(name) else { return };
    (container.phase, container.early) = (Phase::Waiting, None);
    if reason == "ErrImagePull" {
        container.pull_backoff.tried(now);
        let until = container.pull_backoff.blocked(now, now).map_or(now, |(end, _)| end);
        container.retry_at = Some(until);
        actions.push(Action::WakeAt(now + SHOW_ERROR));
    } else {
        container.retry_at = Some(now + RETRY);
    }
    if reason != start::GIVEN_UP {
        let text = if reason == "ErrImagePull" { reason } else { &*message };
        actions.push(warn("Failed", format!("Error: {text}"), Some(name.to_owned())));
    }
    container.waiting = Some((reason.to_owned(), message));
}

/// A failed pull turns into a wait for the next one.
fn show_pull_backoff(container: &mut ContainerState, actions: &mut Vec<Action>) {
    let Some((reason, message)) = container.waiting.as_mut().filter(|(reason, _)| reason == "ErrImagePull") else {
        return;
    };
    let image = message.split('"').nth(1).unwrap_or_default().to_owned();
    let text = format!("Back-off pulling image {image:?}");
    let name = Some(container.name.clone());
    actions.push(Action::Record { warning: false, reason: "BackOff", message: text.clone(), container: name.clone() });
    actions.push(warn("Failed", "Error: ImagePullBackOff".to_owned(), name));
    *message = format!("{text}: ErrImagePull: {message}");
    "ImagePullBackOff".clone_into(reason);
}

/// Seconds that the containers of an evicted pod get. Source: upstream's hard eviction.
const EVICTION_GRACE: i64 = 1;

fn evicted(state: &mut PodState, message: String, actions: &mut Vec<Action>) {
    if state.failed.is_some() || state.over || state.is_deleted() {
        return;
    }
    (state.failed, state.hurry) = (Some(("Evicted".to_owned(), message.clone())), Some(EVICTION_GRACE));
    actions.push(warn("Evicted", message, None));
}

fn exited(state: &mut PodState, name: &str, ended: Ended) {
    let all = state.spec_of(name).is_some_and(|c| rules(c, RESTART_ALL, ended.exit_code));
    let Some(container) = state.container(name) else { return };
    match &container.phase {
        Phase::Running { id, .. } if *id == ended.id => {
            (container.ready, container.started) = (false, false);
            container.phase = Phase::Exited(ended);
            if all {
                state.restarting = Some(name.to_owned());
            }
        }
        Phase::Starting => container.early = Some(ended),
        _ => {}
    }
}

fn probed(state: &mut PodState, name: &str, kind: ProbeKind, ok: bool, actions: &mut Vec<Action>) {
    let spec = state.spec_of(name);
    let readiness = spec.is_some_and(|c| c.readiness_probe.is_some());
    let probe = spec
        .and_then(|c| if kind == ProbeKind::Liveness { c.liveness_probe.as_ref() } else { c.startup_probe.as_ref() });
    let grace = probe.and_then(|p| p.termination_grace_period_seconds);
    let Some(container) = state.container(name).filter(|c| c.is_running()) else { return };
    match (kind, ok) {
        (ProbeKind::Readiness, ok) => container.ready = ok,
        (ProbeKind::Startup, true) => (container.started, container.ready) = (true, !readiness),
        (ProbeKind::Liveness, true) => {}
        (ProbeKind::Startup | ProbeKind::Liveness, false) => {
            let message = format!("Container {name} failed {} probe, will be restarted", kind.word().to_lowercase());
            kill_one(state, name, grace, message, actions);
        }
    }
}

/// Ends one container of a pod that goes on.
pub(super) fn kill_one(
    state: &mut PodState,
    name: &str,
    grace: Option<i64>,
    message: String,
    actions: &mut Vec<Action>,
) {
    let pod_grace = state.pod.spec.as_ref().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30);
    let grace = Duration::from_secs(grace.unwrap_or(pod_grace).max(0).unsigned_abs());
    let Some(container) = state.container(name) else { return };
    if let Phase::Running { id, killing, .. } = &mut container.phase
        && killing.is_none()
    {
        *killing = Some(grace);
        actions.push(Action::Kill { name: name.to_owned(), id: id.clone(), grace, hook: true, message });
    }
}

fn retry_now(state: &mut PodState, now: Timestamp) {
    for container in &mut state.containers {
        let configuration =
            container.waiting.as_ref().is_some_and(|(reason, _)| reason == "CreateContainerConfigError");
        if configuration {
            container.retry_at = Some(now);
        }
    }
    if matches!(state.volumes, Volumes::Failed { .. }) {
        state.volumes = Volumes::Failed { retry_at: now };
    }
}

/// What a rule can do: start the container again, or all of its pod.
const RESTART: &str = "Restart";
pub(super) const RESTART_ALL: &str = "RestartAllContainers";

/// Whether a rule of the container's does this when it ends with this code.
fn rules(container: &Container, action: &str, exit_code: i32) -> bool {
    let speaks = |rule: &ContainerRestartRule| {
        let listed = |codes: &[i32]| codes.contains(&exit_code);
        let codes = rule.exit_codes.as_ref();
        codes.is_some_and(|codes| listed(codes.values.as_deref().unwrap_or_default()) == (codes.operator == "In"))
    };
    container.restart_policy_rules.iter().flatten().any(|rule| rule.action == action && speaks(rule))
}

/// Whether a container that ended so is to be started again.
pub(super) fn restarts(state: &PodState, container: &ContainerState, exit_code: i32) -> bool {
    let spec = state.pod.spec.as_ref();
    let definition = state.spec_of(&container.name);
    if definition.is_some_and(|c| [RESTART, RESTART_ALL].iter().any(|action| rules(c, action, exit_code))) {
        return true;
    }
    let own = definition.and_then(|c| c.restart_policy.as_deref());
    let policy = own.or(spec.and_then(|s| s.restart_policy.as_deref())).unwrap_or("Always");
    match (container.kind, policy) {
        (Kind::Sidecar, _) | (Kind::App, "Always") => true,
        (Kind::Ephemeral, _) | (_, "Never") => false,
        _ => exit_code != 0,
    }
}
