//! Follows a collection in any of its forms, page by page.

use crate::prelude::*;
use cluster_client::{Backend, Error, Follower, Status, WatchEvent, WatchStream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;

const PAGE: usize = 500;
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// How objects are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// As they are.
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

/// Follows a collection for ever.
pub(crate) async fn follow(backend: &HttpBackend, scope: &WatchScope, form: Form, take: impl FnMut(Event) + Send) {
    cluster_client::follow(Following { backend, scope, form, take }).await;
}

struct Following<'a, T> {
    backend: &'a HttpBackend,
    scope: &'a WatchScope,
    form: Form,
    take: T,
}

impl<T: FnMut(Event) + Send> Follower for Following<'_, T> {
    /// Hands over page after page, so that the first ones are seen while the others are on their way.
    async fn list(&mut self) -> Result<String, Error> {
        let mut more = String::new();
        loop {
            let query = format!("limit={PAGE}&continue={}", escape(&more));
            let bytes = successful(self.backend.call(request(self.scope, self.form, &query)?).await?)?;
            let Page { metadata } = decode("List", &bytes)?;
            let next = metadata.continue_.unwrap_or_default();
            let (first, last) = (more.is_empty(), next.is_empty());
            (self.take)(Event::Page { bytes, first, last });
            if last {
                return Ok(metadata.resource_version.unwrap_or_default());
            }
            more = next;
        }
    }

    async fn watch(&mut self, revision: &str) -> Result<WatchStream, Error> {
        let query = format!("watch=true&allowWatchBookmarks=true&resourceVersion={revision}");
        self.backend.events(request(self.scope, self.form, &query)?).await
    }

    fn take(&mut self, event: WatchEvent) -> Option<String> {
        let (bytes, gone) = match event {
            WatchEvent::Bookmark(revision) => return Some(revision),
            WatchEvent::Added(bytes) | WatchEvent::Modified(bytes) => (bytes, false),
            WatchEvent::Deleted(bytes) => (bytes, true),
        };
        let revision = revision(self.form, &bytes);
        (self.take)(if gone { Event::Gone(bytes) } else { Event::Put(bytes) });
        revision
    }

    fn lost(&mut self, error: Error) {
        (self.take)(Event::Lost(status_of(&error)));
    }

    fn resumed(&mut self) {
        (self.take)(Event::Back);
    }
}

/// A failure as Kubernetes words it.
pub(crate) fn status_of(error: &Error) -> Status {
    error.status().cloned().unwrap_or_else(|| Status::new(503, "ServiceUnavailable", error.to_string()))
}

/// A request of the collection in a form, with more in its query.
fn request(scope: &WatchScope, form: Form, more: &str) -> Result<Request<Bytes>, Error> {
    let (accept, whole) = match form {
        Form::Objects => ("application/json", ""),
        Form::Rows => (TABLE, ""),
        Form::RowsWithObjects => (TABLE, "&includeObject=Object"),
    };
    let uri = format!("{}?{more}{}{whole}", scope.path, scope.selectors());
    let request = Request::get(&uri).header(ACCEPT, accept).body(Bytes::new());
    request.map_err(|error| Error::Config(format!("{uri:?} is no request path: {error}")))
}

#[derive(Deserialize)]
struct Page {
    metadata: ListMeta,
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
    page.metadata.resource_version
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
        let (path, label_selector) = ("/api/v1/pods".to_owned(), "a=b,c".to_owned());
        let scope = WatchScope { path, label_selector, ..WatchScope::default() };
        let request = request(&scope, Form::RowsWithObjects, "limit=1").expect("a request");
        assert_eq!(request.uri(), "/api/v1/pods?limit=1&labelSelector=a%3Db%2Cc&includeObject=Object");
        assert_eq!(request.headers()[ACCEPT], TABLE);
    }
}
