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
    loop {
        let entry = call.stored(&name)?;
        let mut pod = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
        bind(&name, &mut pod, &binding)?;
        if call.query.dry_run {
            return super::success();
        }
        match verbs::write(call, &entry, &pod, None).await {
            Ok(_) => return super::success(),
            Err(WriteError::Conflict { .. }) => {}
            Err(error) => return Err(call.write_error(&name, &error)),
        }
    }
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

/// Puts the pod on the binding's node. Nobody becomes the owner of the fields: what admission and validation see, and
/// what a manager wrote, is the Binding.
fn bind(name: &str, pod: &mut Value, binding: &Value) -> Result<(), Status> {
    for (what, field) in [("UID", "uid"), ("ResourceVersion", "resourceVersion")] {
        let (given, present) = (meta::text(&binding["metadata"], field), meta::text(&pod["metadata"], field));
        if !given.is_empty() && given != present {
            let why = format!("Precondition failed: {what} in precondition: {given}, {what} in object meta: {present}");
            return Err(Status::conflict(GroupResource { group: "", resource: "pods" }, name, &why));
        }
    }
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
    for field in ["annotations", "labels"] {
        for (key, value) in binding["metadata"][field].as_object().into_iter().flatten() {
            pod["metadata"][field][key] = value.clone();
        }
    }
    meta::set(pod, "spec.nodeName", node);
    let scheduled = json!({
        "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": meta::now(),
        "observedGeneration": meta::generation(pod),
    });
    let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|c| c["type"] != "PodScheduled");
    conditions.push(scheduled);
    pod["status"]["conditions"] = conditions.into();
    Ok(())
}
