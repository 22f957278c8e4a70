//! Persistent volumes and claims.

use crate::kinds::prelude::*;

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

pub(super) const VOLUME: Strategy = Strategy {
    prepare_create: |object| object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": meta::now()}),
    validate: volume,
    validate_update: |at, old, errors| {
        let spec = at.get("spec");
        let source = |object: &Value| {
            entries(&object["spec"])
                .find(|(key, _)| SOURCES.split(' ').any(|kind| kind == *key))
                .map(|(_, v)| v.clone())
        };
        if source(at.value) != source(old) {
            errors.push(Error::forbidden(
                &spec.get("persistentvolumesource").path,
                "spec.persistentvolumesource is immutable after creation",
            ));
        }
    },
    ..Strategy::NONE
};

/// The volume sources a persistent volume may have, in the order in which upstream looks for them.
const SOURCES: &str = "hostPath gcePersistentDisk awsElasticBlockStore glusterfs flocker nfs rbd quobyte cephfs iscsi \
    cinder fc flexVolume azureFile vsphereVolume azureDisk photonPersistentDisk portworxVolume scaleIO local storageos csi";

pub(super) const CLAIM: Strategy = Strategy {
    validate: |at, errors| claim_spec(&at.get("spec"), errors),
    validate_update: claim_update,
    ..Strategy::NONE
};

fn access_modes(modes: &At<'_>, errors: &mut Errors) {
    for mode in modes.items() {
        At { path: modes.path.clone(), ..mode }.one_of(&MODES, errors);
    }
    if texts(modes.value).count() > 1 && texts(modes.value).any(|mode| mode == "ReadWriteOncePod") {
        errors.push(modes.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
}

fn positive_storage(amount: &At<'_>, errors: &mut Errors) {
    match Quantity::from_value(amount.value) {
        Ok(quantity) if quantity > Quantity::new(0) => {}
        Ok(_) => errors.push(amount.invalid("must be greater than zero")),
        Err(why) => errors.push(amount.invalid(&why.to_string())),
    }
}

fn volume(at: &At<'_>, errors: &mut Errors) {
    let spec = at.get("spec");
    access_modes(&spec.get("accessModes"), errors);
    let capacity = spec.get("capacity");
    if capacity.entries().map(|(resource, _)| resource).ne(["storage"]) {
        errors.push(Error::not_supported(&capacity.path, capacity.value, &["storage"]));
    }
    capacity.entries().for_each(|(_, amount)| positive_storage(&amount, errors));
    let mut sources = SOURCES.split(' ').filter(|kind| spec.get(kind).is_set());
    if sources.next().is_none() {
        errors.push(spec.missing("must specify a volume type"));
    }
    for kind in sources {
        errors.push(spec.get(kind).forbidden("may not specify more than 1 volume type"));
    }
}

/// Faults of a claim's spec.
pub(super) fn claim_spec(spec: &At<'_>, errors: &mut Errors) {
    access_modes(&spec.get("accessModes"), errors);
    let requests = spec.get("resources.requests");
    match requests.value.get("storage") {
        None => errors.push(Error::required(&spec.get("resources").path.key("storage"), "")),
        Some(storage) => {
            positive_storage(&At { path: spec.get("resources").path.key("storage"), value: storage }, errors);
        }
    }
}

fn claim_update(at: &At<'_>, old: &Value, errors: &mut Errors) {
    let bare = |object: &Value, other: &Value| {
        let mut spec = object["spec"].clone();
        drop(super::walk::remove(&mut spec["resources"], "requests"));
        drop(super::walk::remove(&mut spec, "volumeAttributesClassName"));
        for field in ["volumeName", "storageClassName"] {
            if is_empty(&other["spec"][field]) {
                drop(super::walk::remove(&mut spec, field));
            }
        }
        spec
    };
    if bare(at.value, old) != bare(old, old) {
        errors.push(at.get("spec").forbidden(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
    let storage = |object: &Value| Quantity::from_value(&object["spec"]["resources"]["requests"]["storage"]).ok();
    if storage(at.value) < storage(old) {
        errors.push(at.get("spec.resources.requests.storage").forbidden("field can not be less than status.capacity"));
    } else if storage(at.value) != storage(old) && old["status"]["phase"] != "Bound" {
        errors.push(at.get("spec").forbidden(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
}
