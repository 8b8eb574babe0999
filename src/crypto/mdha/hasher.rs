//! A hash over data that comes in pieces.

use std::fmt;

use zeroize::Zeroize;

use super::state::State;
use super::{Algorithm, Error, LENGTH_BYTES, MAX_BLOCK};

/// A hash over data in pieces of any size, that can be put aside as a class 2 context after any
/// whole number of blocks.
///
/// ```
/// use caam_emu::crypto::mdha::{Algorithm, Hasher};
///
/// let mut first = Hasher::new(Algorithm::Sha256);
/// first.update(&[0; 128]);
/// let context = first.export()?;
/// let mut second = Hasher::import(Algorithm::Sha256, &context)?;
/// second.update(b"the rest");
/// assert_eq!(second.finalize().len(), 32);
/// # Ok::<(), caam_emu::crypto::mdha::Error>(())
/// ```
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    state: State,
    /// Bytes hashed, `filled` included.
    length: u64,
    partial: [u8; MAX_BLOCK],
    /// Bytes in `partial`, fewer than a block.
    filled: usize,
}

impl Hasher {
    /// Begins a message (AS init).
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self::resume(algorithm, State::initial(algorithm), 0)
    }

    /// Goes on from a context that [`Hasher::export`] wrote (AS update or finalize). What follows
    /// [`Algorithm::context_len`] bytes is ignored, so all of the register may be passed.
    ///
    /// The engine cannot tell a context from arbitrary bytes, and takes the state and the length
    /// as they are (inferred).
    ///
    /// # Errors
    ///
    /// [`Error::ContextSize`] if `context` is shorter than that.
    pub fn import(algorithm: Algorithm, context: &[u8]) -> Result<Self, Error> {
        let too_short =
            Error::ContextSize { actual: context.len(), expected: algorithm.context_len() };
        let (state, rest) = context.split_at_checked(algorithm.state_len()).ok_or(too_short)?;
        let length = rest.first_chunk::<LENGTH_BYTES>().ok_or(too_short)?;
        let state = State::from_bytes(algorithm, state);
        Ok(Self::resume(algorithm, state, u64::from_be_bytes(*length)))
    }

    /// Goes on from a state after `length` bytes in whole blocks.
    pub(super) fn resume(algorithm: Algorithm, state: State, length: u64) -> Self {
        Self { algorithm, state, length, partial: [0; MAX_BLOCK], filled: 0 }
    }

    /// Which hash this is.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The running message length, in bytes, modulo 2^64.
    #[must_use]
    pub fn message_length(&self) -> u64 {
        self.length
    }

    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        // An imported length is anything the guest has written.
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let block = self.algorithm.block_len();
        let mut rest = bytes;
        if self.filled != 0 {
            let (head, after) = rest.split_at(rest.len().min(block - self.filled));
            self.partial[self.filled..][..head.len()].copy_from_slice(head);
            self.filled += head.len();
            if self.filled < block {
                return;
            }
            self.state.compress(&self.partial[..block]);
            rest = after;
        }
        let (blocks, tail) = rest.split_at(rest.len() / block * block);
        self.state.compress(blocks);
        self.partial[..tail.len()].copy_from_slice(tail);
        self.filled = tail.len();
    }

    /// The class 2 context of the message so far, [`Algorithm::context_len`] bytes long.
    ///
    /// # Errors
    ///
    /// [`Error::PartialBlock`] unless the message so far is whole blocks: the context has no room
    /// for more data.
    pub fn export(&self) -> Result<Vec<u8>, Error> {
        if self.filled != 0 {
            let block = self.algorithm.block_len();
            return Err(Error::PartialBlock { waiting: self.filled, block });
        }
        let mut context = self.state.to_bytes();
        context.extend(self.length.to_be_bytes());
        Ok(context)
    }

    /// Ends the message: the digest, [`Algorithm::digest_len`] bytes long.
    ///
    /// The message length in bits that the padding ends with is taken modulo 2^64, for SHA-384
    /// and SHA-512 modulo 2^67, since the context counts no further (inferred; only a made-up
    /// context gets there).
    #[must_use]
    pub fn finalize(mut self) -> Vec<u8> {
        let block = self.algorithm.block_len();
        let bits = u128::from(self.length) << 3;
        let (field, field_len) = match self.algorithm {
            // The field is the low 8 bytes, in the byte order of the algorithm.
            Algorithm::Md5 => ((bits << 64).swap_bytes(), 8),
            Algorithm::Sha1 | Algorithm::Sha224 | Algorithm::Sha256 => (bits, 8),
            Algorithm::Sha384 | Algorithm::Sha512 => (bits, 16),
        };
        self.partial[self.filled..].fill(0);
        self.partial[self.filled] = 0x80;
        if self.filled + 1 + field_len > block {
            self.state.compress(&self.partial[..block]);
            self.partial.fill(0);
        }
        let field = &field.to_be_bytes()[16 - field_len..];
        self.partial[block - field_len..block].copy_from_slice(field);
        self.state.compress(&self.partial[..block]);
        let mut digest = self.state.to_bytes();
        digest.truncate(self.algorithm.digest_len());
        digest
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.partial.zeroize();
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
