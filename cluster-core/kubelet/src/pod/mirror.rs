//! Mirror pods: how static pods, which exist only on this node, show in the API.

use cluster_client::{Client, DeleteOptions, Error, Object};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// Where a static pod came from.
pub(crate) const SOURCE: &str = "kubernetes.io/config.source";
/// The fingerprint of its manifest.
pub(crate) const HASH: &str = "kubernetes.io/config.hash";
/// When it was read.
pub(crate) const SEEN: &str = "kubernetes.io/config.seen";
/// On a mirror pod: the fingerprint of the static pod it mirrors.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

/// Whether the pod was read from a manifest.
pub(crate) fn is_static(pod: &Pod) -> bool {
    pod.annotation(SOURCE).is_some_and(|source| source != "api")
}

/// Whether the API object only mirrors a static pod.
pub(crate) fn is_mirror(pod: &Pod) -> bool {
    pod.annotation(MIRROR).is_some()
}

/// Makes the mirror, or makes it anew when it mirrors an older manifest or is being deleted; tells whether it did. It is
/// its node's, so that it goes with it.
pub(super) async fn ensure(client: &Client, pod: &Pod) -> Result<bool, Error> {
    if let Some(found) = find(client, pod).await? {
        if mirrors(&found, pod) && !found.is_deleting() {
            return Ok(false);
        }
        delete(client, &found).await?;
    }
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
    let node: Node = client.get("", node).await?;
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: node.name().to_owned(),
        uid: node.uid().to_owned(),
        controller: Some(true),
        ..OwnerReference::default()
    };
    let mut mirror = pod.clone();
    (mirror.metadata.uid, mirror.status) = (None, None);
    mirror.metadata.owner_references = Some(vec![owner]);
    let hash = pod.annotation(HASH).unwrap_or_default().to_owned();
    mirror.metadata.annotations.get_or_insert_default().insert(MIRROR.to_owned(), hash);
    client.create(&mirror).await.map(|_| true)
}

/// Deletes the pod's mirror, and no other's.
pub(super) async fn remove(client: &Client, pod: &Pod) -> Result<(), Error> {
    match find(client, pod).await? {
        Some(found) if mirrors(&found, pod) => delete(client, &found).await,
        _ => Ok(()),
    }
}

/// Deletes a mirror at once.
pub(super) async fn delete(client: &Client, mirror: &Pod) -> Result<(), Error> {
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    Error::ignore_gone(client.delete_this(mirror, options).await).map(drop)
}

/// The mirror of the pod's name; a pod that is none is not ours to touch.
async fn find(client: &Client, pod: &Pod) -> Result<Option<Pod>, Error> {
    match client.get(pod.namespace(), pod.name()).await {
        // Of a pod that is not there nobody knows whether it is this node's.
        Err(error) if error.status().is_some_and(|status| status.code == 403) => Ok(None),
        found => Ok(Error::ignore_gone(found)?.filter(is_mirror)),
    }
}

fn mirrors(mirror: &Pod, pod: &Pod) -> bool {
    mirror.annotation(MIRROR) == pod.annotation(HASH)
}
