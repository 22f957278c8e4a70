//! A client's request goes on to a backend, and the answer back; upgraded connections are copied both ways.

use super::{Target, send};
use crate::prelude::*;
use http::Uri;
use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, UPGRADE};
use hyper::upgrade::OnUpgrade;
use tokio::io::AsyncWriteExt;

/// Headers that belong to one connection, and those that would hand the caller's identity on.
const NOT_FORWARDED: &[&str] =
    &["keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "cookie"];

/// Forwards the request and relays the answer. An upgrade goes through only when the backend says 101.
pub(crate) async fn forward(target: &Target, parts: &mut Parts, body: Body) -> Result<Response<Body>, Status> {
    let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| parts.headers.contains_key(UPGRADE));
    let request = request(target, parts, body, upgrade.is_some())?;
    let response = send(target, request).await;
    relay(response.map_err(|e| Status::new(500, "", format!("error dialing backend: {e}")))?, upgrade)
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
    let (mut client, mut backend) = (TokioIo::new(client), TokioIo::new(backend));
    let ended = tokio::io::copy_bidirectional(&mut client, &mut backend).await;
    if ended.is_err() {
        // One side went without TLS's farewell. The other still gets one, or it would take the end for a broken line.
        tokio::try_join!(client.shutdown(), backend.shutdown())?;
    }
    ended?;
    Ok(())
}
