//! The rules of the policies and bindings themselves.

use super::compiled::Compiled;
use crate::kinds::walk::At;
use cluster_cel::{Program, Type};
use cluster_object::field::{Error, Errors};
use cluster_object::{meta, name};
use serde_json::Value;

/// The most match conditions of one webhook or policy.
const MAX_CONDITIONS: usize = 64;

/// The faults of a policy, its expressions included.
pub(crate) fn policy(object: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
    let mutating = meta::kind(object).starts_with("Mutating");
    if mutating {
        spec.get("mutations").required(&mut errors);
        spec.get("reinvocationPolicy").required_one_of(&["IfNeeded", "Never"], &mut errors);
    } else if spec.get("validations").is_empty() && spec.get("auditAnnotations").is_empty() {
        let why = "validations or auditAnnotations must be specified";
        errors.push(spec.get("validations").missing(why));
    }
    let compiled = Compiled::new(object, &Type::Dyn, &Type::Dyn);
    for (variable, (_, program)) in spec.get("variables").items().zip(&compiled.variables) {
        expression(&variable.get("expression"), program, None, &mut errors);
    }
    match_conditions(&spec, &compiled, &mut errors);
    for (validation, (program, message)) in spec.get("validations").items().zip(&compiled.validations) {
        expression(&validation.get("expression"), program, Some((&Type::Bool, "bool")), &mut errors);
        if let Some(message) = message {
            let text = Type::String(0);
            expression(&validation.get("messageExpression"), message, Some((&text, "string")), &mut errors);
        }
        if validation.get("message").text().contains('\n') {
            errors.push(validation.get("message").invalid("message must not contain line breaks"));
        }
    }
    for (annotation, program) in spec.get("auditAnnotations").items().zip(&compiled.annotations) {
        expression(&annotation.get("valueExpression"), program, None, &mut errors);
    }
    for (mutation, program) in spec.get("mutations").items().zip(&compiled.mutations) {
        let (body, other) = match mutation.get("patchType").text() {
            "JSONPatch" => ("jsonPatch", "applyConfiguration"),
            _ => ("applyConfiguration", "jsonPatch"),
        };
        if mutation.get(other).is_set() {
            errors.push(mutation.get(other).forbidden("may not be set for this patchType"));
        }
        expression(&mutation.get(&format!("{body}.expression")), program, None, &mut errors);
    }
    errors
}

/// The faults of a webhook's match conditions.
pub(crate) fn webhook(hook: &At<'_>, errors: &mut Errors) {
    match_conditions(hook, &Compiled::webhook(hook.value), errors);
}

fn match_conditions(at: &At<'_>, compiled: &Compiled, errors: &mut Errors) {
    let (conditions, mut seen) = (at.get("matchConditions"), Vec::new());
    let count = compiled.conditions.len();
    if count > MAX_CONDITIONS {
        return errors.push(Error::too_many(&conditions.path, count, MAX_CONDITIONS));
    }
    for (condition, program) in conditions.items().zip(&compiled.conditions) {
        expression(&condition.get("expression"), program, Some((&Type::Bool, "bool")), errors);
        let name = condition.get("name");
        name.required_rule(name::qualified_name, errors);
        if !name.is_empty() {
            name.unique(&mut seen, name.text().to_owned(), errors);
        }
    }
}

fn expression(at: &At<'_>, program: &Result<Program, String>, wanted: Option<(&Type, &str)>, errors: &mut Errors) {
    if at.text().trim().is_empty() {
        errors.push(at.missing(""));
        return;
    }
    match (program, wanted) {
        (Err(why), _) => errors.push(at.invalid(&format!("compilation failed: {why}"))),
        (Ok(program), Some((kind, shown))) if !kind.accepts(program.result()) => {
            errors.push(at.invalid(&format!("must evaluate to {shown}")));
        }
        _ => {}
    }
}

/// The faults of a binding.
pub(crate) fn binding(object: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
    let reference = spec.get("paramRef");
    if reference.is_set() {
        let (by_name, selector) = (reference.get("name"), reference.get("selector"));
        if by_name.is_empty() != selector.is_set() {
            let why = "one of name or selector must be specified";
            errors.push(if by_name.is_empty() {
                reference.missing(why)
            } else {
                by_name.forbidden("name and selector are mutually exclusive")
            });
        }
    }
    if meta::kind(object).starts_with("Validating") {
        let actions = spec.get("validationActions");
        actions.required(&mut errors);
        let mut seen = Vec::new();
        for action in actions.items() {
            action.one_of(&["Audit", "Deny", "Warn"], &mut errors);
            action.unique(&mut seen, action.text().to_owned(), &mut errors);
        }
        if ["Deny", "Warn"].iter().all(|action| seen.iter().any(|given| given == action)) {
            let why = "must not contain both Deny and Warn (repeating the same validation failure information in the \
                       API response and headers serves no purpose)";
            errors.push(actions.invalid(why));
        }
    }
    errors
}
