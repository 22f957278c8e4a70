//! What extension servers serve, merged into discovery.

use super::Remote;
use crate::kinds::prelude::*;

/// Adds the groups to an `APIGroupList`.
pub(crate) fn add_to_group_list(list: &mut Value, remotes: &[Arc<Remote>]) {
    for remote in remotes {
        let groups = list["groups"].as_array_mut().into_iter().flatten();
        let found = groups.into_iter().find(|group| group["name"] == remote.group.as_str());
        match found {
            Some(found) => add_version(found, remote),
            None => {
                let mut made = json!({"name": remote.group});
                add_version(&mut made, remote);
                list["groups"].as_array_mut().map(|groups| groups.push(made)).unwrap_or_default();
            }
        }
    }
}

/// The `APIGroup` of a group of extension servers, with the versions that are served here.
pub(crate) fn group(own: Option<Value>, name: &str, remotes: &[Arc<Remote>]) -> Option<Value> {
    let mut found = own;
    for remote in remotes.iter().filter(|remote| remote.group == name) {
        let made = || json!({"kind": "APIGroup", "apiVersion": "v1", "name": name});
        add_version(found.get_or_insert_with(made), remote);
    }
    found
}

fn add_version(group: &mut Value, remote: &Remote) {
    let entry = json!({"groupVersion": format!("{}/{}", remote.group, remote.version), "version": remote.version});
    let mut versions = items(&group["versions"]).to_vec();
    if !versions.contains(&entry) {
        versions.push(entry);
    }
    group["preferredVersion"] = versions[0].clone();
    group["versions"] = versions.into();
}

/// Adds the documents to the index of OpenAPI v3.
pub(crate) fn add_to_openapi(index: &mut Value, remotes: &[Arc<Remote>]) {
    for remote in remotes.iter().filter(|remote| !remote.openapi.is_empty()) {
        index["paths"][remote.path().trim_start_matches('/')] = json!({"serverRelativeURL": remote.openapi});
    }
}

/// Adds to an OpenAPI v2 document what a server's own says of its group and version.
pub(super) fn add_to_swagger(document: &mut Value, remote: &Remote, theirs: &Value) {
    let root = remote.path();
    let of_remote = |path: &str| path.strip_prefix(&root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    for (path, item) in entries(&theirs["paths"]).filter(|(path, _)| of_remote(path)) {
        document["paths"][path] = item.clone();
    }
    for list in ["definitions", "parameters"] {
        for (name, value) in entries(&theirs[list]) {
            default(&mut document[list], name, value.clone());
        }
    }
}

/// Adds the groups to an `APIGroupDiscoveryList`; a server that does not answer is `Stale`.
pub(crate) fn add_to_aggregated(list: &mut Value, remotes: &[Arc<Remote>]) {
    for remote in remotes {
        let version = json!({
            "version": remote.version, "resources": resources(remote),
            "freshness": if remote.available { "Current" } else { "Stale" },
        });
        let Some(groups) = list["items"].as_array_mut() else { return };
        let found = groups.iter_mut().find(|group| group["metadata"]["name"] == remote.group.as_str());
        match found.and_then(|group| group["versions"].as_array_mut()) {
            Some(versions) => {
                versions.retain(|known| known["version"] != remote.version.as_str());
                versions.push(version);
            }
            None => groups.push(json!({
                "metadata": {"name": remote.group, "creationTimestamp": null}, "versions": [version],
            })),
        }
    }
}

/// The entries of an `APIResourceList` as aggregated discovery has them.
fn resources(remote: &Remote) -> Vec<Value> {
    let entries = items(&remote.resources["resources"]);
    let kind = |entry: &Value| {
        let own = |field: &str, own: &str| match text(&entry[field]) {
            "" => own.to_owned(),
            given => given.to_owned(),
        };
        json!({"group": own("group", &remote.group), "version": own("version", &remote.version), "kind": entry["kind"]})
    };
    let below = |plural: &str| -> Vec<Value> {
        let named = entries.iter().filter_map(|entry| {
            let (parent, sub) = text(&entry["name"]).split_once('/')?;
            (parent == plural)
                .then(|| json!({"subresource": sub, "responseKind": kind(entry), "verbs": entry["verbs"]}))
        });
        named.collect()
    };
    let whole = entries.iter().filter(|entry| !text(&entry["name"]).contains('/'));
    let entry = |entry: &Value| {
        let plural = text(&entry["name"]);
        let mut made = json!({
            "resource": plural, "responseKind": kind(entry), "verbs": entry["verbs"],
            "scope": if entry["namespaced"] == true { "Namespaced" } else { "Cluster" },
            "singularResource": entry["singularName"],
        });
        for field in ["shortNames", "categories"] {
            if texts(&entry[field]).next().is_some() {
                made[field] = entry[field].clone();
            }
        }
        let subresources = below(plural);
        if !subresources.is_empty() {
            made["subresources"] = subresources.into();
        }
        made
    };
    whole.map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_extension_servers_stand_beside_our_own() {
        let resources = json!({"resources": [
            {"name": "flunders", "singularName": "flunder", "namespaced": true, "kind": "Flunder", "verbs": ["get"]},
            {"name": "flunders/status", "singularName": "", "namespaced": true, "kind": "Flunder", "verbs": ["patch"]},
        ]});
        let remote = |version: &str, available| {
            let (group, version) = ("wardle.example.com".to_owned(), version.to_owned());
            let (spec, openapi) = (Value::Null, String::new());
            Arc::new(Remote { group, version, spec, available, resources: resources.clone(), openapi })
        };
        let remotes = [remote("v1", true), remote("v1alpha1", false)];
        let mut list = json!({"groups": [{"name": "apps"}]});
        add_to_group_list(&mut list, &remotes);
        assert_eq!(
            (&list["groups"][1]["name"], &list["groups"][1]["preferredVersion"]["version"]),
            (&json!("wardle.example.com"), &json!("v1"))
        );
        assert_eq!(list["groups"][1]["versions"].as_array().map(Vec::len), Some(2));
        assert_eq!(group(None, "wardle.example.com", &remotes).map(|g| g["kind"].clone()), Some(json!("APIGroup")));
        assert_eq!(group(None, "other", &remotes), None);
        let mut list = json!({"items": []});
        add_to_aggregated(&mut list, &remotes);
        let versions = &list["items"][0]["versions"];
        assert_eq!((&versions[0]["freshness"], &versions[1]["freshness"]), (&json!("Current"), &json!("Stale")));
        let kind = json!({"group": "wardle.example.com", "version": "v1", "kind": "Flunder"});
        let expected = json!([{
            "resource": "flunders", "responseKind": kind, "scope": "Namespaced", "singularResource": "flunder",
            "verbs": ["get"], "subresources": [{"subresource": "status", "responseKind": kind, "verbs": ["patch"]}],
        }]);
        assert_eq!(versions[0]["resources"], expected);
    }
}
