//! Between the stored text of an object and the served one: conversion, drafts, and the facts selectors look at.

use crate::admission::Lookup;
use crate::conversion;
use crate::registry::{Custom, Resource};
use bytes::Bytes;
use cluster_object::meta;
use cluster_object::selector::FieldSelector;
use cluster_object::status::Status;
use cluster_schema::{Schema, Shape};
use cluster_store::{Draft, Entry, Facts};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The objects as JSON of the served version; the stored bytes themselves where they say the same.
pub(crate) async fn served_list(
    lookup: &dyn Lookup,
    resource: &Resource,
    entries: &[Arc<Entry>],
) -> Result<Vec<Bytes>, Status> {
    let head = match &resource.custom {
        // An object may still be stored in a version that was the stored one before.
        Some(_) => format!("{{\"apiVersion\":\"{}\",", resource.api_version()),
        None => String::new(),
    };
    let as_stored = |entry: &Arc<Entry>| match &resource.custom {
        Some(custom) => !custom.defaults && entry.bytes.starts_with(head.as_bytes()),
        None => resource.strategy.conversion.is_none() && resource.legacy.is_none(),
    };
    if entries.iter().all(as_stored) {
        return Ok(entries.iter().map(|entry| entry.bytes.clone()).collect());
    }
    served_values(lookup, resource, entries).await?.iter().map(super::to_bytes).collect()
}

/// One object of [`served_list`].
pub(crate) async fn served_bytes(
    lookup: &dyn Lookup,
    resource: &Resource,
    entry: &Arc<Entry>,
) -> Result<Bytes, Status> {
    Ok(served_list(lookup, resource, std::slice::from_ref(entry)).await?.swap_remove(0))
}

/// The objects as values of the served version.
pub(crate) async fn served_values(
    lookup: &dyn Lookup,
    resource: &Resource,
    entries: &[Arc<Entry>],
) -> Result<Vec<Value>, Status> {
    let values = entries.iter().map(|entry| serde_json::from_slice(&entry.bytes).map_err(Status::internal));
    from_storage(lookup, resource, values.collect::<Result<_, _>>()?).await
}

/// One object of [`served_values`].
pub(crate) async fn served_value(
    lookup: &dyn Lookup,
    resource: &Resource,
    entry: &Arc<Entry>,
) -> Result<Value, Status> {
    Ok(served_values(lookup, resource, std::slice::from_ref(entry)).await?.swap_remove(0))
}

/// The object of one served version as another one serves it.
pub(crate) async fn converted(
    lookup: &dyn Lookup,
    mut value: Value,
    from: &Resource,
    to: &Resource,
) -> Result<Value, Status> {
    if let Some(conversion) = &from.strategy.conversion {
        (conversion.to_storage)(&mut value);
    }
    Ok(from_storage(lookup, to, vec![value]).await?.swap_remove(0))
}

/// The object of the served version as it is stored.
pub(crate) async fn to_storage(lookup: &dyn Lookup, resource: &Resource, mut value: Value) -> Result<Value, Status> {
    if let Some(conversion) = &resource.strategy.conversion {
        (conversion.to_storage)(&mut value);
    } else if let Some(custom) = &resource.custom {
        let version = format!("{}/{}", resource.group, custom.storage_version);
        return Ok(custom_version(lookup, custom, vec![value], &version).await?.swap_remove(0));
    } else if let Some(legacy) = &resource.legacy {
        value["apiVersion"] = format!("{}/{}", legacy.group, legacy.version).into();
    }
    Ok(value)
}

async fn from_storage(lookup: &dyn Lookup, resource: &Resource, mut values: Vec<Value>) -> Result<Vec<Value>, Status> {
    if let Some(custom) = &resource.custom {
        values = custom_version(lookup, custom, values, &resource.api_version()).await?;
        for value in &mut values {
            // The schema may have got fields and defaults since the object was written.
            cluster_object::decode::prune_custom(value, &custom.schema);
            structural_defaults(value, &custom.schema);
        }
        return Ok(values);
    }
    if let Some(conversion) = &resource.strategy.conversion {
        values.iter_mut().for_each(conversion.from_storage);
    } else if let Some(legacy) = &resource.legacy {
        for value in &mut values {
            value["apiVersion"] = resource.api_version().into();
            (legacy.downgrade)(value);
        }
    }
    Ok(values)
}

async fn custom_version(
    lookup: &dyn Lookup,
    custom: &Custom,
    mut values: Vec<Value>,
    version: &str,
) -> Result<Vec<Value>, Status> {
    if custom.converter.is_null() {
        for value in &mut values {
            value["apiVersion"] = version.into();
        }
        return Ok(values);
    }
    Box::pin(conversion::convert(lookup, &custom.converter, values, version)).await
}

/// The text of an object of the stored version, split where the writer puts the revision.
pub(crate) fn draft(object: Value) -> Draft {
    let mut fields = match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    metadata.remove("resourceVersion");
    let mut before = String::from("{");
    for name in ["apiVersion", "kind"] {
        push_field(&mut before, name, &fields.remove(name).unwrap_or_default());
    }
    before.push_str("\"metadata\":{");
    for (name, value) in &metadata {
        push_field(&mut before, name, value);
    }
    before.push_str("\"resourceVersion\":\"");
    let mut after = String::from("\"}");
    for (name, value) in &fields {
        after.push(',');
        push_field(&mut after, name, value);
        after.pop();
    }
    after.push('}');
    Draft { before: before.into(), after: after.into() }
}

fn push_field(text: &mut String, name: &str, value: &Value) {
    use std::fmt::Write;
    write!(text, "{}:{value},", Value::from(name)).expect("writing to a String does not fail");
}

/// Fills in the defaults a structural schema names, outside in.
pub(super) fn structural_defaults(value: &mut Value, schema: &Schema) {
    match (value, &schema.resolve().shape) {
        (Value::Object(fields), Shape::Object(object)) => {
            for field in &object.fields {
                if let Some(default) = &field.default {
                    let present = fields.entry(&*field.name).or_insert_with(|| default.clone());
                    if present.is_null() && !field.schema.nullable {
                        *present = default.clone();
                    }
                }
                if let Some(value) = fields.get_mut(&*field.name) {
                    structural_defaults(value, &field.schema);
                }
            }
        }
        (Value::Object(entries), Shape::Map(map)) => {
            for value in entries.values_mut() {
                structural_defaults(value, &map.values);
            }
        }
        (Value::Array(items), Shape::List(list)) => {
            for item in items {
                structural_defaults(item, &list.items);
            }
        }
        _ => {}
    }
}

/// What selectors ask of an object; `resource` is the one whose version is stored.
pub(crate) fn facts(resource: &Resource, bytes: &[u8]) -> Facts {
    let object: Value = serde_json::from_slice(bytes).unwrap_or_default();
    Facts {
        labels: meta::labels(&object).map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        fields: resource.strategy.selectable_fields.iter().map(|&(name, value)| (name, value(&object))).collect(),
    }
}

/// The fields of a custom object that a selector names, as text.
pub(super) fn selected(fields: &FieldSelector, bytes: &[u8]) -> Vec<(String, String)> {
    if fields.is_empty() {
        return Vec::new();
    }
    let object: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    fields.requirements().iter().map(|r| (r.field.clone(), text(meta::get(&object, &r.field)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_draft_is_the_object_around_its_revision() {
        let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"}, "immutable": true,
            "metadata": {"name": "x", "namespace": "y", "resourceVersion": "7"}});
        let draft = draft(object.clone());
        let text = [&draft.before[..], b"42", &draft.after[..]].concat();
        let mut expected = object;
        expected["metadata"]["resourceVersion"] = json!("42");
        assert_eq!(serde_json::from_slice::<Value>(&text).expect("JSON"), expected);
    }
}
