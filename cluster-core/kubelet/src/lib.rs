//! Runs the pods of one node: what the API server assigns to it and what lies in its manifests' folder.
//!
//! One actor per pod ([`pod`]) decides by pure functions and drives a container engine through [`runtime::Runtime`].
//! The kubelet keeps its Node object ([`node`]) and answers the API server, and whom that lets ask, over TLS ([`server`]). Without an API
//! server it runs static pods alone.

mod node;
mod objects;
mod options;
mod pod;
mod prelude;
mod probe;
pub mod runtime;
mod server;
mod spec;
mod statics;
mod streams;
mod volume;

pub use options::KubeletOptions;

use crate::prelude::*;
use cluster_client::{Informers, events::Recorder};
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
    client: Option<Client>,
    options: KubeletOptions,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    async move { start(Arc::new(Docker::connect()?), client, options, cancel).await }.boxed()
}

async fn start(
    runtime: Arc<dyn Runtime>,
    client: Option<Client>,
    options: KubeletOptions,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let options = Arc::new(options);
    let folder = options.root.join("pods");
    std::fs::create_dir_all(&folder).map_err(|source| Error::Folder { path: folder, source })?;
    let cancel = cancel.child_token();
    let _stop_all = cancel.clone().drop_guard();
    let cgroup_driver = engine(&*runtime, &cancel).await;
    let recorder = client.clone().map(|client| Recorder::new(client, "kubelet", &options.node_name));
    let informers = client.clone().map(Informers::new);
    let pods = Pods::default();
    let own = format!("metadata.name={}", options.node_name);
    let nodes = informers.as_ref().map(|i| i.scoped::<Node>("", &own));
    let (pressure, short) = watch::channel(node::Pressure::default());
    let context = Arc::new(Context {
        runtime: runtime.clone(),
        objects: client.clone().map(objects::Objects::new),
        services: informers.as_ref().map(Informers::informer::<Service>),
        nodes: nodes.clone(),
        recorder: recorder.clone(),
        pressure: short,
        capacity: node::capacity(),
        cgroup_driver,
        client: client.clone(),
        options: options.clone(),
    });
    let assigned = informers.as_ref().map(|i| i.scoped::<Pod>("", &format!("spec.nodeName={}", options.node_name)));
    let manifests = watch_manifests(&options, &cancel);
    let (_no_api, silence) = mpsc::unbounded_channel();
    let api = assigned.as_ref().map_or(silence, cluster_client::Informer::subscribe);
    let synced = async {
        if let Some(informer) = &assigned {
            informer.synced().await;
        }
    };
    let managing = manager::run(context.clone(), pods.clone(), Sources { api, manifests }, synced, cancel.clone());
    let evicting = pod::evictor::run(context, pods.clone(), cancel.clone());
    let serving = server::run(client.clone(), options.clone(), pods, runtime.clone(), cancel.clone());
    let reporting = async {
        if let (Some(client), Some(nodes), Some(recorder)) = (client, nodes, recorder) {
            node::Keeper { client, nodes, runtime, options, recorder, pressure }.run(cancel.clone()).await;
        }
    };
    let (served, (), (), ()) = tokio::join!(
        async {
            let served = serving.await;
            // Without its server the node could not be looked into: better to end and be restarted.
            cancel.cancel();
            served
        },
        managing,
        evicting,
        reporting
    );
    served
}

/// Waits for the engine and answers its cgroup driver.
async fn engine(runtime: &dyn Runtime, cancel: &CancellationToken) -> String {
    let asked = async {
        loop {
            match runtime.info().await {
                Ok(info) => return info.cgroup_driver,
                Err(e) => tracing::debug!("{e}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    cancel.run_until_cancelled(asked).await.unwrap_or_default()
}

fn watch_manifests(options: &KubeletOptions, cancel: &CancellationToken) -> watch::Receiver<Vec<Arc<Pod>>> {
    let (send, receive) = watch::channel(Vec::new());
    if let Some(dir) = options.manifests.clone() {
        send.send_replace(statics::read(&dir, &options.node_name));
        tokio::spawn(statics::run(dir, options.node_name.clone(), send, cancel.clone()));
    }
    receive
}
