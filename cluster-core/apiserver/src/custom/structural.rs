//! What makes a schema structural, and what its defaults must keep to.

use super::validate::{Patterns, nowhere, patterns, validate};
use super::walk::{Part, every, inner};
use super::{rules, schema::refused};
use crate::kinds::prelude::*;
use cluster_object::decode::prune;

/// Keywords that a structural schema cannot express at all (`unreadable`), those that may not stand inside of `allOf`,
/// `anyOf`, `oneOf` and `not`, with what they must be there (`outsideOnly`), and what Go says of `regularExpressions` that
/// this library refuses.
static WORDS: LazyLock<HashMap<&str, Vec<(&str, &str)>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("words.json")).expect("a table of words, which tests read"));

/// Where in the schema a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Field,
    Item,
}

/// Why a schema cannot be read as a structural one.
pub(super) fn unreadable(schema: &Value) -> Option<String> {
    if let Some((_, shown)) = WORDS["unreadable"].iter().find(|(keyword, _)| !is_empty(&schema[*keyword])) {
        return Some(format!("OpenAPIV3Schema '{shown}' is not supported"));
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == false {
        return Some("internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined".to_owned());
    }
    if schema["items"].is_array() {
        return Some("OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned());
    }
    every(schema).find_map(unreadable)
}

/// Where a schema, which can be read, is not structural.
pub(super) fn check(at: &At<'_>) -> Errors {
    let mut errors = Errors::new();
    node(at, Place::Root, &mut errors);
    junctions(at, |inside| complete(inside, at, &mut errors));
    errors.sort_by_key(ToString::to_string);
    errors
}

/// The schemas inside of a node with the steps to them.
pub(super) fn children<'a>(at: &At<'a>) -> Vec<(At<'a>, String)> {
    let path = |step: &str| match step.strip_prefix("properties[") {
        Some(name) => at.path.child("properties").key(name.strip_suffix(']').unwrap_or(name)),
        None => at.path.child(step),
    };
    inner(at.value).map(|(step, value)| (At { path: path(&step), value }, step)).collect()
}

/// Visits the schemas of `allOf` and its like.
fn junctions<'a>(at: &At<'a>, mut visit: impl FnMut(&At<'a>)) {
    for junctor in ["allOf", "anyOf", "oneOf"] {
        at.get(junctor).items().for_each(|inside| visit(&inside));
    }
    if at.get("not").is_set() {
        visit(&at.get("not"));
    }
}

fn node(at: &At<'_>, place: Place, errors: &mut Errors) {
    let is = |keyword: &str| at.value[format!("x-kubernetes-{keyword}")] == true;
    let (int_or_string, preserve, embedded) =
        (is("int-or-string"), is("preserve-unknown-fields"), is("embedded-resource"));
    let (kind, additional) = (at.get("type"), at.get("additionalProperties"));
    if kind.text() == "array" && !at.get("items").is_set() {
        errors.push(at.get("items").missing("must be specified"));
    }
    for (child, step) in children(at) {
        node(&child, if step == "items" { Place::Item } else { Place::Field }, errors);
    }
    if additional.is_set() && place == Place::Root {
        errors.push(additional.forbidden("must not be used at the root"));
    }
    if additional.is_set() && embedded {
        errors.push(additional.forbidden("must not be used if x-kubernetes-embedded-resource is set"));
    }
    for (keyword, set) in [("preserve-unknown-fields", preserve), ("embedded-resource", embedded)] {
        let field = at.get(&format!("x-kubernetes-{keyword}"));
        errors.extend(
            (set && int_or_string).then(|| field.invalid("must be false if x-kubernetes-int-or-string is true")),
        );
    }
    values(at, errors);
    if embedded && kind.text() != "object" {
        errors.push(refused(&kind, "must be object if x-kubernetes-embedded-resource is true"));
    } else if kind.is_empty() && !int_or_string && !preserve {
        errors.push(kind.missing(match place {
            Place::Root => "must not be empty at the root",
            Place::Field => "must not be empty for specified object fields",
            Place::Item => "must not be empty for specified array items",
        }));
    }
    if place == Place::Root && !matches!(kind.text(), "" | "object") {
        errors.push(kind.invalid("must be object at the root"));
    }
    if embedded && !preserve && is_empty(&at.value["properties"]) {
        let why =
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(at.get("properties").missing(why));
    }
    if place == Place::Root || embedded {
        for (name, wanted) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
            let property = property(at, name);
            let found = json!(property.get("type").text());
            if property.is_set() && found != wanted {
                errors.push(Error::invalid(&property.path.child("type"), &found, &format!("must be {wanted}")));
            }
        }
    }
    let metadata = property(at, "metadata");
    let known = |name: &str| matches!(name, "type" | "default" | "properties");
    let mut named = entries(&metadata.value["properties"]).map(|(name, _)| name.as_str());
    if place == Place::Root
        && (!named.all(|name| matches!(name, "name" | "generateName"))
            || entries(metadata.value).any(|(name, value)| !known(name) && !is_empty(value)))
    {
        let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(metadata.forbidden(why));
    }
}

fn property<'a>(at: &At<'a>, name: &str) -> At<'a> {
    At { path: at.path.child("properties").key(name), value: &at.value["properties"][name] }
}

/// What a schema says of values, `allOf` and its like included.
fn values(at: &At<'_>, errors: &mut Errors) {
    let either = json!([{"type": "integer"}, {"type": "string"}]);
    junctions(at, |inside| {
        let place = inside.path.to_string();
        let place = place.strip_prefix(&at.path.to_string()).unwrap_or_default();
        // Those two alternatives are how clients write `x-kubernetes-int-or-string`.
        if place.starts_with(".anyOf") && at.value["anyOf"] == either {
            return;
        }
        let first = place == ".allOf[0]" && inside.value["anyOf"] == either;
        junction(inside, first, errors);
    });
    let pattern = at.get("pattern");
    if let Err(why) = cluster_cel::regex(pattern.text()) {
        let why = go_words(pattern.text(), &why.to_string());
        errors.push(pattern.invalid(&format!("must be a valid regular expression, but isn't: {why}")));
    }
}

/// What Go says of a regular expression that this library refuses with `why`, which underlines the wrong part.
fn go_words(pattern: &str, why: &str) -> String {
    let reason = why.rsplit("error: ").next().unwrap_or_default();
    let Some((ours, go)) = WORDS["regularExpressions"].iter().find(|(ours, _)| reason.starts_with(ours)) else {
        return why.to_owned();
    };
    let marks = why.lines().find(|line| line.trim_start().starts_with('^')).unwrap_or_default();
    let start = marks.find('^').unwrap_or(4).saturating_sub(4);
    let marked = pattern.chars().skip(start);
    let shown: String = match *ours {
        "unclosed character class" => marked.collect(),
        "unclosed group" | "unopened group" => pattern.to_owned(),
        "incomplete escape sequence" => String::new(),
        _ => marked.take(marks.matches('^').count()).collect(),
    };
    format!("error parsing regexp: {go}: `{shown}`")
}

/// A schema inside of `allOf` and its like restricts values only; their shape stands outside of it.
fn junction(at: &At<'_>, either: bool, errors: &mut Errors) {
    if either {
        let apart = At { path: at.path.clone(), value: &without_any_of(at.value) };
        return junction(&apart, false, errors);
    }
    values(at, errors);
    for (child, step) in children(at) {
        if step != "additionalProperties" {
            junction(&child, false, errors);
        }
    }
    for (keyword, what) in &WORDS["outsideOnly"] {
        let field = At { path: at.path.child(keyword), value: &at.value[*keyword] };
        if if *what == "undefined" { field.is_set() } else { !field.is_empty() } {
            errors.push(field.forbidden(&format!("must be {what} to be structural")));
        }
    }
    let additional = at.get("additionalProperties");
    if additional.is_set() && *additional.value != false {
        errors.push(additional.forbidden("must be undefined to be structural"));
    }
    if property(at, "metadata").is_set() {
        errors.push(property(at, "metadata").forbidden("must not be specified in a nested context"));
    }
}

fn without_any_of(schema: &Value) -> Value {
    entries(schema).filter(|(name, _)| *name != "anyOf").map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Demands that all that a junction speaks of is described outside of it.
fn complete(at: &At<'_>, outside: &At<'_>, errors: &mut Errors) {
    for (inside, step) in children(at) {
        let there = children(outside).into_iter().find(|(_, known)| *known == step);
        match (there, step.strip_prefix("properties[")) {
            (Some((child, _)), _) if step != "additionalProperties" => complete(&inside, &child, errors),
            (None, name) if step != "additionalProperties" => {
                let name = name.and_then(|name| name.strip_suffix(']'));
                let path = name.map_or_else(|| outside.path.child(&step), |name| property(outside, name).path);
                errors.push(Error::required(&path, &format!("because it is defined in {}", inside.path)));
            }
            _ => {}
        }
    }
    junctions(at, |inside| complete(inside, outside, errors));
}

/// What is wrong with the defaults: they must be pruned and fit their own schemas.
pub(super) fn defaults(at: &At<'_>) -> Errors {
    let (mut errors, mut compiled) = (Errors::new(), Patterns::new());
    patterns(at.value, &mut compiled);
    default(at, true, false, &compiled, &mut errors);
    errors
}

fn default(at: &At<'_>, root: bool, metadata: bool, patterns: &Patterns, errors: &mut Errors) {
    let embedded = root || at.value["x-kubernetes-embedded-resource"] == true;
    if let Some(default) = at.value.get("default").filter(|default| !default.is_null()) {
        let path = at.path.child("default");
        let mut pruned = default.clone();
        prune(&mut pruned, &cluster_schema::from_openapi(at.value));
        if pruned != *default && !metadata {
            errors.push(Error::invalid(&path, default, "must not have unknown fields"));
        }
        let missing = |field: &&str| embedded && default.is_object() && default.get(*field).is_none();
        let lacks = ["apiVersion", "kind"].into_iter().filter(missing);
        let mut faults: Errors = lacks.map(|field| Error::required(&Path::new(field), "")).collect();
        if faults.is_empty() {
            faults = validate(&Part::root(at.value, default, None), patterns);
        }
        if let Some(rules) = rules::compile(at.value, root).filter(|_| faults.is_empty()) {
            faults = rules::evaluate(&rules, &Part::root(at.value, default, Some(default))).0;
            if faults.is_empty() {
                faults = rules::evaluate(&rules, &Part::root(at.value, default, None)).0;
            }
        }
        errors.extend(faults.into_iter().map(|fault| Error { path: below(&path, &fault.path), ..fault }));
    }
    for (child, step) in children(at).into_iter().filter(|(_, step)| step != "additionalProperties") {
        let own = matches!(text(&json!(step)), "properties[metadata]" | "properties[apiVersion]" | "properties[kind]");
        default(&child, false, (metadata && !embedded) || (embedded && own), patterns, errors);
    }
}

/// The path of a fault that was found in a value that stands at `place`.
fn below(place: &Path, fault: &Path) -> Path {
    let shown = fault.to_string();
    match shown.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        _ if *fault == nowhere() || shown.is_empty() => place.clone(),
        Some((index, "")) => place.key(index),
        Some((index, rest)) => below(&place.key(index), &Path::new(rest.trim_start_matches('.'))),
        None => place.child(&shown),
    }
}
