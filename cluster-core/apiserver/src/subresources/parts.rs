//! Subresources that write one part of their object: finalize, approval, ephemeralcontainers, resize.

use crate::kinds::{certificates, pod, walk};
use crate::prelude::*;
use crate::verbs::{Content, Part, PatchKind, Proposed, Reply, apply_to, change};

/// The part a subresource writes: its name and the path below the object.
const PARTS: &[(&str, &str)] = &[
    ("finalize", "spec.finalizers"),
    ("approval", "status.conditions"),
    ("ephemeralcontainers", "spec.ephemeralContainers"),
    ("resize", "spec.containers"),
];

pub(super) async fn serve(call: &Call<'_>, part: &str, body: Body) -> Result<Reply, Status> {
    let Some(&(part, path)) = PARTS.iter().find(|(name, _)| *name == part) else {
        return Err(Status::no_such_resource());
    };
    let name = call.info.name.as_str();
    if call.info.verb == "get" {
        return Ok(Reply::ok(Content::Object(super::super::verbs::to_bytes(&call.object(name).await?)?)));
    }
    let kind = if call.info.verb == "patch" { Some(PatchKind::of(call)?) } else { None };
    let bytes = request::read(body).await?;
    let (given, _) = request::decode_json_or_yaml(&call.content_type, &bytes)?;
    let make = |old: &Value| {
        let mut wanted = given.clone();
        if let Some(kind) = kind {
            wanted = old.clone();
            apply_to(call, kind, &mut wanted, &given)?;
        }
        if let Some(schema) = call.resource.schema() {
            cluster_object::decode::normalize(&mut wanted, schema);
        }
        call.resource.strategy.complete(&mut wanted);
        if part == "resize" {
            call.invalid_if(name, &pod::update::resize(&wanted, old))?;
        }
        let object = with_part(part, path, old, &wanted);
        if part == "approval" {
            call.invalid_if(name, &certificates::conditions(&object, old))?;
        }
        Ok(Proposed::new(object))
    };
    let (bytes, _) = change(call, name, Part::Sub(part), make).await?;
    Ok(Reply::ok(Content::Object(bytes)))
}

/// `old` with this part out of `wanted`, under the revision and UID that `wanted` expects.
fn with_part(part: &str, path: &str, old: &Value, wanted: &Value) -> Value {
    let mut object = old.clone();
    for field in ["resourceVersion", "uid"] {
        if let Some(value) = wanted["metadata"].get(field).filter(|v| !v.is_null()) {
            object["metadata"][field] = value.clone();
        }
    }
    if part == "resize" {
        resize(&mut object, wanted);
        return object;
    }
    match meta::get(wanted, path) {
        Value::Null => drop(meta::remove(&mut object, path)),
        value => meta::set(&mut object, path, value.clone()),
    }
    if part == "approval" {
        for field in ["annotations", "labels"] {
            object["metadata"][field] = wanted["metadata"][field].clone();
        }
        for condition in object["status"]["conditions"].as_array_mut().into_iter().flatten() {
            for time in ["lastUpdateTime", "lastTransitionTime"] {
                walk::default(condition, time, meta::now());
            }
        }
    }
    object
}

/// Only resources and resize policies of containers may change.
fn resize(object: &mut Value, wanted: &Value) {
    for list in ["containers", "initContainers"] {
        let wanted = wanted["spec"][list].as_array().map(Vec::as_slice).unwrap_or_default();
        for container in object["spec"][list].as_array_mut().into_iter().flatten() {
            if let Some(same) = wanted.iter().find(|w| w["name"] == container["name"]) {
                container["resources"] = same["resources"].clone();
            }
        }
    }
}
