//! watch: what happens in a collection, as objects for callers in the process and as JSON lines over HTTP.

use super::list::{Filter, parse_revision};
use crate::prelude::*;
use cluster_store::{Change, Event, Expired, Watcher};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::VecDeque;

const BOOKMARK_PERIOD: Duration = Duration::from_mins(1);
/// How long before the end of a watch the last bookmark comes, from which the client goes on.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
/// What no watch outlives, in seconds; a longer time that is asked for would be past all times.
const LONGEST: u64 = 365 * 24 * 3600;
/// How long a watch lasts at least when the client names no timeout; upstream's `--min-request-timeout`.
const DEFAULT_TIMEOUT: u64 = 1800;

/// One event of a watch; objects are JSON of the served version.
#[derive(Debug, Clone)]
pub enum Watched {
    /// The object is new to the watcher.
    Added(Bytes),
    /// The object changed.
    Modified(Bytes),
    /// The object is gone for the watcher; its last state.
    Deleted(Bytes),
    /// Everything up to this revision was told; `initial` ends the initial events.
    Bookmark {
        /// The revision.
        revision: Revision,
        /// Whether it says that the initial events are complete.
        initial: bool,
    },
}

/// The events of a watch. Ends with the watch; an error is its last item.
pub type WatchedStream = BoxStream<'static, Result<Watched, Status>>;

/// Answers a watch over HTTP.
pub(super) fn respond(call: &Call<'_>) -> Result<Reply, Status> {
    let accept = call.accept;
    if accept.encoding == Encoding::Yaml {
        return Err(Status::new(406, "NotAcceptable", "only the following media types are accepted: application/json"));
    }
    let (resource, include) = (Arc::clone(&call.resource), call.query.include_object.clone());
    let events = open(call)?;
    let mut headed = true;
    let frames = events.map(move |event| {
        let headed = std::mem::take(&mut headed);
        let form = |bytes| render::form(&resource, accept.form, &include, headed, bytes);
        let frame = event.and_then(|event| frame(&resource, accept.encoding, event, form));
        Ok::<_, std::convert::Infallible>(frame.unwrap_or_else(|status| error_frame(accept.encoding, &status)))
    });
    let media = match accept.encoding {
        Encoding::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        _ => "application/json",
    };
    let response = Response::builder().header(http::header::CONTENT_TYPE, media).body(Body::from_stream(frames));
    Ok(Reply::ok(Content::Raw(response.map_err(Status::internal)?)))
}

fn frame(
    resource: &Resource,
    encoding: Encoding,
    event: Watched,
    transform: impl Fn(Bytes) -> Result<Bytes, Status>,
) -> Result<Bytes, Status> {
    let (kind, object) = match event {
        Watched::Added(bytes) => ("ADDED", bytes),
        Watched::Modified(bytes) => ("MODIFIED", bytes),
        Watched::Deleted(bytes) => ("DELETED", bytes),
        Watched::Bookmark { revision, initial } => ("BOOKMARK", bookmark(resource, revision, initial)),
    };
    framed(encoding, kind, &transform(object)?)
}

fn framed(encoding: Encoding, kind: &str, object: &[u8]) -> Result<Bytes, Status> {
    if encoding == Encoding::Protobuf {
        let object = serde_json::from_slice(object).map_err(Status::internal)?;
        return protobuf::encode_event(kind, &object).map(Bytes::from).ok_or_else(crate::pipeline::not_acceptable);
    }
    Ok([&b"{\"type\":\""[..], kind.as_bytes(), b"\",\"object\":", object, b"}\n"].concat().into())
}

fn error_frame(encoding: Encoding, status: &Status) -> Bytes {
    let object = status.to_json().to_string();
    framed(encoding, "ERROR", object.as_bytes()).unwrap_or_else(|_| object.into())
}

fn bookmark(resource: &Resource, revision: Revision, initial: bool) -> Bytes {
    let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    if initial {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata}).to_string().into()
}

/// Starts a watch.
pub(crate) fn open(call: &Call<'_>) -> Result<WatchedStream, Status> {
    let Call { server, resource, query, .. } = call;
    super::list::check_options(query, true)?;
    let filter = Filter::new(call)?;
    let revision = parse_revision(&query.resource_version)?;
    let initial = query.send_initial_events.unwrap_or(revision == 0);
    let (after, snapshot) = if initial {
        super::list::not_newer(server, revision)?;
        let snapshot = server.store.snapshot(&resource.storage);
        (snapshot.revision, Some(snapshot))
    } else {
        (if revision == 0 { server.store.revision() } else { revision }, None)
    };
    let asked = query.timeout_seconds.filter(|seconds| *seconds > 0);
    let chosen = || rand::random_range(DEFAULT_TIMEOUT..2 * DEFAULT_TIMEOUT);
    let seconds = asked.unwrap_or_else(chosen).min(LONGEST);
    // A watch that starts too early in the past is answered by an ERROR event, as upstream does.
    let watcher = server.store.watch(&resource.storage, after);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let all = snapshot.iter().flat_map(|snapshot| snapshot.range(filter.namespace(), None));
    let state = State {
        resource: Arc::clone(resource),
        store: Arc::clone(&server.store),
        initial_end: (query.send_initial_events == Some(true) && query.bookmarks).then_some(after),
        initial: all.filter(|entry| filter.matches(entry)).collect(),
        filter,
        pending: VecDeque::new(),
        watcher: Some(watcher.map_err(|e| expired(&e))),
        bookmarked: query.bookmarks,
        bookmark_at: next_bookmark(Instant::now(), deadline),
        deadline,
        closing: server.closing.clone(),
        changed: resource.custom.as_ref().map(|custom| custom.changed.clone()).unwrap_or_default(),
    };
    let stream =
        futures::stream::unfold(state, |mut state| async move { state.next().await.map(|item| (item, state)) });
    Ok(stream.boxed())
}

/// When the bookmark after `now` is due.
fn next_bookmark(now: Instant, deadline: Instant) -> Instant {
    let (next, last) = (now + BOOKMARK_PERIOD, deadline - LAST_BOOKMARK);
    if now < last { next.min(last) } else { next }
}

fn expired(error: &Expired) -> Status {
    Status::expired(error.to_string())
}

struct State {
    resource: Arc<Resource>,
    store: Arc<dyn Store>,
    filter: Filter,
    initial: VecDeque<Arc<Entry>>,
    initial_end: Option<Revision>,
    pending: VecDeque<Arc<Event>>,
    /// Gone when the watch has ended with an error.
    watcher: Option<Result<Watcher, Status>>,
    bookmarked: bool,
    bookmark_at: Instant,
    deadline: Instant,
    closing: CancellationToken,
    /// Cancelled when a custom object's definition says something else.
    changed: CancellationToken,
}

impl State {
    async fn next(&mut self) -> Option<Result<Watched, Status>> {
        loop {
            if let Some(entry) = self.initial.pop_front() {
                return Some(self.bytes(&entry).await.map(Watched::Added));
            }
            if let Some(revision) = self.initial_end.take() {
                return Some(Ok(Watched::Bookmark { revision, initial: true }));
            }
            while let Some(event) = self.pending.pop_front() {
                if let Some(watched) = self.seen(&event).await.transpose() {
                    return Some(watched);
                }
            }
            let watcher = match self.watcher.as_mut()? {
                Ok(watcher) => watcher,
                Err(status) => {
                    let status = status.clone();
                    self.watcher = None;
                    return Some(Err(status));
                }
            };
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                batch = watcher.next() => match batch {
                    Ok(events) => self.pending.extend(events),
                    Err(error) => self.watcher = Some(Err(expired(&error))),
                },
                // What is served from now on may have another shape: the client is to look again.
                () = self.changed.cancelled() => return None,
                () = tokio::time::sleep_until(self.deadline) => return None,
                () = tokio::time::sleep_until(self.bookmark_at), if self.bookmarked => {
                    self.bookmark_at = next_bookmark(Instant::now(), self.deadline);
                    return Some(Ok(Watched::Bookmark { revision: watcher.revision(), initial: false }));
                }
            }
        }
    }

    async fn bytes(&self, entry: &Arc<Entry>) -> Result<Bytes, Status> {
        self.resource.served_one(&self.store, entry).await
    }

    /// What the event is to this watcher: with a selector, a change can be a coming or a going.
    async fn seen(&self, event: &Event) -> Result<Option<Watched>, Status> {
        let now = event.change == Change::Put && self.filter.matches(&event.entry);
        let before = event.previous.as_ref().filter(|previous| self.filter.matches(previous));
        Ok(match (before, now) {
            (None, true) => Some(Watched::Added(self.bytes(&event.entry).await?)),
            (Some(_), true) => Some(Watched::Modified(self.bytes(&event.entry).await?)),
            (Some(_), false) if event.change == Change::Delete => {
                Some(Watched::Deleted(self.bytes(&event.entry).await?))
            }
            (Some(previous), false) => {
                let mut object: Value = self.resource.value(&self.store, previous).await?;
                object["metadata"]["resourceVersion"] = event.revision.to_string().into();
                Some(Watched::Deleted(super::to_bytes(&object)?))
            }
            (None, false) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_come_each_minute_and_once_before_the_end() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (now, deadline, next) in [(0, 1800, 60), (60, 90, 88), (88, 90, 148), (0, 10, 8), (0, 1, 60)] {
            assert_eq!(next_bookmark(at(now), at(deadline)), at(next), "{now} {deadline}");
        }
    }
}
