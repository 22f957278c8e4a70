//! The dashboard's files, packed into the program.

use crate::prelude::*;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse};
use base64::prelude::*;
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use std::io::Read;

const INDEX: &str = "index.html";
const MISSING: &str = "<!doctype html><title>devcluster</title><h1>The dashboard is not in this program</h1>\
    <p>It was built before the dashboard was. In the checkout, run <code>npm --prefix ui ci</code>, \
    <code>npm --prefix ui run build</code> and then <code>make build</code>.</p>";
/// Written into the program by `build.rs`.
const PACKED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// The files by name, compressed, and what the page's policy says of the scripts in the page itself.
#[derive(Debug)]
pub(crate) struct Assets {
    files: HashMap<String, Bytes>,
    inline: String,
}

impl Assets {
    /// The files in the program.
    pub(crate) fn packed() -> Self {
        Self::new(PACKED.iter().map(|(name, content)| ((*name).to_owned(), Bytes::from_static(content))).collect())
    }

    /// Files with these contents.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let packed = |content: &str| {
            let mut packed = Vec::new();
            let mut encoder = flate2::read::GzEncoder::new(content.as_bytes(), flate2::Compression::fast());
            encoder.read_to_end(&mut packed).map(|_| packed.into()).expect("memory can be read")
        };
        Self::new(files.iter().map(|(name, content)| ((*name).to_owned(), packed(content))).collect())
    }

    fn new(files: HashMap<String, Bytes>) -> Self {
        let index = files.get(INDEX).and_then(|packed| unpack(packed).ok()).unwrap_or_default();
        let index = String::from_utf8_lossy(&index);
        let scripts = index.split("<script>").skip(1).filter_map(|rest| rest.split("</script>").next());
        let hashes = scripts.map(|text| BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes())));
        let inline = hashes.fold(String::new(), |policy, hash| policy + " 'sha256-" + &hash + "'");
        Self { files, inline }
    }

    /// A file by the path of its URL. Names are only looked up, so no path leads out of the table. What is no file is a
    /// place inside the page; those of a cluster end in names of objects, which may look like files.
    fn get(&self, path: &str) -> Option<(&str, &Bytes)> {
        let name = path.trim_start_matches('/');
        let is_file = !name.starts_with("c/") && name.rsplit('/').next().is_some_and(|last| last.contains('.'));
        let name = if name.is_empty() || !is_file { INDEX } else { name };
        self.files.get_key_value(name).map(|(name, content)| (name.as_str(), content))
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
fn policy(port: u16, inline: &str) -> String {
    let own = ["127.0.0.1", "localhost"].map(|host| format!("ws://{host}:{port}")).join(" ");
    format!(
        "default-src 'none'; script-src 'self'{inline}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self'; worker-src 'self'; manifest-src 'self'; connect-src 'self' {own}; object-src 'none'; base-uri 'none'; \
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
    if let Ok(policy) = policy(agent.port, &agent.assets.inline).try_into() {
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
    match unpack(content) {
        Ok(plain) => (headers, plain).into_response(),
        Err(error) => crate::Error::Status(Status::internal(error)).into_response(),
    }
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain).map(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_scripts_that_stand_in_the_page() {
        let page = "<script>one()</script><script type=\"module\" src=\"/a.js\"></script>";
        let assets = Assets::of(&[(INDEX, page)]);
        // printf 'one()' | openssl dgst -sha256 -binary | base64
        let expected = "script-src 'self' 'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4='; style-src";
        assert!(policy(1, &assets.inline).contains(expected), "{}", assets.inline);
    }

    #[test]
    fn paths_are_names_of_files_or_places_inside_the_page() {
        let assets = Assets::of(&[("index.html", ""), ("assets/app-1a2b.js", "")]);
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
