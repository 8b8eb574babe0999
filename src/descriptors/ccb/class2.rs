//! The class 2 CHA: MDHA with HMAC, and PTHA (Poly1305).

use super::work::Work;
use super::{CONTEXT_BYTES, KEY_BYTES, Registers, cha_of};
use crate::crypto::chacha::{self, Poly1305};
use crate::crypto::mdha::{self, Algorithm, Hasher, Hmac, SplitKey};
use crate::crypto::{Direction, tags_equal};
use crate::descriptors::command::{AlgorithmOperation, AlgorithmState, InputType};
use crate::descriptors::remains::ClassRemains;
use crate::descriptors::status::{ChaError, ChaId, Failure};
use crate::device::soc::SocProfile;

/// AAI of MDHA (Linux `desc.h`, `OP_ALG_AAI_*`).
const AAI_HASH: u16 = 0;
const AAI_HMAC: u16 = 1;
const AAI_HMAC_PRECOMP: u16 = 4;
/// AAI of PTHA.
const AAI_AEAD: u16 = 2;
const TAG: usize = 16;

enum Engine {
    Hash(Hasher),
    Hmac(Hmac),
    Poly(Box<Poly>),
}

/// Poly1305 over AAD, then ciphertext, each padded, then their lengths (RFC 8439, 2.8).
struct Poly {
    mac: Poly1305,
    aad: u64,
    text: u64,
}

struct Active {
    operation: AlgorithmOperation,
    cha: ChaId,
    kind: Kind,
    engine: Option<Engine>,
    /// The digest or tag, once the message has ended.
    result: Option<Vec<u8>>,
    /// Received ICV bytes, to be checked.
    icv: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hash(Algorithm),
    Hmac(Algorithm),
    Poly,
}

/// See the module.
pub struct Class2 {
    active: Option<Active>,
    /// Key and context.
    pub registers: Registers,
    poly1305_key: Option<chacha::Key>,
    /// The CHA has had its last data and is finished.
    pub done: bool,
    /// Message bytes processed in this job.
    pub processed: u64,
    /// The first operation of this job, for the counters.
    pub first: Option<(Work, Direction)>,
}

impl Class2 {
    /// All registers clear.
    #[must_use]
    pub fn new() -> Self {
        Self {
            active: None,
            registers: Registers::new(KEY_BYTES, CONTEXT_BYTES),
            poly1305_key: None,
            done: false,
            processed: 0,
            first: None,
        }
    }

    /// All registers clear, as a job finds them.
    pub fn reset(&mut self) {
        self.clear_mode();
        self.registers.clear();
        self.processed = 0;
        self.first = None;
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
            carried: 0,
            processed: self.processed,
            done: self.done,
        }
    }

    /// Whether a mode has been written, so that data can flow.
    #[must_use]
    pub fn has_mode(&self) -> bool {
        self.active.is_some()
    }

    /// Whether Poly1305 still waits for its key, which class 1 makes.
    #[must_use]
    pub fn needs_poly1305_key(&self) -> bool {
        let poly = self.active.as_ref().is_some_and(|a| a.kind == Kind::Poly && a.engine.is_none());
        poly && self.poly1305_key.is_none()
    }

    /// The key that class 1 made for Poly1305.
    pub fn set_poly1305_key(&mut self, key: Option<chacha::Key>) {
        self.poly1305_key = key.or(self.poly1305_key.take());
    }

    /// OPERATION: writes the mode register.
    ///
    /// # Errors
    /// CCB errors for an absent CHA or an unknown mode.
    pub fn operation(&mut self, op: AlgorithmOperation, soc: &SocProfile) -> Result<(), Failure> {
        let cha = cha_of(op.algorithm);
        let kind = kind_of(op, soc).map_err(|error| Failure::Ccb(cha, error))?;
        let direction = if op.encrypt { Direction::Encrypt } else { Direction::Decrypt };
        self.first.get_or_insert((work(kind), direction));
        self.done = false;
        let (engine, result, icv) = (None, None, Vec::new());
        self.active = Some(Active { operation: op, cha, kind, engine, result, icv });
        Ok(())
    }

    /// Clears the mode and whatever the engine was doing (CLRW, CCTRL).
    pub fn clear_mode(&mut self) {
        self.active = None;
        self.poly1305_key = None;
        self.done = false;
    }

    /// Takes a piece of input.
    ///
    /// # Errors
    /// The CCB error that ends the job.
    pub fn input(&mut self, kind: InputType, bytes: &[u8], last: bool) -> Result<(), Failure> {
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        if active.engine.is_none() && active.result.is_none() {
            let key = self.poly1305_key.take();
            active.engine = Some(Engine::new(active, &self.registers, key)?);
        }
        match kind {
            InputType::Icv => {
                active.icv.extend_from_slice(bytes);
                if active.icv.len() > CONTEXT_BYTES {
                    return Err(active.failure(ChaError::DataSize));
                }
            }
            InputType::Message | InputType::Poly => {
                active.message(kind, bytes)?;
                self.processed += bytes.len() as u64;
            }
            _ => return Err(active.failure(ChaError::DataSequence)),
        }
        if last {
            active.finish(&mut self.registers)?;
            if kind == InputType::Icv {
                active.check_icv()?;
            }
            self.done = true;
        }
        Ok(())
    }
}

impl Default for Class2 {
    fn default() -> Self {
        Self::new()
    }
}

/// What an OPERATION selects, or why the CHA has it not.
fn kind_of(op: AlgorithmOperation, soc: &SocProfile) -> Result<Kind, ChaError> {
    let hash = Algorithm::from_alg(op.algorithm);
    let limit = soc.largest_digest();
    Ok(match (hash, op.algorithm, op.aai) {
        (Some(h), _, _) if soc.mdha.count == 0 || h.digest_len() > limit => {
            return Err(ChaError::InvalidCha);
        }
        (Some(h), _, AAI_HASH) => Kind::Hash(h),
        (Some(h), _, AAI_HMAC | AAI_HMAC_PRECOMP) => Kind::Hmac(h),
        (None, 0xe0, AAI_AEAD) if soc.poly1305.count > 0 => Kind::Poly,
        (None, 0xe0, _) if soc.poly1305.count > 0 => return Err(ChaError::Mode),
        (Some(_), ..) => return Err(ChaError::Mode),
        (None, ..) => return Err(ChaError::InvalidCha),
    })
}

/// The mode an OPERATION selects, if the CHA has it.
pub(in crate::descriptors) fn work_of(op: AlgorithmOperation, soc: &SocProfile) -> Option<Work> {
    Some(work(kind_of(op, soc).ok()?))
}

fn work(kind: Kind) -> Work {
    match kind {
        Kind::Hash(Algorithm::Md5) => Work::Md5,
        Kind::Hash(Algorithm::Sha1) => Work::Sha1,
        Kind::Hash(Algorithm::Sha224) => Work::Sha224,
        Kind::Hash(Algorithm::Sha256) => Work::Sha256,
        Kind::Hash(Algorithm::Sha384) => Work::Sha384,
        Kind::Hash(Algorithm::Sha512) => Work::Sha512,
        Kind::Hmac(Algorithm::Md5) => Work::HmacMd5,
        Kind::Hmac(Algorithm::Sha1) => Work::HmacSha1,
        Kind::Hmac(Algorithm::Sha224) => Work::HmacSha224,
        Kind::Hmac(Algorithm::Sha256) => Work::HmacSha256,
        Kind::Hmac(Algorithm::Sha384) => Work::HmacSha384,
        Kind::Hmac(Algorithm::Sha512) => Work::HmacSha512,
        Kind::Poly => Work::Poly1305,
    }
}

/// The split key in the key register, or what AAI HMAC makes of a plain key there.
fn hmac_key(
    algorithm: Algorithm,
    operation: AlgorithmOperation,
    registers: &Registers,
) -> Result<SplitKey, mdha::Error> {
    let key = registers.key();
    if operation.aai == AAI_HMAC_PRECOMP {
        // What is behind the split key in the register is padding.
        let length = algorithm.split_key_len().min(key.len());
        SplitKey::from_bytes(algorithm, &key[..length])
    } else {
        Ok(SplitKey::derive(algorithm, key))
    }
}

impl Engine {
    fn new(
        active: &Active,
        registers: &Registers,
        poly1305_key: Option<chacha::Key>,
    ) -> Result<Self, Failure> {
        use AlgorithmState::{Init, InitFinal};
        let starts = matches!(active.operation.state, Init | InitFinal);
        let context = |h: Algorithm| &registers.context()[..h.context_len()];
        let size = |_| active.failure(ChaError::DataSize);
        Ok(match active.kind {
            Kind::Hash(h) if starts => Self::Hash(Hasher::new(h)),
            Kind::Hash(h) => Self::Hash(Hasher::import(h, context(h)).map_err(size)?),
            Kind::Hmac(h) => {
                let key = hmac_key(h, active.operation, registers);
                let key = key.map_err(|_| active.failure(ChaError::KeySize))?;
                let resumed = || Hmac::import(&key, context(h)).map_err(size);
                Self::Hmac(if starts { Hmac::new(&key) } else { resumed()? })
            }
            Kind::Poly => {
                let key = poly1305_key.ok_or(active.failure(ChaError::InvalidCombination))?;
                Self::Poly(Box::new(Poly { mac: Poly1305::new(&key), aad: 0, text: 0 }))
            }
        })
    }
}

impl Active {
    fn failure(&self, error: ChaError) -> Failure {
        Failure::Ccb(self.cha, error)
    }

    fn message(&mut self, kind: InputType, bytes: &[u8]) -> Result<(), Failure> {
        match (self.engine.as_mut(), kind) {
            (Some(Engine::Hash(hash)), InputType::Message) => hash.update(bytes),
            (Some(Engine::Hmac(hmac)), InputType::Message) => hmac.update(bytes),
            (Some(Engine::Poly(poly)), InputType::Poly) if poly.text == 0 => {
                poly.aad += bytes.len() as u64;
                poly.mac.update(bytes);
            }
            (Some(Engine::Poly(poly)), InputType::Message) => {
                if poly.text == 0 {
                    poly.mac.pad();
                }
                poly.text += bytes.len() as u64;
                poly.mac.update(bytes);
            }
            // Data behind the end of the message, or of a kind the CHA does not take.
            _ => return Err(self.failure(ChaError::DataSequence)),
        }
        Ok(())
    }

    /// The message has ended: the digest, or the running state, goes to the context.
    fn finish(&mut self, registers: &mut Registers) -> Result<(), Failure> {
        use AlgorithmState::{Finalize, InitFinal};
        let ends = matches!(self.operation.state, Finalize | InitFinal);
        let size = |_| Failure::Ccb(self.cha, ChaError::DataSize);
        let result = match self.engine.take() {
            Some(Engine::Hash(hash)) if ends => hash.finalize(),
            Some(Engine::Hash(hash)) => hash.export().map_err(size)?,
            Some(Engine::Hmac(hmac)) if ends => hmac.finalize(),
            Some(Engine::Hmac(hmac)) => hmac.export().map_err(size)?,
            Some(Engine::Poly(mut poly)) => {
                poly.mac.pad();
                poly.mac.update(&poly.aad.to_le_bytes());
                poly.mac.update(&poly.text.to_le_bytes());
                poly.mac.finalize()[..TAG].to_vec()
            }
            // The end comes twice where an ICV follows the message.
            None => return Ok(()),
        };
        let context = registers.context_mut();
        let n = result.len().min(context.len());
        context[..n].copy_from_slice(&result[..n]);
        self.result = Some(result);
        Ok(())
    }

    /// Compares the ICV received with the one computed.
    fn check_icv(&self) -> Result<(), Failure> {
        if !self.operation.icv {
            return Ok(());
        }
        let computed = self.result.as_deref().unwrap_or_default();
        let received = &self.icv[..];
        let same = computed
            .get(..received.len())
            .is_some_and(|start| !received.is_empty() && tags_equal(start, received));
        if same { Ok(()) } else { Err(self.failure(ChaError::IcvCheck)) }
    }
}

#[cfg(test)]
#[path = "class2_tests.rs"]
mod tests;
