//! The rules of a CustomResourceDefinition itself.

use super::{rules, structural};
use crate::kinds::walk::{At, items, text};
use cluster_object::field::{Errors, Path};
use cluster_object::{jsonpath, meta, name};
use serde_json::Value;

/// How many fields of a version selectors may name.
const MAX_SELECTABLE_FIELDS: usize = 8;
const COLUMN_TYPES: &[&str] = &["integer", "number", "string", "boolean", "date"];
const COLUMN_FORMATS: &[&str] =
    &["int32", "int64", "float", "double", "byte", "date", "date-time", "password", "binary", ""];

/// The faults of a definition.
pub(crate) fn validate(object: &Value) -> Errors {
    let (mut errors, at) = (Errors::new(), At::root(object));
    let (spec, names) = (at.get("spec"), at.get("spec.names"));
    let wanted = format!("{}.{}", names.get("plural").text(), spec.get("group").text());
    if meta::name(object) != wanted {
        errors.push(at.get("metadata.name").invalid("must be spec.names.plural+\".\"+spec.group"));
    }
    let group = spec.get("group");
    if !group.is_empty() && !group.text().contains('.') {
        errors.push(group.invalid("should be a domain with at least one dot"));
    }
    protected(&at, &mut errors);
    if spec.value["preserveUnknownFields"] == true {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                   instead";
        errors.push(spec.get("preserveUnknownFields").invalid(why));
    }
    self::names(&names, &mut errors);
    versions(&spec, &mut errors);
    let conversion = spec.get("conversion");
    if conversion.get("strategy").text() == "Webhook" {
        conversion.get("webhook").required(&mut errors);
    } else if conversion.get("webhook").is_set() {
        let why = "should not be set when strategy is not set to Webhook";
        errors.push(conversion.get("webhook").forbidden(why));
    }
    stored_versions(&at, &mut errors);
    errors
}

/// The faults of a change.
pub(crate) fn validate_update(new: &Value, old: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(new).get("spec"));
    if super::is_true(old, "Established") {
        for field in ["scope", "names.kind"] {
            spec.get(field).unchanged(meta::get(&old["spec"], field), &mut errors);
        }
    }
    errors
}

/// The faults of the status.
pub(crate) fn validate_status(object: &Value, _: &Value) -> Errors {
    let (mut errors, at) = (Errors::new(), At::root(object));
    stored_versions(&at, &mut errors);
    errors
}

/// Groups of the project need a word of approval.
fn protected(at: &At<'_>, errors: &mut Errors) {
    let (group, annotation) = (at.get("spec.group"), "api-approved.kubernetes.io");
    let protected = ["k8s.io", "kubernetes.io"].iter().any(|domain| {
        group.text() == *domain || group.text().strip_suffix(domain).is_some_and(|prefix| prefix.ends_with('.'))
    });
    let approval = meta::annotation(at.value, annotation).unwrap_or_default();
    let path = Path::new("metadata").child("annotations").key(annotation);
    if !protected || approval.starts_with("unapproved") || approval.starts_with("https://") {
        return;
    }
    if approval.is_empty() {
        let why = "protected groups must have approval annotation \"api-approved.kubernetes.io\", see \
                   https://github.com/kubernetes/enhancements/pull/1111";
        errors.push(cluster_object::field::Error::required(&path, why));
    } else {
        let why = "protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or \
                   a reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111";
        errors.push(cluster_object::field::Error::invalid(&path, &approval.into(), why));
    }
}

fn names(names: &At<'_>, errors: &mut Errors) {
    for field in ["kind", "listKind"] {
        let kind = names.get(field);
        if kind.required(errors)
            && let Err(why) = name::dns1035_label(&kind.text().to_lowercase())
        {
            errors.push(kind.invalid(&format!("may have mixed case, but should otherwise match: {why}")));
        }
    }
    if names.get("kind").text() == names.get("listKind").text() {
        errors.push(names.get("listKind").invalid("kind and listKind may not be the same"));
    }
    for list in ["shortNames", "categories"] {
        names.get(list).items().for_each(|short| short.rule(name::dns1035_label, errors));
    }
}

fn versions(spec: &At<'_>, errors: &mut Errors) {
    let versions = spec.get("versions");
    let mut seen = Vec::new();
    for version in versions.items() {
        let version_name = version.get("name");
        seen.push(version_name.text());
        if !version.get("deprecationWarning").is_empty() && version.value["deprecated"] != true {
            let why = "can only be set for deprecated versions";
            errors.push(version.get("deprecationWarning").invalid(why));
        }
    }
    let unique: std::collections::HashSet<&str> = seen.iter().copied().collect();
    if unique.len() < seen.len() {
        errors.push(versions.invalid("must contain unique version names"));
    }
    if items(versions.value).iter().filter(|v| v["storage"] == true).count() != 1 {
        errors.push(versions.invalid("must have exactly one version marked as storage version"));
    }
    // Upstream names a part that all versions have in common by its old place, in the spec.
    for (field, common) in
        [("schema", "validation"), ("subresources", ""), ("additionalPrinterColumns", ""), ("selectableFields", "")]
    {
        let common = if common.is_empty() { field } else { common };
        let parts: Vec<At<'_>> = versions.items().map(|version| version.get(field)).collect();
        let same = parts.windows(2).all(|pair| pair[0].value == pair[1].value);
        let shown = if same { parts.into_iter().take(1).map(|part| spec.moved(common, part)).collect() } else { parts };
        for (index, part) in shown.iter().enumerate() {
            match field {
                "schema" => schema(part, &versions.path.index(index), errors),
                "subresources" => subresources(part, errors),
                "additionalPrinterColumns" => part.items().for_each(|column| self::column(&column, errors)),
                _ => selectable(part, &versions.value[index]["schema"]["openAPIV3Schema"], errors),
            }
        }
    }
}

fn schema(part: &At<'_>, version: &Path, errors: &mut Errors) {
    let schema = part.get("openAPIV3Schema");
    if !schema.is_set() {
        let path = version.child("schema").child("openAPIV3Schema");
        errors.push(cluster_object::field::Error::required(&path, "schemas are required"));
        return;
    }
    let faults = structural::check(&schema);
    let sound = faults.is_empty();
    errors.extend(faults);
    if sound {
        errors.extend(rules::check(&schema));
    }
}

fn subresources(part: &At<'_>, errors: &mut Errors) {
    let scale = part.get("scale");
    if !scale.is_set() {
        return;
    }
    for (field, below, needed) in [
        ("specReplicasPath", ".spec.", true),
        ("statusReplicasPath", ".status.", true),
        ("labelSelectorPath", "", false),
    ] {
        let path = At { path: part.path.child(&format!("scale.{field}")), value: scale.get(field).value };
        let given = path.text();
        let inside = if below.is_empty() { [".status.", ".spec."] } else { [below; 2] };
        if given.is_empty() {
            errors.extend(needed.then(|| path.missing("")));
        } else if !given.starts_with('.') {
            errors.push(path.invalid("must be a simple json path starting with ."));
        } else if !inside.iter().any(|prefix| given.starts_with(prefix)) {
            let where_to = if below.is_empty() { ".status or .spec" } else { below.trim_end_matches('.') };
            errors.push(path.invalid(&format!("should be a json path under {where_to}")));
        }
    }
}

fn column(column: &At<'_>, errors: &mut Errors) {
    column.get("name").required(errors);
    let (kind, format, path) = (column.get("type"), column.get("format"), column.get("jsonPath"));
    let types = format!("must be one of {}", sorted(COLUMN_TYPES));
    if kind.is_empty() {
        errors.push(kind.missing(&types));
    } else if !COLUMN_TYPES.contains(&kind.text()) {
        errors.push(kind.invalid(&types));
    }
    if !COLUMN_FORMATS.contains(&format.text()) {
        errors.push(format.invalid(&format!("must be one of {}", sorted(COLUMN_FORMATS))));
    }
    if path.required(errors) {
        if !path.text().starts_with('.') {
            errors.push(path.invalid("must be a simple json path starting with ."));
        } else if !jsonpath::is_simple(path.text()) {
            errors.push(path.invalid("is an invalid JSONPath"));
        }
    }
}

fn sorted(names: &[&str]) -> String {
    let mut names: Vec<&str> = names.iter().copied().filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.join(",")
}

fn selectable(part: &At<'_>, schema: &Value, errors: &mut Errors) {
    let mut seen = Vec::new();
    let count = items(part.value).len();
    if count > MAX_SELECTABLE_FIELDS {
        errors.push(cluster_object::field::Error::too_many(&part.path, count, MAX_SELECTABLE_FIELDS));
    }
    for field in part.items() {
        let path = field.get("jsonPath");
        if !path.required(errors) {
            continue;
        }
        path.unique(&mut seen, path.text().to_owned(), errors);
        let steps = path.text().trim_start_matches('.').split('.');
        let node = steps.fold(schema, |schema, step| &schema["properties"][step]);
        if !path.text().starts_with('.') || path.text().starts_with(".metadata") || node.is_null() {
            errors.push(path.invalid("is an invalid path: does not refer to a valid field"));
        } else if !matches!(text(&node["type"]), "string" | "integer" | "boolean") {
            errors.push(path.invalid("must point to a field of type string, boolean or integer"));
        }
    }
}

/// Objects of a stored version must stay readable.
fn stored_versions(at: &At<'_>, errors: &mut Errors) {
    let versions = items(at.get("spec.versions").value);
    let stored = at.get("status.storedVersions");
    for version in stored.items() {
        if !versions.iter().any(|known| known["name"] == *version.value) {
            errors.push(version.invalid("must appear in spec.versions"));
        }
    }
    let storage = versions.iter().find(|v| v["storage"] == true).map(|v| &v["name"]);
    if let Some(storage) = storage.filter(|storage| !items(stored.value).contains(storage)) {
        let why = format!("must have the storage version {}", text(storage));
        errors.push(stored.invalid(&why));
    }
}
