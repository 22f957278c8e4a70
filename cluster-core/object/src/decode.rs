//! Decoding as upstream's strict decoder does it: duplicate keys, unknown fields, wrong types, and pruning.

use crate::prelude::*;

mod check;
mod json;
mod prune;

pub use check::{Findings, check, check_built_in};
pub use json::parse_json;
pub(crate) use prune::is_zero;
pub use prune::{normalize, prune, prune_custom};

/// What becomes of unknown and duplicate fields (`fieldValidation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// They are dropped.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// They fail the request.
    Strict,
}

impl Strictness {
    /// Reads the value of the `fieldValidation` parameter; empty is the server's default, `Warn`.
    pub fn parse(text: &str) -> Result<Self, Status> {
        match text {
            "" | "Warn" => Ok(Self::Warn),
            "Ignore" => Ok(Self::Ignore),
            "Strict" => Ok(Self::Strict),
            other => Err(Status::bad_request(format!(
                "invalid fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
            ))),
        }
    }
}

/// The keys that a body gives more than once.
#[derive(Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The paths of fields, of JSON.
    Json(Vec<String>),
    /// [`crate::yaml::duplicates`], of YAML.
    Yaml(Vec<String>),
}

impl Duplicates {
    /// What YAML's strict reader says of them; `None` when there are none or the body is JSON.
    pub fn yaml_error(&self) -> Option<String> {
        match self {
            Self::Yaml(lines) if !lines.is_empty() => {
                Some(format!("yaml: unmarshal errors:\n  {}", lines.join("\n  ")))
            }
            _ => None,
        }
    }
}

/// How deep values of an object may nest. Less than a reader of JSON stands, because lists, reviews and `managedFields`
/// hold what objects hold some levels deeper.
pub const MAX_DEPTH: usize = 100;

/// 400 for an object that nests too deep.
pub fn check_depth(object: &Value) -> Result<(), Status> {
    match depth(object) {
        0..=MAX_DEPTH => Ok(()),
        _ => Err(Status::bad_request(format!("the object nests deeper than {MAX_DEPTH} levels"))),
    }
}

/// How many levels of objects and lists a value has.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// The text of the warning about each unknown and duplicate field.
pub fn strict_warnings(unknown: &[String], duplicates: &Duplicates) -> Vec<String> {
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    match duplicates {
        Duplicates::Json(paths) => {
            unknown.chain(paths.iter().map(|path| format!("duplicate field {path:?}"))).collect()
        }
        Duplicates::Yaml(lines) => lines.iter().cloned().chain(unknown).collect(),
    }
}

/// 400 for an object with unknown or duplicate fields; `None` when it has none.
pub fn strict_error(kind: &str, version: &str, unknown: &[String], duplicates: &Duplicates) -> Option<Status> {
    let faults = match duplicates.yaml_error() {
        Some(error) => [vec![error], strict_warnings(unknown, &Duplicates::Yaml(Vec::new()))].concat(),
        None => strict_warnings(unknown, duplicates),
    };
    let why = || format!("strict decoding error: {}", faults.join(", "));
    (!faults.is_empty()).then(|| cannot_be_handled(kind, version, &why()))
}

/// 400 for a body that does not fit its kind; `version` is the API version without the group.
pub fn cannot_be_handled(kind: &str, version: &str, why: &str) -> Status {
    Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
}

#[cfg(test)]
mod tests;
