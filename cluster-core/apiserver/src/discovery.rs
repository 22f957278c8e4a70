//! What is served, as clients ask for it: groups, versions, resources; plain and aggregated.
//!
//! Pure functions of the resources. Groups come in upstream's order of priority, custom ones after them by name; the
//! versions of a group from the most stable and newest down, so that the first is the preferred one.

use crate::prelude::*;
use std::cmp::Reverse;

use base64::prelude::*;
use sha2::{Digest as _, Sha256};

/// How a client wants discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One document per list: `APIVersions`, `APIGroupList`, ...
    Plain,
    /// Everything in one `APIGroupDiscoveryList` of `apidiscovery.k8s.io/v2`.
    V2,
    /// The same of `apidiscovery.k8s.io/v2beta1`.
    V2Beta1,
}

impl Format {
    /// The first format in an `Accept` header that is served; plain when there is none.
    pub fn negotiate(accept: &str) -> Self {
        accept.split(',').find_map(Self::of_media_type).unwrap_or(Self::Plain)
    }

    fn of_media_type(media: &str) -> Option<Self> {
        let mut parts = media.split(';').map(str::trim);
        let kind = parts.next()?;
        let parameter = |wanted: &str| {
            let mut pairs = parts.clone().filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == wanted).map_or("", |(_, value)| value)
        };
        match (kind, parameter("g"), parameter("v"), parameter("as")) {
            ("application/json", "apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList") => Some(Self::V2),
            ("application/json", "apidiscovery.k8s.io", "v2beta1", "APIGroupDiscoveryList") => Some(Self::V2Beta1),
            ("application/json" | "application/*" | "*/*", "", "", "") => Some(Self::Plain),
            _ => None,
        }
    }

    /// The `Content-Type` of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "application/json",
            Self::V2 => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            Self::V2Beta1 => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        }
    }
}

/// `/api`: the versions of the core group; `address` is where this server is reached, `host:port`.
pub fn api_versions(resources: &[Arc<Resource>], address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": versions(resources, ""),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`: all groups but core.
pub fn group_list(resources: &[Arc<Resource>]) -> Value {
    let groups: Vec<Value> = groups(resources).into_iter().filter_map(|name| group_entry(resources, name)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`; `None` when nothing of the group is served.
pub fn group(resources: &[Arc<Resource>], name: &str) -> Option<Value> {
    let mut entry = group_entry(resources, name)?;
    entry["kind"] = "APIGroup".into();
    entry["apiVersion"] = "v1".into();
    Some(entry)
}

/// `/api/v1` and `/apis/GROUP/VERSION`; `None` when nothing of the version is served.
pub fn resource_list(resources: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let served = of_version(resources, group, version);
    let first = served.first()?;
    let mut entries: Vec<Value> = Vec::new();
    for resource in &served {
        entries.push(resource_entry(resources, resource));
        entries.extend(resource.subresources.iter().map(|sub| subresource_entry(resource, sub)));
    }
    entries.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let mut list = json!({"kind": "APIResourceList", "groupVersion": first.api_version(), "resources": entries});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

/// `/api` (`core`) or `/apis` in one document; `format` is [`Format::V2`] or [`Format::V2Beta1`].
pub fn aggregated(resources: &[Arc<Resource>], format: Format, core: bool) -> Value {
    let version = if format == Format::V2Beta1 { "v2beta1" } else { "v2" };
    let names = groups(resources).into_iter().filter(|name| name.is_empty() == core);
    let items: Vec<Value> = names.map(|name| group_discovery(resources, name)).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

/// The groups by falling priority.
pub fn groups(resources: &[Arc<Resource>]) -> Vec<&str> {
    let mut names: Vec<&str> = resources.iter().map(|resource| resource.group.as_str()).collect();
    let priority = |name: &str| kinds::groups().position(|known| known == name).unwrap_or(usize::MAX);
    names.sort_by_key(|name| (priority(name), *name));
    names.dedup();
    names
}

/// The versions of a group, the preferred one first.
pub fn versions<'a>(resources: &'a [Arc<Resource>], group: &str) -> Vec<&'a str> {
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

fn of_version<'a>(resources: &'a [Arc<Resource>], group: &str, version: &str) -> Vec<&'a Resource> {
    let matches = |resource: &&Arc<Resource>| resource.group == group && resource.version == version;
    let mut found: Vec<&Resource> = resources.iter().filter(matches).map(AsRef::as_ref).collect();
    found.sort_by(|a, b| a.plural.cmp(&b.plural));
    found
}

fn group_entry(resources: &[Arc<Resource>], name: &str) -> Option<Value> {
    if name.is_empty() {
        return None;
    }
    let entry = |version: &str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions(resources, name).into_iter().map(entry).collect();
    let preferred = versions.first()?.clone();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

fn resource_entry(resources: &[Arc<Resource>], resource: &Resource) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.scope == Scope::Namespaced,
        "kind": resource.kind,
        "verbs": verbs(resource.verbs),
    });
    add_names(&mut entry, resource);
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

fn group_discovery(resources: &[Arc<Resource>], name: &str) -> Value {
    let version = |version: &str| {
        let served = of_version(resources, name, version);
        let entries: Vec<Value> = served.into_iter().map(resource_discovery).collect();
        json!({"version": version, "resources": entries, "freshness": "Current"})
    };
    let versions: Vec<Value> = versions(resources, name).into_iter().map(version).collect();
    let mut metadata = json!({"creationTimestamp": null});
    if !name.is_empty() {
        metadata["name"] = name.into();
    }
    json!({"metadata": metadata, "versions": versions})
}

fn resource_discovery(resource: &Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind(&resource.group, &resource.version, &resource.kind),
        "scope": if resource.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": verbs(resource.verbs),
    });
    add_names(&mut entry, resource);
    let subresource = |sub: &Subresource| {
        let group = sub.group.as_ref().unwrap_or(&resource.group);
        let version = sub.version.as_ref().unwrap_or(&resource.version);
        json!({"subresource": sub.name, "responseKind": kind(group, version, &sub.kind), "verbs": sub.verbs})
    };
    if !resource.subresources.is_empty() {
        entry["subresources"] = resource.subresources.iter().map(subresource).collect();
    }
    entry
}

fn add_names(entry: &mut Value, resource: &Resource) {
    for (name, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !list.is_empty() {
            entry[name] = list.as_slice().into();
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    fn builtin() -> Vec<Arc<Resource>> {
        kinds::builtin().into_iter().map(Arc::new).collect()
    }

    fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
        let entries = list["resources"].as_array().expect("resources");
        entries.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn the_media_type_chooses_the_format() {
        let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let beta = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        for (accept, expected) in [
            (format!("{v2},{beta},application/json"), Format::V2),
            (format!("{beta}, application/json"), Format::V2Beta1),
            ("application/json".to_owned(), Format::Plain),
            ("application/json, */*".to_owned(), Format::Plain),
            ("*/*".to_owned(), Format::Plain),
            (String::new(), Format::Plain),
        ] {
            assert_eq!(Format::negotiate(&accept), expected, "{accept}");
        }
    }

    #[test]
    fn versions_go_from_stable_and_new_to_unstable_and_old() {
        let mut names = vec!["foo1", "v1alpha1", "v10", "v2beta2", "v1", "v2", "v2beta10", "v11beta2", "foo10"];
        names.sort_by_key(|name| (Reverse(stability(name)), *name));
        assert_eq!(names, ["v10", "v2", "v1", "v11beta2", "v2beta10", "v2beta2", "v1alpha1", "foo1", "foo10"]);
        assert_eq!(versions(&builtin(), "autoscaling"), ["v2", "v1"]);
    }

    #[test]
    fn groups_come_in_order_of_priority_and_custom_ones_last() {
        let mut resources = builtin();
        for group in ["zoo.example.com", "art.example.com"] {
            let mut custom = (*resources[0]).clone();
            group.clone_into(&mut custom.group);
            resources.insert(0, Arc::new(custom));
        }
        let names = groups(&resources);
        assert_eq!(names[..4], ["", "apiregistration.k8s.io", "apps", "events.k8s.io"]);
        assert_eq!(names[names.len() - 2..], ["art.example.com", "zoo.example.com"]);
        assert!(names.iter().rev().skip(2).all(|name| kinds::groups().any(|known| known == *name)));
    }

    #[test]
    fn the_core_list_names_pods_and_their_subresources() {
        let list = resource_list(&builtin(), "", "v1").expect("core");
        assert_eq!((&list["groupVersion"], list.get("apiVersion")), (&json!("v1"), None));
        let pods = json!({
            "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "shortNames": ["po"],
            "categories": ["all"], "storageVersionHash": "xPOwRZ+Yhw8=",
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        });
        assert_eq!(entry(&list, "pods"), &pods);
        let eviction = json!({
            "name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy", "version": "v1",
            "kind": "Eviction", "verbs": ["create"],
        });
        assert_eq!(entry(&list, "pods/eviction"), &eviction);
        assert!(entry(&list, "bindings").get("storageVersionHash").is_none());
        let names: Vec<&str> =
            list["resources"].as_array().expect("list").iter().filter_map(|r| r["name"].as_str()).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn storage_version_hashes_are_upstreams() {
        for (group, version, name, hash) in [
            ("apps", "v1", "deployments", "8aSe+NMegvE="),
            ("", "v1", "configmaps", "qFsyl6wFWjQ="),
            ("events.k8s.io", "v1", "events", "r2yiGXH7wu8="),
        ] {
            let list = resource_list(&builtin(), group, version).expect("a list");
            assert_eq!(entry(&list, name)["storageVersionHash"], hash, "{name}");
        }
    }

    #[test]
    fn a_group_prefers_its_newest_stable_version() {
        let group = group(&builtin(), "autoscaling").expect("autoscaling");
        assert_eq!(group["preferredVersion"], json!({"groupVersion": "autoscaling/v2", "version": "v2"}));
        assert_eq!((&group["kind"], &group["apiVersion"]), (&json!("APIGroup"), &json!("v1")));
        assert!(super::group(&builtin(), "nothing.example.com").is_none());
        assert!(resource_list(&builtin(), "apps", "v9").is_none());
    }

    #[test]
    fn the_aggregated_form_splits_core_from_the_rest() {
        let (core, rest) = (aggregated(&builtin(), Format::V2, true), aggregated(&builtin(), Format::V2Beta1, false));
        assert_eq!(core["apiVersion"], "apidiscovery.k8s.io/v2");
        assert_eq!(core["items"].as_array().map(Vec::len), Some(1));
        assert!(core["items"][0]["metadata"].get("name").is_none());
        assert_eq!(rest["apiVersion"], "apidiscovery.k8s.io/v2beta1");
        let apps = &rest["items"][1];
        assert_eq!((&apps["metadata"]["name"], &apps["versions"][0]["freshness"]), (&json!("apps"), &json!("Current")));
        let deployments = &apps["versions"][0]["resources"][2];
        assert_eq!(deployments["responseKind"], json!({"group": "apps", "version": "v1", "kind": "Deployment"}));
        let scale = json!({
            "subresource": "scale", "verbs": ["get", "patch", "update"],
            "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
        });
        assert_eq!(deployments["subresources"][0], scale);
    }
}
