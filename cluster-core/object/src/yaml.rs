//! YAML as kubectl reads it, and as it is written for people.

use crate::prelude::*;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Spanned, options};
use std::fmt;

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no YAML, or has more aliases than a manifest needs.
    #[error("yaml: {0}")]
    Read(#[source] Box<serde_saphyr::Error>),
    /// The value cannot be written.
    #[error("yaml: {0}")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads all documents of a manifest, JSON included; empty documents are left out.
pub fn from_manifest(text: &str) -> Result<Vec<Value>, Error> {
    let mut documents: Vec<Value> = read(text, DuplicateKeyPolicy::LastWins)?;
    documents.iter_mut().for_each(integral);
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

/// The keys that a mapping of the first document gives again, in the words of upstream's strict reader:
/// `line 5: key "name" already set in map`.
pub fn duplicates(text: &str) -> Result<Vec<String>, Error> {
    let documents: Vec<Repeated> = read(text, DuplicateKeyPolicy::PassThrough)?;
    Ok(documents.into_iter().next().map_or_else(Vec::new, |first| first.0))
}

fn read<'de, T: Deserialize<'de>>(text: &'de str, duplicate_keys: DuplicateKeyPolicy) -> Result<Vec<T>, Error> {
    let mut options = options! { legacy_octal_numbers: true, duplicate_keys: duplicate_keys };
    options.alias_limits.max_total_replayed_events = 100_000;
    serde_saphyr::from_multiple_with_options(text, options).map_err(|e| Error::Read(Box::new(e)))
}

/// What is read of a node for [`duplicates`].
struct Repeated(Vec<String>);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Repeats).map(Self)
    }
}

struct Repeats;

impl<'de> Visitor<'de> for Repeats {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        while let Some(key) = map.next_key::<Spanned<Value>>()? {
            let Repeated(within) = map.next_value()?;
            found.extend(within);
            let text = key.value.to_string();
            let line = key.referenced.line();
            if seen.contains(&text) {
                found.push(format!("line {line}: key {text} already set in map"));
            } else {
                seen.insert(text);
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut found = Vec::new();
        while let Some(Repeated(within)) = items.next_element()? {
            found.extend(within);
        }
        Ok(found)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }
}

/// Writes a value as one document.
pub fn to_string(value: &Value) -> Result<String, Error> {
    serde_saphyr::to_string(value).map_err(|e| Error::Write(e.to_string().into()))
}

/// Go writes a float without a fraction as an integer, and so do we.
fn integral(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 9e15);
            if let Some(whole) = whole {
                *number = Number::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(integral),
        Value::Object(fields) => fields.values_mut().for_each(integral),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn one(text: &str) -> Value {
        from_manifest(text).unwrap().remove(0)
    }

    #[test]
    fn scalars_are_read_as_kubectl_reads_them() {
        let table = [
            ("a: yes", json!(true)),
            ("a: on", json!(true)),
            ("a: y", json!(true)),
            ("a: n", json!(false)),
            ("a: no", json!(false)),
            ("a: 0644", json!(420)),
            ("a: 0o644", json!(420)),
            ("a: 0x1F", json!(31)),
            ("a: 1.0", json!(1)),
            ("a: 1e3", json!(1000)),
            ("a: 1_000", json!(1000)),
            ("a: 08", json!(8)),
            ("a: -1", json!(-1)),
            ("a: 9223372036854775807", json!(i64::MAX)),
            ("a: {1: x, true: z}", json!({"1": "x", "true": "z"})),
            ("a: 1:30", json!("1:30")),
            ("a: 1.5", json!(1.5)),
            ("a: ~", Value::Null),
            ("a:", Value::Null),
            ("a: '1'", json!("1")),
            ("a: 2026-01-02", json!("2026-01-02")),
            ("a: 10.96.0.10", json!("10.96.0.10")),
            ("a: 1Gi", json!("1Gi")),
            ("a: |\n  x\n  y\n", json!("x\ny\n")),
        ];
        for (text, want) in table {
            assert_eq!(one(text)["a"], want, "{text}");
        }
    }

    #[test]
    fn documents_anchors_merges_and_json() {
        let documents = from_manifest("---\na: 1\n---\n# nothing\n---\n{\"b\": [1, \"x\"]}\n...\n").unwrap();
        assert_eq!(documents, [json!({"a": 1}), json!({"b": [1, "x"]})]);
        assert_eq!(one("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3")["y"], json!({"a": 1, "b": 3}));
        assert!(from_manifest("a: [").is_err());
    }

    #[test]
    fn keys_that_come_again_have_their_lines() {
        let text = "a: 1\nb:\n- name: x\n  name: y\n- {true: 1, yes: 2}\na: {c: 1, c: 2}\n# end\n\"b\": x\n";
        let want = ["4: key \"name\"", "5: key true", "6: key \"c\"", "6: key \"a\"", "8: key \"b\""];
        assert_eq!(duplicates(text).unwrap(), want.map(|fault| format!("line {fault} already set in map")));
        assert_eq!(one(text), json!({"a": {"c": 2}, "b": "x"}));
        let fine = "x: &x {a: 1, b: [0x1, 1.5, -1, ~, .1, 99999999999999999999]}\ny:\n  <<: *x\n  b: 3\nz: *x\n---\na: 1\na: 2";
        assert_eq!(duplicates(fine).unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn alias_bombs_are_refused() {
        let lines = (1..9).map(|n| format!("a{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 10].join(",")));
        let bomb: Vec<String> = std::iter::once("a0: &a0 [x,x,x,x,x,x,x,x,x,x]".to_owned()).chain(lines).collect();
        assert!(from_manifest(&bomb.join("\n")).is_err());
    }

    #[test]
    fn written_text_reads_back() {
        let value = json!({"a": ["yes", "0644", "", "null", "x: y", "multi\nline\n", "1e3", "~"], "b": {"c": 1, "d": null}, "e": {}, "f": []});
        assert_eq!(one(&to_string(&value).unwrap()), value);
    }

    proptest! {
        #[test]
        fn any_text_is_written_so_that_it_reads_back(key in "[a-z0-9._/-]{1,12}", text in "(\\PC{0,20}|[-+0-9.exob_:~yn ]{0,8}|[a-c \\n\\t:#'\"-]{0,12})") {
            let value = json!({key: [text]});
            prop_assert_eq!(one(&to_string(&value).unwrap()), value);
        }
    }
}
