//! Compares a value with its schema: unknown fields and wrong types.

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine, alphabet};
use cluster_schema::{Object, Reference, Schema, Shape};
use serde_json::Value;

/// What does not fit the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The paths of fields that the schema does not know, for example `spec.containers[0].foo`.
    pub unknown: Vec<String>,
    /// Values of a wrong type, worded as Go's JSON decoder does.
    pub type_errors: Vec<String>,
}

/// Finds what does not fit the built-in kind that an object names; none when it names no such kind.
pub fn check_built_in(object: &Value) -> Option<Findings> {
    let version = object["apiVersion"].as_str()?;
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    Some(check(object, cluster_schema::builtin(group, version, object["kind"].as_str()?)?))
}

/// Finds what does not fit. `null` fits everywhere: it stands for an absent field.
pub fn check(value: &Value, schema: &Schema) -> Findings {
    let mut checker =
        Checker { path: Vec::new(), owner: value["kind"].as_str().unwrap_or_default(), found: Findings::default() };
    checker.walk(value, schema);
    checker.found
}

enum Step<'a> {
    Field(&'a str),
    Index(usize),
}

struct Checker<'a> {
    path: Vec<Step<'a>>,
    /// The Go struct that holds the value.
    owner: &'a str,
    found: Findings,
}

impl<'a> Checker<'a> {
    fn walk(&mut self, value: &'a Value, schema: &'a Schema) {
        let resolved = schema.resolve();
        match (value, &resolved.shape) {
            (Value::Null, _) | (_, Shape::Any) => {}
            (Value::Object(fields), Shape::Object(object)) => {
                let outer = self.owner;
                self.owner = type_name(schema).unwrap_or(outer);
                for (name, value) in fields {
                    self.path.push(Step::Field(name));
                    match schema.field(name) {
                        Some(field) => self.walk(value, &field.schema),
                        None => self.unknown(object, name),
                    }
                    self.path.pop();
                }
                self.owner = outer;
            }
            (Value::Object(entries), Shape::Map(map)) => {
                for (key, value) in entries {
                    self.path.push(Step::Field(key));
                    self.walk(value, &map.values);
                    self.path.pop();
                }
            }
            (Value::Array(items), Shape::List(list)) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.walk(item, &list.items);
                    self.path.pop();
                }
            }
            (value, shape) => self.scalar(value, shape, schema),
        }
    }

    fn unknown(&mut self, object: &Object, name: &str) {
        let embedded = object.embedded_resource && matches!(name, "apiVersion" | "kind" | "metadata");
        if !object.preserve_unknown && !embedded {
            self.found.unknown.push(self.text(true));
        }
    }

    fn scalar(&mut self, value: &Value, shape: &Shape, schema: &Schema) {
        let format = &*schema.resolve().format;
        let fits = match shape {
            Shape::String | Shape::Bytes | Shape::Time | Shape::MicroTime => value.is_string(),
            Shape::Integer => integer_fits(value, format),
            Shape::Number => value.is_number(),
            Shape::Boolean => value.is_boolean(),
            Shape::IntOrString => value.is_string() || integer_fits(value, "int32"),
            Shape::Quantity => match crate::quantity::Quantity::from_value(value) {
                Ok(_) => true,
                Err(why) => return self.found.type_errors.push(why.to_string()),
            },
            _ => false,
        };
        if fits {
            return match shape {
                Shape::Bytes => self.bytes(value.as_str().unwrap_or_default()),
                _ => self.time(value, shape),
            };
        }
        let got = match value {
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(n) if matches!(shape, Shape::Integer | Shape::IntOrString) => format!("number {n}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) | Value::Null => "object".to_owned(),
        };
        let (owner, path, want) = (self.owner, self.text(false), go_type(schema));
        self.found.type_errors.push(if path.is_empty() {
            format!("json: cannot unmarshal {got} into Go value of type {want}")
        } else {
            format!("json: cannot unmarshal {got} into Go struct field {owner}.{path} of type {want}")
        });
    }

    /// Bytes must be base64 as Go reads it: it cares neither for ends of lines nor for the last bits.
    fn bytes(&mut self, text: &str) {
        const LENIENT: GeneralPurpose =
            GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
        let text = text.replace(['\r', '\n'], "");
        let place = match LENIENT.decode(&text) {
            Ok(_) => return,
            Err(DecodeError::InvalidByte(place, _) | DecodeError::InvalidLastSymbol(place, _)) => place,
            Err(_) => text.len() / 4 * 4,
        };
        self.found.type_errors.push(format!("illegal base64 data at input byte {place}"));
    }

    /// Times must have Go's RFC 3339 form.
    fn time(&mut self, value: &Value, shape: &Shape) {
        let layout = match shape {
            Shape::Time => "2006-01-02T15:04:05Z07:00",
            Shape::MicroTime => "2006-01-02T15:04:05.000000Z07:00",
            _ => return,
        };
        let text = value.as_str().unwrap_or_default();
        let outside = || text.parse::<jiff::Timestamp>().is_err().then_some((text, "2006"));
        if let Some((rest, wanted)) = misplaced(text, matches!(shape, Shape::MicroTime)).or_else(outside) {
            self.found
                .type_errors
                .push(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {wanted:?}"));
        }
    }

    /// The path as text; Go's type errors leave indexes out.
    fn text(&self, indexes: bool) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) => text.extend([".", name]),
                Step::Index(index) if indexes => text.extend(["[", &index.to_string(), "]"]),
                Step::Index(_) => {}
            }
        }
        text
    }
}

/// From where on a time has not the form that Go reads, and what should stand there. Microseconds must be six digits.
fn misplaced(text: &str, micro: bool) -> Option<(&str, &'static str)> {
    fn fits(text: &str, form: &str) -> bool {
        let alike = |(found, wanted): (u8, u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
        text.len() >= form.len() && text.bytes().zip(form.bytes()).all(alike)
    }
    const PARTS: [(&str, &str); 11] = [
        ("0000", "2006"),
        ("-", "-"),
        ("00", "01"),
        ("-", "-"),
        ("00", "02"),
        ("T", "T"),
        ("00", "15"),
        (":", ":"),
        ("00", "04"),
        (":", ":"),
        ("00", "05"),
    ];
    let mut rest = text;
    for (form, wanted) in PARTS {
        if !fits(rest, form) {
            return Some((rest, wanted));
        }
        rest = &rest[form.len()..];
    }
    rest = match (micro, fits(rest, ".000000"), fits(rest, ".0")) {
        (true, true, _) => &rest[7..],
        (true, false, _) => return Some((rest, ".000000")),
        (false, _, true) => rest[1..].trim_start_matches(|c: char| c.is_ascii_digit()),
        (false, ..) => rest,
    };
    let zone = rest == "Z" || (rest.len() == 6 && (fits(rest, "+00:00") || fits(rest, "-00:00")));
    (!zone).then_some((rest, "Z07:00"))
}

fn integer_fits(value: &Value, format: &str) -> bool {
    match format {
        "int32" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        _ => value.is_i64(),
    }
}

/// The last part of a definition's name, which is the name of the Go struct.
fn type_name(schema: &Schema) -> Option<&str> {
    match &schema.shape {
        Shape::Reference(to) => to.name.rsplit('.').next(),
        _ => None,
    }
}

/// The Go type behind a schema, for example `[]v1.Container`.
fn go_type(schema: &Schema) -> String {
    if let Shape::Reference(Reference { name, .. }) = &schema.shape
        && !matches!(schema.resolve().shape, Shape::IntOrString | Shape::String | Shape::Integer)
    {
        let mut parts = name.rsplitn(3, '.');
        return match (parts.next(), parts.next()) {
            (Some(kind), Some(package)) => format!("{package}.{kind}"),
            _ => name.to_string(),
        };
    }
    let resolved = schema.resolve();
    match &resolved.shape {
        Shape::Integer if &*resolved.format == "int32" => "int32".to_owned(),
        Shape::Integer => "int64".to_owned(),
        Shape::Number => "float64".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::IntOrString => "intstr.IntOrString".to_owned(),
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::Map(map) => format!("map[string]{}", go_type(&map.values)),
        Shape::List(list) => format!("[]{}", go_type(&list.items)),
        Shape::Time | Shape::MicroTime | Shape::String => "string".to_owned(),
        _ => "object".to_owned(),
    }
}
