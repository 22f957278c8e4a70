//! Frames on the wire.

use super::Error;
use super::headers::{Decoder, Encoder, Headers};
use crate::prelude::*;

const VERSION: u16 = 3;
const FIN: u8 = 1;
/// Control frames hold headers at the most.
const MAX_CONTROL: usize = 64 * 1024;
/// Large data frames are handed on in pieces of this size.
const PIECE: usize = 32 * 1024;

mod kind {
    pub(super) const SYN_STREAM: u16 = 1;
    pub(super) const SYN_REPLY: u16 = 2;
    pub(super) const RST_STREAM: u16 = 3;
    pub(super) const PING: u16 = 6;
    pub(super) const GOAWAY: u16 = 7;
    pub(super) const HEADERS: u16 = 8;
}

/// What the client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A new stream.
    Open { stream: u32, headers: Headers, fin: bool },
    /// Bytes of a stream, or a piece of them.
    Data { stream: u32, bytes: Bytes, fin: bool },
    /// The client gives a stream up.
    Reset { stream: u32 },
    /// To be answered alike.
    Ping { id: u32 },
    /// No stream is opened any more.
    GoAway,
    /// Settings, windows and other frames that need no answer.
    Other,
}

/// What we send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Reply { stream: u32 },
    Data { stream: u32, bytes: Bytes, fin: bool },
    Refuse { stream: u32 },
    Ping { id: u32 },
    GoAway,
}

/// Reads frames.
pub(super) struct FrameReader<R> {
    io: R,
    headers: Decoder,
    /// The stream, the bytes left and the FIN flag of a data frame that is being read.
    partial: Option<(u32, usize, bool)>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(io: R) -> Self {
        Self { io, headers: Decoder::new(), partial: None }
    }

    /// The next frame; `None` when the client closed the connection between frames. Not safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<Received>, Error> {
        if let Some((stream, left, fin)) = self.partial.take() {
            return self.data(stream, left, fin).await.map(Some);
        }
        let mut head = [0; 8];
        match self.io.read_exact(&mut head).await {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let flags = head[4];
        let length = u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize;
        if first >> 31 == 0 {
            return self.data(first, length, flags & FIN != 0).await.map(Some);
        }
        if (first >> 16) as u16 & 0x7fff != VERSION {
            return Err(Error::Protocol("unsupported version"));
        }
        if length > MAX_CONTROL {
            return Err(Error::Protocol("control frame too large"));
        }
        let mut payload = vec![0; length];
        self.io.read_exact(&mut payload).await?;
        self.control(first as u16, flags, &payload).map(Some)
    }

    async fn data(&mut self, stream: u32, length: usize, fin: bool) -> Result<Received, Error> {
        let mut bytes = vec![0; length.min(PIECE)];
        self.io.read_exact(&mut bytes).await?;
        let left = length - bytes.len();
        if left > 0 {
            self.partial = Some((stream, left, fin));
        }
        Ok(Received::Data { stream, bytes: bytes.into(), fin: fin && left == 0 })
    }

    fn control(&mut self, kind: u16, flags: u8, payload: &[u8]) -> Result<Received, Error> {
        let number = |at: usize| -> Result<u32, Error> {
            let bytes = payload.get(at..at + 4).ok_or(Error::Protocol("control frame too short"))?;
            Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) & 0x7fff_ffff)
        };
        Ok(match kind {
            kind::SYN_STREAM => {
                let block = payload.get(10..).ok_or(Error::Protocol("control frame too short"))?;
                Received::Open { stream: number(0)?, headers: self.headers.decode(block)?, fin: flags & FIN != 0 }
            }
            kind::HEADERS | kind::SYN_REPLY => {
                let block = payload.get(4..).ok_or(Error::Protocol("control frame too short"))?;
                self.headers.decode(block)?;
                Received::Other
            }
            kind::RST_STREAM => Received::Reset { stream: number(0)? },
            kind::PING => Received::Ping { id: number(0)? },
            kind::GOAWAY => Received::GoAway,
            _ => Received::Other,
        })
    }
}

/// Writes frames.
pub(super) struct FrameWriter<W> {
    io: W,
    headers: Encoder,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(super) fn new(io: W) -> Result<Self, Error> {
        Ok(Self { io, headers: Encoder::new()? })
    }

    /// Writes one frame whole.
    pub(super) async fn send(&mut self, frame: Sent) -> Result<(), Error> {
        match frame {
            Sent::Data { stream, bytes, fin } => return self.data(stream, &bytes, fin).await,
            Sent::Reply { stream } => {
                let mut payload = stream.to_be_bytes().to_vec();
                payload.extend(self.headers.encode(&[])?);
                self.control(kind::SYN_REPLY, &payload).await?;
            }
            // REFUSED_STREAM
            Sent::Refuse { stream } => self.control(kind::RST_STREAM, &two(stream, 3)).await?,
            Sent::Ping { id } => self.control(kind::PING, &id.to_be_bytes()).await?,
            Sent::GoAway => self.control(kind::GOAWAY, &two(0, 0)).await?,
        }
        Ok(self.io.flush().await?)
    }

    /// Ends the connection's sending side.
    pub(super) async fn shutdown(&mut self) -> Result<(), Error> {
        Ok(self.io.shutdown().await?)
    }

    async fn data(&mut self, stream: u32, bytes: &Bytes, fin: bool) -> Result<(), Error> {
        let [_, length @ ..] = (bytes.len() as u32).to_be_bytes();
        let mut head = stream.to_be_bytes().to_vec();
        head.push(u8::from(fin) * FIN);
        head.extend_from_slice(&length);
        self.io.write_all(&head).await?;
        self.io.write_all(bytes).await?;
        Ok(self.io.flush().await?)
    }

    async fn control(&mut self, kind: u16, payload: &[u8]) -> Result<(), Error> {
        let mut frame = (0x8000 | VERSION).to_be_bytes().to_vec();
        frame.extend_from_slice(&kind.to_be_bytes());
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(payload);
        Ok(self.io.write_all(&frame).await?)
    }
}

fn two(first: u32, second: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first.to_be_bytes());
    bytes[4..].copy_from_slice(&second.to_be_bytes());
    bytes
}
