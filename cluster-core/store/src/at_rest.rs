//! How values are kept on disk: as they are, or encrypted.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::{Key, SealError};

/// First byte of a sealed value. JSON text never starts with it, so values written before encryption still open.
const SEALED: u8 = 1;
/// Marker, key id, nonce.
const HEADER: usize = 1 + 4 + NONCE_LEN;

/// AES-256-GCM for the named collections, other values as they are. The default knows no collections.
///
/// A sealed value is `1, key id (4 bytes, big-endian), nonce, ciphertext and tag`; the object's key is authenticated
/// with it, so that a value moved to another name does not open. To rotate, put the new key first and keep the old.
#[derive(Default)]
pub struct AesGcm {
    resources: Vec<String>,
    keys: Vec<(u32, RandomizedNonceKey)>,
}

impl AesGcm {
    /// Seals `resources` with the first of `keys` (id and key); the others only open.
    pub fn new(resources: &[&str], keys: &[(u32, [u8; 32])]) -> Self {
        let cipher = |key: &[u8; 32]| RandomizedNonceKey::new(&AES_256_GCM, key).expect("the key has 32 bytes");
        Self {
            resources: resources.iter().map(ToString::to_string).collect(),
            keys: keys.iter().map(|(id, key)| (*id, cipher(key))).collect(),
        }
    }

    /// What to store for `plain`.
    pub fn seal(&self, key: &Key, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if !self.resources.iter().any(|resource| **resource == *key.resource) {
            return Ok(plain.to_vec());
        }
        let failed = |reason| SealError { action: "seal", key: key.clone(), reason };
        let (id, cipher) = self.keys.first().ok_or_else(|| failed("there is no key"))?;
        let mut text = plain.to_vec();
        let nonce = cipher
            .seal_in_place_append_tag(Aad::from(storage_key(key)), &mut text)
            .map_err(|_| failed("encryption failed"))?;
        let mut sealed = Vec::with_capacity(HEADER + text.len());
        sealed.push(SEALED);
        sealed.extend(id.to_be_bytes());
        sealed.extend(nonce.as_ref());
        sealed.extend(text);
        Ok(sealed)
    }

    /// The object text of what was stored.
    pub fn open(&self, key: &Key, mut stored: Vec<u8>) -> Result<Vec<u8>, SealError> {
        if stored.first() != Some(&SEALED) {
            return Ok(stored);
        }
        let failed = |reason| SealError { action: "open", key: key.clone(), reason };
        let mut text = stored.split_off(stored.len().min(HEADER));
        let (id, nonce) = stored[1..].split_first_chunk().ok_or_else(|| failed("it is cut short"))?;
        let id = u32::from_be_bytes(*id);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed("it is cut short"))?;
        let known = self.keys.iter().find(|(known, _)| *known == id);
        let (_, cipher) = known.ok_or_else(|| failed("its key is not configured"))?;
        let opened = cipher.open_in_place(nonce, Aad::from(storage_key(key)), &mut text);
        let length = opened.map_err(|_| failed("it was altered, or the key is another one"))?.len();
        text.truncate(length);
        Ok(text)
    }
}

/// The parts cannot contain NUL, so no two keys look the same.
fn storage_key(key: &Key) -> Vec<u8> {
    [&*key.resource, &*key.namespace, &*key.name].join("\0").into_bytes()
}
