//! Decides and does what the graph asks: deletes what nobody owns any more, lets go what waited, frees orphans.

use super::graph::{FOREGROUND, Graph, Node, ORPHAN, Task, crosses};
use crate::prelude::*;
use parking_lot::RwLock;

/// What the collector's workers share.
pub(super) struct Collector {
    pub(super) client: Client,
    pub(super) recorder: Recorder,
    pub(super) graph: Mutex<Graph>,
    pub(super) resources: RwLock<Vec<Arc<Resource>>>,
    pub(super) queue: WorkQueue<Task>,
}

/// How an owner reference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The owner is there.
    Solid,
    /// There is no such object.
    Absent,
    /// The owner waits in the foreground for its dependents to go.
    Waiting,
    /// An object of the whole cluster names an owner of a namespace: which one is not to be known.
    Nowhere,
}

/// What is done about an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Drop the references that are not solid.
    Trim,
    Delete(&'static str),
    /// As [`Verdict::Delete`], but first stop blocking the owners: two objects wait for each other.
    UnblockAndDelete(&'static str),
}

/// What becomes of an object with these owners. `own` are its own finalizers.
pub(super) fn judge(owners: &[Standing], has_dependents: bool, circular: bool, own: &[String]) -> Verdict {
    let any = |standing| owners.contains(&standing);
    if owners.is_empty() || any(Standing::Nowhere) {
        return Verdict::Keep;
    }
    if any(Standing::Solid) {
        return if any(Standing::Absent) || any(Standing::Waiting) { Verdict::Trim } else { Verdict::Keep };
    }
    if any(Standing::Waiting) && has_dependents {
        return if circular { Verdict::UnblockAndDelete("Foreground") } else { Verdict::Delete("Foreground") };
    }
    let has = |finalizer: &str| own.iter().any(|known| known == finalizer);
    Verdict::Delete(if has(ORPHAN) {
        "Orphan"
    } else if has(FOREGROUND) {
        "Foreground"
    } else {
        "Background"
    })
}

impl Collector {
    pub(super) fn enqueue(&self, tasks: Vec<Task>) {
        for task in tasks {
            self.queue.add(task);
        }
    }

    fn node(&self, uid: &str) -> Option<Node> {
        self.graph.lock().get(uid).cloned()
    }

    fn gone(&self, uid: &str) {
        let tasks = self.graph.lock().remove(uid);
        self.enqueue(tasks);
    }

    fn resource(&self, owner: &OwnerReference) -> Result<Arc<Resource>, Error> {
        let resources = self.resources.read();
        let found = resources.iter().find(|resource| resource.is_kind_of(owner)).cloned();
        found.ok_or_else(|| Error::Object(format!("no kind {} in {} is known", owner.kind, owner.api_version)))
    }

    async fn read(&self, resource: &Resource, key: &ObjectKey) -> Result<Option<Partial>, Error> {
        let path = resource.object(&key.namespace, &key.name);
        let found = ignore_gone(self.client.raw(Method::GET, &path, None).await)?;
        found.map(serde_json::from_value).transpose().map_err(|e| Error::Object(e.to_string()))
    }

    /// Sees whether an object has to go.
    pub(super) async fn examine(&self, object_uid: &str) -> Result<(), Error> {
        let Some(node) = self.node(object_uid) else { return Ok(()) };
        if node.deleting && !node.foreground {
            return Ok(());
        }
        let resource = match (&node.resource, &node.reference) {
            (Some(resource), _) => resource.clone(),
            (None, Some(reference)) => self.resource(reference)?,
            (None, None) => return Ok(()),
        };
        let live = self.read(&resource, &node.key).await?;
        let Some(live) = live.filter(|live| live.uid() == object_uid) else {
            self.gone(object_uid);
            return Ok(());
        };
        if node.foreground {
            return self.release(object_uid, &resource, &live).await;
        }
        if live.is_deleting() {
            return Ok(());
        }
        let owners = live.metadata.owner_references.clone().unwrap_or_default();
        let mut standings = Vec::with_capacity(owners.len());
        for owner in &owners {
            standings.push(self.standing(owner, &node.key.namespace).await?);
            if self
                .graph
                .lock()
                .get(&owner.uid)
                .is_some_and(|known| known.resource.is_some() && crosses(&known.key, &node.key))
            {
                self.warn(&resource, &live, owner);
            }
        }
        let circular = self.graph.lock().has_foreground_dependent(object_uid);
        match judge(&standings, !node.dependents.is_empty(), circular, live.finalizers()) {
            Verdict::Keep => Ok(()),
            Verdict::Trim => {
                let kept = owners.iter().zip(&standings).filter(|(_, standing)| **standing == Standing::Solid);
                self.set_owners(&resource, &live, kept.map(|(owner, _)| owner.clone()).collect()).await
            }
            Verdict::Delete(policy) => self.delete(&resource, &live, policy).await,
            Verdict::UnblockAndDelete(policy) => {
                let free = |owner: OwnerReference| OwnerReference { block_owner_deletion: Some(false), ..owner };
                self.set_owners(&resource, &live, owners.into_iter().map(free).collect()).await?;
                self.delete(&resource, &live, policy).await
            }
        }
    }

    async fn standing(&self, owner: &OwnerReference, namespace: &str) -> Result<Standing, Error> {
        let resource = self.resource(owner)?;
        if resource.namespaced && namespace.is_empty() {
            return Ok(Standing::Nowhere);
        }
        // An owner in another namespace does not exist: references never cross.
        let live = self.read(&resource, &ObjectKey::new(namespace, &owner.name)).await?;
        Ok(match live.filter(|live| live.uid() == owner.uid) {
            None => Standing::Absent,
            Some(live) if live.is_deleting() && live.finalizers().iter().any(|f| f == FOREGROUND) => Standing::Waiting,
            Some(_) => Standing::Solid,
        })
    }

    /// Tells of an owner that is in another namespace.
    fn warn(&self, resource: &Resource, live: &Partial, owner: &OwnerReference) {
        let OwnerReference { api_version, kind, name, uid, .. } = owner;
        let namespace = live.namespace();
        let version = format!("{}/{}", resource.group, resource.version);
        let about = ObjectReference {
            api_version: Some(version.trim_start_matches('/').to_owned()),
            kind: Some(resource.kind.clone()),
            ..reference(live)
        };
        let owner = format!("[{api_version}/{kind}, namespace: {namespace}, name: {name}, uid: {uid}]");
        let message = format!("ownerRef {owner} does not exist in namespace {namespace:?}");
        self.recorder.warning(&about, "OwnerRefInvalidNamespace", message);
    }

    /// Lets an object go that waited for its dependents, when none blocks it any more.
    async fn release(&self, object_uid: &str, resource: &Resource, live: &Partial) -> Result<(), Error> {
        let blocking = self.graph.lock().blocking(object_uid);
        if blocking.is_empty() {
            return self.remove_finalizer(resource, live, FOREGROUND).await;
        }
        for dependent in blocking {
            self.queue.add(Task::Examine(dependent));
        }
        Ok(())
    }

    /// Frees the dependents of an object, then lets it go.
    pub(super) async fn orphan(&self, object_uid: &str) -> Result<(), Error> {
        let Some(node) = self.node(object_uid) else { return Ok(()) };
        let Some(resource) = node.resource else { return Ok(()) };
        for dependent in &node.dependents {
            let Some(dependent) = self.node(dependent) else { continue };
            let Some(kind) = dependent.resource else { continue };
            let Some(live) = self.read(&kind, &dependent.key).await? else { continue };
            let mut owners = live.metadata.owner_references.clone().unwrap_or_default();
            owners.retain(|owner| owner.uid != object_uid);
            self.set_owners(&kind, &live, owners).await?;
        }
        match self.read(&resource, &node.key).await?.filter(|live| live.uid() == object_uid) {
            Some(live) => self.remove_finalizer(&resource, &live, ORPHAN).await,
            None => Ok(()),
        }
    }

    async fn set_owners(&self, resource: &Resource, live: &Partial, owners: Vec<OwnerReference>) -> Result<(), Error> {
        self.patch(resource, live, json!({"ownerReferences": owners})).await
    }

    async fn remove_finalizer(&self, resource: &Resource, live: &Partial, finalizer: &str) -> Result<(), Error> {
        let kept: Vec<&String> = live.finalizers().iter().filter(|known| *known != finalizer).collect();
        if kept.len() == live.finalizers().len() {
            return Ok(());
        }
        self.patch(resource, live, json!({"finalizers": kept})).await
    }

    /// Replaces lists in the metadata of exactly the state that was read.
    async fn patch(&self, resource: &Resource, live: &Partial, mut metadata: Value) -> Result<(), Error> {
        metadata["uid"] = json!(live.metadata.uid);
        metadata["resourceVersion"] = json!(live.metadata.resource_version);
        let patch = Patch::Merge(json!({"metadata": metadata}));
        ignore_gone(self.client.raw_patch::<Value>(&path(resource, live), &patch).await).map(drop)
    }

    async fn delete(&self, resource: &Resource, live: &Partial, policy: &str) -> Result<(), Error> {
        let meta = &live.metadata;
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy,
            "preconditions": {"uid": meta.uid, "resourceVersion": meta.resource_version}});
        ignore_gone(self.client.raw(Method::DELETE, &path(resource, live), Some(&options)).await).map(drop)
    }
}

fn path(resource: &Resource, live: &Partial) -> String {
    resource.object(live.namespace(), live.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_lives_as_long_as_one_owner() {
        use Standing::{Absent, Nowhere, Solid, Waiting};
        let own = |finalizer: &str| vec![finalizer.to_owned()];
        let cases = [
            (vec![], false, false, vec![], Verdict::Keep),
            (vec![Solid], true, false, vec![], Verdict::Keep),
            (vec![Solid, Absent], false, false, vec![], Verdict::Trim),
            (vec![Solid, Waiting], false, false, vec![], Verdict::Trim),
            (vec![Absent], true, false, vec![], Verdict::Delete("Background")),
            (vec![Absent], true, false, own(ORPHAN), Verdict::Delete("Orphan")),
            (vec![Absent], true, false, own(FOREGROUND), Verdict::Delete("Foreground")),
            (vec![Waiting], false, false, vec![], Verdict::Delete("Background")),
            (vec![Waiting], true, false, vec![], Verdict::Delete("Foreground")),
            (vec![Nowhere], false, false, vec![], Verdict::Keep),
            (vec![Absent, Nowhere], true, false, vec![], Verdict::Keep),
            (vec![Waiting, Absent], true, true, vec![], Verdict::UnblockAndDelete("Foreground")),
        ];
        for (owners, dependents, circular, own, expected) in cases {
            assert_eq!(
                judge(&owners, dependents, circular, &own),
                expected,
                "{owners:?} {dependents} {circular} {own:?}"
            );
        }
    }
}
