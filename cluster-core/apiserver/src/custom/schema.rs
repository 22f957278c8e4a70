//! What a definition's schema must keep to, besides being structural.

use super::walk::every;
use super::{internal, rules, structural};
use crate::kinds::prelude::*;
use rules::Estimate;

const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];
/// Keywords of JSON Schema that definitions may not use.
const UNSUPPORTED: &[&str] = &["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];
/// As upstream names the fields that the root may have when the status is a resource of its own.
const AT_ROOT: &str = "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength \
                       MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties \
                       ExternalDocs Example XPreserveUnknownFields XValidations";
const REASONS: &[&str] = &["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Finds the faults of a whole schema; `status` says whether the status is a resource of its own.
pub(super) fn check(at: &At<'_>, status: bool, errors: &mut Errors) {
    if !at.is_set() {
        return;
    }
    let before = errors.len();
    if status {
        root(at, errors);
    }
    if at.value["nullable"] == true {
        errors.push(at.get("nullable").forbidden("nullable cannot be true at the root"));
    }
    let unreadable = structural::unreadable(at.value);
    let mut faults = if unreadable.is_none() { structural::check(at) } else { Errors::new() };
    if faults.is_empty() && unreadable.is_none() {
        faults = structural::defaults(at);
    }
    let sound = faults.is_empty() && unreadable.is_none();
    errors.extend(faults);
    let mut walk = Walk { found: Errors::new(), rules: Errors::new(), total: rules::Total::default() };
    walk.node(at, Place { root: true, estimate: sound.then_some(Estimate::ONCE), ..Place::default() });
    errors.extend(walk.found.into_iter().chain(walk.rules));
    errors.extend(unreadable.filter(|_| errors.len() == before).map(|why| Error::invalid(&at.path, &"".into(), &why)));
    walk.total.check(at, errors);
}

fn root(at: &At<'_>, errors: &mut Errors) {
    let allowed = |name: &str| {
        let go = name.strip_prefix("x-kubernetes-").map_or_else(|| name.to_owned(), |name| format!("x{name}"));
        AT_ROOT.split_whitespace().any(|field| field.eq_ignore_ascii_case(&go.replace('-', "")))
    };
    if !matches!(at.get("type").text(), "object" | "") {
        let why =
            "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        errors.push(at.get("type").invalid(why));
    } else if entries(at.value).any(|(name, value)| !allowed(name) && !is_empty(value)) {
        let why = format!(
            "only [{AT_ROOT}] fields are allowed at the root of the schema if the status subresource is enabled"
        );
        errors.push(internal::invalid(&at.path, "Schema", at.value, &why));
    }
}

/// The formats of a definition's schemas that nobody knows, in the order of their places.
pub(super) fn unknown_formats(schema: &Value, found: &mut Vec<String>) {
    const KNOWN: &str = "bsonobjectid uri email hostname ipv4 ipv6 cidr mac uuid uuid3 uuid4 uuid5 isbn isbn10 isbn13 \
                         creditcard ssn hexcolor rgbcolor byte password date duration datetime k8sshortname k8slongname";
    let (kind, format) = (text(&schema["type"]), text(&schema["format"]));
    let plain = format.replace('-', "");
    let known = match kind {
        "" | "string" => KNOWN.split_whitespace().any(|known| known == plain),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if !format.is_empty() && !known {
        found.push(format.to_owned());
    }
    every(schema).for_each(|schema| unknown_formats(schema, found));
}

/// Where a node stands.
#[derive(Clone, Default)]
struct Place {
    root: bool,
    /// Inside of the metadata of an object.
    metadata: bool,
    /// Why there may be no defaults.
    no_defaults: Option<String>,
    /// The first schema on the way whose parts cannot be told apart from what they were before.
    uncorrelated: Option<Path>,
    /// How often the part may be there; `None` where rules are not looked at.
    estimate: Option<Estimate>,
}

struct Walk {
    found: Errors,
    rules: Errors,
    total: rules::Total,
}

impl Walk {
    fn node(&mut self, at: &At<'_>, place: Place) {
        if !at.value.is_object() {
            return;
        }
        let before = self.found.len();
        self.keywords(at, &place);
        self.inside(at, &place);
        self.lists(at);
        for spec in at.get("x-kubernetes-validations").items() {
            self.rule(at, &spec);
        }
        // What is wrong with the schema hides what is wrong with its rules.
        if let Some(estimate) = place.estimate.as_ref().filter(|_| before == self.found.len()) {
            let (root, uncorrelated) = (place.root, place.uncorrelated.as_ref());
            rules::check(at, root, estimate, uncorrelated, &mut self.rules, &mut self.total);
        }
    }

    fn keywords(&mut self, at: &At<'_>, place: &Place) {
        let (kind, errors) = (at.get("type"), &mut self.found);
        kind.optional_one_of(TYPES, errors);
        if let Some(reason) = place.no_defaults.as_ref().filter(|_| at.get("default").is_set()) {
            errors.push(at.get("default").forbidden(&format!("must not be set {reason}")));
        }
        let present = |keyword: &&&str| match **keyword {
            "additionalItems" | "dependencies" | "$ref" => !at.value[**keyword].is_null(),
            keyword => !is_empty(&at.value[keyword]),
        };
        for keyword in UNSUPPORTED.iter().filter(present) {
            errors.push(Error::forbidden(&at.path.child(keyword), &format!("{keyword} is not supported")));
        }
        let (additional, embedded) = (at.get("additionalProperties"), "x-kubernetes-embedded-resource");
        let closed = additional.value.is_object() || *additional.value == false;
        for (wrong, field, why) in [
            (kind.text() == "null", "type", "type cannot be set to null, use nullable as an alternative"),
            (at.value["items"].is_array(), "items", "items must be a schema object and not an array"),
            (place.metadata && at.value[embedded] == true, embedded, "must not be used inside of resource meta"),
            (
                at.value["uniqueItems"] == true,
                "uniqueItems",
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
            ),
            (
                closed && !is_empty(&at.value["properties"]),
                "additionalProperties",
                "additionalProperties and properties are mutual exclusive",
            ),
        ] {
            errors.extend(wrong.then(|| Error::forbidden(&at.path.child(field), why)));
        }
        if at.value["x-kubernetes-preserve-unknown-fields"] == false {
            errors.push(at.get("x-kubernetes-preserve-unknown-fields").invalid("must be true or undefined"));
        }
    }

    fn inside(&mut self, at: &At<'_>, place: &Place) {
        let inner = Place { root: false, ..place.clone() };
        let estimate = place.estimate.as_ref().map(|estimate| estimate.inside(at.value));
        let uncorrelated = |blocked: bool| inner.uncorrelated.clone().or_else(|| blocked.then(|| at.path.clone()));
        let resource = place.root || at.value["x-kubernetes-embedded-resource"] == true;
        for (child, step) in structural::children(at) {
            let mut there = Place { estimate: estimate.clone(), ..inner.clone() };
            match step.strip_prefix("properties[").map(|name| name.trim_end_matches(']')) {
                Some(name) => {
                    there.uncorrelated = uncorrelated(at.value["x-kubernetes-map-type"] == "atomic");
                    if resource && matches!(name, "metadata" | "kind" | "apiVersion") {
                        there.metadata = true;
                        there.no_defaults = place.root.then(|| format!("in top-level {name}")).or(there.no_defaults);
                    }
                }
                None if step == "items" => {
                    there.uncorrelated = uncorrelated(at.value["x-kubernetes-list-type"] != "map");
                }
                None if place.metadata => {
                    there.no_defaults = Some("inside additionalProperties applying to object metadata".to_owned());
                }
                None => {}
            }
            self.node(&child, there);
        }
        let apart = Place { estimate: None, ..inner };
        self.node(&at.get("not"), apart.clone());
        for junctor in ["allOf", "oneOf", "anyOf"] {
            at.get(junctor).items().for_each(|inside| self.node(&inside, apart.clone()));
        }
        at.get("definitions").entries().for_each(|(_, inside)| self.node(&inside, apart.clone()));
    }

    /// The rules of lists and maps, sets and keys.
    fn lists(&mut self, at: &At<'_>) {
        let errors = &mut self.found;
        let (kind, list_type) = (at.get("type"), at.get("x-kubernetes-list-type"));
        for (field, wanted, allowed) in [
            ("x-kubernetes-map-type", "object", &["atomic", "granular"][..]),
            ("x-kubernetes-list-type", "array", &["atomic", "set", "map"]),
        ] {
            let why = format!("must be {wanted} if {field} is specified");
            if at.get(field).is_set() {
                errors.extend((kind.text() != wanted).then(|| refused(&kind, &why)));
                at.get(field).one_of(allowed, errors);
            }
        }
        let (keys, element) = (at.get("x-kubernetes-list-map-keys"), at.get("items"));
        let inner = element.value["type"].as_str().unwrap_or_default();
        let whole = match inner {
            "array" => element.get("x-kubernetes-list-type").is_set().then_some("x-kubernetes-list-type"),
            "object" => Some("x-kubernetes-map-type"),
            _ => None,
        };
        if let Some(field) = whole.filter(|field| element.value[*field] != "atomic")
            && kind.text() == "array"
            && list_type.text() == "set"
        {
            let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
            // Upstream shows the list type for both.
            errors.push(Error::invalid(&element.path.child(field), &element.value["x-kubernetes-list-type"], why));
        }
        if !keys.is_empty() && list_type.text() != "map" {
            errors.push(refused(&list_type, "must be map if x-kubernetes-list-map-keys is non-empty"));
        }
        if matches!(list_type.text(), "set" | "map") && element.value["nullable"] == true {
            let why = format!("cannot be nullable when x-kubernetes-list-type is {}", list_type.text());
            errors.push(element.get("nullable").forbidden(&why));
        }
        if list_type.text() == "map" {
            keyed(&keys, &element, errors);
        }
    }

    /// The fields of a rule that are no expressions.
    fn rule(&mut self, at: &At<'_>, spec: &At<'_>) {
        let errors = &mut self.found;
        let (rule, message, path) = (spec.get("rule"), spec.get("message"), spec.get("fieldPath"));
        let blank = |field: &At<'_>| !field.is_empty() && field.text().trim().is_empty();
        let broken = |text: &str| text.contains(['\n', '\r']);
        let said = message.text().trim();
        if rule.text().trim().is_empty() {
            errors.push(rule.missing("rule is not specified"));
        } else if blank(&message) {
            errors.push(message.invalid("must be non-empty if specified"));
        } else if broken(said) {
            errors.push(message.invalid("must not contain line breaks"));
        } else if broken(rule.text().trim()) && said.is_empty() {
            errors.push(message.missing("message must be specified if rule contains line breaks"));
        }
        if blank(&spec.get("messageExpression")) {
            errors.push(spec.get("messageExpression").missing("messageExpression must be non-empty if specified"));
        }
        if spec.get("reason").is_set() {
            spec.get("reason").one_of(REASONS, errors);
        }
        for (wrong, why) in [
            (blank(&path), "must be non-empty if specified"),
            (broken(path.text()), "must not contain line breaks"),
            (rules::follow(at.value, path.text(), true).is_err(), "must be a valid path"),
        ] {
            errors.extend((wrong && !path.is_empty()).then(|| path.invalid(why)));
        }
    }
}

/// The rules of the keys that tell the items of a list apart.
fn keyed(keys: &At<'_>, element: &At<'_>, errors: &mut Errors) {
    if keys.is_empty() {
        errors.push(keys.missing("must not be empty if x-kubernetes-list-type is map"));
    }
    if !element.is_set() {
        return errors.push(element.missing("must have a schema if x-kubernetes-list-type is map"));
    }
    if element.value["type"] != "object" {
        let (path, kind) = (element.path.child("type"), json!(text(&element.value["type"])));
        return errors.push(Error::invalid(
            &path,
            &kind,
            "must be object if parent array's x-kubernetes-list-type is map",
        ));
    }
    for (index, key) in texts(keys.value).enumerate() {
        let property = At { path: element.path.child("properties").key(key), value: &element.value["properties"][key] };
        if !property.is_set() {
            errors.push(keys.invalid("entries must all be names of item properties"));
        } else if matches!(property.get("type").text(), "array" | "object") {
            let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            errors.push(Error::invalid(&property.path.child("type"), &element.value["type"], why));
        }
        if texts(keys.value).take(index).any(|before| before == key) {
            errors.push(keys.invalid("must not contain duplicate entries"));
        }
        if !property.is_set() {
            continue;
        }
        let needed = items(&element.value["required"]).iter().any(|name| name == key);
        if !needed && !property.get("default").is_set() {
            let why =
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.push(property.get("default").missing(why));
        }
        if property.value["nullable"] == true {
            let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(property.get("nullable").forbidden(why));
        }
    }
}

/// `Required` when nothing is given, else `Invalid`.
pub(super) fn refused(at: &At<'_>, why: &str) -> Error {
    let empty: &Value = at.value;
    if is_empty(empty) { at.missing(why) } else { at.invalid(why) }
}
