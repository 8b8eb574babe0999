//! Electronic codebook and cipher block chaining.

use super::{BLOCK, Error, Key};
use crate::crypto::Direction;

/// ECB over whole blocks, in place.
///
/// # Errors
///
/// [`Error::PartialBlock`] if `data` is not a multiple of 8 bytes; nothing is changed.
pub fn ecb(key: &Key, direction: Direction, data: &mut [u8]) -> Result<(), Error> {
    for block in whole_blocks(data)? {
        key.block(direction, block);
    }
    Ok(())
}

/// CBC over whole blocks, in place.
///
/// `iv` is the chaining value, bytes 0-7 of the class 1 context. On return it holds the last
/// ciphertext block, which the drivers store back as the IV of what follows (Linux
/// `caamalg_desc.c`, `cnstr_shdsc_skcipher_encap`). An empty message leaves it as it was.
///
/// # Errors
///
/// [`Error::PartialBlock`] if `data` is not a multiple of 8 bytes; nothing is changed.
pub fn cbc(
    key: &Key,
    direction: Direction,
    iv: &mut [u8; BLOCK],
    data: &mut [u8],
) -> Result<(), Error> {
    for block in whole_blocks(data)? {
        match direction {
            Direction::Encrypt => {
                xor(block, iv);
                key.encrypt_block(block);
                *iv = *block;
            }
            Direction::Decrypt => {
                let ciphertext = *block;
                key.decrypt_block(block);
                xor(block, iv);
                *iv = ciphertext;
            }
        }
    }
    Ok(())
}

/// A message as whole blocks.
fn whole_blocks(data: &mut [u8]) -> Result<&mut [[u8; BLOCK]], Error> {
    let len = data.len();
    let (blocks, tail) = data.as_chunks_mut();
    if tail.is_empty() { Ok(blocks) } else { Err(Error::PartialBlock(len)) }
}

fn xor(block: &mut [u8; BLOCK], mask: &[u8; BLOCK]) {
    *block = (u64::from_ne_bytes(*block) ^ u64::from_ne_bytes(*mask)).to_ne_bytes();
}
