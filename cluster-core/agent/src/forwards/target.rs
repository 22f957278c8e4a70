//! Which pod, and which of its ports, a forward leads to now.

use super::{Forward, Forwards};
use crate::prelude::*;
use crate::watch;
use cluster_object::selector::Selector;

const HOW: &str = "the target must be KIND/NAME of a service, pod, deployment, statefulset, daemonset or replicaset";

/// The resource and the name in `service/NAME`, `pod/NAME`, `deployment/NAME` and the like.
pub(super) fn parse(target: &str) -> Result<(Resource, &str), Status> {
    let (kind, name) = target.split_once('/').unwrap_or_default();
    let group = match kind {
        "service" | "pod" if !name.is_empty() => "",
        "deployment" | "statefulset" | "daemonset" | "replicaset" if !name.is_empty() => "apps",
        _ => return Err(Status::bad_request(HOW)),
    };
    Ok((Resource::new(group, "v1", &format!("{kind}s")), name))
}

/// A pod that is ready, and its port.
pub(super) async fn resolve(live: &Live, namespace: &str, target: &str, port: u16) -> Result<(String, u16), Error> {
    let (resource, name) = parse(target)?;
    if resource.resource == "pods" {
        return Ok((name.to_owned(), port));
    }
    let object = live.get(&format!("{}/{}", resource.path(namespace), escape(name))).await?;
    let selector = &object["spec"]["selector"];
    let selector = match resource.group.as_str() {
        "" => Selector::from_map(selector),
        _ => Selector::from_label_selector(selector),
    };
    let selector = selector.map_err(Status::bad_request)?.to_string();
    if selector.is_empty() {
        return Err(Status::new(503, "ServiceUnavailable", "it selects no pods").into());
    }
    let path = Resource::new("", "v1", "pods").path(namespace);
    let pods = live.get(&format!("{path}?labelSelector={}", escape(&selector))).await?;
    let pod = meta::items(&pods["items"]).iter().find(|pod| is_ready(pod));
    let pod = pod.ok_or_else(|| Status::new(503, "ServiceUnavailable", "no pod behind it is ready"))?;
    let wanted = target_port(&object, port);
    let port = pod_port(pod, &wanted).ok_or_else(|| Status::bad_request(format!("its pods have no port {wanted}")))?;
    Ok((meta::name(pod).to_owned(), port))
}

/// Tells whether a pod or a workload answers, as its own status says, for as long as it is forwarded to. Services are
/// judged all at once.
pub(super) async fn follow(forwards: Arc<Forwards>, forward: Forward) {
    let Ok((resource, name)) = parse(&forward.target) else { return };
    if resource.resource == "services" {
        return;
    }
    let scope = WatchScope {
        path: resource.path(&forward.namespace),
        field_selector: format!("metadata.name={name}"),
        ..WatchScope::default()
    };
    loop {
        let live = forwards.clusters.running(&forward.cluster).await;
        let judged = watch::follow(&live.backend, &scope, Form::Objects, |event| {
            if let Some(object) = event.single() {
                forwards.change(&forward.id, |forward| forward.judge(answers(&object)));
            }
        });
        tokio::select! {
            () = judged => {}
            () = live.ended.cancelled() => {}
        }
    }
}

/// Whether a pod runs, or one of a workload's is ready.
fn answers(object: &Value) -> bool {
    let status = &object["status"];
    status["phase"] == "Running" || ["readyReplicas", "numberReady"].iter().any(|one| status[one].as_u64() > Some(0))
}

fn is_ready(pod: &Value) -> bool {
    meta::is_true(pod, "Ready") && meta::deletion_timestamp(pod).is_none()
}

/// The port on the pods, a number or a name, which only services may have another one for.
fn target_port(object: &Value, port: u16) -> Value {
    let mut ports = meta::items(&object["spec"]["ports"]).iter();
    let found = ports.find(|one| one["port"] == port).map(|one| one["targetPort"].clone());
    found.filter(|target| !target.is_null()).unwrap_or_else(|| port.into())
}

fn pod_port(pod: &Value, wanted: &Value) -> Option<u16> {
    if let Some(number) = wanted.as_u64() {
        return u16::try_from(number).ok();
    }
    let containers = meta::items(&pod["spec"]["containers"]).iter();
    let mut ports = containers.flat_map(|container| meta::items(&container["ports"]));
    let number = ports.find(|port| port["name"] == *wanted)?["containerPort"].as_u64()?;
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_port_leads_to_the_pods_port_by_number_or_name() {
        let service = json!({"spec": {"ports": [{"port": 80, "targetPort": "web"}, {"port": 81}, {"port": 82, "targetPort": 8082}]}});
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8080}]}]}});
        for (port, expected) in [(80, Some(8080)), (81, Some(81)), (82, Some(8082)), (99, Some(99))] {
            assert_eq!(pod_port(&pod, &target_port(&service, port)), expected);
        }
        assert_eq!(pod_port(&pod, &json!("other")), None);
    }

    #[test]
    fn targets_name_a_kind_and_an_object() {
        for (target, path) in [
            ("pod/a", "/api/v1/namespaces/n/pods"),
            ("service/a", "/api/v1/namespaces/n/services"),
            ("deployment/a", "/apis/apps/v1/namespaces/n/deployments"),
            ("daemonset/a", "/apis/apps/v1/namespaces/n/daemonsets"),
        ] {
            let (resource, name) = parse(target).expect("a target");
            assert_eq!((resource.path("n").as_str(), name), (path, "a"));
        }
        for wrong in ["pod/", "node/a", "a", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pod_that_runs_and_a_workload_with_a_ready_pod_answer() {
        for (object, expected) in [
            (json!({"status": {"phase": "Running"}}), true),
            (json!({"status": {"phase": "Pending"}}), false),
            (json!({"status": {"replicas": 1, "readyReplicas": 1}}), true),
            (json!({"status": {"replicas": 1, "unavailableReplicas": 1}}), false),
            (json!({"status": {"desiredNumberScheduled": 1, "numberReady": 0}}), false),
            (json!({"status": {"desiredNumberScheduled": 2, "numberReady": 1}}), true),
            (Value::Null, false),
        ] {
            assert_eq!(answers(&object), expected, "{object}");
        }
    }

    #[test]
    fn a_forward_waits_until_somebody_is_known_to_answer_and_while_nobody_does() {
        let (asking, refused) = (Some(super::super::asking()), Some(Saying::verbatim("refused")));
        let (nobody, stopped) = (Some(say("why.forward.no-pod")), Some(say("why.forward.not-running")));
        for (target, why, answers, expected) in [
            ("deployment/web", &asking, true, &None),
            ("deployment/web", &asking, false, &nobody),
            ("pod/web", &asking, false, &stopped),
            ("pod/web", &stopped, true, &None),
            ("service/web", &None, false, &nobody),
            ("service/web", &refused, false, &nobody),
            ("service/web", &refused, true, &refused),
            ("service/web", &None, true, &None),
        ] {
            let mut forward = Forward { target: target.to_owned(), why: why.clone(), ..Forward::default() };
            forward.judge(answers);
            assert_eq!(&forward.why, expected, "{target} {why:?} {answers}");
            forward.connected(refused.clone());
            assert_eq!(forward.has_nobody(), !answers, "a refused connection");
        }
    }
}
