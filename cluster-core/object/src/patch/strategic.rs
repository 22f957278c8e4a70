//! Strategic merge patch: lists merge by key, and directives delete, replace, order and retain.

use super::unprocessable;
use crate::prelude::*;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// Applies a strategic merge patch; on an error the target may be half changed.
pub fn strategic_merge_patch(target: &mut Value, patch: &Value, schema: &Schema) -> Result<(), Status> {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => merge_object(target, patch, Some(schema)),
        _ => Err(Status::bad_request("invalid JSON document")),
    }
}

fn merge_object(
    target: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    schema: Option<&Schema>,
) -> Result<(), Status> {
    match patch.get(DIRECTIVE).map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("delete")) => {
            target.clear();
            return Ok(());
        }
        Some(Some("replace")) => {
            target.clone_from(patch);
            target.remove(DIRECTIVE);
            return Ok(());
        }
        Some(_) => return Err(unprocessable()),
    }
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        retain_keys(target, patch, retained)?;
    }
    // Which items stand in which order before the merge decides where the ones that no order names stay.
    let before: Vec<(&str, Vec<Value>)> = prefixed(patch, ELEMENT_ORDER)
        .map(|(name, _)| (name, target.get(name).and_then(Value::as_array).cloned().unwrap_or_default()))
        .collect();
    for (name, change) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        let field = schema.and_then(|schema| schema.field(name));
        let inner = field.map(|field| &field.schema).or_else(|| schema.and_then(Schema::values));
        merge_field(target, name, change, field, inner)?;
    }
    for (name, deleted) in prefixed(patch, DELETE_PRIMITIVES) {
        let deleted =
            deleted.as_array().ok_or_else(|| Status::bad_request("invalid patch format of primitive list"))?;
        if let Some(Value::Array(items)) = target.get_mut(name) {
            items.retain(|item| !deleted.contains(item));
        }
    }
    for (name, server) in before {
        let order = patch.get(&format!("{ELEMENT_ORDER}{name}")).and_then(Value::as_array);
        let order = order.ok_or_else(|| Status::bad_request("invalid patch format of setElementOrder list"))?;
        if let Some(Value::Array(items)) = target.get_mut(name) {
            let key = merge_key(schema.and_then(|schema| schema.field(name)));
            *items = reorder(std::mem::take(items), order, &server, key);
        }
    }
    Ok(())
}

fn merge_field(
    target: &mut Map<String, Value>,
    name: &str,
    change: &Value,
    field: Option<&Field>,
    schema: Option<&Schema>,
) -> Result<(), Status> {
    let replace = field.is_some_and(|field| field.patch.replace);
    let items = schema.and_then(Schema::items);
    match (change, target.get_mut(name), merge_key(field)) {
        (Value::Object(change), Some(Value::Object(at)), _) if !replace => return merge_object(at, change, schema),
        (Value::Array(changes), Some(Value::Array(at)), Some(key)) => {
            *at = merge_list(std::mem::take(at), changes, key, items)?;
        }
        _ => match taken(change) {
            Some(value) => drop(target.insert(name.to_owned(), value)),
            None => drop(target.remove(name)),
        },
    }
    Ok(())
}

/// What is put where nothing stands yet: as it is given, but for nulls and directives. As upstream has it, what is not
/// there can be neither deleted nor replaced.
fn taken(given: &Value) -> Option<Value> {
    match given {
        Value::Null => None,
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => None,
        Value::Object(fields) => {
            let plain = fields.iter().filter(|(name, _)| !name.starts_with('$'));
            Some(Value::Object(plain.filter_map(|(name, value)| Some((name.clone(), taken(value)?))).collect()))
        }
        Value::Array(items) => Some(items.iter().filter_map(taken).collect()),
        scalar => Some(scalar.clone()),
    }
}

/// Merges lists by key, or as sets of scalars.
fn merge_list(present: Vec<Value>, changes: &[Value], key: &str, items: Option<&Schema>) -> Result<Vec<Value>, Status> {
    let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).map(str::to_owned);
    let plain: Vec<Value> = changes.iter().filter(|item| directive(item).is_none()).cloned().collect();
    if changes.iter().any(|item| directive(item).as_deref() == Some("replace")) {
        return Ok(plain);
    }
    let server = present.clone();
    let mut merged = present;
    for change in changes {
        if key.is_empty() {
            if !merged.contains(change) {
                merged.push(change.clone());
            }
            continue;
        }
        let id = change.get(key).ok_or_else(unprocessable)?;
        let at = merged.iter().position(|item| item.get(key) == Some(id));
        match (directive(change).as_deref(), at) {
            (Some("delete"), _) => merged.retain(|item| item.get(key) != Some(id)),
            (Some(_), _) => return Err(unprocessable()),
            (None, None) => merged.extend(taken(change)),
            (None, Some(at)) => {
                if let (Value::Object(item), Value::Object(change)) = (&mut merged[at], change) {
                    merge_object(item, change, items)?;
                }
            }
        }
    }
    Ok(reorder(merged, &plain, &server, Some(key)))
}

/// Puts the items that `order` names in its order. One of the others goes before a named one only where the `server`'s
/// list has both, and it first.
fn reorder(items: Vec<Value>, order: &[Value], server: &[Value], key: Option<&str>) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item, key));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(server, item));
    let mut sorted = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        let bound = place(server, &other);
        let before = |item: &Value| matches!((bound, place(server, item)), (Some(other), Some(item)) if other < item);
        while let Some(item) = named.next_if(|item| !before(item)) {
            sorted.push(item);
        }
        sorted.push(other);
    }
    sorted.extend(named);
    sorted
}

fn same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    match key {
        Some(key) if !key.is_empty() => a.get(key).is_some() && a.get(key) == b.get(key),
        _ => a == b,
    }
}

fn merge_key(field: Option<&Field>) -> Option<&str> {
    field.filter(|field| !field.patch.replace).and_then(|field| field.patch.merge_key.as_deref())
}

fn prefixed<'a>(patch: &'a Map<String, Value>, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    patch.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
}

/// Keeps only the named fields; the patch may set no other.
fn retain_keys(target: &mut Map<String, Value>, patch: &Map<String, Value>, retained: &Value) -> Result<(), Status> {
    let fault = || Status::bad_request("invalid patch format of retainKeys");
    let retained = retained.as_array().ok_or_else(fault)?;
    let kept = |name: &str| retained.iter().any(|kept| kept == name);
    if patch.iter().any(|(name, value)| !name.starts_with('$') && !value.is_null() && !kept(name)) {
        return Err(fault());
    }
    target.retain(|name, _| kept(name));
    Ok(())
}
