//! Parts alone: an API server without nodes (`devcluster-node apiserver --data DIR`), and a scheduler or controllers
//! against any API server (`devcluster-node scheduler --kubeconfig FILE`).

use crate::api::{Parts, Setup};
use anyhow::{Context, Result};
use cluster_client::kubeconfig::{self, Kubeconfig};
use cluster_client::{Client, Informers};
use cluster_config::{Healing, pki_file};
use cluster_pki::{ClusterPki, Endpoint};
use ipnet::Ipv4Net;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The name of the cluster that an API server alone is, and of its context.
const NAME: &str = "apiserver";
const SERVICE_SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);

/// A part that needs nothing but an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The scheduler.
    Scheduler,
    /// All controllers.
    Controllers,
}

/// An API server without nodes, for tests of what talks to one.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// Keeps certificates, the store and `kubeconfig`; made when it is missing.
    pub data: PathBuf,
    /// The port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// What else runs in the process.
    pub with: Vec<Component>,
}

/// Runs one part with the current context of `kubeconfig` until `cancel`.
pub async fn run_component(component: Component, kubeconfig: &Path, cancel: CancellationToken) -> Result<()> {
    let config = Kubeconfig::read(kubeconfig).with_context(|| format!("failed to load {}", kubeconfig.display()))?;
    let name = match component {
        Component::Scheduler => "kube-scheduler",
        Component::Controllers => "kube-controller-manager",
    };
    let client = Client::new(Arc::new(config.backend(None)?), name);
    let informers = Informers::new(client.clone());
    match component {
        Component::Scheduler => cluster_scheduler::run(client, informers, cancel).await?,
        Component::Controllers => cluster_controllers::run(client, informers, Default::default(), cancel).await?,
    }
    Ok(())
}

/// Runs an API server until `cancel`. Says on its output when it answers; `kubeconfig` leads to it then.
pub async fn run_apiserver(options: &ApiOptions, cancel: CancellationToken) -> Result<()> {
    let tasks = TaskTracker::new();
    start_apiserver(options, &tasks, &cancel).await?;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn start_apiserver(options: &ApiOptions, tasks: &TaskTracker, cancel: &CancellationToken) -> Result<()> {
    let pki = options.data.join("pki");
    let authority = prepare(&pki)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await;
    let listener = listener.with_context(|| format!("failed to listen on port {}", options.port))?;
    let url = format!("https://{}", listener.local_addr().context("the listener has no address")?);
    let healing = Healing::default();
    let (service_subnet, addresses) = (SERVICE_SUBNET, Vec::new());
    let setup = Setup { pki: &pki, state: &options.data, listener, service_subnet, addresses, healing: &healing };
    let server = setup.start(tasks, cancel).await?;
    write_kubeconfig(&authority, &options.data.join("kubeconfig"), &url)?;
    println!("devcluster: api server ready at {url}");

    let parts = Parts::new(&server, tasks, cancel);
    for component in &options.with {
        match component {
            Component::Scheduler => parts.run_scheduler(),
            Component::Controllers => parts.run_controllers(cluster_controllers::Options {
                ca_pem: authority.ca_cert().to_owned(),
                ..Default::default()
            }),
        }
    }
    Ok(())
}

/// Takes up the authority below `folder`, or makes one, and issues the server's certificates.
fn prepare(folder: &Path) -> Result<ClusterPki> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("failed to make {}", folder.display()))?;
    let authority = if folder.join(pki_file::CA_KEY).exists() {
        ClusterPki::load(|name| crate::api::read(folder, name))?
    } else {
        ClusterPki::generate(NAME)?
    };
    let node = Endpoint { name: NAME, address: Ipv4Addr::LOCALHOST };
    let service = SERVICE_SUBNET.hosts().next().context("the service subnet has no addresses")?;
    let mut files = authority.master_files(&node, service, &[])?;
    files.extend(authority.files());
    for (name, text) in files {
        write_secret(&folder.join(name), &text)?;
    }
    Ok(authority)
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("failed to write {}", path.display()))
}

fn write_kubeconfig(authority: &ClusterPki, path: &Path, url: &str) -> Result<()> {
    let admin = authority.admin()?;
    let entry = kubeconfig::Entry {
        name: NAME.to_owned(),
        server: url.to_owned(),
        ca_pem: authority.ca_cert().as_bytes().to_vec(),
        client_certificate: Some((admin.cert.into_bytes(), admin.key.into_bytes())),
        ..Default::default()
    };
    let mut config = Kubeconfig::default();
    config.merge(&entry);
    config.set_current_context(NAME);
    write_secret(path, &config.to_yaml()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Namespace;

    async fn start(data: &Path) -> (Client, TaskTracker, CancellationToken) {
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let options = ApiOptions { data: data.to_owned(), port: 0, with: Vec::new() };
        start_apiserver(&options, &tasks, &cancel).await.expect("the server starts");
        tasks.close();
        let config = Kubeconfig::read(&data.join("kubeconfig")).expect("a kubeconfig");
        (Client::new(Arc::new(config.backend(None).expect("a way to the server")), "test"), tasks, cancel)
    }

    #[tokio::test]
    async fn an_api_server_alone_keeps_its_objects_and_its_authority_over_a_restart() {
        crate::install_crypto();
        let data = tempfile::tempdir().expect("a folder");
        let (client, tasks, cancel) = start(data.path()).await;
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("kept".to_owned());
        client.create(&namespace).await.expect("created");
        let authority = crate::api::read(&data.path().join("pki"), pki_file::CA_CERT).expect("a CA");
        drop(client);
        cancel.cancel();
        tasks.wait().await;

        let (client, ..) = start(data.path()).await;
        client.get::<Namespace>("", "kept").await.expect("it is still there");
        assert_eq!(crate::api::read(&data.path().join("pki"), pki_file::CA_CERT).expect("a CA"), authority);
    }
}
