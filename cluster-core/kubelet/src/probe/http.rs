//! HTTP and HTTPS requests of probes and hooks; certificates are not checked, as upstream does not.

use crate::prelude::*;
use http_body_util::{BodyExt, Empty, Limited};
use k8s_openapi::api::core::v1::HTTPGetAction;
use rustls::pki_types::ServerName;
use url::Url;

const BODY_LIMIT: usize = 10 * 1024;

/// Most redirects that a probe follows.
const REDIRECTS: usize = 10;

/// Asks, and asks again where the server leads as long as that is on its own host. 200 to 399 is success; the text of a
/// success is a warning.
pub(super) async fn get(action: &HTTPGetAction, ip: &str, port: u16) -> super::Answer {
    let mut url = url(action, ip, port)?;
    for _ in 0..REDIRECTS {
        let Answer { status, location, body } = ask(action, &url, "kube-probe/1.37").await?;
        match (status.as_u16(), location.and_then(|to| url.join(&to).ok())) {
            (200..300, _) => return Ok(None),
            (300..400, Some(next)) if next.host() == url.host() => url = next,
            (300..400, _) => return Ok(Some(format!("Probe terminated redirects, Response body: {body}"))),
            (status, _) => return Err(format!("HTTP probe failed with statuscode: {status}")),
        }
    }
    Err(format!("Get {:?}: stopped after {REDIRECTS} redirects", url.as_str()))
}

/// Asks once for a hook, which is content with any answer.
pub(crate) async fn call(action: &HTTPGetAction, ip: &str, port: u16) -> Result<(), String> {
    ask(action, &url(action, ip, port)?, "kube-lifecycle/1.37").await.map(drop)
}

fn url(action: &HTTPGetAction, ip: &str, port: u16) -> Result<Url, String> {
    let host = action.host.as_deref().filter(|h| !h.is_empty()).unwrap_or(ip);
    let scheme = if action.scheme.as_deref() == Some("HTTPS") { "https" } else { "http" };
    let path = action.path.as_deref().unwrap_or_default();
    let url = format!("{scheme}://{host}:{port}/{}", path.strip_prefix('/').unwrap_or(path));
    Url::parse(&url).map_err(|e| format!("Get {url:?}: {e}"))
}

/// What is read of an answer.
struct Answer {
    status: StatusCode,
    /// Where it leads.
    location: Option<String>,
    /// Empty when it is too long.
    body: String,
}

async fn ask(action: &HTTPGetAction, url: &Url, agent: &str) -> Result<Answer, String> {
    let failed = |why: &dyn std::fmt::Display| format!("Get {:?}: {why}", url.as_str());
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(80);
    let request = request(action, url, agent).map_err(|e| failed(&e))?;
    let dialed = TcpStream::connect((host, port)).await;
    let stream = dialed.map_err(|e| failed(&format!("dial tcp {host}:{port}: connect: {e}")))?;
    if url.scheme() != "https" {
        return send(stream, request).await.map_err(|e| failed(&e));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|e| failed(&e))?;
    let tls = cluster_pki::tls::client_of_anybody(None).map_err(|e| failed(&e))?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
    send(stream.map_err(|e| failed(&e))?, request).await.map_err(|e| failed(&e))
}

fn request(action: &HTTPGetAction, url: &Url, agent: &str) -> http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery]);
    for header in action.http_headers.iter().flatten() {
        request = request.header(&header.name, &header.value);
    }
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    for (name, usual) in [("Host", host), ("User-Agent", agent), ("Accept", "*/*")] {
        if action.http_headers.iter().flatten().all(|header| !header.name.eq_ignore_ascii_case(name)) {
            request = request.header(name, usual);
        }
    }
    request.header("Connection", "close").body(Empty::new())
}

async fn send<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let location = response.headers().get(http::header::LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
    let status = response.status();
    // It is read too so that the server does not see a broken pipe.
    let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await;
    driver.abort();
    let body = body.map(|read| String::from_utf8_lossy(&read.to_bytes()).into_owned()).unwrap_or_default();
    Ok(Answer { status, location, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::Redirect;
    use axum::routing::get as route;

    #[tokio::test]
    async fn redirects_are_followed_on_the_same_host_and_warned_of_beyond() {
        let routes = Router::new()
            .route("/fine", route(|| async { "fine" }))
            .route("/near", route(|| async { Redirect::to("/fine?x=1") }))
            .route("/bad", route(|| async { Redirect::to("nothing") }))
            .route("/far", route(|| async { (StatusCode::FOUND, [("location", "http://0.0.0.0/")], "to 0.0.0.0") }))
            .route("/round", route(|| async { Redirect::to("round") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = axum::serve(listener, routes).into_future();
        let server = AbortOnDropHandle::new(tokio::spawn(server));
        let cases = [
            ("fine", Ok(None)),
            ("/near", Ok(None)),
            ("/bad", Err("HTTP probe failed with statuscode: 404".to_owned())),
            ("/far", Ok(Some("Probe terminated redirects, Response body: to 0.0.0.0".to_owned()))),
            ("/round", Err(format!("Get \"http://127.0.0.1:{port}/round\": stopped after 10 redirects"))),
        ];
        for (path, expected) in cases {
            let action = HTTPGetAction { path: Some(path.to_owned()), ..HTTPGetAction::default() };
            assert_eq!(get(&action, "127.0.0.1", port).await, expected, "{path}");
            assert_eq!(call(&action, "127.0.0.1", port).await, Ok(()), "a hook is content with {path}");
        }
        drop(server);
    }

    #[test]
    fn a_probes_own_headers_replace_the_usual_ones() {
        let url = Url::parse("http://10.0.0.1:80/").expect("a URL");
        for (own, expected) in [
            (json!([]), [("host", "10.0.0.1"), ("user-agent", "kube-probe/1.37"), ("accept", "*/*")]),
            (
                json!([{"name": "HOST", "value": "h"}, {"name": "user-Agent", "value": "u"}]),
                [("host", "h"), ("user-agent", "u"), ("accept", "*/*")],
            ),
        ] {
            let action = serde_json::from_value(json!({"port": 80, "httpHeaders": own})).expect("an action");
            let request = request(&action, &url, "kube-probe/1.37").expect("a request");
            for (name, value) in expected {
                let sent: Vec<_> = request.headers().get_all(name).iter().collect();
                assert_eq!(sent, [value], "{name}");
            }
        }
    }
}
