//! port-forward: pairs of SPDY streams, raw or in a WebSocket tunnel, each pair one connection to a port of the pod.

use super::spdy::{self, Stream, StreamWriter};
use super::upgrade::{self, Kind};
use super::{port_forward_websocket, websocket};
use crate::prelude::*;
use futures::future::BoxFuture;
use tokio::net::tcp::OwnedWriteHalf;
use tokio_util::io::ReaderStream;

const PROTOCOLS: [&str; 1] = ["portforward.k8s.io"];
/// SPDY in a WebSocket, as kubectl since 1.31 asks for it.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const PIECE: usize = 32 * 1024;

/// Connects to a port of the pod; an error is the text for the client.
pub(super) type Connect = Arc<dyn Fn(u16) -> BoxFuture<'static, Result<TcpStream, String>> + Send + Sync>;

/// Answers a port-forward request; connections are made by `connect` as the client opens streams.
pub(super) async fn port_forward(request: Request<Body>, connect: Connect) -> Response<Body> {
    match Kind::of(&request) {
        Kind::None => upgrade::upgrade_required(),
        Kind::Spdy => upgrade::spdy(request, &PROTOCOLS, move |io| serve(io, connect)),
        Kind::WebSocket => {
            let ports = port_forward_websocket::ports(request.uri().query().unwrap_or_default());
            match websocket::accept(request, &[TUNNEL, port_forward_websocket::PROTOCOL]).await {
                Ok(socket) if socket.selected_protocol().is_some_and(|p| p == TUNNEL) => {
                    socket.on_upgrade(move |socket| tunnel(socket, connect))
                }
                Ok(socket) => socket.on_upgrade(move |socket| port_forward_websocket::serve(socket, ports, connect)),
                Err(response) => response,
            }
        }
    }
}

/// Runs SPDY over the messages of a WebSocket.
async fn tunnel(socket: WebSocket, connect: Connect) {
    let (ours, theirs) = tokio::io::duplex(PIECE);
    let (mut sink, mut stream) = socket.split();
    let (read, mut write) = tokio::io::split(ours);
    let inward = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) if write.write_all(&bytes).await.is_err() => return,
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    let mut outward = pieces(read).map(|bytes| Ok(Message::Binary(bytes)));
    tokio::select! {
        () = inward => {}
        _ended = sink.send_all(&mut outward) => {}
        () = serve(theirs, connect) => {}
    }
    if let Err(error) = sink.send(websocket::goodbye()).await {
        tracing::debug!(%error, "the client closed the tunnel first");
    }
}

/// What is read, piece by piece, until its end.
pub(super) fn pieces(read: impl AsyncRead + Send + 'static) -> BoxStream<'static, Bytes> {
    let pieces = ReaderStream::with_capacity(read, PIECE).take_while(|piece| std::future::ready(piece.is_ok()));
    pieces.filter_map(|piece| std::future::ready(piece.ok())).boxed()
}

/// Pairs the streams of a connection by their request and connects each pair.
async fn serve(io: impl AsyncRead + AsyncWrite + Send + 'static, connect: Connect) {
    let Some(mut connection) = spdy::Session::start(io) else { return };
    let mut waiting: HashMap<String, (Option<Stream>, Option<Stream>)> = HashMap::new();
    let mut pairs = tokio::task::JoinSet::new();
    while let Some(stream) = connection.accept().await {
        while pairs.try_join_next().is_some() {}
        let id = stream.headers.get("requestid").cloned().unwrap_or_default();
        let pair = waiting.entry(id.clone()).or_default();
        match stream.headers.get("streamtype").map(String::as_str) {
            Some("error") => pair.0 = Some(stream),
            Some("data") => pair.1 = Some(stream),
            _ => continue,
        }
        if let (Some(_), Some(_)) = pair
            && let Some((Some(error), Some(data))) = waiting.remove(&id)
        {
            pairs.spawn(forward(error, data, Arc::clone(&connect)));
        }
    }
}

async fn forward(error: Stream, data: Stream, connect: Connect) {
    let port = data.headers.get("port").and_then(|port| port.parse::<u16>().ok()).unwrap_or_default();
    match connect(port).await {
        Ok(socket) => copy(socket, data.incoming, data.writer).await,
        Err(reason) => {
            let text = format!("error forwarding port {port}: {reason}");
            if !error.writer.send(Bytes::from(text)).await {
                tracing::debug!("the client left before it heard of an error");
            }
            data.writer.finish().await;
        }
    }
    error.writer.finish().await;
}

/// Copies both ways until both sides have ended.
async fn copy(socket: TcpStream, incoming: mpsc::Receiver<Bytes>, writer: StreamWriter) {
    let (read, write) = socket.into_split();
    let outward = async {
        let mut pieces = pieces(read);
        while let Some(bytes) = pieces.next().await
            && writer.send(bytes).await
        {}
        writer.finish().await;
    };
    tokio::join!(inward(write, incoming), outward);
}

/// Writes what comes from the client to the pod.
pub(super) async fn inward(mut write: OwnedWriteHalf, mut incoming: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = incoming.recv().await {
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The other side may have closed already.
    drop(write.shutdown().await);
}

#[cfg(test)]
mod tests {
    use super::super::spdy::tests::{Client, Frame};
    use super::*;
    use tokio::net::TcpListener;

    /// A server that answers every connection with what it got, and a client of a port-forward to it.
    async fn forwarded() -> (Client, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("address").port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.split();
                    tokio::io::copy(&mut read, &mut write).await.expect("echo");
                });
            }
        });
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let connect: Connect = Arc::new(|port| {
            Box::pin(async move { TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| e.to_string()) })
        });
        tokio::spawn(serve(theirs, connect));
        (Client::new(ours), port)
    }

    #[tokio::test]
    async fn each_pair_of_streams_is_a_connection_of_its_own() {
        let (mut client, port) = forwarded().await;
        let port = port.to_string();
        for (request, stream) in [("0", 1), ("1", 5)] {
            for (kind, stream) in [("error", stream), ("data", stream + 2)] {
                client.open(stream, &[("streamtype", kind), ("port", &port), ("requestid", request)]).await;
            }
        }
        client.data(3, b"first", true).await;
        client.data(7, &vec![b'x'; 100_000], true).await;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut ended = 0;
        while ended < 4 {
            match client.next().await.expect("frame") {
                Frame::Data(3, bytes, fin) => {
                    first.extend(bytes);
                    ended += u32::from(fin);
                }
                Frame::Data(7, bytes, fin) => {
                    second.extend(bytes);
                    ended += u32::from(fin);
                }
                Frame::Data(1 | 5, bytes, true) if bytes.is_empty() => ended += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(first, b"first");
        assert_eq!(second.len(), 100_000);
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_told_on_the_error_stream() {
        let (mut client, _) = forwarded().await;
        client.open(1, &[("streamtype", "error"), ("port", "1"), ("requestid", "0")]).await;
        client.open(3, &[("streamtype", "data"), ("port", "1"), ("requestid", "0")]).await;
        let Some(Frame::Data(1, text, false)) = client.next().await else { panic!("no error") };
        assert!(String::from_utf8_lossy(&text).starts_with("error forwarding port 1: "));
    }

    #[tokio::test]
    async fn pings_are_answered_and_broken_frames_end_the_connection() {
        let (mut client, _) = forwarded().await;
        client.control(6, &7u32.to_be_bytes()).await;
        assert_eq!(client.next().await, Some(Frame::Control(6, 7u32.to_be_bytes().to_vec())));
        client.control(1, b"short").await;
        assert_eq!(client.next().await, Some(Frame::Control(7, vec![0; 8])), "goodbye");
        assert_eq!(client.next().await, None);
    }
}
