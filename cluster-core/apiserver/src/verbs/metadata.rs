//! The rules of `metadata` that all kinds share.

use super::delete::{FOREGROUND, ORPHAN};
use crate::kinds::prelude::*;
use rand::Rng;

/// The groups of servers that know no names of finalizers: those of definitions and extensions.
const GENERIC: [&str; 3] = ["apiextensions.k8s.io", "apiregistration.k8s.io", "admissionregistration.k8s.io"];
const MAX_GENERATED_BASE: usize = 58;
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Fields that are the system's own.
const SYSTEM_FIELDS: &[&str] =
    &["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"];

/// Sets what the system sets on a new object.
pub(super) fn stamp(object: &mut Value, has_generation: bool) {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    for field in SYSTEM_FIELDS.iter().chain(&["resourceVersion"]) {
        meta::remove(object, &format!("metadata.{field}"));
    }
    let metadata = &mut object["metadata"];
    metadata["uid"] = uuid::Uuid::new_v4().to_string().into();
    metadata["creationTimestamp"] = meta::now().into();
    if has_generation {
        metadata["generation"] = 1.into();
    }
}

/// A name out of `metadata.generateName`, when the object has no name of its own.
pub(super) fn generate_name(object: &mut Value) -> bool {
    let base = meta::text(object, "metadata.generateName");
    if base.is_empty() || !meta::name(object).is_empty() {
        return false;
    }
    let name = format!("{}{}", truncated(base, MAX_GENERATED_BASE), random_suffix());
    meta::set(object, "metadata.name", name);
    true
}

/// Five characters that spell no words, as upstream's generated names end.
pub(crate) fn random_suffix() -> String {
    let mut random = rand::rng();
    (0..5).map(|_| char::from(SUFFIX_LETTERS[random.random_range(0..SUFFIX_LETTERS.len())])).collect()
}

fn truncated(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}

/// Fields that stay as they are once an object exists, given again or left out.
const IMMUTABLE_FIELDS: &[&str] = &["name", "namespace", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"];

/// Carries over from `old` what no update may change, and what it leaves out.
pub(super) fn carry_over(object: &mut Value, old: &Value) {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let goes = meta::deletion_timestamp(old).is_some();
    // What says that an object is on its way out cannot be taken back; set by a client, it is a fault.
    let kept = |field: &&&str| goes || !IMMUTABLE_FIELDS.contains(*field);
    for field in SYSTEM_FIELDS.iter().filter(kept) {
        match old["metadata"].get(*field) {
            Some(value) => object["metadata"][*field] = value.clone(),
            None => drop(meta::remove(object, &format!("metadata.{field}"))),
        }
    }
    for field in ["name", "namespace", "uid", "resourceVersion", "managedFields"] {
        let unset = object["metadata"].get(field).is_none_or(|v| v.is_null() || *v == "");
        if unset && let Some(value) = old["metadata"].get(field) {
            object["metadata"][field] = value.clone();
        }
    }
}

/// Takes out the revision `0`: clients set it to say that they go by none.
pub(super) fn forget_revision_zero(object: &mut Value) {
    if meta::resource_version(object) == "0" {
        meta::remove(object, "metadata.resourceVersion");
    }
}

/// Whether anything but metadata and status differs.
pub(super) fn content_differs(a: &Value, b: &Value) -> bool {
    fn content(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        let fields = object.as_object().into_iter().flatten();
        fields.filter(|(name, value)| !matches!(name.as_str(), "metadata" | "status") && !value.is_null())
    }
    content(a).ne(content(b))
}

/// Faults in the metadata of an object.
pub(super) fn validate(resource: &Resource, object: &Value) -> Errors {
    let path = Path::new("metadata");
    let mut errors = Errors::new();
    let own_name = meta::name(object);
    let generated = meta::text(object, "metadata.generateName");
    if own_name.is_empty() {
        errors.push(Error::required(&path.child("name"), "name or generateName is required"));
    } else {
        errors.extend(fault(&path.child("name"), own_name, (resource.strategy.validate_name)(own_name)));
    }
    if !generated.is_empty() {
        // A prefix may end in a dash: the suffix follows.
        let rule = (resource.strategy.validate_name)(&format!("{}a", generated.trim_end_matches('-')));
        errors.extend(fault(&path.child("generateName"), generated, rule));
    }
    let namespace = meta::namespace(object);
    if resource.namespaced() {
        errors.extend(fault(&path.child("namespace"), namespace, name::dns_label(namespace)));
    } else if !namespace.is_empty() {
        errors.push(Error::forbidden(&path.child("namespace"), "not allowed on this type"));
    }
    At::root(object).get("metadata.labels").labels(&mut errors);
    annotations(&path.child("annotations"), object, &mut errors);
    owners(&path.child("ownerReferences"), object, &mut errors);
    // Neither finalizers nor owners are counted in upstream's paths.
    for finalizer in meta::finalizers(object) {
        errors.extend(fault(&path.child("finalizers"), finalizer, name::qualified_name(finalizer)));
    }
    finalizers(&path.child("finalizers"), resource, object, &mut errors);
    errors
}

fn finalizers(path: &Path, resource: &Resource, object: &Value, errors: &mut Errors) {
    let given = meta::finalizers(object);
    if [ORPHAN, FOREGROUND].iter().all(|both| given.contains(both)) {
        let detail = format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set");
        errors.push(Error::invalid(path, &json!(given), &detail));
    }
    let generic = resource.custom.is_some() || GENERIC.contains(&&*resource.group);
    let of_nobody = |name: &str| !name.contains('/') && !["kubernetes", ORPHAN, FOREGROUND].contains(&name);
    for (index, name) in given.iter().enumerate().filter(|(_, name)| !generic && of_nobody(name)) {
        let detail = "name is neither a standard finalizer name nor is it fully qualified";
        errors.push(Error::invalid(&path.index(index), &json!(name), detail));
    }
}

fn fault(path: &Path, text: &str, rule: Result<(), String>) -> Option<Error> {
    rule.err().map(|why| Error::invalid(path, &json!(text), &why))
}

fn annotations(path: &Path, object: &Value, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in meta::annotations(object) {
        size += key.len() + value.len();
        errors.extend(fault(path, key, name::qualified_name(&key.to_lowercase())));
    }
    if size > meta::MAX_ANNOTATIONS {
        errors.push(Error::too_long(path, meta::MAX_ANNOTATIONS));
    }
}

fn owners(path: &Path, object: &Value, errors: &mut Errors) {
    let mut controllers = Vec::new();
    for owner in meta::owner_references(object) {
        let version = meta::api_version(owner);
        if version.is_empty() || version.matches('/').count() > 1 {
            errors.push(Error::invalid(&path.child("apiVersion"), &json!(version), "version must not be empty"));
        }
        for field in ["kind", "name", "uid"] {
            if meta::text(owner, field).is_empty() {
                errors.push(Error::invalid(&path.child(field), &json!(""), "must not be empty"));
            }
        }
        if (version, meta::kind(owner)) == ("v1", "Event") {
            errors.push(Error::invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"));
        }
        if owner["controller"] == true {
            controllers.push(format!("{}/{}", meta::kind(owner), meta::text(owner, "name")));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        errors.push(Error::invalid(path, &object["metadata"]["ownerReferences"], &detail));
    }
}

/// Lets owners stand once that stand twice at this `moment`, with a warning.
pub(super) fn single_owners(object: &mut Value, moment: &str, notes: &Notes) {
    let owners = items(&object["metadata"]["ownerReferences"]);
    let stands_again = |at: usize| owners[..at].contains(&owners[at]);
    if !(1..owners.len()).any(stands_again) {
        return;
    }
    let (again, single): (Vec<usize>, Vec<usize>) = (0..owners.len()).partition(|at| stands_again(*at));
    let again: Vec<&str> = again.into_iter().map(|at| meta::text(&owners[at], "uid")).collect();
    notes.warn(&format!(
        ".metadata.ownerReferences contains duplicate entries{moment}; API server dedups owner references in 1.20+, \
         and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        again.join(", ")
    ));
    let single: Vec<Value> = single.into_iter().map(|at| owners[at].clone()).collect();
    object["metadata"]["ownerReferences"] = single.into();
}

/// Faults in a change of metadata.
pub(super) fn validate_update(object: &Value, old: &Value) -> Errors {
    let path = Path::new("metadata");
    let mut errors = Errors::new();
    for field in IMMUTABLE_FIELDS {
        if object["metadata"][*field] != old["metadata"][*field] {
            errors.push(Error::invalid(&path.child(field), &object["metadata"][*field], "field is immutable"));
        }
    }
    if meta::deletion_timestamp(old).is_some() {
        let present = meta::finalizers(old);
        let added: Vec<String> =
            meta::finalizers(object).into_iter().filter(|f| !present.contains(f)).map(|f| format!("{f:?}")).collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(Error::forbidden(&path.child("finalizers"), &detail));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_stands_once_and_who_says_it_twice_is_warned() {
        let owner = |name: &str| json!({"kind": "Pod", "name": name, "uid": "u"});
        let mut object = json!({"metadata": {"ownerReferences": [owner("a"), owner("b"), owner("a")]}});
        let notes = Notes::default();
        single_owners(&mut object, "", &notes);
        single_owners(&mut object, " after mutating admission happens", &notes);
        assert_eq!(object["metadata"]["ownerReferences"], json!([owner("a"), owner("b")]), "the same UID is not all");
        let warnings = notes.warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with(".metadata.ownerReferences contains duplicate entries; API server dedups"));
        assert!(warnings[0].ends_with("duplicate UID(s) observed: u"), "{warnings:?}");
    }
}
