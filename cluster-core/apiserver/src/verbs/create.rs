//! create: an object comes to be.

use super::call::Phase;
use super::{form, incoming, metadata};
use crate::admission::quota::{self, Charge};
use crate::auth::reviews;
use crate::prelude::*;

/// How often a generated name is drawn anew when it is taken.
const NAME_ATTEMPTS: usize = 8;

pub(super) async fn create(call: &Call<'_>, body: Bytes) -> Result<Reply, Status> {
    let mut object = incoming::object(call, &body)?;
    metadata::forget_revision_zero(&mut object);
    if matches!(call.resource.group.as_str(), "authentication.k8s.io" | "authorization.k8s.io") {
        return Reply::other(StatusCode::CREATED, &reviews::answer(call, &object).await?);
    }
    if !meta::resource_version(&object).is_empty() {
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let bytes = create_object(call, object, Managed::Track).await?;
    Ok(Reply::created(Content::Object(bytes)))
}

/// Whether the write's fields are recorded, or were already by an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    Track,
    Done,
}

/// Runs a complete object through admission, rules and validation, and stores it. Returns its served JSON.
pub(crate) async fn create_object(call: &Call<'_>, mut object: Value, managed: Managed) -> Result<Bytes, Status> {
    let resource = &*call.resource;
    let strategy = &resource.strategy;
    let given = meta::name(&object).to_owned();
    if resource.custom.as_ref().is_some_and(|custom| custom.terminating) {
        let why = "create not allowed while custom resource definition is terminating";
        return Err(Status::new(405, "MethodNotAllowed", why));
    }
    let not_given = match resource.subresource("status") {
        Some(_) if !strategy.status_on_create => &["metadata.creationTimestamp", "metadata.uid", "status"][..],
        _ => &["metadata.creationTimestamp", "metadata.uid"],
    };
    drop_fields(&mut object, not_given);
    // What admission adds is nobody's.
    if managed == Managed::Track {
        super::update::track(call, None, &mut object, "");
    }
    let mut request = AdmissionRequest::new(call, Operation::Create, &given, &mut object);
    call.admit(&mut request, Phase::Mutating).await?;
    drop_fields(&mut object, not_given);
    metadata::stamp(&mut object, strategy.has_generation);
    // Before the kind prepares itself: a job's labels carry its name.
    let generated = metadata::generate_name(&mut object);
    strategy.start(&mut object);
    call.server.complete(resource, &mut object);
    let reservation = allocate::reserve(call, None, &mut object).await?;
    for attempt in 1.. {
        let name = meta::name(&object).to_owned();
        let mut errors = metadata::validate(resource, &object);
        errors.extend(strategy.faults(&object));
        errors.extend(resource.custom_faults(&object, None, &call.notes));
        call.invalid_if(&name, &errors)?;
        let mut request = AdmissionRequest::new(call, Operation::Create, &name, &mut object);
        call.admit(&mut request, Phase::Validating).await?;
        let stored = resource.to_storage(call.server, request.object).await?;
        let charge = quota::charge(call, &request).await?;
        match store(call, &name, &stored, Charge::ledger(charge.as_ref())).await {
            Ok(stored) => {
                reservation.commit().await;
                return match stored {
                    Some(entry) => call.answer(&entry).await,
                    None => super::to_bytes(&object),
                };
            }
            Err(WriteError::Exists) if generated && attempt < NAME_ATTEMPTS => {
                meta::remove(&mut object, "metadata.name");
                metadata::generate_name(&mut object);
            }
            // Another server wrote what the quota counts.
            Err(WriteError::Conflict { .. }) if charge.is_some() => {}
            Err(WriteError::Exists) if !meta::text(&object, "metadata.generateName").is_empty() => {
                return Err(Status::no_unique_name(resource.group_resource(), &name));
            }
            Err(error) => return Err(call.write_error(&name, &error)),
        }
    }
    Err(Status::internal("no attempt to create the object was made"))
}

fn drop_fields(object: &mut Value, paths: &[&str]) {
    for path in paths {
        meta::remove(object, path);
    }
}

/// Stores the object, of the stored version; `None` when the run is dry.
async fn store(
    call: &Call<'_>,
    name: &str,
    object: &Value,
    ledger: Option<&Ledger>,
) -> Result<Option<Arc<Entry>>, WriteError> {
    let key = call.key(name);
    if call.query.dry_run {
        return if call.server.store.get(&key).is_some() { Err(WriteError::Exists) } else { Ok(None) };
    }
    let entry = call
        .server
        .store
        .put_counted(key, Expect::Absent, form::selectable_draft(&call.resource, object), ledger)
        .await?;
    call.server.changed(&call.resource, &entry, false).await;
    Ok(Some(entry))
}
