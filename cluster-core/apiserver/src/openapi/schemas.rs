//! Renders definitions of the schema table, and custom ones, as OpenAPI schemas.

use crate::prelude::*;
use cluster_schema::{Definition, Field, ListKind, Object, PatchStrategy, Schema, Shape};

use super::descriptions::Descriptions;
use super::{Kind, Style, defaults, enums};

/// Definitions that are scalars to the schema table and have names in OpenAPI.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
/// Whose words describe the fields that every object has.
const EXEMPLAR: &str = "io.k8s.api.core.v1.ConfigMap";
/// Any JSON object, where other shapeless definitions are any JSON value.
const FREE_OBJECTS: &[&str] = &["RawExtension", "FieldsV1", "Patch"];
/// What OpenAPI v2 cannot say about a custom resource.
const ONLY_V3: &[&str] = &["anyOf", "allOf", "oneOf", "not", "nullable", "x-kubernetes-validations"];

/// The schemas of one document: those asked for and all they refer to.
pub(super) struct Schemas {
    style: Style,
    descriptions: Descriptions,
    done: Map<String, Value>,
    queue: Vec<String>,
}

impl Schemas {
    pub(super) fn new(style: Style, descriptions: Descriptions) -> Self {
        Self { style, descriptions, done: Map::new(), queue: Vec::new() }
    }

    /// A reference to a definition, which becomes part of the document.
    pub(super) fn reference(&mut self, name: &str) -> Value {
        if !self.done.contains_key(name) {
            self.queue.push(name.to_owned());
        }
        let root = if self.style == Style::V2 { "#/definitions/" } else { "#/components/schemas/" };
        json!({"$ref": format!("{root}{name}")})
    }

    /// Adds a custom resource and its list under their names.
    pub(super) fn add_custom(&mut self, resource: &Resource, name: &str) {
        let Some(custom) = &resource.custom else { return };
        let mut schema = custom.validation.openapi.clone();
        if !schema.is_object() {
            schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        }
        let kind = Kind { group: &resource.group, version: &resource.version, kind: &resource.kind };
        if self.style == Style::V2 && schema["x-kubernetes-preserve-unknown-fields"] == true {
            // As upstream: version 2 has no word for it, and clients are to let everything through.
            schema = json!({"type": "object", "x-kubernetes-group-version-kind": [kind.to_value()]});
        } else {
            if self.style == Style::V2 {
                reduce_to_v2(&mut schema);
            }
            self.finish_custom(&mut schema, &kind, cluster_schema::OBJECT_META);
        }
        self.done.insert(name.to_owned(), schema);

        let items = self.reference(name);
        let mut list = json!({"type": "object", "required": ["items"], "properties": {}});
        list["properties"]["items"] = json!({"type": "array", "items": items});
        let list_kind = format!("{}List", resource.kind);
        self.finish_custom(&mut list, &Kind { kind: &list_kind, ..kind }, LIST_META);
        self.done.insert(format!("{name}List"), list);
    }

    fn finish_custom(&mut self, schema: &mut Value, kind: &Kind<'_>, metadata: &str) {
        let string = PatchStrategy::default();
        let shapes =
            [("apiVersion", Shape::String), ("kind", Shape::String), ("metadata", Shape::Reference(metadata.into()))];
        for (name, shape) in shapes {
            let words = self.descriptions.field(EXEMPLAR, name).map(str::to_owned);
            schema["properties"][name] = self.property(&Schema::of(shape), &string, words, None);
        }
        schema["x-kubernetes-group-version-kind"] = json!([kind.to_value()]);
    }

    /// All schemas, with everything they refer to.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        while let Some(name) = self.queue.pop() {
            if self.done.contains_key(&name) {
                continue;
            }
            if let Some(definition) = cluster_schema::named_definition(&name) {
                // Entered before it is complete, so that a definition may refer to itself.
                self.done.insert(name.clone(), Value::Null);
                let schema = self.definition(definition);
                self.done.insert(name, schema);
            }
        }
        self.done
    }

    fn definition(&mut self, definition: &'static Definition) -> Value {
        let name = definition.name.as_str();
        let mut value = match &definition.schema().shape {
            Shape::Object(object) => self.object(object, Some(name)),
            shape => self.scalar_definition(shape, name),
        };
        if let Some(description) = self.descriptions.definition(name) {
            value["description"] = description.into();
        }
        if !definition.kinds.is_empty() {
            let kind = |one: &cluster_schema::GroupVersionKind| {
                Kind { group: one.group, version: one.version, kind: one.kind }.to_value()
            };
            value["x-kubernetes-group-version-kind"] = definition.kinds.iter().map(kind).collect();
        }
        value
    }

    fn scalar_definition(&self, shape: &Shape, name: &str) -> Value {
        match (shape, self.style) {
            (Shape::Quantity, Style::V3) => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            (Shape::Quantity, Style::V2) => json!({"type": "string"}),
            (Shape::IntOrString, Style::V3) => {
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
            }
            (Shape::IntOrString, Style::V2) => json!({"format": "int-or-string", "type": "string"}),
            (Shape::Time | Shape::MicroTime, _) => json!({"format": "date-time", "type": "string"}),
            _ if FREE_OBJECTS.iter().any(|free| name.ends_with(free)) => json!({"type": "object"}),
            _ => json!({}),
        }
    }

    /// An object with its fields; `name` is the definition that tells what the fields mean.
    fn object(&mut self, object: &Object, name: Option<&str>) -> Value {
        let mut value = json!({"type": "object"});
        let mut properties = Map::new();
        for known @ Field { name: field, schema, patch, .. } in &object.fields {
            let words = name.and_then(|name| self.descriptions.field(name, field)).map(str::to_owned);
            // Version 2 tells no defaults, as its clients would take them for the server's.
            let default = name.filter(|_| self.style == Style::V3).and_then(|name| defaults::of(name, known));
            let mut property = self.property(schema, patch, words, default);
            let values = name.map(|name| enums::values(name, field)).unwrap_or_default();
            if !values.is_empty() {
                let holder = if property["type"] == "array" { &mut property["items"] } else { &mut property };
                holder["enum"] = values.into();
            }
            properties.insert(field.to_string(), property);
        }
        let required: Vec<&str> =
            object.fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
        if !properties.is_empty() {
            value["properties"] = properties.into();
        }
        if !required.is_empty() {
            value["required"] = required.into();
        }
        if object.atomic {
            value["x-kubernetes-map-type"] = "atomic".into();
        }
        value
    }

    /// A field: what it holds, what it means and how patches treat it.
    fn property(
        &mut self,
        schema: &Schema,
        patch: &PatchStrategy,
        description: Option<String>,
        default: Option<Value>,
    ) -> Value {
        let mut beside = Map::from_iter(default.map(|value| ("default".to_owned(), value)));
        if let Some(description) = description {
            beside.insert("description".to_owned(), description.into());
        }
        let strategies =
            [("merge", patch.merge_key.is_some()), ("retainKeys", patch.retain_keys), ("replace", patch.replace)];
        let strategies: Vec<&str> = strategies.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        if !strategies.is_empty() {
            beside.insert("x-kubernetes-patch-strategy".to_owned(), strategies.join(",").into());
        }
        if let Some(key) = patch.merge_key.as_deref().filter(|key| !key.is_empty()) {
            beside.insert("x-kubernetes-patch-merge-key".to_owned(), key.into());
        }
        let mut value = self.value(schema);
        // OpenAPI v3 ignores what stands beside a reference.
        if self.style == Style::V3 && !beside.is_empty() && value.get("$ref").is_some() {
            value = json!({"allOf": [value]});
        }
        if let Value::Object(members) = &mut value {
            members.append(&mut beside);
        }
        value
    }

    fn value(&mut self, schema: &Schema) -> Value {
        match &schema.shape {
            Shape::Any => json!({}),
            Shape::String => json!({"type": "string"}),
            Shape::Integer => json!({"type": "integer", "format": &*schema.format}),
            Shape::Number => json!({"type": "number", "format": &*schema.format}),
            Shape::Boolean => json!({"type": "boolean"}),
            Shape::Bytes => json!({"type": "string", "format": "byte"}),
            Shape::IntOrString => self.reference(INT_OR_STRING),
            Shape::Quantity => self.reference(QUANTITY),
            Shape::Time => self.reference(TIME),
            Shape::MicroTime => self.reference(MICRO_TIME),
            Shape::Reference(to) => self.reference(&to.name),
            Shape::Object(object) => self.object(object, None),
            Shape::Map(map) => {
                let mut value = json!({"type": "object", "additionalProperties": self.value(&map.values)});
                if map.atomic {
                    value["x-kubernetes-map-type"] = "atomic".into();
                }
                value
            }
            Shape::List(list) => {
                let mut value = json!({"type": "array", "items": self.value(&list.items)});
                value["x-kubernetes-list-type"] = match &list.kind {
                    ListKind::Atomic => "atomic",
                    ListKind::Set => "set",
                    ListKind::Map(_) => "map",
                }
                .into();
                if let ListKind::Map(keys) = &list.kind {
                    value["x-kubernetes-list-map-keys"] = keys.iter().map(|key| key.name.to_string()).collect();
                }
                value
            }
        }
    }
}

impl Kind<'_> {
    /// As `x-kubernetes-group-version-kind` has it.
    pub(super) fn to_value(self) -> Value {
        json!({"group": self.group, "kind": self.kind, "version": self.version})
    }
}

/// Drops what v2 cannot express, at every depth of a structural schema.
fn reduce_to_v2(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    members.retain(|name, _| !ONLY_V3.contains(&name.as_str()));
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = members.get_mut(name) {
            reduce_to_v2(inner);
        }
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(reduce_to_v2);
    }
}
