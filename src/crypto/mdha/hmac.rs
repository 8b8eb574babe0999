//! HMAC (RFC 2104), with its key taken through both paddings beforehand.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::hasher::Hasher;
use super::state::State;
use super::{Algorithm, Error, MAX_BLOCK};

/// What the two passes of HMAC start from: the key register of class 2 in mode HMAC with
/// precomputed key (AAI 4), and what the derived key protocol makes.
///
/// Overwritten with zeros when dropped.
#[derive(Clone)]
pub struct SplitKey {
    algorithm: Algorithm,
    inner: State,
    outer: State,
}

impl SplitKey {
    /// Makes a split key of a key of any length; one that is longer than a block is hashed first.
    ///
    /// Drivers hash long keys themselves, in a job of their own (Linux `caamhash.c`,
    /// `hash_digest_key`), and the key register takes no more than a block: that the engine would
    /// do the same is inferred.
    #[must_use]
    pub fn derive(algorithm: Algorithm, key: &[u8]) -> Self {
        let block = algorithm.block_len();
        let mut padded = Zeroizing::new([0; MAX_BLOCK]);
        if key.len() > block {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(key);
            let digest = Zeroizing::new(hasher.finalize());
            padded[..digest.len()].copy_from_slice(&digest);
        } else {
            padded[..key.len()].copy_from_slice(key);
        }
        let masked_with = |pad: u8| {
            let mut masked = Zeroizing::new(*padded);
            masked.iter_mut().for_each(|byte| *byte ^= pad);
            let mut state = State::initial(algorithm);
            state.compress(&masked[..block]);
            state
        };
        Self { algorithm, inner: masked_with(0x36), outer: masked_with(0x5c) }
    }

    /// Reads the inner and the outer state.
    ///
    /// # Errors
    ///
    /// [`Error::SplitKeySize`] unless there are [`Algorithm::split_key_len`] bytes.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, Error> {
        let expected = algorithm.split_key_len();
        if bytes.len() != expected {
            return Err(Error::SplitKeySize { actual: bytes.len(), expected });
        }
        let (inner, outer) = bytes.split_at(algorithm.state_len());
        let inner = State::from_bytes(algorithm, inner);
        Ok(Self { algorithm, inner, outer: State::from_bytes(algorithm, outer) })
    }

    /// The inner and the outer state, [`Algorithm::split_key_len`] bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut inner = self.inner.to_bytes();
        let mut outer = self.outer.to_bytes();
        let bytes = Zeroizing::new([inner.as_slice(), &outer].concat());
        inner.zeroize();
        outer.zeroize();
        bytes
    }

    /// Which hash the key is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for SplitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SplitKey({}, ..)", self.algorithm.name())
    }
}

/// The bytes of a split key: [`SplitKey::derive`] and [`SplitKey::to_bytes`].
#[must_use]
pub fn split_key(algorithm: Algorithm, key: &[u8]) -> Zeroizing<Vec<u8>> {
    SplitKey::derive(algorithm, key).to_bytes()
}

/// HMAC over data in pieces of any size, that can be put aside like a [`Hasher`].
///
/// Between the first job and the last the key is not needed: there the context may be imported
/// into a [`Hasher`] too.
///
/// ```
/// use caam_emu::crypto::mdha::{Algorithm::Sha1, Hasher, Hmac, SplitKey};
///
/// let key = SplitKey::derive(Sha1, b"key");
/// let mut first = Hmac::new(&key);
/// first.update(&[1; 64]);
/// let mut second = Hasher::import(Sha1, &first.export()?)?;
/// second.update(&[2; 64]);
/// let mut last = Hmac::import(&key, &second.export()?)?;
/// last.update(&[3; 5]);
/// assert_eq!(last.finalize().len(), 20);
/// # Ok::<(), caam_emu::crypto::mdha::Error>(())
/// ```
#[derive(Clone)]
pub struct Hmac {
    inner: Hasher,
    outer: State,
}

impl Hmac {
    /// Begins a message (AS init, or init and finalize).
    #[must_use]
    pub fn new(key: &SplitKey) -> Self {
        let block = key.algorithm.block_len() as u64;
        let inner = Hasher::resume(key.algorithm, key.inner.clone(), block);
        Self { inner, outer: key.outer.clone() }
    }

    /// Goes on from a context (AS update or finalize). The inner half of the key is not used.
    ///
    /// # Errors
    ///
    /// As [`Hasher::import`].
    pub fn import(key: &SplitKey, context: &[u8]) -> Result<Self, Error> {
        let inner = Hasher::import(key.algorithm, context)?;
        Ok(Self { inner, outer: key.outer.clone() })
    }

    /// Which hash this is built on.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.inner.algorithm()
    }

    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// The class 2 context of the inner hash so far.
    ///
    /// # Errors
    ///
    /// As [`Hasher::export`].
    pub fn export(&self) -> Result<Vec<u8>, Error> {
        self.inner.export()
    }

    /// Ends the message: the MAC, as long as a digest.
    #[must_use]
    pub fn finalize(self) -> Vec<u8> {
        let algorithm = self.algorithm();
        let mut outer = Hasher::resume(algorithm, self.outer, algorithm.block_len() as u64);
        outer.update(&Zeroizing::new(self.inner.finalize()));
        outer.finalize()
    }
}

impl fmt::Debug for Hmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hmac").field("inner", &self.inner).finish_non_exhaustive()
    }
}
