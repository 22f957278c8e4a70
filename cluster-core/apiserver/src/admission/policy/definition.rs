//! The rules of the policies and bindings themselves.

use super::compiled::Compiled;
use crate::kinds::prelude::*;

/// The most match conditions of one webhook or policy.
const MAX_CONDITIONS: usize = 64;

/// The faults of a policy, its expressions included.
pub(crate) fn policy(at: &At<'_>, errors: &mut Errors) {
    let spec = at.get("spec");
    let compiled = Compiled::new(at.value, &Type::Dyn, &Type::Dyn);
    for (variable, (_, program)) in spec.get("variables").items().zip(&compiled.variables) {
        expression(&variable.get("expression"), program, None, errors);
    }
    match_conditions(&spec, &compiled, errors);
    for (validation, (program, message)) in spec.get("validations").items().zip(&compiled.validations) {
        expression(&validation.get("expression"), program, Some((&Type::Bool, "bool")), errors);
        if let Some(message) = message {
            let text = Type::String(0);
            expression(&validation.get("messageExpression"), message, Some((&text, "string")), errors);
        }
    }
    for (annotation, program) in spec.get("auditAnnotations").items().zip(&compiled.annotations) {
        expression(&annotation.get("valueExpression"), program, None, errors);
    }
    for (mutation, program) in spec.get("mutations").items().zip(&compiled.mutations) {
        let json = mutation.get("patchType").text() == "JSONPatch";
        let body = if json { "jsonPatch" } else { "applyConfiguration" };
        expression(&mutation.get(&format!("{body}.expression")), program, None, errors);
    }
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
        if name.required(errors) {
            name.rule(name::qualified_name, errors);
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
        (Err(why), _) => errors.push(at.invalid(why)),
        (Ok(program), Some((kind, shown))) if !kind.accepts(program.result()) => {
            errors.push(at.invalid(&format!("must evaluate to {shown}")));
        }
        _ => {}
    }
}
