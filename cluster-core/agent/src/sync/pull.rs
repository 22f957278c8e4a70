//! Writes what was changed in the cluster back into a file: field by field, so that comments and order stay.

use super::Fault;
use super::load::Document;
use super::locate::{self, Place};
use super::remote::MANAGER;
use cluster_object::{meta, yaml};
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::ops::Range;

/// Of these the tools keep account for themselves.
const ACCOUNTS: &str = "kubectl.kubernetes.io/";

/// What came of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pulled {
    pub(super) changed: bool,
    pub(super) faults: Vec<Fault>,
}

/// Brings a document up to date in its file: the plain values that it names, and what people added in the cluster.
pub(super) fn pull(document: &Document, live: &Value) -> Pulled {
    let mut text: Vec<String> = document.text.lines().map(str::to_owned).collect();
    let (mut pulled, mut edits) = (Pulled::default(), Vec::new());
    for difference in differences(&document.object, live, &added(live), Vec::new()) {
        match edit(&document.text, &text, &difference) {
            Some(edit) => edits.push(edit),
            None => {
                let path = shown(&difference.path);
                let fault = document.fault(&path, format!("{path} is another in the cluster; write it yourself"));
                pulled.faults.push(fault);
            }
        }
    }
    pulled.changed = !edits.is_empty();
    // From the end, so that the lines of those that follow stay the same; of two that are added at one line, the deeper
    // comes first in the text.
    edits.sort_by_key(|edit| (edit.lines.start, edit.lines.end, Reverse(edit.indent)));
    for edit in edits.into_iter().rev() {
        text.splice(edit.lines, edit.new);
    }
    if pulled.changed
        && let Err(error) = write(document, &text)
    {
        return Pulled { changed: false, faults: vec![document.fault("", error.to_string())] };
    }
    pulled
}

/// Replaces a document's lines in its file, unless the file has changed meanwhile.
fn write(document: &Document, lines: &[String]) -> std::io::Result<()> {
    let whole = std::fs::read_to_string(&document.file)?;
    let mut new = lines.join("\n");
    if document.text.ends_with('\n') {
        new.push('\n');
    }
    let begin = whole.split_inclusive('\n').take(document.line - 1).map(str::len).sum::<usize>();
    let end = begin + document.text.len();
    if whole.get(begin..end) != Some(document.text.as_str()) {
        return Err(std::io::Error::other("the file has changed meanwhile"));
    }
    std::fs::write(&document.file, format!("{}{new}{}", &whole[..begin], &whole[end..]))
}

/// A field that the cluster has in another way than the file.
#[derive(Debug, PartialEq)]
struct Difference {
    /// An index is a part like `0]`.
    path: Vec<String>,
    /// What to write; nothing when it cannot be told.
    value: Option<Value>,
    /// Whether the file does not name it.
    added: bool,
}

fn shown(path: &[String]) -> String {
    let part = |part: &String| if part.ends_with(']') { format!("[{part}") } else { format!(".{part}") };
    path.iter().map(part).collect::<String>().trim_start_matches('.').to_owned()
}

/// The sets of fields that people and their tools wrote after the object was made, neither a sync nor a controller.
/// What was set when it was made has the server's defaults among it.
fn added(live: &Value) -> Vec<&Value> {
    let made = meta::text(live, "metadata.creationTimestamp");
    let by_hand = |entry: &&Value| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        manager != MANAGER && !manager.starts_with("kube-") && entry["subresource"].is_null() && entry["time"] != made
    };
    meta::items(&live["metadata"]["managedFields"]).iter().filter(by_hand).map(|entry| &entry["fieldsV1"]).collect()
}

/// Where the cluster has something else than the file says. What the file does not name is only its business when it is
/// among the fields that were `added`.
fn differences(file: &Value, live: &Value, added: &[&Value], path: Vec<String>) -> Vec<Difference> {
    let at = |part: &str| [&path[..], &[part.to_owned()]].concat();
    match (file, live) {
        (Value::Object(fields), Value::Object(others)) => {
            let named = fields.iter().filter(|(name, _)| *name != "status");
            let named = named.flat_map(|(name, value)| {
                differences(value, others.get(name).unwrap_or(&Value::Null), &within(added, name), at(name))
            });
            let new = others.iter().filter(|(name, _)| !fields.contains_key(*name) && *name != "status");
            let new = new.filter_map(|(name, value)| {
                let value = owned(value, &within(added, name))?;
                Some(Difference { path: at(name), value: Some(value), added: true })
            });
            named.chain(new).collect()
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let pairs = items.iter().zip(others).enumerate();
            pairs.flat_map(|(index, (item, other))| differences(item, other, &[], at(&format!("{index}]")))).collect()
        }
        (file, live) if file == live || same_amount(file, live) => Vec::new(),
        (Value::Null, _) => Vec::new(),
        (file, live) => {
            let plain = [file, live].iter().all(|value| !value.is_object() && !value.is_array());
            vec![Difference { path, value: (plain && !live.is_null()).then(|| live.clone()), added: false }]
        }
    }
}

/// The sets of what is below a field.
fn within<'a>(sets: &[&'a Value], name: &str) -> Vec<&'a Value> {
    let sets = sets.iter().filter(|_| !name.starts_with(ACCOUNTS));
    sets.filter_map(|set| set.get(format!("f:{name}"))).collect()
}

/// What the sets have of a value; they name a whole one by nothing below it, and lists are taken whole.
fn owned(value: &Value, sets: &[&Value]) -> Option<Value> {
    match value {
        _ if sets.is_empty() => None,
        Value::Object(fields) if !sets.contains(&&json!({})) => {
            let owned =
                fields.iter().filter_map(|(name, value)| Some((name.clone(), owned(value, &within(sets, name))?)));
            Some(owned.collect::<Map<_, _>>().into()).filter(|owned| *owned != json!({}))
        }
        whole => Some(whole.clone()),
    }
}

/// The server writes quantities in one way, people in several.
fn same_amount(file: &Value, live: &Value) -> bool {
    let amount = |value: &Value| {
        cluster_object::quantity::Quantity::from_value(value).ok().map(cluster_object::quantity::Quantity::milli_value)
    };
    live.is_string() && amount(file).is_some() && amount(file) == amount(live)
}

/// Lines that others take the place of.
#[derive(Debug)]
struct Edit {
    lines: Range<usize>,
    indent: usize,
    new: Vec<String>,
}

/// What to write for a difference; nothing where the file is not written in a way that it could be done in.
fn edit(text: &str, lines: &[String], Difference { path, value, added }: &Difference) -> Option<Edit> {
    let (value, (key, above)) = (value.as_ref()?, path.split_last()?);
    if *added {
        let Place { lines, inner, .. } = locate::exact(text, above)?;
        let indent = inner.filter(|_| !text.trim_start().starts_with('{'))?;
        return Some(Edit { lines: lines.end..lines.end, indent, new: block(key, value, &" ".repeat(indent))? });
    }
    let Place { lines: old, indent, .. } = locate::exact(text, path)?;
    let line = &lines[old.start];
    let several = old.len() > 1 || value.as_str().is_some_and(|text| text.contains('\n'));
    let new = if several {
        let head = line.get(..indent).filter(|_| rest(line, key).is_some_and(|(_, old)| !old.starts_with(INLINE)))?;
        block(key, value, head)?
    } else {
        vec![replaced(line, key, value)?]
    };
    Some(Edit { lines: old, indent, new })
}

/// How values begin that are no plain ones.
const INLINE: [char; 4] = ['&', '*', '{', '['];

/// A field in lines of its own, the first one behind what is before it.
fn block(key: &str, value: &Value, head: &str) -> Option<Vec<String>> {
    let text = yaml::to_string(&json!({ key: value })).ok()?;
    let indent = " ".repeat(head.len());
    let line = |(number, line): (usize, &str)| match line {
        "" => String::new(),
        line if number == 0 => format!("{head}{line}"),
        line => format!("{indent}{line}"),
    };
    Some(text.lines().enumerate().map(line).collect())
}

/// A line up to its key's colon, and what is behind it.
fn rest<'a>(line: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let (head, rest) = line.split_at(line.find(&format!("{key}:"))? + key.len() + 1);
    Some((head, rest.trim_start()))
}

/// A line with another value behind its key; what follows a ` #` stays. Only values that stand on their line.
fn replaced(line: &str, key: &str, value: &Value) -> Option<String> {
    let (head, rest) = rest(line, key)?;
    let old = rest.find(" #").map_or(rest, |at| &rest[..at]).trim_end();
    let comment = &rest[old.len()..];
    if old.is_empty() || old.starts_with(INLINE) || old.starts_with(['|', '>']) {
        return None;
    }
    Some(format!("{head} {}{comment}", yaml::to_string(value).ok()?.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a document after a pull, and the lines of faults.
    fn pulled(text: &str, live: &Value) -> (String, Vec<usize>) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.yaml");
        std::fs::write(&file, format!("first: 1\n---\n{text}")).expect("a file");
        let object = yaml::from_manifest(text).expect("a manifest").remove(0);
        let document = Document { object, file: file.clone(), line: 3, text: text.to_owned() };
        let pulled = pull(&document, live);
        if pulled.changed {
            assert!(!pull(&document, live).changed, "the file is not what was read");
        }
        let whole = std::fs::read_to_string(&file).expect("a file");
        let rest = whole.strip_prefix("first: 1\n---\n").expect("what was before it");
        (rest.to_owned(), pulled.faults.iter().map(|fault| fault.line).collect())
    }

    #[test]
    fn values_are_replaced_and_comments_stay() {
        let text = "spec:\n  replicas: 2  # enough\n  # the image\n  image: \"a\"\n  keep: x\n  list: [1]\n";
        let live = json!({"spec": {"replicas": 5, "image": "b", "keep": "x", "list": [1, 2], "other": true}});
        let expected = "spec:\n  replicas: 5  # enough\n  # the image\n  image: b\n  keep: x\n  list: [1]\n";
        assert_eq!(pulled(text, &live), (expected.to_owned(), vec![8]), "a list is not pulled");
    }

    #[test]
    fn a_text_of_several_lines_takes_the_place_of_another() {
        let text = "data:\n  a.txt: |\n    one\n\n    two\n\n  # of b\n  b: short\n  c: [\n  ]\n";
        let live = json!({"data": {"a.txt": "one\nthree\n", "b": "now\nlonger\n", "c": []}});
        let expected = "data:\n  a.txt: |\n    one\n    three\n\n  # of b\n  b: |\n    now\n    longer\n  c: [\n  ]\n";
        assert_eq!(pulled(text, &live), (expected.to_owned(), vec![]));
    }

    #[test]
    fn what_people_added_is_added_and_what_others_did_is_not() {
        let text = "# mine\nmetadata:\n  name: m\ndata:\n  a: one  # kept\n# the end\n";
        let set = |fields: &str| json!({"f:data": {format!("f:{fields}"): {}}});
        let managed = json!([
            {"manager": MANAGER, "time": "2", "fieldsV1": set("ours")},
            {"manager": "kube-controller-manager", "time": "2", "fieldsV1": set("theirs")},
            {"manager": "kubectl", "time": "2", "subresource": "scale", "fieldsV1": set("scaled")},
            {"manager": "kubectl-create", "time": "1", "fieldsV1": set("default")},
            {"manager": "kubectl-edit", "time": "2", "fieldsV1": {
                "f:data": {"f:b.txt": {}, "f:a": {}},
                "f:metadata": {"f:labels": {".": {}, "f:x": {}}, "f:annotations": {"f:kubectl.kubernetes.io/y": {}}},
            }},
        ]);
        let live = json!({
            "metadata": {"name": "m", "labels": {"x": "v", "z": "z"}, "annotations": {"kubectl.kubernetes.io/y": "1"},
                "creationTimestamp": "1", "managedFields": managed},
            "data": {"a": "one", "b.txt": "1\n2\n", "ours": "", "theirs": "", "scaled": "", "default": ""},
        });
        let expected = "# mine\nmetadata:\n  name: m\n  labels:\n    x: v\ndata:\n  a: one  # kept\n  b.txt: |\n    1\n    2\n# the end\n";
        assert_eq!(pulled(text, &live), (expected.to_owned(), vec![]));
        let flow = "{metadata: {name: m}, data: {a: one}}\n";
        assert_eq!(pulled(flow, &live), (flow.to_owned(), vec![3, 3]), "it is in no lines of its own");
    }

    #[test]
    fn the_same_in_other_words_is_no_difference() {
        let file = json!({"cpu": "0.5", "memory": "1024Mi", "gone": null});
        assert_eq!(differences(&file, &json!({"cpu": "500m", "memory": "1Gi"}), &[], Vec::new()), []);
    }
}
