//! update: the guarded write that PUT, PATCH and the subresources share.
//!
//! The change is computed from the stored object, admitted, validated against it and written under its revision; when
//! somebody else was faster, all of that runs again on the newer state.

use super::call::Phase;
use super::create;
use super::{form, incoming, metadata};
use crate::admission::quota::{self, Charge};
use crate::kinds::prelude::*;
use crate::subresources::parts;
use cluster_object::apply::managed;

/// Which part of the object a write may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status, when that is a subresource.
    Main,
    /// The status alone.
    Status,
    /// What the subresource's own code changes.
    Sub(&'static str),
}

impl Part {
    pub(crate) fn subresource(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Sub(name) => name,
        }
    }
}

/// What a write wants the object to be.
pub(crate) struct Proposed {
    pub(crate) object: Value,
    pub(crate) managed: Managed,
}

impl Proposed {
    pub(crate) fn new(object: Value) -> Self {
        Self { object, managed: Managed::Track }
    }
}

/// PUT.
pub(super) async fn update(call: &Call<'_>, body: Bytes) -> Result<Reply, Status> {
    let object = incoming::object(call, &body)?;
    let name = call.info.name.as_str();
    call.check_name(meta::name(&object))?;
    let part = call.part();
    if part == Part::Main && call.resource.strategy.create_on_update && call.server.store.get(&call.key(name)).is_none()
    {
        call.may("create").await?;
        let bytes = create::create_object(call, object, Managed::Track).await?;
        return Ok(Reply::created(Content::Object(bytes)));
    }
    let bytes = change(call, name, part, |_| Ok(Proposed::new(object.clone()))).await?;
    Ok(Reply::ok(Content::Object(bytes)))
}

/// Changes the object `name` into what `make` proposes for its present state. Returns its served JSON.
pub(crate) async fn change(
    call: &Call<'_>,
    name: &str,
    part: Part,
    make: impl Fn(&Value) -> Result<Proposed, Status>,
) -> Result<Bytes, Status> {
    let resource = &*call.resource;
    loop {
        let entry = call.stored(name)?;
        let old = resource.value(call.server, &entry).await?;
        let Proposed { mut object, managed } = make(&old)?;
        metadata::forget_revision_zero(&mut object);
        check_expectations(call, name, &object, &old)?;
        prepare(call, name, part, &mut object, &old, managed).await?;
        let reservation = allocate::reserve(call, Some(&old), &mut object).await?;
        validate(call, name, part, &mut object, &old).await?;
        if object == old && form::is_current(resource, &entry) {
            return call.answer(&entry).await;
        }
        if call.query.dry_run {
            return super::to_bytes(&object);
        }
        // What only counts, counts when it is made.
        let grows = matches!(resource.storage.as_str(), "pods" | "services" | "persistentvolumeclaims");
        let charge = match part {
            Part::Main | Part::Sub("resize") if grows => {
                let request = AdmissionRequest::new(call, Operation::Update, name, &mut object).over(&old);
                quota::charge(call, &request).await?
            }
            _ => None,
        };
        let stored = resource.to_storage(call.server, &object).await?;
        match write(call, &entry, &stored, Charge::ledger(charge.as_ref())).await {
            Ok(written) => {
                reservation.commit().await;
                return call.answer(&written).await;
            }
            Err(WriteError::Conflict { .. }) => {}
            Err(error) => return Err(call.write_error(name, &error)),
        }
    }
}

/// The revision and UID that the client thinks the object has.
fn check_expectations(call: &Call<'_>, name: &str, object: &Value, old: &Value) -> Result<(), Status> {
    let resource = call.resource.group_resource();
    let (given, present) = (meta::uid(object), meta::uid(old));
    // What a patch makes of the UID is a matter of validation.
    if call.info.verb != "patch" && !given.is_empty() && given != present {
        let why = format!("Precondition failed: UID in precondition: {given}, UID in object meta: {present}");
        return Err(Status::conflict(resource, name, &why));
    }
    let (given, present) = (meta::resource_version(object), meta::resource_version(old));
    if given.is_empty() && !call.resource.strategy.unconditional_update && call.info.verb == "update" {
        let path = Path::new("metadata").child("resourceVersion");
        let missing = Error::invalid(&path, &0.into(), "must be specified for an update");
        return Err(Status::invalid(&call.resource.group, &call.resource.plural, name, &[missing]));
    }
    if !given.is_empty() && given != present {
        return Err(Status::modified(resource, name));
    }
    Ok(())
}

async fn prepare(
    call: &Call<'_>,
    name: &str,
    part: Part,
    object: &mut Value,
    old: &Value,
    managed: Managed,
) -> Result<(), Status> {
    let resource = &*call.resource;
    // Who has applied away the last field with an owner leaves none to carry over.
    let nobodys = managed == Managed::Done && object["metadata"].get("managedFields").is_none();
    let keep = |object: &mut Value| {
        metadata::carry_over(object, old);
        if nobodys {
            meta::remove(object, "metadata.managedFields");
        }
        split(call, part, object, old);
    };
    keep(object);
    if managed == Managed::Track {
        track(call, Some(old), object, part.subresource());
    }
    let mut request = AdmissionRequest::new(call, Operation::Update, name, object).of(part.subresource()).over(old);
    call.admit(&mut request, Phase::Mutating).await?;
    // Who admits may change no more than who writes.
    keep(object);
    match part {
        Part::Main => (resource.strategy.prepare_update)(object, old),
        Part::Status => (resource.strategy.prepare_status)(object, old),
        Part::Sub(_) => {}
    }
    let bumps = !matches!(part, Part::Status | Part::Sub("finalize" | "approval"));
    if bumps && resource.strategy.has_generation && metadata::content_differs(object, old) {
        meta::set(object, "metadata.generation", meta::generation(old) + 1);
    }
    if part == Part::Main {
        call.server.complete(resource, object);
    }
    Ok(())
}

/// Restores what this part may not change.
fn split(call: &Call<'_>, part: Part, object: &mut Value, old: &Value) {
    match part {
        Part::Main if call.resource.subresource("status").is_some() => restore(object, old, "status"),
        Part::Status => {
            let own = |name: &str| matches!(name, "metadata" | "status");
            let nothing = Map::new();
            let old_fields = old.as_object().unwrap_or(&nothing);
            if let Some(fields) = object.as_object_mut() {
                fields.retain(|name, value| if own(name) { !value.is_null() } else { old_fields.contains_key(name) });
            }
            for name in old_fields.keys().filter(|name| !own(name)) {
                restore(object, old, name);
            }
            for field in call.resource.strategy.status_resets.split_whitespace() {
                let (metadata, old) = (&mut object["metadata"], &old["metadata"]);
                restore(metadata, old, field);
            }
        }
        Part::Sub(name) => parts::keep_to(name, object, old),
        Part::Main => {}
    }
}

fn restore(object: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        // Mostly nothing has changed, and a copy of a spec costs more than a look.
        Some(value) if object.get(field) != Some(value) => object[field] = value.clone(),
        Some(_) => {}
        None => drop(meta::remove(object, field)),
    }
}

async fn validate(call: &Call<'_>, name: &str, part: Part, object: &mut Value, old: &Value) -> Result<(), Status> {
    let strategy = &call.resource.strategy;
    let of_part = match part {
        Part::Main => [strategy.faults(object), strategy.update_faults(object, old)].concat(),
        Part::Status => strategy.status_faults(object, old),
        Part::Sub(name) => [parts::faults(name, strategy, object, old), strategy.faults(object)].concat(),
    };
    let mut errors = metadata::validate_update(object, old);
    errors.extend(metadata::validate(&call.resource, object));
    errors.extend(of_part);
    errors.extend(call.resource.custom_faults(object, Some(old), &call.notes));
    call.invalid_if(name, &errors)?;
    let mut request = AdmissionRequest::new(call, Operation::Update, name, object).of(part.subresource()).over(old);
    call.admit(&mut request, Phase::Validating).await
}

/// Records in `metadata.managedFields` what this write changed.
pub(super) fn track(call: &Call<'_>, old: Option<&Value>, object: &mut Value, subresource: &str) {
    let Some(schema) = call.resource.schema() else { return };
    let (manager, version) = (call.query.field_manager.as_str(), call.resource.api_version());
    managed::update(old, object, schema, manager, "Update", &version, subresource, &meta::now());
}

/// Writes the new state, of the stored version, or takes the object away when nothing keeps a deleted one any more.
pub(crate) async fn write(call: &Call<'_>, entry: &Arc<Entry>, object: &Value, ledger: Option<&Ledger>) -> Written {
    commit(call, entry, object, is_finished(call, object), ledger).await
}

/// Writes the last state of an object that goes, or else the new one; then comes what follows from it.
pub(super) async fn commit(
    call: &Call<'_>,
    entry: &Arc<Entry>,
    object: &Value,
    goes: bool,
    ledger: Option<&Ledger>,
) -> Written {
    let (key, expect) = (entry.key.clone(), Expect::Revision(entry.revision));
    let (store, draft) = (&call.server.store, form::selectable_draft(&call.resource, object));
    let written = if goes {
        store.delete(key, expect, draft).await?
    } else {
        store.put_counted(key, expect, draft, ledger).await?
    };
    call.server.changed(&call.resource, &written, goes).await;
    Ok(written)
}

/// Whether a deleted object waits for nothing any more.
fn is_finished(call: &Call<'_>, object: &Value) -> bool {
    let grace = meta::get(object, "metadata.deletionGracePeriodSeconds").as_i64().unwrap_or_default();
    meta::deletion_timestamp(object).is_some()
        && grace == 0
        && !super::delete::is_held(call.resource.strategy.deletion, object)
}
