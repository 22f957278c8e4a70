//! YAML as kubectl reads it, and as it is written for people.

use serde_json::{Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, options};

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
    let mut options = options! { legacy_octal_numbers: true, duplicate_keys: DuplicateKeyPolicy::LastWins };
    options.alias_limits.max_total_replayed_events = 100_000;
    let mut documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|e| Error::Read(Box::new(e)))?;
    documents.iter_mut().for_each(integral);
    documents.retain(|document| !document.is_null());
    Ok(documents)
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
