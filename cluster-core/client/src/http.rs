//! The way to an API server over the network: TLS, a client certificate or token, several servers in turn.

use crate::prelude::*;

mod tls;
mod watch;

use crate::client::{decode, escape, successful};
use crate::{Backend, Error, ListPage, WatchScope, WatchStream};
use async_trait::async_trait;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde_json::value::RawValue;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const PAGE_SIZE: usize = 500;
/// Watches that share a connection: well under the 100 streams a Go server allows.
const WATCHES_PER_LANE: usize = 80;
const LANES: usize = 16;
/// What a stream, and a connection, may hold that nobody has read yet. h2 gives a connection up when small frames wait in
/// it whose overhead is half its window, as the lines of logs do; so a stream alone cannot come near that.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * STREAM_WINDOW;

/// Who the client is.
#[derive(Debug, Clone, Default)]
pub enum Identity {
    /// Nobody.
    #[default]
    None,
    /// A client certificate with its key, both PEM.
    ClientCert {
        /// The chain.
        cert: Vec<u8>,
        /// The key.
        key: Vec<u8>,
    },
    /// A bearer token.
    Token(String),
    /// A file with a bearer token, read again for each request because the kubelet rotates it.
    TokenFile(PathBuf),
}

type HyperClient = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A [`Backend`] over HTTP.
pub struct HttpBackend {
    servers: Vec<Uri>,
    /// The server that answered last.
    preferred: AtomicUsize,
    calls: HyperClient,
    /// Watches hold a stream each for long, so they have connections of their own, one per [`WATCHES_PER_LANE`].
    lanes: Vec<HyperClient>,
    /// Held once more by each watch that runs.
    watching: Arc<()>,
    /// Speaks HTTP/1.1 alone, whose connections can be taken over.
    upgrades: HyperClient,
    identity: Identity,
}

/// The body of an answer that comes bit by bit. It holds its place among the streams that share the lanes.
pub type Streaming = BoxBody<Bytes, hyper::Error>;

impl std::fmt::Debug for HttpBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpBackend").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl HttpBackend {
    /// One server. An empty `ca_pem` trusts nobody, which only suits `http://` URLs.
    pub fn new(server_url: &str, ca_pem: &[u8], identity: Identity) -> Result<Self, Error> {
        Self::with_servers(&[server_url], ca_pem, identity)
    }

    /// Several servers of one cluster, tried in turn when one cannot be reached.
    pub fn with_servers(server_urls: &[&str], ca_pem: &[u8], identity: Identity) -> Result<Self, Error> {
        Self::with_tls(server_urls, tls::config(ca_pem, &identity)?, identity)
    }

    /// As [`HttpBackend::with_servers`] for a server whose certificate is not checked, as kubeconfig's
    /// `insecure-skip-tls-verify` asks.
    pub fn insecure(server_urls: &[&str], identity: Identity) -> Result<Self, Error> {
        Self::with_tls(server_urls, tls::insecure(&identity)?, identity)
    }

    fn with_tls(server_urls: &[&str], tls: rustls::ClientConfig, identity: Identity) -> Result<Self, Error> {
        let parse = |url: &&str| {
            let uri: Uri =
                url.trim_end_matches('/').parse().map_err(|e| Error::Config(format!("server {url:?}: {e}")))?;
            match (uri.scheme(), uri.authority()) {
                (Some(_), Some(_)) => Ok(uri),
                _ => Err(Error::Config(format!("server {url:?} is no URL"))),
            }
        };
        let servers: Vec<Uri> = server_urls.iter().map(parse).collect::<Result<_, _>>()?;
        if servers.is_empty() {
            return Err(Error::Config("no server is given".to_owned()));
        }
        let lanes = (0..LANES).map(|_| hyper_client(tls.clone(), true)).collect();
        let (upgrades, calls) = (hyper_client(tls.clone(), false), hyper_client(tls, true));
        Ok(Self { servers, preferred: AtomicUsize::new(0), calls, lanes, watching: Arc::default(), upgrades, identity })
    }

    /// Sends to the servers in turn, from the one that answered last; fails when none can be reached.
    async fn send(&self, client: &HyperClient, request: Request<Bytes>) -> Result<Response<Incoming>, Error> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut last = None;
        for offset in 0..self.servers.len() {
            let index = (first + offset) % self.servers.len();
            match client.request(self.addressed(&self.servers[index], &request)?).await {
                Ok(response) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(response);
                }
                // A request that may have arrived is not sent to another server.
                Err(error) if !error.is_connect() => return Err(transport(&error)),
                Err(error) => last = Some(transport(&error)),
            }
        }
        Err(last.expect("there is at least one server"))
    }

    fn addressed(&self, server: &Uri, request: &Request<Bytes>) -> Result<Request<Full<Bytes>>, Error> {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let base = server.path().trim_end_matches('/');
        let authority = server.authority().map_or("", http::uri::Authority::as_str);
        let uri = format!("{}://{authority}{base}{path}", server.scheme_str().unwrap_or("https"));
        let mut addressed = Request::builder().method(request.method()).uri(uri);
        if let Some(headers) = addressed.headers_mut() {
            headers.extend(request.headers().clone());
            if let Some(token) = self.bearer()? {
                headers.insert(header::AUTHORIZATION, token);
            }
        }
        let body = Full::new(request.body().clone());
        addressed.body(body).map_err(|e| Error::Config(format!("{path:?} is no request path: {e}")))
    }

    fn bearer(&self) -> Result<Option<HeaderValue>, Error> {
        let token = match &self.identity {
            Identity::Token(token) => token.clone(),
            Identity::TokenFile(path) => std::fs::read_to_string(path)
                .map_err(|e| Error::Config(format!("failed to read the token {}: {e}", path.display())))?,
            Identity::None | Identity::ClientCert { .. } => return Ok(None),
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| Error::Config("the bearer token has illegal characters".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Sends a request whose answer is read as it comes, for example a log. One with an `Upgrade` header goes over a
    /// connection of its own, which `hyper::upgrade::on` takes over when the server agreed.
    pub async fn open(&self, request: Request<Bytes>) -> Result<Response<Streaming>, Error> {
        let place = self.watching.clone();
        let lane = &self.lanes[Arc::strong_count(&place) / WATCHES_PER_LANE % LANES];
        let upgrade = request.headers().contains_key(header::UPGRADE);
        let response = self.send(if upgrade { &self.upgrades } else { lane }, request).await?;
        // The place is held as long as the body is.
        Ok(response.map(|body| body.map_frame(move |frame| (&place, frame).1).boxed()))
    }

    /// As [`HttpBackend::open`]: the body of a success, or the failure the server described.
    pub async fn stream(&self, request: Request<Bytes>) -> Result<Streaming, Error> {
        let response = self.open(request).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| transport(&e))?.to_bytes();
        successful(Response::from_parts(head, body))?;
        Err(Error::Transport("the server refused".to_owned()))
    }

    /// The events that answer any watch request, for example one for tables.
    pub async fn events(&self, request: Request<Bytes>) -> Result<WatchStream, Error> {
        Ok(watch::stream(self.stream(request).await?))
    }

    async fn page(&self, scope: &WatchScope, more: &str) -> Result<Bytes, Error> {
        let mut uri = format!("{}?limit={PAGE_SIZE}{}", scope.path, scope.selectors());
        if !more.is_empty() {
            write!(uri, "&continue={}", escape(more)).expect("a string takes every write");
        }
        successful(self.call(get(&uri)?).await?)
    }
}

#[async_trait]
impl Backend for HttpBackend {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let exchange = async {
            let (head, body) = self.send(&self.calls, request).await?.into_parts();
            let body = body.collect().await.map_err(|e| transport(&e))?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        tokio::time::timeout(CALL_TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(Error::Transport(format!("no answer within {} s", CALL_TIMEOUT.as_secs()))))
    }

    async fn list(&self, scope: &WatchScope) -> Result<ListPage, Error> {
        let mut list = ListPage::default();
        let mut more = String::new();
        loop {
            let bytes = self.page(scope, &more).await?;
            let page: Page<'_> = decode("List", &bytes)?;
            list.items.extend(page.items.iter().map(|item| bytes.slice_ref(item.get().as_bytes())));
            list.resource_version = page.metadata.resource_version.unwrap_or_default();
            more = page.metadata.continue_.unwrap_or_default();
            if more.is_empty() {
                return Ok(list);
            }
        }
    }

    async fn watch(&self, scope: &WatchScope, resource_version: &str) -> Result<WatchStream, Error> {
        self.events(get(&watch::uri(scope, resource_version))?).await
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    metadata: ListMeta,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

fn hyper_client(tls: rustls::ClientConfig, multiplexed: bool) -> HyperClient {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEP_ALIVE));
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let https = if multiplexed {
        https.enable_all_versions().wrap_connector(tcp)
    } else {
        https.enable_http1().wrap_connector(tcp)
    };
    client_builder().build(https)
}

fn client_builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

fn get(uri: &str) -> Result<Request<Bytes>, Error> {
    Request::get(uri)
        .header(header::ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|e| Error::Config(format!("{uri:?} is no request path: {e}")))
}

/// The whole chain of causes: hyper's own text says little.
fn transport(error: &dyn std::error::Error) -> Error {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        write!(text, ": {cause}").expect("a string takes every write");
        source = cause.source();
    }
    Error::Transport(text)
}

#[cfg(test)]
mod tests;
