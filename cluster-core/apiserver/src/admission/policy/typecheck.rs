//! The check of a validating policy's expressions against the types they will meet, told in its status.

use super::compiled::{Compiled, Expression};
use crate::kinds::prelude::*;
use cluster_cel::{Object, Order, Type};

/// How many types are looked at; upstream's limit too.
const MAX_TYPES: usize = 10;
/// How deep a type is known; recursive schemas have no end.
const DEPTH: usize = 16;

/// Writes what the check finds into the status of a policy that is about to be stored.
pub(crate) fn complete(server: &ApiServer, policy: &mut Value) {
    let (constraints, params) = (&policy["spec"]["matchConstraints"], param_type(server, &policy["spec"]["paramKind"]));
    let mut warnings: Vec<(String, Vec<String>)> = Vec::new();
    for resource in meant(server, constraints) {
        let kind = resource.schema().map_or(Type::Dyn, |schema| type_of(schema, DEPTH));
        let compiled = Compiled::new(policy, &kind, &params);
        let mut note = |field: String, expression: &Expression| {
            if let Err(why) = expression {
                let text = format!("{}, Kind={}: {why}\n", resource.api_version(), resource.kind);
                match warnings.iter_mut().find(|(known, _)| *known == field) {
                    Some((_, texts)) => texts.push(text),
                    None => warnings.push((field, vec![text])),
                }
            }
        };
        for (index, (_, variable)) in compiled.variables.iter().enumerate() {
            note(format!("spec.variables[{index}].expression"), variable);
        }
        for (index, (expression, message)) in compiled.validations.iter().enumerate() {
            note(format!("spec.validations[{index}].expression"), expression);
            if let Some(message) = message {
                note(format!("spec.validations[{index}].messageExpression"), message);
            }
        }
    }
    let warnings: Vec<Value> =
        warnings.into_iter().map(|(field, texts)| json!({"fieldRef": field, "warning": texts.join("\n")})).collect();
    let found = if warnings.is_empty() { json!({}) } else { json!({"expressionWarnings": warnings}) };
    policy["status"]["typeChecking"] = found;
    policy["status"]["observedGeneration"] = meta::generation(policy).into();
}

/// The resources that rules name without wildcards.
fn meant(server: &ApiServer, constraints: &Value) -> Vec<Arc<Resource>> {
    let mut found = Vec::new();
    for rule in items(&constraints["resourceRules"]) {
        for group in texts(&rule["apiGroups"]) {
            for version in texts(&rule["apiVersions"]) {
                let named = texts(&rule["resources"]).filter_map(|name| server.registry.get(group, version, name));
                found.extend(named);
            }
        }
    }
    found.truncate(MAX_TYPES);
    found
}

fn param_type(server: &ApiServer, kind: &Value) -> Type {
    let version = text(&kind["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = server.registry.by_kind(group, version, text(&kind["kind"]));
    resource.and_then(|resource| resource.schema().map(|schema| type_of(schema, DEPTH))).unwrap_or(Type::Dyn)
}

/// The type behind a schema.
fn type_of(schema: &Schema, depth: usize) -> Type {
    const UNBOUNDED: u64 = 1 << 20;
    if depth == 0 {
        return Type::Dyn;
    }
    match &schema.resolve().shape {
        Shape::String | Shape::Bytes => Type::String(UNBOUNDED),
        Shape::Integer => Type::Int,
        Shape::Number => Type::Double,
        Shape::Boolean => Type::Bool,
        Shape::Object(object) if object.preserve_unknown => Type::Dyn,
        Shape::Object(object) => {
            let fields = object.fields.iter();
            let fields = fields.map(|field| (field.name.to_string(), type_of(&field.schema, depth - 1))).collect();
            Type::Object(Arc::new(Object { name: "object".to_owned(), fields }))
        }
        Shape::Map(map) => Type::Map(Arc::new(type_of(&map.values, depth - 1)), UNBOUNDED),
        Shape::List(list) => Type::List(Arc::new(type_of(&list.items, depth - 1)), UNBOUNDED, Order::Given),
        // Quantities and times are text to expressions without a schema; their types say too much.
        _ => Type::Dyn,
    }
}
