//! Counter mode.

use aes::Block;

use super::engine::{Backend, Key, Work, xor_in_place};
use crate::crypto::Direction;

/// Keystream blocks made at a time: one batch of the widest instruction set.
const BATCH: usize = 64;

/// AES-CTR, in place; encryption and decryption are the same.
///
/// `counter` is the counter block, bytes 16-31 of the class 1 context: a 128-bit big-endian
/// number that wraps. On return it is the next unused one, which the drivers store back (Linux
/// `caamalg_desc.c`, `cnstr_shdsc_skcipher_encap`). A partial last block uses up a whole counter
/// value (inferred: the drivers pass a partial block only at the end of a message).
pub fn ctr(key: &Key, counter: &mut [u8; 16], data: &mut [u8]) {
    ctr_modulo(key, 128, counter, data);
}

/// [`ctr`] with a counter of the low `bits` bits of the block, 1 to 128; those above never change.
pub(super) fn ctr_modulo(key: &Key, bits: u32, counter: &mut [u8; 16], data: &mut [u8]) {
    let mut value =
        Counter { value: u128::from_be_bytes(*counter), mask: u128::MAX >> (128 - bits) };
    key.run(Direction::Encrypt, Keystream { counter: &mut value, data });
    *counter = value.value.to_be_bytes();
}

/// A counter of some width inside a block.
#[derive(Clone, Copy)]
struct Counter {
    value: u128,
    mask: u128,
}

impl Counter {
    /// The counter `n` steps on.
    #[inline(always)]
    fn plus(self, n: u64) -> Self {
        let moved = self.value.wrapping_add(u128::from(n)) & self.mask;
        Self { value: self.value & !self.mask | moved, mask: self.mask }
    }

    /// Writes this and the following counter blocks.
    #[inline(always)]
    fn fill(self, blocks: &mut [Block]) {
        let [high, low] = [(self.value >> 64) as u64, self.value as u64];
        let steps = blocks.len() as u64;
        let within = self.mask as u64;
        if within & low <= within.wrapping_sub(steps) && steps <= within {
            // No carry out of the counter's part of the low half: only that half moves.
            for (block, low) in blocks.iter_mut().zip(low..) {
                block[..8].copy_from_slice(&high.to_be_bytes());
                block[8..].copy_from_slice(&low.to_be_bytes());
            }
        } else {
            for (block, n) in blocks.iter_mut().zip(0..) {
                *block = self.plus(n).value.to_be_bytes().into();
            }
        }
    }
}

struct Keystream<'a> {
    counter: &'a mut Counter,
    data: &'a mut [u8],
}

impl Work for Keystream<'_> {
    #[inline(always)]
    fn run(self, backend: &impl Backend) {
        let mut keystream = [Block::default(); BATCH];
        for piece in self.data.chunks_mut(BATCH * 16) {
            let blocks = &mut keystream[..piece.len().div_ceil(16)];
            self.counter.fill(blocks);
            backend.blocks(blocks);
            xor_in_place(piece, Block::cast_slice_to_core(blocks).as_flattened());
            *self.counter = self.counter.plus(blocks.len() as u64);
        }
    }
}
