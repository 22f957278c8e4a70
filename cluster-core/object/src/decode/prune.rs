//! Drops from a value what its schema has no place for, and what is the same as nothing.

use crate::meta;
use cluster_schema::{Field, Object, Schema, Shape};
use jiff::Timestamp;
use serde_json::Value;

/// Drops unknown fields and the nulls that stand for absent fields.
pub fn prune(value: &mut Value, schema: &Schema) {
    Pruner { zeros: false, go: true }.walk(value, schema);
}

/// As [`prune`] for custom resources, which no Go type stands behind: nulls in lists stay, those in maps go.
pub fn prune_custom(value: &mut Value, schema: &Schema) {
    Pruner { zeros: false, go: false }.walk(value, schema);
}

/// As [`prune`]; drops also the zeros and empty lists and maps that are the same as absent fields. An object looks then
/// as Go writes it, whatever way it was written before.
pub fn normalize(value: &mut Value, schema: &Schema) {
    Pruner { zeros: true, go: true }.walk(value, schema);
}

#[derive(Clone, Copy)]
struct Pruner {
    zeros: bool,
    go: bool,
}

impl Pruner {
    fn walk(self, value: &mut Value, schema: &Schema) {
        match (value, &schema.resolve().shape) {
            (Value::Object(fields), Shape::Object(object)) => {
                fields.retain(|name, value| match schema.field(name) {
                    Some(field) => {
                        self.walk(value, &field.schema);
                        self.stays(value, field)
                    }
                    None => object.preserve_unknown || embedded(object, name),
                });
            }
            (Value::Object(entries), Shape::Map(map)) => {
                let is_nothing =
                    |value: &Value| value.is_null() && !map.values.nullable && !matches!(map.values.shape, Shape::Any);
                entries.retain(|_, value| self.go || !is_nothing(value));
                for value in entries.values_mut() {
                    self.element(value, &map.values);
                }
            }
            (Value::Array(items), Shape::List(list)) => {
                for item in items {
                    self.element(item, &list.items);
                }
            }
            (Value::String(text), Shape::Time) => utc(text, meta::whole),
            (Value::String(text), Shape::MicroTime) => utc(text, meta::micro),
            _ => {}
        }
    }

    fn stays(self, value: &Value, field: &Field) -> bool {
        match value {
            Value::Null => field.schema.nullable,
            value if self.zeros && field.omit_zero => !is_zero(value, &field.schema),
            _ => true,
        }
    }

    /// As Go, a null in a map or list is the zero value.
    fn element(self, value: &mut Value, schema: &Schema) {
        if self.go && value.is_null() && !schema.nullable {
            match schema.resolve().shape {
                Shape::String => *value = Value::String(String::new()),
                Shape::Object(_) => *value = Value::Object(serde_json::Map::new()),
                _ => {}
            }
        }
        self.walk(value, schema);
    }
}

/// Writes a time as Go does.
fn utc(text: &mut String, form: fn(Timestamp) -> String) {
    if let Ok(time) = text.parse() {
        *text = form(time);
    }
}

fn embedded(object: &Object, name: &str) -> bool {
    object.embedded_resource && matches!(name, "apiVersion" | "kind" | "metadata")
}

pub(crate) fn is_zero(value: &Value, schema: &Schema) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(is) => !is,
        Value::Array(items) => items.is_empty(),
        // A struct that is there says something even when it is empty.
        Value::Object(entries) => entries.is_empty() && matches!(schema.resolve().shape, Shape::Map(_)),
        Value::Null => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_schema::builtin;
    use serde_json::json;

    #[test]
    fn times_are_written_in_utc_and_without_more_digits_than_they_have() {
        let written = |given: &str| {
            let mut lease = json!({"metadata": {"creationTimestamp": given}, "spec": {"renewTime": given}});
            prune(&mut lease, builtin("coordination.k8s.io", "v1", "Lease").expect("a built-in kind"));
            [&lease["metadata"]["creationTimestamp"], &lease["spec"]["renewTime"]].map(ToString::to_string)
        };
        let expected = ["\"2026-01-02T01:04:05Z\"", "\"2026-01-02T01:04:05.120000Z\""];
        assert_eq!(written("2026-01-02T03:04:05.120000+02:00"), expected);
        assert_eq!(written("2026-01-02T01:04:05.120000Z"), expected);
    }

    #[test]
    fn what_is_the_same_as_nothing_goes_and_what_differs_from_it_stays() {
        let mut deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "unknown": 1,
            "metadata": {"name": "d", "labels": {}, "annotations": {}, "ownerReferences": [], "finalizers": null},
            "spec": {"replicas": 0, "paused": false, "selector": {}, "strategy": {}, "template": {"spec": {
                "hostNetwork": false, "terminationGracePeriodSeconds": 0, "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [{"name": "c", "tty": false, "env": [{"name": "E", "value": ""}], "args": []}]}}},
            "status": {"replicas": 0},
        });
        let schema = builtin("apps", "v1", "Deployment").expect("a built-in kind");
        normalize(&mut deployment, schema);
        let expected = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"replicas": 0, "selector": {}, "strategy": {}, "template": {"spec": {
                "terminationGracePeriodSeconds": 0, "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [{"name": "c", "env": [{"name": "E"}]}]}}},
            "status": {},
        });
        assert_eq!(deployment, expected);
    }
}
