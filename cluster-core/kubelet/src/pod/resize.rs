//! New requests and limits of a running pod: bringing them to its containers, and telling how that goes. Pure.

use super::state::{Action, ContainerState, Kind, Phase, PodState};
use super::status::Verdict;
use super::step::{kill_one, warn};
use crate::prelude::*;

type Amounts = BTreeMap<String, Quantity>;

/// The conditions that are there only while they hold: new requests and limits wait, or are on their way.
pub(super) const CONDITIONS: [&str; 2] = ["PodResizePending", "PodResizeInProgress"];

/// Brings new requests and limits to a running container, by a restart where its `resizePolicy` asks for one.
pub(super) fn resize(state: &mut PodState, index: usize, actions: &mut Vec<Action>) {
    let container = &state.containers[index];
    let Some(definition) = state.spec_of(&container.name) else { return };
    let (old, new) =
        (container.resources.clone().unwrap_or_default(), definition.resources.clone().unwrap_or_default());
    let Phase::Running { id, killing: None, .. } = &container.phase else { return };
    // What failed is not tried again before something else is asked for.
    let refused = match &container.resizing {
        Some((_, None)) => return,
        Some((refused, Some(_))) => Some(refused),
        None => None,
    };
    if (&old.requests, &old.limits) == (&new.requests, &new.limits) {
        state.containers[index].resizing = None;
        return;
    }
    if state.resize_pending.is_some() || refused == Some(&new) {
        return;
    }
    let (name, id) = (container.name.clone(), id.clone());
    let differs = |resource: &str| {
        let of = |amounts: &Option<Amounts>| amounts.as_ref().and_then(|a| a.get(resource).cloned());
        of(&old.requests) != of(&new.requests) || of(&old.limits) != of(&new.limits)
    };
    let policies = definition.resize_policy.iter().flatten();
    let restart = policies.into_iter().any(|p| p.restart_policy == "RestartContainer" && differs(&p.resource_name));
    state.containers[index].resizing = Some((new, None));
    if restart {
        let message = format!("Container {name} resize requires restart");
        kill_one(state, &name, None, message, actions);
        return;
    }
    actions.push(Action::Resize { name, id });
}

/// Why new requests or limits have not been brought to the engine: reason and message.
fn waits(state: &PodState) -> Option<&(&'static str, String)> {
    let waits = |c: &ContainerState| {
        let (told, wanted) = (c.resources.as_ref(), state.spec_of(&c.name).and_then(|d| d.resources.as_ref()));
        c.is_running() && told.map(|r| (&r.requests, &r.limits)) != wanted.map(|r| (&r.requests, &r.limits))
    };
    state.resize_pending.as_ref().filter(|_| state.containers.iter().any(waits))
}

/// The conditions that hold now.
pub(super) fn conditions(state: &PodState) -> impl Iterator<Item = (&'static str, Verdict)> {
    let pending = waits(state).map(|(reason, message)| (true, Some(*reason), Some(message.clone())));
    let mut under_way = state.containers.iter().filter_map(|c| c.resizing.as_ref()).peekable();
    let in_progress = under_way.peek().is_some().then(|| {
        let why = under_way.find_map(|(_, why)| why.clone());
        (true, why.as_ref().map(|_| "Error"), why)
    });
    CONDITIONS.into_iter().zip([pending, in_progress]).filter_map(|(type_, verdict)| Some((type_, verdict?)))
}

/// Why new requests wait, and whether some are on their way.
pub(super) type Standing = (Option<(&'static str, String)>, bool);

pub(super) fn standing(state: &PodState) -> Standing {
    (waits(state).cloned(), state.containers.iter().any(|c| c.resizing.is_some()))
}

/// Tells what has become of a resize since it stood as `before`.
pub(super) fn tell(state: &PodState, (waited, was): Standing, actions: &mut Vec<Action>) {
    let (waits, is) = standing(state);
    if let Some((reason, why)) = waits.filter(|now| waited.as_ref() != Some(now)) {
        let event = if reason == "Infeasible" { "ResizeInfeasible" } else { "ResizeDeferred" };
        actions.push(warn(event, message(state, reason, &why), None));
    }
    let begun = is && (!was || actions.iter().any(|action| matches!(action, Action::Resize { .. })));
    for (happened, reason, what) in [(begun, "ResizeStarted", "started"), (was && !is, "ResizeCompleted", "completed")]
    {
        if happened {
            let message = message(state, what, "");
            actions.push(Action::Record { warning: false, reason, message, container: None });
        }
    }
}

/// What the pod asks for now, as upstream's events about resizes tell it.
pub(super) fn message(state: &PodState, what: &str, error: &str) -> String {
    let of = |kind: Kind| -> Vec<Value> {
        let containers = state.containers.iter().filter(|c| c.kind == kind).filter_map(|c| state.spec_of(&c.name));
        containers.map(|c| json!({"name": c.name, "resources": c.resources.clone().unwrap_or_default()})).collect()
    };
    let mut parts = Vec::new();
    for (list, containers) in [("initContainers", of(Kind::Sidecar)), ("containers", of(Kind::App))] {
        if !containers.is_empty() {
            parts.push(format!("{list:?}:{}", json!(containers)));
        }
    }
    parts.push(format!("\"generation\":{}", state.pod.metadata.generation.unwrap_or_default()));
    if !error.is_empty() {
        parts.push(format!("\"error\":{}", json!(error)));
    }
    format!("Pod resize {what}: {{{}}}", parts.join(","))
}
