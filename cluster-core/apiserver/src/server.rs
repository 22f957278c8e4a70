//! The server itself: what it is made of, how it starts and stops, and what callers in the same process use.

use crate::admission::quota::{self, Turns};
use crate::admission::{self, policy};
use crate::aggregation::{self, Remotes};
use crate::audit::Audit;
use crate::auth::tokens::Tokens;
use crate::auth::{self, Authenticator, Authorizer};
use crate::flow::{self, Flows};
use crate::limits::{Limits, Places};
use crate::metrics::Metrics;
use crate::parsed::Parsed;
use crate::prelude::*;
use crate::usage::Samples;
use crate::verbs::{self, WatchedStream};
use crate::{allocate, bootstrap, custom, endpoints, kinds, pipeline, render};
use std::ops::RangeInclusive;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a server is told at its start.
pub struct Config {
    /// Signs and verifies service account tokens.
    pub tokens: Arc<Tokens>,
    /// The certificate the server shows to kubelets, and the CA their certificates must have; without it logs, exec
    /// and their like answer 503.
    pub kubelet_tls: Option<Arc<rustls::ClientConfig>>,
    /// The authority of client certificates, PEM, for extension servers.
    pub client_ca: String,
    /// Cluster IPs.
    pub service_subnet: Ipv4Net,
    /// Node ports.
    pub node_ports: RangeInclusive<u16>,
    /// Where the servers are reached: the endpoints of `default/kubernetes`.
    pub addresses: Vec<Ipv4Addr>,
    /// The one of them that is this server's, where others may die: then the endpoints are those that live.
    pub leased: Option<Ipv4Addr>,
    /// The port there.
    pub port: u16,
    /// Who else knows users and rights.
    pub auth: auth::Options,
    /// The audit log, when there is one.
    pub audit: Option<Arc<Audit>>,
    /// How much is served at once.
    pub limits: Limits,
    /// Options of admission plugins.
    pub admission: admission::Options,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// One of the objects every cluster has could not be made.
    #[error("failed to create {what}: {source}")]
    Bootstrap {
        /// Which object.
        what: String,
        /// What the server said.
        source: Status,
    },
    /// The identity shown to extension servers could not be made.
    #[error("failed to make the certificate of the front proxy: {0}")]
    FrontProxy(#[from] cluster_pki::Error),
}

/// The API server.
pub struct ApiServer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Registry,
    pub(crate) config: Config,
    pub(crate) authenticator: Authenticator,
    pub(crate) authorizer: Authorizer,
    pub(crate) metrics: Metrics,
    pub(crate) remotes: Remotes,
    pub(crate) samples: Samples,
    pub(crate) places: Places,
    pub(crate) policies: policy::Cache,
    parsed: Parsed,
    pub(crate) turns: Turns,
    pub(crate) flows: Arc<Flows>,
    pub(crate) closing: CancellationToken,
    /// Itself, for work that outlives a request.
    pub(crate) this: Weak<Self>,
    ready: AtomicBool,
}

impl ApiServer {
    /// Starts a server on `store`: reads what is there and makes the objects that every cluster has.
    pub fn new(store: Arc<dyn Store>, config: Config) -> BoxFuture<'static, Result<Arc<Self>, StartError>> {
        Self::start(store, config).boxed()
    }

    async fn start(store: Arc<dyn Store>, config: Config) -> Result<Arc<Self>, StartError> {
        let closing = CancellationToken::new();
        let remotes = Remotes::new()?;
        let server = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            registry: Registry::new(kinds::builtin()),
            authenticator: Authenticator::new(Arc::clone(&store), Arc::clone(&config.tokens), &config.auth),
            authorizer: Authorizer::start(&store, &config.auth, &closing),
            metrics: Metrics::default(),
            remotes,
            samples: Samples::default(),
            places: Places::new(&config.limits),
            policies: policy::Cache::default(),
            parsed: Parsed::default(),
            turns: Turns::default(),
            flows: Flows::start(&store, &closing),
            closing,
            ready: AtomicBool::new(false),
            store,
            config,
        });
        let seen = custom::serve_all(&server);
        let failed = |source| StartError::Bootstrap { what: "the claims of services".to_owned(), source };
        allocate::repair(&server).await.map_err(failed)?;
        bootstrap::run(&server).await?;
        server.ready.store(true, Ordering::Release);
        tokio::spawn(aggregation::follow(Arc::clone(&server)));
        tokio::spawn(custom::follow(Arc::clone(&server), seen));
        if server.config.leased.is_some() {
            tokio::spawn(endpoints::keep(Arc::clone(&server)));
        }
        Ok(server)
    }

    /// Answers one request. A [`UserInfo`] among its extensions is taken for authenticated.
    pub fn handle(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        let answered = AssertUnwindSafe(pipeline::serve(self, request)).catch_unwind();
        let answer = |outcome: std::thread::Result<Response<Body>>| {
            outcome.unwrap_or_else(|_| {
                tracing::error!("a request handler panicked");
                let why = "This request caused apiserver to panic. Look in the logs for details.";
                render::status(&Status::internal(why), Encoding::Json)
            })
        };
        answered.map(answer).boxed()
    }

    /// Ends all watches and stops being ready; requests under way go on.
    pub fn close(&self) {
        self.ready.store(false, Ordering::Release);
        self.closing.cancel();
    }

    /// Whether the server may be asked.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// What is served.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The collection at `path` at one revision, without HTTP: each item is the stored JSON itself.
    pub async fn list_bytes(
        &self,
        user: &UserInfo,
        path: &str,
        label_selector: &str,
        field_selector: &str,
    ) -> Result<(Revision, Vec<Bytes>), Status> {
        let call = self.direct("list", user, path, label_selector, field_selector, "")?;
        let list = verbs::collect(&call)?;
        Ok((list.revision, call.resource.served(self, &list.items).await?))
    }

    /// What happens in the collection at `path` after `resource_version`, bookmarks included, without HTTP.
    pub fn watch_bytes(
        &self,
        user: &UserInfo,
        path: &str,
        label_selector: &str,
        field_selector: &str,
        resource_version: &str,
    ) -> Result<WatchedStream, Status> {
        verbs::open_watch(&self.direct("watch", user, path, label_selector, field_selector, resource_version)?)
    }

    fn direct(
        &self,
        verb: &'static str,
        user: &UserInfo,
        path: &str,
        labels: &str,
        fields: &str,
        revision: &str,
    ) -> Result<Call<'_>, Status> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("labelSelector", labels), ("fieldSelector", fields), ("resourceVersion", revision)])
            .append_pair("allowWatchBookmarks", "true")
            .finish();
        let info = RequestInfo { verb: verb.into(), ..RequestInfo::parse(&Method::GET, path, &query) };
        self.authorizer.authorize(user, &info).or_forbidden(user, &info)?;
        let (resource, query) = (self.served(&info)?, Query::parse(verb, &query, "")?);
        Ok(Call { info, user: user.clone(), query, ..Call::own(self, resource, "") })
    }

    /// The resource a request names, or upstream's 404.
    pub(crate) fn served(&self, info: &RequestInfo) -> Result<Arc<Resource>, Status> {
        let found = self.registry.get(&info.group, &info.version, &info.resource);
        found.ok_or_else(Status::no_such_resource)
    }

    /// Writes what the server itself has to say into an object that is about to be stored.
    pub(crate) fn complete(&self, resource: &Resource, object: &mut Value) {
        match resource.storage.as_str() {
            custom::STORAGE => custom::complete(self, object),
            policy::VALIDATING => policy::complete(self, object),
            flow::SCHEMAS => flow::complete(self, object),
            _ => {}
        }
    }

    /// What the server itself follows up on after a committed write.
    pub(crate) async fn changed(&self, resource: &Resource, entry: &Arc<Entry>, gone: bool) {
        let failed = |error: Status| tracing::error!(%error, "failed to follow up on a write");
        match resource.storage.as_str() {
            custom::STORAGE => drop(custom::serve(self, entry, gone)),
            "namespaces" if gone => quota::forget(self, &entry.key.name).await,
            "services" if gone => {
                allocate::release_all(self, &serde_json::from_slice(&entry.bytes).unwrap_or_default()).await;
            }
            allocate::CIDRS if !gone => allocate::settle(self).await.unwrap_or_else(failed),
            flow::LEVELS => flow::settle(self).await.unwrap_or_else(failed),
            _ => {}
        }
        if gone {
            self.parsed.forget(&entry.key);
            self.restore(entry);
        }
    }

    /// The object of a store key.
    pub(crate) fn stored(&self, key: &Key) -> Option<Arc<Value>> {
        self.find(&key.resource, &key.namespace, &key.name)
    }

    /// Makes an object anew that must always be there.
    fn restore(&self, entry: &Entry) {
        if let (Some(object), Some(server)) = (bootstrap::lost(self, &entry.key), self.this.upgrade()) {
            tokio::spawn(async move {
                if let Err(error) = bootstrap::put(&server, object).await {
                    tracing::error!(%error, "failed to restore a mandatory object");
                }
            });
        }
    }
}

impl Lookup for ApiServer {
    fn find(&self, storage: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.parsed.value(&*self.store.get(&key(storage, namespace, name))?)
    }

    fn list(&self, storage: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.store.snapshot(storage).range(namespace, None).filter_map(|entry| self.parsed.value(&entry)).collect()
    }
}

impl Lookup for Arc<dyn Store> {
    fn find(&self, storage: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let entry = self.as_ref().get(&key(storage, namespace, name))?;
        serde_json::from_slice(&entry.bytes).ok().map(Arc::new)
    }

    fn list(&self, storage: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let read = |entry: Arc<Entry>| serde_json::from_slice(&entry.bytes).ok().map(Arc::new);
        self.snapshot(storage).range(namespace, None).filter_map(read).collect()
    }
}
