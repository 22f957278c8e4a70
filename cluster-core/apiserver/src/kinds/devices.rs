//! Devices and the claims on them (`resource.k8s.io`).

use super::BASE;
use super::cells::{AGE, NAME, col};
use super::rules::{Field, NON_NEGATIVE, Rule};
use super::walk::{At, at, default, each, items};
use crate::registry::{Column, Strategy};
use cluster_object::field::Errors;
use cluster_object::{meta, name};
use serde_json::{Value, json};

pub(super) const CLASS: Strategy = Strategy {
    fields: &[("spec.selectors", &[Rule::Most(32)]), ("spec.selectors[].cel.expression", &[Rule::Required("")])],
    ..BASE
};

pub(super) const TAINT_RULE: Strategy = Strategy {
    fields: &[
        ("spec.taint.key", &[Rule::Required(""), Rule::Text(name::qualified_name)]),
        ("spec.taint.value", &[Rule::Text(name::label_value)]),
        ("spec.taint.effect", &[Rule::Required(""), Rule::OneOf(&["NoExecute", "NoSchedule", "None"])]),
        ("spec.deviceSelector.driver", &[Rule::Text(name::dns_subdomain)]),
        ("spec.deviceSelector.device", &[Rule::Text(name::dns_label)]),
    ],
    prepare_create: |rule| {
        if let Some(taint) = at(rule, "spec.taint") {
            default(taint, "timeAdded", meta::now());
        }
        rule["status"] = json!({});
    },
    status_resets: Strategy::RESET_FOR_STATUS,
    ..BASE
};

pub(super) const CLAIM: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    fields: &[("spec", &[Rule::Frozen("")])],
    defaults: |claim| complete(at(claim, "spec.devices")),
    prepare_create: |claim| claim["status"] = json!({}),
    validate: |claim| devices(&At::root(claim).get("spec.devices")),
    has_generation: false,
    ..BASE
};

pub(super) const CLAIM_TEMPLATE: Strategy = Strategy {
    fields: &[("spec", &[Rule::Frozen("")])],
    defaults: |template| complete(at(template, "spec.spec.devices")),
    validate: |template| devices(&At::root(template).get("spec.spec.devices")),
    has_generation: false,
    ..BASE
};

pub(super) const SLICE: Strategy = Strategy {
    fields: SLICE_FIELDS,
    validate: |slice| {
        let (mut errors, spec) = (Errors::new(), At::root(slice).get("spec"));
        let places = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"];
        match places.iter().filter(|place| !spec.get(place).is_empty()).count() {
            0 => errors.push(spec.missing(PLACES)),
            1 => {}
            _ => errors.push(spec.invalid(PLACES)),
        }
        errors
    },
    selectable_fields: &[
        ("spec.nodeName", |o| meta::text(o, "spec.nodeName").to_owned()),
        ("spec.driver", |o| meta::text(o, "spec.driver").to_owned()),
    ],
    ..BASE
};

const PLACES: &str = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set";

const SLICE_FIELDS: &[Field] = &[
    ("spec.driver", &[Rule::Required(""), Rule::Most(63), Rule::Text(name::dns_subdomain), Rule::Frozen("")]),
    ("spec.nodeName", &[Rule::Text(name::dns_subdomain), Rule::Frozen("")]),
    ("spec.pool.name", &[Rule::Required(""), Rule::Most(253), Rule::Frozen("")]),
    ("spec.pool.resourceSliceCount", &[Rule::Required(""), Rule::AtLeast(1, "must be greater than zero")]),
    ("spec.pool.generation", &[NON_NEGATIVE]),
    ("spec.devices", &[Rule::Most(128)]),
    ("spec.devices[].name", &[Rule::Required(""), Rule::Text(name::dns_label), Rule::Unique]),
];

const REQUESTS: &[Field] = &[
    ("requests", &[Rule::Most(32)]),
    ("requests[].name", &[Rule::Required(""), Rule::Text(name::dns_label), Rule::Unique]),
    ("requests[].exactly.deviceClassName", &[Rule::Required(""), Rule::Text(name::dns_subdomain)]),
    ("requests[].exactly.allocationMode", &[Rule::OneOf(&["All", "ExactCount"])]),
    ("requests[].exactly.count", &[Rule::AtLeast(1, "must be greater than zero")]),
    ("requests[].firstAvailable", &[Rule::Most(8)]),
    ("requests[].firstAvailable[].name", &[Rule::Required(""), Rule::Text(name::dns_label), Rule::Unique]),
    ("requests[].firstAvailable[].deviceClassName", &[Rule::Required(""), Rule::Text(name::dns_subdomain)]),
    ("requests[].firstAvailable[].allocationMode", &[Rule::OneOf(&["All", "ExactCount"])]),
    ("requests[].firstAvailable[].count", &[Rule::AtLeast(1, "must be greater than zero")]),
    ("constraints", &[Rule::Most(32)]),
    ("config", &[Rule::Most(32)]),
];

/// A request is for one device unless it says how many.
fn complete(devices: Option<&mut Value>) {
    let one = |request: &mut Value| {
        default(request, "allocationMode", "ExactCount");
        if request["allocationMode"] == "ExactCount" {
            default(request, "count", 1);
        }
    };
    for request in devices.into_iter().flat_map(|devices| each(devices, "requests")) {
        at(request, "exactly").into_iter().for_each(one);
        each(request, "firstAvailable").for_each(one);
    }
}

fn devices(devices: &At<'_>) -> Errors {
    let mut errors = devices.faults(REQUESTS);
    for request in devices.get("requests").items() {
        match (request.get("exactly").is_set(), !request.get("firstAvailable").is_empty()) {
            (false, false) => errors.push(request.missing("exactly one of `exactly` or `firstAvailable` is required")),
            (true, true) => errors.push(
                request
                    .invalid("exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"),
            ),
            _ => {}
        }
    }
    errors
}

pub(super) const CLAIM_COLUMNS: &[Column] = &[
    NAME,
    col("State", |o| {
        let mut states = Vec::new();
        if meta::deletion_timestamp(o).is_some() {
            states.push("deleted");
        }
        states.push(if o["status"]["allocation"].is_null() { "pending" } else { "allocated" });
        if !items(&o["status"]["reservedFor"]).is_empty() {
            states.push("reserved");
        }
        states.join(",").into()
    }),
    AGE,
];
pub(super) const SLICE_COLUMNS: &[Column] = &[
    NAME,
    col("Node", |o| meta::text(o, "spec.nodeName").into()),
    col("Driver", |o| meta::text(o, "spec.driver").into()),
    col("Pool", |o| meta::text(o, "spec.pool.name").into()),
    AGE,
];
