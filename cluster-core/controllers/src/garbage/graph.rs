//! Who owns whom: the objects of the cluster as a graph by UID, and what a change in it asks to be done.

use crate::prelude::*;

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";

/// An object as the collector knows it. There is one for each object of the cluster, so it is small.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// `None` for a virtual node whose kind is not resolved: it is only known from a reference to it.
    pub(super) resource: Option<Arc<Resource>>,
    pub(super) key: ObjectKey,
    /// The reference by which it is known, for a virtual node.
    pub(super) reference: Option<Box<OwnerReference>>,
    owners: Box<[Owner]>,
    pub(super) dependents: HashSet<Uid>,
    pub(super) deleting: bool,
    /// It waits for its dependents to be gone.
    pub(super) foreground: bool,
}

pub(super) type Uid = Arc<str>;

/// Whose an object is, and whether it keeps that one from going.
#[derive(Debug, Clone)]
struct Owner {
    uid: Uid,
    blocks: bool,
}

/// What a change asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Task {
    /// See whether the object under this UID has to go.
    Examine(Uid),
    /// Free the dependents of the object under this UID.
    Orphan(Uid),
}

/// The graph.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Uid, Node>,
}

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Takes in an object's new state.
    pub(super) fn put<K: Object>(&mut self, resource: &Arc<Resource>, object: &K) -> Vec<Task> {
        if object.uid().is_empty() {
            return Vec::new();
        }
        let (uid, mut before) = match self.nodes.remove_entry(object.uid()) {
            Some((uid, node)) => (uid, Some(node)),
            None => (object.uid().into(), None),
        };
        let mut tasks = Vec::new();
        let (before_owners, was_foreground) = match &mut before {
            Some(node) => (std::mem::take(&mut node.owners), node.foreground),
            None => (Box::default(), false),
        };
        let deleting = object.is_deleting();
        let has = |finalizer: &str| object.finalizers().iter().any(|known| known == finalizer);
        let foreground = deleting && has(FOREGROUND);
        let was_seen = before.as_ref().is_none_or(|node| node.resource.is_some());
        let dependents = before.map(|node| node.dependents).unwrap_or_default();
        let key = object.key();
        if !was_seen {
            let strangers = dependents.iter().filter(|uid| self.get(uid).is_some_and(|node| crosses(&key, &node.key)));
            tasks.extend(strangers.cloned().map(Task::Examine));
        }
        if foreground && !was_foreground {
            tasks.push(Task::Examine(uid.clone()));
            tasks.extend(dependents.iter().cloned().map(Task::Examine));
        }
        if deleting && has(ORPHAN) {
            tasks.push(Task::Orphan(uid.clone()));
        }
        let resource = Some(resource.clone());
        let node = Node {
            resource,
            key: key.clone(),
            reference: None,
            owners: Box::default(),
            dependents,
            deleting,
            foreground,
        };
        self.nodes.insert(uid.clone(), node);
        let linked = object.owners().iter().map(|owner| self.link(&uid, owner, &key, &mut tasks));
        let owners: Box<[Owner]> = linked.collect();
        for old in &before_owners {
            match owners.iter().find(|owner| owner.uid == old.uid) {
                None => self.unlink(&uid, &old.uid, &mut tasks),
                // A reference that no longer blocks may let its owner go.
                Some(now) if old.blocks && !now.blocks && self.waits(&old.uid) => {
                    tasks.push(Task::Examine(old.uid.clone()));
                }
                Some(_) => {}
            }
        }
        if let Some(node) = self.nodes.get_mut(&uid) {
            node.owners = owners;
        }
        tasks
    }

    /// Makes `owner` know its dependent. One nobody has seen becomes a virtual node and is looked for; of one that is in
    /// another namespace the dependent has to be seen to.
    fn link(&mut self, uid: &Uid, owner: &OwnerReference, dependent: &ObjectKey, tasks: &mut Vec<Task>) -> Owner {
        let known = self.nodes.get_key_value(owner.uid.as_str());
        let owner_uid = known.map_or_else(|| owner.uid.as_str().into(), |(known, _)| known.clone());
        let node = self.nodes.entry(owner_uid.clone()).or_insert_with(|| {
            tasks.push(Task::Examine(owner_uid.clone()));
            Node {
                resource: None,
                key: ObjectKey::new(&dependent.namespace, &owner.name),
                reference: Some(Box::new(owner.clone())),
                owners: Box::default(),
                dependents: HashSet::new(),
                deleting: false,
                foreground: false,
            }
        });
        node.dependents.insert(uid.clone());
        if crosses(&node.key, dependent) {
            tasks.push(Task::Examine(uid.clone()));
        }
        Owner { uid: owner_uid, blocks: owner.block_owner_deletion == Some(true) }
    }

    fn unlink(&mut self, uid: &str, owner: &Uid, tasks: &mut Vec<Task>) {
        let Some(node) = self.nodes.get_mut(owner) else { return };
        node.dependents.remove(uid);
        if node.foreground {
            tasks.push(Task::Examine(owner.clone()));
        }
    }

    /// Whether the object waits for its dependents to be gone.
    fn waits(&self, uid: &str) -> bool {
        self.nodes.get(uid).is_some_and(|node| node.foreground)
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
    pub(super) fn blocking(&self, uid: &str) -> Vec<Uid> {
        let Some(node) = self.nodes.get(uid) else { return Vec::new() };
        let blocks = |dependent: &&Uid| {
            let dependent = self.nodes.get(*dependent);
            dependent.is_some_and(|node| node.owners.iter().any(|owner| owner.blocks && &*owner.uid == uid))
        };
        node.dependents.iter().filter(blocks).cloned().collect()
    }

    /// Whether one of the dependents waits for its own dependents: then two wait for each other.
    pub(super) fn has_foreground_dependent(&self, uid: &str) -> bool {
        let dependents = self.nodes.get(uid).map(|node| &node.dependents);
        dependents.into_iter().flatten().any(|dependent| self.waits(dependent))
    }
}

/// Whether the owner is where references of the dependent do not reach.
pub(super) fn crosses(owner: &ObjectKey, dependent: &ObjectKey) -> bool {
    !owner.namespace.is_empty() && owner.namespace != dependent.namespace
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Partial;
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
        uids.iter().map(|uid| Task::Examine((*uid).into())).collect()
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
        assert_eq!(graph.blocking("a"), [Uid::from("b")]);
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
