//! Namespaces, nodes, events, leases, priority and runtime classes.

use crate::kinds::prelude::*;
use crate::registry::Conversion;

pub(super) const NAMESPACE: Strategy = Strategy {
    defaults: |object| {
        let name = meta::name(object).to_owned();
        if !name.is_empty() && object["metadata"]["labels"]["kubernetes.io/metadata.name"] != *name {
            default(&mut object["metadata"], "labels", json!({}));
            if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
                labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
            }
        }
    },
    prepare_create: |object| {
        object["status"] = json!({"phase": "Active"});
        let mut finalizers = items(&object["spec"]["finalizers"]).to_vec();
        if !finalizers.contains(&json!("kubernetes")) {
            finalizers.push("kubernetes".into());
        }
        meta::set(object, "spec.finalizers", finalizers);
    },
    prepare_update: |object, old| meta::set(object, "spec.finalizers", old["spec"]["finalizers"].clone()),
    deletion: Deletion::Finalized,
    ..Strategy::NONE
};

pub(super) const NODE: Strategy = Strategy {
    defaults: |object| {
        let capacity = object["status"]["capacity"].clone();
        if let Some(status) = child(object, "status").filter(|_| !capacity.is_null()) {
            default(status, "allocatable", capacity);
        }
        // The first of the networks stands in both fields; the older field says what it is.
        if let Some(spec) = child(object, "spec") {
            match (spec["podCIDR"].clone(), spec["podCIDRs"][0].clone()) {
                (Value::Null, Value::Null) => {}
                (Value::Null, first) => spec["podCIDR"] = first,
                (first, present) if first != present => spec["podCIDRs"] = json!([first]),
                _ => {}
            }
        }
    },
    validate: node,
    validate_status: reported,
    status_on_create: true,
    ..Strategy::NONE
};

fn node(at: &At<'_>, errors: &mut Errors) {
    let mut seen = Vec::new();
    for taint in at.get("spec.taints").items() {
        let key = (taint.get("key").text(), taint.get("effect").text());
        if seen.contains(&key) {
            let shown = json!({"Key": key.0, "Value": taint.get("value").text(), "Effect": key.1, "TimeAdded": taint.value["timeAdded"]});
            let body = format!("Duplicate value: {shown}: taints must be unique by key and effect pair");
            errors.push(Error::new(&taint.path, Reason::Duplicate, body));
        }
        seen.push(key);
    }
}

fn reported(at: &At<'_>, _: &Value, errors: &mut Errors) {
    let status = at.get("status");
    for list in ["capacity", "allocatable"] {
        for (name, amount) in status.get(list).entries() {
            // Upstream names the resource as a field.
            At { path: status.path.child(list).child(name), ..amount }.quantity(errors);
        }
    }
}

pub(super) const EVENT: Strategy = Strategy {
    validate: |at, errors| {
        let (involved, namespace) = (at.get("involvedObject.namespace"), meta::namespace(at.value));
        let home = if involved.is_empty() { "default" } else { involved.text() };
        if namespace != home && !(involved.is_empty() && namespace == "kube-system") {
            errors.push(involved.invalid("does not match event.namespace"));
        }
    },
    ..Strategy::NONE
};

/// Events of the newer group are complete, and only their series goes on.
pub(super) const EVENTS_EVENT: Strategy = Strategy {
    validate: |at, errors| {
        let mut core = at.value.clone();
        rename(&mut core, "v1", |(core, events)| (events, core));
        (EVENT.validate)(&At::root(&core), errors);
    },
    conversion: Some(Conversion {
        to_storage: |event| rename(event, "v1", |(core, events)| (events, core)),
        from_storage: |event| rename(event, "events.k8s.io/v1", |names| names),
    }),
    ..EVENT
};

/// The fields the two kinds of events name differently: core first.
const EVENT_NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn rename(event: &mut Value, version: &str, order: fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    let Some(map) = event.as_object_mut() else { return };
    for (from, to) in EVENT_NAMES.map(order) {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
    map.insert("apiVersion".to_owned(), version.into());
}
