//! Between the stored text of an object and the served one: conversion, drafts, and the facts selectors look at.

use crate::registry::Resource;
use bytes::Bytes;
use cluster_object::meta;
use cluster_object::status::Status;
use cluster_schema::{Schema, Shape};
use cluster_store::{Draft, Entry, Facts};
use serde_json::{Map, Value};

/// The object as JSON of the served version; the stored bytes themselves when that is the stored version.
pub(crate) fn served_bytes(resource: &Resource, entry: &Entry) -> Result<Bytes, Status> {
    let converts = match &resource.custom {
        Some(custom) => custom.storage_version != resource.version,
        None => resource.strategy.conversion.is_some() || resource.legacy.is_some(),
    };
    if converts { super::to_bytes(&served_value(resource, entry)?) } else { Ok(entry.bytes.clone()) }
}

/// The object as a value of the served version.
pub(crate) fn served_value(resource: &Resource, entry: &Entry) -> Result<Value, Status> {
    let mut value = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
    if let Some(conversion) = &resource.strategy.conversion {
        (conversion.from_storage)(&mut value);
    } else if resource.custom.is_some() || resource.legacy.is_some() {
        value["apiVersion"] = resource.api_version().into();
    }
    Ok(value)
}

/// The text of an object of the served version for the store, split where the writer puts the revision.
pub(crate) fn draft(resource: &Resource, mut object: Value) -> Draft {
    if let Some(conversion) = &resource.strategy.conversion {
        (conversion.to_storage)(&mut object);
    } else if let Some(custom) = &resource.custom {
        object["apiVersion"] = format!("{}/{}", resource.group, custom.storage_version).into();
    } else if let Some(legacy) = &resource.legacy {
        object["apiVersion"] = format!("{}/{}", legacy.group, legacy.version).into();
    }
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
                    fields.entry(&*field.name).or_insert_with(|| default.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use serde_json::json;

    #[test]
    fn a_draft_is_the_object_around_its_revision() {
        let registry = Registry::new(crate::kinds::builtin());
        let resource = registry.get("", "v1", "configmaps").expect("config maps are served");
        let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"}, "immutable": true,
            "metadata": {"name": "x", "namespace": "y", "resourceVersion": "7"}});
        let draft = draft(&resource, object.clone());
        let text = [&draft.before[..], b"42", &draft.after[..]].concat();
        let mut expected = object;
        expected["metadata"]["resourceVersion"] = json!("42");
        assert_eq!(serde_json::from_slice::<Value>(&text).expect("JSON"), expected);
    }
}
