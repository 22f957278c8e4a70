//! The text of an object without the owners of its fields: nobody who caches objects reads them, and they are half of
//! what there is to decode.

use std::borrow::Cow;
use std::ops::Range;

/// The object without its `metadata.managedFields`; as it is where it has none, or is not well-formed.
pub(crate) fn without_managed_fields(text: &[u8]) -> Cow<'_, [u8]> {
    let fields = member(text, 0, b"metadata").and_then(|metadata| member(text, metadata.start, b"managedFields"));
    match fields {
        Some(fields) => Cow::Owned([&text[..fields.start], b"[]", &text[fields.end..]].concat()),
        None => Cow::Borrowed(text),
    }
}

/// Where the value of a member is, of the JSON object that begins at `at`.
fn member(text: &[u8], at: usize, name: &[u8]) -> Option<Range<usize>> {
    let mut at = after(text, at, b'{')?;
    loop {
        let key = value(text, at)?;
        let found = value(text, after(text, key.end, b':')?)?;
        if text.get(key)?.strip_prefix(b"\"")?.strip_suffix(b"\"")? == name {
            return Some(found);
        }
        at = after(text, found.end, b',')?;
    }
}

/// The place behind `sign`, when that comes next.
fn after(text: &[u8], at: usize, sign: u8) -> Option<usize> {
    let at = skip_blanks(text, at);
    (text.get(at) == Some(&sign)).then_some(at + 1)
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Where the next value is.
fn value(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = skip_blanks(text, at);
    let mut at = start;
    let mut depth = 0_usize;
    loop {
        match text.get(at)? {
            b'"' => at = string_end(text, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            _ if depth > 0 => {
                at += 1;
                continue;
            }
            // A number or a word.
            _ => at += text[at..].iter().position(|byte| b",}] \t\r\n".contains(byte))?,
        }
        if depth == 0 {
            return Some(start..at);
        }
    }
}

/// The place behind the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn only_the_objects_own_managed_fields_are_left_out() {
        let cases = [
            (
                r#"{"metadata":{"managedFields":[{"a":"]}\""}],"name":"x"}}"#,
                r#"{"metadata":{"managedFields":[],"name":"x"}}"#,
            ),
            (
                r#" { "kind" : "\"metadata\":{" , "metadata" : { "n" : 1 , "managedFields" : [ [ ] ] } }"#,
                r#" { "kind" : "\"metadata\":{" , "metadata" : { "n" : 1 , "managedFields" : [] } }"#,
            ),
            (
                r#"{"spec":{"metadata":{"managedFields":[1]}},"metadata":{}}"#,
                r#"{"spec":{"metadata":{"managedFields":[1]}},"metadata":{}}"#,
            ),
            (
                r#"{"metadata":{"labels":{"managedFields":[2]}},"managedFields":[3]}"#,
                r#"{"metadata":{"labels":{"managedFields":[2]}},"managedFields":[3]}"#,
            ),
            (r#"{"metadata":null}"#, r#"{"metadata":null}"#),
            ("{}", "{}"),
            (r#"{"metadata":{"managedFields":[1"#, r#"{"metadata":{"managedFields":[1"#),
            (r#"{"metadata":{"managedFields":"\"#, r#"{"metadata":{"managedFields":"\"#),
            ("", ""),
        ];
        for (text, expected) in cases {
            let lean = without_managed_fields(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&lean), expected);
        }
    }

    fn text() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), ".*".prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_rest_of_any_object_stays_as_it_is(rest in text(), fields in text(), pretty: bool) {
            let object = json!({"a": rest, "metadata": {"b": rest, "managedFields": fields, "z": rest}, "spec": rest});
            let text = if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) };
            let lean: Value = serde_json::from_slice(&without_managed_fields(&text.expect("text"))).expect("JSON");
            prop_assert_eq!(lean, json!({"a": rest, "metadata": {"b": rest, "managedFields": [], "z": rest}, "spec": rest}));
        }

        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(prop::sample::select(b"{}[]\":,\\ a1metadata".to_vec()), 0..60)) {
            without_managed_fields(&text);
        }
    }
}
