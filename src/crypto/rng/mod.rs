//! Where random bytes come from: the operating system, or a seed.
//!
//! RNG4's operations, registers and errors are in `device::rng4`; this is the entropy beneath.
//! With a seed everything that is random on the device can be repeated: the same jobs in the same
//! order get the same bytes.

use std::fmt;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use thiserror::Error;
use zeroize::Zeroizing;

/// The source has no bytes to give. RNG4 reports it as a hardware error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no random bytes to be had")]
pub struct Unavailable;

/// A source of random bytes.
pub trait Source: fmt::Debug + Send {
    /// Overwrites `bytes` with random ones.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], with any part of `bytes` overwritten.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable>;
}

/// The source that `--seed` asks for: the seed's stream, or the operating system.
#[must_use]
pub fn source(seed: Option<u64>) -> Box<dyn Source> {
    match seed {
        Some(seed) => Box::new(Seeded::new(seed, Stream::Entropy)),
        None => Box::new(Os),
    }
}

/// The operating system's random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Os;

impl Source for Os {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable> {
        getrandom::fill(bytes).map_err(|_| Unavailable)
    }
}

/// Streams of one seed that have nothing to do with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stream {
    /// What RNG4 hands out, and makes keys of.
    Entropy = 0,
    /// The master key that blobs are bound to: not changed by what was drawn from the others.
    MasterKey = 1,
    /// A state handle instantiated in test mode.
    TestHandle = 2,
}

/// A stream that is the same for the same seed, on any machine and in any version: ChaCha20
/// (RFC 8439) with the key below, the [`Stream`] as the nonce's first word, and after each
/// 256 GiB the next number in the nonce's second.
///
/// The seed has 64 bits, so this is for repeatable tests and not for secrets.
pub struct Seeded {
    key: Zeroizing<[u8; 32]>,
    stream: Stream,
    section: u64,
    cipher: ChaCha20,
}

/// The first 24 bytes of the key; the seed is the other eight, little-endian.
const LABEL: &[u8; 24] = b"caam-emu seeded entropy ";

impl Seeded {
    /// The beginning of a stream of `seed`.
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        key[..24].copy_from_slice(LABEL);
        key[24..].copy_from_slice(&seed.to_le_bytes());
        let cipher = section(&key, stream, 0);
        Self { key, stream, section: 0, cipher }
    }
}

/// The cipher at the start of a section of a stream.
fn section(key: &[u8; 32], stream: Stream, number: u64) -> ChaCha20 {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&(stream as u32).to_le_bytes());
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    ChaCha20::new(key.into(), &nonce.into())
}

impl Source for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Unavailable> {
        bytes.fill(0);
        if self.cipher.try_apply_keystream(bytes).is_err() {
            self.section += 1;
            self.cipher = section(&self.key, self.stream, self.section);
            self.cipher.try_apply_keystream(bytes).map_err(|_| Unavailable)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seeded").field("stream", &self.stream).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(source: &mut dyn Source, length: usize) -> Vec<u8> {
        let mut bytes = vec![0xee; length];
        source.fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_seed_is_a_stream() {
        let whole = take(&mut Seeded::new(7, Stream::Entropy), 300);
        let mut pieces = source(Some(7));
        let mut joined = Vec::new();
        for length in [0, 1, 15, 16, 64, 63, 141] {
            joined.extend(take(&mut *pieces, length));
        }
        assert_eq!(joined, whole);
    }

    #[test]
    fn seeds_and_streams_differ() {
        let all: Vec<_> = [(7, Stream::Entropy), (8, Stream::Entropy), (7, Stream::MasterKey)]
            .into_iter()
            .chain([(7, Stream::TestHandle), (7 << 56, Stream::Entropy)])
            .map(|(seed, stream)| take(&mut Seeded::new(seed, stream), 32))
            .collect();
        for (i, one) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|other| other != one), "stream {i}");
        }
    }

    /// The promise of [`Seeded`], checked by a ChaCha20 of another origin (OpenSSL's).
    #[test]
    fn the_stream_stays_what_it_is() {
        let known = [
            (0, Stream::Entropy, "8a3ab7e892babde9c5282a41c7c68bf3"),
            (1, Stream::MasterKey, "a9f7ce6f44a64878b11030d0e5a1def8"),
        ];
        for (seed, stream, expected) in known {
            let bytes = take(&mut Seeded::new(seed, stream), 16);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn the_operating_system_has_bytes() {
        let mut os = source(None);
        let (one, other) = (take(&mut *os, 32), take(&mut *os, 32));
        assert_ne!(one, other);
        assert_ne!(one, vec![0xee; 32]);
    }

    #[test]
    fn debug_does_not_tell_the_seed() {
        let text = format!("{:?}", Seeded::new(0x1234_5678, Stream::Entropy));
        assert_eq!(text, "Seeded { stream: Entropy, .. }");
    }
}
