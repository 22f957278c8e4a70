//! Which objects a controller owns: it adopts orphans its selector matches and releases what no longer matches.

use crate::prelude::*;

#[derive(Debug, PartialEq, Eq)]
enum Claim {
    Keep,
    Adopt,
    Release,
    Ignore,
}

fn decide<O: Object, K: Object>(owner: &O, selector: &Selector, object: &K) -> Claim {
    let matches = meta::matches(selector, object.metadata());
    match object.controller() {
        Some(reference) if reference.uid != owner.uid() => Claim::Ignore,
        Some(_) if matches => Claim::Keep,
        Some(_) if owner.is_deleting() => Claim::Ignore,
        Some(_) => Claim::Release,
        None if matches && !owner.is_deleting() && !object.is_deleting() => Claim::Adopt,
        None => Claim::Ignore,
    }
}

/// What `owner` controls in a cache that is indexed by owner, after adopting and releasing. What it controls bears
/// `finalizer`, if one is given.
pub(crate) async fn claim<O: Object, K: Object>(
    client: &Client,
    owner: &O,
    selector: &Selector,
    cache: &Informer<K>,
    finalizer: Option<&str>,
) -> Result<Vec<Arc<K>>, Error> {
    let mut candidates = cache.by_index(BY_OWNER, owner.uid());
    candidates.extend(cache.by_index(index::ORPHANS, owner.namespace()));
    let mut owned = Vec::with_capacity(candidates.len());
    let mut may_adopt = None;
    for object in candidates {
        match decide(owner, selector, object.as_ref()) {
            Claim::Keep => owned.push(object),
            Claim::Ignore => {}
            Claim::Release => {
                patch_metadata(client, object.as_ref(), released(owner, finalizer)).await?;
            }
            Claim::Adopt => {
                if may_adopt.is_none() {
                    may_adopt = Some(still_exists(client, owner).await?);
                }
                if may_adopt == Some(true)
                    && let Some(adopted) = patch_metadata(client, object.as_ref(), adopted(owner, finalizer)).await?
                {
                    owned.push(Arc::new(adopted));
                }
            }
        }
    }
    Ok(owned)
}

/// Asks the server, because the cache may not know yet that the owner is gone.
async fn still_exists<O: Object>(client: &Client, owner: &O) -> Result<bool, Error> {
    let fresh = ignore_gone(client.get::<O>(owner.namespace(), owner.name()).await)?;
    Ok(fresh.is_some_and(|fresh| fresh.uid() == owner.uid() && !fresh.is_deleting()))
}

fn adopted<O: Object>(owner: &O, finalizer: Option<&str>) -> Value {
    json!({"ownerReferences": [controller_reference(owner)], "finalizers": finalizer.as_slice()})
}

fn released<O: Object>(owner: &O, finalizer: Option<&str>) -> Value {
    json!({
        "ownerReferences": [{"$patch": "delete", "uid": owner.uid()}],
        "$deleteFromPrimitiveList/finalizers": finalizer.as_slice(),
    })
}

/// `None` when the object is gone, or another of its name took its place.
async fn patch_metadata<K: Object>(client: &Client, object: &K, mut metadata: Value) -> Result<Option<K>, Error> {
    metadata["uid"] = object.uid().into();
    let patch = Patch::Strategic(json!({"metadata": metadata}));
    match client.patch(object.namespace(), object.name(), "", &patch).await {
        Ok(patched) => Ok(Some(patched)),
        Err(error) if error.is_not_found() || error.status().is_some_and(|s| s.reason == "Invalid") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::ReplicaSet;
    use k8s_openapi::api::core::v1::Pod;

    #[test]
    fn an_object_is_claimed_by_selector_and_owner() {
        let selector = Selector::parse("app=x").expect("valid");
        let cases = [
            ("ours, matching", Some("me"), "x", false, false, Claim::Keep),
            ("ours, matching, owner deleting", Some("me"), "x", true, false, Claim::Keep),
            ("ours, not matching", Some("me"), "y", false, false, Claim::Release),
            ("ours, not matching, owner deleting", Some("me"), "y", true, false, Claim::Ignore),
            ("another's", Some("you"), "x", false, false, Claim::Ignore),
            ("orphan, matching", None, "x", false, false, Claim::Adopt),
            ("orphan, matching, owner deleting", None, "x", true, false, Claim::Ignore),
            ("orphan, matching, deleting", None, "x", false, true, Claim::Ignore),
            ("orphan, not matching", None, "y", false, false, Claim::Ignore),
        ];
        for (what, controller, app, owner_deleting, object_deleting, expected) in cases {
            let mut owner = ReplicaSet::default();
            owner.metadata.uid = Some("me".into());
            owner.metadata.deletion_timestamp = owner_deleting.then(meta::now);
            let mut pod = Pod::default();
            pod.metadata.labels = Some([("app".into(), app.into())].into());
            pod.metadata.deletion_timestamp = object_deleting.then(meta::now);
            pod.metadata.owner_references = controller.map(|uid| {
                let mut reference = controller_reference(&owner);
                uid.clone_into(&mut reference.uid);
                vec![reference]
            });
            assert_eq!(decide(&owner, &selector, &pod), expected, "{what}");
        }
    }

    #[test]
    fn what_is_released_loses_the_finalizer_it_got() {
        let owner = ReplicaSet::default();
        let finalizers = |patch: Value| {
            [&patch["finalizers"], &patch["$deleteFromPrimitiveList/finalizers"]]
                .map(|list| list.as_array().map(Vec::len))
        };
        assert_eq!(finalizers(adopted(&owner, Some("mine"))), [Some(1), None]);
        assert_eq!(finalizers(released(&owner, Some("mine"))), [None, Some(1)]);
        assert_eq!(finalizers(released(&owner, None)), [None, Some(0)]);
    }
}
