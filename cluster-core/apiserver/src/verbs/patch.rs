//! patch: JSON patch, merge patch, strategic merge patch and server-side apply.

use super::create;
use super::{incoming, metadata};
use crate::kinds::prelude::*;
use cluster_object::apply;
use cluster_object::decode::{self, Duplicates};
use cluster_object::patch::strategic_merge_patch;

/// The kinds of patches, by media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Json,
    Merge,
    Strategic,
    Apply,
}

const TYPES: [(&str, Kind); 4] = [
    ("application/json-patch+json", Kind::Json),
    ("application/merge-patch+json", Kind::Merge),
    ("application/strategic-merge-patch+json", Kind::Strategic),
    ("application/apply-patch+yaml", Kind::Apply),
];

impl Kind {
    /// The kind a Content-Type names; 415 for another, strategic for custom resources included.
    pub(crate) fn of(call: &Call<'_>) -> Result<Self, Status> {
        let given = request::media_type(&call.content_type);
        let custom = call.resource.custom.is_some();
        let mut served = TYPES.iter().filter(|(_, kind)| !(custom && *kind == Self::Strategic));
        served.clone().find(|(name, _)| *name == given).map(|(_, kind)| *kind).ok_or_else(|| {
            let names: Vec<&str> = served.by_ref().map(|(name, _)| *name).collect();
            request::unsupported_media_type(&names)
        })
    }
}

pub(super) async fn patch(call: &Call<'_>, body: Bytes) -> Result<Reply, Status> {
    let kind = Kind::of(call)?;
    let (patch, duplicates) = request::decode_json_or_yaml(&call.content_type, &body)?;
    let name = call.info.name.as_str();
    if kind == Kind::Apply {
        return apply_patch(call, patch, &duplicates).await;
    }
    let forced = call.query.force.is_some();
    request::forbidden_options("patch", &[(forced, "force", "may not be specified for non-apply patch")])?;
    let make = |old: &Value| {
        let mut object = old.clone();
        apply_to(call, kind, &mut object, &patch)?;
        conform_patched(call, kind, &mut object, &duplicates, &body)?;
        Ok(Proposed::new(object))
    };
    Ok(Reply::ok(Content::Object(change(call, name, call.part(), make).await?)))
}

/// Applies a patch that is no apply configuration.
pub(crate) fn apply_to(call: &Call<'_>, kind: Kind, object: &mut Value, patch: &Value) -> Result<(), Status> {
    match (kind, call.resource.schema()) {
        (Kind::Json, _) => json_patch(object, patch),
        (Kind::Strategic, Some(schema)) => strategic_merge_patch(object, patch, schema),
        _ => {
            merge_patch(object, patch);
            Ok(())
        }
    }
}

/// A patched object must still be one of the kind, under the same name.
fn conform_patched(
    call: &Call<'_>,
    kind: Kind,
    object: &mut Value,
    duplicates: &Duplicates,
    patch: &[u8],
) -> Result<(), Status> {
    if !object.is_object() {
        let why = "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}";
        return Err(Status::bad_request(why));
    }
    incoming::type_meta(&call.resource, object)?;
    call.check_name(meta::name(object))?;
    incoming::place(call, object)?;
    incoming::conform(call, object, duplicates).map_err(|status| {
        let Some((_, why)) = status.message.split_once(": ") else { return status };
        // A strategic patch is printed, of the others what they made of the object.
        let text =
            if kind == Kind::Strategic { String::from_utf8_lossy(patch).into_owned() } else { object.to_string() };
        Status::invalid("", "", "", &[Error::invalid(&Path::new("patch"), &text.into(), why)])
    })
}

async fn apply_patch(call: &Call<'_>, mut applied: Value, duplicates: &Duplicates) -> Result<Reply, Status> {
    let name = call.info.name.as_str();
    if !applied.is_object() {
        return Err(Status::bad_request("error decoding YAML: an apply configuration is an object"));
    }
    check_apply(call, &applied)?;
    if let Some(legacy) = &call.resource.legacy {
        (legacy.upgrade)(&mut applied);
    }
    refuse_faulty(call, &applied)?;
    meta::set(&mut applied, "metadata.name", name);
    incoming::place(call, &mut applied)?;
    if call.part() == Part::Main {
        // The created object may appear in between, or go away: then it is the other way's turn.
        while call.server.store.get(&call.key(name)).is_none() {
            let object = merged(call, None, &applied, duplicates)?;
            let uid = meta::uid(&applied);
            if !uid.is_empty() {
                let why =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(Status::conflict(call.resource.group_resource(), name, &why));
            }
            call.may("create").await?;
            match create::create_object(call, object, Managed::Done).await {
                Ok(bytes) => return Ok(Reply::created(Content::Object(bytes))),
                Err(status) if status.is_already_exists() => {}
                Err(status) => return Err(status),
            }
        }
    }
    let make =
        |old: &Value| Ok(Proposed { object: merged(call, Some(old), &applied, duplicates)?, managed: Managed::Done });
    Ok(Reply::ok(Content::Object(change(call, name, call.part(), make).await?)))
}

fn check_apply(call: &Call<'_>, applied: &Value) -> Result<(), Status> {
    if !call.query.manager_given {
        let error = Error::required(&Path::new("fieldManager"), "is required for apply patch");
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", &[error]));
    }
    if applied["metadata"].get("managedFields").is_some_and(|m| !m.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let (group, version) = meta::api_version(applied).split_once('/').unwrap_or(("", meta::api_version(applied)));
    let own = (call.resource.group.as_str(), call.resource.version.as_str(), call.resource.kind.as_str());
    if (group, version, meta::kind(applied)) != own {
        let given =
            if group.is_empty() && version.is_empty() { "/".to_owned() } else { meta::api_version(applied).to_owned() };
        return Err(Status::bad_request(format!("invalid object type: {given}, Kind={}", meta::kind(applied))));
    }
    match meta::name(applied) {
        "" => Ok(()),
        given => call.check_name(given),
    }
}

/// The live object with the applied configuration merged in.
fn merged(call: &Call<'_>, live: Option<&Value>, applied: &Value, duplicates: &Duplicates) -> Result<Value, Status> {
    let Some(schema) = call.resource.schema() else {
        return Err(Status::internal(format!("no schema is known for {}", call.resource.kind)));
    };
    if let (Strictness::Strict, Some(error)) = (call.query.field_validation, duplicates.yaml_error()) {
        let why = format!("error strict decoding YAML: error converting YAML to JSON: {error}");
        return Err(Status::bad_request(why));
    }
    let mut applied = applied.clone();
    incoming::conform(call, &mut applied.clone(), duplicates)?;
    decode::prune(&mut applied, schema);
    keep_part(call, &mut applied);
    let (manager, force) = (call.query.field_manager.as_str(), call.query.force.unwrap_or_default());
    let (version, now) = (call.resource.api_version(), meta::now());
    let mut object = apply::apply(live, &applied, schema, manager, force, &version, call.part().subresource(), &now)?;
    if let Some(live) = live {
        keep_untouched(&mut object, live);
    }
    incoming::conform(call, &mut object, &Duplicates::Json(Vec::new()))?;
    Ok(object)
}

/// Nobody comes to own what the endpoint does not write.
fn keep_part(call: &Call<'_>, applied: &mut Value) {
    let Some(fields) = applied.as_object_mut() else { return };
    match call.part() {
        Part::Status => {
            fields.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
            for field in call.resource.strategy.status_resets.split_whitespace() {
                meta::remove(applied, &format!("metadata.{field}"));
            }
        }
        _ if call.resource.subresource("status").is_some() => drop(fields.remove("status")),
        _ => {}
    }
}

/// What an applier wants must fit the schema, however lenient the request is otherwise.
fn refuse_faulty(call: &Call<'_>, applied: &Value) -> Result<(), Status> {
    let faults = call.resource.schema().map(|schema| apply::faults(applied, schema)).unwrap_or_default();
    let Some(faults) = apply::told(&faults) else { return Ok(()) };
    let (group, version, kind) = (&call.resource.group, &call.resource.version, &call.resource.kind);
    let (namespace, name) = (meta::namespace(applied), meta::name(applied));
    let object = format!("{namespace}/{name}; {group}/{version}, Kind={kind}");
    Err(Status::new(500, "", format!("failed to create typed patch object ({object}): {faults}")))
}

/// An apply that changes nothing must not write, so its time does not count.
fn keep_untouched(object: &mut Value, live: &Value) {
    let bare = |value: &Value| {
        let mut value = value.clone();
        for entry in value["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            meta::remove(entry, "time");
        }
        value
    };
    if !metadata::content_differs(object, live) && bare(object) == bare(live) {
        *object = live.clone();
    }
}
