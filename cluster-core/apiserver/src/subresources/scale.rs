//! `scale`: the replicas of any resource that has some, as one kind.

use crate::kinds::prelude::*;
use crate::verbs::{Part, PatchKind, Proposed, Reply, change};
use cluster_object::jsonpath;

pub(super) async fn serve(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    let name = call.info.name.as_str();
    if call.info.verb == "get" {
        let object = call.object(name).await?;
        let custom = call.resource.custom.as_ref().and_then(|custom| custom.scale.as_ref());
        if let Some(scale) = custom.filter(|_| meta::get(&object, &replicas_path(call)).is_null()) {
            let path = &scale.spec_replicas;
            return Err(Status::internal(format!("the spec replicas field {path:?} does not exist")));
        }
        return Reply::other(StatusCode::OK, &scale_of(call, &object));
    }
    let kind = if call.info.verb == "patch" { Some(PatchKind::of(call)?) } else { None };
    let bytes = request::read(body).await?;
    let (given, _) = request::decode_json_or_yaml(&call.content_type, &bytes)?;
    if kind.is_none() {
        call.check_name(meta::name(&given))?;
    }
    let make = |old: &Value| {
        let mut scale = scale_of(call, old);
        match kind {
            None => scale = given.clone(),
            Some(PatchKind::Json) => json_patch(&mut scale, &given)?,
            Some(_) => merge_patch(&mut scale, &given),
        }
        Ok(Proposed::new(scaled(call, name, old, &scale)?))
    };
    let bytes = change(call, name, Part::Sub("scale"), make).await?;
    let object: Value = serde_json::from_slice(&bytes).map_err(Status::internal)?;
    Reply::other(StatusCode::OK, &scale_of(call, &object))
}

/// The dotted path of the wanted replicas.
fn replicas_path(call: &Call<'_>) -> String {
    let custom = call.resource.custom.as_ref().and_then(|custom| custom.scale.as_ref());
    custom.map_or("spec.replicas", |scale| scale.spec_replicas.trim_start_matches('.')).to_owned()
}

pub(crate) fn scale_of(call: &Call<'_>, object: &Value) -> Value {
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    let number = |path: &str| meta::get(object, path).as_i64().unwrap_or_default();
    let (present, selector) = match call.resource.custom.as_ref().and_then(|custom| custom.scale.as_ref()) {
        Some(scale) => {
            let first = |path: &str| jsonpath::simple(object, path).first().map(|v| (*v).clone()).unwrap_or_default();
            let selector = if scale.selector.is_empty() { Value::Null } else { first(&scale.selector) };
            (
                first(&scale.status_replicas).as_i64().unwrap_or_default(),
                selector.as_str().unwrap_or_default().to_owned(),
            )
        }
        None => (number("status.replicas"), selector_text(&object["spec"]["selector"])),
    };
    let mut status = json!({"replicas": present});
    if !selector.is_empty() {
        status["selector"] = json!(selector);
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(&replicas_path(call))}, "status": status,
    })
}

fn selector_text(selector: &Value) -> String {
    let structured = selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    let parsed = if structured { Selector::from_label_selector(selector) } else { Selector::from_map(selector) };
    parsed.map(|s| s.to_string()).unwrap_or_default()
}

pub(crate) fn scaled(call: &Call<'_>, name: &str, old: &Value, scale: &Value) -> Result<Value, Status> {
    let given = &scale["spec"]["replicas"];
    let replicas = given.as_i64().unwrap_or_default();
    if replicas < 0 || !(given.is_i64() || given.is_null()) {
        let detail = "must be greater than or equal to 0";
        let error = Error::invalid(&Path::new("spec").child("replicas"), given, detail);
        return Err(Status::invalid("autoscaling", "Scale", name, &[error]));
    }
    let mut object = old.clone();
    let version = meta::resource_version(scale);
    if !version.is_empty() {
        meta::set(&mut object, "metadata.resourceVersion", version);
    }
    let uid = meta::uid(scale);
    if !uid.is_empty() {
        meta::set(&mut object, "metadata.uid", uid);
    }
    meta::set(&mut object, &replicas_path(call), replicas);
    Ok(object)
}
