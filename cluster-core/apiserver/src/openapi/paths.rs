//! Writes operations down as the `paths` of an OpenAPI document.

use serde_json::{Map, Value, json};

use super::Style;
use super::operations::{Operation, Parameter};
use super::schemas::Schemas;

/// Adds an operation to `paths`; the definitions it speaks of become part of `schemas`.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas, style: Style, operation: &Operation<'_>) {
    let item = paths.entry(operation.path.clone()).or_insert_with(|| path_item(style, &operation.path));
    item[operation.method] = render(schemas, style, operation);
}

/// A path with the parameters that its own text names.
fn path_item(style: Style, path: &str) -> Value {
    let names = ["name", "namespace"].into_iter().filter(|name| path.contains(&format!("{{{name}}}")));
    let mut parameters: Vec<Value> = names.map(|name| parameter(style, (name, "string"), "path")).collect();
    parameters.push(parameter(style, ("pretty", "string"), "query"));
    json!({"parameters": parameters})
}

fn parameter(style: Style, (name, kind): Parameter, place: &str) -> Value {
    let mut value = json!({"name": name, "in": place});
    match style {
        Style::V2 => {
            value["type"] = kind.into();
            value["uniqueItems"] = true.into();
        }
        Style::V3 => value["schema"] = json!({"type": kind, "uniqueItems": true}),
    }
    if place == "path" {
        value["required"] = true.into();
    }
    value
}

fn render(schemas: &mut Schemas, style: Style, operation: &Operation<'_>) -> Value {
    let mut parameters: Vec<Value> =
        operation.parameters.iter().map(|&known| parameter(style, known, "query")).collect();
    let mut value = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.kind.to_value(),
    });
    let response = match &operation.response {
        Some(name) => schemas.reference(name),
        None => json!({"type": "string"}),
    };
    match style {
        Style::V2 => {
            if let Some((name, media)) = &operation.body {
                let schema = schemas.reference(name);
                parameters.push(json!({"name": "body", "in": "body", "required": true, "schema": schema}));
                value["consumes"] = (*media).into();
            }
            value["produces"] = json!(["application/json"]);
            value["responses"] = json!({"200": {"description": "OK", "schema": response}});
        }
        Style::V3 => {
            if let Some((name, media)) = &operation.body {
                let schema = schemas.reference(name);
                value["requestBody"] = json!({"content": content(media, &schema)});
            }
            let media = if operation.response.is_some() { "application/json" } else { "text/plain" };
            value["responses"] = json!({"200": {"description": "OK", "content": content(&[media], &response)}});
        }
    }
    if !parameters.is_empty() {
        value["parameters"] = parameters.into();
    }
    value
}

fn content(media: &[&str], schema: &Value) -> Value {
    media.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect::<Map<_, _>>().into()
}
