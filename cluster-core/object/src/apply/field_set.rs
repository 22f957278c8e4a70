//! Sets of field paths, as `metadata.managedFields[].fieldsV1` carries them.

use crate::prelude::*;

/// Stands below an element that is in the set itself and has elements below it.
const SELF: &str = ".";

/// A set of paths, kept as it is written on the wire: an object of elements (`f:name`, `k:{"name":"x"}`, `v:"x"`, `i:0`)
/// with what is below each. An element with nothing below is in the set; one with more only when `.` stands there too.
///
/// So an object's sets, which are long, are neither read nor written anew for a write, which changes little.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet(Map<String, Value>);

impl FieldSet {
    /// Whether no path is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the set holds `path`.
    pub fn contains(&self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        let node = rest.iter().try_fold(self.0.get(*first), |node, element| node.map(|node| node.get(*element)));
        node.flatten().is_some_and(is_member)
    }

    /// The first elements of the paths, each with what is below it.
    pub(super) fn elements(&self) -> impl Iterator<Item = (&str, &Value)> {
        elements(&self.0)
    }

    /// What is below a first element; `None` when no path begins with it.
    pub(super) fn below(&self, element: &str) -> Option<&Value> {
        self.0.get(element)
    }

    /// Takes `path`, but nothing below it, out of the set.
    pub(super) fn remove(&mut self, path: &[&str]) {
        let member = path
            .iter()
            .rev()
            .fold(empty(), |below, element| Value::Object(Map::from_iter([((*element).to_owned(), below)])));
        if let Value::Object(path) = member {
            subtract(&mut self.0, &path);
        }
    }

    /// The paths in this set or in `other`.
    #[must_use]
    pub fn union(mut self, other: Self) -> Self {
        unite(&mut self.0, other.0);
        self
    }

    /// The paths in this set and in `other`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(common(&self.0, &other.0))
    }

    /// Takes the paths of `other` out of the set.
    pub fn subtract(&mut self, other: &Self) {
        subtract(&mut self.0, &other.0);
    }

    /// All paths in the set, sorted.
    pub fn paths(&self) -> Vec<Vec<&str>> {
        let mut paths = Vec::new();
        collect(&self.0, &mut Vec::new(), &mut paths);
        paths
    }

    /// Reads a set that a client wrote; what cannot be read is left out.
    pub fn from_json(value: &Value) -> Self {
        Self(canonical(value))
    }

    /// A set that was written here.
    pub(super) fn stored(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            _ => Self::default(),
        }
    }

    /// The wire form.
    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// What is below an element that is in a set, or is not, with these elements below it; `None` when that is nothing.
pub(super) fn node(member: bool, mut below: Map<String, Value>) -> Option<Value> {
    match (member, below.is_empty()) {
        (false, true) => return None,
        (true, false) => drop(below.insert(SELF.to_owned(), empty())),
        _ => {}
    }
    Some(Value::Object(below))
}

/// Whether the element that this is below is in the set.
pub(super) fn is_member(below: &Value) -> bool {
    below.as_object().is_some_and(|below| below.is_empty() || below.contains_key(SELF))
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn elements(node: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    node.iter().filter(|(element, _)| *element != SELF).map(|(element, below)| (element.as_str(), below))
}

/// Unites what is below two elements of the same name.
pub(super) fn unite_nodes(mine: &mut Value, other: Value) {
    let (inside, other_inside) = (is_member(mine), is_member(&other));
    if let (Value::Object(mine), Value::Object(other)) = (mine, other) {
        unite(mine, other);
        if (inside || other_inside) && !mine.is_empty() {
            mine.insert(SELF.to_owned(), empty());
            // Alone it says no more than nothing does.
            if mine.len() == 1 {
                mine.clear();
            }
        }
    }
}

fn unite(mine: &mut Map<String, Value>, other: Map<String, Value>) {
    for (element, theirs) in other {
        match mine.get_mut(&element) {
            Some(mine) if element != SELF => unite_nodes(mine, theirs),
            _ => drop(mine.insert(element, theirs)),
        }
    }
}

fn subtract(mine: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (element, theirs) in elements(other) {
        let Some(below) = mine.get_mut(element) else { continue };
        let stays = is_member(below) && !is_member(theirs);
        if let (Value::Object(below), Value::Object(theirs)) = (&mut *below, theirs) {
            subtract(below, theirs);
            below.remove(SELF);
            if stays && !below.is_empty() {
                below.insert(SELF.to_owned(), empty());
            }
            if !stays && below.is_empty() {
                mine.remove(element);
            }
        }
    }
}

fn common(mine: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let both = elements(mine).filter_map(|(element, mine)| {
        let theirs = other.get(element)?;
        let below = common(mine.as_object()?, theirs.as_object()?);
        Some((element.to_owned(), node(is_member(mine) && is_member(theirs), below)?))
    });
    both.collect()
}

fn collect<'a>(node: &'a Map<String, Value>, way: &mut Vec<&'a str>, paths: &mut Vec<Vec<&'a str>>) {
    for (element, below) in elements(node) {
        way.push(element);
        if is_member(below) {
            paths.push(way.clone());
        }
        below.as_object().into_iter().for_each(|below| collect(below, way, paths));
        way.pop();
    }
}

fn canonical(value: &Value) -> Map<String, Value> {
    let mut node = Map::new();
    for (element, below) in value.as_object().into_iter().flatten() {
        if let Some(element) = canonical_element(element) {
            let below_it = canonical(below);
            let member = below_it.is_empty() || below.get(SELF).is_some();
            node.extend(self::node(member, below_it).map(|below| (element, below)));
        }
    }
    node
}

/// The path as people read it: `.spec.containers[name="a"].image`.
pub(super) fn display(path: &[&str]) -> String {
    path.iter().map(|element| display_element(element)).collect()
}

pub(super) fn display_element(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some(("k", keys)) => {
            let keys: Value = serde_json::from_str(keys).unwrap_or_default();
            let keys = keys.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={value}"));
            format!("[{}]", keys.collect::<Vec<_>>().join(","))
        }
        Some((_, index)) => format!("[{index}]"),
        None => element.to_owned(),
    }
}

/// The element in the one way we write it.
fn canonical_element(element: &str) -> Option<String> {
    let (kind, text) = element.split_once(':')?;
    match kind {
        "f" | "i" => Some(element.to_owned()),
        "k" => Some(key_element(serde_json::from_str::<Map<String, Value>>(text).ok()?)),
        "v" => Some(value_element(&serde_json::from_str(text).ok()?)),
        _ => None,
    }
}

/// `k:{"a":1,"b":2}` with sorted keys.
pub(super) fn key_element(keys: impl IntoIterator<Item = (String, Value)>) -> String {
    let keys: BTreeMap<String, Value> = keys.into_iter().collect();
    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{}:{value}", Value::String(key.clone()))).collect();
    format!("k:{{{}}}", keys.join(","))
}

/// `v:"x"`.
pub(super) fn value_element(value: &Value) -> String {
    format!("v:{value}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn the_wire_form_reads_back() {
        let wire = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:ports": {
            "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}, "f:finalizers": {"v:\"x\"": {}}}});
        let set = FieldSet::from_json(&wire);
        assert_eq!(set.clone().into_json(), wire);
        assert!(set.contains(&["f:metadata", "f:labels"]) && !set.contains(&["f:metadata"]));
        let shown: Vec<String> = set.paths().iter().map(|path| display(path)).collect();
        assert_eq!(shown[3], ".spec.ports[containerPort=80,protocol=\"TCP\"]");
        assert_eq!(shown[2], ".spec.finalizers[=\"x\"]");
        assert_eq!(
            FieldSet::from_json(&json!({"k:{\"b\": 1, \"a\": 2}": {}})).into_json(),
            json!({"k:{\"a\":2,\"b\":1}": {}})
        );
    }

    fn paths() -> impl Strategy<Value = BTreeSet<Vec<String>>> {
        let path = prop::collection::vec(prop::sample::select(vec!["f:a", "f:b", "v:1"]), 1..4);
        prop::collection::btree_set(path.prop_map(|p| p.into_iter().map(str::to_owned).collect()), 0..8)
    }

    fn of(paths: &BTreeSet<Vec<String>>) -> FieldSet {
        paths.iter().fold(FieldSet::default(), |set, path| {
            let path = path.iter().rev().fold(empty(), |below, element| json!({element: below}));
            set.union(FieldSet::stored(path))
        })
    }

    fn naive(set: &FieldSet) -> BTreeSet<Vec<String>> {
        set.paths().into_iter().map(|path| path.into_iter().map(str::to_owned).collect()).collect()
    }

    proptest! {
        #[test]
        fn algebra_agrees_with_plain_sets(a in paths(), b in paths()) {
            let (x, y) = (of(&a), of(&b));
            let less = |a: &FieldSet, b: &FieldSet| {
                let mut less = a.clone();
                less.subtract(b);
                less
            };
            prop_assert_eq!(naive(&x.clone().union(y.clone())), &a | &b);
            prop_assert_eq!(naive(&x.intersection(&y)), &a & &b);
            prop_assert_eq!(naive(&less(&x, &y)), &a - &b);
            prop_assert_eq!(less(&x, &x), FieldSet::default());
            // Each set has one form.
            prop_assert_eq!(x.intersection(&y), less(&x, &less(&x, &y)));
            prop_assert_eq!(x.clone().union(y.clone()), of(&(&a | &b)));
            prop_assert_eq!(naive(&FieldSet::from_json(&x.into_json())), a);
        }
    }
}
