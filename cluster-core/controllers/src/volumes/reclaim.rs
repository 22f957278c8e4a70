//! The phase of every volume, and what becomes of it when its claim is gone.

use super::binding::set_volume_phase;
use super::{CHOSEN, PROVISIONED_BY, find, provision};
use crate::prelude::*;

const PROTECTION: &str = "kubernetes.io/pv-protection";
/// The index of volumes by the claim they are for.
const BY_CLAIM: &str = "claim";

pub(crate) fn runner(context: &Context) -> Runner<Reclaim> {
    let (client, recorder) = (context.client.clone(), context.recorder("persistentvolume-controller"));
    let (volumes, claims) = context.caches();
    let by_claim = |volume: &PersistentVolume| claim_key(volume).map(|key| key.to_string()).into_iter().collect();
    let controller = Arc::new(Reclaim { client, recorder, volumes, claims });
    controller.volumes.add_index(BY_CLAIM, by_claim);
    let of_claim = |c: &Reclaim, change: &Change<PersistentVolumeClaim>| {
        meta::keys(&c.volumes.by_index(BY_CLAIM, &change.object().key().to_string()))
    };
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.volumes)
        .on(&controller.claims, of_claim)
}

pub(crate) struct Reclaim {
    client: Client,
    recorder: Recorder,
    volumes: Informer<PersistentVolume>,
    claims: Informer<PersistentVolumeClaim>,
}

/// What a volume's claim says about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody claims it, or the one for whom it is reserved does not exist yet.
    Available,
    Bound,
    /// The binder is about to bind it.
    Wait,
    /// It was chosen for a claim that has another volume.
    Free,
    Released,
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
        Some(_) if volume.annotation(PROVISIONED_BY).is_some() => Fate::Released,
        Some(_) if volume.annotation(CHOSEN).is_some() => Fate::Free,
        Some(_) => Fate::Wait,
    }
}

impl Reclaim {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(volume) = find(&self.volumes, &key.name) else { return Ok(None) };
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
            remove_finalizer(&self.client, volume.as_ref(), PROTECTION).await?;
            return Ok(None);
        }
        match fate {
            Fate::Available => drop(set_volume_phase(&self.client, &volume, "Available", None).await?),
            Fate::Bound => drop(set_volume_phase(&self.client, &volume, "Bound", None).await?),
            Fate::Wait => {}
            Fate::Free => self.free(&volume).await?,
            Fate::Released => self.reclaim(&volume).await?,
        }
        Ok(None)
    }

    /// Makes a volume free again that was chosen in vain.
    async fn free(&self, volume: &PersistentVolume) -> Result<(), Error> {
        let mut volume = volume.clone();
        volume.spec.get_or_insert_default().claim_ref = None;
        volume.metadata.annotations.get_or_insert_default().remove(CHOSEN);
        self.client.update(&volume).await?;
        Ok(())
    }

    async fn reclaim(&self, volume: &PersistentVolume) -> Result<(), Error> {
        let volume = &set_released(&self.client, volume).await?;
        if volume.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref()) != Some("Delete") {
            return Ok(());
        }
        match volume.annotation(PROVISIONED_BY) {
            Some(provision::PROVISIONER) => {}
            Some(_) => return Ok(()),
            None => {
                let text = "error getting deleter volume plugin for volume: no deletable volume plugin matched";
                self.recorder.warning(&reference(volume), "VolumeFailedDelete", text);
                set_volume_phase(&self.client, volume, "Failed", Some(text.to_owned())).await?;
                return Ok(());
            }
        }
        delete(&self.client, volume).await
    }
}

/// A volume that could not be deleted stays `Failed`.
async fn set_released(client: &Client, volume: &PersistentVolume) -> Result<PersistentVolume, Error> {
    if volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed") {
        return Ok(volume.clone());
    }
    set_volume_phase(client, volume, "Released", None).await
}
