//! The service proxy: turns Services, EndpointSlices and the host ports of the node's pods into one nftables table and
//! keeps it by deltas.
//!
//! `model` and `host_ports` read the API objects, `ruleset` says what the table holds, `delta` how to get from one table to the next,
//! [`kernel`] carries it into the kernel in one transaction. `health` tells load balancers how it goes, `announce` says for which of
//! their addresses this node answers.

mod announce;
mod delta;
mod health;
mod host_ports;
mod model;
mod ruleset;
#[cfg(test)]
mod tests;

use crate::prelude::*;
use crate::{Error, kernel};
use cluster_client::events::Recorder;
use cluster_client::{Informer, ObjectKey};
use health::Health;
use host_ports::{HostPort, host_ports};
use k8s_openapi::api::core::v1::Pod;
use model::{Endpoint, Model, Place};
use ruleset::{Ruleset, ruleset};
use tokio::sync::watch;

/// The label that ties an EndpointSlice to its Service.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The index of EndpointSlices by `namespace/service`.
pub(crate) const BY_SERVICE: &str = "service";

/// The label that tells a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Keeps the table until `cancel`; `synced` becomes true with the first complete table.
pub async fn run(
    informers: Informers,
    node: NodeConfig,
    synced: watch::Sender<bool>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let services = informers.informer::<Service>();
    let slices = informers.informer::<EndpointSlice>();
    slices.add_index(BY_SERVICE, slice_service);
    let pods = informers.scoped::<Pod>("", &format!("spec.nodeName={}", node.name));
    let nodes = informers.informer::<Node>();
    let all_synced = async { tokio::join!(services.synced(), slices.synced(), pods.synced(), nodes.synced()) };
    if cancel.run_until_cancelled(all_synced).await.is_none() {
        return Ok(());
    }
    let (mut service_changes, mut slice_changes) = (services.subscribe(), slices.subscribe());
    let (mut pod_changes, mut node_changes) = (pods.subscribe(), nodes.subscribe());
    let slices_of = |service: &str| slices.by_index(BY_SERVICE, service);
    let mut own = Surroundings { host_ports: host_ports(&pods.list()), ..Surroundings::default() };
    own.see(&node.name, &nodes);
    let mut health = Health::new(&node.name, Recorder::new(informers.client().clone(), "kube-proxy", &node.name));
    let mut announced = announce::found(node.dns_address).await?;
    let mut applied: Option<Ruleset> = None;
    loop {
        while service_changes.try_recv().is_ok() || slice_changes.try_recv().is_ok() {}
        let place = Place { node: &node.name, zone: own.zone.as_deref() };
        let all = services.list();
        let mut model = Model::read(&all, slices_of, place);
        model.lead(&own.host_ports);
        let wanted = ruleset(&model, &node);
        if applied.as_ref() != Some(&wanted) {
            health.waits();
            kernel::apply(&delta::script(applied.as_ref(), &wanted)).await?;
            kernel::forget_flows(&delta::stale_flows(applied.as_ref(), &wanted)).await;
            if applied.replace(wanted).is_none() {
                kernel::remember_connections();
            }
        }
        health.updated(own.leaving, &model.health_checks).await;
        let wanted = announce::addresses(&all, slices_of, &own.answering, &node.name);
        announce::hold(&mut announced, wanted).await?;
        synced.send_replace(true);
        // Pods and nodes change often, what matters of them here seldom.
        let own_changed = async {
            let mut now = own.clone();
            while now == own {
                tokio::select! {
                    Some(_) = pod_changes.recv() => now.host_ports = host_ports(&pods.list()),
                    Some(_) = node_changes.recv() => {
                        while node_changes.try_recv().is_ok() {}
                        now.see(&node.name, &nodes);
                    }
                    else => std::future::pending().await,
                }
            }
            now
        };
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            Some(_) = service_changes.recv() => {}
            Some(_) = slice_changes.recv() => {}
            now = own_changed => own = now,
        }
    }
}

/// What the proxy goes by beside services.
#[derive(Clone, Default, PartialEq)]
struct Surroundings {
    host_ports: BTreeMap<HostPort, Endpoint>,
    zone: Option<String>,
    /// Load balancers should leave the node alone.
    leaving: bool,
    /// The nodes that may answer for load balancers.
    answering: BTreeSet<String>,
}

impl Surroundings {
    /// Takes in what the nodes are now.
    fn see(&mut self, own: &str, nodes: &Informer<Node>) {
        let node = nodes.get(&ObjectKey::new("", own));
        self.zone = node.as_ref().and_then(|node| node.label(ZONE)).map(str::to_owned);
        self.leaving = node.is_some_and(|node| health::is_leaving(&node));
        self.answering = announce::candidates(&nodes.list());
    }
}

/// `namespace/service` of a slice, for the index [`BY_SERVICE`].
pub(crate) fn slice_service(slice: &EndpointSlice) -> Vec<String> {
    slice.label(SERVICE_NAME).map(|name| format!("{}/{name}", slice.namespace())).into_iter().collect()
}
