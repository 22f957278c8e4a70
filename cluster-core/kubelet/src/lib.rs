//! Runs the pods of one node: what the API server assigns to it and what lies in its manifests' folder.
//!
//! One actor per pod ([`pod`]) decides by pure functions and drives a container engine through [`runtime::Runtime`].
//! The kubelet keeps its Node object ([`node`]) and answers the API server, and whom that lets ask, over TLS ([`server`]).

mod node;
mod objects;
mod options;
mod pod;
mod prelude;
mod probe;
mod runtime;
mod server;
mod spec;
mod statics;
mod streams;
mod volume;

pub use options::KubeletOptions;

use crate::prelude::*;
use cluster_client::Informers;
use futures::future::BoxFuture;
use pod::context::Context;
use pod::manager::{self, Pods, Sources};
use runtime::docker::Docker;
use runtime::{Runtime, RuntimeError};

/// Why a kubelet cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The container engine's socket cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The server's address cannot be listened on.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The folder for pods cannot be made.
    #[error("failed to make {path}: {source}")]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs a kubelet on this machine's Docker engine until cancelled. Its pods go on when it ends.
pub fn run(
    client: Client,
    options: KubeletOptions,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    async move { start(Arc::new(Docker::connect()?), client, options, cancel).await }.boxed()
}

async fn start(
    runtime: Arc<dyn Runtime>,
    client: Client,
    options: KubeletOptions,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let options = Arc::new(options);
    let folder = options.root.join("pods");
    std::fs::create_dir_all(&folder).map_err(|source| Error::Folder { path: folder, source })?;
    let cancel = cancel.child_token();
    let _stop_all = cancel.clone().drop_guard();
    let asked = insist("ask the container engine", || runtime.version());
    let Some(engine) = cancel.run_until_cancelled(asked).await else { return Ok(()) };
    let informers = Informers::new(client.clone());
    let name = &options.node.name;
    let (pressure, short) = watch::channel(node::Pressure::default());
    let (listed, images) = watch::channel(Vec::new());
    let context = Arc::new(Context {
        runtime,
        objects: objects::Objects::new(client.clone()),
        services: informers.informer(),
        nodes: informers.scoped("", &format!("metadata.name={name}")),
        recorder: Recorder::new(client.clone(), "kubelet", name),
        pressure: short,
        capacity: node::capacity(),
        client,
        options: options.clone(),
    });
    let pods = Pods::default();
    let assigned = informers.scoped::<Pod>("", &format!("spec.nodeName={name}"));
    let sources = Sources { api: assigned.subscribe(), manifests: watch_manifests(&options, &cancel) };
    let keeper = node::Keeper { context: context.clone(), engine, pressure, images };
    let (served, (), (), ()) = tokio::join!(
        async {
            let served = server::run(context.clone(), pods.clone(), cancel.clone()).await;
            // Without its server the node could not be looked into: better to end and be restarted.
            cancel.cancel();
            served
        },
        manager::run(context.clone(), pods.clone(), sources, assigned.synced(), cancel.clone()),
        pod::evictor::run(context.clone(), pods.clone(), listed, cancel.clone()),
        keeper.run(cancel.clone()),
    );
    served
}

fn watch_manifests(options: &KubeletOptions, cancel: &CancellationToken) -> watch::Receiver<Vec<Arc<Pod>>> {
    let (dir, node) = (options.manifests.clone(), options.node.name.clone());
    let (send, receive) = watch::channel(statics::read(&dir, &node));
    tokio::spawn(statics::run(dir, node, send, cancel.clone()));
    receive
}
