//! How an object in the cluster differs from its document, and what of that belongs into the document.

use super::remote::{APPLIED, MANAGER, applied};
use crate::prelude::*;
use serde_json::Map;

/// Of these the tools keep account for themselves.
const ACCOUNTS: &str = "kubectl.kubernetes.io/";
/// What the cluster does not give back as it was written.
const UNSHOWN: [&str; 2] = ["status", "stringData"];

/// A field that the cluster has in another way than the file.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// An index is a part like `0]`.
    pub(super) path: Vec<String>,
    pub(super) what: What,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Replace(Value),
    /// Brings a list of plain values from what it is to what it should be, item by item.
    Merge(Vec<Value>, Vec<Value>),
    /// The file does not name it; an item goes before the one of its index.
    Add(Value),
    Remove,
    /// It cannot be told.
    Unknown,
}

/// Who wrote what at a place of an object.
#[derive(Debug, Clone, Default)]
struct Sets<'a> {
    /// Of everybody.
    all: Vec<&'a Value>,
    /// Of people and their tools after the object was made, neither a sync nor a controller. What was set when it was
    /// made has the server's defaults among it.
    added: Vec<&'a Value>,
    /// Whether the file was applied as it is, so that somebody has taken away what the cluster lacks.
    applied: bool,
}

impl<'a> Sets<'a> {
    fn of(document: &Value, live: &'a Value) -> Self {
        let made = meta::text(live, "metadata.creationTimestamp");
        let by_hand = |entry: &&Value| {
            let manager = entry["manager"].as_str().unwrap_or_default();
            manager != MANAGER
                && !manager.starts_with("kube-")
                && entry["subresource"].is_null()
                && entry["time"] != made
        };
        let entries = meta::items(&live["metadata"]["managedFields"]);
        Self {
            all: entries.iter().map(|entry| &entry["fieldsV1"]).collect(),
            added: entries.iter().filter(by_hand).map(|entry| &entry["fieldsV1"]).collect(),
            applied: live["metadata"]["annotations"][APPLIED] == applied(document),
        }
    }

    /// What is below a field.
    fn within(&self, name: &str) -> Self {
        let step = format!("f:{name}");
        if name.starts_with(ACCOUNTS) { Self::default() } else { self.below(|found| found == step) }
    }

    /// What is below an item of a list that has keys.
    fn item(&self, item: &Value) -> Self {
        self.below(|step| key(step).is_some_and(|key| key.iter().all(|(name, value)| item[name] == *value)))
    }

    fn below(&self, fits: impl Fn(&str) -> bool) -> Self {
        let each = |sets: &[&'a Value]| {
            let fields = sets.iter().filter_map(|set| set.as_object()).flatten();
            fields.filter(|(step, _)| fits(step)).map(|(_, set)| set).collect()
        };
        Self { all: each(&self.all), added: each(&self.added), applied: self.applied }
    }

    /// By which fields the items of a list are told apart.
    fn keys(&self) -> Option<Vec<String>> {
        let mut steps = self.all.iter().filter_map(|set| set.as_object()).flat_map(Map::keys);
        Some(steps.find_map(|step| key(step))?.into_iter().map(|(name, _)| name).collect())
    }
}

/// The fields that an item is known by in a set.
fn key(step: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(step.strip_prefix("k:")?).ok()
}

/// Where the cluster has something else than a document says. What that does not name is only its business when it is
/// among the fields that were `added`.
pub(super) fn differences(document: &Value, live: &Value) -> Vec<Difference> {
    compare(document, live, &Sets::of(document, live), Vec::new())
}

fn compare(file: &Value, live: &Value, sets: &Sets<'_>, path: Vec<String>) -> Vec<Difference> {
    let at = |part: &str| [&path[..], &[part.to_owned()]].concat();
    match (file, live) {
        (Value::Object(fields), Value::Object(others)) => {
            let named = fields.iter().filter(|(name, _)| !UNSHOWN.contains(&name.as_str()));
            let named = named.flat_map(|(name, value)| {
                compare(value, others.get(name).unwrap_or(&Value::Null), &sets.within(name), at(name))
            });
            let new = others.iter().filter(|(name, _)| !fields.contains_key(*name) && *name != "status");
            let new = new.filter_map(|(name, value)| {
                let value = owned(value, &sets.within(name).added)?;
                Some(Difference { path: at(name), what: What::Add(value) })
            });
            let found: Vec<_> = named.chain(new).collect();
            let goes = |found: &Difference| found.what == What::Remove && found.path.len() == path.len() + 1;
            if !path.is_empty() && !found.is_empty() && found.len() == fields.len() && found.iter().all(goes) {
                return vec![Difference { path, what: What::Remove }];
            }
            found
        }
        (Value::Array(items), Value::Array(others)) => list(items, others, sets, &path),
        (file, live) if file == live || same_amount(file, live) => Vec::new(),
        (Value::Null, _) => Vec::new(),
        // What is somebody's though it is not there, or was nothing, the server has left out.
        (file, Value::Null) if !sets.all.is_empty() || *file == json!({}) || *file == json!([]) => Vec::new(),
        (file, live) => {
            let plain = is_plain(file) && is_plain(live);
            let what = match live {
                Value::Null if sets.applied => What::Remove,
                live if plain && !live.is_null() => What::Replace(live.clone()),
                _ => What::Unknown,
            };
            vec![Difference { path, what }]
        }
    }
}

/// Where a list differs: by the keys of its items, or as a whole when they are plain, or else one by one when there are as
/// many.
fn list(items: &[Value], others: &[Value], sets: &Sets<'_>, path: &[String]) -> Vec<Difference> {
    let at = |index: usize| [path, &[format!("{index}]")]].concat();
    let one = |what| vec![Difference { path: path.to_owned(), what }];
    let Some(keys) = sets.keys() else {
        return if items == others {
            Vec::new()
        } else if items.iter().chain(others).all(is_plain) && path.last().is_none_or(|name| name != "finalizers") {
            one(What::Merge(items.to_vec(), others.to_vec()))
        } else if items.len() == others.len() {
            let pairs = items.iter().zip(others).enumerate();
            pairs.flat_map(|(index, (item, other))| compare(item, other, &Sets::default(), at(index))).collect()
        } else {
            one(What::Unknown)
        };
    };
    // A key that the file leaves to the server's default is the same.
    let same = |item: &Value, other: &Value| {
        keys.iter().all(|key| item[key] == other[key] || (item[key].is_null() && !other[key].is_null()))
    };
    let mut left: Vec<&Value> = others.iter().collect();
    let mut found = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match others.iter().filter(|other| same(item, other)).collect::<Vec<_>>()[..] {
            [other] if left.contains(&other) => {
                left.retain(|left| *left != other);
                found.extend(compare(item, other, &sets.item(other), at(index)));
            }
            [] if sets.applied => found.push(Difference { path: at(index), what: What::Remove }),
            _ => found.push(Difference { path: at(index), what: What::Unknown }),
        }
    }
    let new = left.into_iter().filter_map(|other| owned(other, &sets.item(other).added));
    found.extend(new.map(|item| Difference { path: at(items.len()), what: What::Add(item) }));
    if !items.is_empty() && found.len() == items.len() && found.iter().all(|found| found.what == What::Remove) {
        return one(What::Remove);
    }
    found
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// What the sets have of a value; they name a whole one by nothing below it, and lists are taken whole.
fn owned(value: &Value, sets: &[&Value]) -> Option<Value> {
    match value {
        _ if sets.is_empty() => None,
        Value::Object(fields) if !sets.contains(&&json!({})) => {
            let within = |name: &str| -> Vec<&Value> {
                let sets = sets.iter().filter(|_| !name.starts_with(ACCOUNTS));
                sets.filter_map(|set| set.get(format!("f:{name}"))).collect()
            };
            let owned = fields.iter().filter_map(|(name, value)| Some((name.clone(), owned(value, &within(name))?)));
            Some(owned.collect::<Map<_, _>>().into()).filter(|owned| *owned != json!({}))
        }
        whole => Some(whole.clone()),
    }
}

/// The server writes quantities in one way, people in several.
fn same_amount(file: &Value, live: &Value) -> bool {
    let amount = |value: &Value| Quantity::from_value(value).ok().map(Quantity::milli_value);
    live.is_string() && amount(file).is_some() && amount(file) == amount(live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_in_other_words_is_no_difference() {
        let file = json!({"cpu": "0.5", "memory": "1024Mi", "gone": null, "empty": {}, "stringData": {"a": "b"}});
        assert_eq!(differences(&file, &json!({"cpu": "500m", "memory": "1Gi"})), []);
    }

    #[test]
    fn what_the_cluster_lacks_was_taken_away_only_when_the_document_was_applied_and_nobody_has_it() {
        let file = json!({"data": {"a": "1", "b": "2"}});
        let table = [
            (applied(&file), json!({}), Some(What::Remove)),
            ("another".to_owned(), json!({}), Some(What::Unknown)),
            (applied(&file), json!({"f:data": {"f:b": {}}}), None),
        ];
        for (mark, set, expected) in table {
            let live = json!({"metadata": {"annotations": {APPLIED: mark}, "managedFields": [{"fieldsV1": set}]},
                "data": {"a": "1"}});
            let path = vec!["data".to_owned(), "b".to_owned()];
            let expected: Vec<_> = expected.map(|what| Difference { path, what }).into_iter().collect();
            assert_eq!(differences(&file, &live), expected, "{live}");
        }
    }
}
