//! Requests that go on to a backend: plain ones and upgraded ones.

use super::hook::Hook;
use super::{Api, Body, PODS, pod};
use cluster_apiserver::auth::{UserInfo, group};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::convert::Infallible;
use std::net::UdpSocket;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A backend that answers its first request with `head` and then echoes; the request's head comes back to the test.
async fn backend(head: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let request = read_head(&mut stream).await;
        stream.write_all(head.as_bytes()).await.expect("written");
        let (mut read, mut write) = stream.split();
        // The end of the echo is the end of the connection, however it comes.
        drop(tokio::io::copy(&mut read, &mut write).await);
        request
    });
    (port, task)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8(head).expect("text")
}

/// An address of this machine that is no loopback one, as pods have.
fn own_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.connect("192.0.2.1:9").expect("a way out: nothing is sent");
    socket.local_addr().expect("an address").ip().to_string()
}

/// A server with the pod `a`, whose IP and port are the backend's.
async fn with_pod(port: u16) -> Api {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let mut object = pod("a");
    object["spec"]["containers"][0]["ports"] = json!([{"containerPort": port}]);
    api.post(PODS, &object).await.ok();
    let status = json!({"status": {"podIP": own_address(), "podIPs": [{"ip": own_address()}]}});
    api.patch(&format!("{PODS}/a/status"), "merge-patch+json", &status).await.ok();
    api
}

/// That server behind one TCP connection.
async fn connect(port: u16) -> TcpStream {
    let api = with_pod(port).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Arc::clone(&api.server);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = service_fn(move |request: http::Request<Incoming>| {
            let server = Arc::clone(&server);
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(UserInfo::authenticated("admin", &[group::MASTERS]));
                Ok::<_, Infallible>(server.handle(request).await)
            }
        });
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await.expect("served");
    });
    TcpStream::connect(address).await.expect("a connection")
}

const UPGRADE: &str = "Host: x\r\nAuthorization: Bearer secret\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";

#[tokio::test]
async fn an_upgrade_is_copied_both_ways_and_carries_no_credentials() {
    let (port, backend) =
        backend("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n").await;
    let mut client = connect(port).await;
    let request = format!("GET {PODS}/a/proxy/some/path?x=y HTTP/1.1\r\n{UPGRADE}");
    client.write_all(request.as_bytes()).await.expect("written");
    let head = read_head(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.to_lowercase().contains("upgrade: spdy/3.1"), "{head}");
    client.write_all(b"ping").await.expect("written");
    let mut echo = [0; 4];
    client.read_exact(&mut echo).await.expect("an echo");
    assert_eq!(&echo, b"ping");
    drop(client);
    let seen = backend.await.expect("the backend ends").to_lowercase();
    assert!(seen.starts_with("get /some/path?x=y http/1.1"), "{seen}");
    assert!(seen.contains("upgrade: spdy/3.1") && !seen.contains("authorization"), "{seen}");
}

#[tokio::test]
async fn a_refused_upgrade_is_relayed_and_nothing_is_copied() {
    let (port, backend) = backend("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let mut client = connect(port).await;
    let request = format!("POST {PODS}/a/proxy/ HTTP/1.1\r\n{UPGRADE}");
    client.write_all(request.as_bytes()).await.expect("written");
    let head = read_head(&mut client).await;
    assert!(head.starts_with("HTTP/1.1 403 ") && !head.to_lowercase().contains("upgrade"), "{head}");
    let mut body = [0; 2];
    client.read_exact(&mut body).await.expect("a body");
    assert_eq!(&body, b"no");
    drop(client);
    backend.await.expect("the backend ends");
}

#[tokio::test]
async fn a_pod_is_asked_by_any_method() {
    let (port, backend) = backend("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").await;
    let mut client = connect(port).await;
    let request = format!("OPTIONS {PODS}/a/proxy/x?y=z HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("written");
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 204 "));
    drop(client);
    let request = backend.await.expect("the backend ends");
    assert!(request.starts_with("OPTIONS /x?y=z "), "{request}");
}

#[tokio::test]
async fn links_of_a_page_lead_through_the_proxy_whose_own_address_ends_with_a_slash() {
    let (port, backend) =
        backend("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<a href=\"/x\">x<").await;
    let mut client = connect(port).await;
    let get = |path: &str| format!("GET {PODS}/a/proxy{path} HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write_all(get("?q=1").as_bytes()).await.expect("written");
    let head = read_head(&mut client).await.to_lowercase();
    assert!(head.starts_with("http/1.1 301 ") && head.contains(&format!("location: {PODS}/a/proxy/?q=1")), "{head}");
    client.write_all(get("/sub/").as_bytes()).await.expect("written");
    read_head(&mut client).await;
    let seen = format!("<a href=\"{PODS}/a/proxy/x\">x<");
    let mut page = vec![0; seen.len()];
    client.read_exact(&mut page).await.expect("a page");
    assert_eq!(String::from_utf8_lossy(&page), seen);
    drop(client);
    let request = backend.await.expect("the backend ends").to_lowercase();
    assert!(request.contains(&format!("x-forwarded-uri: {PODS}/a/proxy/sub/")), "{request}");
}

#[tokio::test]
async fn a_pod_that_speaks_tls_is_asked_by_its_scheme() {
    let hook = Hook::start(|_| (200, json!("safe"))).await;
    let api = with_pod(hook.port).await;
    let answer = api.get(&format!("{PODS}/https:a:{}/proxy/x", hook.port)).await.ok();
    assert_eq!((answer, hook.seen()[0].path.as_str()), (json!("safe"), "/x"));
}

#[tokio::test]
async fn the_proxy_leads_to_pods_and_nowhere_else() {
    let hook = Hook::start(|_| (200, json!("pod"))).await;
    let api = with_pod(hook.port).await;
    let services = "/api/v1/namespaces/default/services";
    let named = |name: &str, spec: serde_json::Value| json!({"metadata": {"name": name}, "spec": spec});
    let ports = json!([{"port": 80, "targetPort": hook.port}]);
    for name in ["pods", "elsewhere", "foreign"] {
        api.post(services, &named(name, json!({"ports": ports}))).await.ok();
    }
    api.post(services, &named("named", json!({"type": "ExternalName", "externalName": "localhost"}))).await.ok();
    let pod = json!({"kind": "Pod", "namespace": "default", "name": "a"});
    for (name, address, target) in [
        ("pods", own_address(), pod.clone()),
        ("elsewhere", own_address(), json!(null)),
        ("foreign", "192.0.2.7".to_owned(), pod),
    ] {
        let slice = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}}, "addressType": "IPv4",
            "ports": [{"port": hook.port}], "endpoints": [{"addresses": [address], "targetRef": target}],
        });
        api.post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", &slice).await.ok();
    }
    assert_eq!(api.get(&format!("{services}/https:pods:/proxy/")).await.ok(), json!("pod"));
    for name in ["elsewhere", "foreign", "named"] {
        let answer = api.get(&format!("{services}/{name}/proxy/")).await;
        assert_eq!((answer.code, answer.failure().1), (503, "ServiceUnavailable"), "{name}: {answer:?}");
    }
    let own = json!({"status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}});
    api.patch(&format!("{PODS}/a/status"), "merge-patch+json", &own).await.ok();
    assert_eq!(api.get(&format!("{PODS}/a/proxy/")).await.failure(), (400, "BadRequest", "address not allowed"));
}
