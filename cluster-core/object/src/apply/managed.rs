//! Keeps `metadata.managedFields` when an object is written other than by apply.

use super::entries::{self, Entry, Id};
use super::field_set::FieldSet;
use super::typed;
use crate::prelude::*;

/// Fields of the metadata that nobody owns: the server sets them, or they say which object it is.
const UNOWNED: &str = "f:name f:namespace f:uid f:selfLink f:clusterName f:generation f:managedFields \
    f:resourceVersion f:creationTimestamp f:deletionTimestamp f:deletionGracePeriodSeconds";

/// Writes who owns what into `new`, which `manager` made out of `old` (`None`: created).
///
/// A write that changes no field changes no entry. The entries in `new` count when it has some (a client may edit
/// them; `[]` and `[{}]` clear them), otherwise those of `old`. An object without entries stays without.
#[expect(clippy::too_many_arguments, reason = "each is a fact of the request")]
pub fn update(
    old: Option<&Value>,
    new: &mut Value,
    schema: &Schema,
    manager: &str,
    operation: &str,
    api_version: &str,
    subresource: &str,
    now: &str,
) {
    let given = meta::remove(new, "metadata.managedFields").unwrap_or_default();
    let cleared = given.as_array().is_some_and(|entries| entries.is_empty() || *entries == [json!({})]);
    let stored = old.map_or(&Value::Null, |old| meta::get(old, "metadata.managedFields"));
    let unchanged = given == *stored;
    let mut managers = if unchanged { entries::decode_stored(given) } else { entries::decode(&given) };
    if (managers.is_empty() && !cleared) || (!subresource.is_empty() && !unchanged) {
        managers = entries::decode_stored(stored.clone());
    }
    if old.is_some() && managers.is_empty() {
        return;
    }
    let nothing = json!({});
    // The old entries are seen as removed, which takes nothing from anybody: nobody owns them.
    let changes = typed::compare(old.unwrap_or(&nothing), new, schema);
    let id = Id::new(manager, operation, api_version, subresource);
    let mut mine = entries::take(&mut managers, &id);
    for entry in managers.iter_mut().chain(&mut mine) {
        entry.fields.subtract(&changes.removed);
    }
    // Whoever writes takes over.
    for entry in &mut managers {
        entry.fields.subtract(&changes.written);
    }
    let written = strip(changes.written);
    if written.is_empty() {
        managers.extend(mine);
    } else {
        let fields = mine.map(|entry| entry.fields).unwrap_or_default().union(written);
        managers.push(Entry { id, time: now.to_owned(), fields });
    }
    managers.retain(|entry| !entry.fields.is_empty());
    entries::sort(&mut managers);
    entries::cap(&mut managers);
    if !managers.is_empty() {
        meta::set(new, "metadata.managedFields", entries::encode(managers));
    }
}

/// The set without the fields that nobody owns.
pub(super) fn strip(mut fields: FieldSet) -> FieldSet {
    for field in ["f:apiVersion", "f:kind", "f:metadata"] {
        fields.remove(&[field]);
    }
    for field in UNOWNED.split(' ') {
        fields.remove(&["f:metadata", field]);
    }
    fields
}
