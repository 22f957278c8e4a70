//! The control plane of a master: store, API server, controllers and scheduler in one process.

use crate::backend::InProcess;
use crate::run::{Clients, pki};
use crate::supervise::supervise;
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster_apiserver::auth::tokens::Tokens;
use cluster_apiserver::auth::{UserInfo, group, serve};
use cluster_apiserver::{ApiServer, Body, Config, admission};
use cluster_client::{Client, Informers};
use cluster_config::{API_PORT, CLUSTER_DOMAIN, NodeConfig, path, pki_file};
use cluster_pki::{Pair, tls};
use cluster_store::{AesGcm, Options, SqliteStore, Store};
use k8s_openapi::api::core::v1::Service;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The store's file below [`path::STATE`].
const STORE: &str = "store.db";
/// What is sealed on disk.
const SEALED: [&str; 1] = ["secrets"];
/// The first key's number; a rotated key gets the next.
const KEY_ID: u32 = 1;

/// Starts the control plane; the API server listens when this returns.
pub(crate) async fn start(config: &NodeConfig, tasks: &TaskTracker, cancel: &CancellationToken) -> Result<Clients> {
    let store = open_store().await?;
    let server = ApiServer::new(Arc::clone(&store) as Arc<dyn Store>, server_config(config)?).await?;
    listen(&server, tasks, cancel).await?;
    println!("devcluster: api server ready");
    tasks.spawn(close(Arc::clone(&server), store, cancel.clone()));

    let client = |user: UserInfo, manager: &str| Client::new(Arc::new(InProcess::new(&server, user)), manager);
    let controllers = client(UserInfo::authenticated("system:kube-controller-manager", &[]), "kube-controller-manager");
    let scheduler = client(UserInfo::authenticated("system:kube-scheduler", &[]), "kube-scheduler");
    let kubelet = UserInfo::authenticated(&format!("system:node:{}", config.name), &[group::NODES]);
    // All parts of this process read from one set of caches, so they are filled with the widest view.
    let informers = Informers::new(controllers.clone());

    let (shared, token) = (informers.clone(), cancel.clone());
    tasks.spawn(supervise("scheduler", cancel.clone(), move || {
        cluster_scheduler::run(scheduler.clone(), shared.clone(), token.clone())
    }));
    let options = cluster_controllers::Options {
        ca_pem: pki(pki_file::CA_CERT)?,
        node_grace_seconds: u64::from(config.healing.node_grace_seconds),
        ..Default::default()
    };
    let (own, shared, token) = (controllers.clone(), informers.clone(), cancel.clone());
    tasks.spawn(supervise("controllers", cancel.clone(), move || {
        cluster_controllers::run(own.clone(), shared.clone(), options.clone(), token.clone())
    }));
    let dns = dns_service(config)?;
    tasks.spawn(supervise("dns service", cancel.clone(), move || create_once(controllers.clone(), dns.clone())));
    Ok(Clients { kubelet: client(kubelet, "kubelet"), network: informers })
}

async fn open_store() -> Result<Arc<SqliteStore>> {
    let folder = Path::new(path::STATE);
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let key = STANDARD.decode(pki(pki_file::ENCRYPTION_KEY)?.trim()).context("the encryption key is not base64")?;
    let key: [u8; 32] = key.try_into().map_err(|_| anyhow::anyhow!("the encryption key has not 32 bytes"))?;
    let options =
        Options { at_rest: Arc::new(AesGcm::new(&SEALED, &[(KEY_ID, key)])), ..Options::file(folder.join(STORE)) };
    SqliteStore::open(options).await.context("failed to open the store")
}

fn server_config(config: &NodeConfig) -> Result<Config> {
    let to_kubelets = Pair { cert: pki(pki_file::KUBELET_CLIENT_CERT)?, key: pki(pki_file::KUBELET_CLIENT_KEY)? };
    let issuer = format!("https://kubernetes.default.svc.{CLUSTER_DOMAIN}");
    Ok(Config {
        tokens: Arc::new(Tokens::new(&pki(pki_file::SERVICE_ACCOUNT_KEY)?, &issuer)?),
        kubelet_tls: Some(Arc::new(tls::client(&pki(pki_file::CA_CERT)?, Some(&to_kubelets))?)),
        service_subnet: config.service_subnet,
        node_ports: 30000..=32767,
        addresses: config.masters.clone(),
        port: API_PORT,
        admission: admission::Options {
            default_toleration_seconds: i64::from(config.healing.eviction_seconds),
            ..admission::Options::default()
        },
    })
}

async fn listen(server: &Arc<ApiServer>, tasks: &TaskTracker, cancel: &CancellationToken) -> Result<()> {
    let pair = Pair { cert: pki(pki_file::API_CERT)?, key: pki(pki_file::API_KEY)? };
    let tls = tls::server(&pair, &pki(pki_file::CA_CERT)?, tls::Clients::Optional)?;
    let listener = TcpListener::bind(("0.0.0.0", API_PORT)).await;
    let listener = listener.with_context(|| format!("failed to listen on port {API_PORT}"))?;
    let server = Arc::clone(server);
    let handle = move |request: http::Request<hyper::body::Incoming>| {
        let server = Arc::clone(&server);
        async move { server.handle(request.map(Body::new)).await }
    };
    tasks.spawn(serve::serve(listener, tls, handle, cancel.clone()));
    Ok(())
}

/// Ends watches first, so that their connections can close, and the store last, so that no write is cut off.
async fn close(server: Arc<ApiServer>, store: Arc<SqliteStore>, cancel: CancellationToken) {
    cancel.cancelled().await;
    server.close();
    store.close().await;
}

/// The service under which pods find DNS. It has no endpoints: every node answers its address itself.
fn dns_service(config: &NodeConfig) -> Result<Service> {
    let labels = json!({
        "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS",
    });
    let ports = json!([
        { "name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53 },
        { "name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53 },
    ]);
    serde_json::from_value(json!({
        "metadata": { "name": "kube-dns", "namespace": "kube-system", "labels": labels },
        "spec": { "clusterIP": config.dns_address, "ports": ports },
    }))
    .context("failed to build the DNS service")
}

async fn create_once(client: Client, service: Service) -> Result<(), cluster_client::Error> {
    match client.create(&service).await {
        Err(error) if error.is_already_exists() => Ok(()),
        // Its own address is taken by itself when the service stands already.
        Err(error) => match client.get::<Service>("kube-system", "kube-dns").await {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        },
        Ok(_) => Ok(()),
    }
}
