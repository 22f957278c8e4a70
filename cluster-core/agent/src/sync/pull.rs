//! Writes what was changed in the cluster back into a file: field by field, so that comments and order stay.

use super::differ::{Difference, What, differences};
use super::load::Document;
use super::locate::{self, Place};
use super::plan::Key;
use super::{Told, unified};
use crate::prelude::*;
use similar::{Algorithm, DiffTag, capture_diff_slices};
use std::cmp::Reverse;
use std::ops::Range;

/// Brings a document up to date in its file: the plain values that it names, what people added in the cluster, and what
/// they took away. Only tells of it unless it is to `write`.
pub(super) fn pull(document: &Document, live: &Value, write: bool) -> Vec<Told> {
    let mut text: Vec<String> = document.text.lines().map(str::to_owned).collect();
    let (mut told, mut edits) = (Vec::new(), Vec::new());
    for difference in differences(&document.object, live) {
        match self::edits(&document.text, &text, &difference) {
            Some(found) => edits.extend(found),
            None => {
                let path = shown(&difference.path);
                let message = format!("{path} is another in the cluster; write it yourself");
                told.push(Told::Fault(document.fault(&path, message)));
            }
        }
    }
    if edits.is_empty() {
        return told;
    }
    // From the end, so that the lines of those that follow stay the same; of two that are added at one line, the deeper
    // comes first in the text.
    edits.sort_by_key(|edit| (edit.lines.start, edit.lines.end, Reverse(edit.indent)));
    for edit in edits.into_iter().rev() {
        text.splice(edit.lines, edit.new);
    }
    let new = text.join("\n") + if document.text.ends_with('\n') { "\n" } else { "" };
    let object = Key::of(&document.object).to_string();
    let (before, after) = (format!("{}: {object}", document.file.display()), format!("cluster: {object}"));
    told.push(match write.then(|| self::write(document, &new)) {
        None => Told::Diff(unified((&document.text, &before), (&new, &after))),
        Some(Ok(())) => Told::Done { object, what: "pulled" },
        Some(Err(error)) => Told::Fault(document.fault("", error.to_string())),
    });
    told
}

/// Puts a text in the place of a document's in its file, unless the file has changed meanwhile.
fn write(document: &Document, new: &str) -> std::io::Result<()> {
    let whole = std::fs::read_to_string(&document.file)?;
    let begin = whole.split_inclusive('\n').take(document.line - 1).map(str::len).sum::<usize>();
    let end = begin + document.text.len();
    if whole.get(begin..end) != Some(document.text.as_str()) {
        return Err(std::io::Error::other("the file has changed meanwhile"));
    }
    std::fs::write(&document.file, format!("{}{new}{}", &whole[..begin], &whole[end..]))
}

fn shown(path: &[String]) -> String {
    let part = |part: &String| if part.ends_with(']') { format!("[{part}") } else { format!(".{part}") };
    path.iter().map(part).collect::<String>().trim_start_matches('.').to_owned()
}

/// Lines that others take the place of.
#[derive(Debug)]
struct Edit {
    lines: Range<usize>,
    indent: usize,
    new: Vec<String>,
}

/// What to write for a difference; nothing where the file is not written in a way that it could be done in.
fn edits(text: &str, lines: &[String], Difference { path, what }: &Difference) -> Option<Vec<Edit>> {
    let (key, above) = path.split_last()?;
    let edit = match what {
        What::Unknown => return None,
        What::Merge(old, new) => return merged(text, lines, path, old, new),
        What::Remove => {
            let Place { lines: old, indent, .. } = alone(text, lines, path)?;
            Edit { lines: old, indent, new: Vec::new() }
        }
        What::Add(item) if key.ends_with(']') => {
            let index: usize = key.trim_end_matches(']').parse().ok()?;
            let neighbour = [above, &[format!("{}]", index.saturating_sub(1))]].concat();
            let Place { lines: beside, indent, .. } = alone(text, lines, &neighbour)?;
            let line = if index == 0 { beside.start } else { beside.end };
            let item = yaml::to_string(&json!([item])).ok()?;
            let new = item.lines().map(|line| format!("{}{line}", " ".repeat(indent))).collect();
            Edit { lines: line..line, indent, new }
        }
        What::Add(value) => {
            let Place { lines, inner, .. } = locate::exact(text, above)?;
            let indent = inner.filter(|_| !text.trim_start().starts_with('{'))?;
            Edit { lines: lines.end..lines.end, indent, new: block(key, value, &" ".repeat(indent))? }
        }
        What::Replace(value) => {
            let Place { lines: old, indent, .. } = locate::exact(text, path)?;
            let line = &lines[old.start];
            let several = old.len() > 1 || value.as_str().is_some_and(|text| text.contains('\n'));
            let new = if several {
                let head =
                    line.get(..indent).filter(|_| rest(line, key).is_some_and(|(_, old)| !old.starts_with(INLINE)))?;
                block(key, value, head)?
            } else {
                vec![replaced(line, key, value)?]
            };
            Edit { lines: old, indent, new }
        }
    };
    Some(vec![edit])
}

/// The place of what has lines of its own.
fn alone(text: &str, lines: &[String], path: &[String]) -> Option<Place> {
    let place = locate::exact(text, path)?;
    let before = lines[place.lines.start].get(..place.indent)?;
    (before.trim().is_empty() && !text.trim_start().starts_with('{')).then_some(place)
}

/// A list of plain values with others, item by item where each has a line.
fn merged(text: &str, lines: &[String], path: &[String], old: &[Value], new: &[Value]) -> Option<Vec<Edit>> {
    let Place { lines: place, indent, .. } = locate::exact(text, path)?;
    if place.len() == 1 {
        let (line, key) = (&lines[place.start], path.last()?);
        let (head, rest) = rest(line, key).filter(|(_, rest)| rest.starts_with('['))?;
        let (_, behind) =
            rest.rsplit_once(']').filter(|(_, behind)| behind.trim().is_empty() || behind.contains(" #"))?;
        let items: Vec<String> = new.iter().map(Value::to_string).collect();
        return Some(vec![Edit { lines: place, indent, new: vec![format!("{head} [{}]{behind}", items.join(", "))] }]);
    }
    let words = |list: &[Value]| list.iter().map(Value::to_string).collect::<Vec<_>>();
    let steps = capture_diff_slices(Algorithm::Myers, &words(old), &words(new));
    let steps = steps.iter().filter(|step| step.tag() != DiffTag::Equal && !new.is_empty());
    let at = |index: usize, what| Difference { path: [path, &[format!("{index}]")]].concat(), what };
    let steps = steps.flat_map(|step| {
        let gone = step.old_range().map(|index| at(index, What::Remove));
        gone.chain(new[step.new_range()].iter().map(move |item| at(step.old_range().start, What::Add(item.clone()))))
    });
    let edits: Vec<_> = steps.map(|step| edits(text, lines, &step)).collect::<Option<_>>()?;
    Some(edits.into_iter().flatten().collect::<Vec<_>>()).filter(|edits| !edits.is_empty())
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
    use super::super::remote::{APPLIED, MANAGER, applied};
    use super::*;

    /// The text of a document after a pull, and the lines of faults.
    fn pulled(text: &str, live: &Value) -> (String, Vec<usize>) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.yaml");
        std::fs::write(&file, format!("first: 1\n---\n{text}")).expect("a file");
        let object = yaml::from_manifest(text).expect("a manifest").remove(0);
        let document = Document { object, file: file.clone(), line: 3, text: text.to_owned() };
        let shown = pull(&document, live, false).into_iter().filter(|told| matches!(told, Told::Diff(_))).count();
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), format!("first: 1\n---\n{text}"), "only shown");
        let told = pull(&document, live, true);
        let pulled = told.iter().filter(|told| matches!(told, Told::Done { .. })).count();
        assert_eq!(pulled, shown);
        if pulled > 0 {
            let again = pull(&document, live, true);
            assert!(matches!(again.last(), Some(Told::Fault(_))), "the file is not what was read");
        }
        let whole = std::fs::read_to_string(&file).expect("a file");
        let rest = whole.strip_prefix("first: 1\n---\n").expect("what was before it");
        let line = |told: &Told| if let Told::Fault(fault) = told { Some(fault.line) } else { None };
        (rest.to_owned(), told.iter().filter_map(line).collect())
    }

    #[test]
    fn values_are_replaced_and_comments_stay() {
        let text = "spec:\n  replicas: 2  # enough\n  # the image\n  image: \"a\"\n  keep: x\n  list: [1]\n";
        let live = json!({"spec": {"replicas": 5, "image": "b", "keep": "x", "list": [1, 2], "other": true}});
        let expected = "spec:\n  replicas: 5  # enough\n  # the image\n  image: b\n  keep: x\n  list: [1, 2]\n";
        assert_eq!(pulled(text, &live), (expected.to_owned(), vec![]));
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
    fn lists_are_merged_item_by_item_and_what_was_taken_away_goes() {
        let by_hand = |fields: &Value| json!({"manager": "kubectl-edit", "time": "2", "fieldsV1": {"f:spec": fields}});
        let ours = |fields: &Value| json!({"manager": MANAGER, "time": "1", "fieldsV1": {"f:spec": fields}});
        let keyed = |name: &str, fields: Value| json!({format!("k:{{\"name\":\"{name}\"}}"): fields});
        let table = [
            ("a: 1\nb: 2  # gone\n# of c\nc: 3\n", json!({"a": 1, "c": 3}), vec![], "a: 1\n# of c\nc: 3\n", 0),
            ("a: 1\nmap:\n  x: 1\n  y: 2\n", json!({"a": 1}), vec![], "a: 1\n", 0),
            ("a: 1\nmap: {x: 1, y: 2}\n", json!({"a": 1, "map": {"x": 1}}), vec![], "a: 1\nmap: {x: 1, y: 2}\n", 1),
            ("list: [a, b] # c\n", json!({"list": ["b", "d"]}), vec![], "list: [\"b\", \"d\"] # c\n", 0),
            (
                "list:\n- a\n# of b\n- b # kept\n",
                json!({"list": ["x", "b", "d"]}),
                vec![],
                "list:\n- x\n# of b\n- b # kept\n- d\n",
                0,
            ),
            ("list:\n- a: 1\n", json!({"list": [{"a": 1}, {"a": 2}]}), vec![], "list:\n- a: 1\n", 1),
            (
                "c:\n  - name: a\n    image: x # a's\n  # of b\n  - name: b\n  - name: d\n    env: []\ne: 1\n",
                json!({"c": [{"name": "a", "image": "new", "policy": "z"}, {"name": "d"}, {"name": "f", "image": "i"}], "e": 1}),
                vec![
                    ours(&json!({"f:c": keyed("a", json!({"f:image": {}}))})),
                    by_hand(&json!({"f:c": keyed("f", json!({".": {}, "f:name": {}, "f:image": {}}))})),
                ],
                "c:\n  - name: a\n    image: new # a's\n  # of b\n  - name: d\n    env: []\n  - image: i\n    name: f\ne: 1\n",
                0,
            ),
        ];
        for (text, spec, managed, expected, faults) in table {
            let below = |text: &str| {
                format!("spec:\n{}", text.lines().map(|line| ["  ", line, "\n"].concat()).collect::<String>())
            };
            let document = yaml::from_manifest(&below(text)).expect("a manifest").remove(0);
            let metadata = json!({"annotations": {APPLIED: applied(&document)}, "managedFields": managed});
            let (now, found) = pulled(&below(text), &json!({"metadata": metadata, "spec": spec}));
            assert_eq!((now, found.len()), (below(expected), faults), "{text}");
        }
    }
}
