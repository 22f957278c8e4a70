//! What the API server serves, by discovery, and objects of any kind seen only by their metadata.

use crate::prelude::*;
use k8s_openapi::ClusterResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    APIGroup, APIGroupList, APIResourceList, GroupVersionForDiscovery,
};
use serde::{Deserialize, Deserializer, Serialize};

/// The collection of the kinds that users define.
pub(crate) const CUSTOM_RESOURCES: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The metadata of an object of any kind, without what the garbage collector does not read: there is one of these for
/// every object in the cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Partial {
    #[serde(default, deserialize_with = "lean")]
    pub(crate) metadata: ObjectMeta,
}

fn lean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let full = ObjectMeta::deserialize(deserializer)?;
    Ok(ObjectMeta { annotations: None, labels: None, managed_fields: None, generate_name: None, ..full })
}

impl k8s_openapi::Resource for Partial {
    const API_VERSION: &'static str = "meta.k8s.io/v1";
    const GROUP: &'static str = "meta.k8s.io";
    const KIND: &'static str = "PartialObjectMetadata";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "";
    type Scope = ClusterResourceScope;
}

impl k8s_openapi::Metadata for Partial {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A kind the server stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
    verbs: Vec<String>,
}

impl Resource {
    /// The path of the collection; an empty namespace means all.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let namespace = if self.namespaced { namespace } else { "" };
        cluster_client::collection_path(&self.group, &self.version, namespace, &self.name)
    }

    /// The path of one object.
    pub(crate) fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(namespace))
    }

    pub(crate) fn can(&self, verbs: &[&str]) -> bool {
        verbs.iter().all(|verb| self.verbs.iter().any(|known| known == verb))
    }

    /// For messages, as `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.name.clone() } else { format!("{}.{}", self.name, self.group) }
    }

    /// Whether an owner reference speaks of this kind, in whatever version.
    pub(crate) fn is_kind_of(&self, owner: &OwnerReference) -> bool {
        self.kind == owner.kind && self.group == meta::group(owner)
    }
}

async fn read<T: for<'a> Deserialize<'a>>(client: &Client, path: &str) -> Result<T, Error> {
    let value = client.raw(Method::GET, path, None).await?;
    serde_json::from_value(value).map_err(|e| Error::Object(format!("{path} is no discovery document: {e}")))
}

/// Every resource, each in one version: the group's preferred one, or another that has it. Also which groups did not
/// answer, and why: one whose server is down is left out.
pub(crate) async fn discover(client: &Client) -> Result<(Vec<Resource>, Vec<String>), Error> {
    let groups: APIGroupList = read(client, "/apis").await?;
    let mut all = Vec::new();
    let mut failures = Vec::new();
    let version = GroupVersionForDiscovery { version: "v1".to_owned(), ..Default::default() };
    let core = APIGroup { versions: vec![version], ..APIGroup::default() };
    for group in std::iter::once(core).chain(groups.groups) {
        let preferred = group.preferred_version.map(|preferred| preferred.version);
        let mut versions: Vec<String> = group.versions.into_iter().map(|version| version.version).collect();
        versions.sort_by_key(|version| Some(version) != preferred.as_ref());
        for version in versions {
            let root = if group.name.is_empty() { "/api".to_owned() } else { format!("/apis/{}", group.name) };
            match read::<APIResourceList>(client, &format!("{root}/{version}")).await {
                Ok(list) => take(&mut all, &group.name, &version, list),
                Err(error) => {
                    tracing::debug!(group = group.name, version, %error, "discovery failed");
                    failures.push(format!("{}/{version}: {error}", group.name));
                }
            }
        }
    }
    Ok((all, failures))
}

/// What the server calls a kind of one version.
pub(crate) async fn of_kind(client: &Client, api_version: &str, kind: &str) -> Result<Resource, Error> {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let mut all = Vec::new();
    match read::<APIResourceList>(client, &format!("{root}/{api_version}")).await {
        Err(Error::Client(error)) if error.is_not_found() => {}
        list => take(&mut all, group, version, list?),
    }
    let found = all.into_iter().find(|resource| resource.kind == kind);
    found.ok_or_else(|| Error::Object(format!("no matches for kind {kind:?} in version {api_version:?}")))
}

fn take(all: &mut Vec<Resource>, group: &str, version: &str, list: APIResourceList) {
    for listed in list.resources.into_iter().filter(|listed| !listed.name.contains('/')) {
        if all.iter().any(|known| known.group == group && known.name == listed.name) {
            continue;
        }
        all.push(Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            name: listed.name,
            kind: listed.kind,
            namespaced: listed.namespaced,
            verbs: listed.verbs,
        });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;

    pub(crate) fn kind(name: &str) -> Resource {
        let (group, version, kind) = (String::new(), "v1".to_owned(), "K".to_owned());
        Resource { group, version, name: name.to_owned(), kind, namespaced: true, verbs: vec!["list".to_owned()] }
    }

    #[test]
    fn a_resource_is_taken_once_and_subresources_are_not() {
        let resource = |name: &&str| APIResource { name: (*name).to_owned(), namespaced: true, ..Default::default() };
        let list = |names: &[&str]| APIResourceList {
            resources: names.iter().map(resource).collect(),
            ..APIResourceList::default()
        };
        let mut all = Vec::new();
        take(&mut all, "apps", "v1", list(&["deployments", "deployments/scale"]));
        take(&mut all, "apps", "v1beta1", list(&["deployments", "others"]));
        let found: Vec<String> = all.iter().map(|resource| resource.path("ns")).collect();
        assert_eq!(found, ["/apis/apps/v1/namespaces/ns/deployments", "/apis/apps/v1beta1/namespaces/ns/others"]);
    }
}
