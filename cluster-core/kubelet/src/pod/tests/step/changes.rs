//! What a change of its spec does to a pod that runs.

use super::*;

/// The pod with another spec, as the API server sends it.
fn changed(spec: Value) -> Event {
    Event::PodChanged(pod(spec))
}

#[test]
fn a_resize_waits_until_the_node_has_room() {
    let asking = |cpu: &str| json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]});
    let mut rig = Rig::ready(asking("1"));
    rig.started("c").took();
    rig.on(Event::Room(Some(("Deferred", "no room".to_owned()))));
    assert_eq!(rig.took(), "", "nothing waits yet");
    assert_eq!(rig.on(changed(asking("2"))).on(changed(asking("2"))).took(), "!ResizeDeferred");
    let resources = json!({"requests": {"cpu": "2"}});
    let expected = format!(
        "Pod resize Deferred: {{\"containers\":[{{\"name\":\"c\",\"resources\":{resources}}}],\"generation\":3,\
         \"error\":\"no room\"}}"
    );
    assert_eq!(rig.said, expected);
    assert_eq!(rig.condition("PodResizePending"), pair("True", "Deferred"));
    assert_eq!(rig.on(Event::Room(Some(("Infeasible", "never".to_owned())))).took(), "!ResizeInfeasible");
    let allocated = |rig: &Rig| rig.status().container_statuses.expect("one")[0].allocated_resources.clone();
    assert_eq!(allocated(&rig).expect("requests")["cpu"].0, "1");
    assert_eq!(rig.on(Event::Room(None)).took(), "resize c !ResizeStarted");
    assert_eq!(rig.on(Event::Resized { name: "c".to_owned(), outcome: Ok(()) }).took(), "!ResizeCompleted");
    let expected = "Pod resize completed: {\"containers\":[{\"name\":\"c\",\"resources\":";
    assert!(rig.said.starts_with(expected) && rig.said.ends_with("}],\"generation\":3}"), "{}", rig.said);
    assert!(rig.status().conditions.into_iter().flatten().all(|c| c.type_ != "PodResizePending"));
    assert_eq!(allocated(&rig).expect("requests")["cpu"].0, "2");
}

#[test]
fn an_ephemeral_container_starts_beside_the_others_once_and_changes_no_phase() {
    let app = json!([{"name": "app", "image": "a"}]);
    let mut rig = Rig::ready(json!({"containers": app}));
    rig.started("app").log.clear();
    let tools = json!([{"name": "tools", "image": "t", "targetContainerName": "app"}]);
    rig.on(changed(json!({"containers": app, "ephemeralContainers": tools})));
    rig.started("tools").exited("tools", 1).wait(600);
    assert_eq!(rig.log, ["tools#0"]);
    let status = rig.status();
    let shown = status.ephemeral_container_statuses.expect("its status");
    assert_eq!((shown.len(), shown[0].image.as_str()), (1, "t"));
    assert!(shown[0].state.as_ref().is_some_and(|s| s.terminated.is_some()));
    assert_eq!(status.phase.as_deref(), Some("Running"));
}

#[test]
fn new_limits_reach_a_running_container_and_restart_it_only_where_its_policy_says() {
    let spec = |cpu: &str, memory: &str| {
        json!({"containers": [{
            "name": "c", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": memory}},
            "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}],
        }]})
    };
    let mut rig = Rig::ready(spec("1", "64Mi"));
    rig.started("c").log.clear();
    rig.on(changed(spec("2", "64Mi")))
        .on(changed(spec("2", "64Mi")))
        .on(Event::Resized { name: "c".to_owned(), outcome: Ok(()) });
    assert_eq!(rig.log, ["resize c", "!ResizeStarted", "!ResizeCompleted"]);
    let reported = rig.status().container_statuses.expect("containers").remove(0);
    assert_eq!(reported.resources.and_then(|r| r.requests).expect("requests")["cpu"].0, "2");
    rig.log.clear();
    rig.on(changed(spec("2", "128Mi"))).exited("c", 143);
    assert_eq!(rig.log, ["kill c 30", "!ResizeStarted", "c#1", "!ResizeCompleted"]);
}

#[test]
fn a_resize_is_in_progress_until_the_engine_took_it_and_says_why_it_did_not() {
    let asking = |memory: &str| {
        changed(json!({"containers": [{"name": "c", "image": "i", "resources": {"limits": {"memory": memory}}}]}))
    };
    let told = |rig: &Rig| {
        let reported = rig.status().container_statuses.expect("containers").remove(0);
        reported.resources.and_then(|r| r.limits).expect("limits")["memory"].0.clone()
    };
    let passed = |rig: &Rig| rig.status().conditions.into_iter().flatten().all(|c| c.type_ != "PodResizeInProgress");
    let mut rig = Rig::ready(json!({"containers": [{"name": "c", "image": "i",
        "resources": {"limits": {"memory": "64Mi"}}}]}));
    rig.started("c").took();
    assert_eq!(rig.on(asking("10Ki")).took(), "resize c !ResizeStarted");
    assert_eq!((told(&rig), rig.condition("PodResizeInProgress")), ("64Mi".to_owned(), pair("True", "")));
    assert_eq!(rig.on(asking("32Mi")).took(), "", "one after the other");
    let failed = |rig: &mut Rig| {
        rig.on(Event::Resized { name: "c".to_owned(), outcome: Err("below current usage".to_owned()) }).took()
    };
    assert_eq!(failed(&mut rig), "!ResizeError resize c !ResizeStarted");
    assert_eq!(failed(&mut rig), "!ResizeError");
    assert_eq!(rig.wait(9).took(), "", "not yet");
    assert_eq!((rig.wait(1).took().as_str(), failed(&mut rig).as_str()), ("resize c", ""), "nothing new");
    assert_eq!((rig.wait(10).took().as_str(), failed(&mut rig).as_str()), ("resize c", ""), "nor later");
    assert_eq!((told(&rig), rig.condition("PodResizeInProgress")), ("64Mi".to_owned(), pair("True", "Error")));
    assert!(rig.said.contains(",\"generation\":3,\"error\":\"below current usage\"}"), "{}", rig.said);
    assert_eq!(rig.on(asking("48Mi")).took(), "resize c !ResizeStarted");
    rig.on(Event::Resized { name: "c".to_owned(), outcome: Ok(()) });
    assert!(passed(&rig) && told(&rig) == "48Mi");
    rig.on(asking("10Ki")).on(Event::Resized { name: "c".to_owned(), outcome: Err(String::new()) });
    assert!(!passed(&rig) && passed(rig.on(asking("48Mi"))), "taken back");
}

#[test]
fn new_resources_of_the_pod_as_a_whole_reach_its_group_when_there_is_room() {
    let spec = |memory: &str| json!({"resources": {"limits": {"memory": memory}}, "containers": [{"name": "c", "image": "i"}]});
    let told = |rig: &Rig| rig.status().resources.and_then(|r| r.limits).expect("limits")["memory"].0.clone();
    let outcome = |outcome| Event::Resized { name: String::new(), outcome };
    let mut rig = Rig::ready(spec("64Mi"));
    rig.started("c").took();
    let full = Some(("Deferred", "no room".to_owned()));
    assert_eq!(rig.on(Event::Room(full)).on(changed(spec("96Mi"))).took(), "!ResizeDeferred");
    assert_eq!((rig.on(Event::Room(None)).took().as_str(), told(&rig).as_str()), ("resize  !ResizeStarted", "64Mi"));
    assert_eq!(rig.on(outcome(Err("busy".to_owned()))).took(), "!ResizeError");
    assert_eq!(rig.condition("PodResizeInProgress"), pair("True", "Error"));
    assert_eq!(
        (rig.wait(10).took().as_str(), rig.on(outcome(Ok(()))).took().as_str()),
        ("resize ", "!ResizeCompleted")
    );
    assert_eq!(told(&rig), "96Mi");
}

#[test]
fn what_waited_for_room_before_the_kubelet_began_anew_waits_on() {
    let spec = json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}}}]});
    let mut adopted = (*pod(spec)).clone();
    let told = json!({"name": "c", "image": "i", "imageID": "", "restartCount": 0, "ready": true, "containerID": "docker://c0",
        "resources": {"requests": {"cpu": "1"}}});
    let waits = json!({"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "too much"});
    adopted.status =
        serde_json::from_value(json!({"containerStatuses": [told], "conditions": [waits]})).expect("a status");
    let now = Timestamp::UNIX_EPOCH;
    let mut rig = Rig { state: PodState::new(Arc::new(adopted), now), now, log: Vec::new(), said: String::new() };
    let sandbox = Some(("s".to_owned(), "10.0.0.9".to_owned()));
    rig.on(Event::Observed { sandbox, containers: vec![found("c", 0, Ok("c0"))] }).on(Event::VolumesReady);
    assert_eq!(rig.took(), "volumes !ResizeInfeasible");
    assert_eq!(rig.condition("PodResizePending"), pair("True", "Infeasible"));
    assert_eq!(rig.on(Event::Room(None)).took(), "resize c !ResizeStarted");
}

#[test]
fn a_pod_with_resources_as_a_whole_tells_what_it_has() {
    let resources = json!({"requests": {"cpu": "1"}, "limits": {"memory": "64Mi"}});
    let containers = json!([{"name": "c"}]);
    let whole = Rig::ready(json!({"containers": containers, "resources": resources})).status();
    assert_eq!(json!(whole.resources), resources);
    assert_eq!(json!(whole.allocated_resources), resources["requests"]);
    let plain = Rig::ready(json!({"containers": containers})).status();
    assert_eq!((plain.resources, plain.allocated_resources), (None, None));
}

#[test]
fn a_new_image_does_not_wait_for_what_the_old_one_did() {
    let mut rig = Rig::ready(one());
    let message = "failed to pull \"i\": no".to_owned();
    rig.on(Event::StartFailed { name: "c".to_owned(), reason: "ErrImagePull", message }).wait(1).took();
    assert_eq!(rig.on(changed(json!({"containers": [{"name": "c", "image": "j"}]}))).took(), "c#0");
    assert_eq!(rig.shown("c"), "waiting ContainerCreating");
    rig.started("c").exited("c", 1).started("c").exited("c", 1).took();
    assert_eq!(rig.shown("c"), "waiting CrashLoopBackOff");
    assert_eq!(rig.on(changed(json!({"containers": [{"name": "c", "image": "k"}]}))).took(), "c#2");
}
