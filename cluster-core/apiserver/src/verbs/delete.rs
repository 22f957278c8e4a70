//! delete and deletecollection: at once, in grace, after finalizers, after content.

use super::list;
use super::update;
use crate::prelude::*;
use crate::request::{check_delete, delete_options};

pub(super) const ORPHAN: &str = "orphan";
pub(super) const FOREGROUND: &str = "foregroundDeletion";

pub(super) async fn delete(call: &Call<'_>, body: Bytes) -> Result<Reply, Status> {
    delete_object(&with_options(call, &body)?, &call.info.name).await
}

/// Deletes everything the selectors mean, and answers with what it was.
pub(super) async fn delete_collection(call: &Call<'_>, body: Bytes) -> Result<Reply, Status> {
    let call = &with_options(call, &body)?;
    let listed = list::collect(call)?;
    for entry in &listed.items {
        match delete_object(call, &entry.key.name).await {
            Err(status) if !status.is_not_found() => return Err(status),
            _ => {}
        }
    }
    Ok(Reply::ok(Content::List(listed)))
}

/// The call with the options of the body, or those of the query when there is no body.
fn with_options<'a>(call: &Call<'a>, body: &[u8]) -> Result<Call<'a>, Status> {
    let mut call = call.clone();
    if !body.is_empty() {
        let (value, _) = request::decode_json_or_yaml(&call.content_type, body)?;
        if !matches!(meta::kind(&value), "" | "DeleteOptions") {
            return Err(Status::bad_request(format!("decoded object cannot be converted to DeleteOptions: {value}")));
        }
        call.query.delete = delete_options(value)?;
    }
    check_delete(&call.query.delete)?;
    call.query.dry_run |= call.query.delete.dry_run.iter().flatten().next().is_some();
    Ok(call)
}

/// What a delete does to an object.
#[derive(Debug, PartialEq)]
enum Step {
    /// It goes now.
    Remove(Value),
    /// It stays in this state until something else lets it go.
    Mark(Value),
    /// It is on its way already, and this delete makes it no faster.
    Nothing,
}

/// Kinds whose dependents stay when a delete says nothing of them: so it was before there were owners, and upstream
/// keeps to it.
const ORPHANING: &[&str] = &["replicationcontrollers", "batch/jobs"];

/// The options with what the kind adds to them.
fn completed(call: &Call<'_>, old: &Value) -> DeleteOptions {
    let mut options = call.query.delete.clone();
    // Nobody collects what events own: a finalizer for it would stay.
    if call.resource.plural == "events" {
        return DeleteOptions { propagation_policy: None, orphan_dependents: None, ..options };
    }
    let undecided = propagation(&options).is_none() && !meta::finalizers(old).contains(&"foregroundDeletion");
    if undecided && ORPHANING.contains(&&*call.resource.storage) {
        options.propagation_policy = Some("Orphan".to_owned());
    }
    options
}

/// What happens to dependents, the old option included.
fn propagation(options: &DeleteOptions) -> Option<&str> {
    let of = |orphan| if orphan { "Orphan" } else { "Background" };
    options.propagation_policy.as_deref().or(options.orphan_dependents.map(of))
}

/// Deletes one object by the options in the call's query.
pub(crate) async fn delete_object(call: &Call<'_>, name: &str) -> Result<Reply, Status> {
    loop {
        let entry = call.stored(name)?;
        let old = call.resource.value(call.server, &entry).await?;
        let options = &completed(call, &old);
        check_preconditions(call, name, options, &old)?;
        let mut nothing = Value::Null;
        call.admit_both(AdmissionRequest::new(call, Operation::Delete, name, &mut nothing).over(&old)).await?;
        let mut going = old.clone();
        if call.resource.storage == custom::STORAGE {
            custom::keep_until_clean(&mut going);
        }
        let (object, goes) = match step(call.resource.strategy.deletion, going, options, &meta::now()) {
            Step::Nothing => return Ok(Reply::ok(Content::Object(call.answer(&entry).await?))),
            Step::Remove(object) => (object, true),
            Step::Mark(object) => (object, false),
        };
        if call.query.dry_run {
            let kept = || Ok(Reply::ok(Content::Object(super::to_bytes(&object)?)));
            return if goes { gone(call, name, &old, None).await } else { kept() };
        }
        let stored = call.resource.to_storage(call.server, &object).await?;
        match update::commit(call, &entry, &stored, goes, None).await {
            Ok(entry) if goes => return gone(call, name, &old, Some(&entry)).await,
            Ok(entry) => {
                let accepted = options.orphan_dependents == Some(false);
                let code = if accepted { StatusCode::ACCEPTED } else { StatusCode::OK };
                let content = Content::Object(call.answer(&entry).await?);
                return Ok(Reply { code, content });
            }
            Err(WriteError::Conflict { .. }) => {}
            Err(error) => return Err(call.write_error(name, &error)),
        }
    }
}

/// The answer to a delete that took effect: the object, or a Status that names it.
async fn gone(call: &Call<'_>, name: &str, old: &Value, entry: Option<&Arc<Entry>>) -> Result<Reply, Status> {
    let resource = &*call.resource;
    if resource.strategy.returns_deleted {
        let bytes = match entry {
            Some(entry) => call.answer(entry).await?,
            None => super::to_bytes(old)?,
        };
        return Ok(Reply::ok(Content::Object(bytes)));
    }
    let mut details = json!({"name": name, "kind": resource.plural, "uid": meta::uid(old)});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Reply::other(StatusCode::OK, &status)
}

pub(crate) fn check_preconditions(
    call: &Call<'_>,
    name: &str,
    options: &DeleteOptions,
    old: &Value,
) -> Result<(), Status> {
    let Some(preconditions) = &options.preconditions else { return Ok(()) };
    let expectations = [
        ("UID", &preconditions.uid, meta::uid(old), "deleted and then recreated"),
        ("ResourceVersion", &preconditions.resource_version, meta::resource_version(old), "modified"),
    ];
    for (what, expected, present, happened) in expectations {
        if let Some(expected) = expected.as_deref().filter(|e| *e != present) {
            let why = format!(
                "the {what} in the precondition ({expected}) does not match the {what} in record ({present}). The object \
                 might have been {happened}"
            );
            // Upstream names the kind here, where all other conflicts name the resource.
            let kind = GroupResource { resource: &call.resource.kind, ..call.resource.group_resource() };
            return Err(Status::conflict(kind, name, &why));
        }
    }
    Ok(())
}

/// Decides what the delete does to `object`.
fn step(deletion: Deletion, mut object: Value, options: &DeleteOptions, now: &str) -> Step {
    let before = object.clone();
    propagate(&mut object, propagation(options));
    let marked = meta::deletion_timestamp(&object).is_some();
    let given = meta::get(&object, "metadata.deletionGracePeriodSeconds").as_i64().unwrap_or_default();
    // Who is on the way out already may only be hurried.
    let grace =
        if marked { asked(options).map_or(given, |asked| asked.min(given)) } else { grace(deletion, &object, options) };
    if grace == 0 && !is_held(deletion, &object) {
        return Step::Remove(object);
    }
    if !marked || grace < given {
        let start = if marked { given - grace } else { -grace };
        let base = meta::deletion_timestamp(&object).unwrap_or(now).to_owned();
        meta::set(&mut object, "metadata.deletionTimestamp", shifted(&base, -start));
        meta::set(&mut object, "metadata.deletionGracePeriodSeconds", grace);
        if !marked && meta::generation(&object) > 0 {
            let generation = meta::generation(&object) + 1;
            meta::set(&mut object, "metadata.generation", generation);
        }
    }
    if deletion == Deletion::Finalized {
        meta::set(&mut object, "status.phase", "Terminating");
    }
    if object == before { Step::Nothing } else { Step::Mark(object) }
}

/// Whether an object waits for something before it may go: its finalizers, and what a namespace holds.
pub(super) fn is_held(deletion: Deletion, object: &Value) -> bool {
    let content = deletion == Deletion::Finalized && !meta::items(meta::get(object, "spec.finalizers")).is_empty();
    content || !meta::finalizers(object).is_empty()
}

/// Sets the finalizers that tell the garbage collector what to do with dependents.
fn propagate(object: &mut Value, propagation: Option<&str>) {
    let Some(propagation) = propagation else { return };
    let before = meta::finalizers(object);
    let mut finalizers: Vec<String> =
        before.iter().filter(|f| !matches!(**f, ORPHAN | FOREGROUND)).map(|f| (*f).to_owned()).collect();
    match propagation {
        "Orphan" => finalizers.push(ORPHAN.to_owned()),
        "Foreground" => finalizers.push(FOREGROUND.to_owned()),
        _ => {}
    }
    if finalizers.is_empty() {
        meta::remove(object, "metadata.finalizers");
    } else {
        meta::set(object, "metadata.finalizers", finalizers);
    }
}

/// The seconds the object may still live. Only pods that run somewhere get any.
fn grace(deletion: Deletion, pod: &Value, options: &DeleteOptions) -> i64 {
    let finished = matches!(meta::text(pod, "status.phase"), "Succeeded" | "Failed");
    if deletion != Deletion::Graceful || meta::text(pod, "spec.nodeName").is_empty() || finished {
        return 0;
    }
    asked(options).unwrap_or_else(|| meta::get(pod, "spec.terminationGracePeriodSeconds").as_i64().unwrap_or(30))
}

/// The seconds that the client gives it. A negative number asks for the shortest time that is no forced removal.
fn asked(options: &DeleteOptions) -> Option<i64> {
    options.grace_period_seconds.map(|seconds| if seconds < 0 { 1 } else { seconds })
}

fn shifted(time: &str, seconds: i64) -> String {
    let moved = |at: Timestamp| at.checked_add(jiff::SignedDuration::from_secs(seconds)).ok();
    time.parse().ok().and_then(moved).map_or_else(|| time.to_owned(), meta::whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn pod(metadata: &Value) -> Value {
        json!({"metadata": metadata, "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 30}})
    }

    fn with_grace(seconds: i64) -> DeleteOptions {
        DeleteOptions { grace_period_seconds: Some(seconds), ..DeleteOptions::default() }
    }

    #[test]
    fn a_running_pod_is_marked_and_goes_with_grace_zero() {
        let options = DeleteOptions::default();
        let Step::Mark(marked) = step(Deletion::Graceful, pod(&json!({"generation": 1})), &options, NOW) else {
            panic!("the pod should stay");
        };
        let expected =
            json!({"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30, "generation": 2});
        assert_eq!(marked["metadata"], expected);
        assert_eq!(step(Deletion::Graceful, marked.clone(), &options, NOW), Step::Nothing);
        let Step::Mark(shorter) = step(Deletion::Graceful, marked.clone(), &with_grace(5), NOW) else {
            panic!("the pod should stay");
        };
        let expected =
            json!({"deletionTimestamp": "2026-01-01T00:00:05Z", "deletionGracePeriodSeconds": 5, "generation": 2});
        assert_eq!(shorter["metadata"], expected);
        assert!(matches!(step(Deletion::Graceful, marked, &with_grace(0), NOW), Step::Remove(_)));
    }

    #[test]
    fn an_unscheduled_pod_goes_at_once() {
        let pod = json!({"metadata": {}, "spec": {}});
        assert!(matches!(step(Deletion::Graceful, pod, &DeleteOptions::default(), NOW), Step::Remove(_)));
    }

    #[test]
    fn finalizers_and_propagation_keep_the_object() {
        let options = DeleteOptions { propagation_policy: Some("Foreground".to_owned()), ..DeleteOptions::default() };
        let Step::Mark(marked) = step(Deletion::Immediate, json!({"metadata": {}}), &options, NOW) else {
            panic!("the object should stay");
        };
        assert_eq!(marked["metadata"]["finalizers"], json!([FOREGROUND]));
        let background =
            DeleteOptions { propagation_policy: Some("Background".to_owned()), ..DeleteOptions::default() };
        assert!(matches!(step(Deletion::Immediate, marked, &background, NOW), Step::Remove(_)));
    }

    #[test]
    fn a_namespace_stays_until_its_content_is_gone() {
        let namespace = json!({"metadata": {}, "spec": {"finalizers": ["kubernetes"]}});
        let Step::Mark(marked) = step(Deletion::Finalized, namespace, &DeleteOptions::default(), NOW) else {
            panic!("the namespace should stay");
        };
        assert_eq!(marked["status"]["phase"], "Terminating");
        let mut empty = marked;
        empty["spec"]["finalizers"] = json!([]);
        assert!(matches!(step(Deletion::Finalized, empty, &DeleteOptions::default(), NOW), Step::Remove(_)));
    }
}
