//! Faults of an object's metadata, the same for every kind.

use super::walk::At;
use crate::registry::Resource;
use cluster_object::field::{Error, Errors};
use cluster_object::name;
use serde_json::Value;

/// How many bytes all annotations together may have.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Faults of the name, namespace, labels, annotations, owners and finalizers of an object of `resource`.
pub fn validate(object: &Value, resource: &Resource) -> Errors {
    let (mut errors, meta) = (Errors::new(), At::root(object).get("metadata"));
    let own_name = meta.get("name");
    let prefix = meta.get("generateName");
    match (own_name.is_empty(), prefix.is_empty()) {
        (true, true) => errors.push(own_name.missing("name or generateName is required")),
        (true, false) => {}
        (false, _) => own_name.rule(resource.strategy.validate_name, &mut errors),
    }
    if !prefix.is_empty() {
        let masked = format!("{}x", prefix.text().trim_end_matches('-'));
        errors.extend((resource.strategy.validate_name)(&masked).err().map(|why| prefix.invalid(&why)));
    }
    let namespace = meta.get("namespace");
    if !resource.namespaced() && !namespace.is_empty() {
        errors.push(namespace.forbidden("not allowed on this type"));
    } else if resource.namespaced() {
        namespace.required_rule(name::dns_label, &mut errors);
    }
    meta.get("labels").labels(&mut errors);
    annotations(&meta.get("annotations"), &mut errors);
    owners(&meta.get("ownerReferences"), &mut errors);
    for finalizer in meta.get("finalizers").items() {
        finalizer.rule(name::qualified_name, &mut errors);
    }
    errors
}

/// Faults of a change of metadata.
pub fn validate_update(new: &Value, old: &Value, resource: &Resource) -> Errors {
    let mut errors = validate(new, resource);
    let (new, old) = (At::root(new).get("metadata"), &old["metadata"]);
    for field in ["name", "namespace", "uid", "creationTimestamp"] {
        new.get(field).unchanged(&old[field], &mut errors);
    }
    if !old["deletionTimestamp"].is_null() {
        let was = super::walk::items(&old["finalizers"]);
        let added: Vec<&Value> =
            super::walk::items(&new.value["finalizers"]).iter().filter(|f| !was.contains(f)).collect();
        if !added.is_empty() {
            errors.push(new.get("finalizers").forbidden(&format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {}",
                serde_json::json!(added)
            )));
        }
    }
    errors
}

fn annotations(annotations: &At<'_>, errors: &mut Errors) {
    let mut total = 0;
    for (key, value) in annotations.entries() {
        let fault = name::qualified_name(&key.to_lowercase()).err();
        errors.extend(fault.map(|why| Error::invalid(&annotations.path, &key.into(), &why)));
        total += key.len() + value.text().len();
    }
    if total > MAX_ANNOTATIONS {
        errors.push(Error::too_long(&annotations.path, MAX_ANNOTATIONS));
    }
}

fn owners(owners: &At<'_>, errors: &mut Errors) {
    let mut controllers = Vec::new();
    for owner in owners.items() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(field).is_empty() {
                errors.push(owner.get(field).invalid("must not be empty"));
            }
        }
        if owner.value["apiVersion"] == "v1" && owner.value["kind"] == "Event" {
            errors.push(owner.invalid("/v1, Kind=Event is disallowed from being an owner"));
        }
        if owner.value["controller"] == true {
            controllers.push(owner.get("kind").text());
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        errors.push(owners.invalid(&format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        )));
    }
}
