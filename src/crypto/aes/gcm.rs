//! Galois/counter mode (NIST SP 800-38D).

use std::fmt;

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use super::BLOCK;
use super::ctr::CtrStream;
use super::engine::{Key, xor_in_place};
use crate::crypto::{AeadError, AeadInput, Direction};

/// Bits of the counter block that count.
const COUNTER_BITS: u32 = 32;

/// Bytes the counter can mask: its first value masks the tag, its last is not used.
const MAX_TEXT: u64 = ((1 << COUNTER_BITS) - 2) * BLOCK as u64;

/// Bytes of IV or AAD of which the bit length fits in 64 bits.
const MAX_HASHED: u64 = u64::MAX / 8;

/// Bytes hashed and masked in turn, so that they stay in the first-level cache.
const CHUNK: usize = 4096;

/// One AES-GCM operation over input that arrives in pieces of any size: the IV, then AAD, then
/// text, each of them possibly empty, then the tag is asked for.
///
/// CAAM takes the IV, the AAD and the text through the input FIFO, each under its own type, and
/// leaves the tag at the start of the class 1 context (Linux `caamalg_desc.c`,
/// `cnstr_shdsc_gcm_encap`). A 12-byte IV is extended by a counter of 1; any other is hashed.
/// Linux has only the former, so the latter, and an empty IV, which the standard forbids but
/// which is hashed here like the others, are inferred.
///
/// ```
/// use caam_emu::crypto::{Direction, aes::{Gcm, Key}};
///
/// let mut gcm = Gcm::new(&Key::new(&[0; 16])?);
/// gcm.iv(&[0; 12])?;
/// gcm.aad(b"header")?;
/// let mut text = *b"text";
/// gcm.crypt(Direction::Encrypt, &mut text)?;
/// let tag = gcm.tag();
/// # let _ = tag;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gcm {
    key: Key,
    /// GHASH with nothing hashed yet.
    empty_hash: GHash,
    hash: Hash,
    phase: Phase,
    iv: Iv,
    aad_bytes: u64,
    text_bytes: u64,
}

/// How far the operation has come.
enum Phase {
    Iv,
    /// Counter block 0, which masks the tag, and the keystream of the text.
    Aad(Box<Started>),
    Text(Box<Started>),
    Done([u8; BLOCK]),
}

struct Started {
    tag_mask: [u8; BLOCK],
    text: CtrStream,
}

/// The beginning of the IV, and how long it is; all of it goes into the hash too.
struct Iv {
    head: [u8; 12],
    bytes: u64,
}

impl Gcm {
    /// Begins an operation with a copy of `key`.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        let mut h = [0; BLOCK];
        key.encrypt_block(&mut h);
        let empty_hash = GHash::new(&h.into());
        h.zeroize();
        Self {
            key: key.clone(),
            hash: Hash::new(&empty_hash),
            empty_hash,
            phase: Phase::Iv,
            iv: Iv { head: [0; 12], bytes: 0 },
            aad_bytes: 0,
            text_bytes: 0,
        }
    }

    /// Takes the next bytes of the IV. It ends where AAD or text begins.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if AAD or text has come already.
    pub fn iv(&mut self, bytes: &[u8]) -> Result<(), AeadError> {
        if !matches!(self.phase, Phase::Iv) {
            return Err(AeadError::Sequence(AeadInput::Iv));
        }
        let known = self.iv.bytes;
        self.iv.bytes = grown(known, bytes, MAX_HASHED, AeadInput::Iv)?;
        if let Some(room) = usize::try_from(known).ok().and_then(|at| self.iv.head.get_mut(at..)) {
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
        }
        self.hash.update(bytes);
        Ok(())
    }

    /// Takes the next bytes of AAD.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if text has come already.
    pub fn aad(&mut self, bytes: &[u8]) -> Result<(), AeadError> {
        self.end_iv();
        if !matches!(self.phase, Phase::Aad(_)) {
            return Err(AeadError::Sequence(AeadInput::Aad));
        }
        self.aad_bytes = grown(self.aad_bytes, bytes, MAX_HASHED, AeadInput::Aad)?;
        self.hash.update(bytes);
        Ok(())
    }

    /// Encrypts or decrypts the next bytes of text, in place.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if the tag has been made already, [`AeadError::TooLong`] beyond the
    /// 64 GiB that the counter can mask; nothing is changed.
    pub fn crypt(&mut self, direction: Direction, data: &mut [u8]) -> Result<(), AeadError> {
        self.end_iv();
        self.end_aad();
        let Phase::Text(started) = &mut self.phase else {
            return Err(AeadError::Sequence(AeadInput::Text));
        };
        self.text_bytes = grown(self.text_bytes, data, MAX_TEXT, AeadInput::Text)?;
        for chunk in data.chunks_mut(CHUNK) {
            // It is the ciphertext that is hashed.
            if direction == Direction::Decrypt {
                self.hash.update(chunk);
            }
            started.text.apply(&self.key, chunk);
            if direction == Direction::Encrypt {
                self.hash.update(chunk);
            }
        }
        Ok(())
    }

    /// Ends the message and makes the tag; asked again, gives the same one.
    pub fn tag(&mut self) -> [u8; BLOCK] {
        self.end_iv();
        self.end_aad();
        let mask = match &self.phase {
            Phase::Text(started) => started.tag_mask,
            Phase::Done(tag) => return *tag,
            Phase::Iv | Phase::Aad(_) => unreachable!("both phases have just been ended"),
        };
        let mut tag = self.hash.finish(&self.empty_hash, self.aad_bytes, self.text_bytes);
        xor_in_place(&mut tag, &mask);
        self.phase = Phase::Done(tag);
        tag
    }

    /// Turns a complete IV into the first counter block.
    fn end_iv(&mut self) {
        if !matches!(self.phase, Phase::Iv) {
            return;
        }
        let hashed = self.hash.finish(&self.empty_hash, 0, self.iv.bytes);
        let mut first = [0; BLOCK];
        if self.iv.bytes == 12 {
            first[..12].copy_from_slice(&self.iv.head);
            first[15] = 1;
        } else {
            first = hashed;
        }
        let mut text = CtrStream::new(first, COUNTER_BITS);
        let mut tag_mask = [0; BLOCK];
        text.apply(&self.key, &mut tag_mask);
        self.phase = Phase::Aad(Box::new(Started { tag_mask, text }));
    }

    fn end_aad(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Iv) {
            Phase::Aad(started) => {
                self.hash.pad();
                Phase::Text(started)
            }
            other => other,
        };
    }
}

impl Drop for Gcm {
    fn drop(&mut self) {
        if let Phase::Aad(started) | Phase::Text(started) = &mut self.phase {
            started.tag_mask.zeroize();
        }
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gcm")
            .field("key", &self.key)
            .field("iv_bytes", &self.iv.bytes)
            .field("aad_bytes", &self.aad_bytes)
            .field("text_bytes", &self.text_bytes)
            .finish_non_exhaustive()
    }
}

/// A count of bytes with those of the next piece, if they are not too many.
fn grown(count: u64, piece: &[u8], max: u64, what: AeadInput) -> Result<u64, AeadError> {
    let grown = count.checked_add(piece.len() as u64).filter(|&sum| sum <= max);
    grown.ok_or(AeadError::TooLong(what))
}

/// GHASH over pieces of any size.
struct Hash {
    ghash: GHash,
    partial: [u8; BLOCK],
    /// Bytes in `partial`, fewer than 16.
    filled: usize,
}

impl Hash {
    fn new(empty: &GHash) -> Self {
        Self { ghash: empty.clone(), partial: [0; BLOCK], filled: 0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.filled != 0 {
            let count = (BLOCK - self.filled).min(bytes.len());
            let (head, after) = bytes.split_at(count);
            self.partial[self.filled..][..count].copy_from_slice(head);
            self.filled += count;
            if self.filled < BLOCK {
                return;
            }
            self.pad();
            rest = after;
        }
        let (blocks, tail) = ghash::Block::slice_as_chunks(rest);
        self.ghash.update(blocks);
        self.partial[..tail.len()].copy_from_slice(tail);
        self.filled = tail.len();
    }

    /// Fills up a partial block with zeros.
    fn pad(&mut self) {
        if self.filled != 0 {
            self.partial[self.filled..].fill(0);
            self.ghash.update(&[self.partial.into()]);
            self.filled = 0;
        }
    }

    /// Ends with the block of lengths, in bytes, and begins anew.
    fn finish(&mut self, empty: &GHash, first: u64, second: u64) -> [u8; BLOCK] {
        self.pad();
        let lengths = u128::from(first * 8) << 64 | u128::from(second * 8);
        self.ghash.update(&[lengths.to_be_bytes().into()]);
        std::mem::replace(&mut self.ghash, empty.clone()).finalize().into()
    }
}
