//! Values seen through their schema: which fields have owners of their own, and how such values compare and merge.

use super::field_set::{FieldSet, is_member, key_element, node, unite_nodes, value_element};
use cluster_schema::{Field, ListKind, Schema, Shape};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
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

pub(super) fn granular(schema: &Schema) -> bool {
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
    Child { element: ["f:", name].concat(), value, schema: inner, named: known.is_some() }
}

pub(super) fn item_element(item: &Value, kind: &ListKind) -> String {
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

fn is_section(element: &str) -> bool {
    let named = |name: &str| name == "status" || SECTIONS.split(' ').any(|section| section == name);
    element.strip_prefix("f:").is_some_and(named)
}

/// Whether the kind is a Go type: a definition of one refers to others.
fn has_sections(schema: &Schema) -> bool {
    let refers = |field: &Field| &*field.name != "metadata" && matches!(field.schema.shape, Shape::Reference(_));
    schema.resolve().object().is_some_and(|object| object.fields.iter().any(refers))
}

/// All fields that a value sets.
pub(super) fn field_set(value: &Value, schema: &Schema) -> FieldSet {
    FieldSet::stored(set_below(value, schema, false).unwrap_or_default())
}

/// What a value sets, below an element that may be in the set whatever is below it.
fn set_below(value: &Value, schema: &Schema, member: bool) -> Option<Value> {
    let Some(parts) = children(value, schema) else { return node(true, Map::new()) };
    let empty = parts.is_empty() && value.is_object();
    let below = parts.into_iter().filter_map(|part| {
        let below = set_below(part.value, part.schema, !part.named)?;
        Some((part.element, below))
    });
    node(member || empty, below.collect())
}

/// What changed from one value to another.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) removed: FieldSet,
    /// What is another now, and what is new.
    pub(super) written: FieldSet,
}

/// Compares two objects of one schema.
pub(super) fn compare(old: &Value, new: &Value, schema: &Schema) -> Changes {
    let (removed, written) = both(old, new, schema, has_sections(schema));
    Changes {
        removed: FieldSet::stored(removed.unwrap_or_default()),
        written: FieldSet::stored(written.unwrap_or_default()),
    }
}

/// What was removed and written below a value; `sections` when it is a section itself.
fn both(old: &Value, new: &Value, schema: &Schema, sections: bool) -> (Option<Value>, Option<Value>) {
    if old == new {
        return (None, None);
    }
    let parts = (children_unlike(new, old, schema), children_unlike(old, new, schema));
    let (old, new) = match (parts.0, parts.1, old.is_object() == new.is_object()) {
        (Some(old), Some(new), true) => (old, new),
        // With an object that becomes something else its parts go.
        (old, ..) => return (node(false, whole(old.unwrap_or_default(), false)), node(true, Map::new())),
    };
    // Items whose keys come twice are compared together.
    let mut pairs: BTreeMap<String, (Vec<Child<'_>>, Vec<Child<'_>>)> = BTreeMap::new();
    for mut child in old {
        pairs.entry(std::mem::take(&mut child.element)).or_default().0.push(child);
    }
    for mut child in new {
        pairs.entry(std::mem::take(&mut child.element)).or_default().1.push(child);
    }
    let (mut removed, mut written) = (Map::new(), Map::new());
    for (element, (old, new)) in pairs {
        let all =
            |children: &[Child<'_>]| children.iter().filter_map(|child| one(child, &element, sections)).reduce(united);
        let below = match (old.as_slice(), new.as_slice()) {
            ([old], [new]) => both(old.value, new.value, old.schema, sections && is_section(&element)),
            ([], new) => (None, all(new)),
            (old, []) => (all(old), None),
            (old, new) if old.iter().map(|c| c.value).ne(new.iter().map(|c| c.value)) => (None, node(true, Map::new())),
            _ => continue,
        };
        removed.extend(below.0.map(|below| (element.clone(), below)));
        written.extend(below.1.map(|below| (element, below)));
    }
    (node(false, removed), node(false, written))
}

/// A value that stands on one side only, with all its parts, as `element` of a section or of something else.
fn one(child: &Child<'_>, element: &str, in_section: bool) -> Option<Value> {
    let Some(parts) = children(child.value, child.schema) else { return node(true, Map::new()) };
    let section = in_section && is_section(element);
    node(!(section || (in_section && element == "f:containers")), whole(parts, section))
}

/// All parts of a value, of a section or of something else.
fn whole(parts: Vec<Child<'_>>, section: bool) -> Map<String, Value> {
    let mut below = Map::new();
    for part in parts {
        let Some(part_below) = one(&part, &part.element, section) else { continue };
        let twin = below.remove(&part.element);
        below.insert(part.element, twin.into_iter().fold(part_below, united));
    }
    below
}

fn united(mut one: Value, other: Value) -> Value {
    unite_nodes(&mut one, other);
    one
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
///
/// What only `config` has comes right before the item both have that follows it there.
fn merge_items(live: Vec<Value>, config: &[Value], kind: &ListKind, schema: &Schema) -> Vec<Value> {
    let keys: Vec<String> = config.iter().map(|item| item_element(item, kind)).collect();
    let wanted: HashSet<&String> = keys.iter().collect();
    let mut shared = HashMap::new();
    let split = |mut item: Value| {
        let element = item_element(&item, kind);
        if wanted.contains(&element) {
            shared.insert(element.clone(), item.take());
        }
        (element, item)
    };
    let live: Vec<(String, Value)> = live.into_iter().map(split).collect();
    let order: Vec<&String> = keys.iter().filter(|key| shared.contains_key(*key)).collect();
    let (mut upcoming, mut rest) = (order.into_iter().peekable(), config.iter().zip(&keys));
    let mut take = |config: &Value, key: &String| match shared.remove(key) {
        Some(mut item) => {
            merge(&mut item, config, schema);
            item
        }
        None => config.clone(),
    };
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    for (element, item) in live {
        if !wanted.contains(&element) {
            merged.push(item);
        } else if upcoming.next_if_eq(&&element).is_some() {
            for (config, key) in rest.by_ref() {
                merged.push(take(config, key));
                if *key == element {
                    break;
                }
            }
        }
    }
    merged.extend(rest.map(|(config, key)| take(config, key)));
    merged
}

/// Takes out of `value` what `last` held and no one in `owned` holds.
pub(super) fn prune(value: &mut Value, schema: &Schema, last: &FieldSet, owned: &FieldSet) {
    for (element, lost) in last.elements() {
        let kept = owned.below(element);
        let holds = |below: &Value| element.starts_with("f:") || is_member(below);
        if holds(lost) && !kept.is_some_and(holds) {
            remove(value, schema, element);
        } else if let Some((child, inner)) = child_mut(value, schema, element) {
            let kept = FieldSet::stored(kept.cloned().unwrap_or_default());
            prune(child, inner, &without_keys(lost, element), &kept);
        }
    }
}

/// The fields that tell a list's items apart stay as long as their item does.
fn without_keys(below: &Value, element: &str) -> FieldSet {
    let mut below = below.clone();
    let keys: Map<String, Value> =
        element.strip_prefix("k:").and_then(|keys| serde_json::from_str(keys).ok()).unwrap_or_default();
    if let Value::Object(below) = &mut below {
        below.retain(|child, _| child.strip_prefix("f:").is_none_or(|name| !keys.contains_key(name)));
    }
    FieldSet::stored(below)
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
