//! The way to kubelets and pods: one connection for each request, upgraded ones copied both ways.

use axum::body::Body;
use cluster_object::meta;
use cluster_object::status::Status;
use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const KUBELET_PORT: u16 = 10250;
/// Headers that belong to one connection, and those that would hand the caller's identity on.
const NOT_FORWARDED: &[&str] =
    &["keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "cookie"];

/// Talks to kubelets over mutual TLS.
pub(crate) struct Kubelets {
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// Where a request is forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) path_and_query: String,
}

impl Target {
    /// `path_and_query` at the kubelet of `node`.
    pub(crate) fn kubelet(node: &Value, path_and_query: String) -> Result<Self, Status> {
        let addresses = meta::get(node, "status.addresses").as_array().map(Vec::as_slice).unwrap_or_default();
        let of_kind = |kind: &str| addresses.iter().find(|a| a["type"] == kind).map(|a| meta::text(a, "address"));
        let host = ["InternalIP", "Hostname", "ExternalIP"].into_iter().find_map(of_kind);
        let host = host.ok_or_else(|| {
            Status::new(500, "", format!("no preferred addresses found; known addresses: {addresses:?}"))
        })?;
        let port = meta::get(node, "status.daemonEndpoints.kubeletEndpoint.Port").as_u64();
        let port = port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0).unwrap_or(KUBELET_PORT);
        Ok(Self { host: host.to_owned(), port, tls: true, path_and_query })
    }
}

impl Kubelets {
    pub(crate) fn new(tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        Self { tls }
    }

    /// Forwards the request and relays the answer. An upgrade goes through only when the backend says 101.
    pub(crate) async fn forward(
        &self,
        target: &Target,
        parts: &mut Parts,
        body: Body,
    ) -> Result<Response<Body>, Status> {
        let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| parts.headers.contains_key(UPGRADE));
        let request = request(target, parts, body, upgrade.is_some())?;
        let failed = |e: &dyn std::fmt::Display| Status::new(500, "", format!("error dialing backend: {e}"));
        let dial = TcpStream::connect((target.host.as_str(), target.port));
        let stream = tokio::time::timeout(DIAL_TIMEOUT, dial)
            .await
            .map_err(|e| failed(&e))?
            .map_err(|e| failed(&format_args!("dial tcp {}:{}: {e}", target.host, target.port)))?;
        let response = if target.tls {
            let Some(tls) = &self.tls else {
                return Err(Status::new(503, "ServiceUnavailable", "this server has no certificate for kubelets"));
            };
            let name = ServerName::try_from(target.host.clone()).map_err(|e| failed(&e))?;
            let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
            let stream = tokio::time::timeout(DIAL_TIMEOUT, handshake).await.map_err(|e| failed(&e))?;
            send(stream.map_err(|e| failed(&e))?, request).await
        } else {
            send(stream, request).await
        };
        relay(response.map_err(|e| failed(&e))?, upgrade)
    }
}

/// The request as the backend gets it.
fn request(target: &Target, parts: &Parts, body: Body, upgrade: bool) -> Result<Request<Body>, Status> {
    let mut headers = HeaderMap::new();
    for (name, value) in &parts.headers {
        let kept = *name != AUTHORIZATION
            && !name.as_str().starts_with("impersonate-")
            && !NOT_FORWARDED.contains(&name.as_str())
            && (upgrade || (*name != UPGRADE && *name != CONNECTION));
        if kept {
            headers.append(name.clone(), value.clone());
        }
    }
    let host = HeaderValue::from_str(&format!("{}:{}", target.host, target.port)).map_err(Status::internal)?;
    headers.insert(HOST, host);
    let uri: Uri = target.path_and_query.parse().map_err(|e| Status::bad_request(format!("invalid path: {e}")))?;
    let mut request = Request::new(if upgrade { Body::empty() } else { body });
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

async fn send<S>(stream: S, request: Request<Body>) -> Result<Response<hyper::body::Incoming>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to a backend broke");
        }
    });
    sender.send_request(request).await
}

/// The backend's answer as ours; after 101 the two connections are one.
fn relay(mut response: Response<hyper::body::Incoming>, upgrade: Option<OnUpgrade>) -> Result<Response<Body>, Status> {
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    match (switched, upgrade) {
        (true, None) => Err(Status::internal("the backend switched protocols without being asked")),
        (true, Some(client)) => {
            let backend = hyper::upgrade::on(&mut response);
            tokio::spawn(async move {
                if let Err(error) = join(client, backend).await {
                    tracing::debug!(%error, "an upgraded connection ended");
                }
            });
            let (parts, _) = response.into_parts();
            Ok(Response::from_parts(parts, Body::empty()))
        }
        (false, _) => {
            for name in NOT_FORWARDED.iter().chain(&["connection", "upgrade"]) {
                response.headers_mut().remove(*name);
            }
            Ok(response.map(Body::new))
        }
    }
}

async fn join(client: OnUpgrade, backend: OnUpgrade) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (client, backend) = tokio::try_join!(client, backend)?;
    tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(backend)).await?;
    Ok(())
}
