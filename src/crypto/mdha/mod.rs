//! MDHA: the message digest engine, its plain hashes and HMAC.
//!
//! | Operation | Here | Where the running state lives |
//! |---|---|---|
//! | hash (AAI 0) | [`Hasher`] | class 2 context: state, then running message length |
//! | HMAC (AAI 1) | [`Hmac`] from [`SplitKey::derive`] | the same, of the inner hash |
//! | HMAC, precomputed (AAI 4) | [`Hmac`] from [`SplitKey::from_bytes`] | the same, of the inner hash |
//!
//! # Context
//!
//! The class 2 context of a message not yet ended is the state of the hash, [`Algorithm::state_len`]
//! bytes, and the running message length, 8 bytes (Linux `caamhash.c`, whose context is as long as
//! the longest digest of the family plus 8). SHA-224 and SHA-384 keep all eight words. At the end
//! the digest is at offset 0.
//!
//! Linux never looks into such a context, it only hands it back; the bytes are inferred. State
//! words are in the byte order of the digest, so that an ending engine need not turn them: most
//! significant byte first for the SHA family, least significant first for MD5. The length is
//! big-endian and counts the bytes that went through the compression function. For HMAC that
//! includes the block of the key, which makes the context the same as that of a plain hash over
//! the padded key and the message, and lets the driver do what it does: begin and end in HMAC
//! mode, and go on in between in plain hash mode without a key (Linux `caamhash_desc.c`,
//! `cnstr_shdsc_ahash`).
//!
//! # Split keys
//!
//! A split key is the state after the key masked with the inner pad, then the one after the key
//! masked with the outer pad, in the same byte order (Linux `key_gen.c`; the order of bytes is
//! inferred: Linux gets and gives back split keys encrypted, or never sees them).
//!
//! # Left out
//!
//! SMAC (AAI 2): no source here says what is computed. SHA-512/224 and SHA-512/256 (0x46, 0x47):
//! no driver asks for them.

mod hasher;
mod hmac;
mod state;
#[cfg(test)]
mod tests;

pub use hasher::Hasher;
pub use hmac::{Hmac, SplitKey, split_key};

use thiserror::Error;

/// Bytes of the running message length in a context.
pub const LENGTH_BYTES: usize = 8;

/// The longest block there is, that of SHA-512.
const MAX_BLOCK: usize = 128;

/// A hash, by the ALG field of an OPERATION command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5 (RFC 1321), 0x40.
    Md5,
    /// SHA-1 (FIPS 180-4), 0x41.
    Sha1,
    /// SHA-224, 0x42.
    Sha224,
    /// SHA-256, 0x43.
    Sha256,
    /// SHA-384, 0x44.
    Sha384,
    /// SHA-512, 0x45.
    Sha512,
}

impl Algorithm {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Md5, Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The algorithm of an ALG field, if it is one of MDHA's (Linux `desc.h`).
    #[must_use]
    pub const fn from_alg(alg: u8) -> Option<Self> {
        Some(match alg {
            0x40 => Self::Md5,
            0x41 => Self::Sha1,
            0x42 => Self::Sha224,
            0x43 => Self::Sha256,
            0x44 => Self::Sha384,
            0x45 => Self::Sha512,
            _ => return None,
        })
    }

    /// Bytes of the digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Bytes of the state, as the context and split keys hold it: those of the longest digest of
    /// the family.
    #[must_use]
    pub const fn state_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha256 => 32,
            Self::Sha384 | Self::Sha512 => 64,
        }
    }

    /// Bytes of a context in mid-message: state and running message length.
    #[must_use]
    pub const fn context_len(self) -> usize {
        self.state_len() + LENGTH_BYTES
    }

    /// Bytes of a split key, without the padding it has in memory.
    #[must_use]
    pub const fn split_key_len(self) -> usize {
        2 * self.state_len()
    }

    /// Bytes the compression function takes at a time.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    /// Name in messages and statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// What MDHA refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A running state is asked for, but this many bytes wait for a block to be filled (CCB
    /// error 2, "data size"; inferred, since drivers keep the rest of a message to themselves).
    #[error("{waiting} bytes left over after whole {block}-byte blocks")]
    PartialBlock {
        /// Bytes that wait.
        waiting: usize,
        /// Bytes of a block.
        block: usize,
    },
    /// A context that is shorter than [`Algorithm::context_len`].
    #[error("context of {actual} bytes ({expected} expected)")]
    ContextSize {
        /// What was given.
        actual: usize,
        /// What is needed.
        expected: usize,
    },
    /// A split key of another length than [`Algorithm::split_key_len`] (CCB error 3, "key size").
    #[error("split key of {actual} bytes ({expected} expected)")]
    SplitKeySize {
        /// What was given.
        actual: usize,
        /// What is needed.
        expected: usize,
    },
}
