//! Persistent volumes and claims.

use crate::kinds::prelude::*;

pub(super) const VOLUME: Strategy = Strategy {
    prepare_create: |object| object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": meta::now()}),
    ..Strategy::NONE
};

pub(super) const CLAIM: Strategy = Strategy {
    prepare_create: same_source,
    prepare_update: |claim, _| same_source(claim),
    validate_update: claim_update,
    ..Strategy::NONE
};

/// Gives both fields what the claim is filled from, unless only the newer one can say it.
fn same_source(claim: &mut Value) {
    let Some(spec) = child(claim, "spec") else { return };
    let (source, reference) = (spec["dataSource"].clone(), spec["dataSourceRef"].clone());
    match (source.is_null(), reference.is_null()) {
        (false, true) => spec["dataSourceRef"] = source,
        (true, false) if is_empty(&reference["namespace"]) => spec["dataSource"] = reference,
        _ => {}
    }
}

fn claim_update(at: &At<'_>, old: &Value, errors: &mut Errors) {
    const CLASS: &str = "volume.beta.kubernetes.io/storage-class";
    let [now, was] = [at.value, old].map(|claim| meta::annotation(claim, CLASS));
    let unset = old["spec"]["storageClassName"].is_null();
    // The class moves from the annotation, which was first, into the field.
    let moves =
        unset && was.is_some_and(|was| at.value["spec"]["storageClassName"] == was && now.is_none_or(|n| n == was));
    if now != was && !moves {
        let path = at.path.child("metadata.annotations").child(CLASS);
        errors.push(Error::invalid(&path, &now.unwrap_or_default().into(), "field is immutable"));
    }
    let mut fixed = at.value.clone();
    let mut free = |path: &str| copy(&mut fixed, path, old);
    if is_empty(&old["spec"]["volumeName"]) {
        free("spec.volumeName");
    }
    if moves || unset && was.is_none() {
        free("spec.storageClassName");
    }
    if at.value["status"]["phase"] == "Bound" {
        free("spec.resources.requests.storage");
        free("spec.volumeAttributesClassName");
    }
    if fixed["spec"] != old["spec"] {
        errors.push(at.get("spec").forbidden(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_changes_where_upstream_lets_it() {
        let strategy = Strategy { fields: named("PersistentVolumeClaim"), ..CLAIM };
        let claim = |phase: &str, size: &str, more: Value| {
            let mut spec = more;
            spec["resources"] = json!({"requests": {"storage": size}});
            json!({"spec": spec, "status": {"phase": phase, "capacity": {"storage": "1Gi"}}})
        };
        let fixed = "spec is immutable after creation";
        let none = || json!({});
        let class = |name: &str| json!({"storageClassName": name});
        let attributes = |name: &str| json!({"volumeAttributesClassName": name});
        for (old, new, fault) in [
            (claim("Bound", "3Gi", none()), claim("Bound", "2Gi", none()), ""),
            (
                claim("Bound", "3Gi", none()),
                claim("Bound", "1Gi", none()),
                "field can not be less than status.capacity",
            ),
            (claim("Pending", "1Gi", none()), claim("Pending", "2Gi", none()), fixed),
            (claim("Pending", "1Gi", none()), claim("Pending", "1Gi", class("a")), ""),
            (claim("Pending", "1Gi", class("")), claim("Pending", "1Gi", class("a")), fixed),
            (claim("Pending", "1Gi", none()), claim("Pending", "1Gi", attributes("a")), fixed),
            (claim("Bound", "1Gi", none()), claim("Bound", "1Gi", attributes("a")), ""),
            (claim("Bound", "1Gi", attributes("a")), claim("Bound", "1Gi", none()), "update from non-nil value to nil"),
            (claim("Bound", "1Gi", attributes("a")), claim("Bound", "1Gi", attributes("")), "to an empty string"),
        ] {
            let errors = strategy.update_faults(&new, &old);
            let faults = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{old} {new}: {faults}");
        }
        let mut old = claim("Bound", "1Gi", none());
        old["metadata"] = json!({"annotations": {"volume.beta.kubernetes.io/storage-class": "a"}});
        let faults = |new: &Value| strategy.update_faults(new, &old).len();
        assert_eq!((faults(&claim("Bound", "1Gi", class("a"))), faults(&claim("Bound", "1Gi", none()))), (0, 1));
    }

    #[test]
    fn a_volume_stays_what_it_is_but_for_the_secret_to_grow_it_with() {
        let strategy = Strategy { fields: named("PersistentVolume"), ..VOLUME };
        let volume = |csi: Value, more: Value| {
            let mut spec = more;
            spec["csi"] = csi;
            json!({"spec": spec})
        };
        let (plain, none) = (json!({"driver": "d", "volumeHandle": "h"}), || json!({}));
        let secret = json!({"name": "s", "namespace": "n"});
        let with = |field: &str| {
            let mut csi = plain.clone();
            csi[field] = secret.clone();
            csi
        };
        let affinity =
            |name: &str| json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchFields": [name]}]}}});
        let source = "spec.persistentvolumesource is immutable";
        for (old, new, fault) in [
            (volume(plain.clone(), none()), volume(with("controllerExpandSecretRef"), none()), ""),
            (volume(plain.clone(), none()), volume(with("nodePublishSecretRef"), none()), source),
            (volume(with("controllerExpandSecretRef"), none()), volume(plain.clone(), none()), source),
            (volume(plain.clone(), none()), json!({"spec": {"hostPath": {"path": "/"}}}), source),
            (volume(plain.clone(), none()), volume(plain.clone(), affinity("a")), ""),
            (volume(plain.clone(), affinity("a")), volume(plain.clone(), affinity("b")), "nodeAffinity: Invalid value"),
            (
                volume(plain.clone(), json!({"volumeAttributesClassName": "a"})),
                volume(plain.clone(), none()),
                "update from non-nil value to nil is forbidden",
            ),
        ] {
            let faults =
                strategy.update_faults(&new, &old).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{old} {new}: {faults}");
        }
    }
}
