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
    assert_eq!(rig.on(Event::Resized { name: "c".to_owned() }).took(), "!ResizeCompleted");
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
    rig.on(changed(spec("2", "64Mi"))).on(changed(spec("2", "64Mi"))).on(Event::Resized { name: "c".to_owned() });
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
        rig.on(Event::ResizeFailed { name: "c".to_owned(), message: "below current usage".to_owned() }).took()
    };
    assert_eq!(failed(&mut rig), "!ResizeError resize c !ResizeStarted");
    assert_eq!(failed(&mut rig), "!ResizeError", "what failed is not tried again");
    assert_eq!((told(&rig), rig.condition("PodResizeInProgress")), ("64Mi".to_owned(), pair("True", "Error")));
    assert!(rig.said.contains(",\"generation\":3,\"error\":\"below current usage\"}"), "{}", rig.said);
    assert_eq!(rig.on(asking("48Mi")).took(), "resize c !ResizeStarted");
    rig.on(Event::Resized { name: "c".to_owned() });
    assert!(passed(&rig) && told(&rig) == "48Mi");
    rig.on(asking("10Ki")).on(Event::ResizeFailed { name: "c".to_owned(), message: String::new() });
    assert!(!passed(&rig) && passed(rig.on(asking("48Mi"))), "taken back");
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
