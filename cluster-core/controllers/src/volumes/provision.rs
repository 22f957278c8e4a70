//! The provisioner behind the default class: a folder on the node on which the first pod of a claim runs.

use super::PROVISIONED_BY;
use crate::prelude::*;
use k8s_openapi::api::storage::v1::StorageClass;

pub(super) const PROVISIONER: &str = "devcluster.io/host-path";
const HOSTNAME: &str = "kubernetes.io/hostname";
/// Where the volumes of a node are.
const FOLDER: &str = "/var/lib/devcluster/volumes";

fn default_class() -> Value {
    json!({
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
    })
}

/// Makes the class `standard`, once at the start.
pub(crate) async fn make_default_class(context: Context) {
    let Ok(class) = serde_json::from_value::<StorageClass>(default_class()) else { return };
    let mut pause = std::time::Duration::from_secs(1);
    while let Err(error) = context.client.create(&class).await {
        if error.is_already_exists() || context.cancel.is_cancelled() {
            return;
        }
        tracing::debug!(%error, "failed to make the default storage class, will try again");
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// The volume for a claim; on `node` when that is known.
pub(super) fn volume(
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    node: Option<&str>,
) -> Result<PersistentVolume, serde_json::Error> {
    let wish = claim.spec.clone().unwrap_or_default();
    let volume = format!("pvc-{}", claim.uid());
    let affinity = node.map(|node| {
        let term = json!({"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [node]}]});
        json!({"required": {"nodeSelectorTerms": [term]}})
    });
    serde_json::from_value(json!({
        "metadata": {"name": volume, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": wish.resources.and_then(|resources| resources.requests),
            "accessModes": wish.access_modes,
            "volumeMode": wish.volume_mode,
            "storageClassName": class.name(),
            "persistentVolumeReclaimPolicy": class.reclaim_policy.as_deref().unwrap_or("Delete"),
            "claimRef": reference(claim),
            "hostPath": {"path": format!("{FOLDER}/{volume}"), "type": "DirectoryOrCreate"},
            "nodeAffinity": affinity,
        },
    }))
}
