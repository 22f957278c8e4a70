//! DefaultStorageClass, DefaultIngressClass and StorageObjectInUseProtection.

use super::{AdmissionRequest, Lookup};
use crate::kinds::walk::{child, default};
use cluster_object::meta;
use serde_json::{Value, json};

/// Keeps claims and volumes until nobody uses them.
pub(super) fn protect(object: &mut Value, storage: &str) {
    let finalizer =
        if storage == "persistentvolumes" { "kubernetes.io/pv-protection" } else { "kubernetes.io/pvc-protection" };
    let Some(metadata) = child(object, "metadata") else { return };
    default(metadata, "finalizers", json!([]));
    if let Some(list) = metadata["finalizers"].as_array_mut().filter(|list| !list.contains(&json!(finalizer))) {
        list.push(finalizer.into());
    }
}

/// Names the default class in a claim or ingress that names none.
pub(super) fn default_class(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) {
    let (field, old_annotation, classes, mark) = match request.resource.storage.as_str() {
        "persistentvolumeclaims" => (
            "storageClassName",
            "volume.beta.kubernetes.io/storage-class",
            "storage.k8s.io/storageclasses",
            "storageclass.kubernetes.io/is-default-class",
        ),
        "networking.k8s.io/ingresses" => (
            "ingressClassName",
            "kubernetes.io/ingress.class",
            "networking.k8s.io/ingressclasses",
            "ingressclass.kubernetes.io/is-default-class",
        ),
        _ => return,
    };
    if meta::annotation(request.object, old_annotation).is_some() {
        return;
    }
    let Some(spec) = child(request.object, "spec").filter(|spec| spec[field].is_null()) else { return };
    let mut marked = lookup.list(classes, None);
    marked.retain(|class| meta::annotation(class, mark) == Some("true"));
    let created = |class: &Value| meta::text(class, "metadata.creationTimestamp").to_owned();
    marked.sort_by(|a, b| created(b).cmp(&created(a)).then_with(|| meta::name(a).cmp(meta::name(b))));
    if let Some(class) = marked.first() {
        spec[field] = meta::name(class).into();
    }
}
