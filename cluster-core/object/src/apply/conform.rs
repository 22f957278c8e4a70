//! What must hold of an apply configuration before it is merged, worded as upstream's typed values say it.

use super::field_set::{display_element, value_element};
use super::typed::{granular, item_element};
use crate::field::{go_type, plain};
use crate::prelude::*;
use cluster_schema::{List, ListKind, Schema, Shape};

/// The fields that the schema does not know, the values of a wrong type, and the items of a list that have one place.
/// Each fault begins with its path, for example `.spec.zz: field not declared in schema`.
pub fn faults(value: &Value, schema: &Schema) -> Vec<String> {
    let resolved = schema.resolve();
    let kind = |wanted: &str| vec![format!(": expected {wanted}, got &{{{}}}", plain(value))];
    match (&resolved.shape, value) {
        (_, Value::Null) | (Shape::Any, _) => Vec::new(),
        (Shape::Object(object), Value::Object(fields)) => {
            let embedded = |name: &str| object.embedded_resource && matches!(name, "apiVersion" | "kind" | "metadata");
            let below = |(name, value): (&String, &Value)| {
                let found = match schema.field(name) {
                    Some(field) => faults(value, &field.schema),
                    None if object.preserve_unknown || embedded(name) => Vec::new(),
                    None => vec![": field not declared in schema".to_owned()],
                };
                behind(&["f:", name].concat(), found)
            };
            fields.iter().flat_map(below).collect()
        }
        (Shape::Map(map), Value::Object(entries)) => {
            let below = |(key, value): (&String, _)| behind(&["f:", key].concat(), faults(value, &map.values));
            entries.iter().flat_map(below).collect()
        }
        (Shape::List(list), Value::Array(items)) => of_items(list, items),
        (Shape::Object(_) | Shape::Map(_), _) => kind("map"),
        (Shape::List(_), _) => kind("list"),
        (Shape::String | Shape::Bytes | Shape::Time | Shape::MicroTime, value) if !value.is_string() => {
            vec![format!(": expected string, got &value.valueUnstructured{{Value:{value}}}")]
        }
        (Shape::Integer | Shape::Number, value) if !value.is_number() => {
            vec![format!(": expected numeric (int or float), got {}", go_type(value))]
        }
        (Shape::Boolean, value) if !value.is_boolean() => kind("boolean"),
        (Shape::IntOrString | Shape::Quantity, Value::Array(_) | Value::Object(_)) => kind("any scalar"),
        _ => Vec::new(),
    }
}

/// [`faults`] in one message, as upstream lists them; `None` when there are none.
pub fn told(faults: &[String]) -> Option<String> {
    match faults {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("errors:\n  {}", many.join("\n  "))),
    }
}

fn of_items(list: &List, items: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let element = match &list.kind {
            ListKind::Atomic => format!("i:{index}"),
            ListKind::Set => value_element(item),
            ListKind::Map(keys) => {
                let given = keys.iter().any(|key| item.get(&*key.name).is_some() || key.default.is_some());
                let names: Vec<String> = keys.iter().map(|key| format!("{:?}", key.name)).collect();
                let why = match item {
                    Value::Object(_) if given => None,
                    Value::Object(_) => Some(format!(
                        "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                         values for any key fields)",
                        names.join(" ")
                    )),
                    Value::Null => Some("associative list with keys may not have a null element".to_owned()),
                    _ => Some("associative list with keys may not have non-map elements".to_owned()),
                };
                if let Some(why) = why {
                    found.push(format!(": element {index}: {why}"));
                    return found;
                }
                item_element(item, &list.kind)
            }
        };
        found.extend(behind(&element, faults(item, &list.items)));
        if let Some(twice) = seen.replace(element) {
            found.push(format!(": duplicate entries for key {}", display_element(&twice)));
        }
    }
    found
}

/// The paths of the values with one owner among those that hold others, which merge as a whole and so lose what is not named.
pub fn atomics(value: &Value, schema: &Schema) -> Vec<String> {
    let resolved = schema.resolve();
    let here = |atomic: bool| atomic.then(String::new).into_iter();
    match value {
        Value::Object(fields) => {
            let below = |(name, value): (&String, &Value)| {
                let found = resolved.field(name).map(|field| atomics(value, &field.schema)).unwrap_or_default();
                behind(&["f:", name].concat(), found)
            };
            here(!granular(resolved)).chain(fields.iter().flat_map(below)).collect()
        }
        Value::Array(items) => {
            let below = |(index, item): (usize, &Value)| {
                let found = resolved.items().map(|inner| atomics(item, inner)).unwrap_or_default();
                behind(&format!("i:{index}"), found)
            };
            let atomic = resolved.list_kind().is_none_or(|kind| *kind == ListKind::Atomic);
            here(atomic).chain(items.iter().enumerate().flat_map(below)).collect()
        }
        _ => Vec::new(),
    }
}

/// The faults below an element, with it in their paths.
fn behind(element: &str, found: Vec<String>) -> Vec<String> {
    found.into_iter().map(|fault| display_element(element) + &fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_schema::builtin;
    use serde_json::json;

    #[test]
    fn what_merges_as_a_whole_is_found_with_its_path() {
        let pod = builtin("", "v1", "Pod").expect("a built-in kind");
        let container = json!({"name": "c", "args": ["a"], "env": [{"name": "e", "value": "v"}], "command": []});
        let given =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container], "nodeSelector": {}}});
        assert_eq!(
            atomics(&given, pod),
            [".spec.containers[0].args", ".spec.containers[0].command", ".spec.nodeSelector"]
        );
    }

    #[test]
    fn what_cannot_be_merged_is_told_with_its_path() {
        let pod = builtin("", "v1", "Pod").expect("a built-in kind");
        let container = |port: Value| json!({"spec": {"containers": [{"name": "c", "ports": port}]}});
        let cases = [
            (container(json!([{"containerPort": 1}, {"containerPort": 1, "protocol": "UDP"}])), vec![]),
            (json!({"metadata": {"labels": {"a": null}}}), vec![]),
            (
                json!({"spec": {"zz": 1}, "yy": 1}),
                vec![".spec.zz: field not declared in schema", ".yy: field not declared in schema"],
            ),
            (
                container(json!([{"containerPort": 1}, {"containerPort": 1, "protocol": "TCP"}])),
                vec![
                    ".spec.containers[name=\"c\"].ports: duplicate entries for key [containerPort=1,protocol=\"TCP\"]",
                ],
            ),
            (
                json!({"spec": {"containers": [{"image": "a"}]}}),
                vec![
                    ".spec.containers: element 0: associative list with keys has an element that omits all key fields \
                     [\"name\"] (and doesn't have default values for any key fields)",
                ],
            ),
            (json!({"spec": {"containers": "x"}}), vec![".spec.containers: expected list, got &{x}"]),
            (json!({"spec": []}), vec![".spec: expected map, got &{[]}"]),
            (
                json!({"spec": {"nodeName": 5, "priority": "x", "hostNetwork": "y"}}),
                vec![
                    ".spec.hostNetwork: expected boolean, got &{y}",
                    ".spec.nodeName: expected string, got &value.valueUnstructured{Value:5}",
                    ".spec.priority: expected numeric (int or float), got string",
                ],
            ),
            (
                json!({"metadata": {"finalizers": ["a", "a"]}}),
                vec![".metadata.finalizers: duplicate entries for key [=\"a\"]"],
            ),
        ];
        for (applied, expected) in cases {
            assert_eq!(faults(&applied, pod), expected, "{applied}");
        }
    }
}
