//! `GET /pods`, `/runningpods/` and `/configz`.

use super::usage;
use crate::prelude::*;
use axum::Json;

fn list_of(pods: impl Iterator<Item = Value>) -> Json<Value> {
    Json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods.collect::<Vec<_>>()}))
}

/// All pods with their status as the kubelet sees it.
pub(super) async fn list(State(target): State<Arc<Target>>) -> Json<Value> {
    list_of(target.pods.list().into_iter().map(|view| {
        let mut pod = json!(*view.pod);
        pod["status"] = json!(view.status);
        pod
    }))
}

/// The pods that have a running container, as the engine sees them.
pub(super) async fn running(State(target): State<Arc<Target>>) -> Result<Json<Value>, Refusal> {
    let running = usage::running(&target).await?;
    let mut pods: BTreeMap<[&str; 3], Vec<Value>> = BTreeMap::new();
    for container in running.iter().filter(|c| c.label(label::CONTAINER) != label::SANDBOX) {
        let pod = [label::POD_NAMESPACE, label::POD_NAME, label::POD_UID].map(|key| container.label(key));
        let one = json!({"name": container.label(label::CONTAINER), "image": container.image_id, "resources": {}});
        pods.entry(pod).or_default().push(one);
    }
    Ok(list_of(pods.into_iter().map(|([namespace, name, uid], containers)| {
        let metadata = json!({"name": name, "namespace": namespace, "uid": uid});
        json!({"metadata": metadata, "spec": {"containers": containers}, "status": {}})
    })))
}

/// What the kubelet was told, in the words of upstream's `KubeletConfiguration`.
pub(super) async fn configuration(State(target): State<Arc<Target>>) -> Json<Value> {
    Json(json!({"kubeletconfig": target.context.options.configuration()}))
}
