//! What makes a schema structural, and what else a definition's schema must keep to.

use super::validate::{Patterns, patterns, validate};
use super::walk::{Part, inner};
use crate::kinds::walk::{At, entries, is_empty, items, text, texts};
use cluster_object::decode::prune;
use cluster_object::field::{Error, Errors};

/// Keywords of JSON Schema that definitions may not use.
const UNSUPPORTED: &[&str] = &["additionalItems", "definitions", "dependencies", "id", "patternProperties", "$ref"];
/// Keywords that may not stand inside of `allOf`, `anyOf`, `oneOf` and `not`, and what they must be there.
const OUTSIDE_ONLY: &[(&str, &str)] = &[
    ("additionalProperties", "undefined"),
    ("default", "undefined"),
    ("description", "empty"),
    ("nullable", "false"),
    ("title", "empty"),
    ("type", "empty"),
    ("x-kubernetes-embedded-resource", "false"),
    ("x-kubernetes-int-or-string", "false"),
    ("x-kubernetes-list-map-keys", "empty"),
    ("x-kubernetes-list-type", "undefined"),
    ("x-kubernetes-map-type", "undefined"),
    ("x-kubernetes-preserve-unknown-fields", "false"),
];

/// Where in the schema a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Field,
    Item,
}

/// The faults of a whole schema.
pub(super) fn check(at: &At<'_>) -> Errors {
    let mut errors = Errors::new();
    if at.get("type").text() != "object" && !at.get("type").is_empty() {
        errors.push(at.get("type").invalid("must be object at the root"));
    }
    metadata(at, &mut errors);
    node(at, Place::Root, &mut errors);
    if errors.is_empty() {
        let mut compiled = Patterns::new();
        patterns(at.value, &mut compiled);
        defaults(at, &compiled, &mut errors);
    }
    errors
}

/// The schemas inside of a node, with the paths that errors name.
pub(super) fn children<'a>(at: &At<'a>) -> Vec<(At<'a>, bool)> {
    let path = |step: &str| match step.strip_prefix("properties[") {
        Some(name) => at.path.child("properties").key(name.trim_end_matches(']')),
        None => at.path.child(step),
    };
    inner(at.value).map(|(step, value)| (At { path: path(&step), value }, step == "items")).collect()
}

fn node(at: &At<'_>, place: Place, errors: &mut Errors) {
    let int_or_string = at.value["x-kubernetes-int-or-string"] == true;
    let preserve = at.value["x-kubernetes-preserve-unknown-fields"] == true;
    let kind = at.get("type");
    if kind.is_empty() && !int_or_string && !(preserve && place != Place::Root) {
        errors.push(kind.missing(match place {
            Place::Root => "must not be empty at the root",
            Place::Field => "must not be empty for specified object fields",
            Place::Item => "must not be empty for specified array items",
        }));
    }
    if !kind.is_empty() {
        if int_or_string {
            errors.push(kind.invalid("must be empty if x-kubernetes-int-or-string is true"));
        }
        kind.one_of(&["array", "boolean", "integer", "number", "object", "string"], errors);
    }
    keywords(at, errors);
    extensions(at, preserve, errors);
    for (inner, item) in children(at) {
        node(&inner, if item { Place::Item } else { Place::Field }, errors);
    }
    for junctor in ["allOf", "anyOf", "oneOf"] {
        for (index, value) in items(&at.value[junctor]).iter().enumerate() {
            let inside = At { path: at.path.child(junctor).index(index), value };
            junction(&inside, at, int_or_string, errors);
        }
    }
    if at.get("not").is_set() {
        junction(&at.get("not"), at, false, errors);
    }
}

fn keywords(at: &At<'_>, errors: &mut Errors) {
    for keyword in UNSUPPORTED.iter().filter(|keyword| !is_empty(&at.value[**keyword])) {
        errors.push(Error::forbidden(&at.path.child(keyword), &format!("{keyword} is not supported")));
    }
    if at.value["uniqueItems"] == true {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(at.get("uniqueItems").forbidden(why));
    }
    if at.value["items"].is_array() {
        errors.push(at.get("items").forbidden("items must be a schema object and not an array"));
    }
    if at.get("type").text() == "array" && !at.get("items").is_set() {
        errors.push(at.get("items").missing("must be specified"));
    }
    let additional = &at.value["additionalProperties"];
    if (additional.is_object() || *additional == false) && !is_empty(&at.value["properties"]) {
        let why = "additionalProperties and properties are mutual exclusive";
        errors.push(at.get("additionalProperties").forbidden(why));
    }
    let pattern = at.get("pattern");
    if let Err(why) = regex::Regex::new(pattern.text()) {
        errors.push(pattern.invalid(&format!("must be a valid regular expression, but isn't: {why}")));
    }
}

/// The rules of `x-kubernetes-*`.
fn extensions(at: &At<'_>, preserve: bool, errors: &mut Errors) {
    let of = |name: &str| at.get(name);
    let kind = at.get("type").text();
    if at.value["x-kubernetes-preserve-unknown-fields"] == false {
        errors.push(of("x-kubernetes-preserve-unknown-fields").invalid("must be true or undefined"));
    }
    if at.value["x-kubernetes-embedded-resource"] == true {
        if kind != "object" {
            errors.push(of("type").invalid("must be object if x-kubernetes-embedded-resource is true"));
        }
        if is_empty(&at.value["properties"]) && !preserve {
            let why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            errors.push(of("properties").missing(why));
        }
    }
    let (list_type, keys) = (of("x-kubernetes-list-type"), of("x-kubernetes-list-map-keys"));
    list_type.optional_one_of(&["atomic", "map", "set"], errors);
    of("x-kubernetes-map-type").optional_one_of(&["atomic", "granular"], errors);
    if !list_type.is_empty() && kind != "array" {
        errors.push(of("type").invalid("must be array if x-kubernetes-list-type is specified"));
    }
    let element = &at.value["items"];
    match list_type.text() {
        "map" => {
            if keys.is_empty() {
                errors.push(keys.missing("must not be empty if x-kubernetes-list-type is map"));
            }
            if element["type"] != "object" {
                errors.push(of("items.type").invalid("must be object if parent array's x-kubernetes-list-type is map"));
            }
            for key in keys.items() {
                let property = &element["properties"][key.text()];
                if property.is_null() {
                    errors.push(key.invalid("entries must all be names of item properties"));
                } else if matches!(text(&property["type"]), "array" | "object") {
                    errors.push(key.invalid("must be a scalar type if parent array's x-kubernetes-list-type is map"));
                } else if property.get("default").is_none()
                    && !texts(&element["required"]).any(|name| name == key.text())
                {
                    let path = of("items.properties").path.key(key.text()).child("default");
                    let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a \
                               required property";
                    errors.push(Error::required(&path, why));
                }
            }
        }
        _ if !keys.is_empty() => {
            errors.push(list_type.invalid("must be map if x-kubernetes-list-map-keys is non-empty"));
        }
        "set" if element["type"] == "object" && element["x-kubernetes-map-type"] != "atomic" => {
            let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
            errors.push(of("items.x-kubernetes-map-type").invalid(why));
        }
        "set" if element["type"] == "array" && !matches!(text(&element["x-kubernetes-list-type"]), "" | "atomic") => {
            let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
            errors.push(of("items.x-kubernetes-list-type").invalid(why));
        }
        _ => {}
    }
}

/// A schema inside of `allOf` and its like restricts values only; their shape stands outside of it.
fn junction(at: &At<'_>, outside: &At<'_>, int_or_string: bool, errors: &mut Errors) {
    for (keyword, what) in OUTSIDE_ONLY {
        let field = At { path: at.path.child(keyword), value: &at.value[*keyword] };
        let alternative = *keyword == "type" && int_or_string && matches!(field.text(), "integer" | "string");
        let restates = *keyword == "additionalProperties" && field.value.is_object();
        if !is_empty(field.value) && !alternative && !restates {
            errors.push(field.forbidden(&format!("must be {what} to be structural")));
        }
    }
    if !at.get("x-kubernetes-validations").is_empty() {
        errors.push(at.get("x-kubernetes-validations").forbidden("must be empty to be structural"));
    }
    for (inside, _) in children(at) {
        let there = children(outside).into_iter().find(|(child, _)| {
            child.path.to_string().strip_prefix(&outside.path.to_string())
                == inside.path.to_string().strip_prefix(&at.path.to_string())
        });
        match there {
            Some((child, _)) => junction(&inside, &child, false, errors),
            None => {
                let tail = inside.path.to_string().strip_prefix(&at.path.to_string()).unwrap_or_default().to_owned();
                let path = outside.path.child(tail.trim_start_matches('.'));
                errors.push(Error::required(&path, &format!("because it is defined in {}", inside.path)));
            }
        }
    }
    for junctor in ["allOf", "anyOf", "oneOf"] {
        for (index, value) in items(&at.value[junctor]).iter().enumerate() {
            junction(&At { path: at.path.child(junctor).index(index), value }, outside, false, errors);
        }
    }
}

/// The root's metadata is every object's; only its name may be restricted.
fn metadata(at: &At<'_>, errors: &mut Errors) {
    let metadata = &at.value["properties"]["metadata"];
    let known = |name: &str| matches!(name, "type" | "description" | "properties");
    let named = entries(&metadata["properties"]).all(|(name, _)| matches!(name.as_str(), "name" | "generateName"));
    if !named || entries(metadata).any(|(name, value)| !known(name) && !is_empty(value)) {
        let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(Error::forbidden(&at.path.child("properties").key("metadata"), why));
    }
}

/// A default must be pruned and fit its own schema.
fn defaults(at: &At<'_>, patterns: &Patterns, errors: &mut Errors) {
    if let Some(default) = at.value.get("default") {
        let path = at.path.child("default");
        let mut pruned = default.clone();
        prune(&mut pruned, &cluster_schema::from_openapi(at.value));
        if pruned != *default && !default.is_null() {
            errors.push(Error::invalid(&path, default, "must be pruned"));
        }
        errors.extend(validate(&Part { path, ..Part::root(at.value, default, None) }, patterns));
    }
    for (inner, _) in children(at) {
        defaults(&inner, patterns, errors);
    }
}
