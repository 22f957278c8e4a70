//! `metadata.managedFields`: the entries, their identity and order.

use super::field_set::FieldSet;
use serde_json::{Map, Value};

/// Above this many `Update` entries the oldest ones are thrown together.
const MAX_UPDATES: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// Who an entry belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) manager: String,
    pub(super) operation: String,
    pub(super) api_version: String,
    pub(super) subresource: String,
}

impl Id {
    pub(super) fn new(manager: &str, operation: &str, api_version: &str, subresource: &str) -> Self {
        let text = str::to_owned;
        Self {
            manager: text(manager),
            operation: text(operation),
            api_version: text(api_version),
            subresource: text(subresource),
        }
    }

    /// Appliers are told apart without the version, so that they keep their fields when they move to another one.
    fn is_same(&self, other: &Self) -> bool {
        let versions = self.operation == "Apply" || self.api_version == other.api_version;
        versions
            && (&self.manager, &self.operation, &self.subresource)
                == (&other.manager, &other.operation, &other.subresource)
    }
}

/// The fields of one manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) time: String,
    pub(super) fields: FieldSet,
}

/// What is wrong with `metadata.managedFields`.
pub fn fault(entries: &Value) -> Option<String> {
    let one = |(index, entry): (usize, &Value)| {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        match (text("operation"), text("apiVersion"), text("fieldsType")) {
            ("Apply" | "Update", version, "FieldsV1") if !version.is_empty() => None,
            ("Apply" | "Update", "", _) => Some("apiVersion must not be empty".to_owned()),
            ("Apply" | "Update", _, "") => Some(format!("missing fieldsType in managed fields entry {index}")),
            ("Apply" | "Update", _, kind) => {
                Some(format!("invalid fieldsType {kind:?} in managed fields entry {index}"))
            }
            _ => Some("operation must be `Apply` or `Update`".to_owned()),
        }
    };
    entries.as_array()?.iter().enumerate().find_map(one)
}

/// Reads `metadata.managedFields` that a client sent; nothing of a list with a fault.
pub(super) fn decode(entries: &Value) -> Vec<Entry> {
    if fault(entries).is_some() {
        return Vec::new();
    }
    read(entries.clone(), |fields| FieldSet::from_json(&fields))
}

/// Reads entries that were written here.
pub(super) fn decode_stored(entries: Value) -> Vec<Entry> {
    read(entries, FieldSet::stored)
}

fn read(entries: Value, set: fn(Value) -> FieldSet) -> Vec<Entry> {
    let Value::Array(entries) = entries else { return Vec::new() };
    let entry = |mut entry: Value| {
        let mut take = |name: &str| match entry.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let id = Id {
            manager: take("manager"),
            operation: take("operation"),
            api_version: take("apiVersion"),
            subresource: take("subresource"),
        };
        Entry { id, time: take("time"), fields: set(entry["fieldsV1"].take()) }
    };
    entries.into_iter().map(entry).collect()
}

/// Writes `metadata.managedFields`.
pub(super) fn encode(entries: Vec<Entry>) -> Value {
    let entry = |Entry { id, time, fields }| {
        let Id { manager, operation, api_version, subresource } = id;
        let texts = [
            ("manager", manager),
            ("operation", operation),
            ("apiVersion", api_version),
            ("time", time),
            ("subresource", subresource),
        ];
        let given = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let mut entry: Map<String, Value> = given.map(|(name, text)| (name.to_owned(), text.into())).collect();
        entry.insert("fieldsType".to_owned(), "FieldsV1".into());
        entry.insert("fieldsV1".to_owned(), fields.into_json());
        Value::Object(entry)
    };
    Value::Array(entries.into_iter().map(entry).collect())
}

/// Takes out the entry of `id`.
pub(super) fn take(entries: &mut Vec<Entry>, id: &Id) -> Option<Entry> {
    let at = entries.iter().position(|entry| entry.id.is_same(id))?;
    Some(entries.remove(at))
}

/// Appliers first, then by time and name.
pub(super) fn sort(entries: &mut [Entry]) {
    fn key(Entry { id, time, .. }: &Entry) -> [&str; 5] {
        [&id.operation, time, &id.manager, &id.api_version, &id.subresource]
    }
    entries.sort_by(|a, b| key(a).cmp(&key(b)));
}

/// Throws the oldest `Update` entries of a version together until few enough are left; wants sorted entries.
pub(super) fn cap(entries: &mut Vec<Entry>) {
    let update = |entry: &Entry| entry.id.operation == "Update" && entry.id.subresource.is_empty();
    let mut left = entries.iter().filter(|entry| update(entry)).count();
    while left > MAX_UPDATES {
        let Some(at) = entries.iter().position(|entry| update(entry) && entry.id.manager != ANCIENT) else { return };
        let oldest = entries.remove(at);
        let id = Id::new(ANCIENT, "Update", &oldest.id.api_version, "");
        match entries.iter_mut().find(|entry| entry.id == id) {
            Some(ancient) => {
                ancient.fields = std::mem::take(&mut ancient.fields).union(oldest.fields);
                ancient.time = oldest.time;
                left -= 1;
            }
            None => entries.push(Entry { id, ..oldest }),
        }
    }
    sort(entries);
}
