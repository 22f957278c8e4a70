//! Flow schemas and priority levels.

use super::BASE;
use super::cells::OwnCell;
use super::walk::{At, items, text};
use crate::registry::Strategy;
use cluster_object::field::Errors;
use cluster_object::meta;
use serde_json::{Value, json};

pub(super) const FLOW_SCHEMA: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    prepare_create: |object| object["status"] = json!({}),
    validate: |object| {
        let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
        let precedence = spec.get("matchingPrecedence");
        if precedence.int() == 1 && meta::name(object) != "exempt" {
            errors.push(precedence.invalid("only the schema named 'exempt' may have matchingPrecedence 1"));
        }
        unless_fixed(object, &spec, &mut errors);
        for rule in spec.get("rules").items() {
            if rule.get("resourceRules").is_empty() && rule.get("nonResourceRules").is_empty() {
                errors.push(rule.missing("at least one of resourceRules and nonResourceRules has to be non-empty"));
            }
        }
        errors
    },
    ..BASE
};

pub(super) const PRIORITY_LEVEL: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    prepare_create: |object| object["status"] = json!({}),
    validate: |object| {
        let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
        let (limited, response) = (spec.get("limited"), spec.get("limited.limitResponse"));
        match (spec.get("type").text(), limited.is_set()) {
            ("Limited", false) => errors.push(limited.missing("must not be empty when type is Limited")),
            ("Exempt", true) => errors.push(limited.forbidden("must be nil if the type is not Limited")),
            _ => {}
        }
        match (response.get("type").text(), response.get("queuing").is_set()) {
            ("Queue", false) => {
                errors.push(response.get("queuing").missing("must not be empty if limitResponse.type is Queue"));
            }
            ("Reject", true) => {
                errors.push(
                    response.get("queuing").forbidden("must be nil if limited.limitResponse.type is not Limited"),
                );
            }
            _ => {}
        }
        unless_fixed(object, &spec, &mut errors);
        errors
    },
    ..BASE
};

/// Demands of the mandatory objects what they must be; shares of the exempt level may be chosen.
fn unless_fixed(object: &Value, spec: &At<'_>, errors: &mut Errors) {
    let name = meta::name(object);
    if let Some(mut fixed) = crate::flow::fixed(meta::kind(object), name) {
        if let Some(exempt) = spec.value.get("exempt").filter(|_| name == "exempt") {
            fixed["spec"]["exempt"] = exempt.clone();
        }
        if *spec.value != fixed["spec"] {
            errors.push(spec.invalid(&format!("spec of '{name}' must equal the fixed value")));
        }
    }
}

pub(super) const FLOW_SCHEMA_CELLS: &[OwnCell] = &[("MissingPL", |o| {
    let dangling = items(&o["status"]["conditions"]).iter().find(|c| c["type"] == "Dangling");
    dangling.map_or("?", |c| text(&c["status"])).into()
})];
