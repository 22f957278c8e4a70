//! Validation errors with field paths, worded as upstream's `field.Error`.

use std::fmt;

/// The way to a field, for example `spec.containers[0].image`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// A path that starts at the field `name`.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The field `name` of this one, or the field at the dotted path `name` below it.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self([&self.0, dot, name].concat())
    }

    /// The item at `index` of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    /// The entry under `key` of this map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self([&self.0, "[", key, "]"].concat())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a field; the names are those of `Status.details.causes[].reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `FieldValueRequired`
    Required,
    /// `FieldValueInvalid`
    Invalid,
    /// `FieldValueNotSupported`
    NotSupported,
    /// `FieldValueDuplicate`
    Duplicate,
    /// `FieldValueForbidden`
    Forbidden,
    /// `FieldValueTooLong`
    TooLong,
    /// `FieldValueTooMany`
    TooMany,
    /// `FieldValueNotFound`
    NotFound,
    /// `FieldValueTypeInvalid`
    TypeInvalid,
    /// `InternalError`
    Internal,
}

impl Reason {
    /// The name in `Status.details.causes[].reason`.
    pub fn cause(self) -> String {
        match self {
            Self::Internal => "InternalError".to_owned(),
            other => format!("FieldValue{other:?}"),
        }
    }
}

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Where.
    pub path: Path,
    /// What kind of fault.
    pub reason: Reason,
    /// The text behind the path, for example `Required value` or `Invalid value: "x": must be ...`.
    pub body: String,
}

/// All that is wrong with an object.
pub type Errors = Vec<Error>;

impl Error {
    /// The field must be given.
    pub fn required(path: &Path, detail: &str) -> Self {
        Self::new(path, Reason::Required, with_detail("Required value", detail))
    }

    /// The value breaks a rule; `value` is printed as Go's `%v` would (strings quoted).
    pub fn invalid(path: &Path, value: &serde_json::Value, detail: &str) -> Self {
        Self::new(path, Reason::Invalid, with_detail(&format!("Invalid value: {value}"), detail))
    }

    /// The value is none of the allowed ones.
    pub fn not_supported(path: &Path, value: &serde_json::Value, allowed: &[&str]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|a| format!("{a:?}")).collect();
        let detail = format!("supported values: {}", allowed.join(", "));
        Self::new(path, Reason::NotSupported, with_detail(&format!("Unsupported value: {value}"), &detail))
    }

    /// The value stands there already.
    pub fn duplicate(path: &Path, value: &serde_json::Value) -> Self {
        Self::new(path, Reason::Duplicate, format!("Duplicate value: {value}"))
    }

    /// The field may not be set here.
    pub fn forbidden(path: &Path, detail: &str) -> Self {
        Self::new(path, Reason::Forbidden, with_detail("Forbidden", detail))
    }

    /// The value has more than `max` bytes.
    pub fn too_long(path: &Path, max: usize) -> Self {
        Self::new(path, Reason::TooLong, format!("Too long: may not be more than {max} bytes"))
    }

    /// The list has more than `max` items.
    pub fn too_many(path: &Path, actual: usize, max: usize) -> Self {
        Self::new(path, Reason::TooMany, format!("Too many: {actual}: must have at most {max} items"))
    }

    /// What the value names does not exist.
    pub fn not_found(path: &Path, value: &serde_json::Value) -> Self {
        Self::new(path, Reason::NotFound, format!("Not found: {value}"))
    }

    /// An error with a body of its own.
    pub fn new(path: &Path, reason: Reason, body: String) -> Self {
        Self { path: path.clone(), reason, body }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body)
    }
}

/// Joins errors as upstream's `ToAggregate`: one as it is, several in brackets, equal ones once.
pub fn aggregate(errors: &[Error]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in errors.iter().map(ToString::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn with_detail(head: &str, detail: &str) -> String {
    if detail.is_empty() { head.to_owned() } else { format!("{head}: {detail}") }
}

/// A value as Go's `%v` prints it, as far as one line goes: a text without quotes.
pub fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The type that Go's reader of JSON gives a value, as `%T` prints it.
pub fn go_type(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
