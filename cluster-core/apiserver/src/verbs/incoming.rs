//! What comes in: a body becomes an object of the call's kind, checked against its schema and completed by defaults.

use crate::kinds::prelude::*;
use cluster_object::decode::{self, Duplicates, Strictness};

/// Decodes a whole object of the call's resource.
pub(super) fn object(call: &Call<'_>, body: &[u8]) -> Result<Value, Status> {
    let unreadable = |status: Status| {
        let no_json = status.message.starts_with("couldn't get version/kind");
        if no_json { request::unrecognized(&call.resource.kind, &status.message, body) } else { status }
    };
    let (mut object, duplicates) = request::decode_json_or_yaml(&call.content_type, body).map_err(unreadable)?;
    let typed = object.is_object() && (call.resource.custom.is_none() || !meta::kind(&object).is_empty());
    if !typed {
        let why = format!("Object 'Kind' is missing in '{}'", String::from_utf8_lossy(body));
        return Err(request::unrecognized(&call.resource.kind, &why, body));
    }
    type_meta(&call.resource, &mut object)?;
    place(call, &mut object)?;
    conform(call, &mut object, &duplicates)?;
    Ok(object)
}

/// Completes apiVersion and kind, or refuses those of another kind. A custom object must name its own.
pub(super) fn type_meta(resource: &Resource, object: &mut Value) -> Result<(), Status> {
    let expected = resource.api_version();
    match meta::api_version(object) {
        "" if resource.custom.is_none() => object["apiVersion"] = expected.clone().into(),
        given if given == expected => {}
        given => {
            let text = "the API version in the data ({given}) does not match the expected API version ({expected})";
            let text = text.replace("{given}", given).replace("{expected}", &expected);
            return Err(Status::bad_request(text));
        }
    }
    match meta::kind(object) {
        "" => object["kind"] = resource.kind.clone().into(),
        given if given == resource.kind => {}
        given if resource.custom.is_some() => {
            let error = Error::invalid(&Path::new("kind"), &given.into(), &format!("must be {}", resource.kind));
            return Err(Status::invalid(&resource.group, given, meta::name(object), &[error]));
        }
        given => {
            let (kind, version) = (&resource.kind, &resource.version);
            let why = format!(
                "{given} in version {version:?} cannot be handled as a {kind}: no kind {given:?} is registered for \
                 {expected:?} as {kind}"
            );
            return Err(Status::bad_request(why));
        }
    }
    Ok(())
}

/// Completes the namespace, or refuses one that is not the URL's.
pub(super) fn place(call: &Call<'_>, object: &mut Value) -> Result<(), Status> {
    // Metadata that are no object are refused with the other values of wrong types.
    let misplaced = !object["metadata"].is_object() && !object["metadata"].is_null();
    if !call.resource.namespaced() || misplaced {
        return Ok(());
    }
    let given = meta::namespace(object);
    if given.is_empty() {
        meta::set(object, "metadata.namespace", call.info.namespace.as_str());
    } else if given != call.info.namespace {
        let text = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(text));
    }
    Ok(())
}

/// Checks types and unknown fields, drops what is unknown or says nothing and fills in defaults.
pub(super) fn conform(call: &Call<'_>, object: &mut Value, duplicates: &Duplicates) -> Result<(), Status> {
    decode::check_depth(object)?;
    let resource = &*call.resource;
    let (kind, version) = (resource.kind.as_str(), resource.version.as_str());
    if let Some(legacy) = &resource.legacy {
        (legacy.upgrade)(object);
    }
    if let Some(schema) = resource.schema() {
        let found = decode::check(object, schema);
        // The types of a custom object's own fields are a matter of its validation.
        let metadata = resource.custom.as_ref().map(|_| decode::check(&object["metadata"], metadata_schema()));
        if let Some(error) = metadata.as_ref().unwrap_or(&found).type_errors.first() {
            return Err(decode::cannot_be_handled(kind, version, error));
        }
        match call.query.field_validation {
            Strictness::Strict => {
                decode::strict_error(kind, version, &found.unknown, duplicates).map_or(Ok(()), Err)?;
            }
            Strictness::Warn => {
                for warning in decode::strict_warnings(&found.unknown, duplicates) {
                    call.notes.warn(&warning);
                }
            }
            Strictness::Ignore => {}
        }
    }
    normalize(resource, object);
    Ok(())
}

/// What admission made of an object: one of the kind still, without unknown fields and with its defaults.
pub(crate) fn complete(resource: &Resource, object: &mut Value) -> Result<(), Status> {
    decode::check_depth(object)?;
    let built_in = resource.schema().filter(|_| resource.custom.is_none());
    let found = built_in.map(|schema| decode::check(object, schema));
    if let Some(error) = found.as_ref().and_then(|found| found.type_errors.first()) {
        return Err(Status::internal(error));
    }
    normalize(resource, object);
    Ok(())
}

fn normalize(resource: &Resource, object: &mut Value) {
    if let Some(schema) = resource.schema() {
        if resource.custom.is_some() {
            decode::prune_custom(object, schema);
            decode::normalize(&mut object["metadata"], metadata_schema());
            super::form::structural_defaults(object, schema);
        } else {
            decode::normalize(object, schema);
        }
    }
    resource.strategy.complete(object);
}

fn metadata_schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> =
        LazyLock::new(|| Schema::of(Shape::Reference(cluster_schema::OBJECT_META.into())));
    &SCHEMA
}
