//! NamespaceLifecycle: nothing new in namespaces that are gone or going; some namespaces stay.

use crate::prelude::*;

const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];
const NAMESPACES: GroupResource<'static> = GroupResource { group: "", resource: "namespaces" };

/// Refuses what does not fit the life of the namespace.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let deletes = request.operation == Operation::Delete;
    if request.resource.storage == "namespaces" {
        let immortal = deletes && IMMORTAL.contains(&request.name);
        return if immortal { Err(request.forbidden("this namespace may not be deleted")) } else { Ok(()) };
    }
    let review = request.resource.group == "authorization.k8s.io";
    if deletes || review || request.namespace.is_empty() || !request.resource.namespaced() {
        return Ok(());
    }
    let Some(namespace) = lookup.find("namespaces", "", request.namespace) else {
        return Err(Status::not_found(NAMESPACES, request.namespace));
    };
    if request.operation != Operation::Create || meta::text(&namespace, "status.phase") != "Terminating" {
        return Ok(());
    }
    let name = request.namespace;
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    let mut status = request.forbidden(&why);
    if let Some(details) = &mut status.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {name} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    Err(status)
}
