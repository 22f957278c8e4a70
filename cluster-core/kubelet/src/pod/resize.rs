//! New requests and limits of a running pod: bringing them to its containers and to the group that holds them, and telling
//! how that goes. Pure.

use super::state::{Action, ContainerState, Kind, Phase, PodState};
use super::status::Verdict;
use super::step::{RETRY, kill_one, warn};
use crate::prelude::*;
use cluster_client::pods::holding;
use k8s_openapi::api::core::v1::ResourceRequirements;

/// The conditions that are there only while they hold: new requests and limits wait, or are on their way.
pub(super) const CONDITIONS: [&str; 2] = [PENDING, "PodResizeInProgress"];
/// The condition of new requests and limits that the node has no room for.
pub(super) const PENDING: &str = "PodResizePending";

/// Requests and limits of a container, or of its pod as a whole, as far as the engine knows them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sizing {
    /// What the engine was told.
    pub(crate) told: Option<ResourceRequirements>,
    /// What it is being told instead.
    pub(crate) under_way: Option<UnderWay>,
}

/// New requests and limits on their way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnderWay {
    wanted: ResourceRequirements,
    /// Why the engine did not take them when it was last told.
    why: Option<String>,
    /// When it is told again; nothing while it has not answered.
    retry_at: Option<Timestamp>,
}

/// Why new requests and limits of a pod waited when its status was last told: reason and message.
pub(super) fn pending(pod: &Pod) -> Option<(&'static str, String)> {
    let told = holding(pod, PENDING)?;
    let reason = ["Infeasible", "Deferred"].into_iter().find(|reason| told.reason.as_deref() == Some(reason))?;
    Some((reason, told.message.clone().unwrap_or_default()))
}

fn amounts(resources: &ResourceRequirements) -> [Option<&BTreeMap<String, Quantity>>; 2] {
    [resources.requests.as_ref(), resources.limits.as_ref()]
}

impl Sizing {
    /// Whether the engine was told something else than this.
    fn differs(&self, wanted: &ResourceRequirements) -> bool {
        amounts(self.told.as_ref().unwrap_or(&ResourceRequirements::default())) != amounts(wanted)
    }

    /// Whether it is to be told now: one thing after the other, nothing while the node has no room, and what it did not
    /// take again after a while.
    fn begin(&mut self, wanted: &ResourceRequirements, waits: bool, now: Timestamp, actions: &mut Vec<Action>) -> bool {
        if matches!(&self.under_way, Some(UnderWay { retry_at: None, .. })) {
            return false;
        }
        if !self.differs(wanted) {
            self.under_way = None;
            return false;
        }
        match self.under_way.as_mut().filter(|under_way| under_way.wanted == *wanted) {
            _ if waits => return false,
            Some(UnderWay { retry_at: Some(at), .. }) if *at > now => {
                actions.push(Action::WakeAt(*at));
                return false;
            }
            Some(again) => again.retry_at = None,
            None => self.under_way = Some(UnderWay { wanted: wanted.clone(), why: None, retry_at: None }),
        }
        true
    }

    /// The engine took it.
    pub(super) fn took(&mut self) {
        self.told = self.under_way.take().map(|under_way| under_way.wanted).or(self.told.take());
    }

    /// The engine did not take it; whether that is news.
    pub(super) fn failed(&mut self, why: &str, now: Timestamp) -> bool {
        let Some(under_way) = &mut self.under_way else { return false };
        under_way.retry_at = Some(now + RETRY);
        under_way.why.replace(why.to_owned()).as_deref() != Some(why)
    }
}

/// Brings new requests and limits of the pod as a whole to the group of its containers.
pub(super) fn resize_whole(state: &mut PodState, now: Timestamp, actions: &mut Vec<Action>) {
    let Some(wanted) = state.pod.spec.as_ref().and_then(|spec| spec.resources.clone()) else { return };
    if state.sizing.begin(&wanted, state.resize_pending.is_some(), now, actions) {
        actions.push(Action::Resize { name: String::new(), id: String::new() });
    }
}

/// Brings new requests and limits to a running container, by a restart where its `resizePolicy` asks for one.
pub(super) fn resize(state: &mut PodState, index: usize, now: Timestamp, actions: &mut Vec<Action>) {
    let container = &state.containers[index];
    let Some(definition) = state.spec_of(&container.name) else { return };
    let Phase::Running { id, killing: None, .. } = &container.phase else { return };
    let (name, id) = (container.name.clone(), id.clone());
    let (old, new) =
        (container.sizing.told.clone().unwrap_or_default(), definition.resources.clone().unwrap_or_default());
    let differs = |resource: &str| {
        let [old, new] = [&old, &new].map(|of| amounts(of).map(|amounts| amounts?.get(resource)));
        old != new
    };
    let policies = definition.resize_policy.iter().flatten();
    let restart = policies.into_iter().any(|p| p.restart_policy == "RestartContainer" && differs(&p.resource_name));
    let waits = state.resize_pending.is_some();
    if !state.containers[index].sizing.begin(&new, waits, now, actions) {
        return;
    }
    if restart {
        let message = format!("Container {name} resize requires restart");
        kill_one(state, &name, None, message, actions);
        return;
    }
    actions.push(Action::Resize { name, id });
}

/// What has a size: the pod, and its containers.
fn sizings(state: &PodState) -> impl Iterator<Item = &Sizing> {
    [&state.sizing].into_iter().chain(state.containers.iter().map(|container| &container.sizing))
}

/// Why new requests or limits have not been brought to the engine: reason and message.
fn waits(state: &PodState) -> Option<&(&'static str, String)> {
    let waits = |c: &ContainerState| {
        let wanted = state.spec_of(&c.name).and_then(|d| d.resources.as_ref());
        c.is_running() && c.sizing.differs(wanted.unwrap_or(&ResourceRequirements::default()))
    };
    let whole = || {
        let wanted = state.pod.spec.as_ref().and_then(|spec| spec.resources.as_ref());
        state.sizing.told.is_some() && wanted.is_some_and(|wanted| state.sizing.differs(wanted))
    };
    state.resize_pending.as_ref().filter(|_| whole() || state.containers.iter().any(waits))
}

/// The conditions that hold now.
pub(super) fn conditions(state: &PodState) -> impl Iterator<Item = (&'static str, Verdict)> {
    let pending = waits(state).map(|(reason, message)| (true, Some(*reason), Some(message.clone())));
    let mut under_way = sizings(state).filter_map(|sizing| sizing.under_way.as_ref()).peekable();
    let in_progress = under_way.peek().is_some().then(|| {
        let why = under_way.find_map(|under_way| under_way.why.clone());
        (true, why.as_ref().map(|_| "Error"), why)
    });
    CONDITIONS.into_iter().zip([pending, in_progress]).filter_map(|(type_, verdict)| Some((type_, verdict?)))
}

/// Why new requests wait, and which are on their way.
pub(super) type Standing = (Option<(&'static str, String)>, Vec<Option<ResourceRequirements>>);

pub(super) fn standing(state: &PodState) -> Standing {
    let under_way = sizings(state).map(|sizing| Some(sizing.under_way.as_ref()?.wanted.clone()));
    (waits(state).cloned(), under_way.collect())
}

/// Tells what has become of a resize since it stood as `before`.
pub(super) fn tell(state: &PodState, (waited, was): Standing, actions: &mut Vec<Action>) {
    let (waits, is) = standing(state);
    if let Some((reason, why)) = waits.filter(|now| waited.as_ref() != Some(now)) {
        let event = if reason == "Infeasible" { "ResizeInfeasible" } else { "ResizeDeferred" };
        actions.push(warn(event, message(state, reason, &why), None));
    }
    let begun = is.iter().zip(&was).any(|(is, was)| is.is_some() && is != was);
    let ended = was.iter().any(Option::is_some) && is.iter().all(Option::is_none);
    for (happened, reason, what) in [(begun, "ResizeStarted", "started"), (ended, "ResizeCompleted", "completed")] {
        if happened {
            let message = message(state, what, "");
            actions.push(Action::Record { warning: false, reason, message, container: None });
        }
    }
}

/// What the pod asks for now, as upstream's events about resizes tell it.
pub(super) fn message(state: &PodState, what: &str, error: &str) -> String {
    let of = |of: fn(Kind) -> bool| -> Vec<Value> {
        let containers = state.containers.iter().filter(|c| of(c.kind)).filter_map(|c| state.spec_of(&c.name));
        containers.map(|c| json!({"name": c.name, "resources": c.resources.clone().unwrap_or_default()})).collect()
    };
    let mut parts = Vec::new();
    for (list, containers) in [("initContainers", of(Kind::is_init)), ("containers", of(|kind| kind == Kind::App))] {
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
