//! Header blocks: names and values, compressed with one zlib stream per direction.

use super::Error;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::collections::HashMap;

/// The most that one header block may grow to.
const MAX_BLOCK: usize = 64 * 1024;

/// The words that both sides know, each preceded by its length, and then text as it stands (draft section 2.6.10.1).
static DICTIONARY: &[u8] = include_bytes!("dictionary.bin");

/// Lower-case names and their values.
pub(in crate::streams) type Headers = HashMap<String, String>;

fn put_text(block: &mut Vec<u8>, text: &str) {
    // Texts fit a block.
    block.extend_from_slice(&(text.len() as u32).to_be_bytes());
    block.extend_from_slice(text.as_bytes());
}

/// Reads the client's blocks.
pub(super) struct Decoder {
    zlib: Decompress,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { zlib: Decompress::new(true) }
    }

    /// Decompresses and parses one block. Every block must be read, or the next ones cannot be.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Headers, Error> {
        parse(&self.inflate(block)?).ok_or(Error::Protocol("malformed header block"))
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
            let status = match self.zlib.decompress(block, &mut buffer, FlushDecompress::Sync) {
                Err(error) if error.needs_dictionary().is_some() => {
                    block = &block[(self.zlib.total_in() - read) as usize..];
                    let known = self.zlib.set_dictionary(DICTIONARY);
                    known.map_err(|_| Error::Protocol("headers are compressed with an unknown dictionary"))?;
                    continue;
                }
                other => other.map_err(|_| Error::Protocol("headers are not compressed properly"))?,
            };
            block = &block[(self.zlib.total_in() - read) as usize..];
            let produced = (self.zlib.total_out() - written) as usize;
            plain.extend_from_slice(&buffer[..produced]);
            if plain.len() > MAX_BLOCK {
                return Err(Error::Protocol("header block too large"));
            }
            if produced < buffer.len() && (block.is_empty() || status == Status::StreamEnd) {
                return Ok(plain);
            }
        }
    }
}

/// `None` when lengths do not fit or text is not UTF-8.
fn parse(mut block: &[u8]) -> Option<Headers> {
    fn number(block: &mut &[u8]) -> Option<usize> {
        let (digits, rest) = block.split_first_chunk::<4>()?;
        *block = rest;
        usize::try_from(u32::from_be_bytes(*digits)).ok()
    }
    fn text(block: &mut &[u8]) -> Option<String> {
        let length = number(block)?;
        let (text, rest) = block.split_at_checked(length)?;
        *block = rest;
        String::from_utf8(text.to_vec()).ok()
    }
    let count = number(&mut block)?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let name = text(&mut block)?.to_ascii_lowercase();
        headers.insert(name, text(&mut block)?);
    }
    Some(headers)
}

/// Writes our blocks.
pub(super) struct Encoder {
    zlib: Compress,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, Error> {
        let mut zlib = Compress::new(Compression::fast(), true);
        zlib.set_dictionary(DICTIONARY).map_err(|_| Error::Protocol("the dictionary cannot be set"))?;
        Ok(Self { zlib })
    }

    /// Compresses one block.
    pub(super) fn encode(&mut self, headers: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
        let mut plain = (headers.len() as u32).to_be_bytes().to_vec();
        for (name, value) in headers {
            put_text(&mut plain, name);
            put_text(&mut plain, value);
        }
        let mut block = Vec::with_capacity(plain.len() + 64);
        let mut rest = plain.as_slice();
        loop {
            let before = self.zlib.total_in();
            block.reserve(64);
            let compressed = self.zlib.compress_vec(rest, &mut block, FlushCompress::Sync);
            compressed.map_err(|_| Error::Protocol("headers cannot be compressed"))?;
            rest = &rest[(self.zlib.total_in() - before) as usize..];
            if rest.is_empty() && block.len() < block.capacity() {
                return Ok(block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_the_drafts() {
        let (mut a, mut b) = (1u32, 0u32);
        for byte in DICTIONARY {
            a = (a + u32::from(*byte)) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!((DICTIONARY.len(), (b << 16) | a), (1423, 0xe3c6_a7c2), "length and Adler-32, the dictionary's id");
    }

    #[test]
    fn blocks_of_one_direction_share_their_compression() {
        let (mut encoder, mut decoder) = (Encoder::new().expect("encoder"), Decoder::new());
        for round in 0..50 {
            let id = round.to_string();
            let block = encoder.encode(&[("streamtype", "data"), ("port", "8080"), ("requestid", &id)]).expect("block");
            let headers = decoder.decode(&block).expect("headers");
            assert_eq!(headers["streamtype"], "data");
            assert_eq!(headers["requestid"], id);
        }
    }

    #[test]
    fn hostile_blocks_are_refused() {
        assert!(parse(&[0, 0, 0, 1, 255, 255, 255, 255]).is_none(), "a length beyond the block");
        assert!(parse(&[0, 0, 0, 2, 0, 0, 0, 0]).is_none(), "fewer headers than announced");
        assert!(Decoder::new().decode(b"not zlib").is_err());
        let mut encoder = Encoder::new().expect("encoder");
        let bomb = encoder.encode(&[("x", &"a".repeat(1 << 20))]).expect("block");
        assert!(Decoder::new().decode(&bomb).is_err(), "a block that grows without bound");
    }
}
