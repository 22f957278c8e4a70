//! Reads and writes the metadata of an object held as a JSON value.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The most bytes that an object's annotations may have together.
pub const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The value at a dotted path of plain field names; null when it is absent.
pub fn get<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').try_fold(object, |at, name| at.get(name)).unwrap_or(&Value::Null)
}

/// The string at a dotted path; empty when it is absent.
pub fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    get(object, path).as_str().unwrap_or_default()
}

/// Whether the object has a condition of this type that is `True`.
pub fn is_true(object: &Value, kind: &str) -> bool {
    items(&object["status"]["conditions"]).iter().any(|one| one["type"] == kind && one["status"] == "True")
}

/// Sets the field at a dotted path and makes the objects on the way to it.
pub fn set(object: &mut Value, path: &str, value: impl Into<Value>) {
    let at = path.split('.').fold(object, |at, name| {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        &mut at[name]
    });
    *at = value.into();
}

/// Takes the field at a dotted path out of the object.
pub fn remove(object: &mut Value, path: &str) -> Option<Value> {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = parent.split('.').filter(|name| !name.is_empty()).try_fold(object, |at, name| at.get_mut(name))?;
    parent.as_object_mut()?.remove(field)
}

/// `apiVersion`.
pub fn api_version(object: &Value) -> &str {
    text(object, "apiVersion")
}

/// `kind`.
pub fn kind(object: &Value) -> &str {
    text(object, "kind")
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, "metadata.name")
}

/// `metadata.namespace`.
pub fn namespace(object: &Value) -> &str {
    text(object, "metadata.namespace")
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, "metadata.uid")
}

/// `metadata.resourceVersion`.
pub fn resource_version(object: &Value) -> &str {
    text(object, "metadata.resourceVersion")
}

/// `metadata.generation`; 0 when it is absent.
pub fn generation(object: &Value) -> i64 {
    get(object, "metadata.generation").as_i64().unwrap_or_default()
}

/// `metadata.deletionTimestamp`.
pub fn deletion_timestamp(object: &Value) -> Option<&str> {
    get(object, "metadata.deletionTimestamp").as_str()
}

/// `metadata.labels` as pairs.
pub fn labels(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    pairs(get(object, "metadata.labels"))
}

/// The label `key`.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    get(object, "metadata.labels").get(key)?.as_str()
}

/// `metadata.annotations` as pairs.
pub fn annotations(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    pairs(get(object, "metadata.annotations"))
}

/// The annotation `key`.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    get(object, "metadata.annotations").get(key)?.as_str()
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> Vec<&str> {
    get(object, "metadata.finalizers").as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `metadata.ownerReferences`.
pub fn owner_references(object: &Value) -> &[Value] {
    items(get(object, "metadata.ownerReferences"))
}

/// The owner reference with `controller: true`.
pub fn controller(object: &Value) -> Option<&Value> {
    owner_references(object).iter().find(|owner| owner["controller"] == true)
}

/// `meta/v1 Time` for now: RFC 3339 with whole seconds.
pub fn now() -> String {
    whole(Timestamp::now())
}

/// `meta/v1 MicroTime` for now: RFC 3339 with microseconds.
pub fn now_micro() -> String {
    micro(Timestamp::now())
}

/// `meta/v1 Time`: RFC 3339 in seconds.
pub fn whole(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn micro(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The items of a list; nothing when it is none.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The string entries of a JSON object.
fn pairs(map: &Value) -> impl Iterator<Item = (&str, &str)> {
    map.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_metadata_reads_as_empty() {
        let object = json!({"metadata": null});
        assert_eq!((name(&object), generation(&object), deletion_timestamp(&object)), ("", 0, None));
        assert_eq!(labels(&object).count() + finalizers(&object).len() + owner_references(&object).len(), 0);
    }

    #[test]
    fn set_makes_the_way_and_remove_takes_only_the_field() {
        let mut object = json!({"metadata": null});
        set(&mut object, "metadata.labels.app", "web");
        set(&mut object, "metadata.generation", 2);
        assert_eq!(object, json!({"metadata": {"labels": {"app": "web"}, "generation": 2}}));
        assert_eq!(label(&object, "app"), Some("web"));
        assert_eq!(remove(&mut object, "metadata.labels.app"), Some(json!("web")));
        assert_eq!(remove(&mut object, "spec.replicas"), None);
        assert_eq!(object, json!({"metadata": {"labels": {}, "generation": 2}}));
    }

    #[test]
    fn times_have_the_wire_form() {
        assert_eq!(now().len(), "2026-01-02T03:04:05Z".len());
        assert_eq!(now_micro().len(), "2026-01-02T03:04:05.000000Z".len());
    }
}
