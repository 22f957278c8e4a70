//! Volume claims: bound ones keep the pod where their volume is, unbound ones must be able to get one.

use super::{Cycle, Filter, Happening, Prepared, Refusal};
use crate::model::{Claim, Objects};
use crate::prelude::*;
use cluster_client::volumes::{claim_key, mismatch, volume_name};

const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
/// On a claim that waits for its pod's node, that node.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// What the pod's claims ask of a node.
#[derive(Default)]
struct Rules<'a> {
    /// For each bound volume, the terms of which a node has to fulfil one.
    bound: Vec<&'a [NodeSelectorTerm]>,
    /// For each unbound claim that only a volume made by hand can fill, those volumes' terms.
    open: Vec<Vec<Option<&'a [NodeSelectorTerm]>>>,
    /// The nodes that were chosen for unbound claims with another of their pods.
    selected: Vec<&'a str>,
    /// The topologies in which a provisioner can make the volume.
    provisioned: Vec<&'a StorageClass>,
}

pub(super) fn filter<'a>(cycle: &Cycle<'a>) -> Prepared<'a> {
    if cycle.pod.claims.is_empty() {
        return Ok(None);
    }
    let mut rules = Rules::default();
    for claim in &cycle.pod.claims {
        let found = cycle.cluster.objects.claims.get(&claim.key).ok_or_else(|| missing(claim))?;
        rules.add(cycle, &claim.key, found)?;
    }
    Ok(Some(Box::new(rules)))
}

fn missing(claim: &Claim) -> Refusal {
    let name = &claim.key.name;
    Refusal::final_(if claim.ephemeral {
        format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
    } else {
        format!("persistentvolumeclaim {name:?} not found")
    })
}

/// The class of a claim that waits for the pod's node before it gets its volume.
fn waits_for_node<'a>(cluster: &'a Cluster, claim: &PersistentVolumeClaim) -> Option<&'a Arc<StorageClass>> {
    let name = claim.spec.as_ref()?.storage_class_name.as_ref()?;
    let class = cluster.objects.storage_classes.get(name)?;
    (class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")).then_some(class)
}

fn node_terms(volume: &PersistentVolume) -> Option<&[NodeSelectorTerm]> {
    let required = volume.spec.as_ref()?.node_affinity.as_ref()?.required.as_ref()?;
    Some(&required.node_selector_terms)
}

impl<'a> Rules<'a> {
    fn add(&mut self, cycle: &Cycle<'a>, key: &ObjectKey, claim: &'a PersistentVolumeClaim) -> Result<(), Refusal> {
        let Objects { volumes, selected, .. } = &cycle.cluster.objects;
        let name = claim.name();
        if claim.is_deleting() {
            return Err(Refusal::final_(format!("persistentvolumeclaim {name:?} is being deleted")));
        }
        if let Some(volume) = volume_name(claim) {
            let lost = || {
                let text = format!("persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}");
                Refusal::final_(text)
            };
            self.bound.extend(node_terms(volumes.get(volume).ok_or_else(lost)?));
            return Ok(());
        }
        let unbound = || Refusal::final_("pod has unbound immediate PersistentVolumeClaims");
        let class = waits_for_node(cycle.cluster, claim).ok_or_else(unbound)?;
        let told = claim.annotation(SELECTED_NODE);
        self.selected.extend(told.or(selected.get(key).map(String::as_str)));
        if class.provisioner == NO_PROVISIONER {
            let fitting = volumes.values().filter(|volume| fits(volume, claim));
            self.open.push(fitting.map(|volume| node_terms(volume)).collect());
        } else if class.allowed_topologies.is_some() {
            self.provisioned.push(class);
        }
        Ok(())
    }
}

/// Whether an unbound claim could be bound to this volume.
fn fits(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    mismatch(volume, claim).is_none() && claim_key(volume).is_none_or(|reserved| reserved == claim.key())
}

impl Filter for Rules<'_> {
    fn check(&self, node: &NodeInfo) -> Result<(), Refusal> {
        let one = |terms: &&[NodeSelectorTerm]| node.facts.is_picked(*terms);
        if !self.bound.iter().all(one) {
            return Err(Refusal::final_("node(s) didn't match PersistentVolume's node affinity"));
        }
        if !self.open.iter().all(|volumes| volumes.iter().any(|terms| terms.as_ref().is_none_or(one)))
            || !self.provisioned.iter().all(|class| reaches(class, node))
            || self.selected.iter().any(|selected| *selected != node.name())
        {
            return Err(Refusal::final_("node(s) didn't find available persistent volumes to bind"));
        }
        Ok(())
    }
}

/// Whether a class makes volumes for this node.
fn reaches(class: &StorageClass, node: &NodeInfo) -> bool {
    let label = |key: &str| node.facts.labels.get(key);
    class.allowed_topologies.iter().flatten().any(|term| {
        let expressions = term.match_label_expressions.as_deref().unwrap_or_default();
        expressions.iter().all(|e| label(&e.key).is_some_and(|value| e.values.contains(value)))
    })
}

/// The pod's claims that get their volume once they know the node.
pub(crate) fn unbound_claims(cluster: &Cluster, pod: &PodInfo) -> Vec<ObjectKey> {
    let waits = |key: &&ObjectKey| {
        let found = cluster.objects.claims.get(key);
        found.is_some_and(|found| volume_name(found).is_none() && waits_for_node(cluster, found).is_some())
    };
    pod.claims.iter().map(|claim| &claim.key).filter(waits).cloned().collect()
}

/// The pod's claims that exist.
pub(super) fn claims_of<'a>(cycle: &Cycle<'a>, pod: &'a PodInfo) -> impl Iterator<Item = &'a PersistentVolumeClaim> {
    let claims = &cycle.cluster.objects.claims;
    pod.claims.iter().filter_map(|claim| claims.get(&claim.key)).map(Arc::as_ref)
}

/// Whether it is about the pod's volumes.
pub(super) fn concern(cycle: &Cycle<'_>, happening: &Happening<'_>) -> bool {
    match happening {
        Happening::Claim(key) => cycle.pod.claims.iter().any(|claim| claim.key == **key),
        Happening::Storage => true,
        _ => false,
    }
}
