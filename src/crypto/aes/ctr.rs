//! Counter mode.

use aes::Block;
use zeroize::Zeroize;

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

/// CTR over a message in pieces of any size: what is left of a keystream block waits for the next.
pub(super) struct CtrStream {
    counter: [u8; 16],
    bits: u32,
    block: [u8; 16],
    /// Bytes of `block` already used; 16 if there is none.
    used: usize,
}

impl CtrStream {
    /// Begins with `counter`, of which the low `bits` bits count.
    pub(super) fn new(counter: [u8; 16], bits: u32) -> Self {
        Self { counter, bits, block: [0; 16], used: 16 }
    }

    /// The next counter block that is not used yet.
    pub(super) fn counter(&self) -> [u8; 16] {
        self.counter
    }

    /// Masks the next piece of the message with the keystream.
    pub(super) fn apply(&mut self, key: &Key, data: &mut [u8]) {
        let left = &self.block[self.used..];
        let (head, data) = data.split_at_mut(left.len().min(data.len()));
        xor_in_place(head, left);
        self.used += head.len();
        let (whole, tail) = data.split_at_mut(data.len() - data.len() % 16);
        ctr_modulo(key, self.bits, &mut self.counter, whole);
        if !tail.is_empty() {
            self.block = [0; 16];
            ctr_modulo(key, self.bits, &mut self.counter, &mut self.block);
            xor_in_place(tail, &self.block);
            self.used = tail.len();
        }
    }
}

impl Drop for CtrStream {
    fn drop(&mut self) {
        self.block.zeroize();
    }
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
