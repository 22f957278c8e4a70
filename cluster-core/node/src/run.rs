//! The node process: starts the parts in the order they need each other and keeps them running.

use crate::prelude::*;
use crate::{api, engine, master};
use cluster_client::http::{HttpBackend, Identity};
use cluster_client::trim;
use cluster_config::{API_PORT, Role, pki_file};
use cluster_kubelet::KubeletOptions;
use cluster_network::{Error, dns, policy, proxy, routes};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The clients of the parts that every node has.
pub(crate) struct Clients {
    /// `system:node:NAME`.
    pub(crate) kubelet: Client,
    /// `system:kube-proxy`, shared by proxy, DNS and routes.
    pub(crate) network: Informers,
}

/// Runs the node until `cancel`.
pub fn run(config: NodeConfig, cancel: CancellationToken) -> BoxFuture<'static, Result<()>> {
    start(config, cancel).boxed()
}

async fn start(config: NodeConfig, cancel: CancellationToken) -> Result<()> {
    let tasks = TaskTracker::new();
    let clients = match config.role {
        Role::Master => master::start(&config, &tasks, &cancel).await?,
        Role::Worker => worker_clients(&config)?,
    };
    let network_ready = start_network(&config, &clients.network, &tasks, &cancel);
    start_kubelet(&config, clients.kubelet, network_ready, &tasks, &cancel)?;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Cancelled by SIGTERM or SIGINT.
pub fn shutdown_signal() -> Result<CancellationToken> {
    let cancel = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let token = cancel.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(cancel)
}

/// A file below the node's PKI folder, as text.
pub(crate) fn pki(name: &str) -> Result<String> {
    api::read(Path::new(path::PKI), name)
}

fn worker_clients(config: &NodeConfig) -> Result<Clients> {
    let servers: Vec<String> = config.masters.iter().map(|address| format!("https://{address}:{API_PORT}")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let ca = pki(pki_file::CA_CERT)?;
    let client = |manager: &str, cert: &str, key: &str| -> Result<Client> {
        let identity = Identity::ClientCert { cert: pki(cert)?.into_bytes(), key: pki(key)?.into_bytes() };
        let backend = HttpBackend::with_servers(&servers, ca.as_bytes(), identity)?;
        Ok(Client::new(Arc::new(backend), manager))
    };
    let network = client("kube-proxy", pki_file::PROXY_CERT, pki_file::PROXY_KEY)?;
    Ok(Clients {
        kubelet: client("kubelet", pki_file::KUBELET_CERT, pki_file::KUBELET_KEY)?,
        network: Informers::new(network).trimmed(trim::pod),
    })
}

/// A part of the node's network: what it knows of the cluster and of the node, and what ends it.
type Part = Box<dyn Fn(Informers, NodeConfig, CancellationToken) -> BoxFuture<'static, Result<(), Error>> + Send>;

/// Starts proxy, DNS and routes; the receiver turns true when services and DNS work on this node.
fn start_network(
    config: &NodeConfig,
    informers: &Informers,
    tasks: &TaskTracker,
    cancel: &CancellationToken,
) -> watch::Receiver<bool> {
    let (proxy_ready, mut proxy_is_ready) = watch::channel(false);
    let (dns_ready, mut dns_is_ready) = watch::channel(false);
    let keep = |name, part: Part| {
        let (informers, node) = (informers.clone(), config.clone());
        tasks.spawn(supervise(name, cancel.clone(), move |token| part(informers.clone(), node.clone(), token)));
    };
    keep("proxy", Box::new(move |all, node, token| proxy::run(all, node, proxy_ready.clone(), token).boxed()));
    keep("dns", Box::new(move |all, node, token| dns::run(all, node.dns_address, dns_ready.clone(), token)));
    keep("network policy", Box::new(|all, node, token| policy::run(all, node, token).boxed()));
    keep("routes", Box::new(|all, node, token| routes::run(all, node.name, token).boxed()));
    let (ready, is_ready) = watch::channel(false);
    tasks.spawn(async move {
        // An error means that the parts ended with the node.
        if proxy_is_ready.wait_for(|ready| *ready).await.is_ok() && dns_is_ready.wait_for(|ready| *ready).await.is_ok()
        {
            ready.send_replace(true);
        }
    });
    is_ready
}

fn start_kubelet(
    config: &NodeConfig,
    client: Client,
    network_ready: watch::Receiver<bool>,
    tasks: &TaskTracker,
    cancel: &CancellationToken,
) -> Result<()> {
    let options = KubeletOptions::from_node(config, Path::new(path::PKI), network_ready);
    let options = options.context("failed to read the kubelet's certificates")?;
    tasks.spawn(supervise("kubelet", cancel.clone(), move |token| {
        let (client, options) = (client.clone(), options.clone());
        async move {
            let ready = async {
                let docker = engine::connect().await?;
                engine::load_images(&docker).await
            };
            match token.run_until_cancelled(ready).await {
                Some(ready) => ready?,
                None => return Ok(()),
            }
            anyhow::Ok(cluster_kubelet::run(client, options, token).await?)
        }
    }));
    Ok(())
}
