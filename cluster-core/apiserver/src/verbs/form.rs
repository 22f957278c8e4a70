//! Between the stored text of an object and the served one: conversion, drafts, and the facts selectors look at.

use crate::conversion;
use crate::prelude::*;
use crate::registry::Custom;
use cluster_object::field::plain;
use cluster_object::lean::without_managed_fields;
use cluster_store::{Draft, Facts};

impl Resource {
    /// The objects as JSON of the served version; the stored bytes themselves where they say the same.
    pub(crate) async fn served(&self, lookup: &dyn Lookup, entries: &[Arc<Entry>]) -> Result<Vec<Bytes>, Status> {
        let as_stored = |entry: &Arc<Entry>| match &self.custom {
            Some(custom) => entry.revision > custom.since && is_of(self, &self.version, entry),
            None => self.strategy.conversion.is_none() && self.legacy.is_none(),
        };
        if entries.iter().all(as_stored) {
            return Ok(entries.iter().map(|entry| entry.bytes.clone()).collect());
        }
        self.values(lookup, entries).await?.iter().map(super::to_bytes).collect()
    }

    /// One object of [`Self::served`].
    pub(crate) async fn served_one(&self, lookup: &dyn Lookup, entry: &Arc<Entry>) -> Result<Bytes, Status> {
        Ok(self.served(lookup, std::slice::from_ref(entry)).await?.swap_remove(0))
    }

    /// The objects as values of the served version.
    pub(crate) async fn values(&self, lookup: &dyn Lookup, entries: &[Arc<Entry>]) -> Result<Vec<Value>, Status> {
        let values = entries.iter().map(|entry| serde_json::from_slice(&entry.bytes).map_err(Status::internal));
        from_storage(lookup, self, values.collect::<Result<_, _>>()?).await
    }

    /// One object of [`Self::values`].
    pub(crate) async fn value(&self, lookup: &dyn Lookup, entry: &Arc<Entry>) -> Result<Value, Status> {
        Ok(self.values(lookup, std::slice::from_ref(entry)).await?.swap_remove(0))
    }

    /// The object of the served version as it is stored.
    pub(crate) async fn to_storage<'a>(&self, lookup: &dyn Lookup, value: &'a Value) -> Result<Cow<'a, Value>, Status> {
        if let Some(conversion) = &self.strategy.conversion {
            let mut value = value.clone();
            (conversion.to_storage)(&mut value);
            return Ok(Cow::Owned(value));
        }
        if let Some(custom) = self.custom.as_ref().filter(|custom| custom.storage_version != self.version) {
            let version = format!("{}/{}", self.group, custom.storage_version);
            let converted = custom_version(lookup, custom, vec![value.clone()], &version).await?;
            return Ok(Cow::Owned(converted.into_iter().next().unwrap_or_default()));
        }
        if let Some(legacy) = &self.legacy {
            let mut value = value.clone();
            value["apiVersion"] = format!("{}/{}", legacy.group, legacy.version).into();
            return Ok(Cow::Owned(value));
        }
        Ok(Cow::Borrowed(value))
    }
}

/// Whether a custom object is stored in this version of its group.
fn is_of(resource: &Resource, version: &str, entry: &Entry) -> bool {
    let rest = entry.bytes.strip_prefix(b"{\"apiVersion\":\"").and_then(|b| b.strip_prefix(resource.group.as_bytes()));
    let rest = rest.and_then(|b| b.strip_prefix(b"/")).and_then(|b| b.strip_prefix(version.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b"\","))
}

/// Whether the object is stored in the version in which it would be stored now; it may be one of before.
pub(crate) fn is_current(resource: &Resource, entry: &Entry) -> bool {
    resource.custom.as_ref().is_none_or(|custom| is_of(resource, &custom.storage_version, entry))
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

/// What the halves of a draft may be expected to need, in bytes.
const BEFORE: usize = 2048;
const AFTER: usize = 4096;

/// The text of an object of the stored version, split where the writer puts the revision.
pub(crate) fn draft(object: &Value) -> Draft {
    let nothing = Map::new();
    let fields = object.as_object().unwrap_or(&nothing);
    let mut before = Vec::with_capacity(BEFORE);
    before.push(b'{');
    for name in ["apiVersion", "kind"] {
        push_field(&mut before, name, &object[name]);
        before.push(b',');
    }
    before.extend_from_slice(b"\"metadata\":{");
    for (name, value) in object["metadata"].as_object().unwrap_or(&nothing) {
        if name != "resourceVersion" {
            push_field(&mut before, name, value);
            before.push(b',');
        }
    }
    before.extend_from_slice(b"\"resourceVersion\":\"");
    let mut after = Vec::with_capacity(AFTER);
    after.extend_from_slice(b"\"}");
    for (name, value) in fields.iter().filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"))
    {
        after.push(b',');
        push_field(&mut after, name, value);
    }
    after.push(b'}');
    Draft { before: before.into(), after: after.into(), facts: None }
}

/// The draft of an object of the stored version. A kind with fields to select by is watched by them: what selectors ask
/// of it is taken from the value here, which costs less than to read its text again.
pub(crate) fn selectable_draft(resource: &Resource, object: &Value) -> Draft {
    let strategy = &resource.strategy;
    let stored = strategy.conversion.is_none() && resource.legacy.is_none();
    let known = (stored && !strategy.selectable_fields.is_empty()).then(|| facts(resource, object));
    Draft { facts: known, ..draft(object) }
}

fn push_field(text: &mut Vec<u8>, name: &str, value: &Value) {
    let field = serde_json::to_writer(&mut *text, name).and_then(|()| {
        text.push(b':');
        serde_json::to_writer(&mut *text, value)
    });
    field.expect("a value with text for keys can be written, and a Vec takes all");
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
fn facts(resource: &Resource, object: &Value) -> Facts {
    Facts::new(meta::labels(object), resource.strategy.selected(object))
}

/// What selectors ask of a stored object.
pub(super) fn read_facts(resource: &Resource, bytes: &[u8]) -> Facts {
    facts(resource, &serde_json::from_slice(&without_managed_fields(bytes)).unwrap_or_default())
}

/// The fields of a custom object that a selector names, as text.
pub(super) fn selected(fields: &FieldSelector, bytes: &[u8]) -> Vec<(String, String)> {
    if fields.is_empty() {
        return Vec::new();
    }
    let object: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |value: &Value| if value.is_null() { String::new() } else { plain(value) };
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
        let draft = draft(&object);
        let text = [&draft.before[..], b"42", &draft.after[..]].concat();
        let mut expected = object;
        expected["metadata"]["resourceVersion"] = json!("42");
        assert_eq!(serde_json::from_slice::<Value>(&text).expect("JSON"), expected);
    }
}
