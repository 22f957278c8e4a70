//! A connection to a pod's port through the API server: port-forward over a WebSocket, channel 0 for data, 1 for errors.

use crate::prelude::*;
use aws_lc_rs::rand;
use base64::prelude::*;
use bytes::{BufMut, BytesMut};
use futures::SinkExt;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

const PROTOCOL: &str = "v4.channel.k8s.io";
const PIECE: usize = 32 * 1024;
/// How long the pod may say nothing once its client has ended its side.
const SILENCE: Duration = Duration::from_secs(10);
/// Each channel begins with the port's number.
const PREFIX: usize = 2;

fn broken(error: impl std::fmt::Display) -> Error {
    Status::new(503, "ServiceUnavailable", format!("the tunnel broke: {error}")).into()
}

/// Copies both ways between a socket and a pod's port until one of them closes; says so when the pod `answers`.
pub(super) async fn join(
    live: &Live,
    namespace: &str,
    pod: &str,
    port: u16,
    socket: &mut TcpStream,
    answers: impl Fn() + Send,
) -> Result<(), Error> {
    let mut key = [0; 16];
    rand::fill(&mut key).map_err(|_| broken("no random numbers"))?;
    let pods = Resource::new("", "v1", "pods").path(namespace);
    let request = Request::get(format!("{pods}/{}/portforward?ports={port}", escape(pod)))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, BASE64_STANDARD.encode(key))
        .header(SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        .body(Bytes::new())
        .map_err(broken)?;
    let mut response = live.backend.open(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(broken)?.to_bytes();
        successful(http::Response::from_parts(head, body))?;
        return Err(broken("the server did not agree to it"));
    }
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(broken)?;
    carry(TokioIo::new(upgraded), socket, answers).await
}

/// As [`join`], through what was opened.
async fn carry<T, S>(upgraded: T, socket: S, answers: impl Fn() + Send) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite,
{
    let tunnel = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let (mut sink, mut stream) = tunnel.split();
    let (mut read, mut write) = tokio::io::split(socket);
    let heard = AtomicBool::new(true);
    let outward = async {
        loop {
            let mut piece = BytesMut::with_capacity(PIECE);
            piece.put_u8(0);
            match read.read_buf(&mut piece).await {
                Ok(0) => break,
                Ok(_) => {}
                // Who asked may leave at any time, which says nothing of the pod.
                Err(_) => return Ok(()),
            }
            sink.send(Message::Binary(piece.freeze())).await.map_err(broken)?;
        }
        // The other end may have more to say. That nobody will say more here it can only be told by the tunnel's end.
        while heard.swap(false, Ordering::Relaxed) {
            tokio::time::sleep(SILENCE).await;
        }
        Ok::<(), Error>(())
    };
    let inward = async {
        let (mut begun, mut answered) = ([false; 2], false);
        while let Some(message) = stream.next().await {
            heard.store(true, Ordering::Relaxed);
            let bytes = match message.map_err(broken)? {
                Message::Binary(bytes) => bytes,
                Message::Close(_) => break,
                _ => continue,
            };
            let Some(channel) = bytes.first().copied().filter(|channel| *channel < 2) else { continue };
            let first = !std::mem::replace(&mut begun[usize::from(channel)], true);
            let data = bytes.slice((1 + if first { PREFIX } else { 0 }).min(bytes.len())..);
            match channel {
                0 => {
                    if !answered && !data.is_empty() {
                        answered = true;
                        answers();
                    }
                    if write.write_all(&data).await.is_err() {
                        break;
                    }
                }
                _ if !data.is_empty() => return Err(broken(String::from_utf8_lossy(&data))),
                _ => {}
            }
        }
        Ok::<(), Error>(())
    };
    tokio::select! {
        ended = outward => ended,
        ended = inward => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pod_learns_that_its_client_has_gone_once_it_says_no_more() {
        let (near, far) = tokio::io::duplex(PIECE);
        let (mut client, socket) = tokio::io::duplex(PIECE);
        let pod = async {
            let mut pod = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            let asked = pod.next().await.expect("a message").expect("data").into_data();
            assert_eq!(asked, "\0ask");
            for piece in ["\0\0\0slow", "\0er"] {
                tokio::time::sleep(SILENCE / 2).await;
                pod.send(Message::Binary(piece.into())).await.expect("sent");
            }
            assert!(!matches!(pod.next().await, Some(Ok(Message::Binary(_)))), "the tunnel ends");
        };
        let used = async {
            client.write_all(b"ask").await.expect("written");
            client.shutdown().await.expect("ended");
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("read");
            assert_eq!(answer, "slower");
        };
        let (carried, (), ()) = tokio::join!(carry(near, socket, || {}), pod, used);
        carried.expect("it ends well");
    }
}
