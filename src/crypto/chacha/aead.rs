//! The AEAD of RFC 8439, which is the one of RFC 7539.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::{ChaCha20, KEY_BYTES, Key, NONCE_BYTES, Poly1305, TAG_BYTES};
use crate::crypto::{AeadError, AeadInput, Direction};

/// Bytes that counters 1 to 2^32 - 1 can mask; counter 0 makes the one-time key.
const MAX_TEXT: u64 = ((1 << 32) - 1) * 64;

/// Bytes masked and authenticated in turn, so that they stay in the first-level cache.
const CHUNK: usize = 4096;

/// One operation of ChaCha20-Poly1305 over input that arrives in pieces of any size: AAD, then
/// text, each of them possibly empty, then the tag is asked for.
///
/// The key is the class 1 key, the nonce bytes 4-15 of the class 1 context, and the tag goes to
/// the start of the class 2 context (Linux `caamalg_desc.c`, `cnstr_shdsc_chachapoly`). For
/// RFC 7634 the nonce is the 4 bytes of salt, which end the driver's key, and the 8 of the packet.
/// Bytes 0-3 of the context, where the stream cipher has its counter, play no part (inferred).
///
/// ```
/// use caam_emu::crypto::{Direction, chacha::{ChaCha20Poly1305, Key}};
///
/// let mut aead = ChaCha20Poly1305::new(&Key::new(&[0; 32])?, &[0; 12]);
/// aead.aad(b"header")?;
/// let mut text = *b"text";
/// aead.crypt(Direction::Encrypt, &mut text)?;
/// let tag = aead.tag();
/// # let _ = tag;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ChaCha20Poly1305 {
    cipher: ChaCha20,
    phase: Phase,
    aad_bytes: u64,
    text_bytes: u64,
}

/// How far the operation has come.
enum Phase {
    Aad(Box<Poly1305>),
    Text(Box<Poly1305>),
    Done([u8; TAG_BYTES]),
}

impl ChaCha20Poly1305 {
    /// Begins an operation.
    #[must_use]
    pub fn new(key: &Key, nonce: &[u8; NONCE_BYTES]) -> Self {
        let mut one_time = Zeroizing::new([0; KEY_BYTES]);
        ChaCha20::with_counter(key, nonce, 0).apply(&mut *one_time);
        Self {
            cipher: ChaCha20::with_counter(key, nonce, 1),
            phase: Phase::Aad(Box::new(Poly1305::new(&Key(one_time)))),
            aad_bytes: 0,
            text_bytes: 0,
        }
    }

    /// Takes the next bytes of AAD.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if text has come already.
    pub fn aad(&mut self, bytes: &[u8]) -> Result<(), AeadError> {
        let Phase::Aad(mac) = &mut self.phase else {
            return Err(AeadError::Sequence(AeadInput::Aad));
        };
        self.aad_bytes = grown(self.aad_bytes, bytes, u64::MAX, AeadInput::Aad)?;
        mac.update(bytes);
        Ok(())
    }

    /// Encrypts or decrypts the next bytes of text, in place.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if the tag has been made already, [`AeadError::TooLong`] beyond the
    /// 256 GiB that the counter can mask; nothing is changed.
    pub fn crypt(&mut self, direction: Direction, data: &mut [u8]) -> Result<(), AeadError> {
        self.end_aad();
        let Phase::Text(mac) = &mut self.phase else {
            return Err(AeadError::Sequence(AeadInput::Text));
        };
        self.text_bytes = grown(self.text_bytes, data, MAX_TEXT, AeadInput::Text)?;
        for chunk in data.chunks_mut(CHUNK) {
            // It is the ciphertext that is authenticated.
            if direction == Direction::Decrypt {
                mac.update(chunk);
            }
            self.cipher.apply(chunk);
            if direction == Direction::Encrypt {
                mac.update(chunk);
            }
        }
        Ok(())
    }

    /// Ends the message and makes the tag; asked again, gives the same one.
    pub fn tag(&mut self) -> [u8; TAG_BYTES] {
        let tag = match std::mem::replace(&mut self.phase, Phase::Done([0; TAG_BYTES])) {
            Phase::Aad(mac) | Phase::Text(mac) => {
                let mut mac = *mac;
                mac.pad();
                mac.update(&self.aad_bytes.to_le_bytes());
                mac.update(&self.text_bytes.to_le_bytes());
                mac.finalize()
            }
            Phase::Done(tag) => tag,
        };
        self.phase = Phase::Done(tag);
        tag
    }

    fn end_aad(&mut self) {
        if let Phase::Aad(mac) = &mut self.phase {
            mac.pad();
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Done([0; TAG_BYTES])) {
            Phase::Aad(mac) => Phase::Text(mac),
            other => other,
        };
    }
}

impl Drop for ChaCha20Poly1305 {
    fn drop(&mut self) {
        if let Phase::Done(tag) = &mut self.phase {
            tag.zeroize();
        }
    }
}

impl fmt::Debug for ChaCha20Poly1305 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaCha20Poly1305")
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
