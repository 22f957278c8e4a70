//! The endpoint slices of each service with a selector: at most 100 endpoints each, moved as little as possible.

use super::hints::hints;
use super::ports::{Port, resolve};
use super::{families, publishes_not_ready, stamp};
use crate::prelude::*;
use futures::future::try_join_all;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};

pub(super) const SERVICE: &str = "kubernetes.io/service-name";
pub(super) const MANAGED_BY: (&str, &str) =
    ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io");
const MAX_ENDPOINTS: usize = 100;
/// How long a slice this process made may take to show in the cache.
const UNSEEN_FOR: Duration = Duration::from_secs(10);

/// The service a slice of this manager belongs to.
pub(super) fn service_of(slice: &EndpointSlice, manager: &str) -> Option<ObjectKey> {
    let service = slice.label(SERVICE).filter(|_| slice.label(MANAGED_BY.0) == Some(manager))?;
    Some(ObjectKey::new(slice.namespace(), service))
}

/// The slices of one manager.
pub(super) struct Slices {
    client: Client,
    pub(super) cache: Informer<EndpointSlice>,
    index: &'static str,
    /// Slices that were made and do not show in the cache yet: a second reconciliation must not make them again.
    unseen: Mutex<HashMap<ObjectKey, Vec<(ObjectKey, Instant)>>>,
}

/// What makes the slices right.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Create(EndpointSlice),
    Update(EndpointSlice),
    Delete(Arc<EndpointSlice>),
}

impl Slices {
    pub(super) fn new(context: &Context, index: &'static str, manager: &'static str) -> Self {
        let cache = context.informers.informer::<EndpointSlice>();
        let of =
            move |slice: &EndpointSlice| service_of(slice, manager).into_iter().map(|key| key.to_string()).collect();
        cache.add_index(index, of);
        Self { client: context.client.clone(), cache, index, unseen: Mutex::default() }
    }

    /// Makes the slices of a service hold these endpoints, which changed at the time of `trigger`, or removes them.
    pub(super) async fn reconcile(
        &self,
        key: &ObjectKey,
        wanted: Option<(ObjectMeta, Groups)>,
        trigger: Option<Timestamp>,
    ) -> Result<(), Error> {
        let current = self.cache.by_index(self.index, &key.to_string());
        let actions = match wanted {
            None => current.into_iter().map(Action::Delete).collect(),
            Some((pattern, groups)) => plan(&pattern, groups, &current),
        };
        try_join_all(actions.into_iter().map(|action| self.execute(key, action, trigger))).await.map(drop)
    }

    /// How long to wait for slices that the cache does not show yet. The slice's own arrival brings the key back; the time
    /// is for the case that it never comes.
    pub(super) fn behind(&self, service: &ObjectKey) -> Option<Duration> {
        let mut unseen = self.unseen.lock();
        let made = unseen.get_mut(service)?;
        made.retain(|(slice, at)| self.cache.get(slice).is_none() && at.elapsed() < UNSEEN_FOR);
        if made.is_empty() {
            unseen.remove(service);
            return None;
        }
        Some(UNSEEN_FOR)
    }

    async fn execute(&self, service: &ObjectKey, action: Action, trigger: Option<Timestamp>) -> Result<(), Error> {
        match action {
            Action::Create(mut slice) => {
                stamp(&mut slice.metadata, trigger);
                let created = self.client.create(&slice).await?;
                let made = (created.key(), Instant::now());
                self.unseen.lock().entry(service.clone()).or_default().push(made);
            }
            Action::Update(mut slice) => {
                stamp(&mut slice.metadata, trigger);
                self.client.update(&slice).await?;
            }
            Action::Delete(slice) => delete(&self.client, slice.as_ref()).await?,
        }
        Ok(())
    }
}

/// The endpoints by address family and ports; `zone` says where a pod is.
pub(super) fn groups(service: &Service, pods: &[Arc<Pod>], zone: impl Fn(&Pod) -> Option<String>) -> Groups {
    let mut groups = Groups::new();
    for family in families(service) {
        for pod in pods {
            let Some(ip) = address_of_family(pod, &family) else { continue };
            let mut endpoint = Endpoint { zone: zone(pod), ..endpoint(service, pod, ip) };
            endpoint.hints = hints(service, &endpoint);
            groups.entry((family.clone(), resolve(service, pod))).or_default().push(endpoint);
        }
        if !groups.keys().any(|(of, _)| *of == family) {
            // A service without pods has an empty slice, so that it is seen that somebody cares for it.
            groups.insert((family, Vec::new()), Vec::new());
        }
    }
    groups
}

/// The metadata of a new slice that is made for an object of this kind.
pub(super) fn pattern<K: Object>(owner: &K, labels: Labels, annotations: Option<Labels>) -> ObjectMeta {
    let generate_name = Some(format!("{}-", owner.name()));
    ObjectMeta { generate_name, labels: Some(labels), annotations, ..meta::made_by(owner) }
}

pub(super) type Groups = BTreeMap<(String, Vec<Port>), Vec<Endpoint>>;

fn address_of_family(pod: &Pod, family: &str) -> Option<String> {
    let status = pod.status.as_ref()?;
    let all = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str()).chain(status.pod_ip.as_deref());
    all.into_iter().find(|ip| !ip.is_empty() && ip.contains(':') == (family == "IPv6")).map(str::to_owned)
}

fn endpoint(service: &Service, pod: &Pod, ip: String) -> Endpoint {
    let (spec, serving, terminating) = (pod.spec.as_ref(), is_ready(pod), pod.is_deleting());
    let ready = Some(publishes_not_ready(service) || (serving && !terminating));
    let conditions = EndpointConditions { ready, serving: Some(serving), terminating: Some(terminating) };
    let named = spec.filter(|spec| spec.subdomain.as_deref() == Some(service.name()));
    Endpoint {
        addresses: vec![ip],
        conditions: Some(conditions),
        hostname: named.and_then(|spec| spec.hostname.clone()),
        node_name: spec.and_then(|spec| spec.node_name.clone()),
        target_ref: Some(ObjectReference { api_version: None, resource_version: None, ..reference(pod) }),
        ..Endpoint::default()
    }
}

/// What tells two endpoints apart: their addresses, host name, and the name of what stands behind them.
type Identity = (Vec<String>, Option<String>, [Option<String>; 2]);

/// Pods on their node's network share its address.
fn identity(endpoint: &Endpoint) -> Identity {
    let target = endpoint.target_ref.clone().unwrap_or_default();
    (endpoint.addresses.clone(), endpoint.hostname.clone(), [target.namespace, target.name])
}

/// Keeps each endpoint in the slice that has it, fills up what has room, and makes and deletes slices for the rest. Those
/// of an earlier object of the name go with it.
fn plan(pattern: &ObjectMeta, groups: Groups, current: &[Arc<EndpointSlice>]) -> Vec<Action> {
    let owner = |owners: &[OwnerReference]| owners.first().map(|owner| owner.uid.clone());
    let own = owner(pattern.owner_references.as_deref().unwrap_or_default());
    let (current, foreign): (Vec<_>, Vec<_>) = current.iter().cloned().partition(|slice| owner(slice.owners()) == own);
    let mut actions = Vec::new();
    let mut used = vec![false; current.len()];
    for ((family, ports), endpoints) in groups {
        let ports = wire(&ports);
        let mut missing: BTreeMap<Identity, Endpoint> =
            endpoints.into_iter().map(|endpoint| (identity(&endpoint), endpoint)).collect();
        let placeholder = missing.is_empty();
        let mut kept: Vec<(usize, Vec<Endpoint>)> = Vec::new();
        for (index, slice) in current.iter().enumerate() {
            if used[index] || slice.address_type != family || slice.ports.as_deref().unwrap_or_default() != ports {
                continue;
            }
            let mine = slice.endpoints.iter().flatten();
            let stay: Vec<_> = mine.filter_map(|endpoint| missing.remove(&identity(endpoint))).collect();
            if !stay.is_empty() || (placeholder && kept.is_empty()) {
                used[index] = true;
                kept.push((index, stay));
            }
        }
        let mut missing = missing.into_values();
        let mut create = |endpoints| actions.push(Action::Create(slice(pattern, &family, &ports, endpoints)));
        if placeholder && kept.is_empty() {
            create(Vec::new());
        }
        let room: usize = kept.iter().map(|(_, stay)| MAX_ENDPOINTS.saturating_sub(stay.len())).sum();
        let fill: Vec<Endpoint> = missing.by_ref().take(room).collect();
        let rest: Vec<Endpoint> = missing.collect();
        rest.chunks(MAX_ENDPOINTS).for_each(|chunk| create(chunk.to_vec()));
        let mut fill = fill.into_iter();
        for (index, mut endpoints) in kept {
            endpoints.extend(fill.by_ref().take(MAX_ENDPOINTS.saturating_sub(endpoints.len())));
            actions.extend(update(&current[index], endpoints, pattern));
        }
    }
    let mut unused: Vec<_> = current.iter().zip(used).filter(|(_, used)| !used).map(|(slice, _)| slice).collect();
    let mut actions: Vec<Action> = actions.into_iter().map(|action| in_place(action, &mut unused)).collect();
    actions.extend(unused.into_iter().chain(&foreign).map(|slice| Action::Delete(slice.clone())));
    actions
}

/// What would be made takes the place of a slice that would go, so that who waits for that one sees it change. Source:
/// upstream's `reconciler.finalize`.
fn in_place(action: Action, unused: &mut Vec<&Arc<EndpointSlice>>) -> Action {
    let Action::Create(new) = action else { return action };
    let Some(at) = unused.iter().position(|old| old.address_type == new.address_type) else {
        return Action::Create(new);
    };
    let ObjectMeta { labels, annotations, owner_references, .. } = new.metadata;
    let metadata = ObjectMeta { labels, annotations, owner_references, ..unused.remove(at).metadata.clone() };
    Action::Update(EndpointSlice { metadata, ..new })
}

fn wire(ports: &[Port]) -> Vec<EndpointPort> {
    let port = |port: &Port| EndpointPort {
        name: Some(port.name.clone()),
        port: Some(port.number),
        protocol: Some(port.protocol.clone()),
        app_protocol: port.app_protocol.clone(),
    };
    ports.iter().map(port).collect()
}

fn update(current: &Arc<EndpointSlice>, endpoints: Vec<Endpoint>, pattern: &ObjectMeta) -> Option<Action> {
    let by_identity = |endpoints: &[Endpoint]| -> BTreeMap<Identity, Endpoint> {
        endpoints.iter().map(|endpoint| (identity(endpoint), endpoint.clone())).collect()
    };
    let before = by_identity(current.endpoints.as_deref().unwrap_or_default());
    let annotations = pattern.annotations.clone().or_else(|| current.metadata.annotations.clone());
    let metadata = ObjectMeta { labels: pattern.labels.clone(), annotations, ..current.metadata.clone() };
    if before == by_identity(&endpoints) && current.metadata == metadata {
        return None;
    }
    Some(Action::Update(EndpointSlice { metadata, endpoints: Some(endpoints), ..(**current).clone() }))
}

fn slice(pattern: &ObjectMeta, family: &str, ports: &[EndpointPort], endpoints: Vec<Endpoint>) -> EndpointSlice {
    EndpointSlice {
        metadata: pattern.clone(),
        address_type: family.to_owned(),
        ports: Some(ports.to_vec()),
        endpoints: Some(endpoints),
    }
}

#[cfg(test)]
mod tests;
