//! Mutual TLS: who may speak to the kubelet, and the loop that lets them in.

use crate::options::ServerTls;
use axum::Router;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, X509Certificate};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// The API server's name towards kubelets.
const API_SERVER: &str = "kube-apiserver-kubelet-client";
const ADMINISTRATORS: &str = "system:masters";

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate or key is not usable.
    #[error("failed to read the kubelet's certificates: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// Certificate and key do not fit.
    #[error("failed to set up TLS: {0}")]
    Config(#[from] rustls::Error),
    /// The clients' CA is not usable.
    #[error("failed to set up client verification: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The address cannot be listened on.
    #[error("failed to listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// Serves `router` to those who may until cancelled.
pub(super) async fn serve(
    address: SocketAddr,
    material: &ServerTls,
    router: Router,
    cancel: CancellationToken,
) -> Result<(), TlsError> {
    let acceptor = acceptor(material)?;
    let listener = TcpListener::bind(address).await.map_err(|e| TlsError::Listen(address, e))?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = cancel.cancelled() => return Ok(()),
        };
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
}

fn acceptor(material: &ServerTls) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&material.client_ca) {
        roots.add(certificate?)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()?;
    let chain = CertificateDer::pem_slice_iter(&material.certificate).collect::<Result<Vec<_>, _>>()?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(&material.key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
        let router = router.clone();
        let refused = refusal.as_ref().map(|(code, text)| (*code, text.clone()));
        async move {
            match refused.filter(|_| request.uri().path() != "/healthz") {
                Some((code, text)) => {
                    let mut response = Response::new(axum::body::Body::from(text));
                    *response.status_mut() = code;
                    Ok(response)
                }
                None => call(router, request).await,
            }
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::select! {
        done = serving => {
            if let Err(e) = done {
                tracing::debug!("a connection ended: {e}");
            }
        }
        () = cancel.cancelled() => {}
    }
}

async fn call(
    router: Router,
    request: Request<Incoming>,
) -> Result<Response<axum::body::Body>, std::convert::Infallible> {
    hyper::service::Service::call(&hyper_util::service::TowerToHyperService::new(router), request).await
}

/// Why a client may not speak, by its certificate; nothing if it may.
fn refusal(peer: Option<&CertificateDer<'_>>) -> Option<(StatusCode, String)> {
    let Some(peer) = peer else { return Some((StatusCode::UNAUTHORIZED, "Unauthorized".to_owned())) };
    let Ok((_, certificate)) = X509Certificate::from_der(peer) else {
        return Some((StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()));
    };
    let subject = certificate.subject();
    let name = subject.iter_common_name().find_map(|n| n.as_str().ok()).unwrap_or_default();
    let administrator = subject.iter_organization().any(|o| o.as_str() == Ok(ADMINISTRATORS));
    let forbidden = || (StatusCode::FORBIDDEN, format!("Forbidden (user={name})"));
    (name != API_SERVER && !administrator).then(forbidden)
}
