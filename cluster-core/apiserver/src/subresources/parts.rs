//! Subresources that write one part of their object: finalize, approval, ephemeralcontainers, resize.

use crate::kinds::pod;
use crate::kinds::prelude::*;
use crate::verbs::{PatchKind, apply_to, to_bytes};

pub(super) async fn serve(call: &Call<'_>, part: &str, body: Body) -> Result<Reply, Status> {
    const PARTS: [&str; 4] = ["finalize", "approval", "ephemeralcontainers", "resize"];
    let Some(part) = PARTS.into_iter().find(|known| *known == part) else {
        return Err(Status::no_such_resource());
    };
    let name = call.info.name.as_str();
    if call.info.verb == "get" {
        return Ok(Reply::ok(Content::Object(to_bytes(&call.object(name).await?)?)));
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
        Ok(Proposed::new(wanted))
    };
    let bytes = change(call, name, Part::Sub(part), make).await?;
    Ok(Reply::ok(Content::Object(bytes)))
}

/// Makes of `object` the old one with what the subresource may change, under the revision and UID that it expects.
pub(crate) fn keep_to(part: &str, object: &mut Value, old: &Value) {
    let mut kept = old.clone();
    let mut take = |path: &str| copy(&mut kept, path, object);
    ["metadata.resourceVersion", "metadata.uid", "metadata.managedFields"].into_iter().for_each(&mut take);
    match part {
        "finalize" => take("spec.finalizers"),
        "ephemeralcontainers" => take("spec.ephemeralContainers"),
        "approval" => {
            ["metadata.annotations", "metadata.labels", "status.conditions"].into_iter().for_each(take);
            for condition in child(&mut kept, "status").into_iter().flat_map(|status| each(status, "conditions")) {
                for time in ["lastUpdateTime", "lastTransitionTime"] {
                    default(condition, time, meta::now());
                }
            }
        }
        "resize" => resize(&mut kept, object),
        // A scale has been made of the old object.
        _ => return,
    }
    *object = kept;
}

/// Only the resources of containers, and of a pod that has some as a whole, may change. What other containers there should
/// be is for validation to refuse.
fn resize(object: &mut Value, wanted: &Value) {
    if object["spec"]["resources"].is_object() {
        object["spec"]["resources"] = wanted["spec"]["resources"].clone();
    }
    for list in ["containers", "initContainers"] {
        let wanted = &wanted["spec"][list];
        if items(wanted).len() != items(&object["spec"][list]).len() {
            object["spec"][list] = wanted.clone();
            continue;
        }
        for (container, same) in child(object, "spec").into_iter().flat_map(|s| each(s, list)).zip(items(wanted)) {
            for field in ["name", "resources"] {
                container[field] = same[field].clone();
            }
        }
    }
}

/// Faults of the change of a part.
pub(crate) fn faults(part: &str, strategy: &Strategy, new: &Value, old: &Value) -> Errors {
    match part {
        "approval" => strategy.fields_of_status(new, old),
        "ephemeralcontainers" => pod::parts::ephemeral(new, old),
        "resize" => pod::parts::resize(new, old),
        _ => Errors::new(),
    }
}
