//! What a request wants to become, and the answers to it.

use crate::prelude::*;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue};
use hyper::upgrade::Upgraded;

/// The header in which a SPDY client lists the protocols it can speak on the streams.
const STREAM_PROTOCOL: &str = "x-stream-protocol-version";

/// The protocol asked for by `Upgrade`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    WebSocket,
    Spdy,
    None,
}

impl Kind {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let wanted = request.headers().get(UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if wanted.eq_ignore_ascii_case("websocket") {
            Self::WebSocket
        } else if wanted.eq_ignore_ascii_case("spdy/3.1") {
            Self::Spdy
        } else {
            Self::None
        }
    }
}

/// The first of `known` that the client lists; a client that lists nothing speaks the oldest.
fn choose_protocol(headers: &HeaderMap, known: &[&'static str]) -> Option<&'static str> {
    let listed: Vec<&str> = headers
        .get_all(STREAM_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    if listed.is_empty() {
        return known.last().copied();
    }
    known.iter().find(|protocol| listed.contains(protocol)).copied()
}

/// Answers a request for SPDY, and serves the connection once the client has upgraded.
pub(super) fn spdy<F: Future<Output = ()> + Send + 'static>(
    mut request: Request<Body>,
    known: &[&'static str],
    serve: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static,
) -> Response<Body> {
    let Some(protocol) = choose_protocol(request.headers(), known) else { return no_common_protocol(known) };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
            Err(error) => tracing::debug!(%error, "a client did not upgrade"),
        }
    });
    switching_to_spdy(protocol)
}

/// 101 to SPDY.
fn switching_to_spdy(protocol: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    headers.insert(STREAM_PROTOCOL, HeaderValue::from_static(protocol));
    response
}

/// 403 when no protocol is common, as upstream's handshake answers.
fn no_common_protocol(known: &[&str]) -> Response<Body> {
    let text = format!("unable to upgrade: unable to negotiate protocol: server supports {known:?}");
    Refusal(StatusCode::FORBIDDEN, text).into_response()
}

/// 400 to a request that wants no upgrade.
pub(super) fn upgrade_required() -> Response<Body> {
    Refusal(StatusCode::BAD_REQUEST, "Upgrade request required".to_owned()).into_response()
}
