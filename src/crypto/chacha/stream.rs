//! The stream cipher.

use std::fmt;

use chacha20::cipher::{KeyIvInit, StreamCipherCore};
use chacha20::variants::Ietf;
use chacha20::{ChaChaCore, R20};
use zeroize::Zeroize;

use super::{IV_BYTES, Key, NONCE_BYTES};

/// Bytes of keystream per count.
const BLOCK: usize = 64;

type Block = chacha20::cipher::Block<ChaChaCore<R20, Ietf>>;

/// `ChaCha20` over data in pieces of any size.
///
/// The counter has 32 bits and wraps without touching the nonce, as in Linux (inferred for the
/// engine; RFC 8439 leaves it open, and forbids to get there).
pub struct ChaCha20 {
    core: ChaChaCore<R20, Ietf>,
    nonce: [u8; NONCE_BYTES],
    keystream: [u8; BLOCK],
    /// Bytes of `keystream` that have been used.
    used: usize,
}

impl ChaCha20 {
    /// Begins at the block that the IV names: little-endian counter in the first 4 bytes, nonce
    /// in the others.
    #[must_use]
    pub fn new(key: &Key, iv: &[u8; IV_BYTES]) -> Self {
        let [c0, c1, c2, c3, nonce @ ..] = iv;
        Self::with_counter(key, nonce, u32::from_le_bytes([*c0, *c1, *c2, *c3]))
    }

    /// Begins at block `counter`.
    #[must_use]
    pub fn with_counter(key: &Key, nonce: &[u8; NONCE_BYTES], counter: u32) -> Self {
        let mut core = ChaChaCore::<R20, Ietf>::new((&*key.0).into(), nonce.into());
        core.set_block_pos(counter);
        Self { core, nonce: *nonce, keystream: [0; BLOCK], used: BLOCK }
    }

    /// Encrypts or decrypts the next bytes, in place.
    pub fn apply(&mut self, data: &mut [u8]) {
        let waiting = data.len().min(BLOCK - self.used);
        let (head, rest) = data.split_at_mut(waiting);
        self.mask(head);
        // Not the crate's own streaming: that ends with an error before the counter wraps.
        let (blocks, tail) = Block::slice_as_chunks_mut(rest);
        self.core.apply_keystream_blocks(blocks);
        if !tail.is_empty() {
            let mut keystream = Block::default();
            self.core.write_keystream_block(&mut keystream);
            self.keystream = keystream.into();
            keystream.zeroize();
            self.used = 0;
            self.mask(tail);
        }
    }

    /// The IV that goes on with the next whole block. What is left of a block that has been begun
    /// is lost, as it is with CTR (inferred).
    #[must_use]
    pub fn iv(&self) -> [u8; IV_BYTES] {
        let mut iv = [0; IV_BYTES];
        iv[..4].copy_from_slice(&self.core.get_block_pos().to_le_bytes());
        iv[4..].copy_from_slice(&self.nonce);
        iv
    }

    /// Takes from the block of keystream at hand, which has enough left.
    fn mask(&mut self, data: &mut [u8]) {
        for (byte, mask) in data.iter_mut().zip(&self.keystream[self.used..]) {
            *byte ^= mask;
        }
        self.used += data.len();
    }
}

impl Drop for ChaCha20 {
    fn drop(&mut self) {
        self.keystream.zeroize();
    }
}

impl fmt::Debug for ChaCha20 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaCha20")
            .field("counter", &self.core.get_block_pos())
            .finish_non_exhaustive()
    }
}
