//! `meta/v1 Status` as an error: what the API server answers and what a client reads back.

use crate::field;
use serde::{Deserialize, Serialize};

/// A failed request, as `meta/v1 Status` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// The machine-readable reason, for example `NotFound`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The text for people.
    #[serde(default)]
    pub message: String,
    /// The object and the causes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
    /// Where a list whose revision is gone goes on, at the present one.
    #[serde(skip)]
    pub continue_token: String,
}

/// What a [`Status`] is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The object's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The API group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind, or the plural resource.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The object's UID.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Each single fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// After how many seconds a retry makes sense.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

/// One fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// For example `FieldValueRequired`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// The resource an error speaks of: group and plural (`apps`, `deployments`).
#[derive(Debug, Clone, Copy)]
pub struct GroupResource<'a> {
    /// The API group; empty for core.
    pub group: &'a str,
    /// The plural name.
    pub resource: &'a str,
}

impl GroupResource<'_> {
    fn qualified(&self) -> String {
        if self.group.is_empty() { self.resource.to_owned() } else { format!("{}.{}", self.resource, self.group) }
    }

    fn details(&self, name: &str) -> Option<Box<Details>> {
        let (group, kind) = (self.group.to_owned(), self.resource.to_owned());
        Some(Box::new(Details { name: name.to_owned(), group, kind, ..Details::default() }))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Status {
    /// An error without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None, continue_token: String::new() }
    }

    /// 404 `NotFound` for one object.
    pub fn not_found(resource: GroupResource<'_>, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self { details: resource.details(name), ..Self::new(404, "NotFound", message) }
    }

    /// 409 `AlreadyExists`.
    pub fn already_exists(resource: GroupResource<'_>, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self { details: resource.details(name), ..Self::new(409, "AlreadyExists", message) }
    }

    /// 409 `AlreadyExists` of an object that asked for a name of the server's making.
    pub fn no_unique_name(resource: GroupResource<'_>, name: &str) -> Self {
        let mut status = Self::already_exists(resource, name);
        status.message.push_str(", the server was not able to generate a unique name for the object");
        if let Some(details) = &mut status.details {
            details.retry_after_seconds = 1;
        }
        status
    }

    /// 409 `Conflict`.
    pub fn conflict(resource: GroupResource<'_>, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self { details: resource.details(name), ..Self::new(409, "Conflict", message) }
    }

    /// 409 `Conflict` because the object changed since it was read.
    pub fn modified(resource: GroupResource<'_>, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403 `Forbidden`.
    pub fn forbidden(resource: GroupResource<'_>, name: &str, why: &str) -> Self {
        let message = match (resource.resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{} is forbidden: {why}", resource.qualified()),
            (false, false) => format!("{} {name:?} is forbidden: {why}", resource.qualified()),
        };
        Self { details: resource.details(name), ..Self::new(403, "Forbidden", message) }
    }

    /// 422 `Invalid` with a cause for each error; `kind` is the kind, not the resource.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[field::Error]) -> Self {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let message = format!("{qualified} {name:?} is invalid: {}", field::aggregate(errors));
        let causes = errors
            .iter()
            .map(|e| Cause { reason: e.reason.cause(), message: e.body.clone(), field: e.path.to_string() })
            .collect();
        let details = Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes,
            ..Details::default()
        };
        Self { details: Some(Box::new(details)), ..Self::new(422, "Invalid", message) }
    }

    /// 400 `BadRequest`.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401 `Unauthorized`.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 405 `MethodNotAllowed`.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: Some(Box::default()), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// 404 `NotFound` for a resource that nobody serves.
    pub fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self { details: Some(Box::default()), ..Self::new(404, "NotFound", message) }
    }

    /// 410 `Expired`: the revision asked for is gone.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 500 `InternalError`.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        let message = message.to_string();
        let text = format!("Internal error occurred: {message}");
        let details = Details { causes: vec![Cause { message, ..Cause::default() }], ..Details::default() };
        Self { details: Some(Box::new(details)), ..Self::new(500, "InternalError", text) }
    }

    /// Whether the server said that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.reason == "NotFound"
    }

    /// Whether the object changed in between, or a precondition failed.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// Whether the object was there already.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// The wire form, `kind: Status` included.
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            value["reason"] = self.reason.as_str().into();
        }
        if let Some(details) = &self.details {
            value["details"] = serde_json::json!(details);
        }
        if !self.continue_token.is_empty() {
            value["metadata"]["continue"] = self.continue_token.as_str().into();
        }
        value
    }
}
