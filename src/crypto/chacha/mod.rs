//! CCHA and PTHA: `ChaCha20`, Poly1305, and the two as an AEAD (RFC 8439, which replaced RFC 7539).
//!
//! | Mode | Here | Where the state lives |
//! |---|---|---|
//! | `ChaCha20` | [`ChaCha20`] | class 1 context 0-15: block counter, then nonce |
//! | Poly1305 | [`Poly1305`] | not exported: every driver ends the message in one job |
//! | AEAD | [`ChaCha20Poly1305`] | class 1 context 4-15: nonce; tag at 0 of class 2 |
//!
//! The context of the stream cipher is the IV of Linux's `chacha20`: a little-endian counter of 4
//! bytes, then the 12 bytes of nonce, which is why the AEAD has its nonce at offset 4 (Linux
//! `caamalg_desc.c`, `cnstr_shdsc_skcipher_encap` and `cnstr_shdsc_chachapoly`).

mod aead;
mod poly1305;
mod stream;
#[cfg(test)]
mod tests;

pub use aead::ChaCha20Poly1305;
pub use poly1305::Poly1305;
pub use stream::ChaCha20;

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of the key of `ChaCha20` and of Poly1305.
pub const KEY_BYTES: usize = 32;
/// Bytes of the nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes of the IV of the stream cipher: counter and nonce.
pub const IV_BYTES: usize = 16;
/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// A key that is not 32 bytes long (CCB error 3, "key size").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("ChaCha20 or Poly1305 key of {0} bytes (32 expected)")]
pub struct KeySizeError(
    /// What was given.
    pub usize,
);

/// A `ChaCha20` key, or a one-time key of Poly1305. Overwritten with zeros when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// Takes a key of 32 bytes.
    ///
    /// # Errors
    ///
    /// [`KeySizeError`] for any other length.
    pub fn new(key: &[u8]) -> Result<Self, KeySizeError> {
        let key = key.try_into().map_err(|_| KeySizeError(key.len()))?;
        Ok(Self(Zeroizing::new(key)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(ChaCha20, ..)")
    }
}
