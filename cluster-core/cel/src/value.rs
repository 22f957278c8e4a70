//! Between JSON and the interpreter's values.

use crate::prelude::*;
use base64::prelude::*;
use serde_json::{Number, Value as Json};

const RESERVED: &str = "true false null in as break const continue else for function if import let loop package \
    namespace return var void while";

/// The name under which expressions reach a field of a schema; `None` when they cannot.
pub fn escape(name: &str) -> Option<String> {
    if RESERVED.split(' ').any(|reserved| reserved == name) {
        return Some(format!("__{name}__"));
    }
    let known = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c));
    let name = name.replace("__", "__underscores__");
    (known && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| name.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__"))
}

/// A value without a schema.
pub fn dynamic(json: &Json) -> Value {
    typed(json, &Type::Dyn)
}

/// A value of a type: text becomes time where the type says so, field names are escaped.
pub fn typed(json: &Json, kind: &Type) -> Value {
    match (json, kind) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(is), _) => Value::Bool(*is),
        (Json::Number(number), Type::Double) => Value::Float(number.as_f64().unwrap_or_default()),
        (Json::Number(number), _) => whole(number),
        (Json::String(text), kind) => self::text(text, kind),
        (Json::Array(items), kind) => {
            let element = if let Type::List(element, ..) = kind { element } else { &Type::Dyn };
            Value::List(Arc::new(items.iter().map(|item| typed(item, element)).collect()))
        }
        (Json::Object(fields), Type::Object(object)) => {
            // What the schema does not name cannot be reached.
            let known = fields.iter().filter_map(|(name, value)| {
                let name = if object.fields.contains_key(name) { name.clone() } else { escape(name)? };
                object.fields.get(&name).map(|kind| (name.clone(), typed(value, kind)))
            });
            self::object(known)
        }
        (Json::Object(fields), kind) => {
            let values = if let Type::Map(values, _) = kind { values } else { &Type::Dyn };
            self::object(fields.iter().map(|(name, value)| (name.clone(), typed(value, values))))
        }
    }
}

/// An optional value.
pub fn optional(value: Option<Value>) -> Value {
    Value::Opaque(Arc::new(value.map_or_else(OptionalValue::none, OptionalValue::of)))
}

/// An object of these fields.
pub fn object(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    let entries: HashMap<Key, Value> = entries.into_iter().map(|(name, value)| (Key::from(name), value)).collect();
    Value::Map(Map { map: Arc::new(entries) })
}

fn whole(number: &Number) -> Value {
    match (number.as_i64(), number.as_f64()) {
        (Some(number), _) => Value::Int(number),
        (None, number) => Value::Float(number.unwrap_or_default()),
    }
}

fn text(text: &str, kind: &Type) -> Value {
    let plain = || Value::String(Arc::new(text.to_owned()));
    match kind {
        Type::Timestamp => {
            let midnight = || format!("{text}T00:00:00Z");
            let time = chrono::DateTime::parse_from_rfc3339(text)
                .or_else(|_| chrono::DateTime::parse_from_rfc3339(&midnight()));
            time.map_or_else(|_| plain(), Value::Timestamp)
        }
        Type::Duration => nanoseconds(text).map_or_else(plain, |n| Value::Duration(chrono::Duration::nanoseconds(n))),
        Type::Bytes(_) => BASE64_STANDARD.decode(text).map_or_else(|_| plain(), |bytes| Value::Bytes(Arc::new(bytes))),
        _ => plain(),
    }
}

/// Whether text is a duration as Go writes them, for example `1h30m`.
pub fn is_duration(text: &str) -> bool {
    nanoseconds(text).is_some()
}

fn nanoseconds(text: &str) -> Option<i64> {
    const UNITS: &[(&str, f64)] =
        &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() || total == 0.0 {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        total += number.parse::<f64>().ok()? * UNITS.iter().find(|(name, _)| *name == unit)?.1;
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    Some((sign * total) as i64)
}

/// The JSON of a value; `None` for those that have none, for example a type.
pub fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(is) => Json::Bool(*is),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) => Number::from_f64(*number)?.into(),
        Value::String(text) => Json::String(text.to_string()),
        Value::List(items) => items.iter().map(to_json).collect::<Option<Vec<Json>>>()?.into(),
        Value::Map(map) => {
            let entries = map.map.iter().map(|(key, value)| Some((key.to_string(), to_json(value)?)));
            Json::Object(entries.collect::<Option<serde_json::Map<String, Json>>>()?)
        }
        Value::Timestamp(time) => time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).into(),
        Value::Opaque(inner) => to_json(inner.downcast_ref::<OptionalValue>()?.value()?)?,
        _ => return None,
    })
}
