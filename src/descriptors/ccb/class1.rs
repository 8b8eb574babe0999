//! The class 1 CHA: AESA, DESA, CCHA. (The RNG, class 1 as well, is [`super::super::deco`]'s: it
//! takes no data.)

use super::keys::{KeyCache, Loan};
use super::work::Work;
use super::{Registers, cha_of};
use crate::crypto::aes::{Ccm, Gcm, Key, Xts, XtsError, XtsKey, cbc, cmac, ctr, ecb, xcbc};
use crate::crypto::chacha::{self, ChaCha20};
use crate::crypto::des;
use crate::crypto::{Direction, tags_equal};
use crate::descriptors::command::{AlgorithmOperation, AlgorithmState, InputType};
use crate::descriptors::remains::ClassRemains;
use crate::descriptors::status::{ChaError, ChaId, Failure};
use crate::device::rng4::Request;
use crate::device::soc::SocProfile;

/// Bytes of the class 1 key register.
const KEY: usize = 64;
/// Bytes of the class 1 context register.
const CONTEXT: usize = 64;
/// Most bytes that can be carried to the next piece of message: XTS keeps a block and a tail.
pub const CARRY_BYTES: usize = 32;

const BLOCK: usize = 16;
/// Where modes keep things in the context (Linux `caamalg_desc.c`).
const XTS_INDEX_LOW: usize = 0x20;
const XTS_SECTOR_SIZE: usize = 0x28;
const XTS_INDEX_HIGH: usize = 0x30;
const CTR_COUNTER: usize = 16;
const CHACHA_NONCE: usize = 4;

/// AAI bit: the key register holds the decrypt schedule. It is accepted and changes nothing:
/// only a descriptor that found SHRD set may rely on it, and this device never shares.
const AAI_DECRYPT_KEY: u16 = 0x100;
/// AAI bit of DESA: check key parity.
const AAI_CHECK_ODD: u16 = 0x80;

enum Engine {
    Aes(Loan<Key>),
    Xts(Xts<Loan<XtsKey>>),
    Gcm(Box<Gcm>),
    Ccm(Box<Ccm>),
    Des(Box<des::Key>),
    ChaCha(Box<ChaCha20>),
}

struct Active {
    operation: AlgorithmOperation,
    cha: ChaId,
    work: Work,
    direction: Direction,
    engine: Option<Engine>,
    /// Received ICV bytes, to be checked at the end.
    icv: Vec<u8>,
}

/// See the module.
pub struct Class1 {
    active: Option<Active>,
    /// Key and context.
    pub registers: Registers,
    carry: [u8; CARRY_BYTES],
    carried: usize,
    rng: Option<Request>,
    /// The CHA has had its last data and is finished.
    pub done: bool,
    /// Message bytes processed in this job.
    pub processed: u64,
    /// The first operation of this job, for the counters.
    pub first: Option<(Work, Direction)>,
    keys: KeyCache,
}

/// How much of a piece of message a CHA used, and how much of that is output.
struct Used {
    consumed: usize,
    output: usize,
}

impl Used {
    fn all_output(n: usize) -> Self {
        Self { consumed: n, output: n }
    }
}

impl Class1 {
    /// All registers clear.
    #[must_use]
    pub fn new() -> Self {
        Self {
            active: None,
            registers: Registers::new(KEY, CONTEXT),
            carry: [0; CARRY_BYTES],
            carried: 0,
            rng: None,
            done: false,
            processed: 0,
            first: None,
            keys: KeyCache::new(),
        }
    }

    /// All registers clear, as a job finds them. Expanded keys stay.
    pub fn reset(&mut self) {
        self.clear_mode();
        self.registers.clear();
        self.carry.fill(0);
        self.processed = 0;
        self.first = None;
    }

    /// Forgets the keys of jobs before, as far as they are kept expanded.
    pub fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// How many keys are kept expanded.
    #[must_use]
    pub fn keys_kept(&self) -> usize {
        self.keys.len()
    }

    /// What there is when the job has ended.
    #[must_use]
    pub fn remains(&self) -> ClassRemains {
        let active = self.active.as_ref();
        ClassRemains {
            mode: active.map(|active| active.operation),
            key_size: self.registers.key().len(),
            context: self.registers.context().to_vec().into(),
            icv_size: active.map_or(0, |active| active.icv.len()),
            carried: self.carried,
            processed: self.processed,
            done: self.done,
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
        let cha = cha_of(op.algorithm);
        let refuse = |error| Err(Failure::Ccb(cha, error));
        let present = match op.algorithm {
            0x10 => soc.aes.count,
            0x20 | 0x21 => soc.des.count,
            0x50 => soc.rng.count,
            0xd0 => soc.chacha.count,
            _ => 0,
        };
        if present == 0 {
            return refuse(ChaError::InvalidCha);
        }
        if self.active.is_some() {
            return refuse(ChaError::ClassNotReset);
        }
        let Some(work) = work_of(op, soc) else { return refuse(ChaError::Mode) };
        let direction = if op.encrypt { Direction::Encrypt } else { Direction::Decrypt };
        self.first.get_or_insert((work, direction));
        // The RNG takes no data: it is done as soon as it has been told what to do.
        self.done = work == Work::Rng;
        self.rng = None;
        self.active =
            Some(Active { operation: op, cha, work, direction, engine: None, icv: Vec::new() });
        Ok(())
    }

    /// What an RNG operation has set up, for the store that takes the bytes.
    #[must_use]
    pub fn rng_request(&self) -> Option<Request> {
        self.rng
    }

    /// Sets up an RNG generate operation.
    pub fn set_rng_request(&mut self, request: Request) {
        self.rng = Some(request);
    }

    /// Clears the mode and whatever the engine was doing (CLRW, CCTRL).
    pub fn clear_mode(&mut self) {
        match self.active.take().and_then(|active| active.engine) {
            Some(Engine::Aes(key)) => self.keys.put_back_aes(key),
            Some(Engine::Xts(xts)) => self.keys.put_back_xts(xts.into_key()),
            _ => {}
        }
        self.carried = 0;
        self.rng = None;
        self.done = false;
    }

    /// Bytes waiting for the rest of their block.
    #[must_use]
    pub fn carry(&self) -> &[u8] {
        &self.carry[..self.carried]
    }

    /// Whether a piece of this kind is preceded by the carry.
    #[must_use]
    pub fn takes_carry(kind: InputType) -> bool {
        matches!(kind, InputType::Message | InputType::MessageClass1Out2)
    }

    /// Takes a piece of input. For messages, `buf` is the carry followed by the new bytes, and the
    /// result says how many bytes at its front are now output.
    ///
    /// # Errors
    /// The CCB error that ends the job.
    pub fn input(&mut self, kind: InputType, buf: &mut [u8], last: bool) -> Result<usize, Failure> {
        let Some(active) = self.active.as_mut() else { return Ok(0) };
        if active.work == Work::Rng {
            // Personalisation strings and additional input: no driver has any.
            return Err(Failure::Ccb(ChaId::Rng, ChaError::DataSequence));
        }
        if active.engine.is_none() {
            active.engine = Some(Engine::new(active, &mut self.registers, &mut self.keys)?);
        }
        let mut output = 0;
        if Self::takes_carry(kind) {
            let fresh = buf.len() - self.carried;
            let used = active.message(buf, last, self.registers.context_mut())?;
            let rest = &buf[used.consumed..];
            self.carry[..rest.len()].copy_from_slice(rest);
            self.carried = rest.len();
            self.processed += fresh as u64;
            output = used.output;
        } else {
            active.side_input(kind, buf)?;
        }
        if last {
            active.finish(self.registers.context_mut())?;
            self.done = true;
        }
        Ok(output)
    }

    /// The Poly1305 key of ChaCha20-Poly1305: the first keystream bytes (RFC 8439, 2.6).
    /// `None` unless ChaCha20 is set up.
    #[must_use]
    pub fn poly1305_key(&self) -> Option<chacha::Key> {
        let active = self.active.as_ref()?;
        if active.work != Work::ChaCha20 {
            return None;
        }
        let mut key = zeroize::Zeroizing::new([0; 32]);
        chacha_at(&self.registers, 0).ok()?.apply(&mut *key);
        chacha::Key::new(&*key).ok()
    }
}

impl Default for Class1 {
    fn default() -> Self {
        Self::new()
    }
}

/// The mode an OPERATION selects, if the CHA has it.
pub(in crate::descriptors) fn work_of(op: AlgorithmOperation, soc: &SocProfile) -> Option<Work> {
    use AlgorithmState::InitFinal;
    let high = soc.aes_is_high_performance();
    Some(match (op.algorithm, op.aai & !AAI_DECRYPT_KEY) {
        (0x10, 0x00) => Work::AesCtr,
        (0x10, 0x10) => Work::AesCbc,
        (0x10, 0x20) => Work::AesEcb,
        (0x10, 0x50) if high => Work::AesXts,
        (0x10, 0x60) => Work::AesCmac,
        (0x10, 0x70) => Work::AesXcbc,
        // These keep state that has no place in the context register here, so they must begin
        // and end in one job, as in every driver.
        (0x10, 0x80) if op.state == InitFinal => Work::AesCcm,
        (0x10, 0x90) if high && op.state == InitFinal => Work::AesGcm,
        (0x20, aai) if aai & !AAI_CHECK_ODD == 0x10 => Work::DesCbc,
        (0x20, aai) if aai & !AAI_CHECK_ODD == 0x20 => Work::DesEcb,
        (0x21, aai) if aai & !AAI_CHECK_ODD == 0x10 => Work::TdesCbc,
        (0x21, aai) if aai & !AAI_CHECK_ODD == 0x20 => Work::TdesEcb,
        // Which operation it is, is the DECO's to see.
        (0x50, _) => Work::Rng,
        // AEAD: the keystream begins with block 1, block 0 is Poly1305's.
        (0xd0, 0x02) if op.state == InitFinal => Work::ChaCha20,
        _ => return None,
    })
}

fn chacha_at(registers: &Registers, block: u32) -> Result<ChaCha20, Failure> {
    let size = |_| Failure::Ccb(ChaId::Ccb, ChaError::KeySize);
    let key = chacha::Key::new(registers.key()).map_err(size)?;
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&registers.context()[CHACHA_NONCE..CHACHA_NONCE + 12]);
    Ok(ChaCha20::with_counter(&key, &nonce, block))
}

impl Engine {
    fn new(
        active: &Active,
        registers: &mut Registers,
        keys: &mut KeyCache,
    ) -> Result<Self, Failure> {
        let error = |e| Failure::Ccb(active.cha, e);
        let size = |_| error(ChaError::KeySize);
        Ok(match active.work {
            Work::AesGcm => {
                let key = keys.aes(registers.key()).map_err(size)?;
                let gcm = Box::new(Gcm::new(key.key()));
                keys.put_back_aes(key);
                Self::Gcm(gcm)
            }
            Work::AesCcm => {
                let (b0, counter) = (block_at(registers, 0), block_at(registers, 16));
                let key = keys.aes(registers.key()).map_err(size)?;
                let ccm = Box::new(Ccm::new(key.key(), b0, counter));
                keys.put_back_aes(key);
                Self::Ccm(ccm)
            }
            Work::AesXts => {
                let mut index = [0; BLOCK];
                let context = registers.context();
                index[..8].copy_from_slice(&context[XTS_INDEX_LOW..XTS_INDEX_LOW + 8]);
                index[8..].copy_from_slice(&context[XTS_INDEX_HIGH..XTS_INDEX_HIGH + 8]);
                let mut sector = [0; 8];
                sector.copy_from_slice(&context[XTS_SECTOR_SIZE..XTS_SECTOR_SIZE + 8]);
                let sector = u64::from_be_bytes(sector);
                let key = keys.xts(registers.key()).map_err(size)?;
                let xts = Xts::with_key(key, active.direction, index, sector);
                Self::Xts(xts.map_err(|_: XtsError| error(ChaError::DataSize))?)
            }
            Work::AesCmac => {
                let key = keys.aes(registers.key()).map_err(size)?;
                if active.starts() {
                    let context = cmac::init(key.key());
                    registers.context_mut()[..cmac::CONTEXT].copy_from_slice(&context);
                }
                Self::Aes(key)
            }
            Work::AesXcbc => {
                if active.starts() {
                    // K1 takes the place of the key, from where the driver stores it.
                    let init = xcbc::init(registers.key()).map_err(size)?;
                    registers.context_mut()[..xcbc::CONTEXT].copy_from_slice(&init.context);
                    registers.clear_key();
                    let loaded = registers.load_key(0, &init.k1[..]);
                    debug_assert!(loaded.is_some());
                }
                Self::Aes(keys.aes(registers.key()).map_err(size)?)
            }
            Work::DesEcb | Work::DesCbc | Work::TdesEcb | Work::TdesCbc => {
                let algorithm = match active.work {
                    Work::DesEcb | Work::DesCbc => des::Algorithm::Des,
                    _ => des::Algorithm::TripleDes,
                };
                let key = if active.operation.aai & AAI_CHECK_ODD != 0 {
                    des::Key::with_parity(algorithm, registers.key())
                } else {
                    des::Key::new(algorithm, registers.key())
                };
                let key = key.map_err(|e| match e {
                    des::Error::Parity(_) => error(ChaError::KeyParity),
                    _ => error(ChaError::KeySize),
                })?;
                Self::Des(Box::new(key))
            }
            Work::ChaCha20 => Self::ChaCha(Box::new(chacha_at(registers, 1)?)),
            _ => Self::Aes(keys.aes(registers.key()).map_err(size)?),
        })
    }
}

/// The 16 context bytes at `at`, copied.
fn block_at(registers: &Registers, at: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block.copy_from_slice(&registers.context()[at..at + BLOCK]);
    block
}

/// The `N` context bytes at `at`, to be changed.
fn part<const N: usize>(context: &mut [u8], at: usize) -> &mut [u8; N] {
    (&mut context[at..at + N]).try_into().expect("a slice of N bytes")
}

impl Active {
    /// Whether the operation begins a message (AS init or init+final).
    fn starts(&self) -> bool {
        matches!(self.operation.state, AlgorithmState::Init | AlgorithmState::InitFinal)
    }

    /// Whether the operation ends a message (AS finalize or init+final).
    fn ends(&self) -> bool {
        matches!(self.operation.state, AlgorithmState::Finalize | AlgorithmState::InitFinal)
    }

    /// Processes what can be processed of `buf`; all of it if `last`.
    fn message(&mut self, buf: &mut [u8], last: bool, context: &mut [u8]) -> Result<Used, Failure> {
        let failure = Failure::Ccb(self.cha, ChaError::DataSize);
        let size = |_| failure;
        let (mac_ends, direction) = (self.ends(), self.direction);
        let len = buf.len();
        let whole = |unit: usize| if last { len } else { len - len % unit };
        match self.engine.as_mut() {
            Some(Engine::Aes(loan)) => match (self.work, loan.key()) {
                (Work::AesEcb, key) => {
                    let n = whole(BLOCK);
                    ecb(key, direction, &mut buf[..n]).map_err(size)?;
                    Ok(Used::all_output(n))
                }
                (Work::AesCbc, key) => {
                    let n = whole(BLOCK);
                    cbc(key, direction, part(context, 0), &mut buf[..n]).map_err(size)?;
                    Ok(Used::all_output(n))
                }
                (Work::AesCtr, key) => {
                    let n = whole(BLOCK);
                    ctr(key, part(context, CTR_COUNTER), &mut buf[..n]);
                    Ok(Used::all_output(n))
                }
                (work, key) => {
                    let n = mac(work, key, context, buf, last, mac_ends).map_err(size)?;
                    Ok(Used { consumed: n, output: 0 })
                }
            },
            Some(Engine::Xts(xts)) if last => {
                xts.finish(buf).map_err(size)?;
                Ok(Used::all_output(len))
            }
            Some(Engine::Xts(xts)) => {
                // A block stays back: if the end turns out not to be whole, it is stolen from.
                let n = whole(BLOCK).saturating_sub(BLOCK);
                xts.process(&mut buf[..n]).map_err(size)?;
                Ok(Used::all_output(n))
            }
            Some(Engine::Gcm(gcm)) => {
                gcm.crypt(direction, buf).map_err(|_| failure)?;
                Ok(Used::all_output(len))
            }
            Some(Engine::Ccm(ccm)) => {
                ccm.crypt(direction, buf).map_err(|_| failure)?;
                Ok(Used::all_output(len))
            }
            Some(Engine::Des(key)) => {
                let n = whole(8);
                let data = &mut buf[..n];
                match self.work {
                    Work::DesEcb | Work::TdesEcb => des::ecb(key, direction, data),
                    _ => des::cbc(key, direction, part(context, 0), data),
                }
                .map_err(|_| failure)?;
                Ok(Used::all_output(n))
            }
            Some(Engine::ChaCha(stream)) => {
                stream.apply(buf);
                Ok(Used::all_output(len))
            }
            None => Ok(Used::all_output(0)),
        }
    }

    /// IV, AAD and ICV.
    fn side_input(&mut self, kind: InputType, bytes: &[u8]) -> Result<(), Failure> {
        let sequence = Failure::Ccb(self.cha, ChaError::DataSequence);
        let checks_icv = self.operation.icv && self.direction == Direction::Decrypt;
        match (self.engine.as_mut(), kind) {
            (Some(Engine::Gcm(gcm)), InputType::Iv) => gcm.iv(bytes).map_err(|_| sequence),
            (Some(Engine::Gcm(gcm)), InputType::Aad) => gcm.aad(bytes).map_err(|_| sequence),
            (Some(Engine::Ccm(ccm)), InputType::Aad) => ccm.aad(bytes).map_err(|_| sequence),
            (Some(Engine::Gcm(_) | Engine::Ccm(_)), InputType::Icv) if checks_icv => {
                if self.icv.len() + bytes.len() > BLOCK {
                    return Err(Failure::Ccb(self.cha, ChaError::DataSize));
                }
                self.icv.extend_from_slice(bytes);
                Ok(())
            }
            _ => Err(sequence),
        }
    }

    /// The last data has come: results go to the context, a received ICV is checked.
    fn finish(&mut self, context: &mut [u8]) -> Result<(), Failure> {
        let tag = match self.engine.as_mut() {
            Some(Engine::Xts(xts)) => {
                let index = xts.tweak_index();
                context[XTS_INDEX_LOW..XTS_INDEX_LOW + 8].copy_from_slice(&index[..8]);
                context[XTS_INDEX_HIGH..XTS_INDEX_HIGH + 8].copy_from_slice(&index[8..]);
                return Ok(());
            }
            Some(Engine::Gcm(gcm)) => {
                let tag = gcm.tag();
                context[..BLOCK].copy_from_slice(&tag);
                tag
            }
            Some(Engine::Ccm(ccm)) => {
                let tag = ccm.tag();
                context[..Ccm::CONTEXT].copy_from_slice(&ccm.context());
                tag
            }
            _ => return Ok(()),
        };
        let checks_icv = self.operation.icv && self.direction == Direction::Decrypt;
        if checks_icv && (self.icv.is_empty() || !tags_equal(&tag[..self.icv.len()], &self.icv)) {
            return Err(Failure::Ccb(self.cha, ChaError::IcvCheck));
        }
        Ok(())
    }
}

/// CMAC and XCBC-MAC: how many bytes were taken. Without AS finalize the data must be whole
/// blocks; with it, the last block, or what there is of it, is treated as the end.
fn mac(
    work: Work,
    key: &Key,
    context: &mut [u8],
    buf: &[u8],
    last: bool,
    ends: bool,
) -> Result<usize, crate::crypto::DataSizeError> {
    let tail = match (last, ends) {
        (true, true) => buf.len() - buf.len().saturating_sub(1) / BLOCK * BLOCK,
        (true, false) => 0,
        // Any block may turn out to be the last one.
        (false, _) => buf.len() - buf.len().saturating_sub(1) / BLOCK * BLOCK,
    };
    let (blocks, end) = buf.split_at(buf.len() - tail);
    if work == Work::AesCmac {
        let context = part::<{ cmac::CONTEXT }>(context, 0);
        cmac::update(key, context, blocks)?;
        if last && ends {
            cmac::finish(key, context, end);
        }
    } else {
        let context = part::<{ xcbc::CONTEXT }>(context, 0);
        xcbc::update(key, context, blocks)?;
        if last && ends {
            xcbc::finish(key, context, end);
        }
    }
    Ok(if last { buf.len() } else { blocks.len() })
}

#[cfg(test)]
#[path = "class1_tests.rs"]
mod tests;
