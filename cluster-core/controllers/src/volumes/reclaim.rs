//! The phase of every volume, and what becomes of it when its claim is gone.

use super::claims::Binder;
use super::{CHOSEN, PROVISIONED_BY, find, provision};
use crate::prelude::*;

const PROTECTION: &str = "kubernetes.io/pv-protection";
/// What a volume's claim says about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody claims it, or the one for whom it is reserved does not exist yet.
    Available,
    Bound,
    /// The binder is about to bind it.
    Wait,
    /// It is for a claim that has another volume.
    Free,
    Released,
}

/// Whether a volume goes when nobody claims it any more.
fn goes(volume: &PersistentVolume) -> bool {
    volume.spec.as_ref().is_some_and(|spec| spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete"))
}

pub(super) fn fate(volume: &PersistentVolume, claim: Option<&PersistentVolumeClaim>) -> Fate {
    let reference = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    let Some(wanted) = reference.and_then(|claim| claim.uid.as_deref()).filter(|uid| !uid.is_empty()) else {
        return Fate::Available;
    };
    let Some(claim) = claim.filter(|claim| claim.uid() == wanted) else { return Fate::Released };
    match volume_name(claim) {
        Some(bound) if bound == volume.name() => Fate::Bound,
        None => Fate::Wait,
        Some(_) if volume.annotation(PROVISIONED_BY).is_some() && goes(volume) => Fate::Released,
        Some(_) => Fate::Free,
    }
}

impl Binder {
    /// Brings a volume to what its claim makes of it.
    pub(super) async fn tend(&self, name: &str) -> Result<(), Error> {
        let Some(volume) = find(&self.volumes, name) else { return Ok(()) };
        let mut fate = fate(&volume, None);
        if let Some(key) = claim_key(&volume) {
            fate = self::fate(&volume, self.claims.get(&key).as_deref());
            if fate == Fate::Released {
                // The cache may lag behind, and data is at stake.
                let live = self.client.get::<PersistentVolumeClaim>(&key.namespace, &key.name).await;
                fate = self::fate(&volume, ignore_gone(live)?.as_ref());
            }
        }
        if volume.is_deleting() && fate != Fate::Bound && fate != Fate::Wait {
            return remove_finalizer(&self.client, volume.as_ref(), PROTECTION).await;
        }
        match fate {
            Fate::Available => drop(self.set_volume_phase(&volume, "Available", None).await?),
            Fate::Bound => drop(self.set_volume_phase(&volume, "Bound", None).await?),
            Fate::Wait => {}
            Fate::Free => self.free(&volume).await?,
            Fate::Released => self.reclaim(&volume).await?,
        }
        Ok(())
    }

    /// Makes a volume free again that was chosen in vain; one that a user reserved stays reserved.
    async fn free(&self, volume: &PersistentVolume) -> Result<(), Error> {
        let mut volume = volume.clone();
        let chosen = volume.metadata.annotations.get_or_insert_default().remove(CHOSEN).is_some();
        let claim = &mut volume.spec.get_or_insert_default().claim_ref;
        *claim = claim.take().filter(|_| !chosen).map(|claim| ObjectReference { uid: None, ..claim });
        self.client.update(&volume).await?;
        Ok(())
    }

    async fn reclaim(&self, volume: &PersistentVolume) -> Result<(), Error> {
        // A volume that could not be deleted stays `Failed`.
        let failed = volume.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Failed"));
        let released = if failed { volume.clone() } else { self.set_volume_phase(volume, "Released", None).await? };
        let volume = &released;
        if !goes(volume) {
            return Ok(());
        }
        match volume.annotation(PROVISIONED_BY) {
            Some(provision::PROVISIONER) => {}
            Some(_) => return Ok(()),
            None => {
                let text = "error getting deleter volume plugin for volume: no deletable volume plugin matched";
                self.recorder.warning(&reference(volume), "VolumeFailedDelete", text);
                self.set_volume_phase(volume, "Failed", Some(text.to_owned())).await?;
                return Ok(());
            }
        }
        delete(&self.client, volume).await
    }
}
