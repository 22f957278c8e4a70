//! The loops that bring the cluster from its current state to the desired one; one file or folder per controller.
//!
//! Every controller has the same shape: informers feed keys into a work queue, workers reconcile one key at a time,
//! what to do is decided by pure functions, and a thin executor does it through the API. See [`run`].

mod autoscaler;
mod belongings;
mod bootstrap_tokens;
mod certificates;
mod claims;
mod cluster_roles;
mod conditions;
mod cron_job;
mod daemon_set;
mod deployment;
mod disruption;
mod event_ttl;
mod garbage;
mod history;
mod index;
mod job;
mod load_balancer;
mod meta;
mod namespace;
mod node_ipam;
mod node_lifecycle;
mod pod_control;
mod pod_gc;
mod pods;
mod prelude;
mod quota;
mod replica_set;
mod resources;
mod runner;
mod services;
mod stateful_set;
mod storage_migration;
mod taint_eviction;
mod token_secrets;
mod volumes;

pub use load_balancer::Pool;

use crate::prelude::*;
use cluster_pki::Authority;
use ipnet::Ipv4Net;
use tokio_util::sync::CancellationToken;

/// What a controller may differ in.
#[derive(Clone)]
pub struct Options {
    /// The cluster's certificate authority, published in every namespace.
    pub ca_pem: String,
    /// How long a node may be silent before its conditions become `Unknown`.
    pub node_grace_seconds: u64,
    /// How many finished pods are kept before the oldest are deleted.
    pub terminated_pods: usize,
    /// How long events are kept.
    pub event_ttl: Duration,
    /// What services of type LoadBalancer get their addresses from; without it they get none.
    pub load_balancers: Option<Pool>,
    /// Where nodes that come without a network for their pods get one; without it they get none.
    pub node_networks: Option<Ipv4Net>,
    /// Signs certificate requests; without it they stay unsigned.
    pub signer: Option<Arc<Authority>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca_pem: String::new(),
            node_grace_seconds: 40,
            terminated_pods: 12_500,
            event_ttl: Duration::from_hours(1),
            load_balancers: None,
            node_networks: None,
            signer: None,
        }
    }
}

/// Why a key could not be reconciled; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed.
    #[error(transparent)]
    Client(#[from] cluster_client::Error),
    /// An object says something that cannot be acted on.
    #[error("{0}")]
    Object(String),
}

/// What every controller is given.
#[derive(Clone)]
struct Context {
    client: Client,
    informers: Informers,
    options: Options,
    cancel: CancellationToken,
}

impl Context {
    /// For tests: all that stands on its own behind a client.
    #[cfg(test)]
    fn of(client: &Client) -> Self {
        let (informers, options) = (Informers::new(client.clone()), Options::default());
        Self { client: client.clone(), informers, options, cancel: CancellationToken::new() }
    }

    /// The caches of several kinds.
    fn caches<T: Caches>(&self) -> T {
        T::of(&self.informers)
    }

    /// For a controller's events.
    fn recorder(&self, component: &str) -> Recorder {
        Recorder::new(self.client.clone(), component, "")
    }
}

/// Caches of several kinds.
trait Caches {
    fn of(informers: &Informers) -> Self;
}

macro_rules! caches {
    ($(($($kind:ident),+)),+) => {$(
        impl<$($kind: Object),+> Caches for ($(Informer<$kind>,)+) {
            fn of(informers: &Informers) -> Self {
                ($(informers.informer::<$kind>(),)+)
            }
        }
    )+};
}

caches!((A, B), (A, B, C), (A, B, C, D), (A, B, C, D, E), (A, B, C, D, E, F));

/// What is gone need not be written or deleted any more.
fn ignore_gone<T>(result: Result<T, cluster_client::Error>) -> Result<Option<T>, Error> {
    Ok(cluster_client::Error::ignore_gone(result)?)
}

/// Writes an object's status, unless that says nothing new.
async fn write_status<K: Object + PartialEq>(client: &Client, old: &K, new: &K) -> Result<(), Error> {
    if old != new {
        ignore_gone(client.update_status(new).await)?;
    }
    Ok(())
}

/// Deletes this very object, which may be gone.
async fn delete<K: Object>(client: &Client, object: &K) -> Result<(), Error> {
    ignore_gone(client.delete_this(object, DeleteOptions::default()).await).map(drop)
}

/// Takes a finalizer from an object that is still as it was read; it may be gone.
async fn remove_finalizer<K: Object>(client: &Client, object: &K, finalizer: &str) -> Result<(), Error> {
    let kept: Vec<&String> = object.finalizers().iter().filter(|held| *held != finalizer).collect();
    if kept.len() == object.finalizers().len() {
        return Ok(());
    }
    let version = &object.metadata().resource_version;
    let patch = Patch::Merge(json!({"metadata": {"finalizers": kept, "resourceVersion": version}}));
    ignore_gone(client.patch::<K>(object.namespace(), object.name(), "", &patch).await).map(drop)
}

/// Runs all controllers until `cancel`.
pub fn run(
    client: Client,
    informers: Informers,
    options: Options,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    async move {
        let context = Context { client, informers, options, cancel: cancel.clone() };
        let mut tasks = JoinSet::new();
        macro_rules! spawn {
        ($($runner:path),+ $(,)?) => {
            $(tasks.spawn($runner(&context).run(cancel.clone()).boxed());)+
        };
    }
        spawn!(
            autoscaler::runner,
            bootstrap_tokens::runner,
            certificates::runner,
            cluster_roles::runner,
            cron_job::runner,
            daemon_set::runner,
            deployment::runner,
            disruption::runner,
            event_ttl::runner,
            job::runner,
            namespace::runner,
            node_lifecycle::runner,
            pod_gc::runner,
            quota::runner,
            replica_set::runner::<ReplicaSet>,
            replica_set::runner::<ReplicationController>,
            services::mirror::runner,
            services::runner,
            stateful_set::runner,
            storage_migration::runner,
            taint_eviction::runner,
            token_secrets::runner,
            volumes::claims::runner,
            volumes::ephemeral::runner,
        );
        tasks.spawn(belongings::run_root_ca(context.clone()).boxed());
        tasks.spawn(belongings::run_service_accounts(context.clone()).boxed());
        tasks.spawn(garbage::run(context.clone()).boxed());
        tasks.spawn(load_balancer::run(context.clone()).boxed());
        tasks.spawn(node_ipam::run(context.clone()).boxed());
        tasks.spawn(volumes::provision::make_default_class(context).boxed());
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a controller died");
                cancel.cancel();
            }
        }
        Ok(())
    }
    .boxed()
}
