//! Binds a volume and a claim to each other: volume first, each write harmless when it is done twice.

use super::claims::Binder;
use super::{CHOSEN, COMPLETED};
use crate::prelude::*;

impl Binder {
    pub(super) async fn bind(&self, claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Result<(), Error> {
        let mut volume = volume.clone();
        let known = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
        if known.and_then(|known| known.uid.as_ref()) != claim.metadata.uid.as_ref() {
            if known.is_none() {
                mark(&mut volume.metadata, CHOSEN);
            }
            volume.spec.get_or_insert_default().claim_ref = Some(reference(claim));
            volume = self.client.update(&volume).await?;
        }
        let volume = self.set_volume_phase(&volume, "Bound", None).await?;
        let mut claim = claim.clone();
        if claim.annotation(COMPLETED).is_none() || volume_name(&claim).is_none() {
            if volume_name(&claim).is_none() {
                claim.spec.get_or_insert_default().volume_name.clone_from(&volume.metadata.name);
                mark(&mut claim.metadata, CHOSEN);
            }
            mark(&mut claim.metadata, COMPLETED);
            claim = self.client.update(&claim).await?;
        }
        self.set_claim_phase(&claim, "Bound", Some(&volume)).await
    }

    /// Writes a claim's phase, with what its volume has to offer.
    pub(super) async fn set_claim_phase(
        &self,
        claim: &PersistentVolumeClaim,
        phase: &str,
        volume: Option<&PersistentVolume>,
    ) -> Result<(), Error> {
        let old = claim.status.clone().unwrap_or_default();
        let offer = volume.and_then(|volume| volume.spec.as_ref());
        let status = PersistentVolumeClaimStatus {
            phase: Some(phase.to_owned()),
            access_modes: offer.and_then(|offer| offer.access_modes.clone()),
            capacity: offer.and_then(|offer| offer.capacity.clone()),
            ..old.clone()
        };
        if status == old {
            return Ok(());
        }
        self.client.update_status(&PersistentVolumeClaim { status: Some(status), ..claim.clone() }).await?;
        Ok(())
    }

    /// Writes a volume's phase; gives back its newest state.
    pub(super) async fn set_volume_phase(
        &self,
        volume: &PersistentVolume,
        phase: &str,
        message: Option<String>,
    ) -> Result<PersistentVolume, Error> {
        let old = volume.status.clone().unwrap_or_default();
        if old.phase.as_deref() == Some(phase) && old.message == message {
            return Ok(volume.clone());
        }
        tracing::debug!(volume = volume.name(), phase, "changing a volume's phase");
        let status = PersistentVolumeStatus {
            phase: Some(phase.to_owned()),
            message,
            reason: None,
            last_phase_transition_time: Some(meta::now()),
        };
        Ok(self.client.update_status(&PersistentVolume { status: Some(status), ..volume.clone() }).await?)
    }
}

fn mark(metadata: &mut ObjectMeta, annotation: &str) {
    metadata.annotations.get_or_insert_default().insert(annotation.to_owned(), "yes".to_owned());
}
