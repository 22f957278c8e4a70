//! Writes operations down as the `paths` of an OpenAPI document.

use crate::prelude::*;

use super::Style;
use super::operations::{Answer, Operation};
use super::parameters::Parameter;
use super::schemas::Schemas;

/// The paths of a document.
#[derive(Default)]
pub(super) struct Paths {
    pub(super) items: Map<String, Value>,
    /// Parameters that version 2 refers to.
    pub(super) shared: Map<String, Value>,
}

/// Writes down all operations; the definitions they speak of become part of `schemas`.
pub(super) fn write(schemas: &mut Schemas, style: Style, operations: &[Operation<'_>]) -> Paths {
    let mut by_path: BTreeMap<&str, Vec<&Operation<'_>>> = BTreeMap::new();
    for operation in operations {
        by_path.entry(&operation.path).or_default().push(operation);
    }
    let mut paths = Paths::default();
    for (path, operations) in by_path {
        let item = paths.item(schemas, style, &operations);
        paths.items.insert(path.to_owned(), item);
    }
    paths
}

impl Paths {
    /// The operations of one path; parameters that all of them have stand beside them.
    fn item(&mut self, schemas: &mut Schemas, style: Style, operations: &[&Operation<'_>]) -> Value {
        let everywhere = |one: &&Parameter| operations.iter().all(|operation| operation.parameters.contains(one));
        let common: Vec<&Parameter> = operations[0].parameters.iter().filter(everywhere).collect();
        let mut item = Map::new();
        if !common.is_empty() {
            item.insert("parameters".to_owned(), common.iter().map(|one| self.parameter(style, one)).collect());
        }
        for operation in operations {
            let own = operation.parameters.iter().filter(|one| !common.contains(one));
            let own = own.map(|one| self.parameter(style, one)).collect();
            item.insert(operation.method.to_owned(), self.operation(schemas, style, operation, own));
        }
        item.into()
    }

    fn parameter(&mut self, style: Style, parameter: &Parameter) -> Value {
        let Parameter { name, place, kind, words } = parameter;
        let mut value = json!({"name": name, "in": place, "description": words});
        match style {
            Style::V2 => {
                value["type"] = (*kind).into();
                value["uniqueItems"] = true.into();
            }
            Style::V3 => value["schema"] = json!({"type": kind, "uniqueItems": true}),
        }
        if *place == "path" {
            value["required"] = true.into();
        }
        // The words for a name differ from kind to kind.
        if style == Style::V2 && *name != "name" { self.share(name, value) } else { value }
    }

    /// A reference to a parameter that many operations have.
    fn share(&mut self, name: &str, value: Value) -> Value {
        let key = format!("{name}-{}", &BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(value.to_string()))[..8]);
        let reference = json!({"$ref": format!("#/parameters/{key}")});
        self.shared.insert(key, value);
        reference
    }

    fn operation(
        &mut self,
        schemas: &mut Schemas,
        style: Style,
        operation: &Operation<'_>,
        mut parameters: Vec<Value>,
    ) -> Value {
        let mut value = json!({
            "operationId": operation.id, "description": operation.description, "tags": [operation.tag],
        });
        if let Some(kind) = operation.kind {
            value["x-kubernetes-action"] = operation.action.into();
            value["x-kubernetes-group-version-kind"] = kind.to_value();
        }
        let answer = match &operation.answer {
            Answer::Definition(name) => schemas.reference(name),
            Answer::Text => json!({"type": "string"}),
            Answer::Object => json!({"type": "object"}),
        };
        let body = operation.body.as_ref().map(|(name, required)| (schemas.reference(name), *required));
        match style {
            Style::V2 => {
                value["consumes"] = operation.consumes.into();
                value["produces"] = operation.produces.into();
                value["schemes"] = json!(["https"]);
                if let Some((schema, required)) = body {
                    let mut body = json!({"name": "body", "in": "body", "schema": schema});
                    if required {
                        body["required"] = true.into();
                    }
                    let own = matches!(operation.method, "post" | "put");
                    parameters.push(if own { body } else { self.share("body", body) });
                }
            }
            Style::V3 => {
                if let Some((schema, required)) = body {
                    value["requestBody"] = json!({"content": content(operation.consumes, &schema)});
                    if required {
                        value["requestBody"]["required"] = true.into();
                    }
                }
            }
        }
        value["responses"] = responses(style, operation, &answer);
        if !parameters.is_empty() {
            value["parameters"] = parameters.into();
        }
        value
    }
}

fn responses(style: Style, operation: &Operation<'_>, answer: &Value) -> Value {
    let mut all = Map::new();
    for code in operation.codes {
        let words = match code {
            201 => "Created",
            202 => "Accepted",
            _ => "OK",
        };
        let response = match style {
            Style::V2 => json!({"description": words, "schema": answer}),
            Style::V3 => json!({"description": words, "content": content(operation.produces, answer)}),
        };
        all.insert(code.to_string(), response);
    }
    all.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    all.into()
}

fn content(media: &[&str], schema: &Value) -> Value {
    media.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect::<Map<_, _>>().into()
}
