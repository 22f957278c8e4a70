//! Where the server itself asks others: kubelets, pods, webhooks, extension servers. One connection for each request.

mod endpoint;
mod forward;
mod identity;
mod post;

pub(crate) use endpoint::{Trust, is_proxyable, of_client_config, of_pods, of_service};
pub(crate) use forward::forward;
pub(crate) use identity::user;
pub(crate) use post::ask;

use crate::prelude::*;
use hyper::client::conn::http1;
use rustls::pki_types::ServerName;
use std::io::ErrorKind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const KUBELET_PORT: u16 = 10250;
/// The most that is read of an answer.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Tls>,
    pub(crate) path_and_query: String,
}

/// How a target proves that it is the right one.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<rustls::ClientConfig>,
    /// What its certificate must be for.
    pub(crate) name: String,
}

impl Target {
    /// `path_and_query` at the kubelet of `node`.
    pub(crate) fn kubelet(server: &ApiServer, node: &Value, path_and_query: String) -> Result<Self, Status> {
        let addresses = meta::get(node, "status.addresses").as_array().map(Vec::as_slice).unwrap_or_default();
        let of_kind = |kind: &str| addresses.iter().find(|a| a["type"] == kind).map(|a| meta::text(a, "address"));
        let host = ["InternalIP", "Hostname", "ExternalIP"].into_iter().find_map(of_kind);
        let host = host.ok_or_else(|| {
            Status::new(500, "", format!("no preferred addresses found; known addresses: {addresses:?}"))
        })?;
        let port = meta::get(node, "status.daemonEndpoints.kubeletEndpoint.Port").as_u64();
        let port = port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0).unwrap_or(KUBELET_PORT);
        let Some(config) = server.config.kubelet_tls.clone() else {
            return Err(Status::new(503, "ServiceUnavailable", "this server has no certificate for kubelets"));
        };
        let tls = Some(Tls { config, name: host.to_owned() });
        Ok(Self { host: host.to_owned(), port, tls, path_and_query })
    }
}

/// Sends `request` on a connection of its own. An error is a text in Go's words, as clients know it.
pub(crate) async fn send(target: &Target, request: Request<Body>) -> Result<Response<Incoming>, String> {
    let dial = TcpStream::connect((target.host.as_str(), target.port));
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        _ => error.to_string(),
    };
    let stream = match tokio::time::timeout(DIAL_TIMEOUT, dial).await {
        Ok(stream) => stream.map_err(|e| format!("dial tcp {}:{}: {}", target.host, target.port, refused(e)))?,
        Err(_) => return Err(format!("dial tcp {}:{}: i/o timeout", target.host, target.port)),
    };
    let Some(tls) = &target.tls else { return exchange(stream, request).await };
    let name = ServerName::try_from(tls.name.clone()).map_err(|e| e.to_string())?;
    let handshake = TlsConnector::from(Arc::clone(&tls.config)).connect(name, stream);
    match tokio::time::timeout(DIAL_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => exchange(stream, request).await,
        Ok(Err(error)) => Err(format!("tls: failed to verify certificate: {error}")),
        Err(_) => Err("net/http: TLS handshake timeout".to_owned()),
    }
}

/// The code and the body of the answer to a request for JSON.
pub(crate) async fn fetch(
    target: &Target,
    method: Method,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: Body,
    timeout: Duration,
) -> Result<(StatusCode, Bytes), String> {
    let host = target.tls.as_ref().map_or(&target.host, |tls| &tls.name);
    let host = HeaderValue::from_str(&format!("{host}:{}", target.port)).map_err(|e| e.to_string())?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.path_and_query.parse().map_err(|_| "invalid path")?;
    request.headers_mut().extend([(HOST, host), (ACCEPT, HeaderValue::from_static("application/json"))]);
    request.headers_mut().extend(headers);
    let exchange = async {
        let response = send(target, request).await?;
        let code = response.status();
        let answer = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|e| e.to_string())?;
        Ok((code, answer.to_bytes()))
    };
    tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| Err("context deadline exceeded".to_owned()))
}

async fn exchange<S>(stream: S, request: Request<Body>) -> Result<Response<Incoming>, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to a backend broke");
        }
    });
    sender.send_request(request).await.map_err(|e| e.to_string())
}
