//! Who a pod of a stateful set is: its ordinal gives it its name, host name, labels and claims.

use crate::history::REVISION;
use crate::prelude::*;

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The ordinals a set wants.
pub(super) fn wanted(set: &StatefulSet) -> std::ops::Range<i32> {
    let start = set.spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or_default();
    start..start + set.spec.replicas.unwrap_or(1)
}

/// The ordinal in a pod's name, when it is one of the set's.
pub(super) fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<i32> {
    let digits = pod.name().strip_prefix(set.name())?.strip_prefix('-')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The pod with an ordinal, made from one revision's template.
pub(super) fn new_pod(set: &StatefulSet, template: &PodTemplateSpec, revision: &str, ordinal: i32) -> Pod {
    let mut pod = from_template(set, template);
    pod.metadata.generate_name = None;
    pod.metadata.name = Some(format!("{}-{ordinal}", set.name()));
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(REVISION.to_owned(), revision.to_owned());
    identify(set, &mut pod, ordinal);
    let spec = pod.spec.get_or_insert_default();
    spec.hostname.clone_from(&pod.metadata.name);
    spec.subdomain.clone_from(&set.spec.service_name);
    pod
}

/// Gives a pod the labels and volumes of its ordinal; whether that changed any.
pub(super) fn identify(set: &StatefulSet, pod: &mut Pod, ordinal: i32) -> bool {
    let before = pod.clone();
    let labels: &mut Labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(POD_NAME.to_owned(), format!("{}-{ordinal}", set.name()));
    labels.insert(POD_INDEX.to_owned(), ordinal.to_string());
    let claims = claims(set, ordinal);
    let volumes = pod.spec.get_or_insert_default().volumes.get_or_insert_default();
    for (volume, claim) in &claims {
        let claim_name = claim.name();
        let source = |old: &Volume| old.persistent_volume_claim.as_ref().map(|source| source.claim_name.clone());
        if volumes.iter().any(|old| old.name == *volume && source(old).as_deref() == Some(claim_name)) {
            continue;
        }
        volumes.retain(|old| old.name != *volume);
        let source = PersistentVolumeClaimVolumeSource { claim_name: claim_name.to_owned(), read_only: Some(false) };
        volumes.push(Volume { name: volume.clone(), persistent_volume_claim: Some(source), ..Volume::default() });
    }
    if volumes.is_empty() {
        pod.spec.get_or_insert_default().volumes = None;
    }
    *pod != before
}

/// The claims of an ordinal with the volumes they stand for.
pub(super) fn claims(set: &StatefulSet, ordinal: i32) -> Vec<(String, PersistentVolumeClaim)> {
    let matched = set.spec.selector.match_labels.clone().unwrap_or_default();
    let templates = set.spec.volume_claim_templates.clone().unwrap_or_default();
    let claim = |mut claim: PersistentVolumeClaim| {
        let volume = claim.name().to_owned();
        claim.metadata.name = Some(format!("{volume}-{}-{ordinal}", set.name()));
        claim.metadata.namespace = Some(set.namespace().to_owned());
        claim.metadata.labels.get_or_insert_default().extend(matched.clone());
        claim.status = None;
        (volume, claim)
    };
    templates.into_iter().map(claim).collect()
}

/// What the retention policy makes of a claim's owners: a claim that goes with the set is the set's, one that goes with
/// its pod, once that is scaled away, is the pod's.
pub(super) fn retain(
    set: &StatefulSet,
    pod: &Pod,
    condemned: bool,
    claim: &PersistentVolumeClaim,
) -> Vec<OwnerReference> {
    let [with_set, with_scaled] = deletes(set);
    let with_pod = with_scaled && condemned;
    let mut owners = claim.metadata.owner_references.clone().unwrap_or_default();
    let mut is = |owner: OwnerReference, wanted: bool| {
        let present = owners.iter().any(|old| old.uid == owner.uid);
        if !wanted {
            owners.retain(|old| old.uid != owner.uid);
        } else if !present {
            owners.push(owner);
        }
    };
    is(controller_reference(set), with_set && !with_pod);
    if !pod.uid().is_empty() {
        let owner = controller_reference(pod);
        is(OwnerReference { controller: None, block_owner_deletion: None, ..owner }, with_pod);
    }
    owners
}

/// Whether claims go with their set, and whether with a pod that is scaled away.
fn deletes(set: &StatefulSet) -> [bool; 2] {
    let policy = set.spec.persistent_volume_claim_retention_policy.clone().unwrap_or_default();
    [policy.when_deleted, policy.when_scaled].map(|what| what.as_deref() == Some("Delete"))
}

/// Whether a claim was given to an earlier pod of this name, with which it goes.
pub(super) fn is_stale(set: &StatefulSet, pod: &Pod, claim: &PersistentVolumeClaim) -> bool {
    let goes = |owner: &OwnerReference| owner.kind == "Pod" && owner.name == pod.name() && owner.uid != pod.uid();
    deletes(set)[1] && claim.owners().iter().any(goes)
}

/// Whether the claims' owners need a look at all.
pub(super) fn retains_all(set: &StatefulSet) -> bool {
    deletes(set) == [false, false]
}
