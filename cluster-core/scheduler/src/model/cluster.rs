//! The cluster as the scheduler sees it, kept up to date change by change; a decision only reads it.

use super::{Classes, NodeFacts, Objects, Topology};
use crate::prelude::*;
use std::cell::RefCell;

const ZONE: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// A pod on a node; an assumed one is not known to the API server to be there.
#[derive(Debug)]
struct Placed {
    node: NodeId,
    info: Arc<PodInfo>,
    assumed: bool,
}

/// All nodes with their pods, and what else decisions look up.
#[derive(Debug, Default)]
pub struct Cluster {
    slots: Vec<NodeInfo>,
    free: Vec<NodeId>,
    by_name: HashMap<String, NodeId>,
    /// The existing nodes, zones taking turns; none when it has to be made anew.
    order: Option<Vec<NodeId>>,
    placed: HashMap<Arc<str>, Placed>,
    pub(crate) classes: Classes,
    pub(crate) objects: Objects,
    /// Pods that wait for room on a node.
    nominated: HashMap<NodeId, Vec<Arc<PodInfo>>>,
    /// On how many nodes each image is.
    images: HashMap<String, usize>,
    topologies: RefCell<HashMap<Arc<str>, Arc<Topology>>>,
}

impl Cluster {
    /// A cluster without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a new or changed node; tells whether anything changed that a decision looks at.
    pub fn set_node(&mut self, node: &Node) -> bool {
        let facts = NodeFacts::read(node);
        let id = self.slot(&facts.name);
        let slot = &mut self.slots[id.0 as usize];
        let (old, existed) = (slot.facts.clone(), slot.exists);
        if existed && *old == facts {
            return false;
        }
        if !existed || old.labels != facts.labels {
            self.order = None;
            self.topologies.borrow_mut().clear();
        }
        count_images(&mut self.images, &old, -1);
        count_images(&mut self.images, &facts, 1);
        let told = !existed || NodeFacts { images: facts.images.clone(), ..(*old).clone() } != facts;
        (slot.facts, slot.exists) = (Arc::new(facts), true);
        told
    }

    /// Forgets a node; pods on it stay known until they are removed.
    pub fn remove_node(&mut self, name: &str) {
        let Some(&id) = self.by_name.get(name) else { return };
        let slot = &mut self.slots[id.0 as usize];
        count_images(&mut self.images, &slot.facts, -1);
        *slot = NodeInfo { pods: std::mem::take(&mut slot.pods), ..NodeInfo::new(id, name) };
        for pod in std::mem::take(&mut slot.pods) {
            slot.add(pod);
        }
        self.order = None;
        self.topologies.borrow_mut().clear();
        self.nominated.remove(&id);
        self.reclaim(id);
    }

    /// The place of a node, known or not.
    fn slot(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = self.free.pop().unwrap_or(NodeId(self.slots.len() as u32));
        let info = NodeInfo::new(id, name);
        match self.slots.get_mut(id.0 as usize) {
            Some(slot) => *slot = info,
            None => self.slots.push(info),
        }
        self.by_name.insert(name.to_owned(), id);
        id
    }

    /// Frees the place of a node that is gone and empty.
    fn reclaim(&mut self, id: NodeId) {
        let slot = &self.slots[id.0 as usize];
        if !slot.exists && slot.pods.is_empty() && self.by_name.remove(slot.name()).is_some() {
            self.free.push(id);
        }
    }

    /// The node in a place.
    pub fn node(&self, id: NodeId) -> &NodeInfo {
        &self.slots[id.0 as usize]
    }

    /// The place of the node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied().filter(|id| self.node(*id).exists)
    }

    /// Brings the order of nodes up to date; decisions need it.
    pub fn settle(&mut self) {
        if self.order.is_some() {
            return;
        }
        let mut zones: BTreeMap<[Option<&str>; 2], Vec<NodeId>> = BTreeMap::new();
        for slot in self.slots.iter().filter(|slot| slot.exists) {
            zones.entry(ZONE.map(|key| slot.facts.label(key))).or_default().push(slot.id);
        }
        let longest = zones.values().map(Vec::len).max().unwrap_or_default();
        let order = (0..longest).flat_map(|turn| zones.values().filter_map(move |zone| zone.get(turn).copied()));
        let order = order.collect();
        self.order = Some(order);
    }

    /// Whether there was no node at the last [`Cluster::settle`].
    pub(crate) fn is_empty(&self) -> bool {
        self.order().is_empty()
    }

    /// The existing nodes, as of the last [`Cluster::settle`].
    pub(crate) fn order(&self) -> &[NodeId] {
        self.order.as_deref().unwrap_or_default()
    }

    /// Takes in a service: its pods are spread.
    pub fn set_service(&mut self, service: &Service) {
        self.objects.set_service(service, false);
    }

    /// Puts a pod on a node. `assumed` says that the API server does not know it yet.
    pub fn place(&mut self, info: Arc<PodInfo>, node: &str, assumed: bool) {
        self.remove_pod(&info.uid);
        let id = self.slot(node);
        self.slots[id.0 as usize].add(info.clone());
        self.classes.add(&info.class, id);
        self.placed.insert(info.uid.clone(), Placed { node: id, info, assumed });
    }

    /// Takes a pod from its node; tells which pod and node that was.
    pub fn remove_pod(&mut self, uid: &str) -> Option<(Arc<PodInfo>, NodeId)> {
        let placed = self.placed.remove(uid)?;
        self.slots[placed.node.0 as usize].remove(&placed.info);
        self.classes.remove(&placed.info.class, placed.node);
        self.reclaim(placed.node);
        Some((placed.info, placed.node))
    }

    /// The pod as it is placed.
    pub(crate) fn placed(&self, uid: &str) -> Option<&Arc<PodInfo>> {
        self.placed.get(uid).map(|placed| &placed.info)
    }

    /// Takes in a newer state of a placed pod that says nothing new, so that the older one is not kept.
    pub(crate) fn renew(&mut self, uid: &str, pod: &Arc<Pod>) {
        let Some(placed) = self.placed.get_mut(uid) else { return };
        placed.info = Arc::new(placed.info.renewed(pod.clone()));
        let pods = &mut self.slots[placed.node.0 as usize].pods;
        if let Some(known) = pods.iter_mut().find(|known| &*known.uid == uid) {
            *known = placed.info.clone();
        }
    }

    /// All pods that have a node.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &PodInfo> {
        self.placed.values().map(|placed| placed.info.as_ref())
    }

    pub(crate) fn is_assumed(&self, uid: &str) -> bool {
        self.placed.get(uid).is_some_and(|placed| placed.assumed)
    }

    /// Lets a pod wait for room on a node.
    pub(crate) fn nominate(&mut self, info: &Arc<PodInfo>, node: NodeId) {
        self.withdraw(&info.uid);
        self.nominated.entry(node).or_default().push(info.clone());
    }

    /// A pod waits for no node any more; tells which one it waited for.
    pub(crate) fn withdraw(&mut self, uid: &str) -> Option<NodeId> {
        let (&node, waiting) = self.nominated.iter_mut().find(|(_, pods)| pods.iter().any(|pod| &*pod.uid == uid))?;
        waiting.retain(|pod| &*pod.uid != uid);
        if waiting.is_empty() {
            self.nominated.remove(&node);
        }
        Some(node)
    }

    /// The pods that wait for room on a node.
    pub(crate) fn waiting_for(&self, node: NodeId) -> &[Arc<PodInfo>] {
        if self.nominated.is_empty() {
            return &[];
        }
        self.nominated.get(&node).map_or(&[], Vec::as_slice)
    }

    /// On how many nodes an image is.
    pub(crate) fn nodes_with_image(&self, image: &str) -> usize {
        self.images.get(image).copied().unwrap_or_default()
    }

    /// Which nodes share a label's value.
    pub(crate) fn topology(&self, key: &Arc<str>) -> Arc<Topology> {
        let mut topologies = self.topologies.borrow_mut();
        if let Some(known) = topologies.get(key) {
            return known.clone();
        }
        let values = self.slots.iter().map(|slot| slot.facts.label(key).filter(|_| slot.exists));
        let made = Arc::new(Topology::new(values));
        topologies.insert(key.clone(), made.clone());
        made
    }
}

fn count_images(images: &mut HashMap<String, usize>, facts: &NodeFacts, sign: isize) {
    for name in facts.images.keys() {
        let count = images.entry(name.clone()).or_default();
        *count = count.saturating_add_signed(sign);
        if *count == 0 {
            images.remove(name);
        }
    }
}
