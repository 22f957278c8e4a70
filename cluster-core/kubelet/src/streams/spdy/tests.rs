//! A SPDY client for tests: builds frames by hand and reads the server's.

use super::headers::{Decoder, Encoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub(in crate::streams) struct Client {
    io: DuplexStream,
    encoder: Encoder,
    decoder: Decoder,
}

/// A frame of the server: stream, bytes and whether the stream ends; control frames by their kind.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::streams) enum Frame {
    Data(u32, Vec<u8>, bool),
    Control(u16, Vec<u8>),
}

impl Client {
    pub(in crate::streams) fn new(io: DuplexStream) -> Self {
        Self { io, encoder: Encoder::new().expect("encoder"), decoder: Decoder::new() }
    }

    pub(in crate::streams) async fn open(&mut self, stream: u32, headers: &[(&str, &str)]) {
        let block = self.encoder.encode(headers).expect("block");
        let mut payload = stream.to_be_bytes().to_vec();
        payload.extend_from_slice(&[0; 6]);
        payload.extend(block);
        self.control(1, &payload).await;
    }

    pub(in crate::streams) async fn control(&mut self, kind: u16, payload: &[u8]) {
        let mut frame = vec![0x80, 3];
        frame.extend_from_slice(&kind.to_be_bytes());
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(payload);
        self.io.write_all(&frame).await.expect("write");
    }

    pub(in crate::streams) async fn data(&mut self, stream: u32, bytes: &[u8], fin: bool) {
        let mut frame = stream.to_be_bytes().to_vec();
        let [_, length @ ..] = (bytes.len() as u32).to_be_bytes();
        frame.push(u8::from(fin));
        frame.extend_from_slice(&length);
        frame.extend_from_slice(bytes);
        self.io.write_all(&frame).await.expect("write");
    }

    /// The next frame; replies are decoded so that their compression is checked, and passed over.
    pub(in crate::streams) async fn next(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 8];
            self.io.read_exact(&mut head).await.ok()?;
            let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            let length = u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize;
            let mut payload = vec![0; length];
            self.io.read_exact(&mut payload).await.expect("payload");
            if first >> 31 == 0 {
                return Some(Frame::Data(first, payload, head[4] & 1 == 1));
            }
            match first as u16 {
                2 => drop(self.decoder.decode(&payload[4..]).expect("reply headers")),
                kind => return Some(Frame::Control(kind, payload)),
            }
        }
    }
}
