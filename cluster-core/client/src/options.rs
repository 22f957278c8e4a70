//! How patches are asked for.

use serde_json::Value;

/// A change to an object, in one of the four ways the API knows.
#[derive(Debug, Clone)]
pub enum Patch {
    /// RFC 6902: a list of operations.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Lists merge by their keys.
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

impl Patch {
    pub(crate) fn parts(&self) -> (&'static str, &Value) {
        match self {
            Self::Json(body) => ("application/json-patch+json", body),
            Self::Merge(body) => ("application/merge-patch+json", body),
            Self::Strategic(body) => ("application/strategic-merge-patch+json", body),
            Self::Apply(body) => ("application/apply-patch+yaml", body),
        }
    }
}
