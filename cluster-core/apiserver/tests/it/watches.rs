//! Watches.

use super::{Api, Body, CONFIG_MAPS, config_map};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

struct Lines {
    body: Body,
    lines: VecDeque<Value>,
}

impl Lines {
    async fn open(api: &Api, query: &str) -> Self {
        let request = Request::builder().uri(format!("{CONFIG_MAPS}?watch=1&{query}")).body(Body::empty());
        let response = api.send(request.expect("a request")).await;
        assert_eq!(response.status(), 200);
        Self { body: response.into_body(), lines: VecDeque::new() }
    }

    /// Type and name of the next event; empty at the end.
    async fn next(&mut self) -> (String, Value) {
        while self.lines.is_empty() {
            let frame =
                tokio::time::timeout(Duration::from_secs(10), self.body.frame()).await.expect("an event in time");
            let Some(frame) = frame else { return (String::new(), Value::Null) };
            let data = frame.expect("a frame").into_data().expect("data");
            let lines = data.split(|b| *b == b'\n').filter(|l| !l.is_empty());
            self.lines.extend(lines.map(|l| serde_json::from_slice::<Value>(l).expect("JSON")));
        }
        let event = self.lines.pop_front().expect("a line");
        (event["type"].as_str().expect("a type").to_owned(), event["object"].clone())
    }

    async fn expect(&mut self, kind: &str, name: &str) -> Value {
        let (got, object) = self.next().await;
        assert_eq!((got.as_str(), object["metadata"]["name"].as_str().unwrap_or_default()), (kind, name), "{object}");
        object
    }
}

#[tokio::test]
async fn a_watch_tells_what_is_there_and_then_what_happens() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let mut watch = Lines::open(&api, "").await;
    watch.expect("ADDED", "a").await;
    api.post(CONFIG_MAPS, &config_map("b", &json!({}))).await.ok();
    let added = watch.expect("ADDED", "b").await;
    api.put(&format!("{CONFIG_MAPS}/b"), &config_map("b", &json!({"k": "v"}))).await.ok();
    watch.expect("MODIFIED", "b").await;
    api.delete(&format!("{CONFIG_MAPS}/b"), &json!({})).await.ok();
    let deleted = watch.expect("DELETED", "b").await;
    let revision = |object: &Value| object["metadata"]["resourceVersion"].as_str().and_then(|r| r.parse::<u64>().ok());
    assert!(revision(&deleted) > revision(&added));

    let after = added["metadata"]["resourceVersion"].as_str().expect("a revision");
    let mut resumed = Lines::open(&api, &format!("resourceVersion={after}")).await;
    resumed.expect("MODIFIED", "b").await;
    resumed.expect("DELETED", "b").await;
}

#[tokio::test]
async fn a_selector_turns_changes_into_comings_and_goings() {
    let api = Api::start().await;
    let mut watch = Lines::open(&api, "labelSelector=on%3Dyes").await;
    let labelled = |on: &str| {
        let mut object = config_map("a", &json!({}));
        object["metadata"]["labels"] = json!({"on": on});
        object
    };
    let path = format!("{CONFIG_MAPS}/a");
    api.post(CONFIG_MAPS, &labelled("no")).await.ok();
    api.put(&path, &labelled("yes")).await.ok();
    watch.expect("ADDED", "a").await;
    let off = api.put(&path, &labelled("no")).await.ok();
    let gone = watch.expect("DELETED", "a").await;
    assert_eq!(gone["metadata"]["labels"]["on"], "yes", "the last state that matched");
    assert_eq!(gone["metadata"]["resourceVersion"], off["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = Lines::open(&api, query).await;
    watch.expect("ADDED", "a").await;
    let bookmark = watch.expect("BOOKMARK", "").await;
    assert_eq!(bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!((&bookmark["kind"], &bookmark["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    api.post(CONFIG_MAPS, &config_map("b", &json!({}))).await.ok();
    watch.expect("ADDED", "b").await;
    let refused = api.get(&format!("{CONFIG_MAPS}?watch=1&sendInitialEvents=true")).await;
    assert_eq!(refused.failure().1, "Invalid");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    assert_eq!(api.accepting(&format!("{CONFIG_MAPS}?watch=1&{query}"), table).await.code, 406);
}

#[tokio::test]
async fn a_watch_ends_by_its_timeout_and_when_the_server_closes() {
    let api = Api::start().await;
    let mut watch = Lines::open(&api, "timeoutSeconds=1&resourceVersion=0").await;
    assert_eq!(watch.next().await.0, "");
    drop(Lines::open(&api, "timeoutSeconds=9223372036854775807").await);
    let mut watch = Lines::open(&api, "").await;
    api.server.close();
    assert_eq!(watch.next().await.0, "");
    assert!(!api.server.is_ready());
}

#[tokio::test]
async fn callers_in_the_process_get_bytes_without_http() {
    use cluster_apiserver::Watched;
    use cluster_apiserver::auth::{UserInfo, group};
    use futures::StreamExt;
    let api = Api::start().await;
    let user = UserInfo::authenticated("in-process", &[group::MASTERS]);
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let (revision, items) = api.server.list_bytes(&user, "/api/v1/configmaps", "", "").await.expect("a list");
    assert!(items.iter().any(|item| item.windows(10).any(|w| w == b"\"name\":\"a\"")));
    let version = revision.to_string();
    let mut events = api.server.watch_bytes(&user, CONFIG_MAPS, "", "", &version).expect("a watch");
    api.post(CONFIG_MAPS, &config_map("b", &json!({}))).await.ok();
    assert!(matches!(events.next().await, Some(Ok(Watched::Added(_)))));
    let nobody = UserInfo::authenticated("nobody", &[]);
    let refused = api.server.list_bytes(&nobody, "/api/v1/configmaps", "", "").await.expect_err("no rights");
    assert_eq!(refused.code, 403);
}
