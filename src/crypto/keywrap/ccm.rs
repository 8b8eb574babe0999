//! AES-256-CCM (NIST SP 800-38C) with a 13-byte nonce, two bytes of length and no AAD.

use zeroize::Zeroizing;

use super::{KEY, WrapError};
use crate::crypto::aes::{Ccm, Key};
use crate::crypto::{Direction, tags_equal};

/// Bytes of nonce.
pub(super) const NONCE: usize = 13;
/// Bytes of message that two bytes of length can tell of.
pub(super) const MAX: usize = 0xffff;

/// The cipher at the start of a message of `length` bytes with a MAC of `mac` bytes.
fn start(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    length: usize,
    mac: usize,
) -> Result<Ccm, WrapError> {
    let counted = u16::try_from(length).map_err(|_| WrapError::Size(length))?;
    let key = Key::new(key).expect("32 bytes are an AES key");
    let length_bytes = 15 - NONCE - 1;
    let mut b0 = [0; 16];
    b0[0] = ((mac - 2) / 2 * 8 + length_bytes) as u8;
    b0[1..14].copy_from_slice(nonce);
    b0[14..].copy_from_slice(&counted.to_be_bytes());
    let mut counter = [0; 16];
    counter[0] = length_bytes as u8;
    counter[1..14].copy_from_slice(nonce);
    Ok(Ccm::new(&key, b0, counter))
}

/// Encrypts `text` in place and gives the MAC, of which the caller takes as many of the first
/// bytes as it named.
pub(super) fn seal(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    text: &mut [u8],
    mac: usize,
) -> Result<[u8; 16], WrapError> {
    let mut ccm = start(key, nonce, text.len(), mac)?;
    ccm.crypt(Direction::Encrypt, text).expect("text after no AAD");
    Ok(ccm.tag())
}

/// Decrypts `text` and checks its MAC.
pub(super) fn open(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    text: &[u8],
    mac: &[u8],
) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    let mut ccm = start(key, nonce, text.len(), mac.len())?;
    let mut text = Zeroizing::new(text.to_vec());
    ccm.crypt(Direction::Decrypt, &mut text).expect("text after no AAD");
    if tags_equal(&ccm.tag()[..mac.len()], mac) { Ok(text) } else { Err(WrapError::Integrity) }
}
