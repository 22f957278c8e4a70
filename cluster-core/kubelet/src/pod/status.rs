//! The `status` of a pod out of its actor's state: container states, phase, conditions. Pure.

use super::plan::{Outcome, outcome, pod_full_name};
use super::resize;
use super::state::{ContainerState, Ended, Kind, Phase, PodState, Sandbox, definition};
use super::step::RESTART_ALL;
use crate::prelude::*;
use crate::spec::qos::qos_class;
use k8s_openapi::api::core::v1 as core;

/// The status to report; `before` is what the API server holds, for others' conditions, and `last` what was reported last,
/// for transition times.
pub(crate) fn pod_status(
    state: &PodState,
    before: &core::PodStatus,
    last: &core::PodStatus,
    host_ip: &str,
    now: Timestamp,
) -> core::PodStatus {
    let statuses = |of: fn(Kind) -> bool| -> Vec<core::ContainerStatus> {
        state.containers.iter().filter(|c| of(c.kind)).map(|c| container_status(state, c)).collect()
    };
    let (init, mut app) = (statuses(Kind::is_init), statuses(|kind| kind == Kind::App));
    let mut ephemeral = statuses(|kind| kind == Kind::Ephemeral);
    // Init containers stand in the order of their start, the others in that of their names, as upstream's.
    for list in [&mut app, &mut ephemeral] {
        list.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let phase = phase(state);
    let host_network = state.pod.spec.as_ref().and_then(|s| s.host_network).unwrap_or_default();
    let ip = if host_network && state.observed { host_ip } else { &state.ip };
    let (reason, message) = state.failed.clone().map_or((None, None), |(r, m)| (Some(r), Some(m)));
    let whole = state.sizing.told.as_ref().or_else(|| state.pod.spec.as_ref()?.resources.as_ref());
    let mut status = core::PodStatus {
        phase: Some(phase.to_owned()),
        reason: reason.or_else(|| before.reason.clone()),
        message: message.or_else(|| before.message.clone()),
        start_time: Some(Time(state.start_time)),
        host_ip: Some(host_ip.to_owned()),
        host_ips: Some(vec![core::HostIP { ip: host_ip.to_owned() }]),
        pod_ip: (!ip.is_empty()).then(|| ip.to_owned()),
        pod_ips: (!ip.is_empty()).then(|| vec![core::PodIP { ip: ip.to_owned() }]),
        qos_class: Some(state.pod.spec.as_ref().map_or("BestEffort", qos_class).to_owned()),
        observed_generation: state.pod.metadata.generation,
        init_container_statuses: (!init.is_empty()).then_some(init),
        container_statuses: Some(app),
        ephemeral_container_statuses: (!ephemeral.is_empty()).then_some(ephemeral),
        allocated_resources: whole.and_then(|r| r.requests.clone()),
        resources: whole.cloned(),
        nominated_node_name: before.nominated_node_name.clone(),
        resource_claim_statuses: before.resource_claim_statuses.clone(),
        ..core::PodStatus::default()
    };
    status.conditions = Some(conditions(state, &status, [before, last], now));
    status
}

// === containers ===

/// What a pod's status says of all its containers.
pub(crate) fn container_statuses(status: &core::PodStatus) -> impl Iterator<Item = &core::ContainerStatus> {
    let lists = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    lists.into_iter().flatten().flatten()
}

fn ended_state(ended: &Ended) -> core::ContainerStateTerminated {
    core::ContainerStateTerminated {
        container_id: (!ended.id.is_empty()).then(|| format!("docker://{}", ended.id)),
        exit_code: ended.exit_code,
        reason: Some(ended.reason.clone()),
        message: (!ended.message.is_empty()).then(|| ended.message.clone()),
        started_at: ended.started_at.map(Time),
        finished_at: Some(Time(ended.finished_at)),
        ..core::ContainerStateTerminated::default()
    }
}

fn waiting(reason: &str, message: Option<String>) -> core::ContainerState {
    let waiting = core::ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    core::ContainerState { waiting: Some(waiting), ..core::ContainerState::default() }
}

fn terminated(ended: &Ended) -> core::ContainerState {
    core::ContainerState { terminated: Some(ended_state(ended)), ..core::ContainerState::default() }
}

/// The current state, and the last one if it is not the current one.
fn states(state: &PodState, c: &ContainerState) -> (core::ContainerState, Option<core::ContainerState>) {
    let last = c.last.as_ref().map(terminated);
    match &c.phase {
        Phase::Running { started_at, .. } => {
            let running = core::ContainerStateRunning { started_at: Some(Time(*started_at)) };
            (core::ContainerState { running: Some(running), ..core::ContainerState::default() }, last)
        }
        Phase::Exited(ended) => match c.crash_loop {
            Some(delay) if !state.is_deleted() && state.stop_since.is_none() => {
                let message = format!(
                    "back-off {} restarting failed container={} pod={}",
                    go_seconds(delay),
                    c.name,
                    pod_full_name(state)
                );
                (waiting("CrashLoopBackOff", Some(message)), Some(terminated(ended)))
            }
            _ => (terminated(ended), last),
        },
        Phase::Waiting | Phase::Starting => {
            let shown = match (&c.waiting, &c.last) {
                (Some((reason, message)), _) => waiting(reason, Some(message.clone())),
                (None, Some(ended)) if c.phase == Phase::Starting => terminated(ended),
                _ if has_init(state) => waiting("PodInitializing", None),
                _ => waiting("ContainerCreating", None),
            };
            (shown, last)
        }
    }
}

/// `10s`, `1m20s`, `5m0s`: how Go prints a duration.
fn go_seconds(seconds: i64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

fn has_init(state: &PodState) -> bool {
    state.containers.iter().any(|c| c.kind.is_init())
}

fn container_status(state: &PodState, c: &ContainerState) -> core::ContainerStatus {
    let (now, last) = states(state, c);
    let definition = state.pod.spec.as_ref().and_then(|spec| definition(spec, &c.name));
    let definition = definition.as_deref();
    let id = match &c.phase {
        Phase::Running { id, .. } => Some(id),
        Phase::Exited(ended) => Some(&ended.id),
        _ => c.last.as_ref().map(|l| &l.id),
    };
    let running = c.is_running();
    // A start that is under way is not a restart yet: who sees the number may count on the container being there.
    let under_way = c.last.is_some() && matches!(c.phase, Phase::Waiting | Phase::Starting);
    let finished_init = c.kind == Kind::Init && matches!(&c.phase, Phase::Exited(e) if e.exit_code == 0);
    core::ContainerStatus {
        name: c.name.clone(),
        image: definition.and_then(|d| d.image.clone()).unwrap_or_default(),
        image_id: if c.image_id.is_empty() { String::new() } else { format!("docker://{}", c.image_id) },
        container_id: id.filter(|id| !id.is_empty()).map(|id| format!("docker://{id}")),
        ready: finished_init || (running && c.started && c.ready),
        started: Some(running && c.started),
        restart_count: i32::try_from(c.restarts.saturating_sub(under_way.into())).unwrap_or(i32::MAX),
        state: Some(now),
        last_state: last.or_else(|| Some(core::ContainerState::default())),
        resources: c.sizing.told.clone(),
        stop_signal: definition.and_then(|d| d.lifecycle.as_ref()?.stop_signal.clone()),
        user: c.user.clone().map(|linux| core::ContainerUser { linux: Some(linux) }),
        volume_mounts: definition.and_then(|d| Some(d.volume_mounts.as_ref()?.iter().map(mount_status).collect())),
        allocated_resources: c.sizing.told.as_ref().and_then(|r| r.requests.clone()),
        ..core::ContainerStatus::default()
    }
}

fn mount_status(mount: &core::VolumeMount) -> core::VolumeMountStatus {
    let recursive = if crate::volume::is_recursive(mount) { "Enabled" } else { "Disabled" };
    core::VolumeMountStatus {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        read_only: mount.read_only,
        recursive_read_only: (mount.read_only == Some(true)).then(|| recursive.to_owned()),
        ..core::VolumeMountStatus::default()
    }
}

// === phase ===

/// `Pending`, `Running`, `Succeeded` or `Failed`.
pub(crate) fn phase(state: &PodState) -> &str {
    if state.over {
        return state.pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Failed");
    }
    if state.failed.is_some() {
        return if state.containers.iter().any(ContainerState::is_busy) { current(state) } else { "Failed" };
    }
    match outcome(state) {
        Some(_) if state.containers.iter().any(ContainerState::is_busy) => "Running",
        Some(Outcome::Succeeded) => "Succeeded",
        Some(Outcome::Failed) => "Failed",
        // A deleted pod whose containers have all been ended.
        None if state.cleaning => {
            let failed =
                |c: &ContainerState| c.kind == Kind::App && !matches!(&c.phase, Phase::Exited(e) if e.exit_code == 0);
            if state.containers.iter().any(failed) { "Failed" } else { "Succeeded" }
        }
        None => current(state),
    }
}

fn current(state: &PodState) -> &'static str {
    let fresh = |c: &ContainerState| matches!(c.phase, Phase::Waiting | Phase::Starting) && c.last.is_none();
    let waits = state.containers.iter().filter(|c| c.kind == Kind::App).any(fresh);
    if waits || !initialized(state) { "Pending" } else { "Running" }
}

// === conditions ===

/// The condition of a pod whose containers all end so that they all start again.
const RESTARTING: &str = "AllContainersRestarting";

fn initialized(state: &PodState) -> bool {
    let app_ran = state
        .containers
        .iter()
        .any(|c| c.kind == Kind::App && (c.is_running() || matches!(c.phase, Phase::Exited(_)) || c.last.is_some()));
    app_ran || uninitialized(state).is_empty()
}

fn uninitialized(state: &PodState) -> Vec<&str> {
    let pending = |c: &&ContainerState| match (c.kind, &c.phase) {
        (Kind::App | Kind::Ephemeral, _) => false,
        (Kind::Init, Phase::Exited(ended)) => ended.exit_code != 0,
        (Kind::Init, _) => true,
        (Kind::Sidecar, _) => !c.started,
    };
    state.containers.iter().filter(pending).map(|c| c.name.as_str()).collect()
}

/// What a condition says: status, reason, message.
pub(super) type Verdict = (bool, Option<&'static str>, Option<String>);

/// The reason of conditions that do not hold for a pod that is through.
fn ended(phase: &str) -> Option<&'static str> {
    [("Succeeded", "PodCompleted"), ("Failed", "PodFailed")]
        .into_iter()
        .find(|(of, _)| *of == phase)
        .map(|(_, why)| why)
}

fn containers_ready(state: &PodState, phase: &str) -> Verdict {
    if let Some(why) = ended(phase) {
        return (false, Some(why), None);
    }
    let counts = |c: &&ContainerState| matches!(c.kind, Kind::App | Kind::Sidecar);
    let unready = |c: &&ContainerState| !(c.is_running() && c.started && c.ready);
    let names: Vec<&str> = state.containers.iter().filter(counts).filter(unready).map(|c| c.name.as_str()).collect();
    if names.is_empty() {
        return (true, None, None);
    }
    let message = format!("containers with unready status: [{}]", names.join(" "));
    (false, Some("ContainersNotReady"), Some(message))
}

fn gates_ready(state: &PodState, before: &core::PodStatus) -> Verdict {
    let gates = state.pod.spec.iter().flat_map(|s| s.readiness_gates.iter().flatten());
    let mut complaints = Vec::new();
    for gate in gates {
        let name = &gate.condition_type;
        match before.conditions.iter().flatten().find(|c| c.type_ == *name) {
            None => {
                complaints.push(format!("corresponding condition of pod readiness gate {name:?} does not exist."));
            }
            Some(c) if c.status != "True" => {
                complaints.push(format!("the status of pod readiness gate {name:?} is not \"True\", but {}", c.status));
            }
            Some(_) => {}
        }
    }
    match complaints.as_slice() {
        [] => (true, None, None),
        [one] => (false, Some("ReadinessGatesNotReady"), Some(one.clone())),
        many => (false, Some("ReadinessGatesNotReady"), Some(format!("[{}]", many.join(", ")))),
    }
}

fn initialized_verdict(state: &PodState, phase: &str) -> Verdict {
    if phase == "Succeeded" {
        return (true, Some("PodCompleted"), None);
    }
    if initialized(state) {
        return (true, None, None);
    }
    let message = format!("containers with incomplete status: [{}]", uninitialized(state).join(" "));
    (false, Some("ContainersNotInitialized"), Some(message))
}

fn conditions(
    state: &PodState,
    status: &core::PodStatus,
    [before, last]: [&core::PodStatus; 2],
    now: Timestamp,
) -> Vec<core::PodCondition> {
    let phase = status.phase.as_deref().unwrap_or_default();
    let containers = containers_ready(state, phase);
    let ready = if containers.0 { gates_ready(state, before) } else { containers.clone() };
    let sandbox = (matches!(state.sandbox, Sandbox::Ready { .. }), None, None);
    let evicted = state.failed.as_ref().filter(|(reason, _)| reason == "Evicted" && state.hurry.is_some());
    let disrupted =
        evicted.map(|(_, message)| ("DisruptionTarget", (true, Some("TerminationByKubelet"), Some(message.clone()))));
    let definitions = state.containers.iter().filter_map(|c| state.spec_of(&c.name));
    let mut rules = definitions.flat_map(|c| c.restart_policy_rules.iter().flatten());
    let restarting = match &state.restarting {
        Some(_) => {
            (true, Some("RestartAllContainersStarted"), Some("container exited with restart policy rule".to_owned()))
        }
        None => (false, ended(phase), None),
    };
    let restarting = rules.any(|rule| rule.action == RESTART_ALL).then_some((RESTARTING, restarting));
    let own: [(&str, Verdict); 5] = [
        ("PodReadyToStartContainers", sandbox),
        ("Initialized", initialized_verdict(state, phase)),
        ("Ready", ready),
        ("ContainersReady", containers),
        ("PodScheduled", (true, None, None)),
    ];
    let mut result: Vec<core::PodCondition> = own
        .into_iter()
        .chain(disrupted)
        .chain(restarting)
        .chain(resize::conditions(state))
        .map(|(type_, verdict)| condition(type_, verdict, last, state.pod.metadata.generation, now))
        .collect();
    let foreign = |c: &&core::PodCondition| !is_own(&c.type_) && !result.iter().any(|own| own.type_ == c.type_);
    let others = before.conditions.iter().flatten().filter(foreign);
    let others: Vec<core::PodCondition> = others.cloned().collect();
    result.extend(others);
    result
}

fn condition(
    type_: &str,
    (ok, reason, message): Verdict,
    last: &core::PodStatus,
    observed_generation: Option<i64>,
    now: Timestamp,
) -> core::PodCondition {
    let status = if ok { "True" } else { "False" };
    let old = last.conditions.iter().flatten().find(|c| c.type_ == type_);
    let since = old.filter(|c| c.status == status).and_then(|c| c.last_transition_time.clone());
    core::PodCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        message,
        observed_generation,
        last_probe_time: None,
        last_transition_time: since.or(Some(Time(now))),
    }
}

/// Whether the kubelet itself sets this condition.
fn is_own(type_: &str) -> bool {
    let own = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    own.contains(&type_) || type_ == RESTARTING || resize::CONDITIONS.contains(&type_)
}
