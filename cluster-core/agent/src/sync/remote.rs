//! The cluster's side of a sync: what is read of it and done to it.

use super::kinds::{Kind, Kinds};
use super::load::Document;
use super::plan::{Key, object_at, short_hash};
use super::unified;
use crate::clusters::get;
use crate::prelude::*;
use futures::future::try_join_all;

/// The label of what a sync has applied; its value says which sync.
const LABEL: &str = "devcluster.io/sync";
pub(super) const MANAGER: &str = "devcluster-sync";
/// The annotation that tells of what document an object was made, so that what it lacks is known to be taken away.
pub(super) const APPLIED: &str = "devcluster.io/applied";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
/// What differs without anybody's doing.
const UNCOMPARED: [&str; 6] = [
    "metadata.managedFields",
    "metadata.resourceVersion",
    "metadata.uid",
    "metadata.generation",
    "metadata.creationTimestamp",
    "status",
];

/// A cluster, as one sync works on it.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) client: Client,
    pub(super) kinds: Kinds,
    /// Which sync this is.
    pub(super) set: String,
    /// Of objects that name none.
    pub(super) namespace: String,
}

impl Remote {
    /// The path of an object.
    fn path(&self, object: &Value) -> Result<String, Error> {
        let kind = self.kinds.find(meta::api_version(object), meta::kind(object))?;
        let namespace = match meta::namespace(object) {
            "" if kind.namespaced => self.namespace.as_str(),
            namespace => namespace,
        };
        Ok(format!("{}/{}", kind.resource.path(namespace), escape(meta::name(object))))
    }

    async fn send(&self, object: &Value, query: &str) -> Result<(u16, Value), Error> {
        let mut labelled = object.clone();
        let metadata = object_at(&mut labelled, "metadata");
        object_at(metadata, "labels")[LABEL] = self.set.as_str().into();
        object_at(metadata, "annotations")[APPLIED] = applied(object).into();
        let path = self.path(object)?;
        let request = Request::patch(format!("{path}?fieldManager={MANAGER}&force=true&fieldValidation=Strict{query}"))
            .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(labelled.to_string().into())
            .map_err(|error| Status::bad_request(error.to_string()))?;
        let response = self.client.backend().call(request).await?;
        let code = response.status().as_u16();
        Ok((code, decode("object", &successful(response)?)?))
    }

    /// Makes an object as its document says; what that did.
    pub(super) async fn apply(&self, document: &Document) -> Result<&'static str, Error> {
        let (code, _) = self.send(&document.object, "").await?;
        Ok(if code == 201 { "created" } else { "configured" })
    }

    /// An object as it is; none when it is not there.
    pub(super) async fn live(&self, object: &Value) -> Result<Option<Value>, Error> {
        let found = self.client.raw(Method::GET, &self.path(object)?, None).await;
        Ok(cluster_client::Error::ignore_gone(found)?)
    }

    /// The difference between an object as it is and as it would be; none when there is none.
    pub(super) async fn difference(&self, document: &Document) -> Result<Option<String>, Error> {
        let live = self.live(&document.object).await?.unwrap_or_default();
        let (_, then) = self.send(&document.object, "&dryRun=All").await?;
        let (live, then) = (plain(live)?, plain(then)?);
        let key = Key::of(&document.object);
        let (before, after) = (format!("cluster: {key}"), format!("{}: {key}", document.file.display()));
        Ok((live != then).then(|| unified((&live, &before), (&then, &after))))
    }

    /// Deletes an object; one that is gone already is fine.
    pub(super) async fn delete(&self, key: &Key) -> Result<(), Error> {
        let kinds = self.kinds.prunable();
        let Some(kind) = kinds.get(&(key.group.as_str(), key.kind.as_str())) else {
            // Its definition has gone, and it with that.
            return Ok(());
        };
        let path = format!("{}/{}", kind.resource.path(&key.namespace), escape(&key.name));
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        let deleted = self.client.raw(Method::DELETE, &path, Some(&options)).await;
        cluster_client::Error::ignore_gone(deleted)?;
        Ok(())
    }

    /// What a sync of this set has applied and is still there.
    pub(super) async fn ours(&self) -> Result<Vec<Key>, Error> {
        let kinds = self.kinds.prunable().into_iter().map(|(name, kind)| self.ours_of(name, kind));
        Ok(try_join_all(kinds).await?.concat())
    }

    async fn ours_of(&self, (group, kind): (&str, &str), served: &Kind) -> Result<Vec<Key>, Error> {
        let selector = format!("{LABEL}={}", self.set);
        let path = format!("{}?labelSelector={}", served.resource.path(""), escape(&selector));
        let list = get(&self.client, &path, METADATA).await?;
        let objects = meta::items(&list["items"]).iter();
        // Controllers copy labels to objects that they make, so it must also have been us who wrote them.
        let ours = objects.filter(|object| {
            meta::items(&object["metadata"]["managedFields"]).iter().any(|manager| manager["manager"] == MANAGER)
        });
        let key = |object: &Value| Key { group: group.to_owned(), kind: kind.to_owned(), ..Key::of(object) };
        Ok(ours.map(key).collect())
    }
}

/// A document's mark.
pub(super) fn applied(object: &Value) -> String {
    short_hash(&object.to_string())
}

/// An object as people compare it.
fn plain(mut object: Value) -> Result<String, Error> {
    if object.is_null() {
        return Ok(String::new());
    }
    for field in UNCOMPARED {
        meta::remove(&mut object, field);
    }
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.remove(APPLIED);
    }
    Ok(yaml::to_string(&object).map_err(Status::internal)?)
}
