//! The options a request carries: in its query, and for deletes in its body.

use super::info::pairs;
use cluster_object::decode::Strictness;
use cluster_object::field::{Error, Path};
use cluster_object::patch::merge_patch;
use cluster_object::selector::{FieldSelector, Selector};
use cluster_object::status::Status;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a list reads `resourceVersion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionMatch {
    /// At this revision.
    Exact,
    /// At this revision or a newer one.
    NotOlderThan,
}

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Propagation {
    /// They stay.
    Orphan,
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
}

/// All options of a query, typed. Which of them count depends on the verb.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// `labelSelector`
    pub labels: Selector,
    /// `fieldSelector`
    pub fields: FieldSelector,
    /// `limit`; 0 for no limit.
    pub limit: usize,
    /// `continue`
    pub continue_token: String,
    /// `resourceVersion`
    pub resource_version: String,
    /// `resourceVersionMatch`
    pub version_match: Option<VersionMatch>,
    /// `sendInitialEvents`
    pub send_initial_events: Option<bool>,
    /// `allowWatchBookmarks`
    pub bookmarks: bool,
    /// `timeoutSeconds`
    pub timeout_seconds: Option<u64>,
    /// `dryRun=All`
    pub dry_run: bool,
    /// `fieldManager`
    pub field_manager: String,
    /// Whether `fieldManager` was given, as apply demands.
    pub manager_given: bool,
    /// `fieldValidation`
    pub field_validation: Strictness,
    /// `force`
    pub force: Option<bool>,
    /// `pretty`
    pub pretty: bool,
    /// `includeObject` of tables.
    pub include_object: String,
    /// The delete options that may stand in the query.
    pub delete: DeleteOptions,
}

/// `meta/v1 DeleteOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteOptions {
    /// Seconds until the object is gone.
    pub grace_period_seconds: Option<i64>,
    /// What must hold of the object.
    pub preconditions: Option<Preconditions>,
    /// The old way to say `Orphan` or `Background`.
    pub orphan_dependents: Option<bool>,
    /// What happens to dependents.
    pub propagation_policy: Option<Propagation>,
    /// `["All"]`: nothing is stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<String>,
}

/// What must hold of an object for a delete to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preconditions {
    /// Its UID.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

impl Query {
    /// Reads a raw query; `user_agent` names the field manager when the query does not.
    pub fn parse(query: &str, user_agent: &str) -> Result<Self, Status> {
        // People who look with such a program see text that is made for people.
        let pretty = ["curl", "Wget", "Mozilla/5.0"].iter().any(|program| user_agent.starts_with(program));
        let mut q = Self { pretty, ..Self::default() };
        for (key, value) in pairs(query) {
            q.set(&key, &value)?;
        }
        q.manager_given = !q.field_manager.is_empty();
        if !q.manager_given {
            user_agent.split('/').next().unwrap_or_default().clone_into(&mut q.field_manager);
            if q.field_manager.is_empty() {
                "unknown".clone_into(&mut q.field_manager);
            }
        }
        Ok(q)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Status> {
        match key {
            "labelSelector" => {
                self.labels = Selector::parse(value).map_err(Status::bad_request)?;
            }
            "fieldSelector" => self.fields = FieldSelector::parse(value).map_err(Status::bad_request)?,
            "limit" => self.limit = usize::try_from(integer(key, value)?).unwrap_or_default(),
            "continue" => value.clone_into(&mut self.continue_token),
            "resourceVersion" => value.clone_into(&mut self.resource_version),
            "resourceVersionMatch" => self.version_match = version_match(value)?,
            "sendInitialEvents" => self.send_initial_events = Some(boolean(value)),
            "allowWatchBookmarks" => self.bookmarks = boolean(value),
            "timeoutSeconds" => self.timeout_seconds = u64::try_from(integer(key, value)?).ok(),
            "dryRun" => self.dry_run = dry_run(value)?,
            "fieldManager" => value.clone_into(&mut self.field_manager),
            "fieldValidation" => self.field_validation = field_validation(value)?,
            "force" => self.force = Some(boolean(value)),
            "pretty" => self.pretty = boolean(value),
            "includeObject" => value.clone_into(&mut self.include_object),
            "gracePeriodSeconds" => self.delete.grace_period_seconds = Some(integer(key, value)?),
            "orphanDependents" => self.delete.orphan_dependents = Some(boolean(value)),
            "propagationPolicy" => self.delete.propagation_policy = propagation(value)?,
            _ => {}
        }
        Ok(())
    }
}

impl DeleteOptions {
    /// Faults as upstream's `ValidateDeleteOptions` words them.
    pub fn validate(&self) -> Result<(), Status> {
        if self.orphan_dependents.is_some() && self.propagation_policy.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            return Err(invalid("DeleteOptions", "", "propagationPolicy", &json!(self.policy_name()), detail));
        }
        for item in &self.dry_run {
            dry_run(item)?;
        }
        Ok(())
    }

    /// What happens to dependents, the old option included.
    pub fn propagation(&self) -> Option<Propagation> {
        let of = |orphan| if orphan { Propagation::Orphan } else { Propagation::Background };
        self.propagation_policy.or(self.orphan_dependents.map(of))
    }

    /// The object on the wire, without what is unset.
    pub fn to_json(&self) -> Value {
        let mut value = json!({"kind": "DeleteOptions"});
        merge_patch(&mut value, &json!(self));
        value
    }

    fn policy_name(&self) -> String {
        self.propagation_policy.map(|p| format!("{p:?}")).unwrap_or_default()
    }
}

/// Go's reading of a boolean query value: present and not a known false.
pub(crate) fn boolean(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "false" | "0")
}

fn integer(key: &str, value: &str) -> Result<i64, Status> {
    value
        .parse()
        .map_err(|_| Status::bad_request(format!("{key}: strconv.ParseInt: parsing {value:?}: invalid syntax")))
}

fn dry_run(value: &str) -> Result<bool, Status> {
    match value {
        "" => Ok(false),
        "All" => Ok(true),
        other => {
            let error = Error::not_supported(&Path::new("dryRun"), &json!([other]), &["All"]);
            Err(Status::invalid("meta.k8s.io", "CreateOptions", "", &[error]))
        }
    }
}

fn field_validation(value: &str) -> Result<Strictness, Status> {
    Ok(match value {
        "" | "Warn" => Strictness::Warn,
        "Ignore" => Strictness::Ignore,
        "Strict" => Strictness::Strict,
        other => {
            let allowed = ["", "Ignore", "Strict", "Warn"];
            let error = Error::not_supported(&Path::new("fieldValidation"), &json!(other), &allowed);
            return Err(Status::invalid("meta.k8s.io", "CreateOptions", "", &[error]));
        }
    })
}

fn version_match(value: &str) -> Result<Option<VersionMatch>, Status> {
    Ok(match value {
        "" => None,
        "Exact" => Some(VersionMatch::Exact),
        "NotOlderThan" => Some(VersionMatch::NotOlderThan),
        other => {
            let allowed = ["Exact", "NotOlderThan", ""];
            let error = Error::not_supported(&Path::new("resourceVersionMatch"), &json!(other), &allowed);
            return Err(Status::invalid("meta.k8s.io", "ListOptions", "", &[error]));
        }
    })
}

fn propagation(value: &str) -> Result<Option<Propagation>, Status> {
    Ok(match value {
        "" => None,
        "Orphan" => Some(Propagation::Orphan),
        "Background" => Some(Propagation::Background),
        "Foreground" => Some(Propagation::Foreground),
        other => {
            let allowed = ["Background", "Foreground", "Orphan", "nil"];
            let error = Error::not_supported(&Path::new("propagationPolicy"), &json!(other), &allowed);
            return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", &[error]));
        }
    })
}

/// A 422 about one option.
pub(crate) fn invalid(kind: &str, name: &str, field: &str, value: &Value, detail: &str) -> Status {
    Status::invalid("meta.k8s.io", kind, name, &[Error::invalid(&Path::new(field), value, detail)])
}
