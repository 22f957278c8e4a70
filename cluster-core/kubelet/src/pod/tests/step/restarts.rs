//! What is left of a pod when its kubelet, its sandbox or its node comes back.

use super::*;

#[test]
fn what_runs_is_adopted_after_a_restart_of_the_kubelet() {
    let now = Timestamp::UNIX_EPOCH;
    let mut rig = Rig { state: PodState::new(pod(one()), now), now, log: Vec::new(), said: String::new() };
    let sandbox = Some(("s".to_owned(), "10.0.0.9".to_owned()));
    rig.on(Event::Observed { sandbox, containers: vec![found("c", 0, Err(ended("c0", 1))), found("c", 1, Ok("c1"))] });
    assert_eq!(rig.took(), "volumes", "nothing is started");
    rig.on(Event::VolumesReady);
    let status = rig.status().container_statuses.expect("statuses").remove(0);
    assert_eq!((rig.took().as_str(), rig.shown("c").as_str(), status.restart_count), ("", "running", 1));
    assert_eq!(status.last_state.and_then(|s| s.terminated).map(|t| t.exit_code), Some(1));
}

#[test]
fn a_dead_sandbox_is_replaced_with_all_its_containers() {
    let mut rig = Rig::ready(one());
    rig.started("c").took();
    rig.on(Event::SandboxDied { id: "s".to_owned() });
    assert_eq!(rig.took(), "!SandboxChanged kill c 30");
    assert_eq!(rig.exited("c", 137).took(), "-sandbox");
    assert_eq!(rig.on(Event::SandboxRemoved).took(), "sandbox#1");
    rig.on(Event::SandboxReady { id: "t".to_owned(), ip: "10.0.0.10".to_owned() });
    assert_eq!(rig.took(), "c#1");
}

#[test]
fn a_new_sandbox_begins_with_the_init_containers_and_leaves_out_what_has_succeeded() {
    let mut rig = Rig::ready(json!({
        "restartPolicy": "OnFailure", "initContainers": [{"name": "i"}], "containers": [{"name": "a"}, {"name": "b"}],
    }));
    rig.started("i").exited("i", 0).started("a").started("b").exited("a", 0);
    rig.on(Event::SandboxDied { id: "s".to_owned() }).exited("b", 137).on(Event::SandboxRemoved).took();
    rig.on(Event::SandboxReady { id: "t".to_owned(), ip: "10.0.0.10".to_owned() });
    assert_eq!(rig.took(), "i#1");
    assert_eq!(rig.started("i").exited("i", 0).took(), "b#1");
    assert_eq!(rig.shown("a"), "terminated 0");
    assert_eq!(rig.started("b").exited("b", 0).took(), "abort -sandbox");
    assert_eq!(rig.phase(), "Succeeded");
}

#[test]
fn a_pod_whose_sandbox_went_with_the_node_begins_with_its_init_containers_unless_it_is_through() {
    for (policy, exit_code, taken) in
        [("Always", 137, "volumes sandbox#0 i#1"), ("OnFailure", 0, "abort"), ("Never", 137, "abort")]
    {
        let spec = json!({"restartPolicy": policy, "initContainers": [{"name": "i"}], "containers": [{"name": "c"}]});
        let now = Timestamp::UNIX_EPOCH;
        let mut rig = Rig { state: PodState::new(pod(spec), now), now, log: Vec::new(), said: String::new() };
        let found =
            [("i", 0), ("c", exit_code)].map(|(name, code)| found(name, 0, Err(ended(&format!("{name}0"), code))));
        rig.on(Event::Observed { sandbox: None, containers: found.to_vec() });
        rig.on(Event::VolumesReady).on(Event::SandboxReady { id: "t".to_owned(), ip: "10.0.0.10".to_owned() });
        assert!(rig.took().starts_with(taken), "{policy}");
    }
}

#[test]
fn what_probes_have_said_holds_over_a_restart_of_the_kubelet() {
    for (id, expected) in [("c0", (true, true)), ("c1", (false, false))] {
        let now = Timestamp::UNIX_EPOCH;
        let spec = json!({"containers": [{"name": "c", "image": "i", "startupProbe": {}, "readinessProbe": {}}]});
        let mut pod = (*pod(spec)).clone();
        let said = json!({"name": "c", "image": "i", "imageID": "", "restartCount": 0, "containerID": "docker://c0",
            "started": true, "ready": true});
        pod.status = serde_json::from_value(json!({"containerStatuses": [said]})).expect("a status");
        let mut rig = Rig { state: PodState::new(Arc::new(pod), now), now, log: Vec::new(), said: String::new() };
        let sandbox = Some(("s".to_owned(), "10.0.0.9".to_owned()));
        rig.on(Event::Observed { sandbox, containers: vec![found("c", 0, Ok(id))] });
        let shown = rig.status().container_statuses.expect("one").remove(0);
        assert_eq!((shown.started == Some(true), shown.ready), expected, "{id}");
    }
}
