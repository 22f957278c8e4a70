//! Serves connections, and notes whose certificate each has.

use super::access::Certified;
use crate::Error;
use crate::prelude::*;
use axum::Extension;
use cluster_pki::accept::accept;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_rustls::server::TlsStream;

/// Serves `router` until cancelled.
pub(super) async fn serve(
    address: SocketAddr,
    config: Arc<ServerConfig>,
    router: Router,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let until = cancel.clone();
    accept(listener, config, &cancel, move |stream| connection(stream, router.clone(), until.clone())).await;
    Ok(())
}

async fn connection(stream: TlsStream<TcpStream>, router: Router, cancel: CancellationToken) {
    let certified = Certified::of(stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()));
    let service = TowerToHyperService::new(router.layer(Extension(certified)));
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Some(Err(e)) = cancel.run_until_cancelled(serving).await {
        tracing::debug!("a connection ended: {e}");
    }
}
