//! Mirror pods: how static pods, which exist only on this node, show in the API.

use cluster_client::{Client, DeleteOptions, Error, Object};
use k8s_openapi::api::core::v1::Pod;

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

/// Makes the mirror, or makes it anew when it mirrors an older manifest.
pub(super) async fn ensure(client: &Client, pod: &Pod) -> Result<(), Error> {
    let hash = pod.annotation(HASH).unwrap_or_default();
    if let Some(found) = Error::ignore_gone(client.get::<Pod>(pod.namespace(), pod.name()).await)? {
        if found.annotation(MIRROR) == Some(hash) && !found.is_deleting() {
            return Ok(());
        }
        remove(client, pod).await?;
    }
    let mut mirror = pod.clone();
    (mirror.metadata.uid, mirror.status) = (None, None);
    mirror.metadata.annotations.get_or_insert_default().insert(MIRROR.to_owned(), hash.to_owned());
    client.create(&mirror).await.map(drop)
}

/// Deletes the mirror.
pub(super) async fn remove(client: &Client, pod: &Pod) -> Result<(), Error> {
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    Error::ignore_gone(client.delete::<Pod>(pod.namespace(), pod.name(), &options).await).map(drop)
}
