//! `Table` of `meta.k8s.io`: objects as `kubectl get` prints them.

use crate::prelude::*;
use crate::registry::Column;

/// The table of `objects` in an API version; `include` is `Metadata` (also when empty), `Object` or `None`.
pub(crate) fn table(resource: &Resource, version: &str, objects: Vec<Value>, list: Value, include: &str) -> Value {
    let rows: Vec<Value> = objects.into_iter().map(|object| row(resource, version, object, include)).collect();
    let definition = |column: &Column| {
        let Column { name, kind, format, priority, description, .. } = column;
        json!({"name": name, "type": kind, "format": format, "priority": priority, "description": description})
    };
    let definitions: Vec<Value> = resource.columns.iter().map(definition).collect();
    json!({
        "kind": "Table", "apiVersion": version, "metadata": list,
        "columnDefinitions": definitions, "rows": rows,
    })
}

/// The object's metadata alone, in an API version.
pub(crate) fn partial(version: &str, object: &mut Value) -> Value {
    let metadata = object["metadata"].take();
    json!({"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": metadata})
}

fn row(resource: &Resource, version: &str, mut object: Value, include: &str) -> Value {
    let shown = kinds::Shown::new(&object);
    let cells: Vec<Value> = resource.columns.iter().map(|column| column.cell.of(&shown)).collect();
    let conditions = if resource.storage == "pods" { kinds::finished_pod(&object) } else { Value::Null };
    let object = match include {
        "None" => Value::Null,
        "Object" => object,
        _ => partial(version, &mut object),
    };
    let mut row = json!({"cells": cells, "object": object});
    if !conditions.is_null() {
        row["conditions"] = conditions;
    }
    row
}
