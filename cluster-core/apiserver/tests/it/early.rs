//! Requests that are answered before their body was read, over real connections.

use super::{Api, Body, group};
use cluster_apiserver::auth::serve::serve;
use cluster_pki::{Authority, Subject, Usage, tls};
use http::Request;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

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
    tls::install_provider();
    let api = Api::start().await;
    let authority = Authority::generate("test").expect("a CA");
    let (names, usage) = (vec!["localhost".to_owned()], Usage::Server);
    let subject = Subject { names, usage, ..Subject::client("server", "") };
    let (pair, ca) = (authority.issue(&subject).expect("a certificate"), authority.cert());
    let config = tls::server(&pair, ca, tls::Clients::Optional).expect("TLS");
    let admin = authority.issue(&Subject::client("admin", group::MASTERS)).expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    // The answer is ready once its handler has ended.
    let (answered, mut answers) = mpsc::unbounded_channel();
    let (server, cancel) = (Arc::clone(&api.server), CancellationToken::new());
    let handle = move |request: Request<Body>| {
        let (server, answered) = (Arc::clone(&server), answered.clone());
        async move {
            let response = server.handle(request).await;
            answered.send(()).expect("the test goes on");
            response
        }
    };
    tokio::spawn(serve(listener, config, handle, cancel.clone()));
    for (token, identity, kind, first, rest, code) in [
        ("nobodys", None, "application/json", KIB, 200 * KIB, 401),
        ("", None, "application/json", KIB, 200 * KIB, 403),
        ("", Some(&admin), "application/json", 3 * KIB * KIB + 64 * KIB, 200 * KIB, 413),
        ("", Some(&admin), "application/x-unicorn", KIB, 200 * KIB, 415),
    ] {
        let client = TlsConnector::from(Arc::new(tls::client(ca, identity).expect("TLS")));
        let stream = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = client.connect(name, stream).await.expect("a handshake");
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
    cancel.cancel();
}
