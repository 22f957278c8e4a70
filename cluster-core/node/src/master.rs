//! The control plane of a master: store, API server, controllers and scheduler in one process.

use crate::api::{Parts, Setup, authority};
use crate::etcd;
use crate::prelude::*;
use crate::run::{Clients, pki};
use cluster_apiserver::auth::{UserInfo, group};
use cluster_client::{Change, Object, Patch};
use cluster_config::{API_PORT, pki_file};
use k8s_openapi::api::core::v1::{Node, Service};
use serde_json::json;

/// Starts the control plane; the API server answers when this returns.
pub(crate) async fn start(config: &NodeConfig, tasks: &TaskTracker, cancel: &CancellationToken) -> Result<Clients> {
    let listener = TcpListener::bind(("0.0.0.0", API_PORT)).await;
    let setup = Setup {
        pki: Path::new(path::PKI),
        state: Path::new(path::STATE),
        etcd: config.has_etcd().then(etcd::socket),
        listener: listener.with_context(|| format!("failed to listen on port {API_PORT}"))?,
        service_subnet: config.service_subnet,
        addresses: config.masters.clone(),
        leased: config.has_etcd().then_some(config.address),
        healing: &config.healing,
        told: &config.api_server,
    };
    let server = setup.start(tasks, cancel).await?;
    println!("devcluster: api server ready");
    let mut parts = Parts::new(&server, tasks, cancel);
    parts.candidate = (config.masters.len() > 1).then(|| config.name.clone());
    parts.run_scheduler(Default::default());
    parts.run_controllers(cluster_controllers::Options {
        ca_pem: pki(pki_file::CA_CERT)?,
        node_grace_seconds: u64::from(config.healing.node_grace_seconds),
        load_balancers: Some(load_balancers(config.address)),
        node_networks: Some(cluster_simulator::POD_SUBNET),
        signer: Some(authority(Path::new(path::PKI))?),
        ..Default::default()
    });
    // As rarely as the grace period lets it: there may be thousands.
    let renew = config.healing.lease_renew_seconds.max(config.healing.node_grace_seconds / 2).max(1);
    parts.run_simulator(Duration::from_secs(u64::from(renew)));
    let (controllers, dns) = (parts.controllers.clone(), dns_service(config)?);
    tasks.spawn(supervise("dns service", cancel.clone(), move |_| create_once(controllers.clone(), dns.clone())));
    let admin = parts.client(UserInfo::authenticated("devcluster-node", &[group::MASTERS]), "devcluster-node");
    let (name, nodes) = (config.name.clone(), parts.informers.clone());
    tasks.spawn(supervise("node roles", cancel.clone(), move |token| {
        let (admin, name, nodes) = (admin.clone(), name.clone(), nodes.clone());
        async move { token.run_until_cancelled(name_roles(&admin, &name, &nodes)).await.unwrap_or(Ok(())) }
    }));
    let kubelet = UserInfo::authenticated(&format!("system:node:{}", config.name), &[group::NODES]);
    Ok(Clients { kubelet: parts.client(kubelet, "kubelet"), network: parts.informers })
}

/// Gives the master's Node its roles whenever it is registered: a kubelet may not say them itself.
async fn name_roles(client: &Client, name: &str, informers: &Informers) -> Result<(), cluster_client::Error> {
    let roles = json!({"node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/master": ""});
    let roles = Patch::Merge(json!({"metadata": {"labels": roles}}));
    let mut changes = informers.informer::<Node>().subscribe();
    while let Some(change) = changes.recv().await {
        if matches!(&change, Change::Added(node) if node.name() == name) {
            client.patch::<Node>("", name, "", &roles).await?;
        }
    }
    Ok(())
}

/// The end of the nodes' network, of which nodes take the beginning.
fn load_balancers(node: Ipv4Addr) -> cluster_controllers::Pool {
    let [a, b, c, _] = node.octets();
    Ipv4Addr::new(a, b, c, 200)..=Ipv4Addr::new(a, b, c, 254)
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
        Err(_) if client.get::<Service>("kube-system", "kube-dns").await.is_ok() => Ok(()),
        created => created.map(drop),
    }
}
