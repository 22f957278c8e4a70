//! A request's way: URL, user, authorization, options, then its verb, subresource or path.

use crate::metrics::Labels;
use crate::prelude::*;
use crate::{audit, limits, paths, render, subresources, verbs};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};

/// Answers a request.
pub(crate) async fn serve(server: &ApiServer, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let (mut parts, body) = request.into_parts();
    // By it the client, the audit log and who is asked for an answer know the request.
    let id = parts.headers.entry(audit::ID).or_insert_with(audit::new_id).clone();
    let info = RequestInfo::parse(&parts.method, parts.uri.path(), parts.uri.query().unwrap_or_default());
    let labels = Labels::of(server, &parts, &info);
    let notes = Arc::new(Notes::default());
    let encoding = Accept::parse(&parts.headers, true).unwrap_or_default().encoding;
    let answer = answer(server, parts, info, body, &notes, encoding).await;
    let mut response = answer.unwrap_or_else(|status| render::status(&status, encoding));
    render::warn(&mut response, &notes.warnings());
    response.headers_mut().entry(audit::ID).or_insert(id);
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
    let code = response.status().as_u16();
    tracing::debug!(?labels, code, elapsed = ?start.elapsed(), "served");
    server.metrics.record(labels, code, start.elapsed());
    response
}

/// Finds the user, and serves the request in its time and place, on record.
async fn answer(
    server: &ApiServer,
    mut parts: Parts,
    info: RequestInfo,
    mut body: Body,
    notes: &Arc<Notes>,
    encoding: Encoding,
) -> Result<Response<Body>, Status> {
    let caller = caller(server, &mut parts).await?;
    let user = server.authorizer.impersonate(&caller, &parts.headers).await?;
    let mut trail = None;
    if let Some(audit) = &server.config.audit {
        let who = audit::Who { caller: &caller, user: user.as_ref() };
        (trail, body) = audit::begin(audit, &who, &info, &parts, body, notes).await?;
    }
    let user = user.unwrap_or(caller);
    let flow = if limits::is_classified(&info) { server.flows.classify(&user, &info) } else { None };
    let place = server.places.take(&user, &info).await;
    let patience = limits::patience(&server.config.limits, &info, parts.uri.query().unwrap_or_default());
    let about = trail.is_some().then(|| info.clone());
    let routed = match server.this.upgrade().filter(|_| !parts.method.is_safe()) {
        Some(server) => {
            let notes = Arc::clone(notes);
            to_its_end(async move { route(&server, user, parts, info, body, &notes).await }).boxed()
        }
        None => route(server, user, parts, info, body, notes).boxed(),
    };
    let answer = match (&place, patience) {
        (Err(status), _) => Err(status.clone()),
        (Ok(_), None) => routed.await,
        (Ok(_), Some(patience)) => {
            tokio::time::timeout(patience, routed).await.unwrap_or_else(|_| Err(limits::timed_out()))
        }
    };
    let mut response = answer.unwrap_or_else(|status| render::status(&status, encoding));
    response.headers_mut().extend(flow.into_iter().flatten());
    match (trail, about) {
        (Some(trail), Some(info)) => Ok(trail.end(&info, response).await),
        _ => Ok(response),
    }
}

/// The answer of a request that writes. It goes on when nobody waits for it any more: what is committed must have its
/// consequences.
async fn to_its_end(
    routed: impl Future<Output = Result<Response<Body>, Status>> + Send + 'static,
) -> Result<Response<Body>, Status> {
    tokio::spawn(routed).await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(ended) => Err(Status::internal(ended)),
    })
}

async fn route(
    server: &ApiServer,
    user: UserInfo,
    mut parts: Parts,
    info: RequestInfo,
    body: Body,
    notes: &Arc<Notes>,
) -> Result<Response<Body>, Status> {
    let decision = server.authorizer.decide(&user, &info).await;
    if server.config.audit.is_some() {
        audit::decided(notes, &decision);
    }
    decision.or_forbidden(&user, &info)?;
    if let Some(remote) = server.remotes.serving(parts.uri.path()) {
        return server.remotes.forward(server, &remote, &user, parts, body).await;
    }
    if !info.is_resource {
        return paths::serve(server, &parts, &info).await;
    }
    if info.resource.is_empty() {
        return paths::not_found();
    }
    let resource = match server.served(&info) {
        // Upstream leaves other groups to the definitions and the extensions, and nobody follows these.
        Err(_) if !server.registry.table().built_in(&info.group, &info.version) => return paths::not_found(),
        found => found?,
    };
    if !in_its_scope(&resource, &info) {
        return paths::not_found();
    }
    let query = parts.uri.query().unwrap_or_default();
    let query = Query::parse(&info.verb, query, header(&parts.headers, USER_AGENT))?;
    let tables = query.send_initial_events != Some(true) || !query.bookmarks;
    let accept = Accept::parse(&parts.headers, tables).filter(|accept| accept.can_be(&resource));
    let accept = accept.ok_or_else(not_acceptable)?;
    let content_type = header(&parts.headers, CONTENT_TYPE).to_owned();
    if wants_freshest(server, &info, &query) {
        server.store.freshest().await.map_err(Status::internal)?;
    }
    let socket = if info.verb == "watch" { verbs::wanted_socket(&mut parts).await } else { None };
    let notes = Arc::clone(notes);
    let call = Call { server, resource, info, user, query, accept, content_type, notes, admitted: false };
    if !call.resource.warning.is_empty() {
        call.notes.warn(&call.resource.warning);
    }
    let reply = match call.info.subresource.as_str() {
        "" => verbs::serve(&call, body).await?,
        "status" if call.resource.subresource("status").is_some() => subresources::status(&call, body).await?,
        _ => subresources::serve(&call, parts, body).await?,
    };
    let response = render::reply(&call, reply).await?;
    Ok(match socket {
        Some(socket) => verbs::watch_over(socket, response),
        None => response,
    })
}

/// Whether the path puts the resource where it lives: who was authorized in a namespace has a say over no more than that,
/// and what lives in namespaces is named within one. A namespace is its own.
fn in_its_scope(resource: &Resource, info: &RequestInfo) -> bool {
    if resource.namespaced() {
        return !info.namespace.is_empty() || info.name.is_empty() || matches!(&*info.verb, "list" | "watch");
    }
    info.namespace.is_empty() || (resource.storage == "namespaces" && info.namespace == info.name)
}

/// Whether the answer must be as new as any server's: always, but for reads that name a revision this server has.
fn wants_freshest(server: &ApiServer, info: &RequestInfo, query: &Query) -> bool {
    let reads = matches!(&*info.verb, "get" | "list" | "watch");
    let given = &query.resource_version;
    !reads || given.is_empty() || given.parse().is_ok_and(|revision: u64| revision > server.store.revision())
}

/// The caller: known already in the process or by the certificate of the connection, which upstream too asks first, or
/// found by a token.
async fn caller(server: &ApiServer, parts: &mut Parts) -> Result<UserInfo, Status> {
    if let Some(user) = parts.extensions.get::<UserInfo>() {
        return Ok(user.clone());
    }
    server.authenticator.authenticate(&mut parts.headers).await
}

pub(crate) fn header(headers: &HeaderMap, name: http::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(crate) fn not_acceptable() -> Status {
    let text = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    Status::new(406, "NotAcceptable", text)
}
