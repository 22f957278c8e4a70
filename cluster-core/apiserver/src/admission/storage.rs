//! DefaultStorageClass, DefaultIngressClass, StorageObjectInUseProtection and PersistentVolumeClaimResize.

use super::{Options, include};
use crate::kinds::prelude::*;

/// Keeps claims and volumes until nobody uses them.
pub(super) fn protect(object: &mut Value, storage: &str) {
    let finalizer =
        if storage == "persistentvolumes" { "kubernetes.io/pv-protection" } else { "kubernetes.io/pvc-protection" };
    let Some(metadata) = child(object, "metadata") else { return };
    include(metadata, "finalizers", finalizer.into());
}

/// Names the default class in a claim or ingress that names none.
pub(super) fn default_class(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup, options: &Options) {
    let (plugin, field, old_annotation, classes, mark) = match request.resource.storage.as_str() {
        "persistentvolumeclaims" => (
            "DefaultStorageClass",
            "storageClassName",
            "volume.beta.kubernetes.io/storage-class",
            "storage.k8s.io/storageclasses",
            "storageclass.kubernetes.io/is-default-class",
        ),
        "networking.k8s.io/ingresses" => (
            "DefaultIngressClass",
            "ingressClassName",
            "kubernetes.io/ingress.class",
            "networking.k8s.io/ingressclasses",
            "ingressclass.kubernetes.io/is-default-class",
        ),
        _ => return,
    };
    if !options.runs(plugin) || meta::annotation(request.object, old_annotation).is_some() {
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

/// Lets a claim grow only where its class says that its volumes can.
pub(super) fn resize(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let claim = request.resource.storage == "persistentvolumeclaims" && request.subresource.is_empty();
    let Some(old) = request.old.filter(|_| claim && request.operation == Operation::Update) else { return Ok(()) };
    let size = |claim: &Value| Quantity::from_value(&claim["spec"]["resources"]["requests"]["storage"]).ok();
    if size(request.object) <= size(old) {
        return Ok(());
    }
    if old["status"]["phase"] != "Bound" {
        return Err(request.forbidden("Only bound persistent volume claims can be expanded"));
    }
    let named = |claim| match meta::annotation(claim, "volume.beta.kubernetes.io/storage-class") {
        Some(class) => class.to_owned(),
        None => meta::text(claim, "spec.storageClassName").to_owned(),
    };
    let name = named(old);
    let class = lookup.find("storage.k8s.io/storageclasses", "", &name).filter(|_| named(request.object) == name);
    if class.is_some_and(|class| class["allowVolumeExpansion"] == true) {
        return Ok(());
    }
    Err(request.forbidden(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support \
         resize",
    ))
}
