//! `Table` of `meta.k8s.io`: objects as `kubectl get` prints them.

use crate::prelude::*;
use crate::registry::{CustomColumn, Resource};
use cluster_object::{jsonpath, meta};

/// What a list says of itself.
#[derive(Debug, Default)]
pub(crate) struct ListMeta {
    pub(crate) revision: String,
    pub(crate) continue_token: String,
    pub(crate) remaining: Option<usize>,
}

impl ListMeta {
    pub(crate) fn to_json(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision});
        if !self.continue_token.is_empty() {
            metadata["continue"] = json!(self.continue_token);
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        metadata
    }
}

/// The table of `objects` in an API version; `include` is `Metadata` (also when empty), `Object` or `None`.
pub(crate) fn table(resource: &Resource, version: &str, objects: Vec<Value>, list: &ListMeta, include: &str) -> Value {
    let rows: Vec<Value> = objects.into_iter().map(|object| row(resource, version, object, include)).collect();
    json!({
        "kind": "Table", "apiVersion": version, "metadata": list.to_json(),
        "columnDefinitions": definitions(resource), "rows": rows,
    })
}

/// The object's metadata alone, in an API version.
pub(crate) fn partial(version: &str, object: &mut Value) -> Value {
    let metadata = object["metadata"].take();
    json!({"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": metadata})
}

fn definition(name: &str, kind: &str, format: &str, priority: i64, description: &str) -> Value {
    json!({"name": name, "type": kind, "format": format, "priority": priority, "description": description})
}

fn definitions(resource: &Resource) -> Vec<Value> {
    if !resource.columns.is_empty() {
        let built_in = resource.columns.iter();
        return built_in.map(|c| definition(&c.name, &c.kind, c.format, c.priority.into(), "")).collect();
    }
    let mut definitions = vec![definition("Name", "string", "name", 0, "")];
    match custom_columns(resource) {
        [] => definitions.push(definition("Age", "date", "", 0, "")),
        columns => definitions
            .extend(columns.iter().map(|c| definition(&c.name, &c.kind, &c.format, c.priority, &c.description))),
    }
    definitions
}

fn custom_columns(resource: &Resource) -> &[CustomColumn] {
    resource.custom.as_ref().map(|custom| custom.columns.as_slice()).unwrap_or_default()
}

fn row(resource: &Resource, version: &str, mut object: Value, include: &str) -> Value {
    let cells: Vec<Value> = if resource.columns.is_empty() {
        let name = json!(meta::name(&object));
        let rest = match custom_columns(resource) {
            [] => vec![kinds::age(&object["metadata"]["creationTimestamp"]).into()],
            columns => columns.iter().map(|column| custom_cell(column, &object)).collect(),
        };
        std::iter::once(name).chain(rest).collect()
    } else {
        let shown = kinds::Shown::new(&object);
        resource.columns.iter().map(|column| column.cell.of(&shown)).collect()
    };
    match include {
        "None" => json!({"cells": cells, "object": null}),
        "Object" => json!({"cells": cells, "object": object}),
        _ => json!({"cells": cells, "object": partial(version, &mut object)}),
    }
}

fn custom_cell(column: &CustomColumn, object: &Value) -> Value {
    let found = jsonpath::simple(object, &column.path);
    match (column.kind.as_str(), found.as_slice()) {
        (_, []) => Value::Null,
        ("date", [value, ..]) => kinds::age(value).into(),
        ("integer" | "number" | "boolean", [value, ..]) => (*value).clone(),
        (_, values) => {
            let text = |value: &&Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.iter().map(text).collect::<Vec<_>>().join(",").into()
        }
    }
}
