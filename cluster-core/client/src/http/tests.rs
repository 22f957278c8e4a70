//! The HTTP backend against a server on the loopback interface.

use super::*;
use crate::WatchEvent;
use futures::{StreamExt, stream};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;

type Answer = Response<BoxBody<Bytes, Infallible>>;

fn answer(code: u16, body: &str) -> Answer {
    let body = Full::new(Bytes::from(body.to_owned())).boxed();
    Response::builder().status(code).body(body).expect("a response")
}

async fn serve(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    if request.headers().get(header::AUTHORIZATION).is_none_or(|token| token != "Bearer secret") {
        return Ok(answer(401, r#"{"kind":"Status","code":401,"reason":"Unauthorized","message":"Unauthorized"}"#));
    }
    if query.contains("watch=true") {
        assert!(query.contains("resourceVersion=9") && query.contains("fieldSelector=spec.nodeName%3Dn1"), "{query}");
        let event = r#"{"type":"ADDED","object":{"metadata":{"name":"c"}}}"#.to_owned() + "\n";
        // The watch stays open, so the event must come through at once.
        let frames = stream::iter([Ok(Frame::data(Bytes::from(event)))]).chain(stream::pending());
        return Ok(Response::new(BodyExt::boxed(StreamBody::new(frames))));
    }
    Ok(if query.contains("continue=next") {
        answer(200, r#"{"metadata":{"resourceVersion":"9"},"items":[{"n":3}]}"#)
    } else {
        answer(200, r#"{"metadata":{"resourceVersion":"9","continue":"next"},"items":[{"n":1},{"n":2}]}"#)
    })
}

async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(connection), service_fn(serve)));
        }
    });
    url
}

/// A URL nobody listens at.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn scope() -> WatchScope {
    let (path, field_selector) = ("/api/v1/pods".to_owned(), "spec.nodeName=n1".to_owned());
    WatchScope { path, field_selector, ..WatchScope::default() }
}

#[tokio::test]
async fn lists_are_read_in_pages_and_watches_stream() {
    let urls = [nobody().await, server().await];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let backend = HttpBackend::with_servers(&urls, b"", Identity::Token("secret".into())).expect("a backend");
    let page = backend.list(&scope()).await.expect("the second server answers");
    assert_eq!(page.resource_version, "9");
    assert_eq!(page.items, [&br#"{"n":1}"#[..], br#"{"n":2}"#, br#"{"n":3}"#]);
    let mut events = backend.watch(&scope(), "9").await.expect("a watch");
    let event = events.next().await.expect("an event").expect("no error");
    assert!(matches!(event, WatchEvent::Added(object) if object == r#"{"metadata":{"name":"c"}}"#));
}

#[tokio::test]
async fn a_refusal_is_an_error_with_the_servers_words() {
    let backend = HttpBackend::new(&server().await, b"", Identity::None).expect("a backend");
    let error = backend.list(&scope()).await.expect_err("refused");
    assert_eq!(error.status().map(|status| status.reason.as_str()), Some("Unauthorized"));
    assert!(backend.watch(&scope(), "9").await.is_err());
    let gone = HttpBackend::new(&nobody().await, b"", Identity::None).expect("a backend");
    assert!(matches!(gone.list(&scope()).await, Err(Error::Transport(_))));
}

/// A line of a log is a frame of its own.
#[tokio::test]
async fn many_small_frames_that_wait_to_be_read_do_not_end_the_connection() {
    const LINES: usize = 5_000;
    let serve = |request: Request<Incoming>| async move {
        let lines = if request.uri().path() == "/log" { LINES } else { 1 };
        let frames = (0..lines).map(|_| Ok(Frame::data(Bytes::from_static(b"a short line\n"))));
        Ok::<Answer, Infallible>(Response::new(BodyExt::boxed(StreamBody::new(stream::iter(frames)))))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.expect("a connection");
        let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http.serve_connection(TokioIo::new(connection), service_fn(serve)).await.expect("served");
    });
    let client: legacy::Client<_, Full<Bytes>> = client_builder().http2_only(true).build_http();
    let ask = async |path: &str| client.get(format!("{url}{path}").parse().expect("a URL")).await.expect("an answer");
    let log = ask("/log").await;
    for _ in 0..50 {
        ask("/other").await.collect().await.expect("the connection lives");
    }
    let log = log.collect().await.expect("all of it").to_bytes();
    assert_eq!(log.len(), LINES * "a short line\n".len());
}
