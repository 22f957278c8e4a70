//! How lists, patches and deletes are asked for.

use serde_json::{Value, json};

/// Narrows a list.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// For example `app=web`; empty for all.
    pub label_selector: String,
    /// For example `spec.nodeName=worker-1`; empty for all.
    pub field_selector: String,
}

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

/// How a delete is done.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Overrides the object's own grace period; 0 deletes at once.
    pub grace_period_seconds: Option<i64>,
    /// `Background`, `Foreground` or `Orphan`.
    pub propagation_policy: Option<String>,
    /// Only this very object.
    pub uid: Option<String>,
    /// Only in this very state.
    pub resource_version: Option<String>,
}

impl DeleteOptions {
    /// The wire form.
    pub fn to_json(&self) -> Value {
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        if let Some(seconds) = self.grace_period_seconds {
            body["gracePeriodSeconds"] = seconds.into();
        }
        if let Some(policy) = &self.propagation_policy {
            body["propagationPolicy"] = policy.as_str().into();
        }
        for (field, value) in [("uid", &self.uid), ("resourceVersion", &self.resource_version)] {
            if let Some(value) = value {
                body["preconditions"][field] = value.as_str().into();
            }
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delete_options_carry_only_what_is_set() {
        let options = DeleteOptions { uid: Some("u".into()), grace_period_seconds: Some(0), ..Default::default() };
        let expected = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
            "preconditions": {"uid": "u"}});
        assert_eq!(options.to_json(), expected);
    }
}
