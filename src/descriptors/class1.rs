//! The class 1 CHA of a CCB: mode, key and context registers, and the engine they drive.
//!
//! State that silicon keeps in the context register stays there (as bytes), so that a context
//! stored in mid-message and loaded again goes on where it was. Bytes that do not fill a block
//! yet wait in the `carry`, as they do in the class 1 alignment block.

use super::command::{AlgorithmOperation, AlgorithmState, InputType};
use super::status::{ChaError, ChaId, Failure};
use crate::crypto::aes::{Gcm, Key, Xts, cbc, ctr, ecb};
use crate::crypto::{Direction, tags_equal};
use crate::device::soc::SocProfile;
use zeroize::Zeroizing;

/// Bytes of the class 1 context register.
pub const CONTEXT_BYTES: usize = 64;
/// Bytes of the class 1 key register: two AES-256 keys, for XTS.
pub const KEY_BYTES: usize = 64;
/// Most bytes that can be carried to the next piece of message: XTS keeps a block and a tail.
pub const CARRY_BYTES: usize = 32;

const BLOCK: usize = 16;
/// Where XTS keeps things in the context (Linux `caamalg_desc.c`).
const XTS_INDEX_LOW: usize = 0x20;
const XTS_SECTOR_SIZE: usize = 0x28;
const XTS_INDEX_HIGH: usize = 0x30;
const CTR_COUNTER: usize = 16;

/// ALG of AESA.
const ALG_AES: u8 = 0x10;
/// AAI bit: the key register holds the decrypt schedule. It is accepted and changes nothing:
/// only a descriptor that found SHRD set may rely on it, and this device never shares.
const AAI_DECRYPT_KEY: u16 = 0x100;

/// An AES mode, as the counters name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Mode {
    Ecb,
    Cbc,
    Ctr,
    Xts,
    Gcm,
}

impl Mode {
    /// All modes, in counter order.
    pub const ALL: [Self; 5] = [Self::Ecb, Self::Cbc, Self::Ctr, Self::Xts, Self::Gcm];

    /// Name in statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecb => "aes-ecb",
            Self::Cbc => "aes-cbc",
            Self::Ctr => "aes-ctr",
            Self::Xts => "aes-xts",
            Self::Gcm => "aes-gcm",
        }
    }
}

enum Engine {
    Blocks(Key),
    Xts(Box<Xts>),
    Gcm(Box<Gcm>),
}

struct Active {
    operation: AlgorithmOperation,
    mode: Mode,
    direction: Direction,
    engine: Option<Engine>,
    /// Received ICV bytes, to be checked at the end.
    icv: Vec<u8>,
}

/// See the module.
pub struct Class1 {
    active: Option<Active>,
    key: Zeroizing<[u8; KEY_BYTES]>,
    key_size: usize,
    /// The context register.
    pub context: [u8; CONTEXT_BYTES],
    carry: [u8; CARRY_BYTES],
    carried: usize,
    /// The CHA has had its last data and is finished.
    pub done: bool,
    /// Message bytes processed by the current and earlier operations of this job.
    pub processed: u64,
    /// The first operation of this job, for the counters.
    pub first: Option<(Mode, Direction)>,
}

const fn aes(error: ChaError) -> Failure {
    Failure::Ccb(ChaId::Aes, error)
}

impl Class1 {
    /// All registers clear.
    #[must_use]
    pub fn new() -> Self {
        Self {
            active: None,
            key: Zeroizing::new([0; KEY_BYTES]),
            key_size: 0,
            context: [0; CONTEXT_BYTES],
            carry: [0; CARRY_BYTES],
            carried: 0,
            done: false,
            processed: 0,
            first: None,
        }
    }

    /// Whether a mode has been written, so that data can flow.
    #[must_use]
    pub fn has_mode(&self) -> bool {
        self.active.is_some()
    }

    /// OPERATION: writes the mode register.
    ///
    /// # Errors
    /// CCB errors for an absent CHA, an unknown mode, or a class that was not reset.
    pub fn operation(&mut self, op: AlgorithmOperation, soc: &SocProfile) -> Result<(), Failure> {
        if op.algorithm != ALG_AES || soc.aes.count == 0 {
            return Err(Failure::Ccb(cha_of(op.algorithm), ChaError::InvalidCha));
        }
        if self.active.is_some() {
            return Err(aes(ChaError::ClassNotReset));
        }
        let mode = match op.aai & !AAI_DECRYPT_KEY {
            0x00 => Mode::Ctr,
            0x10 => Mode::Cbc,
            0x20 => Mode::Ecb,
            0x50 if soc.aes_is_high_performance() => Mode::Xts,
            0x90 if soc.aes_is_high_performance() => Mode::Gcm,
            _ => return Err(aes(ChaError::Mode)),
        };
        // GCM state is not kept in the context register here, so it must begin and end in one go.
        if mode == Mode::Gcm && op.state != AlgorithmState::InitFinal {
            return Err(aes(ChaError::Mode));
        }
        let direction = if op.encrypt { Direction::Encrypt } else { Direction::Decrypt };
        self.first.get_or_insert((mode, direction));
        self.done = false;
        self.active =
            Some(Active { operation: op, mode, direction, engine: None, icv: Vec::new() });
        Ok(())
    }

    /// Loads the key register. `None`: the key is longer than the register.
    #[must_use]
    pub fn load_key(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        self.key.get_mut(offset..offset + bytes.len())?.copy_from_slice(bytes);
        self.key_size = self.key_size.max(offset + bytes.len());
        Some(())
    }

    /// Sets the key size register.
    pub fn set_key_size(&mut self, size: u32) {
        self.key_size = (size as usize).min(KEY_BYTES);
    }

    /// Clears the mode and whatever the engine was doing (CLRW, CCTRL).
    pub fn clear_mode(&mut self) {
        self.active = None;
        self.carried = 0;
        self.done = false;
    }

    /// Clears the key and key size registers.
    pub fn clear_key(&mut self) {
        self.key.fill(0);
        self.key_size = 0;
    }

    /// Bytes waiting for the rest of their block.
    #[must_use]
    pub fn carry(&self) -> &[u8] {
        &self.carry[..self.carried]
    }

    /// Takes a piece of input. For messages, `buf` is the carry followed by the new bytes, and the
    /// result says how many bytes at its front are now output; the rest became the carry.
    ///
    /// # Errors
    /// The CCB error that ends the job.
    pub fn input(&mut self, kind: InputType, buf: &mut [u8], last: bool) -> Result<usize, Failure> {
        let Some(active) = self.active.as_mut() else { return Ok(0) };
        if active.engine.is_none() {
            let key = &self.key[..self.key_size];
            active.engine = Some(Engine::new(active, key, &self.context)?);
        }
        let produced = match kind {
            InputType::Message | InputType::MessageClass1Out2 => {
                let fresh = buf.len() - self.carried;
                let produced = active.message(buf, last, &mut self.context)?;
                let rest = &buf[produced..];
                self.carry[..rest.len()].copy_from_slice(rest);
                self.carried = rest.len();
                self.processed += fresh as u64;
                produced
            }
            _ => {
                active.side_input(kind, buf)?;
                0
            }
        };
        if last {
            active.finish(&mut self.context)?;
            self.done = true;
        }
        Ok(produced)
    }

    /// Whether a piece of this kind is preceded by the carry.
    #[must_use]
    pub fn takes_carry(kind: InputType) -> bool {
        matches!(kind, InputType::Message | InputType::MessageClass1Out2)
    }
}

impl Default for Class1 {
    fn default() -> Self {
        Self::new()
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
        _ => ChaId::Ccb,
    }
}

impl Engine {
    fn new(active: &Active, key: &[u8], context: &[u8; CONTEXT_BYTES]) -> Result<Self, Failure> {
        let expanded = || Key::new(key).map_err(|_| aes(ChaError::KeySize));
        Ok(match active.mode {
            Mode::Ecb | Mode::Cbc | Mode::Ctr => Self::Blocks(expanded()?),
            Mode::Gcm => Self::Gcm(Box::new(Gcm::new(&expanded()?))),
            Mode::Xts => {
                let mut index = [0; BLOCK];
                index[..8].copy_from_slice(&context[XTS_INDEX_LOW..XTS_INDEX_LOW + 8]);
                index[8..].copy_from_slice(&context[XTS_INDEX_HIGH..XTS_INDEX_HIGH + 8]);
                let mut size = [0; 8];
                size.copy_from_slice(&context[XTS_SECTOR_SIZE..XTS_SECTOR_SIZE + 8]);
                let size = u64::from_be_bytes(size);
                let xts = Xts::new(key, active.direction, index, size).map_err(|e| match e {
                    crate::crypto::aes::XtsError::KeySize(_) => aes(ChaError::KeySize),
                    crate::crypto::aes::XtsError::SectorSize(_) => aes(ChaError::DataSize),
                })?;
                Self::Xts(Box::new(xts))
            }
        })
    }
}

/// The 16 context bytes at `at`.
fn block_at(context: &mut [u8; CONTEXT_BYTES], at: usize) -> &mut [u8; BLOCK] {
    (&mut context[at..at + BLOCK]).try_into().expect("a 16-byte slice")
}

impl Active {
    /// Processes what can be processed of `buf`; all of it if `last`.
    fn message(
        &mut self,
        buf: &mut [u8],
        last: bool,
        context: &mut [u8; CONTEXT_BYTES],
    ) -> Result<usize, Failure> {
        let whole = buf.len() - buf.len() % BLOCK;
        let size = |_| aes(ChaError::DataSize);
        match self.engine.as_mut() {
            Some(Engine::Blocks(key)) => {
                let n = if last { buf.len() } else { whole };
                let now = &mut buf[..n];
                match self.mode {
                    Mode::Ecb => ecb(key, self.direction, now).map_err(size)?,
                    Mode::Cbc => {
                        cbc(key, self.direction, block_at(context, 0), now).map_err(size)?;
                    }
                    _ => ctr(key, block_at(context, CTR_COUNTER), now),
                }
                Ok(n)
            }
            Some(Engine::Xts(xts)) if last => {
                xts.finish(buf).map_err(size)?;
                Ok(buf.len())
            }
            Some(Engine::Xts(xts)) => {
                // A block stays back: if the end turns out not to be whole, it is stolen from.
                let n = whole.saturating_sub(BLOCK);
                xts.process(&mut buf[..n]).map_err(size)?;
                Ok(n)
            }
            Some(Engine::Gcm(gcm)) => {
                gcm.crypt(self.direction, buf).map_err(|_| aes(ChaError::DataSize))?;
                Ok(buf.len())
            }
            None => Ok(0),
        }
    }

    /// IV, AAD and ICV.
    fn side_input(&mut self, kind: InputType, bytes: &[u8]) -> Result<(), Failure> {
        let Some(Engine::Gcm(gcm)) = self.engine.as_mut() else {
            return Err(aes(ChaError::DataSequence));
        };
        match kind {
            InputType::Iv => gcm.iv(bytes).map_err(|_| aes(ChaError::DataSequence)),
            InputType::Aad => gcm.aad(bytes).map_err(|_| aes(ChaError::DataSequence)),
            InputType::Icv if self.operation.icv && self.direction == Direction::Decrypt => {
                if self.icv.len() + bytes.len() > BLOCK {
                    return Err(aes(ChaError::DataSize));
                }
                self.icv.extend_from_slice(bytes);
                Ok(())
            }
            _ => Err(aes(ChaError::DataSequence)),
        }
    }

    /// The last data has come: results go to the context, a received ICV is checked.
    fn finish(&mut self, context: &mut [u8; CONTEXT_BYTES]) -> Result<(), Failure> {
        match self.engine.as_mut() {
            Some(Engine::Xts(xts)) => {
                let index = xts.tweak_index();
                context[XTS_INDEX_LOW..XTS_INDEX_LOW + 8].copy_from_slice(&index[..8]);
                context[XTS_INDEX_HIGH..XTS_INDEX_HIGH + 8].copy_from_slice(&index[8..]);
            }
            Some(Engine::Gcm(gcm)) => {
                let tag = gcm.tag();
                context[..BLOCK].copy_from_slice(&tag);
                let checks = self.operation.icv && self.direction == Direction::Decrypt;
                if checks && (self.icv.is_empty() || !tags_equal(&tag[..self.icv.len()], &self.icv))
                {
                    return Err(aes(ChaError::IcvCheck));
                }
            }
            Some(Engine::Blocks(_)) | None => {}
        }
        Ok(())
    }
}
