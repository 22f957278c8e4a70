//! What the WebSocket answers to each thing that a page may ask, as `ui/src/api/contract.ts` has it.

use super::Server;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

struct Page(WebSocketStream<TcpStream>);

impl Page {
    async fn open(server: &Server) -> Self {
        let (port, ticket) = (server.port, server.agent.sessions.tickets.issue());
        let url = format!("ws://127.0.0.1:{port}/api/ws?ticket={ticket}");
        let mut request = url.into_client_request().expect("an address");
        let origin = format!("http://127.0.0.1:{port}").parse().expect("a header");
        request.headers_mut().insert("origin", origin);
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
        Self(client_async(request, socket).await.expect("a socket").0)
    }

    async fn say(&mut self, text: String) {
        self.0.send(Message::text(text)).await.expect("it reads");
    }

    async fn hear(&mut self) -> Value {
        let message = self.0.next().await.expect("it stays open").expect("a message");
        serde_json::from_str(message.to_text().expect("a text")).expect("an object")
    }

    /// The next message about a view: others are told at any time.
    async fn answer(&mut self) -> Value {
        loop {
            let message = self.hear().await;
            if message["view"].is_u64() {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn a_page_is_told_of_everything_when_it_comes() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let mut told = Vec::new();
    for kind in ["clusters", "forwards", "operations", "syncs"] {
        let message = page.hear().await;
        let named = message["type"].as_str().expect("a type").to_owned();
        assert!(message[&named].is_array(), "{kind}: {message}");
        told.push(named);
    }
    told.sort();
    assert_eq!(told, ["clusters", "forwards", "operations", "syncs"]);
}

#[tokio::test]
async fn every_view_is_answered_and_what_is_no_view_is_refused_while_the_socket_stays() {
    let server = Server::start().await;
    let mut page = Page::open(&server).await;
    let pods = json!({"group": "", "version": "v1", "resource": "pods"});
    let with = |spec: Value, more: Value| {
        let fields = [spec, more].map(|part| part.as_object().cloned().unwrap_or_default());
        Value::Object(fields.into_iter().flatten().collect())
    };
    let of = |kind: &str, more: Value| with(json!({"kind": kind, "cluster": "x"}), more);
    let missing = 404;
    let table = [
        (of("list", with(pods.clone(), json!({"columns": [{"name": "App", "label": "app"}], "limit": 40}))), missing),
        (of("object", with(pods.clone(), json!({"namespace": "n", "name": "a"}))), missing),
        (of("counts", json!({"resources": [pods.clone()]})), missing),
        (of("problems", json!({"namespaces": []})), missing),
        (of("logs", json!({"namespace": "n", "pods": ["a"], "containers": [], "previous": false})), missing),
        (of("metrics", json!({"latest": true})), missing),
        (of("list", json!({"version": "v1"})), 400),
        (of("list", with(pods.clone(), json!({"limit": -1}))), 400),
        (of("object", pods.clone()), 400),
        (of("counts", json!({"resources": "pods"})), 400),
        (of("logs", json!({})), 400),
        (of("metrics", json!({"latest": "yes"})), 400),
        (of("other", pods), 400),
        (json!({"kind": "metrics"}), 400),
        (Value::Null, 400),
    ];
    for (view, (spec, code)) in (1_u64..).zip(&table) {
        page.say(json!({"op": "open", "view": view, "spec": spec}).to_string()).await;
        let answer = page.answer().await;
        let found = (&answer["type"], &answer["view"], &answer["live"], &answer["error"]["code"]);
        assert_eq!(found, (&json!("state"), &json!(view), &json!(false), &json!(code)), "{spec}: {answer}");
    }
    for text in ["", "{", "[]", "{\"op\": 1}", "{\"view\": -1}"] {
        page.say(text.to_owned()).await;
        assert_eq!(page.answer().await["error"]["code"], 400, "{text}");
    }
    // A number is free again when its view is closed, and a change takes the place of what was.
    page.say(json!({"op": "close", "view": 1}).to_string()).await;
    for op in ["open", "change"] {
        page.say(json!({"op": op, "view": 1, "spec": table[5].0}).to_string()).await;
        assert_eq!(page.answer().await["view"], 1, "{op}");
    }
}
