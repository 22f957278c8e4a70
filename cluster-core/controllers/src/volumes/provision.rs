//! The provisioner behind the default class: a folder on the node on which the first pod of a claim runs.

use super::PROVISIONED_BY;
use crate::prelude::*;
use k8s_openapi::api::storage::v1::StorageClass;

pub(super) const PROVISIONER: &str = "devcluster.io/host-path";
const HOSTNAME: &str = "kubernetes.io/hostname";
/// Where the volumes of a node are.
const FOLDER: &str = "/var/lib/devcluster/volumes";

/// The namespace that bears the mark of the class that was made.
const SYSTEM: &str = "kube-system";
const MADE: &str = "devcluster.io/default-class-made";
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

fn default_class() -> Value {
    json!({
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
    })
}

/// Makes the class `standard`, once in the life of a cluster: who deletes it may have another.
pub(crate) async fn make_default_class(context: Context) {
    let mut pause = Duration::from_secs(1);
    while let Err(error) = make_once(&context.client).await {
        tracing::debug!(%error, "failed to make the default storage class, will try again");
        if context.cancel.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

async fn make_once(client: &Client) -> Result<(), Error> {
    let system: Namespace = client.get("", SYSTEM).await?;
    if system.annotation(MADE).is_some() {
        return Ok(());
    }
    let class = serde_json::from_value::<StorageClass>(default_class());
    let class = class.map_err(|error| Error::Object(format!("the default storage class is none: {error}")))?;
    match client.create(&class).await {
        Err(error) if error.is_already_exists() => {}
        made => drop(made?),
    }
    let mark = Patch::Merge(json!({"metadata": {"annotations": {MADE: "true"}}}));
    client.patch::<Namespace>("", SYSTEM, "", &mark).await?;
    Ok(())
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
