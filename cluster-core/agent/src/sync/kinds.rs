//! Which kinds a cluster serves, and under which paths: its discovery document.

use crate::clusters::get;
use crate::prelude::*;

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// One kind that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) resource: Resource,
    pub(super) namespaced: bool,
    /// Whether objects of it can be listed and deleted.
    pub(super) prunable: bool,
}

/// All kinds, by apiVersion and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kinds(HashMap<(String, String), Kind>);

impl Kinds {
    /// Asks the cluster.
    pub(super) async fn discover(client: &Client) -> Result<Self, Error> {
        let (core, groups) = tokio::try_join!(get(client, "/api", ACCEPT), get(client, "/apis", ACCEPT))?;
        let mut kinds = Self::default();
        for list in [core, groups] {
            kinds.read(&list);
        }
        Ok(kinds)
    }

    fn read(&mut self, list: &Value) {
        for group in meta::items(&list["items"]) {
            let name = meta::name(group);
            for version in meta::items(&group["versions"]) {
                let number = version["version"].as_str().unwrap_or_default();
                let api_version = if name.is_empty() { number.to_owned() } else { format!("{name}/{number}") };
                for resource in meta::items(&version["resources"]) {
                    let text = |field: &str| resource[field].as_str().unwrap_or_default();
                    let can = |verb: &str| meta::items(&resource["verbs"]).iter().any(|known| known == verb);
                    let kind = resource["responseKind"]["kind"].as_str().unwrap_or_default().to_owned();
                    let entry = Kind {
                        resource: Resource::new(name, number, text("resource")),
                        namespaced: text("scope") == "Namespaced",
                        prunable: can("list") && can("delete"),
                    };
                    self.0.insert((api_version.clone(), kind), entry);
                }
            }
        }
    }

    /// The kind under a name.
    pub(super) fn find(&self, api_version: &str, kind: &str) -> Result<&Kind, Status> {
        let found = self.0.get(&(api_version.to_owned(), kind.to_owned()));
        found.ok_or_else(|| {
            Status::new(404, "NotFound", format!("the cluster has no kind \"{kind}\" in version \"{api_version}\""))
        })
    }

    /// All kinds that objects can be listed and deleted of, by group and kind: each in one of its versions.
    pub(super) fn prunable(&self) -> HashMap<(&str, &str), &Kind> {
        let prunable = self.0.iter().filter(|(_, served)| served.prunable);
        prunable.map(|((_, kind), served)| ((served.resource.group.as_str(), kind.as_str()), served)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_are_found_by_their_names() {
        let mut kinds = Kinds::default();
        kinds.read(&json!({"items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
            {"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced", "verbs": ["list", "delete"]},
            {"resource": "reviews", "responseKind": {"kind": "Review"}, "scope": "Cluster", "verbs": ["create"]}]},
            {"version": "v1beta1", "resources": [
            {"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced", "verbs": ["list", "delete"]}]}]}]}));
        let found = kinds.find("apps/v1", "Deployment").expect("it is served");
        assert_eq!(
            (found.resource.path("n"), found.namespaced),
            ("/apis/apps/v1/namespaces/n/deployments".to_owned(), true)
        );
        assert!(kinds.find("apps/v1", "Nothing").is_err());
        assert_eq!(
            kinds.prunable().into_keys().collect::<Vec<_>>(),
            [("apps", "Deployment")],
            "in one of its versions"
        );
    }
}
