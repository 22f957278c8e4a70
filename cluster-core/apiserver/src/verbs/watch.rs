//! watch: what happens in a collection, as objects for callers in the process and as JSON lines over HTTP.

use super::list::{Filter, parse_revision};
use crate::prelude::*;
use crate::request::{Encoding, Query, VersionMatch};
use cluster_store::{Change, Event, Expired, Watcher};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::VecDeque;
use tokio::time::{Interval, MissedTickBehavior};

const BOOKMARK_PERIOD: Duration = Duration::from_mins(1);
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
    check(query)?;
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
    let mut bookmarks = tokio::time::interval_at(Instant::now() + BOOKMARK_PERIOD, BOOKMARK_PERIOD);
    bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
        bookmarks,
        deadline: Instant::now() + Duration::from_secs(seconds),
        closing: server.closing.clone(),
        changed: resource.custom.as_ref().map(|custom| custom.changed.clone()).unwrap_or_default(),
    };
    let stream =
        futures::stream::unfold(state, |mut state| async move { state.next().await.map(|item| (item, state)) });
    Ok(stream.boxed())
}

fn check(query: &Query) -> Result<(), Status> {
    const MATCH: &str = "resourceVersionMatch";
    let (initial, matching) = (query.send_initial_events.is_some(), query.version_match);
    let newer = matching == Some(VersionMatch::NotOlderThan);
    let rules = [
        (initial && !newer, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        (
            matching.is_some() && !initial,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            matching.is_some() && !query.continue_token.is_empty(),
            "resourceVersionMatch is forbidden when continue is provided",
        ),
    ];
    request::forbidden_options("watch", &rules.map(|(broken, why)| (broken, MATCH, why)))
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
    bookmarks: Interval,
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
                _ = self.bookmarks.tick(), if self.bookmarked => {
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
