//! The rules of a CustomResourceDefinition itself.

use super::{conversion, internal, rules, schema};
use crate::kinds::prelude::*;

/// How many fields of a version selectors may name.
const MAX_SELECTABLE_FIELDS: usize = 8;

/// The faults of a definition.
pub(crate) fn validate(object: &Value) -> Errors {
    let (mut errors, at) = (Errors::new(), At::root(object));
    let (spec, names) = (at.get("spec"), at.get("spec.names"));
    let wanted = format!("{}.{}", names.get("plural").text(), spec.get("group").text());
    if !meta::name(object).is_empty() && meta::name(object) != wanted {
        errors.push(at.get("metadata.name").invalid("must be spec.names.plural+\".\"+spec.group"));
    }
    let group = spec.get("group");
    if name::dns_subdomain(group.text()).is_ok() && !group.text().contains('.') {
        errors.push(group.invalid("should be a domain with at least one dot"));
    }
    protected(&at, &mut errors);
    if spec.value["preserveUnknownFields"] == true {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                   instead";
        errors.push(spec.get("preserveUnknownFields").invalid(why));
    }
    versions(&spec, &mut errors);
    conversion::validate(&spec.get("conversion"), &mut errors);
    stored_versions(&at, &mut errors);
    errors
}

/// The faults of a change.
pub(crate) fn validate_update(new: &Value, old: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(new).get("spec"));
    if meta::is_true(old, "Established") {
        for field in ["scope", "names.kind"] {
            spec.get(field).unchanged(meta::get(&old["spec"], field), &mut errors);
        }
    }
    errors
}

const APPROVED: &str = "api-approved.kubernetes.io";

/// Groups of the project need a word of approval.
fn protected(at: &At<'_>, errors: &mut Errors) {
    let path = Path::new("metadata").child("annotations").key(APPROVED);
    match approval(at.value) {
        Some(("MissingAnnotation", why)) => errors.push(Error::required(&path, &why)),
        Some(("InvalidAnnotation", why)) => {
            let given = meta::annotation(at.value, APPROVED).unwrap_or_default();
            errors.push(Error::invalid(&path, &given.into(), &why));
        }
        _ => {}
    }
}

/// How it stands with the approval of a definition, as reason and message of upstream's condition; none where none is
/// needed.
pub(super) fn approval(definition: &Value) -> Option<(&'static str, String)> {
    let group = meta::text(definition, "spec.group");
    let is_below = |domain| group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if !["k8s.io", "kubernetes.io"].into_iter().any(is_below) {
        return None;
    }
    let given = meta::annotation(definition, APPROVED).unwrap_or_default();
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    let must = format!("protected groups must have approval annotation {APPROVED:?}");
    Some(if given.is_empty() {
        ("MissingAnnotation", format!("{must}, {see}"))
    } else if given.starts_with("unapproved") {
        ("UnapprovedAnnotation", format!("not approved: {given:?}"))
    } else if url::Url::parse(given).is_ok_and(|url| url.has_host()) {
        ("ApprovedAnnotation", format!("approved in {given}"))
    } else {
        ("InvalidAnnotation", format!("{must} with either a URL or a reason starting with \"unapproved\", {see}"))
    })
}

fn versions(spec: &At<'_>, errors: &mut Errors) {
    let versions = spec.get("versions");
    let all: Vec<At<'_>> = versions.items().collect();
    for (index, version) in all.iter().enumerate() {
        if index == 0 {
            spec.moved("version", version.get("name")).rule(name::dns1035_label, errors);
        }
        if !version.get("schema.openAPIV3Schema").is_set() || is_empty(&version.value["schema"]) {
            errors.push(version.get("schema.openAPIV3Schema").missing(""));
        }
    }
    // Upstream names a part that all versions have in common by its old place, in the spec.
    let common = |field: &str| all.windows(2).all(|pair| pair[0].value[field] == pair[1].value[field]);
    let parts = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"].map(|f| (f, common(f)));
    let unique: HashSet<&str> = all.iter().map(|version| text(&version.value["name"])).collect();
    let storing = all.iter().filter(|version| version.value["storage"] == true).count();
    let demands = [
        (unique.len() == all.len(), "must contain unique version names"),
        (storing == 1, "must have exactly one version marked as storage version"),
    ];
    for (_, why) in demands.into_iter().filter(|(holds, _)| !holds) {
        let mut shown = versions.value.clone();
        for version in shown.as_array_mut().into_iter().flatten() {
            parts.iter().filter(|(_, common)| *common).for_each(|(field, _)| drop(remove(version, field)));
        }
        errors.push(internal::invalid(&versions.path, "Version", &shown, why));
    }
    for (field, common) in parts {
        let place = if field == "schema" { "validation" } else { field };
        for version in &all[..if common { all.len().min(1) } else { all.len() }] {
            let part = if common { spec.moved(place, version.get(field)) } else { version.get(field) };
            let of = if common { &all[..] } else { std::slice::from_ref(version) };
            match field {
                "schema" => {
                    let status = of.iter().any(|version| version.get("subresources.status").is_set());
                    schema::check(&part.get("openAPIV3Schema"), status, errors);
                }
                "subresources" if part.get("scale").is_set() => {
                    errors.extend(part.get("scale").faults(named("CustomScale")));
                }
                "subresources" => {}
                "additionalPrinterColumns" => part.items().for_each(|column| self::column(&column, errors)),
                _ => selectable(&part, &version.value["schema"]["openAPIV3Schema"], errors),
            }
        }
    }
}

/// Whether a text has nothing that cannot be seen.
pub(crate) fn printable(text: &str) -> Result<(), String> {
    let hidden = |(_, c): &(usize, char)| c.is_control() || (c.is_whitespace() && *c != ' ');
    let why = "must only contain printable UTF-8 characters; non-printable character found at index";
    text.char_indices().find(hidden).map_or(Ok(()), |(index, _)| Err(format!("{why} {index}")))
}

fn column(column: &At<'_>, errors: &mut Errors) {
    errors.extend(column.faults(named("PrinterColumn")));
    let path = column.moved("JSONPath", column.get("jsonPath"));
    if path.required(errors) && !path.text().starts_with('.') {
        errors.push(path.invalid("must be a simple json path starting with ."));
    }
}

fn selectable(part: &At<'_>, schema: &Value, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for field in part.items() {
        let path = field.get("jsonPath");
        if !path.required(errors) {
            continue;
        }
        let (names, node) = match rules::follow(schema, path.text(), false) {
            Ok(found) => found,
            Err(why) => {
                errors.push(path.invalid(&format!("is an invalid path: {why}")));
                continue;
            }
        };
        if names[0].0 == "metadata" {
            errors.push(path.invalid("must not point to fields in metadata"));
        }
        if !matches!(text(&node["type"]), "string" | "integer" | "boolean") {
            let why = "must point to a field of type string, boolean or integer. Enum string fields and strings with \
                       formats are allowed.";
            errors.push(path.invalid(why));
        }
        if !seen.insert(names) {
            errors.push(Error::duplicate(&path.path, path.value));
        }
    }
    if seen.len() > MAX_SELECTABLE_FIELDS {
        errors.push(Error::too_many(&part.path, seen.len(), MAX_SELECTABLE_FIELDS));
    }
}

/// Objects of a stored version must stay readable.
fn stored_versions(at: &At<'_>, errors: &mut Errors) {
    let versions = items(at.get("spec.versions").value);
    let stored = at.get("status.storedVersions");
    if stored.is_empty() {
        return errors.push(Error::invalid(&stored.path, &Value::Null, "must have at least one stored version"));
    }
    for storage in versions.iter().filter(|v| v["storage"] == true).map(|v| &v["name"]) {
        if !items(stored.value).contains(storage) {
            errors.push(stored.invalid(&format!("must have the storage version {}", text(storage))));
        }
    }
    for version in stored.items().filter(|stored| !versions.iter().any(|known| known["name"] == *stored.value)) {
        let name = version.text();
        errors.push(version.invalid(&format!(
            "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
             until a storage migration ensures no data remains persisted in {name} and removes {name} from \
             status.storedVersions"
        )));
    }
}
