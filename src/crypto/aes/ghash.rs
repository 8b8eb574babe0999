//! GHASH: 16 blocks at a time where the processor multiplies that many, else by the `ghash` crate.
//!
//! The crate folds four blocks at a time with 128-bit carry-less multiplications, which keeps GCM well
//! behind its own cipher on processors with VAES. `wide` is what they have for it.

use ::ghash::GHash;
use ::ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use super::BLOCK;

#[cfg(target_arch = "x86_64")]
mod wide;

/// What GHASH needs of a key, in the form in which this processor is quickest with it.
pub(super) struct HashKey(Kind);

enum Kind {
    #[cfg(target_arch = "x86_64")]
    Wide(Box<wide::Powers>),
    /// A hash of nothing yet.
    Plain(GHash),
}

impl HashKey {
    /// From the hash subkey, which is the encrypted zero block.
    pub(super) fn new(subkey: [u8; BLOCK]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(powers) = wide::Powers::new(subkey) {
            return Self(Kind::Wide(Box::new(powers)));
        }
        Self::plain(subkey)
    }

    /// By the crate, whatever the processor has.
    fn plain(mut subkey: [u8; BLOCK]) -> Self {
        let key = Self(Kind::Plain(GHash::new(&subkey.into())));
        subkey.zeroize();
        key
    }
}

/// GHASH over pieces of any size. Its key is passed to each step: it must be the same.
pub(super) struct Hash {
    state: State,
    partial: [u8; BLOCK],
    /// Bytes in `partial`, fewer than 16.
    filled: usize,
}

enum State {
    #[cfg(target_arch = "x86_64")]
    Wide(wide::Sum),
    Plain(GHash),
}

impl State {
    fn new(key: &HashKey) -> Self {
        match &key.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Wide(_) => Self::Wide(wide::Sum::default()),
            Kind::Plain(empty) => Self::Plain(empty.clone()),
        }
    }

    fn update(&mut self, key: &HashKey, blocks: &[[u8; BLOCK]]) {
        match (self, &key.0) {
            #[cfg(target_arch = "x86_64")]
            (Self::Wide(sum), Kind::Wide(powers)) => powers.update(sum, blocks),
            (Self::Plain(hash), _) => hash.update(::ghash::Block::cast_slice_from_core(blocks)),
            #[cfg(target_arch = "x86_64")]
            (Self::Wide(_), Kind::Plain(_)) => unreachable!("a hash keeps to one key"),
        }
    }

    fn value(&self) -> [u8; BLOCK] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Wide(sum) => sum.value(),
            Self::Plain(hash) => hash.clone().finalize().into(),
        }
    }
}

impl Hash {
    pub(super) fn new(key: &HashKey) -> Self {
        Self { state: State::new(key), partial: [0; BLOCK], filled: 0 }
    }

    pub(super) fn update(&mut self, key: &HashKey, bytes: &[u8]) {
        let mut rest = bytes;
        if self.filled != 0 {
            let count = (BLOCK - self.filled).min(bytes.len());
            let (head, after) = bytes.split_at(count);
            self.partial[self.filled..][..count].copy_from_slice(head);
            self.filled += count;
            if self.filled < BLOCK {
                return;
            }
            self.pad(key);
            rest = after;
        }
        let (blocks, tail) = rest.as_chunks();
        if !blocks.is_empty() {
            self.state.update(key, blocks);
        }
        self.partial[..tail.len()].copy_from_slice(tail);
        self.filled = tail.len();
    }

    /// Fills up a partial block with zeros.
    pub(super) fn pad(&mut self, key: &HashKey) {
        if self.filled != 0 {
            self.partial[self.filled..].fill(0);
            self.state.update(key, &[self.partial]);
            self.filled = 0;
        }
    }

    /// Ends with the block of lengths, in bytes, and begins anew.
    pub(super) fn finish(&mut self, key: &HashKey, first: u64, second: u64) -> [u8; BLOCK] {
        self.pad(key);
        let lengths = u128::from(first * 8) << 64 | u128::from(second * 8);
        self.state.update(key, &[lengths.to_be_bytes()]);
        let value = self.state.value();
        self.state = State::new(key);
        value
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        self.partial.zeroize();
        #[cfg(target_arch = "x86_64")]
        if let State::Wide(sum) = &mut self.state {
            sum.zeroize();
        }
    }
}

#[cfg(test)]
#[path = "ghash_tests.rs"]
mod tests;
