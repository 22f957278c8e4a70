//! The text of an object without the owners of its fields: few who read objects ask for them, and they are half of
//! what there is to decode.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, rename = "managedFields")]
    managed_fields: &'a RawValue,
}

/// The object without its `metadata.managedFields`; as it is where it has none, or is not well-formed.
pub fn without_managed_fields(text: &[u8]) -> Cow<'_, [u8]> {
    let Ok(Outline { metadata }) = serde_json::from_slice::<Outline<'_>>(text) else { return Cow::Borrowed(text) };
    let fields = metadata.managed_fields.get();
    // It is borrowed from the text, so this is where it begins there.
    let start = fields.as_ptr().addr() - text.as_ptr().addr();
    Cow::Owned([&text[..start], b"[]", &text[start + fields.len()..]].concat())
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
