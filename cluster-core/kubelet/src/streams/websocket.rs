//! exec, attach and port-forward over WebSocket: each message starts with the number of its channel.
//!
//! Channels and versions: <https://kubernetes.io/blog/2024/08/20/websockets-transition/>.

use super::AbortOnDrop;
use super::command::{Channel, CommandOptions, Incoming, QUEUE, Wire, pump, sizes};
use crate::runtime::Session;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::IntoResponse;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use http::{Request, Response};
use tokio::sync::mpsc;

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";
/// Terminals and pipes write little at a time; this bounds what a client can make us hold.
const MAX_MESSAGE: usize = 1 << 20;

mod channel {
    pub(super) const STDIN: u8 = 0;
    pub(super) const STDOUT: u8 = 1;
    pub(super) const STDERR: u8 = 2;
    pub(super) const ERROR: u8 = 3;
    pub(super) const RESIZE: u8 = 4;
    /// Version 5: the second byte names the channel that ends.
    pub(super) const CLOSE: u8 = 255;
}

/// Takes the upgrade; `Err` is the answer to one that is no proper WebSocket request.
pub(super) async fn accept(
    request: Request<Body>,
    protocols: &[&'static str],
) -> Result<WebSocketUpgrade, Response<Body>> {
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => Ok(upgrade.protocols(protocols.iter().copied()).max_message_size(MAX_MESSAGE)),
        Err(rejection) => Err(rejection.into_response()),
    }
}

/// Answers an exec or attach request.
pub(super) async fn command(request: Request<Body>, options: CommandOptions, session: Session) -> Response<Body> {
    match accept(request, &[V5, V4]).await {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| run(socket, options, session)),
        Err(response) => response,
    }
}

async fn run(socket: WebSocket, options: CommandOptions, session: Session) {
    let (sink, stream) = socket.split();
    let (to_session, incoming) = mpsc::channel(QUEUE);
    let (outgoing, from_session) = mpsc::channel(QUEUE);
    let _reader = AbortOnDrop(tokio::spawn(read(stream, to_session)));
    let writer = tokio::spawn(write(sink, from_session));
    pump(session, Wire { incoming, outgoing }, options).await;
    // The queue is closed now: the writer sends what waits and says goodbye.
    if let Err(error) = writer.await {
        tracing::debug!(%error, "the writer of a stream ended early");
    }
}

async fn read(mut stream: SplitStream<WebSocket>, session: mpsc::Sender<Incoming>) {
    while let Some(Ok(message)) = stream.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        for incoming in parse(&bytes) {
            if session.send(incoming).await.is_err() {
                return;
            }
        }
    }
}

fn parse(message: &Bytes) -> Vec<Incoming> {
    match message.first() {
        Some(&channel::STDIN) if message.len() > 1 => vec![Incoming::Stdin(message.slice(1..))],
        Some(&channel::RESIZE) => sizes(&message[1..]).into_iter().map(Incoming::Resize).collect(),
        Some(&channel::CLOSE) if message.get(1) == Some(&channel::STDIN) => vec![Incoming::StdinClosed],
        _ => Vec::new(),
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut pieces: mpsc::Receiver<(Channel, Bytes)>) {
    while let Some((channel, bytes)) = pieces.recv().await {
        let number = match channel {
            Channel::Stdout => channel::STDOUT,
            Channel::Stderr => channel::STDERR,
            Channel::Error => channel::ERROR,
        };
        if sink.send(frame(number, &bytes)).await.is_err() {
            return;
        }
    }
    if let Err(error) = sink.send(goodbye()).await {
        tracing::debug!(%error, "the client closed the stream first");
    }
}

/// The end of a conversation that went well; clients take a close without this code for a failure.
pub(super) fn goodbye() -> Message {
    Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::default() }))
}

/// A binary message on a channel.
pub(super) fn frame(channel: u8, bytes: &[u8]) -> Message {
    let mut message = BytesMut::with_capacity(bytes.len() + 1);
    message.put_u8(channel);
    message.put_slice(bytes);
    Message::Binary(message.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::TerminalSize;

    #[test]
    fn messages_are_read_by_their_channel() {
        let cases = [
            (&b"\0ls"[..], vec![Incoming::Stdin(Bytes::from("ls"))]),
            (&b"\0"[..], vec![]),
            (&b"\x04{\"Width\":80,\"Height\":24}"[..], vec![Incoming::Resize(TerminalSize { width: 80, height: 24 })]),
            (&[255, 0][..], vec![Incoming::StdinClosed]),
            (&[255, 1][..], vec![]),
            (&b""[..], vec![]),
            (&b"\x09x"[..], vec![]),
        ];
        for (message, expected) in cases {
            assert_eq!(parse(&Bytes::from_static(message)), expected, "{message:?}");
        }
    }
}
