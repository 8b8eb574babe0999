//! DESA: DES and triple DES, in ECB and CBC.
//!
//! | Mode | Here | Where the running state lives |
//! |---|---|---|
//! | ECB | [`ecb`] | nowhere |
//! | CBC | [`cbc`] | class 1 context 0-7: IV, then last ciphertext block |
//!
//! The block ciphers are those of the `des` crate. CFB and OFB, which the engine has too, are
//! asked for by no driver.

mod modes;
#[cfg(test)]
mod tests;

pub use modes::{cbc, ecb};

use std::fmt;

use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use thiserror::Error;

use super::Direction;

/// Bytes in a DES block.
pub const BLOCK: usize = 8;

/// What DESA refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A DES key that is not 8, or a triple DES key that is neither 16 nor 24 bytes long (CCB
    /// error 3, "key size").
    #[error("{algorithm:?} key of {actual} bytes")]
    KeySize {
        /// What the key is for.
        algorithm: Algorithm,
        /// What was given.
        actual: usize,
    },
    /// A key byte with an even number of ones, where parity is checked (CCB error 9, "DES key
    /// parity").
    #[error("byte {0} of the key has even parity")]
    Parity(usize),
    /// The modes take whole 8-byte blocks only (CCB error 2, "data size").
    #[error("{0} bytes are not a whole number of 8-byte blocks")]
    PartialBlock(usize),
}

/// A cipher, by the ALG field of an OPERATION command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// DES (FIPS 46-3), 0x20.
    Des,
    /// Triple DES (NIST SP 800-67), encrypt, decrypt, encrypt, 0x21.
    TripleDes,
}

impl Algorithm {
    /// The algorithm of an ALG field, if it is one of DESA's (Linux `desc.h`).
    #[must_use]
    pub const fn from_alg(alg: u8) -> Option<Self> {
        Some(match alg {
            0x20 => Self::Des,
            0x21 => Self::TripleDes,
            _ => return None,
        })
    }
}

/// A DES or triple DES key, expanded.
///
/// The schedules are overwritten with zeros when the key is dropped.
#[derive(Clone)]
pub struct Key(Schedule);

#[derive(Clone)]
enum Schedule {
    Des(des::Des),
    TwoKeys(des::TdesEde2),
    ThreeKeys(des::TdesEde3),
}

impl Key {
    /// Expands a key of 8 bytes for DES, of 16 (first and third the same) or 24 for triple DES.
    ///
    /// The lowest bit of each byte is a parity bit, which is ignored here; see [`check_parity`].
    /// Weak keys, and triple DES keys with equal parts, are taken: refusing them is the driver's
    /// business (inferred; Linux `caamalg.c` does it before a key gets near the hardware).
    ///
    /// # Errors
    ///
    /// [`Error::KeySize`] for any other length.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        let error = |_| Error::KeySize { algorithm, actual: key.len() };
        Ok(Self(match (algorithm, key.len()) {
            (Algorithm::Des, _) => Schedule::Des(des::Des::new_from_slice(key).map_err(error)?),
            (Algorithm::TripleDes, 16) => {
                Schedule::TwoKeys(des::TdesEde2::new_from_slice(key).map_err(error)?)
            }
            (Algorithm::TripleDes, _) => {
                Schedule::ThreeKeys(des::TdesEde3::new_from_slice(key).map_err(error)?)
            }
        }))
    }

    /// Expands a key after checking its parity, as the mode asks for with AAI bit 0x80.
    ///
    /// # Errors
    ///
    /// As [`Key::new`], then as [`check_parity`].
    pub fn with_parity(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        let expanded = Self::new(algorithm, key)?;
        check_parity(key)?;
        Ok(expanded)
    }

    /// Length of the key this was made from, in bytes: 8, 16 or 24.
    #[must_use]
    pub fn size(&self) -> usize {
        match self.0 {
            Schedule::Des(_) => 8,
            Schedule::TwoKeys(_) => 16,
            Schedule::ThreeKeys(_) => 24,
        }
    }

    /// Encrypts one block in place.
    pub fn encrypt_block(&self, block: &mut [u8; BLOCK]) {
        match &self.0 {
            Schedule::Des(des) => des.encrypt_block(block.into()),
            Schedule::TwoKeys(des) => des.encrypt_block(block.into()),
            Schedule::ThreeKeys(des) => des.encrypt_block(block.into()),
        }
    }

    /// Decrypts one block in place.
    pub fn decrypt_block(&self, block: &mut [u8; BLOCK]) {
        match &self.0 {
            Schedule::Des(des) => des.decrypt_block(block.into()),
            Schedule::TwoKeys(des) => des.decrypt_block(block.into()),
            Schedule::ThreeKeys(des) => des.decrypt_block(block.into()),
        }
    }

    fn block(&self, direction: Direction, block: &mut [u8; BLOCK]) {
        match direction {
            Direction::Encrypt => self.encrypt_block(block),
            Direction::Decrypt => self.decrypt_block(block),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Schedule::Des(_) => "Key(DES, ..)",
            Schedule::TwoKeys(_) => "Key(3DES, two keys, ..)",
            Schedule::ThreeKeys(_) => "Key(3DES, three keys, ..)",
        })
    }
}

/// Whether each byte of a key has an odd number of ones (FIPS 46-3).
///
/// # Errors
///
/// [`Error::Parity`] with the index of the first byte that has not.
pub fn check_parity(key: &[u8]) -> Result<(), Error> {
    match key.iter().position(|byte| byte.count_ones() % 2 == 0) {
        Some(index) => Err(Error::Parity(index)),
        None => Ok(()),
    }
}
