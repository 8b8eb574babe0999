//! The one-time authenticator.

use std::fmt;

use ::poly1305::universal_hash::{KeyInit, UniversalHash};
use zeroize::Zeroize;

use super::{Key, TAG_BYTES};

const BLOCK: usize = 16;

/// Poly1305 over data in pieces of any size. The key must not be used again.
pub struct Poly1305 {
    hash: ::poly1305::Poly1305,
    partial: [u8; BLOCK],
    /// Bytes in `partial`, fewer than a block.
    filled: usize,
}

impl Poly1305 {
    /// Begins a message.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self { hash: ::poly1305::Poly1305::new((&*key.0).into()), partial: [0; BLOCK], filled: 0 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.filled != 0 {
            let (head, after) = rest.split_at(rest.len().min(BLOCK - self.filled));
            self.partial[self.filled..][..head.len()].copy_from_slice(head);
            self.filled += head.len();
            if self.filled < BLOCK {
                return;
            }
            self.hash.update(&[self.partial.into()]);
            rest = after;
        }
        let (blocks, tail) = ::poly1305::Block::slice_as_chunks(rest);
        self.hash.update(blocks);
        self.partial[..tail.len()].copy_from_slice(tail);
        self.filled = tail.len();
    }

    /// Takes zeros up to the next whole block, as the AEAD has it between its parts (RFC 8439
    /// section 2.8).
    pub fn pad(&mut self) {
        if self.filled != 0 {
            self.partial[self.filled..].fill(0);
            self.hash.update(&[self.partial.into()]);
            self.filled = 0;
        }
    }

    /// Ends the message: the tag.
    #[must_use]
    pub fn finalize(self) -> [u8; TAG_BYTES] {
        self.hash.clone().compute_unpadded(&self.partial[..self.filled]).into()
    }
}

impl Drop for Poly1305 {
    fn drop(&mut self) {
        self.partial.zeroize();
    }
}

impl fmt::Debug for Poly1305 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Poly1305(..)")
    }
}
