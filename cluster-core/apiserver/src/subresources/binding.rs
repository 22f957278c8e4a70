//! Bindings: a pod gets its node.

use crate::kinds::prelude::*;

/// `pods/NAME/binding`, and `bindings` with the pod's name in the body.
pub(crate) async fn post(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    let mut binding = super::decode(call, body).await?;
    let name = match call.info.name.as_str() {
        "" => meta::name(&binding).to_owned(),
        name => name.to_owned(),
    };
    check(&name, &binding)?;
    call.admit_both(AdmissionRequest::new(call, Operation::Create, &name, &mut binding).of("binding")).await?;
    change(call, &name, Part::Binding, |pod| Ok(Proposed::new(bound(&name, pod, &binding)?))).await?;
    super::success()
}

fn check(name: &str, binding: &Value) -> Result<(), Status> {
    let path = Path::new("target");
    let target = &binding["target"];
    let mut errors = Vec::new();
    if !matches!(meta::kind(target), "" | "Node") {
        errors.push(Error::not_supported(&path.child("kind"), &target["kind"], &["Node", ""]));
    }
    if meta::text(target, "name").is_empty() {
        errors.push(Error::required(&path.child("name"), ""));
    }
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("", "Binding", name, &errors)) }
}

/// The pod on the binding's node.
fn bound(name: &str, pod: &Value, binding: &Value) -> Result<Value, Status> {
    let node = meta::text(binding, "target.name");
    let conflict = |why: &str| Err(Status::conflict(GroupResource { group: "", resource: "pods/binding" }, name, why));
    if meta::deletion_timestamp(pod).is_some() {
        return conflict(&format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let present = meta::text(pod, "spec.nodeName");
    if !present.is_empty() {
        return conflict(&format!("pod {name} is already assigned to node {present:?}"));
    }
    if meta::get(pod, "spec.schedulingGates").as_array().is_some_and(|gates| !gates.is_empty()) {
        return conflict(&format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    let mut pod = pod.clone();
    for field in ["uid", "resourceVersion"] {
        let given = &binding["metadata"][field];
        if given.as_str().is_some_and(|g| !g.is_empty()) {
            pod["metadata"][field] = given.clone();
        }
    }
    for field in ["annotations", "labels"] {
        for (key, value) in binding["metadata"][field].as_object().into_iter().flatten() {
            pod["metadata"][field][key] = value.clone();
        }
    }
    meta::set(&mut pod, "spec.nodeName", node);
    let scheduled = json!({
        "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": meta::now(),
        "observedGeneration": meta::generation(&pod),
    });
    let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|c| c["type"] != "PodScheduled");
    conditions.push(scheduled);
    pod["status"]["conditions"] = conditions.into();
    Ok(pod)
}
