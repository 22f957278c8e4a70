//! The phase of every volume, and what becomes of it when its claim is gone.

use super::binding::set_volume_phase;
use super::{BY_CLAIM, CHOSEN, PROVISIONED_BY, claim_key, find, provision, unprotect, volume_name};
use crate::meta::{annotation, is_deleting, name, uid};
use crate::runner::{Controller, Runner};
use crate::{Context, Error, ignore_gone};
use async_trait::async_trait;
use cluster_client::events::{Recorder, reference};
use cluster_client::{Client, DeleteOptions, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use std::time::Duration;

const PROTECTION: &str = "kubernetes.io/pv-protection";

pub(super) async fn run(context: Context) {
    let claims = context.informers.informer::<PersistentVolumeClaim>();
    let volumes = context.informers.informer::<PersistentVolume>();
    let controller = Reclaim {
        client: context.client.clone(),
        recorder: context.recorder("persistentvolume-controller"),
        volumes: volumes.clone(),
        claims: claims.clone(),
    };
    let of_claim = volumes.clone();
    Runner::new(controller)
        .on_each(&volumes)
        .on(&claims, move |change| {
            let claim = change.object();
            let volumes = of_claim.by_index(BY_CLAIM, &ObjectKey::of(claim.as_ref()).to_string());
            volumes.iter().map(|volume| ObjectKey::of(volume.as_ref())).collect::<Vec<_>>()
        })
        .run(context.cancel)
        .await;
}

struct Reclaim {
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
    let Some(claim) = claim.filter(|claim| uid(*claim) == wanted) else { return Fate::Released };
    match volume_name(claim) {
        Some(bound) if bound == name(volume) => Fate::Bound,
        None => Fate::Wait,
        Some(_) if annotation(volume, PROVISIONED_BY).is_some() => Fate::Released,
        Some(_) if annotation(volume, CHOSEN).is_some() => Fate::Free,
        Some(_) => Fate::Wait,
    }
}

#[async_trait]
impl Controller for Reclaim {
    const NAME: &'static str = "persistentvolume-reclaimer";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(volume) = find(&self.volumes, &key.name) else { return Ok(None) };
        let mut fate = fate(&volume, None);
        if let Some(key) = claim_key(&volume) {
            fate = self::fate(&volume, self.claims.get(&key).as_deref());
            if fate == Fate::Released {
                // The cache may lag behind, and data is at stake.
                let live = self.client.get::<PersistentVolumeClaim>(&key.namespace, &key.name).await;
                fate = match live {
                    Err(error) if !error.is_not_found() => return Err(error.into()),
                    live => self::fate(&volume, live.ok().as_ref()),
                };
            }
        }
        if is_deleting(volume.as_ref()) && fate != Fate::Bound && fate != Fate::Wait {
            unprotect(&self.client, volume.as_ref(), PROTECTION).await?;
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
}

impl Reclaim {
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
        match annotation(volume, PROVISIONED_BY) {
            Some(provision::PROVISIONER) => {}
            Some(_) => return Ok(()),
            None => {
                let text = "error getting deleter volume plugin for volume: no deletable volume plugin matched";
                self.recorder.warning(&reference(volume), "VolumeFailedDelete", text);
                set_volume_phase(&self.client, volume, "Failed", Some(text.to_owned())).await?;
                return Ok(());
            }
        }
        let options = DeleteOptions { uid: volume.metadata.uid.clone(), ..DeleteOptions::default() };
        ignore_gone(self.client.delete::<PersistentVolume>("", name(volume), &options).await).map(drop)
    }
}

/// A volume that could not be deleted stays `Failed`.
async fn set_released(client: &Client, volume: &PersistentVolume) -> Result<PersistentVolume, Error> {
    if volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed") {
        return Ok(volume.clone());
    }
    set_volume_phase(client, volume, "Released", None).await
}
