//! Tables over whole pods: events in, what is done and reported out.

mod changes;
mod restarts;

use crate::pod::plan::{Outcome, outcome};
use crate::pod::state::{Action, Ended, Event, Found, PodState, ProbeKind};
use crate::pod::status::pod_status;
use crate::pod::step::step;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use serde_json::{Value, json};
use std::sync::Arc;

/// A pod driven by hand, with a clock of its own.
struct Rig {
    state: PodState,
    now: Timestamp,
    log: Vec<String>,
    /// The message of the last event.
    said: String,
}

fn pod(spec: Value) -> Arc<Pod> {
    let value = json!({"metadata": {"name": "p", "namespace": "n", "uid": "u", "generation": 3}, "spec": spec});
    Arc::new(serde_json::from_value(value).expect("a pod"))
}

fn word(action: &Action) -> Option<String> {
    Some(match action {
        Action::PrepareVolumes => "volumes".to_owned(),
        Action::CreateSandbox { attempt } => format!("sandbox#{attempt}"),
        Action::RemoveSandbox { .. } => "-sandbox".to_owned(),
        Action::Start { name, attempt } => format!("{name}#{attempt}"),
        Action::Kill { name, grace, .. } => format!("kill {name} {}", grace.as_secs()),
        Action::PreStop { name, .. } => format!("hook {name}"),
        Action::Resize { name, .. } => format!("resize {name}"),
        Action::AbortStarts => "abort".to_owned(),
        Action::RemoveVolumes => "-volumes".to_owned(),
        Action::Clean => "clean".to_owned(),
        Action::Finish => "finish".to_owned(),
        Action::Record { reason, .. } => format!("!{reason}"),
        Action::WakeAt(_) => return None,
    })
}

impl Rig {
    fn new(spec: Value) -> Self {
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let mut rig = Self { state: PodState::new(pod(spec), now), now, log: Vec::new(), said: String::new() };
        rig.on(Event::Observed { sandbox: None, containers: Vec::new() });
        rig
    }

    /// A pod whose volumes and sandbox are ready.
    fn ready(spec: Value) -> Self {
        let mut rig = Self::new(spec);
        rig.on(Event::VolumesReady).on(Event::SandboxReady { id: "s".to_owned(), ip: "10.0.0.9".to_owned() });
        rig
    }

    fn on(&mut self, event: Event) -> &mut Self {
        let actions = step(&mut self.state, event, self.now);
        self.log.extend(actions.iter().filter_map(word));
        for action in actions {
            if let Action::Record { message, .. } = action {
                self.said = message;
            }
        }
        self
    }

    fn wait(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self.on(Event::Tick)
    }

    fn started(&mut self, name: &str) -> &mut Self {
        let hash = self.state.spec_of(name).map(crate::spec::hash).unwrap_or_default();
        let attempt = self.state.container(name).expect("a container").restarts;
        let id = format!("{name}{attempt}");
        self.on(Event::Started(Found { hash, state: Ok(self.now), ..found(name, attempt, Ok(&id)) }.into()))
    }

    fn exited(&mut self, name: &str, exit_code: i32) -> &mut Self {
        let attempt = self.state.container(name).expect("a container").restarts;
        let ended = ended(&format!("{name}{attempt}"), exit_code);
        let ended = Ended { started_at: Some(self.now), finished_at: self.now, ..ended };
        self.on(Event::Exited { name: name.to_owned(), ended })
    }

    fn delete(&mut self, grace: i64) -> &mut Self {
        let mut value = json!(*self.state.pod);
        value["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        value["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        self.on(Event::PodChanged(Arc::new(serde_json::from_value(value).expect("a pod"))))
    }

    fn took(&mut self) -> String {
        std::mem::take(&mut self.log).join(" ")
    }

    fn status(&self) -> PodStatus {
        pod_status(&self.state, &PodStatus::default(), &PodStatus::default(), "192.168.0.1", self.now)
    }

    fn phase(&self) -> String {
        self.status().phase.unwrap_or_default()
    }

    /// The state of a container in brief: `waiting REASON`, `running`, `terminated CODE`.
    fn shown(&self, name: &str) -> String {
        let status = self.status();
        let all =
            status.init_container_statuses.into_iter().flatten().chain(status.container_statuses.into_iter().flatten());
        let state = all.filter(|c| c.name == name).find_map(|c| c.state).expect("a state");
        match (state.waiting, state.running, state.terminated) {
            (Some(waiting), ..) => format!("waiting {}", waiting.reason.unwrap_or_default()),
            (_, Some(_), _) => "running".to_owned(),
            (.., Some(ended)) => format!("terminated {}", ended.exit_code),
            _ => "none".to_owned(),
        }
    }

    fn condition(&self, type_: &str) -> (String, String) {
        let found = self.status().conditions.into_iter().flatten().find(|c| c.type_ == type_).expect("a condition");
        (found.status, found.reason.unwrap_or_default())
    }
}

fn ended(id: &str, exit_code: i32) -> Ended {
    Ended {
        id: id.to_owned(),
        exit_code,
        reason: if exit_code == 0 { "Completed" } else { "Error" }.to_owned(),
        message: String::new(),
        started_at: None,
        finished_at: Timestamp::UNIX_EPOCH,
    }
}

/// A container of the image `i` that the engine has: it runs by this ID, or has ended.
fn found(name: &str, restarts: u32, state: Result<&str, Ended>) -> Found {
    let definition = serde_json::from_value(json!({"name": name, "image": "i"})).expect("a container");
    Found {
        name: name.to_owned(),
        id: state.as_ref().map_or_else(|ended| ended.id.clone(), |id| (*id).to_owned()),
        restarts,
        hash: crate::spec::hash(&definition),
        image_id: "i".to_owned(),
        user: None,
        state: state.map(|_| Timestamp::UNIX_EPOCH),
    }
}

fn one() -> Value {
    json!({"containers": [{"name": "c", "image": "i"}]})
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[test]
fn a_pod_comes_up_in_order_and_goes_down_in_order() {
    let mut rig = Rig::new(one());
    assert_eq!(rig.took(), "volumes sandbox#0");
    assert_eq!((rig.phase().as_str(), rig.shown("c").as_str()), ("Pending", "waiting ContainerCreating"));
    rig.on(Event::SandboxReady { id: "s".to_owned(), ip: "10.0.0.9".to_owned() });
    assert_eq!(rig.took(), "", "volumes are not ready");
    rig.on(Event::VolumesReady);
    assert_eq!(rig.took(), "c#0");
    rig.started("c");
    assert_eq!((rig.phase().as_str(), rig.shown("c").as_str()), ("Running", "running"));
    assert_eq!(rig.condition("Ready"), pair("True", ""));
    assert_eq!(rig.status().pod_ip.as_deref(), Some("10.0.0.9"));
    assert_eq!(rig.status().observed_generation, Some(3));
    rig.delete(30);
    assert_eq!(rig.took(), "abort kill c 30");
    // It serves on until it ends or its probe says no: whether traffic still comes is for the endpoints to say.
    assert_eq!(rig.condition("Ready"), pair("True", ""));
    rig.exited("c", 143);
    assert_eq!(rig.condition("Ready"), pair("False", "ContainersNotReady"));
    assert_eq!(rig.took(), "-sandbox");
    rig.on(Event::SandboxRemoved);
    assert_eq!(rig.took(), "clean");
    rig.on(Event::Cleaned);
    assert_eq!(rig.took(), "finish");
    assert_eq!(rig.phase(), "Failed");
}

#[test]
fn init_containers_run_one_after_the_other_and_sidecars_stay() {
    let mut rig = Rig::ready(json!({
        "initContainers": [
            {"name": "a"}, {"name": "side", "restartPolicy": "Always", "startupProbe": {"periodSeconds": 1}}, {"name": "b"},
        ],
        "containers": [{"name": "c"}],
    }));
    assert_eq!(rig.took(), "volumes sandbox#0 a#0");
    for name in ["a", "b", "c"] {
        assert_eq!(rig.shown(name), "waiting PodInitializing", "{name}");
    }
    assert_eq!(rig.condition("Initialized"), pair("False", "ContainersNotInitialized"));
    assert_eq!(rig.started("a").exited("a", 0).took(), "side#0");
    assert_eq!(rig.started("side").took(), "", "its startup probe has not succeeded");
    rig.on(Event::Probe { name: "side".to_owned(), kind: ProbeKind::Startup, ok: true });
    assert_eq!(rig.took(), "b#0");
    assert_eq!(rig.started("b").exited("b", 0).took(), "c#0");
    rig.started("c");
    assert_eq!((rig.phase().as_str(), rig.condition("Ready")), ("Running", pair("True", "")));
    assert_eq!(rig.exited("side", 1).took(), "side#1", "a sidecar is always restarted");
    rig.started("side").delete(30);
    assert_eq!(rig.took(), "abort kill c 30", "the application ends first");
    assert_eq!(rig.exited("c", 0).took(), "kill side 30");
}

#[test]
fn the_hooks_of_all_containers_begin_together_and_a_sidecar_ends_after_its_own() {
    let hook = json!({"preStop": {"sleep": {"seconds": 5}}});
    let side = |name: &str| json!({"name": name, "restartPolicy": "Always", "lifecycle": hook});
    let mut rig = Rig::ready(json!({
        "initContainers": [side("first"), side("last")], "containers": [{"name": "c", "lifecycle": hook}],
    }));
    rig.started("first").started("last").started("c").took();
    assert_eq!(rig.delete(30).took(), "abort hook first hook last kill c 30");
    assert_eq!(rig.exited("c", 0).took(), "", "the hook of the last still runs");
    rig.on(Event::PreStopped { name: "first".to_owned() });
    assert_eq!(rig.on(Event::PreStopped { name: "last".to_owned() }).took(), "kill last 30");
    assert_eq!(rig.exited("last", 0).took(), "kill first 30");
}

#[test]
fn a_failed_init_container_is_tried_again_unless_never() {
    for (policy, taken, phase) in
        [("Always", "a#1", "Pending"), ("OnFailure", "a#1", "Pending"), ("Never", "abort -sandbox", "Failed")]
    {
        let mut rig = Rig::ready(
            json!({"restartPolicy": policy, "initContainers": [{"name": "a"}], "containers": [{"name": "c"}]}),
        );
        rig.started("a").took();
        assert_eq!((rig.exited("a", 1).took().as_str(), rig.phase().as_str()), (taken, phase), "{policy}");
    }
}

#[test]
fn a_container_may_have_a_policy_and_rules_of_its_own() {
    let rule = |operator: &str| json!([{"action": "Restart", "exitCodes": {"operator": operator, "values": [42]}}]);
    for (policy, rules, exit_code, again) in [
        ("Never", json!([]), 1, false),
        ("Always", json!([]), 0, true),
        ("Never", rule("In"), 42, true),
        ("Never", rule("In"), 1, false),
        ("Never", rule("NotIn"), 1, true),
        ("Never", rule("NotIn"), 42, false),
    ] {
        let container = json!({"name": "c", "restartPolicy": policy, "restartPolicyRules": rules});
        let mut rig = Rig::ready(json!({"restartPolicy": "OnFailure", "containers": [container]}));
        rig.started("c").took();
        let restarted = rig.exited("c", exit_code).took().contains("c#1");
        assert_eq!(restarted, again, "{policy} {rules} {exit_code}");
    }
}

#[test]
fn a_rule_has_all_containers_start_again_from_the_first() {
    let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]);
    let container = json!({"name": "c", "restartPolicy": "Never", "restartPolicyRules": rules});
    let mut rig = Rig::ready(json!({
        "restartPolicy": "Never", "initContainers": [{"name": "i"}], "containers": [container, {"name": "d"}, {"name": "e"}],
    }));
    rig.started("i").exited("i", 0).started("c").started("d").started("e").exited("e", 0).took();
    assert_eq!(rig.condition("AllContainersRestarting"), pair("False", ""));
    assert_eq!(rig.exited("c", 42).took(), "kill d 30");
    assert_eq!(rig.condition("AllContainersRestarting"), pair("True", "RestartAllContainersStarted"));
    assert_eq!((rig.exited("d", 143).took().as_str(), rig.phase().as_str()), ("i#1", "Running"));
    assert_eq!(rig.started("i").exited("i", 0).took(), "c#1 d#1 e#1");
    rig.started("c").started("d").started("e").exited("c", 42).exited("d", 0).exited("e", 0).took();
    assert_eq!((rig.wait(9).took().as_str(), rig.wait(1).took().as_str()), ("", "i#2"), "it crashes in a loop");
    rig.started("i").exited("i", 0).started("c").started("d").started("e").took();
    assert_eq!(rig.exited("c", 1).exited("d", 0).exited("e", 0).took(), "abort -sandbox", "no rule speaks of it");
}

#[test]
fn restart_policies_decide_what_an_exit_means() {
    let cases = [
        ("Always", 0, "c#1", "Running", None),
        ("Always", 1, "c#1", "Running", None),
        ("OnFailure", 0, "abort -sandbox", "Succeeded", Some(Outcome::Succeeded)),
        ("OnFailure", 1, "c#1", "Running", None),
        ("Never", 0, "abort -sandbox", "Succeeded", Some(Outcome::Succeeded)),
        ("Never", 1, "abort -sandbox", "Failed", Some(Outcome::Failed)),
    ];
    for (policy, code, taken, phase, wanted) in cases {
        let mut rig = Rig::ready(json!({"restartPolicy": policy, "containers": [{"name": "c"}]}));
        rig.started("c").took();
        assert_eq!(rig.exited("c", code).took(), taken, "{policy} {code}");
        assert_eq!((rig.phase().as_str(), outcome(&rig.state)), (phase, wanted), "{policy} {code}");
    }
}

#[test]
fn crashes_back_off_and_say_so() {
    let mut rig = Rig::ready(one());
    rig.started("c").exited("c", 1);
    assert_eq!(rig.took(), "volumes sandbox#0 c#0 c#1", "the first restart is immediate");
    let restarts = |rig: &Rig| rig.status().container_statuses.expect("statuses").remove(0).restart_count;
    assert_eq!((rig.shown("c").as_str(), restarts(&rig)), ("terminated 1", 0), "no restart before it runs");
    assert_eq!(restarts(rig.started("c")), 1);
    rig.exited("c", 1);
    assert_eq!(rig.took(), "!BackOff");
    assert_eq!((rig.shown("c").as_str(), rig.phase().as_str()), ("waiting CrashLoopBackOff", "Running"));
    let status = rig.status().container_statuses.expect("statuses").remove(0);
    let message = status.state.and_then(|s| s.waiting).and_then(|w| w.message);
    assert_eq!(message.as_deref(), Some("back-off 10s restarting failed container=c pod=p_n(u)"));
    let last = status.last_state.and_then(|s| s.terminated).expect("an end");
    assert_eq!((status.restart_count, last.exit_code, last.container_id.as_deref()), (1, 1, Some("docker://c1")));
    assert_eq!(rig.wait(9).took(), "");
    assert_eq!(rig.wait(2).took(), "c#2");
    assert_eq!(rig.started("c").exited("c", 1).wait(19).took(), "!BackOff");
    assert_eq!(rig.wait(2).took(), "c#3");
}

#[test]
fn probes_make_ready_and_kill() {
    let probe = |kind, ok| Event::Probe { name: "c".to_owned(), kind, ok };
    let mut rig = Rig::ready(json!({"containers": [{
        "name": "c", "readinessProbe": {}, "livenessProbe": {"terminationGracePeriodSeconds": 5},
    }]}));
    rig.started("c").took();
    assert_eq!(rig.condition("ContainersReady"), pair("False", "ContainersNotReady"));
    rig.on(probe(ProbeKind::Readiness, true));
    assert_eq!(rig.condition("ContainersReady"), pair("True", ""));
    rig.on(probe(ProbeKind::Readiness, false));
    assert_eq!(rig.condition("Ready"), pair("False", "ContainersNotReady"));
    rig.on(probe(ProbeKind::Liveness, false));
    assert_eq!(rig.took(), "kill c 5");
    assert_eq!(rig.exited("c", 137).took(), "c#1");
}

#[test]
fn failed_pulls_turn_into_back_off_and_are_tried_again() {
    let mut rig = Rig::ready(one());
    rig.took();
    let failed = || Event::StartFailed {
        name: "c".to_owned(),
        reason: "ErrImagePull",
        message: "failed to pull \"i\": no".to_owned(),
    };
    rig.on(failed());
    assert_eq!((rig.took().as_str(), rig.shown("c").as_str()), ("!Failed", "waiting ErrImagePull"));
    rig.wait(1);
    assert_eq!((rig.took().as_str(), rig.shown("c").as_str()), ("!BackOff !Failed", "waiting ImagePullBackOff"));
    assert_eq!((rig.wait(8).took().as_str(), rig.wait(1).took().as_str()), ("", "c#0"));
    assert_eq!(rig.on(failed()).wait(19).took(), "!Failed !BackOff !Failed");
    assert_eq!(rig.wait(1).took(), "c#0");
}

#[test]
fn a_missing_config_map_is_looked_for_again_when_objects_change() {
    let mut rig = Rig::ready(one());
    rig.took();
    let message = "configmap \"x\" not found".to_owned();
    rig.on(Event::StartFailed { name: "c".to_owned(), reason: "CreateContainerConfigError", message });
    assert_eq!((rig.took().as_str(), rig.shown("c").as_str()), ("!Failed", "waiting CreateContainerConfigError"));
    assert_eq!(rig.on(Event::ObjectsChanged).took(), "c#0");
}

#[test]
fn a_pod_that_is_through_keeps_its_containers_but_not_its_volumes() {
    let mut rig = Rig::ready(json!({"restartPolicy": "Never", "containers": [{"name": "c"}]}));
    assert_eq!(
        rig.started("c").exited("c", 0).on(Event::SandboxRemoved).took(),
        "volumes sandbox#0 c#0 abort -sandbox -volumes"
    );
    assert_eq!(rig.on(Event::ObjectsChanged).took(), "");
    assert_eq!(rig.delete(0).took(), "clean");
}

#[test]
fn a_deleted_pod_has_succeeded_when_all_its_containers_have() {
    for (codes, phase) in [([0, 0], "Succeeded"), ([0, 143], "Failed")] {
        let mut rig = Rig::ready(json!({"containers": [{"name": "b"}, {"name": "a"}]}));
        rig.started("a").started("b").delete(30).exited("b", codes[0]).exited("a", codes[1]);
        rig.on(Event::SandboxRemoved).on(Event::Cleaned);
        assert_eq!(rig.phase(), phase, "{codes:?}");
        let names: Vec<String> = rig.status().container_statuses.into_iter().flatten().map(|c| c.name).collect();
        assert_eq!(names, ["a", "b"], "in the order of their names");
    }
}

#[test]
fn deadlines_and_deletions_end_pods() {
    let mut rig = Rig::ready(json!({"activeDeadlineSeconds": 60, "containers": [{"name": "c"}]}));
    rig.started("c").took();
    assert_eq!(rig.wait(61).took(), "!DeadlineExceeded abort kill c 30");
    rig.exited("c", 143);
    let status = rig.status();
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("DeadlineExceeded")));

    let mut rig = Rig::ready(one());
    rig.started("c").delete(30).took();
    assert_eq!(rig.delete(0).took(), "kill c 0", "a forced deletion shortens the grace");

    let mut rig = Rig::ready(one());
    rig.delete(30).took();
    rig.on(Event::StartFailed { name: "c".to_owned(), reason: "ContainerCreating", message: String::new() });
    assert_eq!(rig.took(), "-sandbox", "an aborted start lets the pod go, and is no failure");
}

#[test]
fn readiness_gates_hold_back_ready() {
    let mut rig = Rig::ready(json!({"readinessGates": [{"conditionType": "g"}], "containers": [{"name": "c"}]}));
    rig.started("c");
    assert_eq!(rig.condition("Ready"), pair("False", "ReadinessGatesNotReady"));
    assert_eq!(rig.condition("ContainersReady"), pair("True", ""));
}
