//! The crypto control block: the class 1 and class 2 CHAs of a DECO, their registers, and the
//! engines behind them.
//!
//! Class 1 has the ciphers, class 2 the hashes. State that silicon keeps in a context register
//! stays there as bytes, so that a context stored in mid-message and loaded again goes on where
//! it was. Bytes that do not fill a block yet wait in a *carry*, as in the alignment block.

pub mod class1;
pub mod class2;
pub mod keys;
pub mod work;

use super::status::ChaId;
use zeroize::Zeroizing;

/// Bytes of the larger key register, class 2's: a split key of SHA-512. Class 1 has 64 bytes:
/// two AES-256 keys, for XTS.
pub const KEY_BYTES: usize = 128;
/// Bytes of a context register: class 1 has 64, class 2 has 72.
pub const CONTEXT_BYTES: usize = 72;

/// Key and context register of one class.
pub struct Registers {
    key: Zeroizing<[u8; KEY_BYTES]>,
    key_limit: usize,
    key_size: usize,
    /// Behind these key bytes there has been nothing since the register was clear.
    key_touched: usize,
    context: [u8; CONTEXT_BYTES],
    context_limit: usize,
}

impl Registers {
    /// Registers of `key_limit` and `context_limit` bytes, clear.
    fn new(key_limit: usize, context_limit: usize) -> Self {
        Self {
            key: Zeroizing::new([0; KEY_BYTES]),
            key_limit,
            key_size: 0,
            key_touched: 0,
            context: [0; CONTEXT_BYTES],
            context_limit,
        }
    }

    /// The key that is loaded.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key[..self.key_size]
    }

    /// The key register cleared, for a key of `length` bytes that is written to it now. `None`: it
    /// does not fit.
    #[must_use]
    pub fn new_key(&mut self, length: usize) -> Option<&mut [u8]> {
        self.clear_key();
        let space = self.key[..self.key_limit].get_mut(..length)?;
        (self.key_size, self.key_touched) = (length, length);
        Some(space)
    }

    /// Loads key bytes at `offset`. `None`: they reach past the end of the register.
    #[must_use]
    pub fn load_key(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        let end = offset.checked_add(bytes.len())?;
        self.key[..self.key_limit].get_mut(offset..end)?.copy_from_slice(bytes);
        self.key_size = self.key_size.max(end);
        self.key_touched = self.key_touched.max(end);
        Some(())
    }

    /// KEYSZ written.
    pub fn set_key_size(&mut self, size: u32) {
        self.key_size = (size as usize).min(self.key_limit);
    }

    /// Clears the key and its size.
    pub fn clear_key(&mut self) {
        self.key[..self.key_touched].fill(0);
        self.key_touched = 0;
        self.key_size = 0;
    }

    /// Clears everything, for the next job.
    fn clear(&mut self) {
        self.clear_key();
        self.context.fill(0);
    }

    /// The context register.
    #[must_use]
    pub fn context(&self) -> &[u8] {
        &self.context[..self.context_limit]
    }

    /// The context register.
    pub fn context_mut(&mut self) -> &mut [u8] {
        &mut self.context[..self.context_limit]
    }
}

/// The CHA an ALG code belongs to, for the error word (Linux `desc.h`, `OP_ALG_ALGSEL_*`).
#[must_use]
pub fn cha_of(algorithm: u8) -> ChaId {
    match algorithm {
        0x10 => ChaId::Aes,
        0x20 | 0x21 => ChaId::Des,
        0x30 => ChaId::Arc4,
        0x40..=0x47 => ChaId::Mdha,
        0x50 => ChaId::Rng,
        0x60 => ChaId::SnowF8,
        0x70 => ChaId::Kasumi,
        0x90 => ChaId::Crc,
        0xa0 => ChaId::SnowF9,
        0xb0 => ChaId::ZucE,
        0xc0 => ChaId::ZucA,
        // ChaCha and Poly have no documented id.
        _ => ChaId::Ccb,
    }
}
