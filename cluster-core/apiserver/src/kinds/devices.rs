//! Devices and the claims on them (`resource.k8s.io`).

use super::BASE;
use super::cells::OwnCell;
use super::rules::named;
use super::walk::{At, at, default, each, items};
use crate::registry::Strategy;
use cluster_object::field::Errors;
use cluster_object::meta;
use serde_json::{Value, json};

pub(super) const TAINT_RULE: Strategy = Strategy {
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
    defaults: |claim| complete(at(claim, "spec.devices")),
    prepare_create: |claim| claim["status"] = json!({}),
    validate: |claim| devices(&At::root(claim).get("spec.devices")),
    ..BASE
};

pub(super) const CLAIM_TEMPLATE: Strategy = Strategy {
    defaults: |template| complete(at(template, "spec.spec.devices")),
    validate: |template| devices(&At::root(template).get("spec.spec.devices")),
    ..BASE
};

pub(super) const SLICE: Strategy = Strategy {
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
    let mut errors = devices.faults(named("DeviceClaim"));
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

pub(super) const CLAIM_CELLS: &[OwnCell] = &[("State", |o| {
    let mut states = Vec::new();
    if meta::deletion_timestamp(o).is_some() {
        states.push("deleted");
    }
    states.push(if o["status"]["allocation"].is_null() { "pending" } else { "allocated" });
    if !items(&o["status"]["reservedFor"]).is_empty() {
        states.push("reserved");
    }
    states.join(",").into()
})];
