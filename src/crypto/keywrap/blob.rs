//! Blobs: data encrypted for storage, with a random key that the master key protects.
//!
//! A blob is the wrapped blob key (32 bytes), the data encrypted, and a MAC (16 bytes). Here
//! (inferred but for the sizes, and for CCM with a random key):
//!
//! - the key encryption key is derived from the master key, the kind of the blob and the key
//!   modifier, by the counter mode of NIST SP 800-108 with AES-256-CMAC;
//! - the blob key is encrypted with it by AES-256-ECB;
//! - the data are encrypted and authenticated with the blob key by AES-256-CCM with a nonce of
//!   13 zeros: the key is there for one message only.
//!
//! Whether a blob opens thus hangs on the master key, the key modifier and the kind, and not on
//! anything that changes when the machine is started again.

use zeroize::Zeroizing;

use super::black::{self, Encryption};
use super::{KEY, MasterKey, WrapError, ccm};
use crate::crypto::aes::Key;

/// Bytes of a key modifier: 16 for blobs in general memory. Shorter ones end in zeros.
pub const MODIFIER: usize = 16;
/// Bytes of MAC.
pub const MAC: usize = 16;
/// Bytes a blob has more than what is in it (Linux `caam-blob.h`, `CAAM_BLOB_OVERHEAD`).
pub const OVERHEAD: usize = KEY + MAC;
/// Most bytes of data.
pub const MAX: usize = ccm::MAX;

/// What is in a blob: BLACK and EKT of the protocol (inferred: one kind does not open as another).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Data, as they lie in memory.
    Red,
    /// A key, which lies in memory as a black key.
    Black(Encryption),
}

/// A key modifier from what the class 2 key register holds. `None`: more than [`MODIFIER`] bytes.
#[must_use]
pub fn modifier(bytes: &[u8]) -> Option<[u8; MODIFIER]> {
    let mut modifier = [0; MODIFIER];
    modifier.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(modifier)
}

/// Encapsulates data with a random blob key. The blob has [`OVERHEAD`] bytes more.
///
/// # Errors
///
/// [`WrapError::Size`] for more than [`MAX`] bytes.
pub fn encapsulate(
    master: &MasterKey,
    kind: Kind,
    modifier: &[u8; MODIFIER],
    data: &[u8],
    blob_key: &[u8; KEY],
) -> Result<Vec<u8>, WrapError> {
    if data.len() > MAX {
        return Err(WrapError::Size(data.len()));
    }
    let mut blob = Vec::with_capacity(data.len() + OVERHEAD);
    blob.extend_from_slice(blob_key);
    encryption_key(master, kind, modifier).encrypt_blocks(blob.as_chunks_mut().0);
    blob.extend_from_slice(data);
    let tag = ccm::seal(blob_key, &[0; ccm::NONCE], &mut blob[KEY..], MAC)?;
    blob.extend_from_slice(&tag);
    Ok(blob)
}

/// Decapsulates a blob: gives the data in it.
///
/// # Errors
///
/// [`WrapError::Size`] for fewer than [`OVERHEAD`] bytes, or too many, and
/// [`WrapError::Integrity`] if master key, kind or key modifier are not those of encapsulation,
/// or the blob was changed.
pub fn decapsulate(
    master: &MasterKey,
    kind: Kind,
    modifier: &[u8; MODIFIER],
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    let error = WrapError::Size(blob.len());
    let (wrapped_key, rest) = blob.split_first_chunk::<KEY>().ok_or(error)?;
    let (text, mac) = rest.split_last_chunk::<MAC>().ok_or(error)?;
    if text.len() > MAX {
        return Err(error);
    }
    let mut blob_key = Zeroizing::new(*wrapped_key);
    encryption_key(master, kind, modifier).decrypt_blocks(blob_key.as_chunks_mut().0);
    ccm::open(&blob_key, &[0; ccm::NONCE], text, mac)
}

/// A black key of `length` bytes, and the key it is encrypted with.
#[derive(Clone, Copy)]
pub struct BlackKey<'a> {
    /// JDKEK or TDKEK.
    pub kek: &'a [u8; KEY],
    /// How.
    pub encryption: Encryption,
    /// The key itself has that many bytes.
    pub length: usize,
}

/// Encapsulates a black key: it is unwrapped, so that the blob does not hang on JDKEK or TDKEK.
/// The blob has [`OVERHEAD`] bytes more than the key itself (inferred).
///
/// # Errors
///
/// Those of [`black::unwrap`].
pub fn encapsulate_black(
    master: &MasterKey,
    modifier: &[u8; MODIFIER],
    key: BlackKey<'_>,
    wrapped: &[u8],
    blob_key: &[u8; KEY],
) -> Result<Vec<u8>, WrapError> {
    let plain = black::unwrap(key.kek, key.encryption, wrapped, key.length)?;
    encapsulate(master, Kind::Black(key.encryption), modifier, &plain, blob_key)
}

/// Decapsulates a blob to a black key, wrapped anew. `nonce` is random, and for CCM only.
///
/// # Errors
///
/// Those of [`decapsulate`] and [`black::wrap`], and [`WrapError::Size`] if there is a key of
/// another length in the blob.
pub fn decapsulate_black(
    master: &MasterKey,
    modifier: &[u8; MODIFIER],
    key: BlackKey<'_>,
    blob: &[u8],
    nonce: [u8; black::NONCE],
) -> Result<Vec<u8>, WrapError> {
    if blob.len() != key.length + OVERHEAD {
        return Err(WrapError::Size(blob.len()));
    }
    let plain = decapsulate(master, Kind::Black(key.encryption), modifier, blob)?;
    black::wrap(key.kek, key.encryption, &plain, nonce)
}

/// The blob key encryption key.
fn encryption_key(master: &MasterKey, kind: Kind, modifier: &[u8; MODIFIER]) -> Key {
    let kind = match kind {
        Kind::Red => 0,
        Kind::Black(Encryption::Ecb) => 1,
        Kind::Black(Encryption::Ccm) => 2,
    };
    let mut context = [kind; 1 + MODIFIER];
    context[1..].copy_from_slice(modifier);
    let key = master.derive(b"caam-emu blob", &context);
    Key::new(&*key).expect("32 bytes are an AES key")
}
