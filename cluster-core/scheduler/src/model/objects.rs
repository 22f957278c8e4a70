//! The objects besides pods and nodes that a decision looks up.

use super::Labels;
use crate::prelude::*;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};

/// The controllers whose pods are spread by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OwnerKind {
    ReplicationController,
    ReplicaSet,
    StatefulSet,
}

impl OwnerKind {
    fn of(api_version: &str, kind: &str) -> Option<Self> {
        match (api_version, kind) {
            ("v1", "ReplicationController") => Some(Self::ReplicationController),
            ("apps/v1", "ReplicaSet") => Some(Self::ReplicaSet),
            ("apps/v1", "StatefulSet") => Some(Self::StatefulSet),
            _ => None,
        }
    }
}

/// Everything that is looked up by name.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) namespaces: HashMap<String, Labels>,
    services: HashMap<Arc<str>, BTreeMap<Arc<str>, Labels>>,
    owners: HashMap<(OwnerKind, ObjectKey), Selector>,
    pub(crate) claims: HashMap<ObjectKey, Arc<PersistentVolumeClaim>>,
    /// The nodes that claims are being told before the API server has it: the next pod that shares one must follow.
    pub(crate) selected: HashMap<ObjectKey, String>,
    pub(crate) volumes: HashMap<String, Arc<PersistentVolume>>,
    pub(crate) storage_classes: HashMap<String, Arc<StorageClass>>,
    pub(crate) budgets: HashMap<ObjectKey, Arc<PodDisruptionBudget>>,
    /// What drivers say about nodes, by the nodes' names.
    pub(crate) drivers: HashMap<String, Arc<CSINode>>,
}

impl Objects {
    pub(crate) fn set_service(&mut self, service: &Service, gone: bool) {
        let key = service.key();
        let selector = service.spec.as_ref().and_then(|s| s.selector.clone()).filter(|s| !s.is_empty());
        let services = self.services.entry(key.namespace).or_default();
        match selector.filter(|_| !gone) {
            Some(selector) => drop(services.insert(key.name, selector)),
            None => drop(services.remove(&key.name)),
        }
    }

    pub(crate) fn set_owner(&mut self, kind: OwnerKind, key: ObjectKey, selector: Option<&LabelSelector>) {
        match selector {
            Some(selector) => drop(self.owners.insert((kind, key), labels::selector(Some(selector)))),
            None => drop(self.owners.remove(&(kind, key))),
        }
    }

    /// What selects the pod together with its like: the services that select it, and its controller's selector.
    pub(crate) fn siblings(&self, pod: &PodInfo) -> Option<Selector> {
        let labels = &pod.class.labels;
        let services = self.services.get(&pod.key.namespace).into_iter().flat_map(BTreeMap::values);
        let matching = services.filter(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)));
        let mut requirements: Vec<_> =
            matching.flatten().map(|(key, value)| super::terms::equals(key, value)).collect();
        if let Some(owner) = pod.pod.controller()
            && let Some(kind) = OwnerKind::of(&owner.api_version, &owner.kind)
            && let Some(selector) = self
                .owners
                .get(&(kind, ObjectKey { namespace: pod.key.namespace.clone(), name: owner.name.as_str().into() }))
        {
            requirements.extend_from_slice(selector.requirements());
        }
        (!requirements.is_empty()).then(|| Selector::from_requirements(requirements))
    }
}
