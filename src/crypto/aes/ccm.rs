//! Counter with CBC-MAC (NIST SP 800-38C).

use std::fmt;

use super::BLOCK;
use super::cbc_mac::cbc_mac;
use super::ctr::CtrStream;
use super::engine::{Key, xor_in_place};
use crate::crypto::{AeadError, AeadInput, Direction};

/// One AES-CCM operation over input that arrives in pieces of any size: AAD, then text, each of
/// them possibly empty, then the tag is asked for.
///
/// The driver prepares B0 and the counter block 0 and loads them to bytes 0-15 and 16-31 of the
/// class 1 context; the running MAC is at 32-47. AAD comes as the standard formats it, with its
/// length in front, which the driver writes too (inferred: CAAM knows an error "CCM AAD size").
/// The engine pads. How many bytes of the tag count is the driver's business.
pub struct Ccm {
    key: Key,
    b0: [u8; BLOCK],
    tag_mask: [u8; BLOCK],
    text: CtrStream,
    mac: [u8; BLOCK],
    /// Bytes of the current block that are in `mac` already, fewer than 16.
    filled: usize,
    phase: AeadInput,
    tag: Option<[u8; BLOCK]>,
}

impl Ccm {
    /// Bytes of context that [`Ccm::context`] gives.
    pub const CONTEXT: usize = 48;

    /// Begins an operation with a copy of `key`, the block B0 and the counter block 0.
    #[must_use]
    pub fn new(key: &Key, b0: [u8; BLOCK], counter: [u8; BLOCK]) -> Self {
        let mut mac = b0;
        key.encrypt_block(&mut mac);
        let mut text = CtrStream::new(counter, 128);
        let mut tag_mask = [0; BLOCK];
        text.apply(key, &mut tag_mask);
        let key = key.clone();
        Self { key, b0, tag_mask, text, mac, filled: 0, phase: AeadInput::Aad, tag: None }
    }

    /// Goes on with text from a context saved between two blocks of it.
    ///
    /// The counter block 0 comes from the running one: the number of its low bytes that count is
    /// in its first byte.
    #[must_use]
    pub fn resume(key: &Key, context: &[u8; Self::CONTEXT]) -> Self {
        let ([b0, counter, mac], []) = context.as_chunks() else {
            unreachable!("48 bytes are three blocks")
        };
        let mut first = *counter;
        let counted = usize::from(counter[0] & 7) + 1;
        first[BLOCK - counted..].fill(0);
        let mut ccm = Self::new(key, *b0, first);
        ccm.text = CtrStream::new(*counter, 128);
        ccm.mac = *mac;
        ccm.phase = AeadInput::Text;
        ccm
    }

    /// The context: B0, the next counter block, and the running MAC, or the tag once it is made.
    /// What it says between the bytes of a block cannot be resumed from.
    #[must_use]
    pub fn context(&self) -> [u8; Self::CONTEXT] {
        let mut context = [0; Self::CONTEXT];
        context[..16].copy_from_slice(&self.b0);
        context[16..32].copy_from_slice(&self.text.counter());
        context[32..].copy_from_slice(&self.tag.unwrap_or(self.mac));
        context
    }

    /// Takes the next bytes of formatted AAD.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if text has come or the tag has been made already.
    pub fn aad(&mut self, bytes: &[u8]) -> Result<(), AeadError> {
        if self.phase != AeadInput::Aad || self.tag.is_some() {
            return Err(AeadError::Sequence(AeadInput::Aad));
        }
        self.authenticate(bytes);
        Ok(())
    }

    /// Encrypts or decrypts the next bytes of text, in place.
    ///
    /// # Errors
    ///
    /// [`AeadError::Sequence`] if the tag has been made already.
    pub fn crypt(&mut self, direction: Direction, data: &mut [u8]) -> Result<(), AeadError> {
        if self.tag.is_some() {
            return Err(AeadError::Sequence(AeadInput::Text));
        }
        self.end_aad();
        // It is the plaintext that is authenticated.
        if direction == Direction::Encrypt {
            self.authenticate(data);
        }
        self.text.apply(&self.key, data);
        if direction == Direction::Decrypt {
            self.authenticate(data);
        }
        Ok(())
    }

    /// Ends the message and makes the tag; asked again, gives the same one.
    pub fn tag(&mut self) -> [u8; BLOCK] {
        if let Some(tag) = self.tag {
            return tag;
        }
        self.end_aad();
        self.pad();
        let mut tag = self.mac;
        xor_in_place(&mut tag, &self.tag_mask);
        self.tag = Some(tag);
        tag
    }

    fn end_aad(&mut self) {
        if self.phase == AeadInput::Aad {
            self.pad();
            self.phase = AeadInput::Text;
        }
    }

    /// Carries the MAC on over bytes of any number.
    fn authenticate(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.filled != 0 {
            let (head, after) = bytes.split_at((BLOCK - self.filled).min(bytes.len()));
            xor_in_place(&mut self.mac[self.filled..], head);
            self.filled += head.len();
            if self.filled < BLOCK {
                return;
            }
            self.pad();
            rest = after;
        }
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        cbc_mac(&self.key, &mut self.mac, blocks);
        xor_in_place(&mut self.mac, tail);
        self.filled = tail.len();
    }

    /// Fills up a partial block with zeros.
    fn pad(&mut self) {
        if self.filled != 0 {
            self.key.encrypt_block(&mut self.mac);
            self.filled = 0;
        }
    }
}

impl fmt::Debug for Ccm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ccm")
            .field("key", &self.key)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
