//! The master key, which blobs are bound to.

use std::fmt;

use zeroize::Zeroizing;

use super::KEY;
use crate::crypto::aes::{Key, cmac};
use crate::crypto::rng::{Seeded, Source, Stream, Unavailable};

/// What stands for the key in the part's fuses: the same at each power-on.
///
/// On silicon software never sees it, and it is the one behind fuses in secure state only.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY]>);

impl MasterKey {
    /// The key with these bytes: those of a key file.
    #[must_use]
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key of a seed (`--seed`): each time the same, whatever RNG4 has handed out.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self::from_source(&mut Seeded::new(seed, Stream::MasterKey))
            .expect("a seed always has bytes")
    }

    /// A new key, for an instance whose blobs are not to be opened by another.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the source has no bytes.
    pub fn from_source(source: &mut dyn Source) -> Result<Self, Unavailable> {
        let mut key = Self::new([0; KEY]);
        source.fill(&mut *key.0)?;
        Ok(key)
    }

    /// A key for one purpose, by the counter mode of NIST SP 800-108 with AES-256-CMAC: two
    /// times i || label || 0 || context || 256, the numbers in four bytes, big-endian.
    pub(super) fn derive(&self, label: &[u8], context: &[u8]) -> Zeroizing<[u8; KEY]> {
        let key = Key::new(&*self.0).expect("32 bytes are an AES key");
        let mut derived = Zeroizing::new([0; KEY]);
        for (half, i) in derived.chunks_exact_mut(16).zip(1_u32..) {
            let length = 8 * KEY as u32;
            let input =
                [&i.to_be_bytes(), label, &[0], context, &length.to_be_bytes()[..]].concat();
            let mut mac = Zeroizing::new(cmac::init(&key));
            cmac::finish(&key, &mut mac, &input);
            half.copy_from_slice(&mac[..16]);
        }
        derived
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}
