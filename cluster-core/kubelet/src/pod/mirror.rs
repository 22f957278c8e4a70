//! Mirror pods: how static pods, which exist only on this node, show in the API.

use cluster_client::{Client, DeleteOptions, Error};
use k8s_openapi::api::core::v1::Pod;

/// Where a static pod came from.
pub(crate) const SOURCE: &str = "kubernetes.io/config.source";
/// The fingerprint of its manifest.
pub(crate) const HASH: &str = "kubernetes.io/config.hash";
/// When it was read.
pub(crate) const SEEN: &str = "kubernetes.io/config.seen";
/// On a mirror pod: the fingerprint of the static pod it mirrors.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

fn annotation<'p>(pod: &'p Pod, key: &str) -> Option<&'p str> {
    pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whether the pod was read from a manifest.
pub(crate) fn is_static(pod: &Pod) -> bool {
    annotation(pod, SOURCE).is_some_and(|source| source != "api")
}

/// Whether the API object only mirrors a static pod.
pub(crate) fn is_mirror(pod: &Pod) -> bool {
    annotation(pod, MIRROR).is_some()
}

fn names(pod: &Pod) -> (&str, &str) {
    let meta = &pod.metadata;
    (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

/// Makes the mirror, or makes it anew when it mirrors an older manifest.
pub(super) async fn ensure(client: &Client, pod: &Pod) -> Result<(), Error> {
    let (namespace, name) = names(pod);
    let hash = annotation(pod, HASH).unwrap_or_default();
    match client.get::<Pod>(namespace, name).await {
        Ok(found) if annotation(&found, MIRROR) == Some(hash) && found.metadata.deletion_timestamp.is_none() => {
            return Ok(());
        }
        Ok(_) => remove(client, pod).await?,
        Err(e) if e.is_not_found() => {}
        Err(e) => return Err(e),
    }
    let mut mirror = pod.clone();
    (mirror.metadata.uid, mirror.status) = (None, None);
    mirror.metadata.annotations.get_or_insert_default().insert(MIRROR.to_owned(), hash.to_owned());
    client.create(&mirror).await.map(drop)
}

/// Deletes the mirror.
pub(super) async fn remove(client: &Client, pod: &Pod) -> Result<(), Error> {
    let (namespace, name) = names(pod);
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    match client.delete::<Pod>(namespace, name, &options).await {
        Err(e) if !e.is_not_found() => Err(e),
        _ => Ok(()),
    }
}
