//! exec, attach and port-forward over WebSocket: each message starts with the number of its channel.
//!
//! Channels and versions: <https://kubernetes.io/blog/2024/08/20/websockets-transition/>.

use super::command::{Channel, CommandOptions, Incoming, QUEUE, Wire, pump, sizes};
use crate::prelude::*;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use base64::prelude::*;
use bytes::{BufMut, BytesMut};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, Stream};

/// By preference; a client that names none speaks the first version.
const PROTOCOLS: [&str; 5] =
    ["v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io"];
/// What logs are read with.
const OUTPUT_PROTOCOLS: [&str; 2] = ["binary.k8s.io", "base64.binary.k8s.io"];
/// Terminals and pipes write little at a time; this bounds what a client can make us hold.
const MAX_MESSAGE: usize = 1 << 20;

/// What comes from the client, by channel.
mod channel {
    pub(super) const STDIN: u8 = 0;
    pub(super) const RESIZE: u8 = 4;
    /// Version 5: the second byte names the channel that ends.
    pub(super) const CLOSE: u8 = 255;
}

/// How a client wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dialect {
    /// Messages are text, the channel a digit.
    base64: bool,
    /// The end is told by a `Status`; before version 4 only a failure is told, as text.
    status: bool,
}

impl Dialect {
    fn of(protocol: Option<&str>) -> Self {
        let protocol = protocol.unwrap_or_default();
        Self { base64: protocol.contains("base64"), status: protocol.starts_with('v') }
    }

    /// One message on a channel; nothing when there is nothing to say in this dialect.
    fn message(self, channel: Channel, bytes: &Bytes) -> Option<Message> {
        let told: Value;
        let bytes = if channel == Channel::Error && !self.status {
            told = serde_json::from_slice(bytes).ok()?;
            told["message"].as_str()?.as_bytes()
        } else {
            bytes
        };
        let number = channel as u8;
        let text = || Message::Text(format!("{number}{}", BASE64_STANDARD.encode(bytes)).into());
        Some(if self.base64 { text() } else { frame(number, bytes) })
    }

    /// A client's message as the binary dialects write it.
    fn decode(self, message: Bytes) -> Bytes {
        let Some((&first, rest)) = message.split_first().filter(|_| self.base64) else { return message };
        let mut out = BytesMut::with_capacity(message.len());
        out.put_u8(first.wrapping_sub(b'0'));
        out.put_slice(&BASE64_STANDARD.decode(rest).unwrap_or_default());
        out.freeze()
    }
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
    match accept(request, &PROTOCOLS).await {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| run(socket, options, session)),
        Err(response) => response,
    }
}

/// Answers a request for output alone: each piece is a message.
pub(crate) async fn output<S>(request: Request<Body>, mut pieces: S) -> Response<Body>
where
    S: Stream<Item = Bytes> + Send + Unpin + 'static,
{
    let upgrade = match accept(request, &OUTPUT_PROTOCOLS).await {
        Ok(upgrade) => upgrade,
        Err(response) => return response,
    };
    upgrade.on_upgrade(move |mut socket| async move {
        let base64 = Dialect::of(socket.protocol().and_then(|p| p.to_str().ok())).base64;
        loop {
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                // Who left is noticed here: the next piece may never come.
                said = socket.recv() => match said {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return,
                    Some(Ok(_)) => continue,
                },
            };
            let Some(piece) = piece else { break };
            let message =
                if base64 { Message::Text(BASE64_STANDARD.encode(&piece).into()) } else { Message::Binary(piece) };
            if socket.send(message).await.is_err() {
                return;
            }
        }
        if let Err(error) = socket.send(goodbye()).await {
            tracing::debug!(%error, "the client closed the stream first");
        }
    })
}

async fn run(socket: WebSocket, options: CommandOptions, session: Session) {
    let dialect = Dialect::of(socket.protocol().and_then(|p| p.to_str().ok()));
    let (sink, stream) = socket.split();
    let (to_session, incoming) = mpsc::channel(QUEUE);
    let (outgoing, from_session) = mpsc::channel(QUEUE);
    let _reader = AbortOnDropHandle::new(tokio::spawn(read(stream, dialect, to_session)));
    let writer = tokio::spawn(write(sink, dialect, from_session));
    pump(session, Wire { incoming, outgoing }, options).await;
    // The queue is closed now: the writer sends what waits and says goodbye.
    if let Err(error) = writer.await {
        tracing::debug!(%error, "the writer of a stream ended early");
    }
}

async fn read(mut stream: SplitStream<WebSocket>, dialect: Dialect, session: mpsc::Sender<Incoming>) {
    while let Some(Ok(message)) = stream.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        for incoming in parse(&dialect.decode(bytes)) {
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

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    dialect: Dialect,
    mut pieces: mpsc::Receiver<(Channel, Bytes)>,
) {
    while let Some((channel, bytes)) = pieces.recv().await {
        let Some(message) = dialect.message(channel, &bytes) else { continue };
        if sink.send(message).await.is_err() {
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

    #[test]
    fn older_clients_are_spoken_to_in_their_dialect() {
        let (ok, failed) = (Bytes::from(r#"{"status":"Success"}"#), Bytes::from(r#"{"message":"oh no"}"#));
        let binary = |channel: u8, text: &str| Some(frame(channel, text.as_bytes()));
        let text = |text: &str| Some(Message::Text(text.to_owned().into()));
        for (protocol, end, failure, output) in [
            (
                Some("v5.channel.k8s.io"),
                binary(3, r#"{"status":"Success"}"#),
                binary(3, r#"{"message":"oh no"}"#),
                binary(1, "x"),
            ),
            (Some("channel.k8s.io"), None, binary(3, "oh no"), binary(1, "x")),
            (None, None, binary(3, "oh no"), binary(1, "x")),
            (Some("base64.channel.k8s.io"), None, text("3b2ggbm8="), text("1eA==")),
        ] {
            let dialect = Dialect::of(protocol);
            assert_eq!(dialect.message(Channel::Error, &ok), end, "{protocol:?}");
            assert_eq!(dialect.message(Channel::Error, &failed), failure, "{protocol:?}");
            assert_eq!(dialect.message(Channel::Stdout, &Bytes::from("x")), output, "{protocol:?}");
        }
        let decoded = Dialect::of(Some("base64.channel.k8s.io")).decode(Bytes::from("0bHM="));
        assert_eq!(parse(&decoded), vec![Incoming::Stdin(Bytes::from("ls"))]);
    }
}
