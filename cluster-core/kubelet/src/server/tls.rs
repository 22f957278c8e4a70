//! The loop that takes connections, and notes whose certificate each has.

use super::access::Certified;
use crate::Error;
use crate::prelude::*;
use axum::Extension;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves `router` until cancelled.
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
    let certified = Certified::of(stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()));
    let service = TowerToHyperService::new(router.layer(Extension(certified)));
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Some(Err(e)) = cancel.run_until_cancelled(serving).await {
        tracing::debug!("a connection ended: {e}");
    }
}
