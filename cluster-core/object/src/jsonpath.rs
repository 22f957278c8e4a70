//! The simple JSON paths of printer columns and selectable fields: `.spec.x[0]['a.b']`, `[*]`, `[?(@.type=="Ready")]`.

use serde_json::Value;

/// One step of a path.
#[derive(Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    Filter { path: Vec<Step>, equal: bool, value: Value },
}

/// All values at `path`; a path that cannot be read selects nothing.
pub fn simple<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let path = path.trim().trim_start_matches('{').trim_end_matches('}');
    parse(path.trim_start_matches('$')).map(|steps| walk(value, &steps)).unwrap_or_default()
}

fn walk<'a>(value: &'a Value, steps: &[Step]) -> Vec<&'a Value> {
    let Some((step, rest)) = steps.split_first() else {
        return vec![value];
    };
    let next: Vec<&Value> = match step {
        Step::Field(name) => value.get(name).into_iter().collect(),
        Step::Index(index) => at(value, *index).into_iter().collect(),
        Step::All => items(value),
        Step::Filter { path, equal, value: wanted } => items(value)
            .into_iter()
            .filter(|item| walk(item, path).first().is_some_and(|found| (*found == wanted) == *equal))
            .collect(),
    };
    next.into_iter().flat_map(|value| walk(value, rest)).collect()
}

fn at(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let index = if index < 0 { items.len() as i64 + index } else { index };
    items.get(usize::try_from(index).ok()?)
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

fn parse(mut text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !text.is_empty() {
        if let Some(rest) = text.strip_prefix('[') {
            let end = closing(rest)?;
            steps.push(bracket(rest[..end].trim())?);
            text = &rest[end + 1..];
            continue;
        }
        let rest = text.strip_prefix('.')?;
        let (name, length) = field(rest);
        match name.as_str() {
            "" if rest.is_empty() || rest.starts_with('[') => {}
            "" => return None,
            "*" => steps.push(Step::All),
            _ => steps.push(Step::Field(name)),
        }
        text = &rest[length..];
    }
    Some(steps)
}

/// The name at the start of `text` and the bytes it takes; a backslash escapes a dot.
fn field(text: &str) -> (String, usize) {
    let (mut name, mut escaped) = (String::new(), false);
    for (index, c) in text.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' | '[' if !escaped => return (name, index),
            c => {
                name.push(c);
                escaped = false;
            }
        }
    }
    (name, text.len())
}

/// Where the bracket that was just opened closes; quotes hide brackets.
fn closing(text: &str) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0);
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(index),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn bracket(text: &str) -> Option<Step> {
    if text == "*" {
        return Some(Step::All);
    }
    if let Some(condition) = text.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        let (path, value, equal) = match (condition.split_once("=="), condition.split_once("!=")) {
            (Some((path, value)), _) => (path, value, true),
            (None, Some((path, value))) => (path, value, false),
            (None, None) => return None,
        };
        return Some(Step::Filter {
            path: parse(path.trim().strip_prefix('@')?)?,
            equal,
            value: literal(value.trim())?,
        });
    }
    match unquote(text) {
        Some(name) => Some(Step::Field(name.to_owned())),
        None => text.parse().ok().map(Step::Index),
    }
}

fn unquote(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

fn literal(text: &str) -> Option<Value> {
    match unquote(text) {
        Some(text) => Some(Value::String(text.to_owned())),
        None => serde_json::from_str(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_select_as_kubectl_does() {
        let object = json!({
            "metadata": {"annotations": {"a.b/c": "x"}},
            "spec": {"replicas": 3, "list": [{"n": 1}, {"n": 2}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
        });
        let table: &[(&str, Value)] = &[
            (".spec.replicas", json!([3])),
            ("{.spec.replicas}", json!([3])),
            ("$.spec.replicas", json!([3])),
            (".spec.list[0].n", json!([1])),
            (".spec.list[-1].n", json!([2])),
            (".spec.list[*].n", json!([1, 2])),
            (".spec.list[9].n", json!([])),
            (".metadata.annotations['a.b/c']", json!(["x"])),
            (r".metadata.annotations.a\.b/c", json!(["x"])),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"])),
            (r".status.conditions[?(@.type != 'Ready')].status", json!(["False"])),
            (".spec.list[?(@.n==2)].n", json!([2])),
            (".none.at.all", json!([])),
            ("spec", json!([])),
            (".spec[", json!([])),
        ];
        for (path, want) in table {
            assert_eq!(json!(simple(&object, path)), *want, "{path}");
        }
        assert!(parse(".a['b']").is_some() && parse("a").is_none() && parse(".a..b").is_none());
    }
}
