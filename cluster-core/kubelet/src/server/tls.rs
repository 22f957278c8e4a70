//! Mutual TLS: who may speak to the kubelet, and the loop that lets them in.

use crate::Error;
use crate::prelude::*;
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// The API server's name towards kubelets.
const API_SERVER: &str = "kube-apiserver-kubelet-client";
const ADMINISTRATORS: &str = "system:masters";

/// Serves `router` to those who may until cancelled.
pub(super) async fn serve(
    address: SocketAddr,
    config: Arc<ServerConfig>,
    router: Router,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let acceptor = TlsAcceptor::from(config);
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    while let Some(accepted) = cancel.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(acceptor.clone(), stream, router.clone(), cancel.clone()));
            }
            Err(e) => {
                // Out of file descriptors or the like: others may free some.
                tracing::warn!("cannot accept a connection: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Ok(())
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, router: Router, cancel: CancellationToken) {
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return tracing::debug!("TLS handshake failed: {e}"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let peer = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let refusal = refusal(peer);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (router, refusal) = (router.clone(), refusal.clone());
        async move {
            match refusal.filter(|_| request.uri().path() != "/healthz") {
                Some(refusal) => Ok(refusal.into_response()),
                None => call(router, request).await,
            }
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Some(Err(e)) = cancel.run_until_cancelled(serving).await {
        tracing::debug!("a connection ended: {e}");
    }
}

async fn call(router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    hyper::service::Service::call(&hyper_util::service::TowerToHyperService::new(router), request).await
}

/// Why a client may not speak, by its certificate; nothing if it may.
fn refusal(peer: Option<&CertificateDer<'_>>) -> Option<Refusal> {
    let Some(Ok((_, certificate))) = peer.map(|peer| X509Certificate::from_der(peer)) else {
        return Some(Refusal(StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()));
    };
    let subject = certificate.subject();
    let name = subject.iter_common_name().find_map(|n| n.as_str().ok()).unwrap_or_default();
    let administrator = subject.iter_organization().any(|o| o.as_str() == Ok(ADMINISTRATORS));
    let forbidden = || Refusal(StatusCode::FORBIDDEN, format!("Forbidden (user={name})"));
    (name != API_SERVER && !administrator).then(forbidden)
}
