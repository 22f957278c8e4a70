//! The public half of a token signing key.

use crate::Error;
use base64::prelude::*;

/// A P-256 public key in the forms that token issuing needs.
pub struct PublicKey {
    /// PEM, `SubjectPublicKeyInfo`.
    pub pem: String,
    /// The key id: SHA-256 of the uncompressed point, base64url.
    pub id: String,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
}

impl PublicKey {
    /// Derives the public key of a PKCS #8 PEM private key.
    pub fn of(private_key: &str) -> Result<Self, Error> {
        let key = rcgen::KeyPair::from_pem(private_key)?;
        // SEC 1: 0x04, then 32 bytes of x and 32 bytes of y.
        let raw = key.public_key_raw();
        let (Some(x), Some(y)) = (raw.get(1..33), raw.get(33..65)) else {
            return Err(Error::Pem { what: "a signing key", reason: "not a P-256 key".to_owned() });
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, raw);
        Ok(Self {
            pem: key.public_key_pem(),
            id: BASE64_URL_SAFE_NO_PAD.encode(digest),
            x: BASE64_URL_SAFE_NO_PAD.encode(x),
            y: BASE64_URL_SAFE_NO_PAD.encode(y),
        })
    }
}
