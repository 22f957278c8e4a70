//! Decoding as upstream's strict decoder does it: duplicate keys, unknown fields, wrong types, and pruning.

mod check;
mod json;
mod prune;

pub use check::{Findings, check, check_built_in};
pub use json::parse_json;
pub use prune::{normalize, prune, prune_custom};

use crate::status::Status;

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

/// The text of each unknown and duplicate field: a warning of its own, or a part of [`strict_error`].
pub fn strict_faults(unknown: &[String], duplicate: &[String]) -> Vec<String> {
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    unknown.chain(duplicate.iter().map(|path| format!("duplicate field {path:?}"))).collect()
}

/// 400 for an object with unknown or duplicate fields.
pub fn strict_error(kind: &str, version: &str, faults: &[String]) -> Status {
    cannot_be_handled(kind, version, &format!("strict decoding error: {}", faults.join(", ")))
}

/// 400 for a body that does not fit its kind; `version` is the API version without the group.
pub fn cannot_be_handled(kind: &str, version: &str, why: &str) -> Status {
    Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
}

#[cfg(test)]
mod tests;
