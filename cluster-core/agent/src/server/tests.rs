//! The server, attacked as a page of another site, a re-bound name and a stranger on this machine would do it.

mod socket;

use super::{Assets, router};
use crate::clusters::Clusters;
use crate::memory::Memory;
use crate::process::{Agent, Options};
use cluster_launcher::Launcher;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Server {
    agent: Arc<Agent>,
    port: u16,
    bearer: String,
    cookie: String,
    _home: TempDir,
}

impl Server {
    async fn start() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let launcher = Launcher::connect_in(home.path().to_owned());
        let clusters = Clusters::follow(launcher.expect("an engine's address")).await;
        let memory = Arc::new(Memory::open(home.path()));
        let secret = |which: fn(&crate::memory::Remembered) -> String| memory.get(which);
        let (bearer, cookie) = (secret(|memory| memory.bearer.clone()), secret(|memory| memory.cookie.clone()));
        let options = Options { image: String::new(), node_binary: PathBuf::new() };
        let page = ["index.html", "assets/app-1a2b.js"].map(|name| (name, format!("content of {name}")));
        let assets = Assets::of(&page.each_ref().map(|(name, content)| (*name, content.as_str())));
        let agent = Agent::new(options, port, memory, clusters, assets).await;
        let router = router(agent.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { agent, port, bearer, cookie, _home: home }
    }

    /// Sends a request with these lines of headers; `{port}`, `{bearer}` and `{cookie}` stand for what they name. The
    /// code, the head and the body.
    async fn ask(&self, line: &str, headers: &[&str], body: &str) -> (u16, String, String) {
        let mut request = format!("{line} HTTP/1.1\r\n");
        let named = |name: &str| headers.iter().any(|header| header.to_lowercase().starts_with(name));
        if !named("host:") {
            request += "Host: 127.0.0.1:{port}\r\n";
        }
        if !named("upgrade:") {
            request += "Connection: close\r\n";
        }
        let length = format!("Content-Length: {}", body.len());
        for header in headers.iter().copied().chain([length.as_str(), ""]) {
            request = request + header + "\r\n";
        }
        request += body;
        let known =
            [("{port}", self.port.to_string()), ("{bearer}", self.bearer.clone()), ("{cookie}", self.cookie.clone())];
        let request = known.iter().fold(request, |text, (name, value)| text.replace(name, value));
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        socket.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        // An upgraded connection stays open, so its head is enough.
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") || !named("upgrade:") {
            let mut piece = [0; 4096];
            match socket.read(&mut piece).await.expect("it answers") {
                0 => break,
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        (code, head.to_lowercase(), body.to_owned())
    }

    async fn code(&self, line: &str, headers: &[&str], body: &str) -> u16 {
        self.ask(line, headers, body).await.0
    }
}

const BEARER: &str = "Authorization: Bearer {bearer}";
const COOKIE: &str = "Cookie: devcluster-{port}={cookie}";
const OWN: &str = "Origin: http://127.0.0.1:{port}";
const JSON: &str = "Content-Type: application/json";
const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

#[tokio::test]
async fn only_our_page_and_programs_of_this_user_are_let_in() {
    let server = Server::start().await;
    let table: &[(&str, &[&str], u16)] = &[
        ("GET /api/clusters", &[], 401),
        ("GET /api/clusters", &[BEARER], 200),
        ("GET /api/clusters", &[COOKIE], 200),
        ("GET /api/clusters", &["Authorization: Bearer {cookie}"], 401),
        ("GET /api/clusters", &["Cookie: devcluster-{port}={bearer}"], 401),
        // A name that an attacker bound to this machine.
        ("GET /api/clusters", &["Host: evil.example:{port}", BEARER], 403),
        ("GET /", &["Host: evil.example"], 403),
        ("GET /", &["Host: 127.0.0.1:1"], 403),
        ("GET /", &["Host: 127.0.0.1.evil.example:{port}"], 403),
        ("GET /", &["Host: localhost:{port}"], 200),
        ("GET /", &["Host: [::1]:{port}"], 200),
        // Pages of other sites, other ports and files.
        ("GET /api/clusters", &[COOKIE, "Origin: http://evil.example"], 403),
        ("GET /api/clusters", &[COOKIE, "Origin: http://127.0.0.1:1"], 403),
        ("GET /api/clusters", &[COOKIE, "Origin: https://127.0.0.1:{port}"], 403),
        ("GET /api/clusters", &[COOKIE, "Origin: http://127.0.0.1:{port}.evil.example"], 403),
        ("GET /api/clusters", &[COOKIE, "Origin: null"], 403),
        ("GET /api/clusters", &[COOKIE, OWN, "Origin: http://evil.example"], 403),
        ("GET /api/clusters", &[COOKIE, OWN], 200),
        ("GET /api/clusters", &[BEARER, "Origin: tauri://localhost"], 403),
        // What such a page asks for without naming its origin: a picture, a frame.
        ("GET /api/clusters", &[COOKIE, "Sec-Fetch-Site: same-site"], 403),
        ("GET /api/clusters", &[COOKIE, "Sec-Fetch-Site: cross-site"], 403),
        ("GET /api/clusters", &[COOKIE, "Sec-Fetch-Site: same-origin"], 200),
        ("GET /api/clusters", &[COOKIE, "Sec-Fetch-Site: none"], 200),
        ("GET /", &["Sec-Fetch-Site: cross-site"], 200),
        ("OPTIONS /api/clusters", &[OWN], 401),
        // Writes that a form of another site could send.
        ("POST /api/ticket", &[COOKIE, OWN, JSON], 200),
        ("POST /api/ticket", &[COOKIE, JSON], 403),
        ("POST /api/ticket", &[COOKIE, OWN], 415),
        ("POST /api/ticket", &[COOKIE, OWN, "Content-Type: text/plain"], 415),
        ("POST /api/ticket", &[COOKIE, OWN, "Content-Type: application/x-www-form-urlencoded"], 415),
        ("POST /api/clusters/x/k8s/api/v1/pods", &[COOKIE, OWN, "Content-Type: text/plain"], 415),
        ("POST /api/clusters/x/k8s/api/v1/pods", &[COOKIE, OWN, "Content-Type: multipart/form-data"], 415),
        ("POST /api/clusters/x/k8s/api/v1/pods", &[COOKIE, OWN, "Content-Type: application/yaml"], 404),
        ("GET /api/clusters/x/k8s/api/v1/pods", &[], 401),
        ("POST /api/clusters/x/images", &[COOKIE, OWN, "Content-Type: text/plain"], 415),
        ("POST /api/clusters/x/images", &[COOKIE, OWN, "Content-Type: application/x-tar"], 404),
        ("DELETE /api/operations/1", &[COOKIE], 403),
        ("DELETE /api/operations/1", &[COOKIE, OWN], 404),
        // What only programs may.
        ("POST /api/token", &[COOKIE, OWN, JSON], 403),
        ("POST /api/stop", &[COOKIE, OWN, JSON], 403),
        ("POST /api/token", &[BEARER, JSON], 200),
    ];
    for (line, headers, expected) in table {
        let got = server.code(line, headers, "{}").await;
        assert_eq!(got, *expected, "{line} {headers:?}");
    }
    assert!(!server.agent.stop.is_cancelled());
}

#[tokio::test]
async fn a_one_time_token_opens_one_session() {
    let server = Server::start().await;
    let body = format!(r#"{{"token":"{}"}}"#, server.agent.sessions.tokens.issue());
    assert_eq!(server.code("POST /api/session", &[OWN, JSON], r#"{"token":""}"#).await, 401);
    assert_eq!(server.code("POST /api/session", &["Origin: http://evil.example", JSON], &body).await, 403);
    let (code, head, _) = server.ask("POST /api/session", &[OWN, JSON], &body).await;
    assert_eq!(code, 204);
    assert!(head.contains("set-cookie: devcluster-") && head.contains("httponly; samesite=strict"), "{head}");
    assert_eq!(server.code("POST /api/session", &[OWN, JSON], &body).await, 401);
}

#[tokio::test]
async fn a_web_socket_needs_a_ticket_that_was_not_used() {
    let server = Server::start().await;
    let open =
        async |path: String, more: &[&str]| server.code(&format!("GET {path}"), &[&UPGRADE, more].concat(), "").await;
    let ticket = || format!("/api/ws?ticket={}", server.agent.sessions.tickets.issue());
    assert_eq!(open("/api/ws".to_owned(), &[COOKIE, OWN]).await, 401);
    assert_eq!(open("/api/ws?ticket=".to_owned(), &[COOKIE, OWN]).await, 401);
    assert_eq!(open("/api/ws".to_owned(), &[BEARER]).await, 401);
    assert_eq!(open(ticket(), &["Origin: http://evil.example"]).await, 403);
    let once = ticket();
    assert_eq!(open(once.clone(), &[OWN]).await, 101);
    assert_eq!(open(once, &[OWN]).await, 401);
    let exec = "/api/clusters/x/k8s/api/v1/namespaces/n/pods/p/exec".to_owned();
    assert_eq!(open(exec.clone(), &[COOKIE, OWN]).await, 401);
    assert_eq!(open(format!("{exec}?ticket={}", server.agent.sessions.tickets.issue()), &[OWN]).await, 404);
}

#[tokio::test]
async fn the_page_is_served_with_its_policy_and_nothing_beside_it() {
    let server = Server::start().await;
    let (code, head, body) = server.ask("GET /clusters/dev/pods", &[], "").await;
    assert_eq!((code, body.as_str()), (200, "content of index.html"));
    for part in
        ["default-src 'none'; script-src 'self'", "frame-ancestors 'none'", "nosniff", "cache-control: no-cache"]
    {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(head.contains(&format!("ws://127.0.0.1:{}", server.port)));
    let (_, head, _) = server.ask("GET /assets/app-1a2b.js", &["Accept-Encoding: gzip"], "").await;
    assert!(head.contains("immutable") && head.contains("content-encoding: gzip"), "{head}");
    for path in [
        "/../agent.json",
        "/assets/../../agent.json",
        "/%2e%2e/agent.json",
        "/assets/..%2f..%2fagent.json",
        "//agent.json",
    ] {
        let (code, _, body) = server.ask(&format!("GET {path}"), &[], "").await;
        assert!(code == 404 && !body.contains("bearer"), "{path}: {code} {body}");
    }
}
