//! What stands for a field of a built-in definition that is not given, as `default` tells clients of version 3.
//!
//! It is what Go's zero values are: of the parts that are no pointers, and of the scalars that are always written. That
//! follows from what the schema table knows, but for the fields of `defaults.json`, where null means that there is none.

use crate::prelude::*;
use cluster_schema::{Field, Schema, Shape, definition, named_definition};

static TABLE: LazyLock<HashMap<&str, HashMap<&str, Value>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("defaults.json")).expect("a table of values, which tests read"));

/// The value of a definition's field.
pub(super) fn of(name: &str, field: &Field) -> Option<Value> {
    let short = name.strip_prefix("io.k8s.api.").unwrap_or(name);
    if let Some(known) = TABLE.get(short).and_then(|fields| fields.get(&*field.name)) {
        return Some(known.clone()).filter(|value| !value.is_null());
    }
    let is_part = |part: &str| matches!(part, "spec" | "status");
    let of_kind = || named_definition(name).is_some_and(|found| !found.kinds.is_empty());
    match &field.schema.shape {
        Shape::Reference(to) if !definition(&to.name).is_some_and(is_object) => None,
        Shape::Reference(_) | Shape::Object(_) => {
            (field.required || &*field.name == "metadata" || is_part(&field.name) && of_kind()).then(|| json!({}))
        }
        Shape::String if field.required => Some(json!("")),
        Shape::Integer | Shape::Number if field.required => Some(json!(0)),
        Shape::Boolean if field.required => Some(json!(false)),
        _ => None,
    }
}

fn is_object(schema: &Schema) -> bool {
    schema.object().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_values_are_told_and_every_row_is_about_a_field() {
        let found = |name: &str, field: &str| {
            let name = format!("io.k8s.api.{name}");
            of(&name, definition(&name).and_then(|schema| schema.field(field)).expect("a field"))
        };
        assert_eq!(found("apps.v1.Deployment", "spec"), Some(json!({})));
        assert_eq!(found("apps.v1.DeploymentSpec", "strategy"), Some(json!({})));
        assert_eq!(found("apps.v1.DeploymentSpec", "selector"), None);
        assert_eq!(found("core.v1.Container", "name"), Some(json!("")));
        assert_eq!(found("core.v1.ContainerPort", "protocol"), Some(json!("TCP")));
        assert_eq!(found("core.v1.PodSpec", "securityContext"), None);
        assert_eq!(found("core.v1.ReplicationControllerSpec", "replicas"), None);
        for (name, fields) in &*TABLE {
            let full = if name.starts_with("io.") { (*name).to_owned() } else { format!("io.k8s.api.{name}") };
            let schema = definition(&full).unwrap_or_else(|| panic!("no {name}"));
            for field in fields.keys() {
                assert!(schema.field(field).is_some(), "no {field} in {name}");
            }
        }
    }
}
