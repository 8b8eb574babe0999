//! Galois/counter mode (NIST SP 800-38D).

use std::fmt;

use zeroize::Zeroize;

use super::BLOCK;
use super::ctr::CtrStream;
use super::engine::{Key, xor_in_place};
use super::ghash::Hash;
use crate::crypto::{AeadError, AeadInput, Direction};

/// Bits of the counter block that count.
const COUNTER_BITS: u32 = 32;

/// Bytes the counter can mask: its first value masks the tag, its last is not used.
const MAX_TEXT: u64 = ((1 << COUNTER_BITS) - 2) * BLOCK as u64;

/// Bytes of IV or AAD of which the bit length fits in 64 bits.
const MAX_HASHED: u64 = u64::MAX / 8;

/// Bytes of an IV that is not hashed.
const IV_HEAD: usize = 12;

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

/// The beginning of the IV, and how long it is; if it is longer, all of it goes into the hash.
struct Iv {
    head: [u8; IV_HEAD],
    bytes: u64,
}

impl Gcm {
    /// Begins an operation with a copy of `key`.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self {
            key: key.clone(),
            hash: Hash::new(key.hash()),
            phase: Phase::Iv,
            iv: Iv { head: [0; IV_HEAD], bytes: 0 },
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
        let head = usize::try_from(known).map_or(IV_HEAD, |known| known.min(IV_HEAD));
        let room = &mut self.iv.head[head..];
        let count = room.len().min(bytes.len());
        let (begin, rest) = bytes.split_at(count);
        room[..count].copy_from_slice(begin);
        if !rest.is_empty() {
            if known <= IV_HEAD as u64 {
                self.hash.update(self.key.hash(), &self.iv.head);
            }
            self.hash.update(self.key.hash(), rest);
        }
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
        self.hash.update(self.key.hash(), bytes);
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
                self.hash.update(self.key.hash(), chunk);
            }
            started.text.apply(&self.key, chunk);
            if direction == Direction::Encrypt {
                self.hash.update(self.key.hash(), chunk);
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
        let mut tag = self.hash.finish(self.key.hash(), self.aad_bytes, self.text_bytes);
        xor_in_place(&mut tag, &mask);
        self.phase = Phase::Done(tag);
        tag
    }

    /// Turns a complete IV into the first counter block.
    fn end_iv(&mut self) {
        if !matches!(self.phase, Phase::Iv) {
            return;
        }
        let mut first = [0; BLOCK];
        if self.iv.bytes == IV_HEAD as u64 {
            first[..IV_HEAD].copy_from_slice(&self.iv.head);
            first[15] = 1;
        } else {
            if let Some(short) =
                usize::try_from(self.iv.bytes).ok().and_then(|n| self.iv.head.get(..n))
            {
                self.hash.update(self.key.hash(), short);
            }
            first = self.hash.finish(self.key.hash(), 0, self.iv.bytes);
        }
        let mut text = CtrStream::new(first, COUNTER_BITS);
        let mut tag_mask = [0; BLOCK];
        text.apply(&self.key, &mut tag_mask);
        self.phase = Phase::Aad(Box::new(Started { tag_mask, text }));
    }

    fn end_aad(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Iv) {
            Phase::Aad(started) => {
                self.hash.pad(self.key.hash());
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
