//! gRPC to the etcd of this machine: framed messages over HTTP/2 on etcd's Unix socket, which only its owner may open.

use crate::prelude::*;
use std::convert::Infallible;
use std::io;

use bytes::{Buf, BufMut, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::wire::{Header, RangeRequest, RangeResponse, WatchCreate, WatchRequest};

/// How long etcd may take for an answer. It gives up itself after 7 s, when there is no quorum.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// gRPC's code for what may be asked again, and the pause before it is, as in etcd's client.
const UNAVAILABLE: u32 = 14;
const PAUSE: Duration = Duration::from_millis(25);
/// What may be on its way before it is taken.
const WINDOW: u32 = 4 << 20;
/// A message's prefix: whether it is compressed, and its length.
const PREFIX: usize = 5;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How etcd fails. All but [`EtcdError::Refused`] may be over soon.
#[derive(Debug, Error)]
pub enum EtcdError {
    /// It does not listen.
    #[error("etcd cannot be reached at {}: {source}", socket.display())]
    Connect {
        /// Its socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to etcd broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It answered with an error.
    #[error("{message}")]
    Refused {
        /// gRPC's code.
        code: u32,
        /// etcd's words.
        message: String,
    },
    /// It answered what is no answer.
    #[error("etcd's answer is not understood: {0}")]
    Malformed(String),
    /// It did not answer in time.
    #[error("etcd did not answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// The store ends.
    #[error("the store is closed")]
    Closed,
}

/// A connection that all calls share; the call after it broke makes it anew.
pub(super) struct Rpc {
    socket: PathBuf,
    connection: Mutex<Option<SendRequest<Body>>>,
}

impl Rpc {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket, connection: Mutex::new(None) }
    }

    /// One question, one answer.
    pub(super) async fn call<R: Message + Default>(
        &self,
        method: &'static str,
        question: &impl Message,
    ) -> Result<R, EtcdError> {
        let exchange = async {
            let body = Full::new(framed(question)).boxed_unsync();
            let mut messages = self.open(method, body).await?;
            let answer = messages.next().await?;
            answer.ok_or_else(|| EtcdError::Malformed(format!("{method} was not answered")))
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or(Err(EtcdError::Timeout))
    }

    /// The newest revision that a quorum knows of. A question changes nothing, so it is asked again when the members
    /// have just lost their leader; etcd's own clients do so too.
    pub(super) async fn revision(&self) -> Result<i64, EtcdError> {
        let question = RangeRequest { key: Bytes::from_static(b"\0"), limit: 1, ..RangeRequest::default() };
        let start = Instant::now();
        loop {
            match self.call::<RangeResponse>("KV/Range", &question).await {
                Err(EtcdError::Refused { code: UNAVAILABLE, message }) if start.elapsed() < PATIENCE => {
                    tracing::debug!(message, "etcd is asked again");
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return revision(answer?.header),
            }
        }
    }

    /// Every change of the whole key space from a revision on, so that no revision stays unseen.
    pub(super) async fn watch(&self, start_revision: i64) -> Result<Messages, EtcdError> {
        let everything = Bytes::from_static(b"\0");
        let create = WatchCreate { key: everything.clone(), range_end: everything, start_revision };
        let first = framed(&WatchRequest { create: Some(create) });
        // The question never ends: etcd would end its answer too.
        let frames = futures::stream::iter([Ok(Frame::data(first))]).chain(futures::stream::pending());
        let body = StreamBody::new(frames).boxed_unsync();
        tokio::time::timeout(PATIENCE, self.open("Watch/Watch", body)).await.unwrap_or(Err(EtcdError::Timeout))
    }

    async fn open(&self, method: &str, body: Body) -> Result<Messages, EtcdError> {
        let request = Request::post(format!("http://etcd/etcdserverpb.{method}"))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(body)
            .map_err(|error| EtcdError::Malformed(error.to_string()))?;
        let answer = self.sender().await?.send_request(request).await?;
        check(answer.headers())?;
        Ok(Messages { answer, buffer: BytesMut::new() })
    }

    async fn sender(&self) -> Result<SendRequest<Body>, EtcdError> {
        let mut connection = self.connection.lock().await;
        if let Some(sender) = connection.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|source| EtcdError::Connect { socket: self.socket.clone(), source })?;
        let (sender, driver) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "the connection to etcd broke");
            }
        });
        Ok(connection.insert(sender).clone())
    }
}

/// The messages of one answer.
pub(super) struct Messages {
    answer: Response<Incoming>,
    buffer: BytesMut,
}

impl Messages {
    /// The next message; none at a good end.
    pub(super) async fn next<R: Message + Default>(&mut self) -> Result<Option<R>, EtcdError> {
        loop {
            if let Some(message) = take(&mut self.buffer) {
                return R::decode(message).map(Some).map_err(|error| EtcdError::Malformed(error.to_string()));
            }
            match self.answer.frame().await.transpose()?.map(Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) => self.buffer.extend_from_slice(&data),
                Some(Err(frame)) => check(frame.trailers_ref().unwrap_or(&HeaderMap::new()))?,
            }
        }
    }
}

pub(super) fn revision(header: Option<Header>) -> Result<i64, EtcdError> {
    header.map(|header| header.revision).ok_or_else(|| EtcdError::Malformed("there is no header".to_owned()))
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    frame.put_u32(length as u32);
    frame.put(message.encode_to_vec().as_slice());
    frame.freeze()
}

/// Takes one whole message off the front.
fn take(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = u32::from_be_bytes(*buffer.get(1..PREFIX)?.first_chunk()?) as usize;
    if buffer.len() < PREFIX + length {
        return None;
    }
    buffer.advance(PREFIX);
    Some(buffer.split_to(length).freeze())
}

/// Headers or trailers that tell of a failure.
fn check(headers: &HeaderMap) -> Result<(), EtcdError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text("grpc-status").parse() {
        Ok(0) | Err(_) => Ok(()),
        Ok(code) => Err(EtcdError::Refused { code, message: text("grpc-message").to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_however_they_arrive() {
        let sent = [framed(&Header { revision: 7 }), framed(&Header { revision: 300 })].concat();
        let mut buffer = BytesMut::new();
        let mut taken = Vec::new();
        for byte in sent {
            buffer.put_u8(byte);
            taken.extend(take(&mut buffer).map(|message| Header::decode(message).expect("a header").revision));
        }
        assert_eq!(taken, [7, 300]);
        assert!(buffer.is_empty());
    }
}
