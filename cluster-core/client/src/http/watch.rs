//! Reads a watch's answer: one JSON document per line, each an event.

use super::Page;
use crate::backoff::fraction;
use crate::client::{decode, escape};
use crate::prelude::*;
use crate::{Error, Status, WatchEvent, WatchScope, WatchStream};
use bytes::Bytes;
use futures::future::ready;
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyDataStream;
use hyper::body::Body;
use serde_json::value::RawValue;
use std::io;
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, FramedRead};
use tokio_util::io::StreamReader;

/// How many bytes are read at once.
const BUFFER: usize = 64 * 1024;

/// The request path; the server ends the watch after five to ten minutes, spread so that not all come back at once.
pub(super) fn uri(scope: &WatchScope, resource_version: &str) -> String {
    let seconds = 300 + (fraction() * 300.0) as u32;
    let (path, version, selectors) = (&scope.path, escape(resource_version), scope.selectors());
    format!("{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={version}{selectors}")
}

/// The events in a body.
pub(super) fn stream<B>(body: B) -> WatchStream
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let bytes = StreamReader::new(BodyDataStream::new(body).map_err(io::Error::other));
    let lines = FramedRead::with_capacity(bytes, AnyDelimiterCodec::new(b"\n".to_vec(), Vec::new()), BUFFER);
    lines
        .map_err(|error| match error {
            AnyDelimiterCodecError::Io(error) => super::transport(&error),
            error @ AnyDelimiterCodecError::MaxChunkLengthExceeded => super::transport(&error),
        })
        .try_filter(|line| ready(!line.is_empty()))
        .and_then(|line| ready(event(&line)))
        .boxed()
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

fn event(line: &Bytes) -> Result<WatchEvent, Error> {
    let frame: Frame<'_> = decode("WatchEvent", line)?;
    let object = line.slice_ref(frame.object.get().as_bytes());
    Ok(match frame.kind {
        "ADDED" => WatchEvent::Added(object),
        "MODIFIED" => WatchEvent::Modified(object),
        "DELETED" => WatchEvent::Deleted(object),
        "BOOKMARK" => {
            let bookmark: Page<'_> = decode("bookmark", &object)?;
            WatchEvent::Bookmark(bookmark.metadata.resource_version.unwrap_or_default())
        }
        _ => return Err(Error::Api(decode::<Status>("Status", &object)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::StreamBody;
    use hyper::body::Frame as BodyFrame;

    #[tokio::test]
    async fn events_are_read_across_frame_borders() {
        let text = concat!(
            r#"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#,
            "\n",
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#,
            "\n",
            r#"{"type":"DELETED","object":{"n":1}}"#,
            "\n",
            r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","code":410,"reason":"Expired","message":"old"}}"#,
            "\n",
        );
        for size in [1, 7, 64, 4096] {
            let frames: Vec<Result<_, std::io::Error>> =
                text.as_bytes().chunks(size).map(|c| Ok(BodyFrame::data(Bytes::copy_from_slice(c)))).collect();
            let events: Vec<_> = stream(StreamBody::new(futures::stream::iter(frames))).collect().await;
            let [Ok(WatchEvent::Added(a)), Ok(WatchEvent::Bookmark(b)), Ok(WatchEvent::Deleted(d)), Err(e)] =
                &events[..]
            else {
                panic!("{events:?}")
            };
            assert_eq!((&a[..], b.as_str(), &d[..]), (&br#"{"metadata":{"name":"a"}}"#[..], "7", &br#"{"n":1}"#[..]));
            assert_eq!(e.status().map(|s| s.code), Some(410));
        }
    }
}
