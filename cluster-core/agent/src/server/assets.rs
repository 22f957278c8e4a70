//! The dashboard's files, packed into the program.

use crate::process::Agent;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use cluster_object::status::Status;
use flate2::read::{GzDecoder, GzEncoder};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

const INDEX: &str = "index.html";
const MISSING: &str = "<!doctype html><title>devcluster</title><h1>The dashboard is not in this program</h1>\
    <p>It was built before the dashboard was. In the checkout, run <code>npm --prefix ui ci</code>, \
    <code>npm --prefix ui run build</code> and then <code>make build</code>.</p>";
/// Written into the program by `build.rs`.
const PACKED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// The files by name, compressed.
#[derive(Debug)]
pub(crate) struct Assets(HashMap<String, Bytes>);

impl Assets {
    /// The files in the program.
    pub(crate) fn packed() -> Self {
        Self(PACKED.iter().map(|(name, content)| ((*name).to_owned(), Bytes::from_static(content))).collect())
    }

    /// The files of a folder as they are now: for those who work on the dashboard.
    pub(crate) fn read(folder: &Path) -> std::io::Result<Self> {
        let mut files = HashMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let mut packed = Vec::new();
                GzEncoder::new(&*std::fs::read(&path)?, flate2::Compression::fast()).read_to_end(&mut packed)?;
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.insert(name, packed.into());
            }
        }
        Ok(Self(files))
    }

    /// A file by the path of its URL. Names are only looked up, so no path leads out of the table. What is no file is a
    /// place inside the page; those of a cluster end in names of objects, which may look like files.
    fn get(&self, path: &str) -> Option<(&str, &Bytes)> {
        let name = path.trim_start_matches('/');
        let is_file = !name.starts_with("c/") && name.rsplit('/').next().is_some_and(|last| last.contains('.'));
        let name = if name.is_empty() || !is_file { INDEX } else { name };
        self.0.get_key_value(name).map(|(name, content)| (name.as_str(), content))
    }
}

/// The type of a file by the end of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// What the page may do: nothing beyond its own server. Some browsers do not take a page's own WebSocket for `'self'`, so
/// it is named; a policy cannot name `[::1]`.
fn policy(port: u16) -> String {
    let own = ["127.0.0.1", "localhost"].map(|host| format!("ws://{host}:{port}")).join(" ");
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         worker-src 'self'; manifest-src 'self'; connect-src 'self' {own}; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'none'"
    )
}

/// Answers with a file.
pub(super) async fn serve(State(agent): State<Arc<Agent>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return crate::Error::Status(Status::method_not_allowed()).into_response();
    }
    let path = request.uri().path();
    let mut response = match agent.assets.get(path) {
        Some((name, content)) => file(name, content, request.headers()),
        None if path == "/" => Html(MISSING).into_response(),
        None => crate::Error::Status(Status::new(404, "NotFound", "there is no such file")).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(policy) = policy(agent.port).try_into() {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (X_FRAME_OPTIONS, "DENY"), (REFERRER_POLICY, "no-referrer")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file(name: &str, content: &Bytes, asked: &HeaderMap) -> Response {
    // The build puts a hash into the names of these.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(CONTENT_TYPE, media_type(name)), (CACHE_CONTROL, caching)];
    let takes_gzip =
        asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains("gzip"));
    if takes_gzip {
        return (headers, [(CONTENT_ENCODING, "gzip")], content.clone()).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(&**content).read_to_end(&mut plain) {
        Ok(_) => (headers, plain).into_response(),
        Err(error) => crate::Error::Status(Status::internal(error)).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_of_files_or_places_inside_the_page() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("assets")).expect("a folder");
        for name in ["index.html", "assets/app-1a2b.js"] {
            std::fs::write(folder.path().join(name), name).expect("a file");
        }
        let assets = Assets::read(folder.path()).expect("the folder is read");
        let table = [
            ("/", Some("index.html")),
            ("/c/dev/r/core/v1/configmaps/shop/kube-root-ca.crt", Some("index.html")),
            ("/create", Some("index.html")),
            ("/assets/app-1a2b.js", Some("assets/app-1a2b.js")),
            ("/assets/../../agent.json", None),
            ("/..%2f..%2fagent.json", None),
            ("//etc/pass.wd", None),
        ];
        for (path, expected) in table {
            assert_eq!(assets.get(path).map(|(name, _)| name), expected, "{path}");
        }
    }
}
