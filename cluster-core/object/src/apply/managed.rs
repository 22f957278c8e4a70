//! Keeps `metadata.managedFields` when an object is written other than by apply.

use super::entries::{self, Entry, Id};
use super::field_set::FieldSet;
use super::{conflict, typed};
use crate::meta;
use cluster_schema::Schema;
use serde_json::{Value, json};

/// Fields that nobody owns: the server sets them, or they say which object it is.
const UNOWNED: &str = "apiVersion kind metadata metadata.name metadata.namespace metadata.uid metadata.selfLink \
    metadata.clusterName metadata.generation metadata.managedFields metadata.resourceVersion \
    metadata.creationTimestamp metadata.deletionTimestamp metadata.deletionGracePeriodSeconds";

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
    let mut managers = entries::decode(&given);
    if (managers.is_empty() && !cleared) || !subresource.is_empty() {
        managers = entries::decode(old.map_or(&Value::Null, |old| meta::get(old, "metadata.managedFields")));
    }
    if old.is_some() && managers.is_empty() {
        return;
    }
    let nothing = json!({});
    // The old entries are seen as removed, which takes nothing from anybody: nobody owns them.
    let changes = typed::compare(old.unwrap_or(&nothing), new, schema);
    // Forced: whoever writes takes over.
    if conflict::resolve(&mut managers, &changes, true).is_ok() {
        let written = strip(changes.modified.union(&changes.added));
        if !written.is_empty() {
            let id = Id::new(manager, operation, api_version, subresource);
            let mine = entries::take(&mut managers, &id).map(|entry| entry.fields).unwrap_or_default();
            managers.push(Entry { id, time: now.to_owned(), fields: mine.union(&written) });
        }
    }
    managers.retain(|entry| !entry.fields.is_empty());
    entries::sort(&mut managers);
    entries::cap(&mut managers);
    if !managers.is_empty() {
        meta::set(new, "metadata.managedFields", entries::encode(&managers));
    }
}

/// The set without the fields that nobody owns.
pub(super) fn strip(mut fields: FieldSet) -> FieldSet {
    for path in UNOWNED.split(' ') {
        let path: Vec<String> = path.split('.').map(|name| format!("f:{name}")).collect();
        fields.remove(&path.iter().map(String::as_str).collect::<Vec<_>>());
    }
    fields
}
