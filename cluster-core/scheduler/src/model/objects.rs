//! The objects besides pods and nodes that a decision looks up.

use super::Labels;
use crate::prelude::*;
use cluster_object::selector::{Operator, Requirement};
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};

/// Everything that is looked up by name.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) namespaces: HashMap<String, Labels>,
    services: HashMap<Arc<str>, BTreeMap<Arc<str>, Labels>>,
    /// What selects the pods of controllers, by their API version, kind and key: such pods are spread by default.
    owners: HashMap<(&'static str, &'static str, ObjectKey), Selector>,
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

    pub(crate) fn set_owner<K: Object>(&mut self, owner: &K, selector: Option<&LabelSelector>) {
        let key = (K::API_VERSION, K::KIND, owner.key());
        match selector {
            Some(selector) => drop(self.owners.insert(key, labels::selector(Some(selector)))),
            None => drop(self.owners.remove(&key)),
        }
    }

    /// What selects the pod together with its like: the services that select it, and its controller's selector.
    pub(crate) fn siblings(&self, pod: &PodInfo) -> Option<Selector> {
        let labels = &pod.class.labels;
        let services = self.services.get(&pod.key.namespace).into_iter().flat_map(BTreeMap::values);
        let matching = services.filter(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)));
        let equals = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: vec![value.clone()],
        };
        let mut requirements: Vec<_> = matching.flatten().map(equals).collect();
        if let Some(owner) = pod.pod.controller() {
            let key = ObjectKey { namespace: pod.key.namespace.clone(), name: owner.name.as_str().into() };
            let selector = self.owners.get(&(owner.api_version.as_str(), owner.kind.as_str(), key));
            requirements.extend(selector.into_iter().flat_map(Selector::requirements).cloned());
        }
        (!requirements.is_empty()).then(|| Selector::from_requirements(requirements))
    }
}
