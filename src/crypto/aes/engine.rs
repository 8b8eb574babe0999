//! Expanded keys, and the way blocks reach the `aes` crate.
//!
//! A mode is a [`Work`]: code that is generic over a [`Backend`], the block cipher with a key and
//! a direction fixed. [`Key::run`] chooses the backend once per call, so that all of the mode is
//! compiled for the instruction set the blocks run on: with AVX-512, tweaks and counters are
//! computed in vector registers too, without a line of `unsafe` here.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aes::Block;
use aes::cipher::array::{Array, ArraySize};
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
};

use super::ghash::HashKey;
use crate::crypto::{Direction, KeySizeError};
use zeroize::Zeroize as _;

/// An AES key with its encryption and decryption schedules.
///
/// Clones share the schedules, which are overwritten with zeros when the last one is dropped.
#[derive(Clone)]
pub struct Key(Arc<Expanded>);

struct Expanded {
    schedules: Schedules,
    /// Made when it is first asked for: only GCM wants it.
    hash: OnceLock<HashKey>,
}

enum Schedules {
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

impl Key {
    /// Expands a key of 16, 24 or 32 bytes.
    ///
    /// # Errors
    ///
    /// [`KeySizeError::Aes`] for any other length.
    pub fn new(key: &[u8]) -> Result<Self, KeySizeError> {
        let error = |_| KeySizeError::Aes(key.len());
        let schedules = match key.len() {
            16 => Schedules::Aes128(aes::Aes128::new_from_slice(key).map_err(error)?),
            24 => Schedules::Aes192(aes::Aes192::new_from_slice(key).map_err(error)?),
            32 => Schedules::Aes256(aes::Aes256::new_from_slice(key).map_err(error)?),
            other => return Err(KeySizeError::Aes(other)),
        };
        Ok(Self(Arc::new(Expanded { schedules, hash: OnceLock::new() })))
    }

    /// Length of the key this was made from, in bytes: 16, 24 or 32.
    #[must_use]
    pub fn size(&self) -> usize {
        match self.0.schedules {
            Schedules::Aes128(_) => 16,
            Schedules::Aes192(_) => 24,
            Schedules::Aes256(_) => 32,
        }
    }

    /// Encrypts one block in place.
    pub fn encrypt_block(&self, block: &mut [u8; 16]) {
        let block: &mut Block = block.into();
        match &self.0.schedules {
            Schedules::Aes128(aes) => aes.encrypt_block(block),
            Schedules::Aes192(aes) => aes.encrypt_block(block),
            Schedules::Aes256(aes) => aes.encrypt_block(block),
        }
    }

    /// Decrypts one block in place.
    pub fn decrypt_block(&self, block: &mut [u8; 16]) {
        let block: &mut Block = block.into();
        match &self.0.schedules {
            Schedules::Aes128(aes) => aes.decrypt_block(block),
            Schedules::Aes192(aes) => aes.decrypt_block(block),
            Schedules::Aes256(aes) => aes.decrypt_block(block),
        }
    }

    /// Encrypts independent blocks in place, as many at a time as the processor can.
    pub fn encrypt_blocks(&self, blocks: &mut [[u8; 16]]) {
        self.run(Direction::Encrypt, All(Block::cast_slice_from_core_mut(blocks)));
    }

    /// Decrypts independent blocks in place, as many at a time as the processor can.
    pub fn decrypt_blocks(&self, blocks: &mut [[u8; 16]]) {
        self.run(Direction::Decrypt, All(Block::cast_slice_from_core_mut(blocks)));
    }

    /// What GHASH makes of this key.
    pub(super) fn hash(&self) -> &HashKey {
        self.0.hash.get_or_init(|| {
            let mut subkey = [0; 16];
            self.encrypt_block(&mut subkey);
            let key = HashKey::new(subkey);
            subkey.zeroize();
            key
        })
    }

    /// Runs a mode on this key. `direction` is that of the block cipher, which for CTR and the
    /// MACs is encryption whatever the mode does.
    pub(super) fn run(&self, direction: Direction, work: impl Work) {
        match (&self.0.schedules, direction) {
            (Schedules::Aes128(aes), Direction::Encrypt) => aes.encrypt_with_backend(Call(work)),
            (Schedules::Aes192(aes), Direction::Encrypt) => aes.encrypt_with_backend(Call(work)),
            (Schedules::Aes256(aes), Direction::Encrypt) => aes.encrypt_with_backend(Call(work)),
            (Schedules::Aes128(aes), Direction::Decrypt) => aes.decrypt_with_backend(Call(work)),
            (Schedules::Aes192(aes), Direction::Decrypt) => aes.decrypt_with_backend(Call(work)),
            (Schedules::Aes256(aes), Direction::Decrypt) => aes.decrypt_with_backend(Call(work)),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(AES-{}, ..)", self.size() * 8)
    }
}

/// A quarter of the widest batch there is, that of AVX-512.
const GROUP: usize = 16;

/// The block cipher with key, direction and instruction set fixed.
pub(super) trait Backend {
    /// How many blocks [`Backend::batch`] takes.
    type Width: ArraySize;

    /// One block.
    fn block(&self, block: &mut Block);

    /// Independent blocks, one batch of the width the instruction set likes best.
    fn batch(&self, blocks: &mut Array<Block, Self::Width>);

    /// Independent blocks, any number of them.
    #[inline(always)]
    fn blocks(&self, blocks: &mut [Block]) {
        let (batches, tail) = Array::<Block, Self::Width>::slice_as_chunks_mut(blocks);
        for batch in batches {
            self.batch(batch);
        }
        let (groups, rest) = tail.as_chunks_mut::<GROUP>();
        if Self::Width::USIZE == 4 * GROUP && !groups.is_empty() {
            // AVX-512, and not enough for a batch: a 512-byte sector is half of one. A full batch,
            // in part for nothing, takes a third of the time of block after block.
            let last = groups.len() - 1;
            let mut full = [groups[0], groups[last.min(1)], groups[last.min(2)], groups[last]];
            for batch in Array::slice_as_chunks_mut(full.as_flattened_mut()).0 {
                self.batch(batch);
            }
            for (group, done) in groups.iter_mut().zip(&full) {
                *group = *done;
            }
        } else {
            for block in groups.as_flattened_mut() {
                self.block(block);
            }
        }
        for block in rest {
            self.block(block);
        }
    }
}

/// What a mode does with a [`Backend`].
pub(super) trait Work {
    /// Runs the mode. Implementations are `#[inline(always)]`, or they would not be compiled for
    /// the backend's instruction set.
    fn run(self, backend: &impl Backend);
}

/// Every block by itself: ECB.
pub(super) struct All<'a>(pub(super) &'a mut [Block]);

impl Work for All<'_> {
    #[inline(always)]
    fn run(self, backend: &impl Backend) {
        backend.blocks(self.0);
    }
}

/// Adapts a [`Work`] to what the `cipher` crate calls back.
struct Call<W>(W);

impl<W> BlockSizeUser for Call<W> {
    type BlockSize = U16;
}

impl<W: Work> BlockCipherEncClosure for Call<W> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.0.run(&Encryptor(backend));
    }
}

impl<W: Work> BlockCipherDecClosure for Call<W> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        self.0.run(&Decryptor(backend));
    }
}

struct Encryptor<'a, B>(&'a B);

impl<B: BlockCipherEncBackend<BlockSize = U16>> Backend for Encryptor<'_, B> {
    type Width = B::ParBlocksSize;

    #[inline(always)]
    fn block(&self, block: &mut Block) {
        self.0.encrypt_block_inplace(block);
    }

    #[inline(always)]
    fn batch(&self, blocks: &mut Array<Block, Self::Width>) {
        self.0.encrypt_par_blocks_inplace(blocks);
    }
}

struct Decryptor<'a, B>(&'a B);

impl<B: BlockCipherDecBackend<BlockSize = U16>> Backend for Decryptor<'_, B> {
    type Width = B::ParBlocksSize;

    #[inline(always)]
    fn block(&self, block: &mut Block) {
        self.0.decrypt_block_inplace(block);
    }

    #[inline(always)]
    fn batch(&self, blocks: &mut Array<Block, Self::Width>) {
        self.0.decrypt_par_blocks_inplace(blocks);
    }
}

/// `a ^= b`, byte by byte, over the length of the shorter one.
#[inline(always)]
pub(super) fn xor_in_place(a: &mut [u8], b: &[u8]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
}
