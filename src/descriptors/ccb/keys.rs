//! Expanded AES keys, kept from job to job.
//!
//! Each job loads its key anew, as SHRD always reads 0; to expand it anew would take as long as
//! to encrypt a sector. An expanded key is found by the key itself, all of its bytes, and never by
//! where they came from: whatever the guest rewrites, and when, the key register decides.
//!
//! A DECO keeps a few, and forgets them before it sleeps, so that none outlives the work it was for
//! ([`super::super::flow::Scratch::forget_keys`]). What is forgotten is overwritten with zeros.

use crate::crypto::KeySizeError;
use crate::crypto::aes::{Key, XtsKey};
use std::borrow::Borrow;
use std::fmt;
use zeroize::Zeroizing;

/// Keys kept of each kind. A disk has one, each direction of a tunnel another.
const KEPT: usize = 8;
/// Bytes of the longest key: two of AES-256, for XTS.
const LONGEST: usize = 64;

/// An expanded key that is in use, and will be put back.
pub struct Loan<K>(Box<Kept<K>>);

struct Kept<K> {
    bytes: Zeroizing<[u8; LONGEST]>,
    length: usize,
    expanded: K,
}

impl<K> Loan<K> {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.0.expanded
    }
}

impl Borrow<XtsKey> for Loan<XtsKey> {
    fn borrow(&self) -> &XtsKey {
        self.key()
    }
}

impl<K: fmt::Debug> fmt::Debug for Loan<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expanded.fmt(f)
    }
}

/// Expanded keys of one kind, the one used last at the end.
struct Shelf<K>(Vec<Loan<K>>);

impl<K> Shelf<K> {
    fn lend(
        &mut self,
        key: &[u8],
        expand: impl FnOnce(&[u8]) -> Result<K, KeySizeError>,
    ) -> Result<Loan<K>, KeySizeError> {
        // How long the comparison takes tells nobody more than that a key was used before.
        let same = |loan: &Loan<K>| loan.0.bytes.get(..loan.0.length) == Some(key);
        if let Some(at) = self.0.iter().rposition(same) {
            return Ok(self.0.remove(at));
        }
        let expanded = expand(key)?;
        let mut bytes = Zeroizing::new([0; LONGEST]);
        bytes[..key.len()].copy_from_slice(key);
        Ok(Loan(Box::new(Kept { bytes, length: key.len(), expanded })))
    }

    fn put_back(&mut self, loan: Loan<K>) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(loan);
    }
}

/// See the module.
pub struct KeyCache {
    aes: Shelf<Key>,
    xts: Shelf<XtsKey>,
}

impl KeyCache {
    /// Without keys.
    #[must_use]
    pub fn new() -> Self {
        Self { aes: Shelf(Vec::new()), xts: Shelf(Vec::new()) }
    }

    /// A key of 16, 24 or 32 bytes, expanded.
    ///
    /// # Errors
    /// [`KeySizeError`] for any other length.
    pub fn aes(&mut self, key: &[u8]) -> Result<Loan<Key>, KeySizeError> {
        self.aes.lend(key, Key::new)
    }

    /// The two keys of XTS, 32 or 64 bytes, expanded.
    ///
    /// # Errors
    /// [`KeySizeError`] for any other length.
    pub fn xts(&mut self, key: &[u8]) -> Result<Loan<XtsKey>, KeySizeError> {
        self.xts.lend(key, XtsKey::new)
    }

    /// An AES key has been used.
    pub fn put_back_aes(&mut self, loan: Loan<Key>) {
        self.aes.put_back(loan);
    }

    /// A pair of keys has been used.
    pub fn put_back_xts(&mut self, loan: Loan<XtsKey>) {
        self.xts.put_back(loan);
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.aes.0.clear();
        self.xts.0.clear();
    }

    /// How many keys are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.aes.0.len() + self.xts.0.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
