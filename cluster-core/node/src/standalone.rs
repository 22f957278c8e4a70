//! Parts alone: an API server without nodes (`devcluster-node apiserver --data DIR`), one with everything but nodes that
//! are real (`devcluster-node simulate`), and a scheduler or controllers against any API server
//! (`devcluster-node scheduler --kubeconfig FILE`).

use crate::api::{Parts, Setup};
use crate::lead::{identity, lead};
use crate::prelude::*;
use cluster_client::kubeconfig::{self, Kubeconfig};
use cluster_client::{Object, ObjectKey, trim};
use cluster_config::{ApiServer, Healing, pki_file};
use cluster_pki::{ClusterPki, Endpoint};
use cluster_scheduler::Settings;
use cluster_simulator::{SIMULATED, Taint, add_nodes};
use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};

/// The name of the cluster that an API server alone is, and of its context.
const NAME: &str = "apiserver";
/// Each simulated node renews its lease once in this time; a node is lost after four of them.
const RENEW: Duration = Duration::from_secs(10);
const SERVICE_SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);

/// A part that needs nothing but an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Component {
    /// The scheduler.
    Scheduler,
    /// All controllers.
    Controllers,
    /// The life of simulated nodes and of the pods on them.
    Simulator,
}

/// An API server without nodes, for tests of what talks to one.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// What else runs in the process.
    pub with: Vec<Component>,
    /// Where the kubeconfig goes; into the folder of the data by default.
    pub kubeconfig: Option<PathBuf>,
    /// A `KubeSchedulerConfiguration`.
    pub scheduler_config: Option<PathBuf>,
    /// What the API server is told.
    pub told: ApiServer,
}

/// What the scheduler is told by a file; upstream's defaults without one.
fn scheduler_settings(file: Option<&Path>) -> Result<Arc<Settings>> {
    let Some(file) = file else { return Ok(Arc::default()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    let settings = Settings::from_yaml(&text).with_context(|| format!("failed to use {}", file.display()))?;
    Ok(Arc::new(settings))
}

/// Runs one part with the current context of `kubeconfig` until `cancel`, when no other instance of it leads; fails when
/// another takes over. `config` is the part's own configuration, which only the scheduler has.
pub async fn run_component(
    component: Component,
    kubeconfig: &Path,
    config: Option<&Path>,
    cancel: CancellationToken,
) -> Result<()> {
    let settings = scheduler_settings(config)?;
    let config = Kubeconfig::read(kubeconfig).with_context(|| format!("failed to load {}", kubeconfig.display()))?;
    let name = match component {
        Component::Scheduler => "kube-scheduler",
        Component::Controllers => "kube-controller-manager",
        Component::Simulator => "devcluster-simulator",
    };
    let client = Client::new(Arc::new(config.backend(None)?), name);
    let informers = Informers::new(client.clone()).trimmed(trim::pod);
    let work = async {
        let (client, cancel) = (client.clone(), cancel.clone());
        match component {
            Component::Scheduler => cluster_scheduler::run(client, informers, settings, cancel).await?,
            Component::Controllers => cluster_controllers::run(client, informers, Default::default(), cancel).await?,
            Component::Simulator => cluster_simulator::run(client, informers, RENEW, cancel).await?,
        }
        anyhow::Ok(())
    };
    lead(name, &identity()?, &client, &cancel, work).await
}

/// Runs an API server until `cancel`, with certificates, the store and `kubeconfig` in a folder that is made when it is
/// missing. Says on its output when it answers; `kubeconfig` leads to it then.
pub async fn run_apiserver(data: &Path, options: &ApiOptions, cancel: CancellationToken) -> Result<()> {
    let tasks = TaskTracker::new();
    let (parts, kubeconfig) = start_apiserver(data, options, &tasks, &cancel).await?;
    drop(parts);
    println!("devcluster: api server ready with {}", kubeconfig.display());
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Runs a whole cluster in this process until `cancel`: API server, scheduler, controllers and so many simulated nodes,
/// those that the folder knows already among them; a temporary folder by default. Says on its output when pods can be made.
pub async fn simulate(
    data: Option<&Path>,
    nodes: usize,
    options: &ApiOptions,
    cancel: CancellationToken,
) -> Result<()> {
    let tasks = TaskTracker::new();
    let temporary = tempfile::Builder::new().prefix("devcluster-simulate-").tempdir();
    let temporary = temporary.context("failed to make a temporary folder")?;
    let (parts, kubeconfig) = start_apiserver(data.unwrap_or(temporary.path()), options, &tasks, &cancel).await?;
    let admin = parts.admin();
    let ready = prepare_simulation(&admin, &parts.informers, nodes);
    if let Some(ready) = cancel.run_until_cancelled(ready).await {
        ready?;
        println!("devcluster: {} simulated nodes are ready\nexport KUBECONFIG={}", nodes, kubeconfig.display());
    }
    drop(parts);
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Makes the nodes that lack, and waits until pods are admitted: they need the service account `default`.
async fn prepare_simulation(client: &Client, informers: &Informers, nodes: usize) -> Result<()> {
    let present = client.list::<Node>("", SIMULATED).await?.len();
    add_nodes(client, "sim", nodes.saturating_sub(present), Taint::None).await?;
    let mut accounts = informers.informer::<ServiceAccount>().subscribe();
    let account = ObjectKey::new("default", "default");
    while let Some(change) = accounts.recv().await {
        if change.object().key() == account {
            break;
        }
    }
    Ok(())
}

/// Starts the server and what runs with it; also gives the path of the kubeconfig.
async fn start_apiserver<'a>(
    data: &Path,
    options: &ApiOptions,
    tasks: &'a TaskTracker,
    cancel: &'a CancellationToken,
) -> Result<(Parts<'a>, PathBuf)> {
    let settings = scheduler_settings(options.scheduler_config.as_deref())?;
    let pki = data.join("pki");
    let authority = prepare(&pki)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await;
    let listener = listener.with_context(|| format!("failed to listen on port {}", options.port))?;
    let url = format!("https://{}", listener.local_addr().context("the listener has no address")?);
    let healing = Healing::default();
    let (service_subnet, addresses) = (SERVICE_SUBNET, Vec::new());
    let (healing, told) = (&healing, &options.told);
    let setup =
        Setup { pki: &pki, state: data, etcd: None, listener, service_subnet, addresses, leased: None, healing, told };
    let server = setup.start(tasks, cancel).await?;
    let kubeconfig = options.kubeconfig.clone().unwrap_or_else(|| data.join("kubeconfig"));
    write_kubeconfig(&authority, &kubeconfig, &url)?;
    let parts = Parts::new(&server, tasks, cancel);
    for component in &options.with {
        match component {
            Component::Scheduler => parts.run_scheduler(settings.clone()),
            Component::Controllers => parts.run_controllers(cluster_controllers::Options {
                ca_pem: authority.ca_cert().to_owned(),
                node_networks: Some(cluster_simulator::POD_SUBNET),
                signer: Some(crate::api::authority(&pki)?),
                ..Default::default()
            }),
            Component::Simulator => parts.run_simulator(RENEW),
        }
    }
    Ok((parts, kubeconfig))
}

/// Takes up the authority below `folder`, or makes one, and issues the server's certificates.
fn prepare(folder: &Path) -> Result<ClusterPki> {
    let made = kubeconfig::private_folder(folder);
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
    let written = kubeconfig::write_private(path, text.as_bytes());
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
    mod faults;

    use super::*;
    use cluster_config::FileForm;
    use http::Method;
    use k8s_openapi::api::core::v1::Namespace;
    use serde_json::{Value, json};

    /// A server of its own and a client over the network.
    async fn start(data: &Path) -> (Client, TaskTracker, CancellationToken) {
        start_with(data, 0, ApiServer::default()).await
    }

    async fn start_with(data: &Path, port: u16, told: ApiServer) -> (Client, TaskTracker, CancellationToken) {
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let options = ApiOptions { port, with: Vec::new(), kubeconfig: None, scheduler_config: None, told };
        let (_, kubeconfig) = start_apiserver(data, &options, &tasks, &cancel).await.expect("the server starts");
        tasks.close();
        let config = Kubeconfig::read(&kubeconfig).expect("a kubeconfig");
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

    /// One server issues the tokens that another one takes.
    #[tokio::test]
    async fn id_tokens_and_an_audit_log_by_arguments() {
        crate::install_crypto();
        let (issuing, taking) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let parse = |arguments: &[String]| {
            ApiServer::parse(arguments, |path, form| match form {
                FileForm::Text => std::fs::read_to_string(path).map(Into::into).map_err(|e| e.to_string()),
                FileForm::Yaml => Ok(json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
                "rules": [{"level": "Metadata", "verbs": ["create"]}]})),
            })
            .expect("good arguments")
        };
        let free =
            || std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        let ports = [free(), free()];
        let [url, server] = ports.map(|port| format!("https://127.0.0.1:{port}"));
        let told = parse(&[format!("service-account-issuer={url}")]);
        let (issuer, ..) = start_with(issuing.path(), ports[0], told).await;
        let log = taking.path().join("audit.log");
        let told = parse(&[
            format!("oidc-issuer-url={url}"),
            "oidc-client-id=us".to_owned(),
            "oidc-signing-algs=ES256".to_owned(),
            "oidc-username-prefix=them:".to_owned(),
            format!("oidc-ca-file={}", issuing.path().join("pki").join(pki_file::CA_CERT).display()),
            "audit-policy-file=policy".to_owned(),
            format!("audit-log-path={}", log.display()),
        ]);
        start_with(taking.path(), ports[1], told).await;

        let post = async |path: &str, body: Value| issuer.raw(Method::POST, path, Some(&body)).await.expect("made");
        let everybody =
            json!([{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:unauthenticated"}]);
        post(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            json!({"metadata": {"name": "keys"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "system:service-account-issuer-discovery"}, "subjects": everybody}),
        )
        .await;
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        post(accounts, json!({"metadata": {"name": "jane"}})).await;
        let asked =
            json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"audiences": ["us"]}});
        let token = post(&format!("{accounts}/jane/token"), asked).await["status"]["token"].clone();

        let mut config = Kubeconfig::read(&taking.path().join("kubeconfig")).expect("a kubeconfig");
        config.merge(&kubeconfig::Entry {
            name: "jane".to_owned(),
            server,
            ca_pem: std::fs::read(taking.path().join("pki").join(pki_file::CA_CERT)).expect("a CA"),
            token: token.as_str().map(str::to_owned),
            ..Default::default()
        });
        let jane = Client::new(Arc::new(config.backend(Some("jane")).expect("a way")), "test");
        let who = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"});
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let review = jane.raw(Method::POST, path, Some(&who)).await.expect("the token is taken");
        assert_eq!(review["status"]["userInfo"]["username"], "them:system:serviceaccount:default:jane");
        let log = std::fs::read_to_string(log).expect("a log");
        assert!(log.contains("them:system:serviceaccount:default:jane"), "{log}");
    }
}
