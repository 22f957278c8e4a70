//! The indexes that several controllers share, and what they find.

use crate::prelude::*;

/// The index of objects by the UID of what controls them.
pub(crate) const BY_OWNER: &str = "controller-uid";
/// The index of objects nobody controls by namespace.
pub(crate) const ORPHANS: &str = "orphans";
/// The index of pods by node.
pub(crate) const BY_NODE: &str = "node";

/// Files objects under what controls them, and those nobody controls under their namespace.
pub(crate) fn by_owner<K: Object>(cache: &Informer<K>) {
    cache.add_index(BY_OWNER, |object| object.controller().map(|owner| owner.uid.clone()).into_iter().collect());
    cache.add_index(ORPHANS, |object| match object.controller() {
        None => vec![object.namespace().to_owned()],
        Some(_) => Vec::new(),
    });
}

/// Files pods under the node they run on.
pub(crate) fn by_node(cache: &Informer<Pod>) {
    cache.add_index(BY_NODE, |pod| match pods::node(pod) {
        "" => Vec::new(),
        node => vec![node.to_owned()],
    });
}

/// The keys of the objects of a namespace that `fit`.
pub(crate) fn near<K: Object>(cache: &Informer<K>, namespace: &str, fit: impl Fn(&K) -> bool) -> Vec<ObjectKey> {
    let mut near = cache.in_namespace(namespace);
    near.retain(|object| fit(object));
    meta::keys(&near)
}

/// What a change of an object means for those of kind `O` that own such: its owner now and before is concerned, and of
/// an orphan each of `adopters`.
pub(crate) fn concerned<O: Object, K: Object>(
    change: &Change<K>,
    adopters: impl FnOnce(&K) -> Vec<ObjectKey>,
) -> Vec<ObjectKey> {
    let object = change.object();
    let mut keys: Vec<ObjectKey> = controller_key::<O>(object.as_ref()).into_iter().collect();
    if let Change::Updated { old, .. } = change {
        keys.extend(controller_key::<O>(old.as_ref()).filter(|old| !keys.contains(old)));
    }
    let gone = change.gone().is_some() || object.is_deleting();
    if object.controller().is_none() && !gone {
        keys.extend(adopters(object));
    }
    keys
}
