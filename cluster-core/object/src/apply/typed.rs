//! Values seen through their schema: which fields have owners of their own, and how such values compare and merge.

use super::field_set::{FieldSet, key_element, value_element};
use cluster_schema::{Field, ListKind, Schema, Shape};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The schema of what no schema tells: objects are owned field by field, lists as a whole.
static ANY: LazyLock<Schema> = LazyLock::new(Schema::default);

/// A part of a value with owners of its own.
struct Child<'a> {
    element: String,
    value: &'a Value,
    schema: &'a Schema,
    /// The schema names the field; other parts are in a field set even when they have parts themselves.
    named: bool,
}

/// The parts of a value; `None` for a value with one owner.
fn children<'a>(value: &'a Value, schema: &'a Schema) -> Option<Vec<Child<'a>>> {
    children_unlike(&Value::Null, value, schema)
}

/// The same without fields that `other` has as well: of most objects that is most, and naming a field costs memory.
fn children_unlike<'a>(other: &Value, value: &'a Value, schema: &'a Schema) -> Option<Vec<Child<'a>>> {
    let resolved = schema.resolve();
    match value {
        Value::Object(fields) if granular(resolved) => {
            let unlike = fields.iter().filter(|(name, value)| other.get(name) != Some(value));
            Some(unlike.map(|(name, value)| field(resolved, name, value)).collect())
        }
        Value::Array(items) => {
            let schema = resolved.items()?;
            let kind = resolved.list_kind().filter(|kind| **kind != ListKind::Atomic)?;
            let child = |value| Child { element: item_element(value, kind), value, schema, named: false };
            Some(items.iter().map(child).collect())
        }
        _ => None,
    }
}

fn granular(schema: &Schema) -> bool {
    match &schema.shape {
        Shape::Object(object) => !object.atomic,
        Shape::Map(map) => !map.atomic,
        Shape::Any => true,
        _ => false,
    }
}

fn field<'a>(schema: &'a Schema, name: &str, value: &'a Value) -> Child<'a> {
    let known = schema.field(name).map(|field| &field.schema);
    let inner = known.or_else(|| schema.values()).unwrap_or(&ANY);
    Child { element: format!("f:{name}"), value, schema: inner, named: known.is_some() }
}

fn item_element(item: &Value, kind: &ListKind) -> String {
    match (kind, item) {
        (ListKind::Map(keys), Value::Object(fields)) => key_element(keys.iter().filter_map(|key| {
            let value = fields.get(&*key.name).or(key.default.as_ref())?;
            Some((key.name.to_string(), value.clone()))
        })),
        _ => value_element(item),
    }
}

/// The sections that every Go object of a built-in kind has, given or not: nobody comes to own them by filling them in.
const SECTIONS: &str = "daemonEndpoints devices involvedObject jobTemplate kubeletEndpoint loadBalancer metadata \
    names nodeInfo podSelector pool priorityLevelConfiguration resources roleRef scaleTargetRef source spec strategy \
    template updateStrategy";

fn is_section(path: &[String]) -> bool {
    let named = |name: &str| name == "status" || SECTIONS.split(' ').any(|section| section == name);
    let is = |element: &String| element.strip_prefix("f:").is_some_and(named);
    match path.split_last() {
        Some((last, before)) => before.iter().all(is) && (is(last) || last == "f:containers"),
        None => true,
    }
}

/// Whether the kind is a Go type: a definition of one refers to others.
fn has_sections(schema: &Schema) -> bool {
    let refers = |field: &Field| &*field.name != "metadata" && matches!(field.schema.shape, Shape::Reference(_));
    schema.resolve().object().is_some_and(|object| object.fields.iter().any(refers))
}

/// All fields that a value sets.
pub(super) fn field_set(value: &Value, schema: &Schema) -> FieldSet {
    let mut set = FieldSet::default();
    match children(value, schema) {
        None => set.member = true,
        Some(parts) if parts.is_empty() => set.member = value.is_object(),
        Some(parts) => {
            for part in parts {
                let mut below = field_set(part.value, part.schema);
                below.member |= !part.named;
                set.children.insert(part.element, below);
            }
        }
    }
    set
}

/// What changed from one value to another.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
    sections: bool,
}

/// Compares two objects of one schema.
pub(super) fn compare(old: &Value, new: &Value, schema: &Schema) -> Changes {
    let mut changes = Changes { sections: has_sections(schema), ..Changes::default() };
    both(old, new, schema, &mut Vec::new(), &mut changes);
    changes
}

fn both(old: &Value, new: &Value, schema: &Schema, path: &mut Vec<String>, changes: &mut Changes) {
    if old == new {
        return;
    }
    let parts = (children_unlike(new, old, schema), children_unlike(old, new, schema));
    let (Some(old), Some(new), true) = (parts.0, parts.1, old.is_object() == new.is_object()) else {
        return changes.modified.insert(path);
    };
    // Items whose keys come twice are compared together.
    let mut pairs: BTreeMap<String, (Vec<Child<'_>>, Vec<Child<'_>>)> = BTreeMap::new();
    for child in old {
        pairs.entry(child.element.clone()).or_default().0.push(child);
    }
    for child in new {
        pairs.entry(child.element.clone()).or_default().1.push(child);
    }
    for (element, (old, new)) in pairs {
        path.push(element);
        match (old.as_slice(), new.as_slice()) {
            ([old], [new]) => both(old.value, new.value, old.schema, path, changes),
            ([], new) => new.iter().for_each(|child| one(child, path, changes.sections, &mut changes.added)),
            (old, []) => old.iter().for_each(|child| one(child, path, changes.sections, &mut changes.removed)),
            (old, new) if old.iter().map(|c| c.value).ne(new.iter().map(|c| c.value)) => changes.modified.insert(path),
            _ => {}
        }
        path.pop();
    }
}

/// A value that stands on one side only, with all its parts.
fn one(child: &Child<'_>, path: &mut Vec<String>, sections: bool, set: &mut FieldSet) {
    let parts = children(child.value, child.schema);
    if !(sections && is_section(path)) || parts.is_none() {
        set.insert(path);
    }
    for part in parts.into_iter().flatten() {
        path.push(part.element.clone());
        one(&part, path, sections, set);
        path.pop();
    }
}

/// Lays `config` over `live`: fields and keyed items merge, everything else is replaced.
pub fn merge(live: &mut Value, config: &Value, schema: &Schema) {
    let resolved = schema.resolve();
    match (&mut *live, config) {
        (Value::Object(live), Value::Object(fields)) if granular(resolved) => {
            for (name, value) in fields {
                let inner = field(resolved, name, value).schema;
                match live.get_mut(name) {
                    Some(live) => merge(live, value, inner),
                    None => {
                        live.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(items)) => match (resolved.list_kind(), resolved.items()) {
            (Some(kind), Some(inner)) if *kind != ListKind::Atomic => {
                *live = merge_items(std::mem::take(live), items, kind, inner);
            }
            _ => live.clone_from(items),
        },
        (live, config) => *live = config.clone(),
    }
}

/// The items of `config` in its order, each merged with its live one; items that only live has keep their places.
fn merge_items(live: Vec<Value>, config: &[Value], kind: &ListKind, schema: &Schema) -> Vec<Value> {
    let keys: Vec<String> = config.iter().map(|item| item_element(item, kind)).collect();
    let mut shared: Map<String, Value> = Map::new();
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let mut next = config.iter().zip(&keys).peekable();
    let mut order = Vec::new();
    for item in live {
        let element = item_element(&item, kind);
        if keys.contains(&element) {
            shared.insert(element, item);
            order.push(None);
        } else {
            order.push(Some(item));
        }
    }
    let mut take = |config: &Value, key: &String| match shared.remove(key) {
        Some(mut live) => {
            merge(&mut live, config, schema);
            live
        }
        None => config.clone(),
    };
    for place in order {
        match (place, next.peek()) {
            (Some(item), _) => merged.push(item),
            (None, Some(_)) => merged.extend(next.next().map(|(config, key)| take(config, key))),
            (None, None) => {}
        }
    }
    merged.extend(next.map(|(config, key)| take(config, key)));
    merged
}

/// Takes out of `value` what `last` held and no one in `owned` holds.
pub(super) fn prune(value: &mut Value, schema: &Schema, last: &FieldSet, owned: &FieldSet) {
    let nobody = FieldSet::default();
    let holds = |element: &str, set: &FieldSet| set.member || (element.starts_with("f:") && !set.is_empty());
    for (element, lost) in &last.children {
        let kept = owned.children.get(element).unwrap_or(&nobody);
        if holds(element, lost) && !holds(element, kept) {
            remove(value, schema, element);
        } else if let Some((child, inner)) = child_mut(value, schema, element) {
            prune(child, inner, &without_keys(lost, element), kept);
        }
    }
}

/// The fields that tell a list's items apart stay as long as their item does.
fn without_keys(set: &FieldSet, element: &str) -> FieldSet {
    let mut set = set.clone();
    let keys: Map<String, Value> =
        element.strip_prefix("k:").and_then(|keys| serde_json::from_str(keys).ok()).unwrap_or_default();
    set.children.retain(|child, _| child.strip_prefix("f:").is_none_or(|name| !keys.contains_key(name)));
    set
}

fn child_mut<'a>(value: &'a mut Value, schema: &'a Schema, element: &str) -> Option<(&'a mut Value, &'a Schema)> {
    let resolved = schema.resolve();
    match value {
        Value::Object(fields) if granular(resolved) => {
            let name = element.strip_prefix("f:")?;
            let inner = field(resolved, name, &Value::Null).schema;
            Some((fields.get_mut(name)?, inner))
        }
        Value::Array(items) => {
            let kind = resolved.list_kind()?;
            let item = items.iter_mut().find(|item| item_element(item, kind) == element)?;
            Some((item, resolved.items()?))
        }
        _ => None,
    }
}

fn remove(value: &mut Value, schema: &Schema, element: &str) {
    match (value, element.strip_prefix("f:")) {
        (Value::Object(fields), Some(name)) => {
            fields.remove(name);
        }
        (Value::Array(items), _) => {
            if let Some(kind) = schema.list_kind() {
                items.retain(|item| item_element(item, kind) != element);
            }
        }
        _ => {}
    }
}
