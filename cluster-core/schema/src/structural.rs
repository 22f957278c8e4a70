//! Reads the structural schema of a CustomResourceDefinition (`JSONSchemaProps`) into a [`Schema`].
//!
//! Only what shapes an object is read: types, fields, defaults, ownership. Value validations (`pattern`, `minimum`,
//! `anyOf`, CEL rules) stay with the document they came in.

use std::sync::Arc;

use serde_json::Value;

use crate::{Field, List, ListKind, Map, MapKey, OBJECT_META, Object, PatchStrategy, Schema, Shape};

/// The schema that a `JSONSchemaProps` describes.
pub fn from_openapi(props: &Value) -> Schema {
    let text = |name: &str| props[name].as_str().unwrap_or_default();
    let enumeration: Vec<Arc<str>> = array(&props["enum"]).iter().filter_map(Value::as_str).map(Arc::from).collect();
    Schema {
        shape: shape(props),
        format: text("format").into(),
        enumeration: enumeration.into(),
        nullable: flag(props, "nullable"),
    }
}

/// The schema of a whole custom resource: its `JSONSchemaProps` with `apiVersion`, `kind` and `metadata` as every
/// object has them.
pub fn custom_resource(props: &Value) -> Schema {
    let schema = from_openapi(props);
    let object = match schema.shape {
        Shape::Object(object) => Arc::unwrap_or_clone(object),
        _ => Object { preserve_unknown: true, ..Object::default() },
    };
    Schema { shape: Shape::Object(Arc::new(with_object_fields(object, false))), ..schema }
}

fn shape(props: &Value) -> Shape {
    if flag(props, "x-kubernetes-int-or-string") {
        return Shape::IntOrString;
    }
    match props["type"].as_str().unwrap_or_default() {
        "string" => Shape::String,
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        "array" => Shape::List(Arc::new(List { items: from_openapi(&props["items"]), kind: list_kind(props) })),
        "object" => object(props),
        _ if props["properties"].is_object() => object(props),
        _ => Shape::Any,
    }
}

fn object(props: &Value) -> Shape {
    let atomic = props["x-kubernetes-map-type"] == "atomic";
    match &props["additionalProperties"] {
        Value::Bool(true) => return Shape::Map(Arc::new(Map { values: Schema::default(), atomic })),
        values @ Value::Object(_) => return Shape::Map(Arc::new(Map { values: from_openapi(values), atomic })),
        _ => {}
    }
    let required = array(&props["required"]);
    let mut fields: Vec<Field> = props["properties"].as_object().into_iter().flatten().map(field).collect();
    for field in &mut fields {
        field.required = required.iter().any(|name| name.as_str() == Some(&field.name));
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    let embedded_resource = flag(props, "x-kubernetes-embedded-resource");
    let preserve_unknown = flag(props, "x-kubernetes-preserve-unknown-fields");
    let object = Object { fields, atomic, preserve_unknown, embedded_resource, ..Object::default() };
    Shape::Object(Arc::new(if embedded_resource { with_object_fields(object, true) } else { object }))
}

fn field((name, props): (&String, &Value)) -> Field {
    let default = props.get("default").cloned();
    let schema = from_openapi(props);
    Field {
        name: name.as_str().into(),
        schema,
        required: false,
        patch: PatchStrategy::default(),
        default,
        omit_zero: false,
    }
}

fn list_kind(props: &Value) -> ListKind {
    match props["x-kubernetes-list-type"].as_str() {
        Some("set") => ListKind::Set,
        Some("map") => {
            let properties = &props["items"]["properties"];
            let key = |name: &str| MapKey { name: name.into(), default: properties[name].get("default").cloned() };
            ListKind::Map(
                array(&props["x-kubernetes-list-map-keys"]).iter().filter_map(Value::as_str).map(key).collect(),
            )
        }
        _ => ListKind::Atomic,
    }
}

/// Adds the three fields of every object; a schema's own `metadata` says no more than ObjectMeta does.
fn with_object_fields(mut object: Object, required: bool) -> Object {
    let own = |name: &str| matches!(name, "apiVersion" | "kind" | "metadata");
    object.fields.retain(|field| !own(&field.name));
    let metadata = Shape::Reference(OBJECT_META.into());
    for (name, shape) in [("apiVersion", Shape::String), ("kind", Shape::String), ("metadata", metadata)] {
        object.fields.push(Field {
            name: name.into(),
            schema: Schema::of(shape),
            required: required && name != "metadata",
            patch: PatchStrategy::default(),
            default: None,
            omit_zero: false,
        });
    }
    object.fields.sort_by(|a, b| a.name.cmp(&b.name));
    object
}

fn flag(props: &Value, name: &str) -> bool {
    props[name].as_bool().unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
