//! Writes what was changed in the cluster back into a file: value by value, so that comments and order stay.

use super::Fault;
use super::load::Document;
use super::locate;
use cluster_object::yaml;
use serde_json::Value;

/// What came of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pulled {
    pub(super) changed: bool,
    pub(super) faults: Vec<Fault>,
}

/// Brings the plain values of a document up to date in its file.
pub(super) fn pull(document: &Document, live: &Value) -> Pulled {
    let mut text: Vec<String> = document.text.lines().map(str::to_owned).collect();
    let mut pulled = Pulled::default();
    for (path, value) in differences(&document.object, live, String::new()) {
        let line = locate::exact(&document.text, &path);
        let written = value.and_then(|value| replaced(&text[line?], last(&path), value).map(|new| (line, new)));
        match written {
            Some((Some(line), new)) => {
                text[line] = new;
                pulled.changed = true;
            }
            _ => pulled
                .faults
                .push(document.fault(&path, format!("{path} is another in the cluster; write it yourself"))),
        }
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

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Where the cluster has something else than the file says, and its plain value there, if it is one. What the file does
/// not name is not its business.
fn differences<'a>(file: &Value, live: &'a Value, path: String) -> Vec<(String, Option<&'a Value>)> {
    match (file, live) {
        (Value::Object(fields), Value::Object(_)) => {
            let inner = fields.iter().filter(|(name, _)| *name != "status");
            inner
                .flat_map(|(name, value)| {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    differences(value, live.get(name).unwrap_or(&Value::Null), path)
                })
                .collect()
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => items
            .iter()
            .zip(others)
            .enumerate()
            .flat_map(|(index, (item, other))| differences(item, other, format!("{path}[{index}]")))
            .collect(),
        (file, live) if file == live || same_amount(file, live) => Vec::new(),
        (Value::Null, _) => Vec::new(),
        (Value::Object(_) | Value::Array(_), _) => vec![(path, None)],
        (_, live) => vec![(path, (!live.is_object() && !live.is_array() && !live.is_null()).then_some(live))],
    }
}

/// The server writes quantities in one way, people in several.
fn same_amount(file: &Value, live: &Value) -> bool {
    let amount = |value: &Value| {
        cluster_object::quantity::Quantity::from_value(value).ok().map(cluster_object::quantity::Quantity::milli_value)
    };
    live.is_string() && amount(file).is_some() && amount(file) == amount(live)
}

/// A line with another value behind its key; what follows a ` #` stays. Only values that stand on their line.
fn replaced(line: &str, key: &str, value: &Value) -> Option<String> {
    let at = line.find(&format!("{key}:"))? + key.len() + 1;
    let (head, rest) = line.split_at(at);
    let old = rest.find(" #").map_or(rest, |at| &rest[..at]).trim_end();
    let comment = &rest[old.len()..];
    let old = old.trim_start();
    let several_lines = value.as_str().is_some_and(|text| text.contains('\n'));
    if old.is_empty() || old.starts_with(['|', '>', '&', '*', '{', '[']) || several_lines || key.ends_with(']') {
        return None;
    }
    Some(format!("{head} {}{comment}", yaml::to_string(value).ok()?.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_replaced_and_comments_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.yaml");
        let text = "spec:\n  replicas: 2  # enough\n  # the image\n  image: \"a\"\n  keep: x\n  list: [1]\n";
        std::fs::write(&file, format!("first: 1\n---\n{text}")).expect("a file");
        let object = json!({"spec": {"replicas": 2, "image": "a", "keep": "x", "list": [1]}});
        let document = Document { object, file: file.clone(), line: 3, text: text.to_owned() };
        let live = json!({"spec": {"replicas": 5, "image": "b", "keep": "x", "list": [1, 2], "other": true}});
        let pulled = pull(&document, &live);
        assert!(pulled.changed);
        assert_eq!(pulled.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [8], "a list is not pulled");
        let expected =
            "first: 1\n---\nspec:\n  replicas: 5  # enough\n  # the image\n  image: b\n  keep: x\n  list: [1]\n";
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), expected);
        let again = pull(&document, &live);
        assert!(!again.changed, "the file is not what was read");
    }

    #[test]
    fn the_same_in_other_words_is_no_difference() {
        let file = json!({"cpu": "0.5", "memory": "1024Mi", "gone": null});
        assert_eq!(differences(&file, &json!({"cpu": "500m", "memory": "1Gi"}), String::new()), []);
    }
}
