//! HTTP over TLS, for clients that may show a certificate.

use super::unread::Unread;
use super::user::PeerAddress;
use crate::prelude::*;
use cluster_pki::accept::accept;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

/// How long a client may take to send its request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Every watch of a client is a stream of its one connection. As many may be taken back before they are looked at, as
/// happens when a component of a busy client ends: by h2's default, 20, its other requests would end with them.
const MAX_STREAMS: u32 = 1000;
/// How often a silent client is asked whether it is still there; it is given up when it does not answer.
const PING_PERIOD: Duration = Duration::from_secs(30);
/// How long requests may go on after `cancel`.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `handle` on `listener` until `cancel`, then lets open requests end.
pub async fn serve<H, F>(listener: TcpListener, tls: Arc<rustls::ServerConfig>, handle: H, cancel: CancellationToken)
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let until = cancel.clone();
    let open = accept(listener, tls, &cancel, move |stream| connection(stream, handle.clone(), until.clone())).await;
    if tokio::time::timeout(DRAIN_TIMEOUT, open.wait()).await.is_err() {
        tracing::info!("connections were still open at shutdown");
    }
}

async fn connection<H, F>(mut stream: TlsStream<TcpStream>, handle: H, cancel: CancellationToken)
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let address = stream.get_ref().0.peer_addr().map(|address| PeerAddress(address.ip().to_canonical()));
    // Nobody holds a place who has nothing to say, nor holds up a shutdown.
    let first = cancel.run_until_cancelled(tokio::time::timeout(HEADER_TIMEOUT, stream.fill_buf())).await;
    if !matches!(first, Some(Ok(Ok(bytes))) if !bytes.is_empty()) {
        return;
    }
    let peer = stream.get_ref().1.peer_certificates().and_then(|chain| UserInfo::of_certificate(chain.first()?));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        if let Ok(address) = address {
            request.extensions_mut().insert(address);
        }
        let answer = handle(request.map(|body| Body::new(Unread::from(body))));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    http2.max_pending_accept_reset_streams(MAX_STREAMS as usize).keep_alive_interval(PING_PERIOD);
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = cancel.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended with an error");
    }
}
