//! `metadata.managedFields`: the entries, their identity and order.

use super::field_set::FieldSet;
use serde_json::{Map, Value, json};

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

/// Reads `metadata.managedFields`; entries of a kind we do not know are left out.
pub(super) fn decode(entries: &Value) -> Vec<Entry> {
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entry = |entry: &Value| Entry {
        id: Id {
            manager: text(entry, "manager"),
            operation: text(entry, "operation"),
            api_version: text(entry, "apiVersion"),
            subresource: text(entry, "subresource"),
        },
        time: text(entry, "time"),
        fields: FieldSet::from_json(&entry["fieldsV1"]),
    };
    let known = |entry: &&Value| entry["fieldsType"] == "FieldsV1" && !text(entry, "operation").is_empty();
    entries.as_array().into_iter().flatten().filter(known).map(entry).collect()
}

/// Writes `metadata.managedFields`.
pub(super) fn encode(entries: &[Entry]) -> Value {
    let entry = |entry: &Entry| {
        let id = &entry.id;
        let mut fields = Map::new();
        let texts = [
            ("manager", &id.manager),
            ("operation", &id.operation),
            ("apiVersion", &id.api_version),
            ("time", &entry.time),
            ("subresource", &id.subresource),
        ];
        fields.extend(
            texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), json!(text))),
        );
        fields.insert("fieldsType".to_owned(), json!("FieldsV1"));
        fields.insert("fieldsV1".to_owned(), entry.fields.to_json());
        Value::Object(fields)
    };
    Value::Array(entries.iter().map(entry).collect())
}

/// Takes out the entry of `id`.
pub(super) fn take(entries: &mut Vec<Entry>, id: &Id) -> Option<Entry> {
    let at = entries.iter().position(|entry| entry.id.is_same(id))?;
    Some(entries.remove(at))
}

/// Appliers first, then by time and name.
pub(super) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| {
        let key = |e: &Entry| {
            let id = e.id.clone();
            (id.operation, e.time.clone(), id.manager, id.api_version, id.subresource)
        };
        key(a).cmp(&key(b))
    });
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
                ancient.fields = ancient.fields.union(&oldest.fields);
                ancient.time = oldest.time;
                left -= 1;
            }
            None => entries.push(Entry { id, ..oldest }),
        }
    }
    sort(entries);
}
