//! Server-side apply: who owns which field (`metadata.managedFields`), conflicts, and merging.

use crate::prelude::*;

mod conflict;
mod conform;
mod entries;
mod field_set;
mod last_applied;
pub mod managed;
mod typed;

pub use conform::{atomics, faults, told};
pub use entries::fault as managed_fields_fault;
pub use field_set::FieldSet;
pub use typed::merge;

use entries::{Entry, Id};

/// The manager that owns what an object held before it was applied the first time.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Applies `applied` to `live` on behalf of `manager` and answers the object with its new managedFields.
///
/// An object that does not change keeps its times. `applied` must have no [`faults`]. Another owner's field of another value is a conflict (409) that
/// `force` overrides. `now` is an RFC 3339 time.
#[expect(clippy::too_many_arguments, reason = "each is a fact of the request")]
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    schema: &Schema,
    manager: &str,
    force: bool,
    api_version: &str,
    subresource: &str,
    now: &str,
) -> Result<Value, Status> {
    if meta::get(applied, "metadata.managedFields").as_array().is_some_and(|entries| !entries.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let mut applied = applied.clone();
    meta::remove(&mut applied, "metadata.managedFields");
    let mut old = live.cloned().unwrap_or_else(|| json!({}));
    let mut entries = entries::decode(meta::get(&old, "metadata.managedFields"));
    meta::remove(&mut old, "metadata.managedFields");
    if live.is_some() && entries.is_empty() {
        let id = Id::new(BEFORE_FIRST_APPLY, "Update", meta::api_version(&old), "");
        entries.push(Entry {
            id,
            time: now.to_owned(),
            fields: managed::strip(typed::compare(&json!({}), &old, schema).written),
        });
    }
    let before = entries.clone();

    let id = Id::new(manager, "Apply", api_version, subresource);
    let last = entries::take(&mut entries, &id);
    let set = typed::field_set(&applied, schema);
    let mut object = old.clone();
    typed::merge(&mut object, &applied, schema);
    if let Some(last) = &last {
        let owned = entries.iter().fold(set.clone(), |all, entry| all.union(entry.fields.clone()));
        typed::prune(&mut object, schema, &last.fields, &owned);
    }
    let changes = typed::compare(&old, &object, schema);
    let free = last_applied::taken_over(&old, manager, schema, api_version);
    conflict::resolve(&mut entries, &changes, force, &free)?;

    let fields = managed::strip(set);
    // Who changes nothing keeps the time of the last change, or has none.
    let time = if object == old { last.map_or_else(String::new, |last| last.time) } else { now.to_owned() };
    if !fields.is_empty() {
        entries.push(Entry { id, time, fields });
    }
    entries.retain(|entry| !entry.fields.is_empty());
    entries::sort(&mut entries);
    last_applied::renew(&mut object, &applied, manager);
    if live.is_some() && object == old && entries == before {
        return Ok(live.cloned().unwrap_or_default());
    }
    meta::set(&mut object, "metadata.managedFields", entries::encode(entries));
    Ok(object)
}

#[cfg(test)]
mod tests;
