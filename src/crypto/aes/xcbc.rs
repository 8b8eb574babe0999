//! XCBC-MAC (RFC 3566), with a key of 16 bytes.
//!
//! The context is what CAAM keeps in bytes 0-47 of the class 1 context: the running MAC, K3, K2.
//! K1, the key of the block cipher, takes the place of the user's key in the key register, from
//! where the Linux driver saves it after the first part of a message (`caamhash_desc.c`,
//! `cnstr_shdsc_sk_hash`), to load it again for the later ones.

use zeroize::Zeroizing;

use super::cbc_mac;
use super::engine::Key;
use crate::crypto::{DataSizeError, KeySizeError};

/// Bytes in the context.
pub const CONTEXT: usize = 48;

/// What begins a message.
pub struct Init {
    /// The derived key for the key register: the block cipher's for all of the message.
    pub k1: Zeroizing<[u8; 16]>,
    /// The context with nothing authenticated yet.
    pub context: [u8; CONTEXT],
}

/// Derives the three keys from the user's.
///
/// # Errors
///
/// [`KeySizeError::Xcbc`] unless the key is 16 bytes long.
pub fn init(key: &[u8]) -> Result<Init, KeySizeError> {
    if key.len() != 16 {
        return Err(KeySizeError::Xcbc(key.len()));
    }
    let key = Key::new(key)?;
    let mut k1 = Zeroizing::new([1; 16]);
    key.encrypt_block(&mut k1);
    let mut context = [0; CONTEXT];
    let (_mac, k3, k2) = thirds(&mut context);
    (*k2, *k3) = ([2; 16], [3; 16]);
    key.encrypt_block(k2);
    key.encrypt_block(k3);
    Ok(Init { k1, context })
}

/// Takes the next whole blocks of a message that goes on after them, with K1 as the key: at least
/// one byte must be left for [`finish`], as the drivers see to.
///
/// # Errors
///
/// [`DataSizeError::PartialBlock`] if `data` is not a multiple of 16 bytes; nothing is changed.
pub fn update(k1: &Key, context: &mut [u8; CONTEXT], data: &[u8]) -> Result<(), DataSizeError> {
    cbc_mac::update(k1, thirds(context).0, data)
}

/// Takes the last bytes of a message, of any number, with K1 as the key, and leaves the MAC in
/// bytes 0-15 of the context. No bytes at all are the end of an empty message only.
pub fn finish(k1: &Key, context: &mut [u8; CONTEXT], data: &[u8]) {
    let (mac, k3, k2) = thirds(context);
    cbc_mac::finish(k1, mac, data, *k2, *k3);
}

fn thirds(context: &mut [u8; CONTEXT]) -> (&mut [u8; 16], &mut [u8; 16], &mut [u8; 16]) {
    let ([mac, k3, k2], []) = context.as_chunks_mut() else {
        unreachable!("48 bytes are three blocks")
    };
    (mac, k3, k2)
}
