//! Cipher block chaining.

use aes::Block;

use super::engine::{Backend, Key, Work, xor_in_place};
use super::whole_blocks;
use crate::crypto::{DataSizeError, Direction};

/// Blocks decrypted at a time: one batch of the widest instruction set.
const BATCH: usize = 64;

/// AES-CBC over whole blocks, in place.
///
/// `iv` is the chaining value, bytes 0-15 of the class 1 context. On return it holds the last
/// ciphertext block, which the drivers store back as the IV of what follows (Linux
/// `caamalg_desc.c`, `cnstr_shdsc_skcipher_encap`). An empty message leaves it as it was.
///
/// # Errors
///
/// [`DataSizeError::PartialBlock`] if `data` is not a multiple of 16 bytes; nothing is changed.
pub fn cbc(
    key: &Key,
    direction: Direction,
    iv: &mut [u8; 16],
    data: &mut [u8],
) -> Result<(), DataSizeError> {
    let blocks = whole_blocks(data)?;
    match direction {
        Direction::Encrypt => key.run(direction, Encrypt { iv, blocks }),
        Direction::Decrypt => key.run(direction, Decrypt { iv, blocks }),
    }
    Ok(())
}

/// One block after the other: each needs the ciphertext of the one before.
struct Encrypt<'a> {
    iv: &'a mut [u8; 16],
    blocks: &'a mut [Block],
}

impl Work for Encrypt<'_> {
    #[inline(always)]
    fn run(self, backend: &impl Backend) {
        let mut chain = Block::from(*self.iv);
        for block in self.blocks {
            xor_in_place(&mut chain, block);
            backend.block(&mut chain);
            *block = chain;
        }
        *self.iv = chain.into();
    }
}

/// All blocks of a batch at once; then each is masked with the ciphertext before it.
struct Decrypt<'a> {
    iv: &'a mut [u8; 16],
    blocks: &'a mut [Block],
}

impl Work for Decrypt<'_> {
    #[inline(always)]
    fn run(self, backend: &impl Backend) {
        // Slot 0 is the chaining value, slot i + 1 the i-th ciphertext block of the batch.
        let mut ciphertext = [Block::default(); BATCH + 1];
        ciphertext[0] = Block::from(*self.iv);
        for batch in self.blocks.chunks_mut(BATCH) {
            let count = batch.len();
            ciphertext[1..=count].copy_from_slice(batch);
            backend.blocks(batch);
            for (block, previous) in batch.iter_mut().zip(&ciphertext) {
                xor_in_place(block, previous);
            }
            ciphertext[0] = ciphertext[count];
        }
        *self.iv = ciphertext[0].into();
    }
}
