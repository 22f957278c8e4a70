//! How errors show parts of a definition: upstream prints its own types, with their names and in their order.

use crate::kinds::prelude::*;

/// A field: its name, that in JSON (empty for the value itself), what stands for nothing, and its type if it has one
/// (with `{}` for a map of them).
type Field = (&'static str, &'static str, Value, &'static str);

static TYPES: LazyLock<HashMap<&str, Vec<Field>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("internal.json")).expect("a table, which tests read"));

/// `Invalid value` with a value of one of upstream's own types.
pub(super) fn invalid(path: &Path, kind: &str, value: &Value, detail: &str) -> Error {
    let shown = shown(kind, value).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    Error::new(path, Reason::Invalid, format!("Invalid value: {shown}: {detail}"))
}

fn shown(kind: &str, value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match (kind.strip_suffix("{}"), value) {
        _ if kind.is_empty() => value.to_string(),
        (Some(kind), Value::Object(map)) => {
            let entry = |(name, value): (&String, &Value)| format!("{}:{}", Value::from(&**name), shown(kind, value));
            format!("{{{}}}", list(map.iter().map(entry).collect()))
        }
        (None, Value::Array(items)) => format!("[{}]", list(items.iter().map(|item| shown(kind, item)).collect())),
        (None, Value::Object(_)) => {
            let field = |(name, json, nothing, kind): &Field| {
                let given = if json.is_empty() { Some(value) } else { value.get(json) };
                format!("\"{name}\":{}", given.map_or_else(|| nothing.to_string(), |given| shown(kind, given)))
            };
            format!("{{{}}}", list(TYPES[kind].iter().map(field).collect()))
        }
        _ => value.to_string(),
    }
}
