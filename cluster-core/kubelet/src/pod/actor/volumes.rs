//! A pod's volumes: made before its containers, kept up to date while they run.

use super::super::state::Volumes;
use super::Actor;
use crate::prelude::*;
use crate::volume::{self, VolumeContext};

/// What the volumes of a pod depend on.
pub(super) fn context(context: &Context, pod: &Pod) -> VolumeContext {
    let spec = pod.spec.as_ref();
    let security = spec.and_then(|s| s.security_context.as_ref());
    let pod_user = security.and_then(|s| s.run_as_user);
    let users: Vec<Option<i64>> = spec
        .iter()
        .flat_map(|s| s.init_containers.iter().flatten().chain(&s.containers))
        .map(|c| c.security_context.as_ref().and_then(|s| s.run_as_user).or(pod_user))
        .collect();
    let only = users.first().copied().flatten().filter(|first| users.iter().all(|u| *u == Some(*first)));
    let number = |id: i64| u32::try_from(id).ok();
    VolumeContext {
        dir: context.pod_dir(pod),
        namespace: pod.metadata.namespace.clone().unwrap_or_default(),
        objects: context.objects.clone(),
        place: context.place(pod),
        fs_group: security.and_then(|s| s.fs_group).and_then(number),
        trust_top: security.and_then(|s| s.fs_group_change_policy.as_deref()) == Some("OnRootMismatch"),
        only_user: only.and_then(number),
        tokens: Arc::default(),
        writing: Arc::default(),
    }
}

impl Actor {
    pub(super) fn prepare_volumes(&self) {
        let (context, pod) = (self.volumes.clone(), self.state.pod.clone());
        let slot = self.prepared.clone();
        self.send_when_done(async move {
            vec![match volume::prepare(&context, &pod).await {
                Ok(prepared) => {
                    *slot.lock() = prepared;
                    Event::VolumesReady
                }
                Err(message) => Event::VolumesFailed(message),
            }]
        });
    }

    /// Brings files up to date in a pod whose volumes are mounted.
    pub(super) fn refresh_volumes(&self) {
        if self.state.volumes != Volumes::Ready || self.state.cleaning {
            return;
        }
        let (mut context, pod) = (self.volumes.clone(), self.state.pod.clone());
        context.place.pod_ip.clone_from(&self.state.ip);
        let (shared, slot) = (self.context.clone(), self.prepared.clone());
        tokio::spawn(async move {
            match volume::refresh(&context, &pod).await {
                Ok(again) => slot.lock().refresh_at = again,
                Err(message) => {
                    slot.lock().refresh_at = Some(Timestamp::now() + jiff::SignedDuration::from_secs(10));
                    shared.record(&pod, None, true, "FailedMount", &message);
                }
            }
        });
    }
}
