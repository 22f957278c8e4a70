//! Follows a collection in any of its forms: the whole of it first, then every change, across lost connections.

use crate::prelude::*;
use cluster_client::{Backend, Error, Status, WatchEvent, successful};
use std::fmt::Write as _;

const PAGE: usize = 500;
/// A watch that ended sooner than this did not work, even when it ended without an error.
const HEALTHY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// What is followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    /// The path of the collection.
    pub(crate) path: String,
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) form: Form,
}

/// How objects are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// As they are.
    #[default]
    Objects,
    /// As rows of a table with their metadata.
    Rows,
    /// As rows of a table with the whole object.
    RowsWithObjects,
}

/// What happened in the collection. With a table form a change is a table of one row.
#[derive(Debug)]
pub(crate) enum Event {
    /// A page of the whole collection, a list or a table: the first one, the last one, or any between them.
    Page { bytes: Bytes, first: bool, last: bool },
    /// An object is new or different.
    Put(Bytes),
    /// An object is gone; its last state.
    Gone(Bytes),
    /// The connection is lost; what is known is stale.
    Lost(Status),
    /// The connection is back and nothing was missed.
    Back,
}

impl Event {
    /// The object, where no more than one is followed: null when it is gone, none when nothing is said of it.
    pub(crate) fn single(&self) -> Option<Value> {
        match self {
            Self::Page { bytes, .. } => {
                let list: Value = decode("List", bytes).ok()?;
                Some(meta::items(&list["items"]).first().cloned().unwrap_or_default())
            }
            Self::Put(bytes) => decode("object", bytes).ok(),
            Self::Gone(_) => Some(Value::Null),
            Self::Lost(_) | Self::Back => None,
        }
    }
}

/// Follows for ever.
pub(crate) async fn follow(backend: &HttpBackend, scope: &Scope, mut take: impl FnMut(Event) + Send) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut position = None;
    loop {
        let start = Instant::now();
        let ended = run(backend, scope, &mut position, &mut take).await;
        if start.elapsed() >= HEALTHY {
            backoff.reset();
        }
        match ended.map_err(|error| status_of(&error)) {
            Err(status) if status.code == 410 => position = None,
            Err(status) => take(Event::Lost(status)),
            Ok(()) => {}
        }
        if start.elapsed() < HEALTHY {
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

/// A failure as Kubernetes words it.
pub(crate) fn status_of(error: &Error) -> Status {
    error.status().cloned().unwrap_or_else(|| Status::new(503, "ServiceUnavailable", error.to_string()))
}

/// Lists unless the position is known, then watches until the server ends it.
async fn run(
    backend: &HttpBackend,
    scope: &Scope,
    position: &mut Option<String>,
    take: &mut (impl FnMut(Event) + Send),
) -> Result<(), Error> {
    let resumed = position.is_some();
    if !resumed {
        list(backend, scope, position, take).await?;
    }
    let from = position.clone().unwrap_or_default();
    let request = scope.request(&format!("watch=true&allowWatchBookmarks=true&resourceVersion={from}"))?;
    let mut events = backend.events(request).await?;
    if resumed {
        take(Event::Back);
    }
    while let Some(event) = events.next().await {
        let (bytes, gone) = match event? {
            WatchEvent::Bookmark(revision) => {
                *position = Some(revision);
                continue;
            }
            WatchEvent::Added(bytes) | WatchEvent::Modified(bytes) => (bytes, false),
            WatchEvent::Deleted(bytes) => (bytes, true),
        };
        if let Some(revision) = revision(scope.form, &bytes) {
            *position = Some(revision);
        }
        take(if gone { Event::Gone(bytes) } else { Event::Put(bytes) });
    }
    Ok(())
}

impl Scope {
    /// A request of the collection with more in its query.
    fn request(&self, more: &str) -> Result<Request<Bytes>, Error> {
        let mut uri = format!("{}?{more}", self.path);
        for (name, value) in [("labelSelector", &self.label_selector), ("fieldSelector", &self.field_selector)] {
            if !value.is_empty() {
                write!(uri, "&{name}={}", escape(value)).expect("a string takes every write");
            }
        }
        let accept = match self.form {
            Form::Objects => "application/json",
            Form::Rows => TABLE,
            Form::RowsWithObjects => {
                uri.push_str("&includeObject=Object");
                TABLE
            }
        };
        let request = Request::get(&uri).header(ACCEPT, accept).body(Bytes::new());
        request.map_err(|error| Error::Config(format!("{uri:?} is no request path: {error}")))
    }
}

#[derive(Deserialize)]
struct Page {
    metadata: PageMeta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    more: String,
}

/// Hands over page after page, so that the first ones are seen while the others are on their way.
async fn list(
    backend: &HttpBackend,
    scope: &Scope,
    position: &mut Option<String>,
    take: &mut (impl FnMut(Event) + Send),
) -> Result<(), Error> {
    let mut more = String::new();
    while position.is_none() {
        let request = scope.request(&format!("limit={PAGE}&continue={}", escape(&more)))?;
        let bytes = successful(backend.call(request).await?)?;
        let PageMeta { resource_version, more: next } = decode::<Page>("List", &bytes)?.metadata;
        let (first, last) = (more.is_empty(), next.is_empty());
        *position = last.then_some(resource_version);
        take(Event::Page { bytes, first, last });
        more = next;
    }
    Ok(())
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(kind: &'static str, bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::Decode { kind, source })
}

/// The revision of a changed object, or of the object in a table's only row.
fn revision(form: Form, bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Table {
        rows: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        object: Page,
    }
    let page = match form {
        Form::Objects => decode("object", bytes).ok()?,
        _ => decode::<Table>("Table", bytes).ok()?.rows.pop()?.object,
    };
    Some(page.metadata.resource_version).filter(|revision| !revision.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_follows_objects_and_rows() {
        let object = br#"{"kind":"Pod","metadata":{"resourceVersion":"7","name":"a"}}"#;
        assert_eq!(revision(Form::Objects, object).as_deref(), Some("7"));
        let table =
            br#"{"kind":"Table","metadata":{},"rows":[{"cells":[],"object":{"metadata":{"resourceVersion":"8"}}}]}"#;
        assert_eq!(revision(Form::Rows, table).as_deref(), Some("8"));
        assert_eq!(revision(Form::Rows, br#"{"rows":[]}"#), None);
    }

    #[test]
    fn of_a_single_object_its_state_is_known_whenever_something_is_said_of_it() {
        let list = |items: Value| {
            let bytes = json!({"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": items});
            Event::Page { bytes: bytes.to_string().into(), first: true, last: true }
        };
        let pod = json!({"kind": "Pod", "metadata": {"name": "a"}});
        let table = [
            (list(json!([pod])), Some(pod.clone())),
            (list(json!([])), Some(Value::Null)),
            (Event::Put(pod.to_string().into()), Some(pod.clone())),
            (Event::Gone(pod.to_string().into()), Some(Value::Null)),
            (Event::Back, None),
        ];
        for (event, expected) in table {
            assert_eq!(event.single(), expected, "{event:?}");
        }
    }

    #[test]
    fn selectors_are_escaped_and_the_form_is_asked_for() {
        let scope = Scope {
            path: "/api/v1/pods".to_owned(),
            label_selector: "a=b,c".to_owned(),
            form: Form::RowsWithObjects,
            ..Scope::default()
        };
        let request = scope.request("limit=1").expect("a request");
        assert_eq!(request.uri(), "/api/v1/pods?limit=1&labelSelector=a%3Db%2Cc&includeObject=Object");
        assert_eq!(request.headers()[ACCEPT], TABLE);
    }
}
