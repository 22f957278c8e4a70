//! From kubectl's client-side apply to server-side apply and back: what `kubectl apply` notes in an annotation.

use super::conform::faults;
use super::field_set::FieldSet;
use super::typed;
use crate::prelude::*;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Who applies as somebody else does not want what is done here.
const KUBECTL: &str = "kubectl";

/// The fields that `manager` takes over without a conflict: those that `live` still has as client-side apply wrote them.
pub(super) fn taken_over(live: &Value, manager: &str, schema: &Schema, api_version: &str) -> FieldSet {
    let last = note(live).filter(|_| manager == KUBECTL).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let same = |last: &Value| meta::api_version(last) == api_version && faults(last, schema).is_empty();
    let Some(last) = last.filter(same) else { return FieldSet::default() };
    let changes = typed::compare(&last, live, schema);
    let mut fields = typed::field_set(&last, schema);
    fields.subtract(&changes.written);
    fields.subtract(&changes.removed);
    fields
}

/// Notes in an object that client-side apply has made too what `manager` applied, so that it can go on from there.
pub(super) fn renew(object: &mut Value, applied: &Value, manager: &str) {
    if manager != KUBECTL || note(object).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    object["metadata"]["annotations"][ANNOTATION] = format!("{applied}\n").into();
    let size: usize = meta::annotations(object).map(|(key, value)| key.len() + value.len()).sum();
    if size > meta::MAX_ANNOTATIONS
        && let Some(annotations) = object["metadata"]["annotations"].as_object_mut()
    {
        // An object that outgrew the note goes on without it.
        annotations.remove(ANNOTATION);
    }
}

fn note(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][ANNOTATION].as_str().filter(|text| !text.is_empty())
}
