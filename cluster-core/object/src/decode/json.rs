//! JSON text to a value, with the paths of the keys that came twice.

use crate::status::Status;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads JSON. Of fields that come twice the last one counts; their paths are the second part of the answer.
pub fn parse_json(bytes: &[u8]) -> Result<(Value, Vec<String>), Status> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Seed { duplicates: &mut duplicates, way: None }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|e| {
            Status::bad_request(format!("couldn't get version/kind; json parse error: {}", go_error(bytes, &e)))
        })?;
    Ok((value, duplicates))
}

/// What Go says where the text ends too early, begins with no value or goes on behind it; else the error as it is.
fn go_error(text: &[u8], error: &serde_json::Error) -> String {
    let said = error.to_string();
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let place = line.get(error.column().saturating_sub(1)).map(|byte| char::from(*byte));
    match place {
        _ if error.is_eof() => "unexpected end of JSON input".to_owned(),
        Some(c) if said.starts_with("expected value") => {
            format!("invalid character {c:?} looking for beginning of value")
        }
        Some(c) if said.starts_with("trailing characters") => format!("invalid character {c:?} after top-level value"),
        _ => said,
    }
}

/// The way from the root to a value; it lives on the stack and becomes text only when a key came twice.
#[derive(Clone, Copy)]
enum Way<'a> {
    Field(Option<&'a Way<'a>>, &'a str),
    Index(Option<&'a Way<'a>>, usize),
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(None, name) => f.write_str(name),
            Self::Field(Some(parent), name) => write!(f, "{parent}.{name}"),
            Self::Index(None, index) => write!(f, "[{index}]"),
            Self::Index(Some(parent), index) => write!(f, "{parent}[{index}]"),
        }
    }
}

struct Seed<'a> {
    duplicates: &'a mut Vec<String>,
    way: Option<&'a Way<'a>>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let way = Way::Index(self.way, items.len());
            match seq.next_element_seed(Seed { duplicates: &mut *self.duplicates, way: Some(&way) })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let way = Way::Field(self.way, &name);
            if fields.contains_key(&name) {
                let path = way.to_string();
                if !self.duplicates.contains(&path) {
                    self.duplicates.push(path);
                }
            }
            let value = map.next_value_seed(Seed { duplicates: &mut *self.duplicates, way: Some(&way) })?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn duplicate_keys_are_found_and_the_last_wins() {
        let text = br#"{"a": 1, "a": 2, "a": 3, "s": {"c": [{"n": 1}, {"n": 1, "n": 2}]}, "f": 1.5, "m": -1}"#;
        let (value, duplicates) = parse_json(text).unwrap();
        assert_eq!(value, json!({"a": 3, "s": {"c": [{"n": 1}, {"n": 2}]}, "f": 1.5, "m": -1}));
        assert_eq!(duplicates, ["a", "s.c[1].n"]);
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        let deep = "[".repeat(100_000);
        for text in [&b"{"[..], b"{} x", b"\"\xff\"", b"", deep.as_bytes()] {
            assert_eq!(parse_json(text).unwrap_err().code, 400);
        }
    }
}
