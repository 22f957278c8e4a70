//! Clients over real connections that do not wait: for an answer before they send on, or for an answer at all.

use super::{Api, Body, group};
use cluster_apiserver::auth::serve::serve;
use cluster_pki::{Authority, Pair, Subject, Usage, tls};
use http::{Request, Response};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// A server that listens, and whom its certificate is from.
async fn listen<F>(handle: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static) -> (SocketAddr, Authority)
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    tls::install_provider();
    let authority = Authority::generate("test").expect("a CA");
    let (names, usage) = (vec!["localhost".to_owned()], Usage::Server);
    let subject = Subject { names, usage, ..Subject::client("server", "") };
    let pair = authority.issue(&subject).expect("a certificate");
    let config = tls::server(&pair, authority.cert(), tls::Clients::Optional).expect("TLS");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, config, handle, CancellationToken::new()));
    (address, authority)
}

/// The API server, where it listens.
async fn expose(api: &Api) -> (SocketAddr, Authority) {
    let server = Arc::clone(&api.server);
    listen(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move { server.handle(request).await }
    })
    .await
}

async fn connect(address: SocketAddr, authority: &Authority, identity: Option<&Pair>) -> Stream {
    let client = TlsConnector::from(Arc::new(tls::client(authority.cert(), identity).expect("TLS")));
    let stream = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    client.connect(name, stream).await.expect("a handshake")
}

/// Reads one answer to its end: the code.
async fn answer(stream: &mut Stream) -> u16 {
    let mut seen = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.expect("the connection is whole");
        assert!(count > 0, "it ends too early: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some((_, length)) = head.split_once("content-length: ")
            && body.len() >= length.split("\r\n").next().and_then(|n| n.parse().ok()).expect("a length")
        {
            break text;
        }
    };
    end.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code")
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_gets_an_early_answer_and_keeps_its_connection() {
    const KIB: usize = 1024;
    let api = Api::start().await;
    // The answer is ready once its handler has ended.
    let (answered, mut answers) = mpsc::unbounded_channel();
    let server = Arc::clone(&api.server);
    let handle = move |request: Request<Body>| {
        let (server, answered) = (Arc::clone(&server), answered.clone());
        async move {
            let response = server.handle(request).await;
            answered.send(()).expect("the test goes on");
            response
        }
    };
    let (address, authority) = listen(handle).await;
    let admin = authority.issue(&Subject::client("admin", group::MASTERS)).expect("a certificate");
    for (token, identity, kind, first, rest, code) in [
        ("nobodys", None, "application/json", KIB, 200 * KIB, 401),
        ("", None, "application/json", KIB, 200 * KIB, 403),
        ("", Some(&admin), "application/json", 3 * KIB * KIB + 64 * KIB, 200 * KIB, 413),
        ("", Some(&admin), "application/x-unicorn", KIB, 200 * KIB, 415),
    ] {
        let mut stream = connect(address, &authority, identity).await;
        let bearer = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let head = format!(
            "POST /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{bearer}Content-Length: {}\r\n\r\n",
            first + rest
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&vec![b' '; first]).await.expect("sent");
        stream.flush().await.expect("sent");
        answers.recv().await.expect("an answer");
        stream.write_all(&vec![b' '; rest]).await.expect("the server reads on");
        stream.flush().await.expect("the server reads on");
        assert_eq!(answer(&mut stream).await, code);
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        assert_eq!(answer(&mut stream).await, 200, "the connection goes on");
        answers.recv().await.expect("an answer");
    }
}

/// A frame of HTTP/2. Source: RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test]
async fn a_client_that_cancels_many_requests_at_once_keeps_its_connection() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const SETTINGS: u8 = 4;
    const GO_AWAY: u8 = 7;
    const END: u8 = 0b101;
    let api = Api::start().await;
    let (address, authority) = expose(&api).await;
    let mut stream = connect(address, &authority, None).await;
    // GET, https, /livez, localhost: by their numbers in the static table where it has them. Source: RFC 7541.
    let get = [&[0x82, 0x87, 0x04, 6][..], b"/livez", &[0x01, 9], b"localhost"].concat();
    let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, &[])[..]].concat();
    let last = 401;
    for id in (1..last).step_by(2) {
        sent.extend(frame(HEADERS, END, id, &get));
        sent.extend(frame(RESET, 0, id, &8_u32.to_be_bytes()));
    }
    sent.extend(frame(HEADERS, END, last, &get));
    stream.write_all(&sent).await.expect("sent");
    stream.flush().await.expect("sent");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("the connection is whole");
        let number = |bytes: &[u8]| bytes.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let mut payload = vec![0; number(&head[..3]) as usize];
        stream.read_exact(&mut payload).await.expect("the connection is whole");
        assert_ne!(head[3], GO_AWAY, "{}", String::from_utf8_lossy(&payload));
        if (head[3], number(&head[5..])) == (DATA, last) && !payload.is_empty() {
            return assert_eq!(payload, b"ok");
        }
    }
}

/// Reads one message of a WebSocket. Source: RFC 6455, section 5.2.
async fn message(stream: &mut Stream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.expect("the connection is whole");
    let length = if head[1] == 126 { stream.read_u16().await.expect("a length").into() } else { usize::from(head[1]) };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.expect("the connection is whole");
    (head[0], payload)
}

#[tokio::test]
async fn a_browser_watches_over_a_websocket_by_messages_of_text() {
    const TEXT: u8 = 0x81;
    const CLOSE: u8 = 0x88;
    let api = Api::start().await;
    let (address, authority) = expose(&api).await;
    let admin = authority.issue(&Subject::client("admin", group::MASTERS)).expect("a certificate");
    let mut stream = connect(address, &authority, Some(&admin)).await;
    let head = "GET /api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Ddefault HTTP/1.1\r\nHost: localhost\r\n\
                Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: base64.binary.k8s.io\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the connection is whole"));
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    assert!(
        head.starts_with("http/1.1 101 ") && head.contains("sec-websocket-protocol: base64.binary.k8s.io"),
        "{head}"
    );
    let (kind, event) = message(&mut stream).await;
    let event: serde_json::Value = serde_json::from_slice(&event).expect("JSON");
    assert_eq!(
        (kind, &event["type"], &event["object"]["metadata"]["name"]),
        (TEXT, &"ADDED".into(), &"default".into())
    );
    api.server.close();
    assert_eq!(message(&mut stream).await.0, CLOSE);
}
