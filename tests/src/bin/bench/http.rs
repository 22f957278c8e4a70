//! A lean HTTP/1.1 client: one kept-alive TLS connection each, because client and server share the machine.

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use cluster_pki::{Pair, tls};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Where a server is and who asks it.
#[derive(Clone)]
pub(crate) struct Access {
    authority: String,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Access {
    /// What the last entries of a kubeconfig say, which has one cluster with a client certificate.
    pub(crate) fn from_kubeconfig(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        let document = cluster_object::yaml::from_manifest(&text)?.pop().unwrap_or_default();
        let cluster = &document["clusters"][0]["cluster"];
        let user = &document["users"][0]["user"];
        let server = cluster["server"].as_str().unwrap_or_default();
        let authority = server.strip_prefix("https://").context("the kubeconfig names no https server")?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let pair = Pair { cert: pem(user, "client-certificate-data")?, key: pem(user, "client-key-data")? };
        let config = tls::client(&pem(cluster, "certificate-authority-data")?, Some(&pair))?;
        Ok(Self {
            authority: authority.to_owned(),
            name: ServerName::try_from(host.to_owned())?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// One connection.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(self.name.clone(), stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
        Ok(Connection { sender, host: HeaderValue::from_str(&self.authority)? })
    }

    /// Several connections.
    pub(crate) async fn connect_all(&self, count: usize) -> Result<Vec<Connection>> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(self.connect().await?);
        }
        Ok(connections)
    }
}

fn pem(entry: &Value, field: &str) -> Result<String> {
    let data = entry[field].as_str().with_context(|| format!("the kubeconfig has no {field}"))?;
    Ok(String::from_utf8(STANDARD.decode(data)?)?)
}

/// What is asked.
pub(crate) struct Ask {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Bytes,
}

impl Ask {
    /// GET.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content_type: "", body: Bytes::new() }
    }

    /// POST of JSON.
    pub(crate) fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, path: path.into(), content_type: "application/json", body: body.into() }
    }

    /// DELETE.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), content_type: "", body: Bytes::new() }
    }

    /// A merge patch.
    pub(crate) fn patch(path: impl Into<String>, body: &Value) -> Self {
        let (content_type, body) = ("application/merge-patch+json", body.to_string().into());
        Self { method: Method::PATCH, path: path.into(), content_type, body }
    }
}

/// One connection: one request at a time.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    /// Sends, and returns the answer while its body is still under way. A code of failure is an error.
    pub(crate) async fn open(&mut self, ask: Ask) -> Result<Response<Incoming>> {
        let what = format!("{} {}", ask.method, ask.path);
        let mut request = Request::builder().method(ask.method).uri(ask.path).header(HOST, self.host.clone());
        if !ask.content_type.is_empty() {
            request = request.header(CONTENT_TYPE, ask.content_type);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(ask.body))?).await;
        let response = response.with_context(|| what.clone())?;
        if !response.status().is_success() {
            let (status, text) = (response.status(), response.into_body().collect().await?.to_bytes());
            return failure(&what, status, &text);
        }
        Ok(response)
    }

    /// Sends, and reads the answer to its end without keeping it. Returns its size.
    pub(crate) async fn drain(&mut self, ask: Ask) -> Result<usize> {
        let mut body = self.open(ask).await?.into_body();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            size += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(size)
    }

    /// Sends, and decodes the answer.
    pub(crate) async fn json(&mut self, ask: Ask) -> Result<Value> {
        let body = self.open(ask).await?.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    }
}

/// The lines of an answer that goes on: a watch, a followed log.
pub(crate) struct Lines {
    body: Incoming,
    buffer: BytesMut,
}

impl Lines {
    /// Of an open answer.
    pub(crate) fn new(response: Response<Incoming>) -> Self {
        Self { body: response.into_body(), buffer: BytesMut::new() }
    }

    /// The next whole line, without its end.
    pub(crate) async fn next(&mut self) -> Result<Bytes> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                return Ok(line);
            }
            let frame = self.body.frame().await.context("the answer ended")??;
            self.buffer.extend(frame.into_data().unwrap_or_default());
        }
    }
}

fn failure<T>(what: &str, status: StatusCode, text: &[u8]) -> Result<T> {
    let answer: Value = serde_json::from_slice(text).unwrap_or_default();
    bail!("{what} was answered {status}: {}", answer["message"].as_str().unwrap_or_default())
}
