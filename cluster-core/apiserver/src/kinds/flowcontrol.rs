//! Flow schemas and priority levels.

use super::BASE;
use super::cells::{AGE, NAME, col, count, number, or_none};
use super::rules::{NON_NEGATIVE, Rule};
use super::walk::{At, items, text};
use crate::registry::{Column, Strategy};
use cluster_object::field::Errors;
use cluster_object::{meta, name};
use serde_json::{Value, json};

pub(super) const FLOW_SCHEMA: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    fields: &[
        ("spec.matchingPrecedence", &[Rule::Default("1000"), Rule::Range(1, 10_000)]),
        ("spec.distinguisherMethod.type", &[Rule::Required(""), Rule::OneOf(&["ByNamespace", "ByUser"])]),
        (
            "spec.priorityLevelConfiguration.name",
            &[Rule::Required("must reference a priority level"), Rule::Text(name::dns_subdomain)],
        ),
        ("spec.rules[].subjects", &[Rule::Required("subjects must contain at least one value")]),
        ("spec.rules[].subjects[].kind", &[Rule::Required(""), Rule::OneOf(&["Group", "ServiceAccount", "User"])]),
        ("spec.rules[].subjects[].user.name", &[Rule::Required("")]),
        ("spec.rules[].subjects[].group.name", &[Rule::Required("")]),
        ("spec.rules[].subjects[].serviceAccount.name", &[Rule::Required("")]),
        (
            "spec.rules[].subjects[].serviceAccount.namespace",
            &[Rule::Required("must specify namespace for service account")],
        ),
        ("spec.rules[].resourceRules[].verbs", &[Rule::Required("verbs must contain at least one value")]),
        (
            "spec.rules[].resourceRules[].apiGroups",
            &[Rule::Required("resource rules must supply at least one api group")],
        ),
        (
            "spec.rules[].resourceRules[].resources",
            &[Rule::Required("resource rules must supply at least one resource")],
        ),
        ("spec.rules[].nonResourceRules[].verbs", &[Rule::Required("verbs must contain at least one value")]),
        (
            "spec.rules[].nonResourceRules[].nonResourceURLs",
            &[Rule::Required("nonResourceURLs must contain at least one value")],
        ),
    ],
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
    fields: &[
        ("spec.type", &[Rule::Required(""), Rule::OneOf(&["Exempt", "Limited"])]),
        ("spec.limited.nominalConcurrencyShares", &[Rule::Default("30"), NON_NEGATIVE]),
        ("spec.limited.lendablePercent", &[Rule::Default("0"), Rule::Range(0, 100)]),
        ("spec.limited.borrowingLimitPercent", &[NON_NEGATIVE]),
        ("spec.limited.limitResponse.type", &[Rule::Required(""), Rule::OneOf(&["Queue", "Reject"])]),
        ("spec.limited.limitResponse.queuing.queues", &[Rule::Default("64"), Rule::Range(1, 10_000_000)]),
        ("spec.limited.limitResponse.queuing.handSize", &[Rule::Default("8"), Rule::AtLeast(1, "must be positive")]),
        (
            "spec.limited.limitResponse.queuing.queueLengthLimit",
            &[Rule::Default("50"), Rule::AtLeast(1, "must be positive")],
        ),
        ("spec.exempt.nominalConcurrencyShares", &[Rule::Default("0"), NON_NEGATIVE]),
        ("spec.exempt.lendablePercent", &[Rule::Default("0"), Rule::Range(0, 100)]),
    ],
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

pub(super) const FLOW_SCHEMA_COLUMNS: &[Column] = &[
    NAME,
    col("PriorityLevel", |o| meta::text(o, "spec.priorityLevelConfiguration.name").into()),
    number("MatchingPrecedence", |o| count(o, "spec.matchingPrecedence")),
    col("DistinguisherMethod", |o| or_none(o, "spec.distinguisherMethod.type")),
    AGE,
    col("MissingPL", |o| {
        let dangling = items(&o["status"]["conditions"]).iter().find(|c| c["type"] == "Dangling");
        dangling.map_or("?", |c| text(&c["status"])).into()
    }),
];
pub(super) const PRIORITY_LEVEL_COLUMNS: &[Column] = &[
    NAME,
    col("Type", |o| meta::text(o, "spec.type").into()),
    col("NominalConcurrencyShares", |o| meta::get(o, "spec.limited.nominalConcurrencyShares").clone()),
    col("Queues", |o| meta::get(o, "spec.limited.limitResponse.queuing.queues").clone()),
    col("HandSize", |o| meta::get(o, "spec.limited.limitResponse.queuing.handSize").clone()),
    col("QueueLengthLimit", |o| meta::get(o, "spec.limited.limitResponse.queuing.queueLengthLimit").clone()),
    AGE,
];
