//! The way through a custom object along its schema, with the old state of each part beside it.

use crate::kinds::prelude::*;

/// A part of an object, the schema that describes it and what stood there before.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub(super) props: &'a Value,
    pub(super) value: &'a Value,
    /// The same part before an update; `None` when there was none or when it cannot be told which one it was.
    pub(super) old: Option<&'a Value>,
    pub(super) path: Path,
    /// The path as rules show it: entries of maps are `map[key]`.
    pub(super) keyed: Path,
    /// The way from the parent's schema to this one: `properties[spec]`, `items`, `additionalProperties`.
    pub(super) step: String,
}

impl<'a> Part<'a> {
    pub(super) fn root(props: &'a Value, value: &'a Value, old: Option<&'a Value>) -> Self {
        Self { props, value, old, path: Path::default(), keyed: Path::default(), step: String::new() }
    }

    /// The parts inside this one that a schema describes.
    pub(super) fn children(&self) -> Vec<Part<'a>> {
        match self.value {
            Value::Object(fields) => fields.iter().filter_map(|(name, value)| self.field(name, value)).collect(),
            Value::Array(list) if self.props["items"].is_object() => {
                let item = |(index, value)| Part {
                    props: &self.props["items"],
                    value,
                    old: self.old_item(value),
                    path: self.path.index(index),
                    keyed: self.keyed.index(index),
                    step: "items".to_owned(),
                };
                list.iter().enumerate().map(item).collect()
            }
            _ => Vec::new(),
        }
    }

    fn field(&self, name: &'a str, value: &'a Value) -> Option<Part<'a>> {
        let (known, additional) = (self.props["properties"].get(name), &self.props["additionalProperties"]);
        let (props, keyed, step) = match known {
            Some(props) => (props, self.keyed.child(name), format!("properties[{name}]")),
            None if additional.is_object() => (additional, self.keyed.key(name), "additionalProperties".to_owned()),
            None => return None,
        };
        let old = self.old.and_then(|old| old.get(name));
        Some(Part { props, value, old, path: self.path.child(name), keyed, step })
    }

    /// Whether an update leaves this part as it was. The order of a list of type `map` is no change.
    pub(super) fn unchanged(&self) -> bool {
        let Some(old) = self.old else { return false };
        old == self.value
            || match (self.value, old) {
                (Value::Array(new), Value::Array(old)) => {
                    self.props["x-kubernetes-list-type"] == "map"
                        && new.len() == old.len()
                        && self.children().iter().all(Part::unchanged)
                }
                (Value::Object(new), Value::Object(old)) => {
                    let same = |(name, value): (&'a String, &'a Value)| {
                        old.get(name) == Some(value) || self.field(name, value).is_some_and(|field| field.unchanged())
                    };
                    new.len() == old.len() && new.iter().all(same)
                }
                _ => false,
            }
    }

    /// Items of a list of type `map` are the same when their keys are; others have no past of their own.
    fn old_item(&self, item: &Value) -> Option<&'a Value> {
        if self.props["x-kubernetes-list-type"] != "map" {
            return None;
        }
        let key = map_key(self.props, item);
        self.old.map(items)?.iter().find(|old| map_key(self.props, old) == key)
    }
}

/// The values of an item's keys.
pub(super) fn map_key(props: &Value, item: &Value) -> Value {
    let keys = texts(&props["x-kubernetes-list-map-keys"]);
    keys.filter_map(|key| Some((key.to_owned(), item.get(key)?.clone()))).collect()
}

/// The schemas one step inside of `props`, with their steps; those of `allOf` and its like are left out.
pub(super) fn inner(props: &Value) -> impl Iterator<Item = (String, &Value)> {
    let fields = entries(&props["properties"]).map(|(name, props)| (format!("properties[{name}]"), props));
    let others = ["items", "additionalProperties"].into_iter().map(|step| (step.to_owned(), &props[step]));
    fields.chain(others.filter(|(_, props)| props.is_object()))
}

/// All schemas one step inside of one: those of `allOf` and its like, then those of its parts.
pub(super) fn every(schema: &Value) -> impl Iterator<Item = &Value> {
    let junctors = ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|junctor| items(&schema[junctor]));
    junctors.chain(schema.get("not")).chain(inner(schema).map(|(_, schema)| schema))
}

/// The JSON type of a value as errors name it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        // Beyond 53 bits Go does not take a number for whole that is written as one with a point or an exponent.
        Value::Number(number)
            if !number.is_i64() && number.as_f64().is_some_and(|n| n.fract() != 0.0 || n.abs() >= 2_f64.powi(53)) =>
        {
            "number"
        }
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a value is of a schema's type.
pub(super) fn has_type(props: &Value, value: &Value) -> bool {
    let (wanted, found) = (text(&props["type"]), type_name(value));
    if props["x-kubernetes-int-or-string"] == true {
        return matches!(found, "integer" | "string");
    }
    wanted.is_empty() || wanted == found || (wanted == "number" && found == "integer")
}
