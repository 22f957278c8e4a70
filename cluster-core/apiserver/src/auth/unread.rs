//! A request's body whose rest is read and thrown away when it was answered early.
//!
//! Else the connection would be closed while the client still sends, and clients that do not read before they have sent
//! everything would see a broken connection in the place of the answer.

use crate::prelude::*;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// As much as Go's server reads after a handler has ended; then the connection is closed.
const LIMIT: u64 = 256 * 1024;
/// As long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body that is read to its end, whoever drops it.
#[derive(Debug)]
pub(crate) struct Unread(Option<Incoming>);

impl From<Incoming> for Unread {
    fn from(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl Body for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let body = self.0.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Ok(runtime)) = (body, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(PATIENCE, drain(body)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut read = 0;
    while read < LIMIT
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}
