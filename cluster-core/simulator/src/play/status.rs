//! Where a simulated pod stands in its life, and the status that tells it.

use crate::stages::Stages;
use cluster_client::Object;
use cluster_client::pods::{self, is_sidecar};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;

/// What the containers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running { since: Timestamp, ready: bool },
    Ended { since: Timestamp, at: Timestamp, failed: bool },
}

/// A pod's life up to now.
#[derive(Debug)]
pub(super) struct Life {
    state: State,
    restarts: i32,
    /// The run before the last restart.
    last: Option<ContainerState>,
    /// When the next stage begins.
    pub(super) next: Option<Timestamp>,
}

impl Life {
    pub(super) fn of(pod: &Pod, stages: &Stages, now: Timestamp) -> Self {
        let status = pod.status.as_ref();
        let container = status.and_then(|s| s.container_statuses.as_ref()?.first());
        let restarts = container.map_or(0, |c| c.restart_count);
        let last = container.and_then(|c| c.last_state.clone());
        let running = container.and_then(|c| c.state.as_ref()?.running.as_ref()?.started_at.as_ref());
        let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let since = match running {
            Some(since) => since.0,
            None => {
                let start = bound_at(pod).unwrap_or(whole) + stages.start;
                if now < start {
                    return Self { state: State::Waiting, restarts, last, next: Some(start) };
                }
                whole
            }
        };
        let (ready, end) = (since + stages.ready, stages.run.map(|run| since + run));
        if let Some(end) = end.filter(|end| *end <= now) {
            let failed = fails(pod, restarts, stages.failures);
            let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or("Always");
            if policy == "Never" || (policy == "OnFailure" && !failed) {
                return Self { state: State::Ended { since, at: end, failed }, restarts, last, next: None };
            }
            let state = State::Running { since: whole, ready: stages.ready.is_zero() };
            let next = [Some(whole + stages.ready), stages.run.map(|run| whole + run)];
            let next = next.into_iter().flatten().filter(|at| *at > now).min();
            return Self { state, restarts: restarts + 1, last: Some(ended(since, end, failed)), next };
        }
        let next = [Some(ready), end].into_iter().flatten().filter(|at| *at > now).min();
        Self { state: State::Running { since, ready: ready <= now }, restarts, last, next }
    }

    /// Of a pod whose containers were stopped just now.
    pub(super) fn stopped(pod: &Pod, stages: &Stages, now: Timestamp) -> Self {
        let (at, life) = (Timestamp::from_second(now.as_second()).unwrap_or(now), Self::of(pod, stages, now));
        let since = if let State::Running { since, .. } = life.state { since } else { at };
        Self { state: State::Ended { since, at, failed: true }, next: None, ..life }
    }
}

/// When the pod got its node.
fn bound_at(pod: &Pod) -> Option<Timestamp> {
    pods::holding(pod, "PodScheduled")?.last_transition_time.as_ref().map(|time| time.0)
}

/// Whether this run fails; the same answer whenever it is asked.
fn fails(pod: &Pod, run: i32, percent: u64) -> bool {
    let mut hasher = DefaultHasher::new();
    (&pod.metadata.uid, run).hash(&mut hasher);
    hasher.finish() % 100 < percent
}

fn ended(since: Timestamp, at: Timestamp, failed: bool) -> ContainerState {
    let terminated = ContainerStateTerminated {
        exit_code: i32::from(failed),
        reason: Some(if failed { "Error" } else { "Completed" }.to_owned()),
        started_at: Some(Time(since)),
        finished_at: Some(Time(at)),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

fn waiting() -> ContainerState {
    let waiting = ContainerStateWaiting { reason: Some("ContainerCreating".to_owned()), message: None };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn running(since: Timestamp) -> ContainerState {
    ContainerState {
        running: Some(ContainerStateRunning { started_at: Some(Time(since)) }),
        ..ContainerState::default()
    }
}

/// The pod's status at this point of its life.
pub(super) fn status(pod: &Pod, life: &Life, address: Ipv4Addr, host: Option<Ipv4Addr>, now: Timestamp) -> PodStatus {
    let (spec, before) = (pod.spec.clone().unwrap_or_default(), pod.status.clone().unwrap_or_default());
    let waits = life.state == State::Waiting;
    let report = |container: &Container, init: bool| {
        let (state, up, ready) = match life.state {
            State::Waiting => (waiting(), false, false),
            State::Running { since, .. } | State::Ended { since, .. } if init => {
                (ended(since, since, false), false, true)
            }
            State::Running { since, ready } => (running(since), true, ready),
            State::Ended { since, at, failed } => (ended(since, at, failed), false, false),
        };
        let image = container.image.clone().unwrap_or_default();
        ContainerStatus {
            name: container.name.clone(),
            image_id: if waits { String::new() } else { image.clone() },
            image,
            container_id: (!waits).then(|| format!("simulated://{}/{}", pod.uid(), container.name)),
            ready,
            started: Some(up),
            restart_count: if init { 0 } else { life.restarts },
            state: Some(state),
            last_state: if init { None } else { life.last.clone() },
            // What it asks for it has: a resize is done the moment it is wished for.
            resources: (!waits).then(|| container.resources.clone().unwrap_or_default()),
            allocated_resources: container.resources.as_ref().and_then(|r| r.requests.clone()).filter(|_| !waits),
            ..ContainerStatus::default()
        }
    };
    let init: Vec<_> = spec.init_containers.iter().flatten().map(|c| report(c, !is_sidecar(c))).collect();
    let phase = match life.state {
        State::Waiting => "Pending",
        State::Running { .. } => "Running",
        State::Ended { failed: false, .. } => "Succeeded",
        State::Ended { failed: true, .. } => "Failed",
    };
    PodStatus {
        phase: Some(phase.to_owned()),
        start_time: before.start_time.clone().or(Some(Time(now))),
        host_ip: host.map(|ip| ip.to_string()),
        host_ips: host.map(|ip| vec![HostIP { ip: ip.to_string() }]),
        pod_ip: (!waits).then(|| address.to_string()),
        pod_ips: (!waits).then(|| vec![PodIP { ip: address.to_string() }]),
        init_container_statuses: (!init.is_empty()).then_some(init),
        container_statuses: Some(spec.containers.iter().map(|c| report(c, false)).collect()),
        conditions: Some(conditions(pod, &before, life, now)),
        ..PodStatus::default()
    }
}

fn conditions(pod: &Pod, before: &PodStatus, life: &Life, now: Timestamp) -> Vec<PodCondition> {
    let known = |kind: &str| before.conditions.iter().flatten().find(|one| one.type_ == kind);
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let open = gates.into_iter().all(|gate| known(&gate.condition_type).is_some_and(|one| one.status == "True"));
    let (started, ready, reason) = match life.state {
        State::Waiting => (false, false, Some("ContainersNotReady")),
        State::Running { ready, .. } => (true, ready, (!ready).then_some("ContainersNotReady")),
        State::Ended { failed, .. } => (true, false, Some(if failed { "PodFailed" } else { "PodCompleted" })),
    };
    let gated = if ready && !open { Some("ReadinessGatesNotReady") } else { reason };
    let own = [
        ("PodReadyToStartContainers", started, None),
        ("Initialized", started, (!started).then_some("ContainersNotInitialized")),
        ("Ready", ready && open, gated),
        ("ContainersReady", ready, reason),
    ];
    let condition = |(kind, holds, reason): (&str, bool, Option<&str>)| {
        let status = if holds { "True" } else { "False" };
        let since = known(kind).filter(|old| old.status == status).and_then(|old| old.last_transition_time.clone());
        PodCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            last_transition_time: since.or(Some(Time(now))),
            ..PodCondition::default()
        }
    };
    own.map(condition).to_vec()
}

/// Whether a report of `wanted` would change nothing.
pub(super) fn says_the_same(before: Option<&PodStatus>, wanted: &PodStatus) -> bool {
    let Some(before) = before else { return false };
    let conditions = wanted.conditions.iter().flatten().all(|one| {
        let mut known = before.conditions.iter().flatten();
        known.any(|old| old.type_ == one.type_ && old.status == one.status && old.reason == one.reason)
    });
    conditions
        && before.phase == wanted.phase
        && before.pod_ip == wanted.pod_ip
        && before.container_statuses == wanted.container_statuses
        && before.init_container_statuses == wanted.init_container_statuses
}
