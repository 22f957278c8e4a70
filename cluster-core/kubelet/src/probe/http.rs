//! HTTP and HTTPS requests of probes and hooks; certificates are not checked, as upstream does not.

use super::Target;
use crate::prelude::*;
use http_body_util::{BodyExt, Empty, Limited};
use k8s_openapi::api::core::v1::HTTPGetAction;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

const BODY_LIMIT: usize = 10 * 1024;

/// Asks once; 200 to 399 is success.
pub(crate) async fn get(action: &HTTPGetAction, target: &Target<'_>) -> Result<http::StatusCode, String> {
    let port = target.port(&action.port)?;
    let host = action.host.as_deref().filter(|h| !h.is_empty()).unwrap_or(target.ip);
    let https = action.scheme.as_deref() == Some("HTTPS");
    let path = action.path.as_deref().filter(|p| !p.is_empty()).unwrap_or("/");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let url = format!("{}://{host}:{port}{path}", if https { "https" } else { "http" });
    let failed = |why: &dyn std::fmt::Display| format!("Get {url:?}: {why}");
    let request = request(action, host, port, &path).map_err(|e| failed(&e))?;
    let dial = |e: std::io::Error| format!("Get {url:?}: dial tcp {host}:{port}: connect: {e}");
    let stream = TcpStream::connect((host, port)).await.map_err(dial)?;
    let status = if https {
        let name = ServerName::try_from(host.to_owned()).map_err(|e| failed(&e))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(
            cluster_pki::tls::client_of_anybody(None).map_err(|e| failed(&e))?,
        ));
        send(connector.connect(name, stream).await.map_err(|e| failed(&e))?, request).await
    } else {
        send(stream, request).await
    };
    let status = status.map_err(|e| failed(&e))?;
    if (200..400).contains(&status.as_u16()) {
        Ok(status)
    } else {
        Err(format!("HTTP probe failed with statuscode: {}", status.as_u16()))
    }
}

fn request(action: &HTTPGetAction, host: &str, port: u16, path: &str) -> http::Result<http::Request<Empty<Bytes>>> {
    let mut request = http::Request::get(path);
    let mut named = false;
    for header in action.http_headers.iter().flatten() {
        named |= header.name.eq_ignore_ascii_case("host");
        request = request.header(&header.name, &header.value);
    }
    if !named {
        request = request.header("Host", format!("{host}:{port}"));
    }
    request.header("User-Agent", "kube-probe/1.37").header("Connection", "close").body(Empty::new())
}

async fn send<S>(stream: S, request: http::Request<Empty<Bytes>>) -> Result<http::StatusCode, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    // The body is read so that the server does not see a broken pipe; its content does not matter.
    if Limited::new(response.into_body(), BODY_LIMIT).collect().await.is_err() {
        tracing::trace!("a probe's answer was cut off");
    }
    driver.abort();
    Ok(status)
}
