//! What is served, as clients ask for it: groups, versions, resources; plain and aggregated.
//!
//! Pure functions of the resources and of the servers behind this one. Groups come in upstream's order of priority, custom
//! ones after them by name; the versions of a group from the most stable and newest down, so that the first is the
//! preferred one.

#[cfg(test)]
mod tests;

use crate::aggregation::Remote;
use crate::kinds::prelude::*;
use serde::Serializer;
use std::cmp::Reverse;

/// The media type of everything in one document.
pub(crate) const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Whether an `Accept` header asks for [`AGGREGATED`] before it asks for anything else that is served.
pub(crate) fn wants_aggregated(accept: &str) -> bool {
    let chosen = |media: &str| {
        let known = |part: &&str| !part.contains('=') || ["as=", "g=", "v="].iter().any(|name| part.starts_with(name));
        let mut parts: Vec<&str> = media.split(';').map(str::trim).filter(known).collect();
        parts.sort_unstable();
        match parts[..] {
            ["application/json", "as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2"] => Some(true),
            ["application/json" | "application/*" | "*/*"] => Some(false),
            _ => None,
        }
    };
    accept.split(',').find_map(chosen).unwrap_or_default()
}

/// A document whose objects have their fields in the order of Go's types, as people see it who look at the text.
pub(crate) struct Ordered<'a>(pub(crate) &'a Value);

/// The fields of all types of discovery. What tells the kind of a whole document stands before all of them.
const ORDER: &str = "apiVersion groupVersion metadata resource subresource responseKind scope singularResource name \
                     singularName namespaced group version kind creationTimestamp resources freshness verbs shortNames \
                     categories subresources storageVersionHash groups items versions preferredVersion \
                     serverAddressByClientCIDRs clientCIDR";

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let whole = !fields.contains_key("group") && !fields.contains_key("verbs");
                let place = |name: &str| match name {
                    "kind" if whole => None,
                    name => Some(ORDER.split_whitespace().position(|known| known == name).unwrap_or(usize::MAX)),
                };
                let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| place(name));
                serializer.collect_map(fields.into_iter().map(|(name, value)| (name, Ordered(value))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Ordered)),
            other => other.serialize(serializer),
        }
    }
}

/// `/api`: the versions of the core group; `address` is where this server is reached, `host:port`.
pub(crate) fn api_versions(resources: &[Arc<Resource>], address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": versions(resources, ""),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// A group with its versions, the preferred one first; with each the server behind this one that serves it.
type Offer<'a> = (&'a str, Vec<(&'a str, Option<&'a Remote>)>);

/// What is served here and by others.
fn offers<'a>(resources: &'a [Arc<Resource>], remotes: &'a [Arc<Remote>]) -> Vec<Offer<'a>> {
    let own = |group| (group, versions(resources, group).into_iter().map(|version| (version, None)).collect());
    let mut offers: Vec<Offer<'_>> = groups(resources).into_iter().map(own).collect();
    for remote in remotes {
        let version = (remote.version.as_str(), Some(&**remote));
        match offers.iter_mut().find(|(group, _)| *group == remote.group) {
            Some((_, versions)) => {
                versions.retain(|(known, _)| *known != remote.version);
                versions.push(version);
            }
            None => offers.push((&remote.group, vec![version])),
        }
    }
    offers
}

/// `/apis`: all groups but core.
pub(crate) fn group_list(resources: &[Arc<Resource>], remotes: &[Arc<Remote>]) -> Value {
    let named = offers(resources, remotes).into_iter().filter(|(group, _)| !group.is_empty());
    let groups: Vec<Value> = named.map(|offer| group_entry(&offer)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`; `None` when nothing of the group is served.
pub(crate) fn group(resources: &[Arc<Resource>], remotes: &[Arc<Remote>], name: &str) -> Option<Value> {
    let offers = offers(resources, remotes);
    let mut entry = group_entry(offers.iter().find(|(group, _)| *group == name)?);
    entry["kind"] = "APIGroup".into();
    entry["apiVersion"] = "v1".into();
    Some(entry)
}

fn group_entry((name, versions): &Offer<'_>) -> Value {
    let entry = |(version, _): &(&str, _)| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(entry).collect();
    json!({"name": name, "preferredVersion": versions[0], "versions": versions})
}

/// `/api/v1` and `/apis/GROUP/VERSION`; `None` when nothing of the version is served here.
pub(crate) fn resource_list(resources: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let of_version = |resource: &&Arc<Resource>| resource.group == group && resource.version == version;
    let served: Vec<&Arc<Resource>> = resources.iter().filter(of_version).collect();
    let group_version = served.first()?.api_version();
    let mut entries: Vec<Value> = Vec::new();
    for resource in served {
        entries.push(resource_entry(resources, resource));
        entries.extend(resource.subresources.iter().map(|sub| subresource_entry(resource, sub)));
    }
    entries.sort_by(|a, b| text(&a["name"]).cmp(text(&b["name"])));
    let mut list = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": entries});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

/// `/api` (`core`) or `/apis` in one document; what a server would serve that does not answer is `Stale`.
pub(crate) fn aggregated(resources: &[Arc<Resource>], remotes: &[Arc<Remote>], core: bool) -> Value {
    let version = |group: &str, version: &str, remote: Option<&Remote>| {
        let own = || resource_list(resources, group, version).unwrap_or_default();
        let list = remote.map_or_else(own, |remote| remote.resources.clone());
        let freshness = if remote.is_none_or(|remote| remote.available) { "Current" } else { "Stale" };
        json!({"version": version, "resources": discovered(&list, group, version), "freshness": freshness})
    };
    let item = |(group, versions): Offer<'_>| {
        let versions: Vec<Value> = versions.into_iter().map(|(name, remote)| version(group, name, remote)).collect();
        let mut metadata = json!({"creationTimestamp": null});
        if !group.is_empty() {
            metadata["name"] = group.into();
        }
        json!({"metadata": metadata, "versions": versions})
    };
    let wanted = offers(resources, remotes).into_iter().filter(|(group, _)| group.is_empty() == core);
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": wanted.map(item).collect::<Vec<_>>(),
    })
}

/// The entries of an `APIResourceList` as the aggregated form has them.
fn discovered(list: &Value, group: &str, version: &str) -> Vec<Value> {
    let entries = items(&list["resources"]);
    let kind = |entry: &Value| {
        let or = |field: &str, own: &str| Some(text(&entry[field])).filter(|t| !t.is_empty()).unwrap_or(own).to_owned();
        json!({"group": or("group", group), "version": or("version", version), "kind": entry["kind"]})
    };
    let subresource = |plural: &str, entry: &Value| {
        let name = text(&entry["name"]).strip_prefix(plural)?.strip_prefix('/')?;
        Some(json!({"subresource": name, "responseKind": kind(entry), "verbs": entry["verbs"]}))
    };
    let resource = |entry: &Value| {
        let plural = text(&entry["name"]);
        let mut made = json!({
            "resource": plural, "responseKind": kind(entry), "verbs": entry["verbs"],
            "scope": if entry["namespaced"] == true { "Namespaced" } else { "Cluster" },
            "singularResource": entry["singularName"],
        });
        let subresources: Value = entries.iter().filter_map(|entry| subresource(plural, entry)).collect();
        let lists = [("shortNames", &entry["shortNames"]), ("categories", &entry["categories"])];
        for (field, list) in lists.into_iter().chain([("subresources", &subresources)]) {
            if !items(list).is_empty() {
                made[field] = list.clone();
            }
        }
        made
    };
    entries.iter().filter(|entry| !text(&entry["name"]).contains('/')).map(resource).collect()
}

/// The groups by falling priority.
pub(crate) fn groups(resources: &[Arc<Resource>]) -> Vec<&str> {
    let mut names: Vec<&str> = resources.iter().map(|resource| resource.group.as_str()).collect();
    let priority = |name: &str| kinds::groups().position(|known| known == name).unwrap_or(usize::MAX);
    names.sort_by_key(|name| (priority(name), *name));
    names.dedup();
    names
}

/// The versions of a group, the preferred one first.
pub(crate) fn versions<'a>(resources: &'a [Arc<Resource>], group: &str) -> Vec<&'a str> {
    let of_group = resources.iter().filter(|resource| resource.group == group);
    let mut names: Vec<&str> = of_group.map(|resource| resource.version.as_str()).collect();
    names.sort_by_key(|name| (Reverse(stability(name)), *name));
    names.dedup();
    names
}

/// Orders versions as upstream does: stable over beta over alpha, then by number; other names come last.
fn stability(version: &str) -> (u8, u32, u32) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (major, rest) = (rest[..digits].parse().ok()?, &rest[digits..]);
        let levels = [(2, "beta"), (1, "alpha")];
        if rest.is_empty() {
            return Some((3, major, 0));
        }
        levels.iter().find_map(|(level, word)| Some((*level, major, rest.strip_prefix(word)?.parse().ok()?)))
    };
    parse().unwrap_or_default()
}

fn resource_entry(resources: &[Arc<Resource>], resource: &Resource) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.scope == Scope::Namespaced,
        "kind": resource.kind,
        "verbs": verbs(resource.verbs),
    });
    for (name, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !list.is_empty() {
            entry[name] = list.as_slice().into();
        }
    }
    if verbs(resource.verbs).contains(&"watch") {
        entry["storageVersionHash"] = storage_version_hash(resources, resource).into();
    }
    entry
}

fn subresource_entry(resource: &Resource, sub: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", resource.plural, sub.name),
        "singularName": "",
        "namespaced": resource.scope == Scope::Namespaced,
        "kind": sub.kind,
        "verbs": sub.verbs,
    });
    for (name, value) in [("group", &sub.group), ("version", &sub.version)] {
        if let Some(value) = value {
            entry[name] = value.as_str().into();
        }
    }
    entry
}

/// The verbs that a resource is served with.
pub(crate) fn verbs(verbs: Verbs) -> &'static [&'static str] {
    const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    match verbs {
        Verbs::All => ALL,
        Verbs::Custom => &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        Verbs::NoDeleteCollection => &["create", "delete", "get", "list", "patch", "update", "watch"],
        Verbs::Unlisted => &["create", "delete", "get", "patch", "update"],
        Verbs::CreateOnly => &["create"],
        Verbs::ReadOnly => &["get", "list"],
    }
}

/// Names the version that objects are stored in, so that a change of it can be noticed.
fn storage_version_hash(resources: &[Arc<Resource>], resource: &Resource) -> String {
    let stored = |other: &&Arc<Resource>| {
        other.storage == resource.storage && other.strategy.conversion.is_none() && other.legacy.is_none()
    };
    let stored = resources.iter().find(stored).map_or(resource, AsRef::as_ref);
    let version = resource.custom.as_ref().map_or(&stored.version, |custom| &custom.storage_version);
    let hash = Sha256::digest(format!("{}/{version}/{}", stored.group, stored.kind));
    BASE64_STANDARD.encode(&hash[..8])
}
