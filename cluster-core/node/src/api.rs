//! The store and the API server on it, listening, and the parts that live in their process as their clients.

use crate::backend::InProcess;
use crate::lead::lead;
use crate::options;
use crate::prelude::*;
use base64::prelude::*;
use cluster_apiserver::auth::tokens::Tokens;
use cluster_apiserver::auth::{UserInfo, group, serve};
use cluster_apiserver::{ApiServer, Config};
use cluster_client::trim;
use cluster_config::{ApiServer as ApiServerOptions, CLUSTER_DOMAIN, Healing, pki_file};
use cluster_pki::{Authority, Pair, tls};
use cluster_scheduler::Settings;
use cluster_store::{AesGcm, EtcdStore, Options, SqliteStore, Store};
use ipnet::Ipv4Net;

/// The store's file below [`Setup::state`].
const STORE: &str = "store.db";
/// What is sealed on disk.
const SEALED: [&str; 1] = ["secrets"];
/// The first key's number; a rotated key gets the next.
const KEY_ID: u32 = 1;

/// Copies the store of the API server whose state is in a folder into a new file; the server goes on working.
pub async fn backup(state: &Path, to: &Path) -> Result<()> {
    let copied = cluster_store::backup(&state.join(STORE), to).await;
    copied.with_context(|| format!("failed to copy the store in {} to {}", state.display(), to.display()))
}

/// What an API server needs to start.
pub(crate) struct Setup<'a> {
    /// The folder of certificates and keys.
    pub(crate) pki: &'a Path,
    /// The folder of the store.
    pub(crate) state: &'a Path,
    /// The socket of the etcd that is the store instead.
    pub(crate) etcd: Option<PathBuf>,
    /// Where it listens.
    pub(crate) listener: TcpListener,
    /// Cluster IPs.
    pub(crate) service_subnet: Ipv4Net,
    /// The masters, as `default/kubernetes` lists them.
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// The one of them that this is, when there are several.
    pub(crate) leased: Option<Ipv4Addr>,
    /// Timings of self-healing.
    pub(crate) healing: &'a Healing,
    /// What users tell it.
    pub(crate) told: &'a ApiServerOptions,
}

impl Setup<'_> {
    /// Opens the store and starts the server; it answers when this returns, until `cancel`.
    pub(crate) async fn start(self, tasks: &TaskTracker, cancel: &CancellationToken) -> Result<Arc<ApiServer>> {
        // etcd may lack its quorum for long.
        let opened = cancel.run_until_cancelled(self.open_store()).await;
        let store = opened.context("stopped before the store was there")??;
        let server = ApiServer::new(Arc::clone(&store), self.server_config()?).await?;
        let pair = Pair { cert: self.pem(pki_file::API_CERT)?, key: self.pem(pki_file::API_KEY)? };
        let tls = tls::server(&pair, &self.pem(pki_file::CA_CERT)?, tls::Clients::Optional)?;
        let shared = Arc::clone(&server);
        let handle = move |request| {
            let server = Arc::clone(&shared);
            async move { server.handle(request).await }
        };
        tasks.spawn(serve::serve(self.listener, tls, handle, cancel.clone()));
        tasks.spawn(close(Arc::clone(&server), store, cancel.clone()));
        Ok(server)
    }

    async fn open_store(&self) -> Result<Arc<dyn Store>> {
        std::fs::create_dir_all(self.state).with_context(|| format!("failed to make {}", self.state.display()))?;
        let key = BASE64_STANDARD.decode(self.pem(pki_file::ENCRYPTION_KEY)?.trim());
        let key: Vec<u8> = key.context("the encryption key is not base64")?;
        let key: [u8; 32] = key.try_into().map_err(|_| anyhow::anyhow!("the encryption key has not 32 bytes"))?;
        let at_rest = Arc::new(AesGcm::new(&SEALED, &[(KEY_ID, key)]));
        Ok(match &self.etcd {
            Some(socket) => EtcdStore::open(socket.clone(), at_rest).await.context("failed to open the store")?,
            None => {
                let options = Options { at_rest, ..Options::file(self.state.join(STORE)) };
                SqliteStore::open(options).await.context("failed to open the store")?
            }
        })
    }

    fn server_config(&self) -> Result<Config> {
        let to_kubelets =
            Pair { cert: self.pem(pki_file::KUBELET_CLIENT_CERT)?, key: self.pem(pki_file::KUBELET_CLIENT_KEY)? };
        let usual = || format!("https://kubernetes.default.svc.{CLUSTER_DOMAIN}");
        let issuer = self.told.issuer.clone().unwrap_or_else(usual);
        Ok(Config {
            tokens: Arc::new(Tokens::new(&self.pem(pki_file::SERVICE_ACCOUNT_KEY)?, &issuer)?),
            kubelet_tls: Some(Arc::new(tls::client(&self.pem(pki_file::CA_CERT)?, Some(&to_kubelets))?)),
            client_ca: self.pem(pki_file::CA_CERT)?,
            service_subnet: self.service_subnet,
            node_ports: options::node_ports(self.told),
            addresses: self.addresses.clone(),
            leased: self.leased,
            port: self.listener.local_addr().context("the listener has no address")?.port(),
            auth: options::auth(self.told),
            audit: options::audit(self.told)?,
            limits: options::limits(self.told),
            admission: options::admission(self.told, self.healing.eviction_seconds.into()),
        })
    }

    fn pem(&self, name: &str) -> Result<String> {
        read(self.pki, name)
    }
}

/// A file of certificates or keys, as text.
pub(crate) fn read(folder: &Path, name: &str) -> Result<String> {
    let file = folder.join(name);
    std::fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))
}

/// The cluster's authority, with its key below `folder`.
pub(crate) fn authority(folder: &Path) -> Result<Arc<Authority>> {
    let pair = Pair { cert: read(folder, pki_file::CA_CERT)?, key: read(folder, pki_file::CA_KEY)? };
    Ok(Arc::new(Authority::from_pem(&pair).context("failed to read the authority")?))
}

/// Ends watches first, so that their connections can close, and the store last, so that no write is cut off.
async fn close(server: Arc<ApiServer>, store: Arc<dyn Store>, cancel: CancellationToken) {
    cancel.cancelled().await;
    server.close();
    store.close().await;
}

/// The way into the server for parts of the same process.
pub(crate) struct Parts<'a> {
    server: Arc<ApiServer>,
    /// The controllers' client.
    pub(crate) controllers: Client,
    /// The caches all parts read from. They are filled with the widest view, the controllers'.
    pub(crate) informers: Informers,
    /// Under which name this master stands for the leases of its parts; `None` when there is no other.
    pub(crate) candidate: Option<String>,
    tasks: &'a TaskTracker,
    cancel: &'a CancellationToken,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(server: &Arc<ApiServer>, tasks: &'a TaskTracker, cancel: &'a CancellationToken) -> Self {
        let user = UserInfo::authenticated("system:kube-controller-manager", &[]);
        let controllers = Client::new(Arc::new(InProcess::new(server, user)), "kube-controller-manager");
        let informers = Informers::new(controllers.clone()).trimmed(trim::pod);
        Self { server: Arc::clone(server), informers, controllers, candidate: None, tasks, cancel }
    }

    /// A client with an identity of its own.
    pub(crate) fn client(&self, user: UserInfo, manager: &str) -> Client {
        Client::new(Arc::new(InProcess::new(&self.server, user)), manager)
    }

    /// Keeps the scheduler running.
    pub(crate) fn run_scheduler(&self, settings: Arc<Settings>) {
        let client = self.client(UserInfo::authenticated("system:kube-scheduler", &[]), "kube-scheduler");
        self.keep("scheduler", "kube-scheduler", client, move |client, informers, token| {
            cluster_scheduler::run(client, informers, settings.clone(), token)
        });
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> Client {
        self.client(UserInfo::authenticated("devcluster-simulator", &[group::MASTERS]), "devcluster-simulator")
    }

    /// Keeps the simulated nodes alive; each renews its lease once in `renew`.
    pub(crate) fn run_simulator(&self, renew: Duration) {
        self.keep("simulator", "devcluster-simulator", self.admin(), move |client, informers, token| {
            cluster_simulator::run(client, informers, renew, token)
        });
    }

    /// Keeps the controllers running.
    pub(crate) fn run_controllers(&self, options: cluster_controllers::Options) {
        let client = self.controllers.clone();
        self.keep("controllers", "kube-controller-manager", client, move |client, informers, token| {
            cluster_controllers::run(client, informers, options.clone(), token)
        });
    }

    /// Keeps a part running, of several masters only on the one that holds its lease.
    fn keep<F, E>(
        &self,
        name: &'static str,
        lease: &'static str,
        client: Client,
        run: impl Fn(Client, Informers, CancellationToken) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        let (candidate, informers) = (self.candidate.clone(), self.informers.clone());
        self.tasks.spawn(supervise(name, self.cancel.clone(), move |token| {
            let work = run(client.clone(), informers.clone(), token.clone());
            let (candidate, client) = (candidate.clone(), client.clone());
            async move {
                match &candidate {
                    Some(identity) => lead(lease, identity, &client, &token, work).await,
                    None => work.await.map_err(Into::into),
                }
            }
        }));
    }
}
