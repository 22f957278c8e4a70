//! get collection: snapshots, selectors, pages.

use super::call::List;
use super::form;
use super::page::Token;
use crate::prelude::*;
use crate::request::{Query, VersionMatch};
use cluster_object::selector::{FieldSelector, Selector};
use cluster_store::{Revision, Snapshot};

const MATCH: &str = "resourceVersionMatch";

/// Which objects of a resource are meant.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// The resource whose version is stored; its fields are selectable.
    pub(crate) stored: Arc<Resource>,
    namespace: Option<String>,
    name: Option<String>,
    labels: Selector,
    fields: FieldSelector,
}

impl Filter {
    /// The filter of a request; 400 for a field that is not selectable.
    pub(crate) fn new(call: &Call<'_>) -> Result<Self, Status> {
        let Call { server, resource, info, query, .. } = call;
        let stored = server.registry.stored(&resource.storage).unwrap_or_else(|| Arc::clone(resource));
        let selectable = resource.custom.as_ref().map(|custom| custom.selectable.as_slice()).unwrap_or_default();
        for requirement in query.fields.requirements() {
            let field = requirement.field.as_str();
            let known = matches!(field, "metadata.name" | "metadata.namespace")
                || stored.strategy.selectable_fields.iter().any(|(name, ..)| name == field)
                || selectable.iter().any(|name| name == field);
            if !known {
                return Err(unknown_field(resource, query, field));
            }
        }
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let namespace = if resource.namespaced() { some(&info.namespace) } else { None };
        let (labels, fields) = (query.labels.clone(), query.fields.clone());
        Ok(Self { stored, namespace, name: some(&info.name), labels, fields })
    }

    /// The one namespace that is meant; `None` for all.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Whether everything in the namespace is meant.
    pub(crate) fn is_all(&self) -> bool {
        self.name.is_none() && self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether the object is meant.
    pub(crate) fn matches(&self, entry: &Entry) -> bool {
        let key = &entry.key;
        if self.namespace.as_deref().is_some_and(|n| n != &*key.namespace)
            || self.name.as_deref().is_some_and(|n| n != &*key.name)
        {
            return false;
        }
        if self.labels.is_empty() && self.fields.is_empty() {
            return true;
        }
        let facts = entry.facts(|bytes| form::read_facts(&self.stored, bytes));
        // Which fields of a custom object are selectable may change: that is no fact to keep.
        let custom = if self.stored.custom.is_some() { form::selected(&self.fields, &entry.bytes) } else { Vec::new() };
        let field = |name: &str| match name {
            "metadata.name" => Some(&*key.name),
            "metadata.namespace" => Some(&*key.namespace),
            _ => {
                let position = self.stored.strategy.selectable_fields.iter().position(|(field, ..)| field == name);
                let built_in = position.and_then(|position| facts.field(position));
                built_in.or_else(|| custom.iter().find(|(f, _)| f == name).map(|(_, v)| v.as_str()))
            }
        };
        self.labels.matches(|key| facts.label(key)) && self.fields.matches(field)
    }
}

fn unknown_field(resource: &Resource, query: &Query, field: &str) -> Status {
    let (group, version, plural) = (&resource.group, &resource.version, &resource.plural);
    Status::bad_request(format!(
        "Unable to find \"{group}/{version}, Resource={plural}\" that match label selector {:?}, field selector {:?}: \
         field label not supported: {field}",
        query.labels.to_string(),
        query.fields.to_string(),
    ))
}

/// The page of the collection that the call asks for.
pub(crate) fn collect(call: &Call<'_>) -> Result<List, Status> {
    let (filter, query) = (Filter::new(call)?, &call.query);
    check_options(query, false)?;
    let token = Some(&query.continue_token).filter(|t| !t.is_empty()).map(|t| Token::decode(t)).transpose()?;
    let now = Timestamp::now().as_second();
    if let Some(old) = token.as_ref().filter(|token| token.rv > 0 && token.is_old(now)) {
        return Err(continue_expired(old));
    }
    let snapshot = snapshot(call, token.as_ref())?;
    let revision = snapshot.revision;
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let after = token.as_ref().map(Token::position);
    let mut entries = snapshot.range(filter.namespace(), after);
    let mut items = Vec::new();
    while items.len() < limit {
        match entries.find(|entry| filter.matches(entry)) {
            Some(entry) => items.push(entry),
            None => break,
        }
    }
    let mut list = List { revision, items, continue_token: String::new(), remaining: None };
    if list.items.len() == limit && entries.next().is_some() {
        if let Some(last) = list.items.last() {
            list.continue_token =
                Token::after(token.as_ref(), revision, &last.key.namespace, &last.key.name, now).encode()?;
        }
        list.remaining = filter.is_all().then(|| 1 + entries.count());
    }
    Ok(list)
}

fn snapshot(call: &Call<'_>, token: Option<&Token>) -> Result<Snapshot, Status> {
    let (server, query, storage) = (call.server, &call.query, &call.resource.storage);
    if let Some(token) = token {
        return if token.rv > 0 {
            server.store.snapshot_at(storage, token.rv as Revision).map_err(|_| continue_expired(token))
        } else {
            Ok(server.store.snapshot(storage))
        };
    }
    let wanted = parse_revision(&query.resource_version)?;
    let exact = match query.version_match {
        Some(VersionMatch::Exact) => true,
        Some(VersionMatch::NotOlderThan) => false,
        None => query.limit > 0 && wanted > 0,
    };
    not_newer(server, wanted)?;
    if exact {
        let expired = || Status::expired(format!("The resourceVersion for the provided list is too old: {wanted}"));
        return server.store.snapshot_at(storage, wanted).map_err(|_| expired());
    }
    Ok(server.store.snapshot(storage))
}

/// Refuses a revision the store has not reached.
pub(crate) fn not_newer(server: &ApiServer, wanted: Revision) -> Result<(), Status> {
    let current = server.store.revision();
    if wanted <= current {
        return Ok(());
    }
    let message = format!("Too large resource version: {wanted}, current: {current}");
    let causes = vec![Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    }];
    let details = Details { causes, retry_after_seconds: 1, ..Details::default() };
    Err(Status { details: Some(Box::new(details)), ..Status::new(504, "Timeout", format!("Timeout: {message}")) })
}

/// A resourceVersion as a number; 0 when it is unset.
pub(crate) fn parse_revision(text: &str) -> Result<Revision, Status> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let detail = format!("strconv.ParseUint: parsing {text:?}: invalid syntax");
        Status::bad_request(format!("invalid resource version: resourceVersion: Invalid value: {text:?}: {detail}"))
    })
}

/// Refuses options that do not go together.
pub(super) fn check_options(query: &Query, watches: bool) -> Result<(), Status> {
    let (paged, version) = (!query.continue_token.is_empty(), query.resource_version.as_str());
    let (matching, initial) = (query.version_match, query.send_initial_events.is_some());
    let rules = [
        (
            watches && initial && matching != Some(VersionMatch::NotOlderThan),
            MATCH,
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            watches && matching.is_some() && !initial,
            MATCH,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            !watches && matching.is_some() && version.is_empty(),
            MATCH,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (matching.is_some() && paged, MATCH, "resourceVersionMatch is forbidden when continue is provided"),
        (
            !watches && matching == Some(VersionMatch::Exact) && version == "0",
            MATCH,
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
        (!watches && initial, "sendInitialEvents", "sendInitialEvents is forbidden for list"),
    ];
    request::forbidden_options("list", &rules)?;
    if !watches && paged && !matches!(version, "" | "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    Ok(())
}

fn continue_expired(token: &Token) -> Status {
    let text = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                list without the continue parameter, or use the continue token in this response to retrieve the \
                remainder of the results. Continuing with the provided token results in an inconsistent list - objects \
                that were created, modified, or deleted between the time the first chunk was returned and now may show \
                up in the list.";
    let continue_token = token.at_present().encode().unwrap_or_default();
    Status { continue_token, ..Status::expired(text) }
}
