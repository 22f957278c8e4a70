//! Paths that name no resource: health, version, metrics, discovery, OpenAPI.

use crate::aggregation;
use crate::discovery::Ordered;
use crate::metrics;
use crate::openapi;
use crate::pipeline::header;
use crate::prelude::*;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY};

/// The Kubernetes version this server speaks.
pub(crate) const GIT_VERSION: &str = "v1.37.0";

pub(crate) async fn serve(server: &ApiServer, parts: &Parts, info: &RequestInfo) -> Result<Response<Body>, Status> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(Status::method_not_allowed());
    }
    let query = parts.uri.query().unwrap_or_default();
    let segments: Vec<&str> = info.path.trim_matches('/').split('/').collect();
    match segments.as_slice() {
        ["healthz" | "livez" | "readyz", check @ ..] => Ok(health(server, segments[0], check, query).await),
        ["version"] => Ok(render::json(StatusCode::OK, &version())),
        ["metrics"] => Ok(text(StatusCode::OK, metrics::render(server))),
        [".well-known", "openid-configuration"] => {
            Ok(render::json(StatusCode::OK, &server.config.tokens.configuration()))
        }
        ["openid", "v1", "jwks"] => {
            let mut response = render::json(StatusCode::OK, &server.config.tokens.jwks());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
            Ok(response)
        }
        ["openapi", rest @ ..] => open_api(server, parts, rest).await,
        ["api" | "apis", ..] => discover(server, parts, &segments),
        [""] => Ok(render::json(StatusCode::OK, &json!({"paths": all(server)}))),
        _ => not_found(),
    }
}

/// The paths where something is to be found.
fn all(server: &ApiServer) -> Vec<String> {
    let others =
        ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/openid/v1/jwks", "/readyz", "/version"];
    let mut paths: Vec<String> = others.map(str::to_owned).to_vec();
    for resource in server.registry.table().resources() {
        let (group, version) = (&resource.group, &resource.version);
        let below = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        paths.extend(["/apis".to_owned(), format!("{below}/{version}"), below]);
    }
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Upstream's plain 404 for a path nobody serves.
pub(crate) fn not_found() -> Result<Response<Body>, Status> {
    Ok(text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned()))
}

fn text(code: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn discover(server: &ApiServer, parts: &Parts, segments: &[&str]) -> Result<Response<Body>, Status> {
    let (table, remotes) = (server.registry.table(), server.remotes.all());
    let resources = table.resources();
    let aggregated = segments.len() == 1 && discovery::wants_aggregated(header(&parts.headers, ACCEPT));
    let found = match segments {
        [root] if aggregated => Some(discovery::aggregated(resources, &remotes, *root == "api")),
        ["api"] => {
            let address = server.config.addresses.first().map(|a| format!("{a}:{}", server.config.port));
            Some(discovery::api_versions(resources, &address.unwrap_or_default()))
        }
        ["apis"] => Some(discovery::group_list(resources, &remotes)),
        ["api", version] => discovery::resource_list(resources, "", version),
        ["apis", group] => discovery::group(resources, &remotes, group),
        ["apis", group, version] => discovery::resource_list(resources, group, version),
        _ => None,
    };
    let Some(found) = found else { return not_found() };
    let text = serde_json::to_string(&Ordered(&found)).map_err(Status::internal)?;
    if aggregated {
        return hashed(parts, discovery::AGGREGATED, text.into());
    }
    match Accept::parse(&parts.headers, true).unwrap_or_default().encoding {
        Encoding::Json => Ok(render::typed("application/json", StatusCode::OK, text.into())),
        encoding => Ok(render::value(StatusCode::OK, encoding, &found)),
    }
}

fn hashed(parts: &Parts, content_type: &'static str, bytes: Bytes) -> Result<Response<Body>, Status> {
    let etag = format!("\"{:X}\"", Sha256::digest(&bytes));
    let response = tagged(parts, content_type, &etag, || bytes)?;
    Ok(if request::takes_gzip(&parts.headers) { render::compress(response) } else { response })
}

/// A document that a client which has it need not load again.
fn tagged(
    parts: &Parts,
    content_type: &'static str,
    etag: &str,
    bytes: impl FnOnce() -> Bytes,
) -> Result<Response<Body>, Status> {
    let known = header(&parts.headers, IF_NONE_MATCH) == etag;
    let mut response = Response::new(if known { Body::empty() } else { Body::from(bytes()) });
    *response.status_mut() = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ETAG, HeaderValue::from_str(etag).map_err(Status::internal)?);
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

async fn open_api(server: &ApiServer, parts: &Parts, rest: &[&str]) -> Result<Response<Body>, Status> {
    let table = server.registry.table();
    let documents = table.documents();
    let accept = header(&parts.headers, ACCEPT);
    let (name, json) = match rest {
        ["v3", path @ ..] => (path.join("/"), true),
        ["v2"] => (openapi::V2.to_owned(), openapi::accepts_json(accept)),
        _ => return not_found(),
    };
    if !json && !accept.contains(openapi::V2_PROTOBUF) {
        return Ok(text(StatusCode::NOT_ACCEPTABLE, String::new()));
    }
    let content_type = if json { "application/json" } else { openapi::V2_CONTENT_TYPE };
    let remotes = server.remotes.all();
    if !remotes.is_empty() && [openapi::INDEX, openapi::V2].contains(&&*name) {
        let own = documents.get(&name).map(|own| own.bytes()).unwrap_or_default();
        let mut merged: Value = serde_json::from_slice(&own).map_err(Status::internal)?;
        if name == openapi::V2 {
            merged = aggregation::swagger(server, merged).await;
        } else {
            aggregation::add_to_openapi(&mut merged, &remotes);
        }
        let bytes = if json { merged.to_string().into() } else { openapi::v2_protobuf(&merged).into() };
        return hashed(parts, content_type, bytes);
    }
    let Some(document) = documents.get(if json { &name } else { openapi::V2_PROTOBUF }) else { return not_found() };
    if !request::takes_gzip(&parts.headers) {
        return tagged(parts, content_type, &document.etag, || document.bytes());
    }
    let mut response = tagged(parts, content_type, &document.etag, || document.gzip.clone())?;
    if response.status() == StatusCode::OK {
        render::mark_gzip(response.headers_mut());
    }
    Ok(response)
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-08-26T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("linux/{}", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }),
        "emulationMajor": "1", "emulationMinor": "37", "minCompatibilityMajor": "1", "minCompatibilityMinor": "36",
    })
}

/// What kube-apiserver reports of its parts, which start after it listens; here all have when the server is ready.
const PARTS: &str = include_str!("checks.txt");

async fn health(server: &ApiServer, endpoint: &str, check: &[&str], query: &str) -> Response<Body> {
    let closing = server.closing.is_cancelled();
    let started = server.is_ready() || closing;
    let store = server.store.freshest().await.is_ok();
    // Probes know the store as etcd, whichever it is.
    let mut checks = vec![("ping", true), ("log", true), ("etcd", store)];
    if endpoint == "readyz" {
        checks.extend([("etcd-readiness", store), ("informer-sync", started)]);
    }
    checks.extend(PARTS.split_whitespace().map(|part| (part, started)));
    if endpoint == "readyz" {
        checks.push(("shutdown", !closing));
    }
    if let [name, ..] = check {
        let one = check.join("/");
        return match checks.iter().find(|(known, _)| *known == one || known == name) {
            Some((_, true)) => text(StatusCode::OK, "ok".to_owned()),
            Some((_, false)) => text(StatusCode::INTERNAL_SERVER_ERROR, "internal server error".to_owned()),
            None => text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
        };
    }
    let excluded: Vec<String> = pairs(query).filter(|(key, _)| key == "exclude").map(|(_, name)| name).collect();
    let is_excluded = |name: &str| excluded.iter().any(|excluded| excluded == name);
    let healthy = checks.iter().all(|(name, ok)| *ok || is_excluded(name));
    let verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
    let code = if healthy { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    if healthy && !verbose {
        return text(code, "ok".to_owned());
    }
    let mut lines: Vec<String> = checks
        .iter()
        .map(|(name, ok)| match (is_excluded(name), ok) {
            (true, _) => format!("[+]{name} excluded: ok"),
            (_, true) => format!("[+]{name} ok"),
            _ => format!("[-]{name} failed: reason withheld"),
        })
        .collect();
    let unknown = excluded.iter().filter(|name| !checks.iter().any(|(known, _)| known == name));
    lines.extend(unknown.map(|name| format!("warn: some health checks cannot be excluded: no matches for {name:?}")));
    lines.push(format!("{endpoint} check {}", if healthy { "passed" } else { "failed" }));
    text(code, lines.join("\n") + "\n")
}
