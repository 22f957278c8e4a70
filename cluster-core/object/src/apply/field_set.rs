//! Sets of field paths, as `metadata.managedFields[].fieldsV1` carries them.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A set of paths as a tree. An element is written as on the wire: `f:name`, `k:{"name":"x"}`, `v:"x"`, `i:0`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// The path to this node is in the set.
    pub(super) member: bool,
    /// The elements below.
    pub(super) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Whether no path is in the set.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// Whether the set holds `path`.
    pub fn contains(&self, path: &[&str]) -> bool {
        path.iter().try_fold(self, |node, element| node.children.get(*element)).is_some_and(|node| node.member)
    }

    /// Puts `path` into the set.
    pub(super) fn insert(&mut self, path: &[String]) {
        path.iter().fold(self, |node, element| node.children.entry(element.clone()).or_default()).member = true;
    }

    /// Takes `path`, but nothing below it, out of the set.
    pub(super) fn remove(&mut self, path: &[&str]) {
        match path.split_first() {
            None => self.member = false,
            Some((first, rest)) => {
                if let Some(child) = self.children.get_mut(*first) {
                    child.remove(rest);
                    if child.is_empty() {
                        self.children.remove(*first);
                    }
                }
            }
        }
    }

    /// The paths in this set or in `other`.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.member |= other.member;
        for (element, child) in &other.children {
            let merged = all.children.get(element).map_or_else(|| child.clone(), |mine| mine.union(child));
            all.children.insert(element.clone(), merged);
        }
        all
    }

    /// The paths in this set and in `other`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.pairwise(other, |mine, theirs| mine && theirs)
    }

    /// The paths in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.pairwise(other, |mine, theirs| mine && !theirs)
    }

    fn pairwise(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let nothing = Self::default();
        let children = self.children.iter().map(|(element, child)| {
            let theirs = other.children.get(element).unwrap_or(&nothing);
            (element.clone(), child.pairwise(theirs, keep))
        });
        Self {
            member: keep(self.member, other.member),
            children: children.filter(|(_, child)| !child.is_empty()).collect(),
        }
    }

    /// All paths in the set, sorted.
    pub fn paths(&self) -> Vec<Vec<&str>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect<'a>(&'a self, way: &mut Vec<&'a str>, paths: &mut Vec<Vec<&'a str>>) {
        if self.member {
            paths.push(way.clone());
        }
        for (element, child) in &self.children {
            way.push(element);
            child.collect(way, paths);
            way.pop();
        }
    }

    /// Reads the wire form; what cannot be read is left out.
    pub fn from_json(value: &Value) -> Self {
        let mut set = Self::default();
        for (element, below) in value.as_object().into_iter().flatten() {
            if element == "." {
                set.member = true;
                continue;
            }
            let Some(element) = canonical(element) else { continue };
            let mut child = Self::from_json(below);
            child.member |= child.children.is_empty();
            set.children.insert(element, child);
        }
        set
    }

    /// The wire form.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if self.member && !self.children.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        fields.extend(self.children.iter().map(|(element, child)| (element.clone(), child.to_json())));
        Value::Object(fields)
    }
}

/// The path as people read it: `.spec.containers[name="a"].image`.
pub(super) fn display(path: &[&str]) -> String {
    path.iter().map(|element| display_element(element)).collect()
}

fn display_element(element: &str) -> String {
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
fn canonical(element: &str) -> Option<String> {
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
        assert_eq!(set.to_json(), wire);
        assert!(set.contains(&["f:metadata", "f:labels"]) && !set.contains(&["f:metadata"]));
        let shown: Vec<String> = set.paths().iter().map(|path| display(path)).collect();
        assert_eq!(shown[3], ".spec.ports[containerPort=80,protocol=\"TCP\"]");
        assert_eq!(shown[2], ".spec.finalizers[=\"x\"]");
        assert_eq!(
            FieldSet::from_json(&json!({"k:{\"b\": 1, \"a\": 2}": {}})).to_json(),
            json!({"k:{\"a\":2,\"b\":1}": {}})
        );
    }

    fn paths() -> impl Strategy<Value = BTreeSet<Vec<String>>> {
        let path = prop::collection::vec(prop::sample::select(vec!["f:a", "f:b", "v:1"]), 1..4);
        prop::collection::btree_set(path.prop_map(|p| p.into_iter().map(str::to_owned).collect()), 0..8)
    }

    fn of(paths: &BTreeSet<Vec<String>>) -> FieldSet {
        let mut set = FieldSet::default();
        for path in paths {
            set.insert(path);
        }
        set
    }

    fn naive(set: &FieldSet) -> BTreeSet<Vec<String>> {
        set.paths().into_iter().map(|path| path.into_iter().map(str::to_owned).collect()).collect()
    }

    proptest! {
        #[test]
        fn algebra_agrees_with_plain_sets(a in paths(), b in paths()) {
            let (x, y) = (of(&a), of(&b));
            prop_assert_eq!(naive(&x.union(&y)), &a | &b);
            prop_assert_eq!(naive(&x.intersection(&y)), &a & &b);
            prop_assert_eq!(naive(&x.difference(&y)), &a - &b);
            prop_assert_eq!(x.difference(&x), FieldSet::default());
            prop_assert_eq!(naive(&FieldSet::from_json(&x.to_json())), a);
        }
    }
}
