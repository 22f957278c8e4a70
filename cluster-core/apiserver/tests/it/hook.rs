//! A small TLS server of the tests: webhooks, converters, extension servers.

use super::Body;
use cluster_pki::{Authority, Subject, Usage, tls};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

/// The running server.
pub(crate) struct Hook {
    pub(crate) port: u16,
    pub(crate) ca_bundle: String,
    /// The same as PEM.
    pub(crate) ca: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Hook {
    /// Serves what `answer` makes of each request: a code and a body. It has a certificate for `localhost` and for the
    /// service `default/hook`.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static) -> Self {
        tls::install_provider();
        let authority = Authority::generate("hooks").expect("a CA");
        let names = ["localhost", "127.0.0.1", "hook.default.svc"].map(str::to_owned).to_vec();
        let subject = Subject { names, usage: Usage::Server, ..Subject::client("hook", "") };
        let pair = authority.issue(&subject).expect("a certificate");
        let chain = CertificateDer::pem_slice_iter(pair.cert.as_bytes()).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(chain.expect("a chain"), key).expect("TLS");
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (acceptor, answer, log) = (TlsAcceptor::from(Arc::new(config)), Arc::new(answer), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer, log) = (acceptor.clone(), Arc::clone(&answer), Arc::clone(&log));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                        async move { Ok::<_, Infallible>(serve(request, &*answer, &log).await) }
                    });
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        use base64::Engine as _;
        let ca_bundle = base64::engine::general_purpose::STANDARD.encode(authority.cert());
        Self { port, ca_bundle, ca: authority.cert().to_owned(), seen }
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// The `clientConfig` that leads to `path` by URL.
    pub(crate) fn by_url(&self, path: &str) -> Value {
        json!({"url": format!("https://localhost:{}{path}", self.port), "caBundle": self.ca_bundle})
    }
}

async fn serve(
    request: Request<Incoming>,
    answer: &(dyn Fn(&Seen) -> (u16, Value) + Send + Sync),
    log: &Mutex<Vec<Seen>>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let seen = Seen { path: parts.uri.to_string(), headers: parts.headers, body };
    let (code, body) = answer(&seen);
    log.lock().push(seen);
    let mut response = Response::builder().status(code).header("content-type", "application/json");
    if code == 302 {
        response = response.header("location", "https://localhost/elsewhere");
    }
    response.body(Body::from(body.to_string())).expect("a response")
}
