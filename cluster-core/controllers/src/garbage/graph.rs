//! Who owns whom: the objects of the cluster as a graph by UID, and what a change in it asks to be done.

use crate::meta::Meta;
use crate::resources::{Partial, Resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";

/// An object as the collector knows it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// `None` for a virtual node whose kind is not resolved: it is only known from a reference to it.
    pub(super) resource: Option<Arc<Resource>>,
    pub(super) namespace: String,
    pub(super) name: String,
    /// The reference by which it is known, for a virtual node.
    pub(super) reference: Option<OwnerReference>,
    pub(super) owners: Vec<OwnerReference>,
    pub(super) dependents: HashSet<String>,
    pub(super) deleting: bool,
    /// It waits for its dependents to be gone.
    pub(super) foreground: bool,
}

/// What a change asks for.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// See whether the object under this UID has to go.
    Examine(String),
    /// Free the dependents of the object under this UID.
    Orphan(String),
}

/// The graph.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<String, Node>,
}

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Takes in an object's new state.
    pub(super) fn put(&mut self, resource: &Arc<Resource>, object: &Partial) -> Vec<Task> {
        let meta = &object.metadata;
        let Some(uid) = meta.uid.clone() else { return Vec::new() };
        let mut tasks = Vec::new();
        let owners = meta.owner_references.clone().unwrap_or_default();
        let namespace = meta.namespace.clone().unwrap_or_default();
        let (before, was_foreground) = match self.nodes.get(&uid) {
            Some(node) => (node.owners.clone(), node.foreground),
            None => (Vec::new(), false),
        };
        for owner in &owners {
            self.link(&uid, owner, &namespace, &mut tasks);
        }
        for gone in before.iter().filter(|old| !owners.iter().any(|owner| owner.uid == old.uid)) {
            self.unlink(&uid, &gone.uid, &mut tasks);
        }
        // A reference that no longer blocks may let its owner go.
        for owner in owners.iter().filter(|owner| owner.block_owner_deletion != Some(true)) {
            let blocked = before.iter().any(|old| old.uid == owner.uid && old.block_owner_deletion == Some(true));
            if blocked && self.nodes.get(&owner.uid).is_some_and(|owner| owner.foreground) {
                tasks.push(Task::Examine(owner.uid.clone()));
            }
        }
        let deleting = object.is_deleting();
        let has = |finalizer: &str| object.finalizers().iter().any(|known| known == finalizer);
        let foreground = deleting && has(FOREGROUND);
        let dependents = self.nodes.remove(&uid).map(|node| node.dependents).unwrap_or_default();
        if foreground && !was_foreground {
            tasks.push(Task::Examine(uid.clone()));
            tasks.extend(dependents.iter().cloned().map(Task::Examine));
        }
        if deleting && has(ORPHAN) {
            tasks.push(Task::Orphan(uid.clone()));
        }
        let name = meta.name.clone().unwrap_or_default();
        let resource = Some(resource.clone());
        self.nodes
            .insert(uid, Node { resource, namespace, name, reference: None, owners, dependents, deleting, foreground });
        tasks
    }

    /// Makes `owner` know its dependent. One nobody has seen becomes a virtual node and is looked for.
    fn link(&mut self, uid: &str, owner: &OwnerReference, namespace: &str, tasks: &mut Vec<Task>) {
        let node = self.nodes.entry(owner.uid.clone()).or_insert_with(|| {
            tasks.push(Task::Examine(owner.uid.clone()));
            Node {
                resource: None,
                namespace: namespace.to_owned(),
                name: owner.name.clone(),
                reference: Some(owner.clone()),
                owners: Vec::new(),
                dependents: HashSet::new(),
                deleting: false,
                foreground: false,
            }
        });
        node.dependents.insert(uid.to_owned());
    }

    fn unlink(&mut self, uid: &str, owner: &str, tasks: &mut Vec<Task>) {
        let Some(node) = self.nodes.get_mut(owner) else { return };
        node.dependents.remove(uid);
        if node.foreground {
            tasks.push(Task::Examine(owner.to_owned()));
        }
    }

    /// The object is gone: its dependents may have to follow, its owners may go now.
    pub(super) fn remove(&mut self, uid: &str) -> Vec<Task> {
        let Some(node) = self.nodes.remove(uid) else { return Vec::new() };
        let mut tasks: Vec<Task> = node.dependents.iter().cloned().map(Task::Examine).collect();
        for owner in &node.owners {
            self.unlink(uid, &owner.uid, &mut tasks);
        }
        tasks
    }

    /// The dependents that keep `uid` from going in the foreground.
    pub(super) fn blocking(&self, uid: &str) -> Vec<String> {
        let Some(node) = self.nodes.get(uid) else { return Vec::new() };
        let blocks = |dependent: &&String| {
            self.nodes.get(*dependent).is_some_and(|dependent| {
                dependent.owners.iter().any(|owner| owner.uid == uid && owner.block_owner_deletion == Some(true))
            })
        };
        node.dependents.iter().filter(blocks).cloned().collect()
    }

    /// Whether one of the dependents waits for its own dependents: then two wait for each other.
    pub(super) fn has_foreground_dependent(&self, uid: &str) -> bool {
        let dependents = self.nodes.get(uid).map(|node| &node.dependents);
        dependents.into_iter().flatten().any(|dependent| self.nodes.get(dependent).is_some_and(|node| node.foreground))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(uid: &str, owners: &[(&str, bool)], deleting: bool, finalizers: &[&str]) -> Partial {
        let reference = |(uid, block): &(&str, bool)| json!({"apiVersion": "v1", "kind": "K", "name": uid, "uid": uid, "blockOwnerDeletion": block});
        let owners: Vec<Value> = owners.iter().map(reference).collect();
        let deleted = deleting.then_some("2026-01-01T00:00:00Z");
        serde_json::from_value(
            json!({"metadata": {"uid": uid, "name": uid, "namespace": "ns", "ownerReferences": owners,
            "deletionTimestamp": deleted, "finalizers": finalizers}}),
        )
        .expect("an object")
    }

    fn examine(uids: &[&str]) -> Vec<Task> {
        uids.iter().map(|uid| Task::Examine((*uid).to_owned())).collect()
    }

    fn sorted(mut tasks: Vec<Task>) -> Vec<Task> {
        tasks.sort();
        tasks
    }

    #[test]
    fn what_is_owned_is_examined_when_its_owner_goes() {
        let (mut graph, kind) = (Graph::default(), Arc::new(crate::resources::tests::kind("ks")));
        assert_eq!(graph.put(&kind, &object("a", &[], false, &[])), []);
        assert_eq!(graph.put(&kind, &object("b", &[("a", true)], false, &[])), []);
        assert_eq!(graph.put(&kind, &object("c", &[("x", true)], false, &[])), examine(&["x"]), "an owner never seen");
        assert!(graph.get("x").expect("virtual").resource.is_none());
        assert_eq!(graph.remove("a"), examine(&["b"]));
        assert_eq!(graph.remove("x"), examine(&["c"]));
    }

    #[test]
    fn a_foreground_owner_waits_for_what_blocks_it() {
        let (mut graph, kind) = (Graph::default(), Arc::new(crate::resources::tests::kind("ks")));
        graph.put(&kind, &object("a", &[], false, &[]));
        graph.put(&kind, &object("b", &[("a", true)], false, &[]));
        graph.put(&kind, &object("c", &[("a", false)], false, &[]));
        let tasks = graph.put(&kind, &object("a", &[], true, &[FOREGROUND]));
        assert_eq!(sorted(tasks), examine(&["a", "b", "c"]));
        assert_eq!(graph.blocking("a"), ["b"]);
        assert_eq!(graph.put(&kind, &object("b", &[("a", false)], false, &[])), examine(&["a"]));
        assert!(graph.blocking("a").is_empty());
        assert_eq!(graph.remove("c"), examine(&["a"]));
    }

    #[test]
    fn an_orphaning_owner_frees_its_dependents() {
        let (mut graph, kind) = (Graph::default(), Arc::new(crate::resources::tests::kind("ks")));
        graph.put(&kind, &object("a", &[], false, &[]));
        assert_eq!(graph.put(&kind, &object("a", &[], true, &[ORPHAN])), [Task::Orphan("a".into())]);
    }
}
