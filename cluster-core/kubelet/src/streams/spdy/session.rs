//! A connection's streams: one task reads frames and deals them out, one writes.

use super::frame::{FrameReader, FrameWriter, Received, Sent};
use super::headers::Headers;
use crate::prelude::*;

/// How many frames of one stream, and of the writer, may wait.
const QUEUE: usize = 32;
/// How many streams a client may have open.
const MAX_STREAMS: usize = 4096;

/// A connection. Dropping it ends the reading; the writer sends what waits and says goodbye.
pub(in crate::streams) struct Session {
    accepted: mpsc::Receiver<Stream>,
    _reader: AbortOnDropHandle<()>,
}

/// A stream that the client opened.
pub(in crate::streams) struct Stream {
    /// What it is for.
    pub(in crate::streams) headers: Headers,
    /// What comes in; closed when the client ends its side or the connection breaks.
    pub(in crate::streams) incoming: mpsc::Receiver<Bytes>,
    /// The way back.
    pub(in crate::streams) writer: StreamWriter,
}

/// Sends on one stream; may be used after the reading half is gone.
pub(in crate::streams) struct StreamWriter {
    stream: u32,
    frames: mpsc::Sender<Sent>,
}

impl StreamWriter {
    /// Sends bytes; false when the connection is gone.
    pub(in crate::streams) async fn send(&self, bytes: Bytes) -> bool {
        self.frames.send(Sent::Data { stream: self.stream, bytes, fin: false }).await.is_ok()
    }

    /// Ends our side of the stream.
    pub(in crate::streams) async fn finish(self) {
        let last = Sent::Data { stream: self.stream, bytes: Bytes::new(), fin: true };
        if self.frames.send(last).await.is_err() {
            tracing::debug!("the connection ended before the stream");
        }
    }
}

impl Session {
    /// Serves the client's streams on `io`.
    pub(in crate::streams) fn start(io: impl AsyncRead + AsyncWrite + Send + 'static) -> Option<Self> {
        let (read, write) = tokio::io::split(io);
        let (frames, to_write) = mpsc::channel(QUEUE);
        let (to_accept, accepted) = mpsc::channel(QUEUE);
        let writer = FrameWriter::new(write);
        let writer = writer.inspect_err(|error| tracing::warn!(%error, "failed to serve SPDY")).ok()?;
        let reader = Reader { frames, streams: HashMap::new(), accepted: to_accept };
        // Not tied to the session: it ends by itself once nobody can send any more, with all that was sent.
        tokio::spawn(write_frames(writer, to_write));
        Some(Self { accepted, _reader: AbortOnDropHandle::new(tokio::spawn(reader.run(FrameReader::new(read)))) })
    }

    /// The next stream the client opens; `None` when the connection ended.
    pub(in crate::streams) async fn accept(&mut self) -> Option<Stream> {
        self.accepted.recv().await
    }
}

async fn write_frames<W: AsyncWrite + Unpin>(mut writer: FrameWriter<W>, mut frames: mpsc::Receiver<Sent>) {
    let mut wrote = Ok(());
    while let Some(frame) = frames.recv().await {
        wrote = writer.send(frame).await;
        if wrote.is_err() {
            break;
        }
    }
    if wrote.is_ok() {
        wrote = writer.send(Sent::GoAway).await;
    }
    if let Err(error) = wrote.and(writer.shutdown().await) {
        tracing::debug!(%error, "a SPDY connection broke");
    }
}

struct Reader {
    frames: mpsc::Sender<Sent>,
    /// Where data goes; gone when the client ended its side or nobody listens.
    streams: HashMap<u32, mpsc::Sender<Bytes>>,
    accepted: mpsc::Sender<Stream>,
}

impl Reader {
    async fn run<R: AsyncRead + Unpin>(mut self, mut frames: FrameReader<R>) {
        loop {
            match frames.next().await {
                Ok(Some(Received::GoAway) | None) => return,
                Ok(Some(frame)) => {
                    if self.deal(frame).await.is_none() {
                        return;
                    }
                }
                Err(error) => return tracing::debug!(%error, "a SPDY connection broke"),
            }
        }
    }

    /// `None` when nobody uses the connection any more.
    async fn deal(&mut self, frame: Received) -> Option<()> {
        match frame {
            Received::Open { stream, .. } if self.streams.len() >= MAX_STREAMS => {
                self.frames.send(Sent::Refuse { stream }).await.ok()
            }
            Received::Open { stream, headers, fin } => {
                let (to_stream, incoming) = mpsc::channel(QUEUE);
                if !fin {
                    self.streams.insert(stream, to_stream);
                }
                let writer = StreamWriter { stream, frames: self.frames.clone() };
                self.frames.send(Sent::Reply { stream }).await.ok()?;
                self.accepted.send(Stream { headers, incoming, writer }).await.ok()
            }
            Received::Data { stream, bytes, fin } => {
                let listener = self.streams.get(&stream);
                let heard = match listener {
                    Some(listener) if !bytes.is_empty() => listener.send(bytes).await.is_ok(),
                    other => other.is_some(),
                };
                if fin || !heard {
                    self.streams.remove(&stream);
                }
                Some(())
            }
            Received::Reset { stream } => {
                self.streams.remove(&stream);
                Some(())
            }
            Received::Ping { id } => self.frames.send(Sent::Ping { id }).await.ok(),
            Received::GoAway | Received::Other => Some(()),
        }
    }
}
