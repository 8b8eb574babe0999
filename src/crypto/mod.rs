//! The engines (CHAs) and their modes: pure functions of bytes.
//!
//! Nothing here knows of descriptors, registers or guest memory. What silicon keeps in the
//! context register of the CCB while a mode runs, these functions take and give back as
//! arguments, so that a job may end in mid-message and the next one go on from the saved
//! context, as the drivers do.
//!
//! Every operation works in place. Where the hardware would report a CCB error, the function
//! returns an error value and leaves the data untouched; the caller turns it into a job status.

pub mod aes;
pub mod chacha;
pub mod des;
pub mod keywrap;
pub mod mdha;
pub mod pkha;
pub mod rng;
#[cfg(test)]
mod testing;

use std::fmt;

use thiserror::Error;

/// Which way a cipher runs: bit 0 (`ENC`) of an OPERATION command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Plaintext to ciphertext.
    Encrypt,
    /// Ciphertext to plaintext.
    Decrypt,
}

impl Direction {
    /// As rules, statistics and logs write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }
}

/// A key of a length the engine does not take (CCB error 3, "key size").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeySizeError {
    /// An AES key that is not 16, 24 or 32 bytes long.
    #[error("AES key of {0} bytes (16, 24 or 32 expected)")]
    Aes(usize),
    /// An XTS key, both halves together, that is not 32 or 64 bytes long.
    #[error("AES-XTS key of {0} bytes (32 or 64 expected)")]
    Xts(usize),
    /// An XCBC-MAC key that is not 16 bytes long.
    #[error("AES-XCBC-MAC key of {0} bytes (16 expected)")]
    Xcbc(usize),
}

/// An amount of data the mode cannot process (CCB error 2, "data size").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DataSizeError {
    /// The mode takes whole 16-byte blocks only, at least at this point of the message.
    #[error("{0} bytes are not a whole number of 16-byte blocks")]
    PartialBlock(usize),
    /// A data unit of XTS with less than one block, which leaves nothing to steal from.
    #[error("last data unit of {0} bytes (at least 16 expected)")]
    ShortUnit(usize),
    /// An XTS sector size that is not a multiple of 16 bytes.
    #[error("sector size of {0} bytes is not a multiple of 16")]
    SectorSize(u64),
}

/// Input that the mode takes only at an earlier point of the message (CCB error 6, "data out of
/// sequence"), or an amount of it that it cannot take (CCB error 2, "data size").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AeadError {
    /// IV, AAD and text come in this order, and nothing after the tag is made.
    #[error("{0} out of sequence")]
    Sequence(AeadInput),
    /// More than the mode's length fields or its counter can cover.
    #[error("more {0} than the mode allows")]
    TooLong(AeadInput),
}

/// What an AEAD mode takes, in the order in which it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AeadInput {
    /// Initialisation vector, or nonce.
    Iv,
    /// Additional authenticated data.
    Aad,
    /// Plaintext or ciphertext.
    Text,
}

impl fmt::Display for AeadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iv => "IV",
            Self::Aad => "AAD",
            Self::Text => "text",
        })
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
///
/// Strings of different lengths are unequal. Compare as many bytes of a computed tag as the
/// descriptor names: `tags_equal(&tag[..icv.len()], icv)`.
#[must_use]
pub fn tags_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let difference = a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y));
    // The barrier keeps the compiler from turning the fold into an early exit.
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::tags_equal;

    #[test]
    fn tags_differ_in_any_bit_and_in_length() {
        let tag = [0x5a; 16];
        assert!(tags_equal(&tag, &tag));
        assert!(tags_equal(&[], &[]));
        assert!(!tags_equal(&tag, &tag[..15]));
        for bit in 0..128 {
            let mut other = tag;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!tags_equal(&tag, &other), "bit {bit}");
        }
    }
}
