//! What a pod's state asks for next: bring it up, keep it up, or take it down.

use super::resize::{Sizing, resize, resize_whole};
use super::state::{Action, ContainerState, Kind, Phase, PodState, Sandbox, Volumes};
use super::step::{begin_anew, kill_one, restarts, warn};
use crate::prelude::*;
use crate::spec::hash;

/// A container that ends after others still gets this long.
pub(super) const LEAST_GRACE: Duration = Duration::from_secs(2);

/// How a pod's containers have all ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
}

/// Whether the pod has come to its end by itself.
pub(crate) fn outcome(state: &PodState) -> Option<Outcome> {
    let mut all_zero = true;
    for container in state.containers.iter().filter(|c| matches!(c.kind, Kind::Init | Kind::App)) {
        match &container.phase {
            Phase::Exited(ended) if !restarts(state, container, ended.exit_code) => match container.kind {
                Kind::Init if ended.exit_code != 0 => return Some(Outcome::Failed),
                Kind::Init => {}
                _ => all_zero &= ended.exit_code == 0,
            },
            _ if container.kind == Kind::Init && app_has_run(state) => {}
            _ => return None,
        }
    }
    Some(if all_zero { Outcome::Succeeded } else { Outcome::Failed })
}

/// Whether an application container has been started, so that the init containers are through.
fn app_has_run(state: &PodState) -> bool {
    let ended = |phase: &Phase| !state.anew && matches!(phase, Phase::Exited(_));
    state.containers.iter().any(|c| c.kind == Kind::App && (c.is_running() || ended(&c.phase)))
}

pub(super) fn plan(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) {
    if state.finished {
        return;
    }
    check_deadline(state, now, actions);
    if state.is_deleted() || state.failed.is_some() || state.over || outcome(state).is_some() {
        stop(state, now, actions);
    } else {
        run(state, now, actions);
    }
}

fn check_deadline(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) {
    let Some(seconds) = state.pod.spec.as_ref().and_then(|s| s.active_deadline_seconds) else { return };
    if state.failed.is_some() || state.over || state.is_deleted() {
        return;
    }
    let deadline = state.start_time + SignedDuration::from_secs(seconds);
    if deadline > now {
        actions.push(Action::WakeAt(deadline));
        return;
    }
    let message = "Pod was active on the node longer than the specified deadline".to_owned();
    state.failed = Some(("DeadlineExceeded".to_owned(), message.clone()));
    actions.push(Action::Record { warning: false, reason: "DeadlineExceeded", message, container: None });
}

// === taking down ===

fn stop(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) {
    if state.stop_since.is_none() {
        state.stop_since = Some(now);
        actions.push(Action::AbortStarts);
    }
    kill_all(state, now, actions);
    if state.containers.iter().any(ContainerState::is_busy) {
        return;
    }
    match &state.sandbox {
        Sandbox::Ready { id } | Sandbox::Dead { id } => {
            actions.push(Action::RemoveSandbox { id: id.clone() });
            state.sandbox = Sandbox::Removing;
        }
        Sandbox::Creating | Sandbox::Removing => {}
        Sandbox::Absent | Sandbox::Failed { .. } if state.is_deleted() && state.volumes != Volumes::Preparing => {
            finish(state, actions);
        }
        // What it wrote goes when it is through; its containers stay for their logs.
        Sandbox::Absent | Sandbox::Failed { .. } if !state.is_deleted() && state.volumes == Volumes::Ready => {
            state.volumes = Volumes::Pending;
            actions.push(Action::RemoveVolumes);
        }
        Sandbox::Absent | Sandbox::Failed { .. } => {}
    }
}

fn finish(state: &mut PodState, actions: &mut Vec<Action>) {
    if !state.cleaning {
        state.cleaning = true;
        actions.push(Action::Clean);
    } else if state.cleaned {
        state.finished = true;
        actions.push(Action::Finish);
    }
}

/// Kills what runs: first the application, then one sidecar after the other, the last one first. The preStop hooks of all
/// begin together.
fn kill_all(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) {
    let spec = state.pod.spec.as_ref();
    let asked = state.pod.metadata.deletion_grace_period_seconds.filter(|_| state.is_deleted());
    let grace = state.hurry.or(asked).or(spec.and_then(|s| s.termination_grace_period_seconds)).unwrap_or(30).max(0);
    let grace = Duration::from_secs(grace.unsigned_abs());
    let waited = state.stop_since.map_or(SignedDuration::ZERO, |since| now.duration_since(since)).unsigned_abs();
    let apps_busy = state.containers.iter().any(|c| c.kind != Kind::Sidecar && c.is_busy());
    let sidecar = state.containers.iter().rposition(|c| c.kind == Kind::Sidecar && c.is_busy());
    let hook = |c: &ContainerState| state.spec_of(&c.name)?.lifecycle.as_ref()?.pre_stop.as_ref();
    let hooks: Vec<bool> = state.containers.iter().map(|c| hook(c).is_some()).collect();
    for (index, container) in state.containers.iter_mut().enumerate() {
        let turn = if apps_busy { container.kind != Kind::Sidecar } else { Some(index) == sidecar };
        let Phase::Running { id, killing, .. } = &mut container.phase else { continue };
        let left = grace.saturating_sub(waited).max(LEAST_GRACE.min(grace));
        let (name, id) = (container.name.clone(), id.clone());
        if !turn && killing.is_none() {
            if hooks[index] && container.pre_stop.is_none() && !left.is_zero() {
                container.pre_stop = Some(false);
                actions.push(Action::PreStop { name, id, grace: left });
            }
            continue;
        }
        let in_hook = container.pre_stop == Some(false) && !left.is_zero();
        // A second deletion may shorten the grace of a kill in progress.
        if in_hook || killing.is_some_and(|given| grace >= given) {
            continue;
        }
        let (hook, message) = (container.pre_stop.is_none(), format!("Stopping container {name}"));
        *killing = Some(grace);
        actions.push(Action::Kill { name, id, grace: left, hook, message });
    }
}

// === bringing up and keeping up ===

fn run(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) {
    let volumes = volumes_ready(state, now, actions);
    if !sandbox_ready(state, now, actions) || !volumes {
        return;
    }
    if !all_anew(state, now, actions) {
        return;
    }
    resize_whole(state, now, actions);
    for index in 0..state.containers.len() {
        if state.containers[index].kind == Kind::Ephemeral {
            start(state, index, now, actions);
        }
    }
    let app_ran = app_has_run(state);
    for index in 0..state.containers.len() {
        let container = &state.containers[index];
        match (container.kind, &container.phase) {
            (Kind::Init, _) if app_ran => {}
            (Kind::Init, Phase::Exited(ended)) if ended.exit_code == 0 => {}
            (Kind::Init, _) => {
                start(state, index, now, actions);
                return;
            }
            (Kind::Sidecar, _) => {
                start(state, index, now, actions);
                if !state.containers[index].started && !app_ran {
                    return;
                }
            }
            (Kind::App, _) => start(state, index, now, actions),
            (Kind::Ephemeral, _) => {}
        }
    }
}

/// Ends what runs of a pod that goes on.
fn end_all(state: &mut PodState, actions: &mut Vec<Action>) {
    let running = state.containers.iter().filter(|c| c.is_running());
    for name in running.map(|c| c.name.clone()).collect::<Vec<_>>() {
        kill_one(state, &name, None, format!("Stopping container {name}"), actions);
    }
}

/// Lets the pod begin anew when a container ended so that all are to start again. That one waits as it would alone.
fn all_anew(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) -> bool {
    let Some(name) = state.restarting.clone() else { return true };
    end_all(state, actions);
    if state.containers.iter().any(ContainerState::is_busy) {
        return false;
    }
    if let Some(ContainerState { phase: Phase::Exited(ended), crash_backoff, .. }) = state.container(&name) {
        if let Some((until, _)) = crash_backoff.blocked(ended.finished_at, now) {
            actions.push(Action::WakeAt(until));
            return false;
        }
        crash_backoff.tried(ended.finished_at);
    }
    state.restarting = None;
    begin_anew(state, true);
    true
}

fn volumes_ready(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) -> bool {
    match state.volumes {
        Volumes::Failed { retry_at } if retry_at > now => actions.push(Action::WakeAt(retry_at)),
        Volumes::Pending | Volumes::Failed { .. } => {
            state.volumes = Volumes::Preparing;
            actions.push(Action::PrepareVolumes);
        }
        Volumes::Preparing | Volumes::Ready => {}
    }
    state.volumes == Volumes::Ready
}

fn sandbox_ready(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) -> bool {
    match &state.sandbox {
        Sandbox::Ready { .. } => return true,
        Sandbox::Failed { retry_at } if *retry_at > now => actions.push(Action::WakeAt(*retry_at)),
        Sandbox::Absent | Sandbox::Failed { .. } => {
            state.sandbox = Sandbox::Creating;
            state.sizing.told = state.pod.spec.as_ref().and_then(|spec| spec.resources.clone());
            actions.push(Action::CreateSandbox { attempt: state.sandbox_attempt });
        }
        Sandbox::Dead { id } => {
            let id = id.clone();
            end_all(state, actions);
            if !state.containers.iter().any(ContainerState::is_busy) {
                actions.push(Action::RemoveSandbox { id });
                state.sandbox = Sandbox::Removing;
            }
        }
        Sandbox::Creating | Sandbox::Removing => {}
    }
    false
}

/// Starts a container that should run, when no back-off forbids it; restarts one whose definition changed.
fn start(state: &mut PodState, index: usize, now: Timestamp, actions: &mut Vec<Action>) {
    let pod_name = pod_full_name(state);
    let name = state.containers[index].name.clone();
    let wanted_hash = state.spec_of(&name).map(hash);
    let again = match &state.containers[index].phase {
        Phase::Exited(ended) => restarts(state, &state.containers[index], ended.exit_code),
        Phase::Waiting => true,
        Phase::Starting => false,
        Phase::Running { .. } => {
            if wanted_hash.is_some_and(|wanted| state.containers[index].hash != wanted) {
                let message = format!("Container {name} definition changed, will be restarted");
                kill_one(state, &name, None, message, actions);
            } else {
                resize(state, index, now, actions);
            }
            false
        }
    };
    if !again {
        return;
    }
    let resources = state.spec_of(&name).and_then(|c| c.resources.clone());
    let container = &mut state.containers[index];
    if let Some(at) = container.retry_at.filter(|at| *at > now) {
        actions.push(Action::WakeAt(at));
        return;
    }
    if let Phase::Exited(ended) = &container.phase {
        if let Some((until, delay)) = container.crash_backoff.blocked(ended.finished_at, now) {
            if container.crash_loop.is_none() {
                let message = format!("Back-off restarting failed container {name} in pod {pod_name}");
                actions.push(warn("BackOff", message, Some(name)));
            }
            container.crash_loop = Some(delay.as_secs());
            actions.push(Action::WakeAt(until));
            return;
        }
        container.crash_backoff.tried(ended.finished_at);
        container.last = Some(ended.clone());
        container.restarts += 1;
    }
    container.crash_loop = None;
    container.sizing = Sizing { told: resources, under_way: None };
    container.phase = Phase::Starting;
    actions.push(Action::Start { name, attempt: container.restarts });
}

/// `name_namespace(uid)`, as events and messages name a pod.
pub(crate) fn pod_full_name(state: &PodState) -> String {
    format!("{}_{}({})", state.pod.name(), state.pod.namespace(), state.pod.uid())
}
