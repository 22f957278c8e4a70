//! Passes requests on to a cluster's API server, as its administrator: answers stream, upgrades become two ends of a pipe.

use crate::prelude::*;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, WARNING, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

/// More than an API server takes.
const MOST_BYTES: usize = 8 << 20;
/// What is passed on; neither who asks nor whom for.
const ASKED: [HeaderName; 2] = [ACCEPT, CONTENT_TYPE];
const HANDSHAKE: [HeaderName; 5] =
    [CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_PROTOCOL];
const ANSWERED: [HeaderName; 6] = [CONTENT_TYPE, WARNING, RETRY_AFTER, CONNECTION, UPGRADE, SEC_WEBSOCKET_PROTOCOL];

/// Answers with what the API server answers.
pub(super) async fn proxy(
    State(agent): State<Arc<Agent>>,
    Path((cluster, _)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, Error> {
    let live = agent.clusters.live(&cluster)?;
    let upgrades = request.headers().contains_key(UPGRADE);
    let page = upgrades.then(|| on(&mut request));
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.map_err(|error| Status::bad_request(error.to_string()))?;
    let mut passed = http::Request::builder().method(head.method).uri(target(&head.uri)?);
    if let Some(headers) = passed.headers_mut() {
        copy(&head.headers, headers, &ASKED);
        if upgrades {
            copy(&head.headers, headers, &HANDSHAKE);
        }
    }
    let passed = passed.body(body).map_err(|error| Status::bad_request(error.to_string()))?;
    let mut answer = live.backend.open(passed).await?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        copy(answer.headers(), headers, &ANSWERED);
        copy(answer.headers(), headers, &[SEC_WEBSOCKET_ACCEPT]);
        // A service behind the API server's proxy must not act as this page.
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let body = match page {
        Some(page) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
            let server = on(&mut answer);
            let ended = live.ended.clone();
            drop(live);
            tokio::spawn(async move {
                tokio::select! {
                    () = join(page, server) => {}
                    () = ended.cancelled() => {}
                }
            });
            Body::empty()
        }
        _ => Body::new(answer.into_body()),
    };
    Ok(response.body(body).map_err(Status::internal)?)
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

/// The API server's path and query: what follows `/clusters/NAME/k8s`, without the ticket. A cluster may be called `k8s`.
fn target(uri: &http::Uri) -> Result<String, Status> {
    let within = uri.path().split_once("/clusters/").and_then(|(_, rest)| rest.split_once('/'));
    let path = within.and_then(|(_, rest)| rest.strip_prefix("k8s/"));
    let path = path.ok_or_else(|| Status::bad_request("there is no path"))?;
    let query = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.starts_with("ticket="));
    let query: Vec<&str> = query.filter(|pair| !pair.is_empty()).collect();
    Ok(if query.is_empty() { format!("/{path}") } else { format!("/{path}?{}", query.join("&")) })
}

/// Copies both ways until one end closes.
async fn join(page: OnUpgrade, server: OnUpgrade) {
    match tokio::try_join!(page, server) {
        Ok((page, server)) => {
            let (mut page, mut server) = (TokioIo::new(page), TokioIo::new(server));
            if let Err(error) = copy_bidirectional(&mut page, &mut server).await {
                tracing::debug!(%error, "a stream broke");
            }
        }
        Err(error) => tracing::debug!(%error, "a stream was not taken over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticket_stays_here_and_the_rest_goes_on_as_it_came() {
        let table = [
            ("/api/clusters/dev/k8s/api/v1/pods", "/api/v1/pods"),
            ("/api/clusters/dev/k8s/api/v1/pods?watch=true&ticket=t&limit=1", "/api/v1/pods?watch=true&limit=1"),
            ("/api/clusters/dev/k8s/api/v1/x%2Fy?ticket=t", "/api/v1/x%2Fy"),
            ("/api/clusters/dev/k8s/a/k8s/b", "/a/k8s/b"),
            ("/api/clusters/k8s/k8s/api/v1/pods", "/api/v1/pods"),
        ];
        for (uri, expected) in table {
            assert_eq!(target(&uri.parse().expect("a URI")).expect("a path"), expected);
        }
    }
}
