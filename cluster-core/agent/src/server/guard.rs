//! What every request must pass: the name it was sent to, the page it came from, and who sent it.
//!
//! A page of any site can make a browser send requests here. It cannot choose the `Host` (which betrays a name that was
//! re-bound to this machine), nor the `Origin`, nor send JSON without asking first, nor does the browser add a strict
//! cookie to what it sends. WebSockets are not asked first, so each needs a ticket that only our page can get.

use crate::prelude::*;
use crate::session::Caller;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::header::{CONTENT_TYPE, HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Where the page is from that a browser asks for.
const FETCH_SITE: &str = "sec-fetch-site";
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Lets a request pass to its handler, or refuses it.
pub(super) async fn guard(State(agent): State<Arc<Agent>>, mut request: Request, next: Next) -> Response {
    match origins(request.headers(), agent.port).and_then(|()| admit(&agent, &request)) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(status) => Error::Status(status).into_response(),
    }
}

fn forbidden(why: &str) -> Status {
    Status::new(403, "Forbidden", why)
}

/// Lets our own pages and programs pass. No other page is allowed anything, so there are no CORS headers.
fn origins(headers: &HeaderMap, port: u16) -> Result<(), Status> {
    let only = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        (values.next(), values.next().is_some())
    };
    let is_own = |value: &HeaderValue, scheme: &str| {
        LOOPBACK.iter().any(|name| value.as_bytes() == format!("{scheme}{name}:{port}").as_bytes())
    };
    match only(HOST) {
        (Some(host), false) if is_own(host, "") => {}
        _ => return Err(forbidden("this server only answers under the names of this machine")),
    }
    match only(ORIGIN) {
        (None, _) => Ok(()),
        (Some(origin), false) if is_own(origin, "http://") => Ok(()),
        _ => Err(forbidden("this page may not ask here")),
    }
}

/// Who asks; the page's files are for everybody, and so is the way to a session.
fn admit(agent: &Agent, request: &Request) -> Result<Option<Caller>, Status> {
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    if !path.starts_with("/api/") {
        return Ok(None);
    }
    if writes(method) && !sends_json(path, headers) {
        return Err(Status::new(415, "UnsupportedMediaType", "the content type must be application/json"));
    }
    if path == "/api/session" && method == Method::POST {
        return Ok(None);
    }
    if headers.contains_key(UPGRADE) || path == "/api/ws" {
        let ticket = query(request.uri().query().unwrap_or_default(), "ticket");
        return if ticket.is_some_and(|ticket| agent.sessions.tickets.take(ticket)) {
            Ok(None)
        } else {
            Err(Status::unauthorized())
        };
    }
    match agent.sessions.caller(headers) {
        None => Err(Status::unauthorized()),
        // To browsers all ports of a host are one site, so the strict cookie comes with what another server's page asks.
        Some(Caller::Page) if headers.get(FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none") => {
            Err(forbidden("this page may not ask here"))
        }
        // Browsers name the origin of every write.
        Some(Caller::Page) if method != Method::GET && method != Method::HEAD && !headers.contains_key(ORIGIN) => {
            Err(forbidden("a page must name its origin"))
        }
        caller => Ok(caller),
    }
}

fn writes(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// Whether the body has a type that a foreign page could not send without being asked. An API server takes more than JSON,
/// and images come as archives.
fn sends_json(path: &str, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let takes_more = path.starts_with("/api/clusters/") && (path.contains("/k8s/") || path.ends_with("/images"));
    kind == "application/json"
        || (takes_more && kind.starts_with("application/") && kind != "application/x-www-form-urlencoded")
}

/// The value of a parameter.
pub(super) fn query<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}
