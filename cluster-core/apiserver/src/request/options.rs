//! The options a request carries: in its query, and for deletes in its body.

use crate::kinds::prelude::*;

/// How a list reads `resourceVersion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionMatch {
    /// At this revision.
    Exact,
    /// At this revision or a newer one.
    NotOlderThan,
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

impl Query {
    /// Reads the raw query of a verb; `user_agent` names the field manager when the query does not.
    pub fn parse(verb: &str, query: &str, user_agent: &str) -> Result<Self, Status> {
        // People who look with such a program see text that is made for people.
        let pretty = ["curl", "Wget", "Mozilla/5.0"].iter().any(|program| user_agent.starts_with(program));
        let mut q = Self { pretty, ..Self::default() };
        for (key, value) in pairs(query) {
            q.set(verb, &key, &value)?;
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

    fn set(&mut self, verb: &str, key: &str, value: &str) -> Result<(), Status> {
        let writes = matches!(verb, "create" | "update" | "patch" | "delete" | "deletecollection");
        let checked = |fault: Error| invalid(verb, &[fault]);
        match key {
            "labelSelector" => {
                self.labels = Selector::parse(value).map_err(Status::bad_request)?;
            }
            "fieldSelector" => self.fields = FieldSelector::parse(value).map_err(Status::bad_request)?,
            "limit" => self.limit = usize::try_from(integer(value)?).unwrap_or_default(),
            "continue" => value.clone_into(&mut self.continue_token),
            "resourceVersion" => value.clone_into(&mut self.resource_version),
            "resourceVersionMatch" => self.version_match = version_match(verb, value).map_err(checked)?,
            "sendInitialEvents" => self.send_initial_events = Some(boolean(value)),
            "allowWatchBookmarks" => self.bookmarks = boolean(value),
            "timeoutSeconds" => self.timeout_seconds = u64::try_from(integer(value)?).ok(),
            "dryRun" if writes => self.dry_run = dry_run(value).map_err(checked)?,
            "fieldManager" if writes => self.field_manager = field_manager(value).map_err(checked)?,
            "fieldValidation" if writes => self.field_validation = field_validation(value).map_err(checked)?,
            "force" => self.force = Some(boolean(value)),
            "pretty" => self.pretty = boolean(value),
            "includeObject" => self.include_object = include_object(value)?,
            "gracePeriodSeconds" => self.delete.grace_period_seconds = Some(integer(value)?),
            "orphanDependents" => self.delete.orphan_dependents = Some(boolean(value)),
            "propagationPolicy" => self.delete.propagation_policy = propagation(value).map_err(checked)?,
            _ => {}
        }
        Ok(())
    }
}

/// Faults of the options of a delete, as upstream's `ValidateDeleteOptions` words them.
pub(crate) fn check_delete(options: &DeleteOptions) -> Result<(), Status> {
    if options.orphan_dependents.is_some() && options.propagation_policy.is_some() {
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        let given = json!(options.propagation_policy);
        return Err(invalid("delete", &[Error::invalid(&Path::new("propagationPolicy"), &given, detail)]));
    }
    let mut wrong = options.dry_run.iter().flatten().filter_map(|item| dry_run(item).err());
    wrong.next().map_or(Ok(()), |fault| Err(invalid("delete", &[fault])))
}

/// Reads the options of a delete out of a body.
pub(crate) fn delete_options(body: Value) -> Result<DeleteOptions, Status> {
    let policy = propagation(text(&body["propagationPolicy"])).map_err(|fault| invalid("delete", &[fault]))?;
    let options = serde_json::from_value(body).map_err(|error| Status::bad_request(error.to_string()))?;
    Ok(DeleteOptions { propagation_policy: policy, ..options })
}

/// Go's reading of a boolean query value: present and not a known false.
pub(crate) fn boolean(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "false" | "0")
}

fn integer(value: &str) -> Result<i64, Status> {
    value.parse().map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {value:?}: invalid syntax")))
}

fn dry_run(value: &str) -> Result<bool, Error> {
    match value {
        "All" => Ok(true),
        other => Err(Error::not_supported(&Path::new("dryRun"), &json!([other]), &["All"])),
    }
}

/// Which part of its object a row of a table has; upstream asks it of tables alone, and nobody else sends it.
fn include_object(value: &str) -> Result<String, Status> {
    if matches!(value, "" | "Metadata" | "Object" | "None") {
        return Ok(value.to_owned());
    }
    let why = "must be 'Metadata', 'Object', 'None', or empty";
    let fault = Error::invalid(&Path::new("includeObject"), &value.into(), why);
    Err(Status::bad_request(format!("Unable to convert to Table as requested: {fault}")))
}

fn field_manager(value: &str) -> Result<String, Error> {
    let path = Path::new("fieldManager");
    if value.len() > 128 {
        return Err(Error::too_long(&path, 128));
    }
    match value.char_indices().find(|(_, c)| c.is_control()) {
        Some((place, c)) => {
            let why = format!("invalid character U+{:04X} (at position {place})", u32::from(c));
            Err(Error::invalid(&path, &value.into(), &why))
        }
        None => Ok(value.to_owned()),
    }
}

/// One of the values that an option may have; the error shows what is `allowed`.
fn one_of<T: Copy>(field: &str, value: &str, known: &[(&str, T)], allowed: &[&str]) -> Result<T, Error> {
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| Error::not_supported(&Path::new(field), &json!(value), allowed))
}

fn field_validation(value: &str) -> Result<Strictness, Error> {
    const KNOWN: [(&str, Strictness); 4] = [
        ("", Strictness::Warn),
        ("Ignore", Strictness::Ignore),
        ("Strict", Strictness::Strict),
        ("Warn", Strictness::Warn),
    ];
    one_of("fieldValidation", value, &KNOWN, &KNOWN.map(|(name, _)| name))
}

fn version_match(verb: &str, value: &str) -> Result<Option<VersionMatch>, Error> {
    let known = [("", None), ("Exact", Some(VersionMatch::Exact)), ("NotOlderThan", Some(VersionMatch::NotOlderThan))];
    let allowed: &[&str] = if verb == "watch" { &["NotOlderThan"] } else { &["Exact", "NotOlderThan", ""] };
    one_of("resourceVersionMatch", value, &known, allowed)
}

fn propagation(value: &str) -> Result<Option<String>, Error> {
    let known = ["", "Foreground", "Background", "Orphan"].map(|name| (name, name));
    let found = one_of("propagationPolicy", value, &known, &["Foreground", "Background", "Orphan", "nil"])?;
    Ok(Some(found.to_owned()).filter(|policy| !policy.is_empty()))
}

/// A 422 about the options of a verb.
pub(crate) fn invalid(verb: &str, errors: &[Error]) -> Status {
    let kind = match verb {
        "create" => "CreateOptions",
        "update" => "UpdateOptions",
        "patch" => "PatchOptions",
        "delete" | "deletecollection" => "DeleteOptions",
        _ => "ListOptions",
    };
    Status::invalid("meta.k8s.io", kind, "", errors)
}

/// A 422 that names those of these options which are forbidden: whether, field, why.
pub(crate) fn forbidden_options(verb: &str, rules: &[(bool, &str, &str)]) -> Result<(), Status> {
    let broken = rules.iter().filter(|(broken, ..)| *broken);
    let errors: Vec<Error> = broken.map(|(_, field, why)| Error::forbidden(&Path::new(field), why)).collect();
    if errors.is_empty() { Ok(()) } else { Err(invalid(verb, &errors)) }
}
