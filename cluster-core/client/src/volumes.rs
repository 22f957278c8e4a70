//! Which claim a volume of a pod is, and which volumes a claim can have.

use crate::{Object, ObjectKey};
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Volume};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use std::collections::BTreeMap;

/// The claim that a pod's volume comes from: the one it names, or the one that is made for the pod.
pub fn claim_name(pod: &Pod, volume: &Volume) -> Option<String> {
    match &volume.persistent_volume_claim {
        Some(source) => Some(source.claim_name.clone()),
        None => volume.ephemeral.as_ref().map(|_| format!("{}-{}", pod.name(), volume.name)),
    }
}

/// The claim a volume is for.
pub fn claim_key(volume: &PersistentVolume) -> Option<ObjectKey> {
    let claim = volume.spec.as_ref()?.claim_ref.as_ref()?;
    Some(ObjectKey::new(claim.namespace.as_deref()?, claim.name.as_deref()?))
}

/// The volume a claim is bound to, or asks for by name.
pub fn volume_name(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|name| !name.is_empty())
}

/// The class of a claim; empty for none.
pub fn class_name(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref()).unwrap_or_default()
}

/// The storage among some amounts.
pub fn storage(amounts: Option<&BTreeMap<String, Amount>>) -> Quantity {
    let text = amounts.and_then(|amounts| amounts.get("storage"));
    text.and_then(|text| Quantity::parse(&text.0).ok()).unwrap_or_default()
}

/// What keeps a claim from a volume, size included; `None` when nothing does.
pub fn mismatch(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<&'static str> {
    let (Some(offer), Some(wish)) = (&volume.spec, &claim.spec) else { return Some("spec is missing") };
    let wanted = wish.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let mode = |mode: &Option<String>| mode.clone().unwrap_or_else(|| "Filesystem".to_owned());
    let attributes = |class: &Option<String>| class.clone().unwrap_or_default();
    let offered = offer.access_modes.as_deref().unwrap_or_default();
    if storage(offer.capacity.as_ref()) < storage(wanted) {
        Some("requested PV is too small")
    } else if offer.storage_class_name.as_deref().unwrap_or_default() != class_name(claim) {
        Some("storageClassName does not match")
    } else if attributes(&offer.volume_attributes_class_name) != attributes(&wish.volume_attributes_class_name) {
        Some("volumeAttributesClassName does not match")
    } else if mode(&offer.volume_mode) != mode(&wish.volume_mode) {
        Some("incompatible volumeMode")
    } else if !wish.access_modes.iter().flatten().all(|mode| offered.contains(mode)) {
        Some("incompatible accessMode")
    } else {
        None
    }
}
