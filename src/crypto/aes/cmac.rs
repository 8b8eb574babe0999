//! CMAC (NIST SP 800-38B, RFC 4493).
//!
//! The context is what CAAM keeps in bytes 0-31 of the class 1 context, and what the drivers
//! store and load between the parts of a message (Linux `caamhash.c`, `caamhash_desc.c`): the
//! running MAC, then L, the encrypted zero block from which the masks of the last block come (its
//! content is inferred; the drivers treat it as opaque).

use super::cbc_mac;
use super::engine::Key;
use crate::crypto::DataSizeError;

/// Bytes in the context.
pub const CONTEXT: usize = 32;

/// Begins a message: the context with nothing authenticated yet.
#[must_use]
pub fn init(key: &Key) -> [u8; CONTEXT] {
    let mut context = [0; CONTEXT];
    let (_mac, l) = halves(&mut context);
    key.encrypt_block(l);
    context
}

/// Takes the next whole blocks of a message that goes on after them: at least one byte must be
/// left for [`finish`], as the drivers see to.
///
/// # Errors
///
/// [`DataSizeError::PartialBlock`] if `data` is not a multiple of 16 bytes; nothing is changed.
pub fn update(key: &Key, context: &mut [u8; CONTEXT], data: &[u8]) -> Result<(), DataSizeError> {
    cbc_mac::update(key, halves(context).0, data)
}

/// Takes the last bytes of a message, of any number, and leaves the MAC in bytes 0-15 of the
/// context. No bytes at all are the end of an empty message only.
pub fn finish(key: &Key, context: &mut [u8; CONTEXT], data: &[u8]) {
    let (mac, l) = halves(context);
    let full = double(u128::from_be_bytes(*l));
    let padded = double(full);
    cbc_mac::finish(key, mac, data, full.to_be_bytes(), padded.to_be_bytes());
}

fn halves(context: &mut [u8; CONTEXT]) -> (&mut [u8; 16], &mut [u8; 16]) {
    let ([mac, l], []) = context.as_chunks_mut() else { unreachable!("32 bytes are two blocks") };
    (mac, l)
}

/// Times x in GF(2^128), in the bit order of CMAC.
fn double(value: u128) -> u128 {
    let carry = ((value as i128) >> 127) as u128;
    (value << 1) ^ (carry & 0x87)
}
