//! Black keys: a key register in memory, encrypted with JDKEK or TDKEK.
//!
//! | | In memory | Key encryption key is another |
//! |---|---|---|
//! | [`Encryption::Ecb`] | length rounded up to 16 | another key comes out |
//! | [`Encryption::Ccm`] | length rounded up to 8, and 12 | [`WrapError::Integrity`] |
//!
//! Commands name the length of the key itself, not that in memory (Linux `caamhash.c`, which
//! stores and loads K1 of XCBC, and split keys by `KEY_ENC`).

use zeroize::Zeroizing;

use super::{KEY, WrapError, ccm};
use crate::crypto::aes::Key;
use crate::crypto::pkha;

/// Bytes of nonce in a key wrapped with CCM.
pub const NONCE: usize = 6;
/// Bytes of MAC in a key wrapped with CCM.
pub const MAC: usize = 6;
/// The longest key there is: the E memory of PKHA.
pub const MAX: usize = pkha::MAX_BYTES;

/// How a key is encrypted (EKT, bit 20 of KEY).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// AES-256-ECB over the key and zeros (inferred).
    Ecb,
    /// AES-256-CCM over the key and zeros: nonce, ciphertext, MAC (the order is inferred).
    ///
    /// The nonce is followed by zeros and the key's length, big-endian, in its last two bytes
    /// (inferred): CCM knows no nonces of 6 bytes. A key is thus unwrapped with its true length
    /// only.
    Ccm,
}

impl Encryption {
    /// Bytes in memory of a key of `length` bytes (caamflib's comments by way of the project's
    /// notes).
    #[must_use]
    pub fn wrapped_length(self, length: usize) -> usize {
        match self {
            Self::Ecb => length.next_multiple_of(16),
            Self::Ccm => length.next_multiple_of(8) + NONCE + MAC,
        }
    }
}

/// Wraps a key. The nonce is random, and for CCM only.
///
/// # Errors
///
/// [`WrapError::Size`] for an empty key, or one longer than [`MAX`].
pub fn wrap(
    kek: &[u8; KEY],
    encryption: Encryption,
    key: &[u8],
    nonce: [u8; NONCE],
) -> Result<Vec<u8>, WrapError> {
    check(key.len())?;
    let mut wrapped = vec![0; encryption.wrapped_length(key.len())];
    match encryption {
        Encryption::Ecb => {
            wrapped[..key.len()].copy_from_slice(key);
            aes(kek).encrypt_blocks(wrapped.as_chunks_mut().0);
        }
        Encryption::Ccm => {
            let (text, mac) = wrapped[NONCE..].split_at_mut(key.len().next_multiple_of(8));
            text[..key.len()].copy_from_slice(key);
            let tag = ccm::seal(kek, &long_nonce(nonce, key.len()), text, MAC)?;
            mac.copy_from_slice(&tag[..MAC]);
            wrapped[..NONCE].copy_from_slice(&nonce);
        }
    }
    Ok(wrapped)
}

/// Unwraps a key of `length` bytes. `wrapped` has [`Encryption::wrapped_length`] bytes.
///
/// # Errors
///
/// [`WrapError::Size`] if the lengths are not what they have to be, and for CCM
/// [`WrapError::Integrity`].
pub fn unwrap(
    kek: &[u8; KEY],
    encryption: Encryption,
    wrapped: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    check(length)?;
    if wrapped.len() != encryption.wrapped_length(length) {
        return Err(WrapError::Size(wrapped.len()));
    }
    let mut key = match encryption {
        Encryption::Ecb => {
            let mut text = Zeroizing::new(wrapped.to_vec());
            aes(kek).decrypt_blocks(text.as_chunks_mut().0);
            text
        }
        Encryption::Ccm => {
            let (nonce, rest) = wrapped.split_first_chunk().expect("more than a nonce");
            let (text, mac) = rest.split_at(rest.len() - MAC);
            ccm::open(kek, &long_nonce(*nonce, length), text, mac)?
        }
    };
    key.truncate(length);
    Ok(key)
}

fn check(length: usize) -> Result<(), WrapError> {
    if (1..=MAX).contains(&length) { Ok(()) } else { Err(WrapError::Size(length)) }
}

fn aes(kek: &[u8; KEY]) -> Key {
    Key::new(kek).expect("32 bytes are an AES key")
}

fn long_nonce(nonce: [u8; NONCE], length: usize) -> [u8; ccm::NONCE] {
    let mut long = [0; ccm::NONCE];
    long[..NONCE].copy_from_slice(&nonce);
    long[ccm::NONCE - 2..].copy_from_slice(&(length as u16).to_be_bytes());
    long
}
