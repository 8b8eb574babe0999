//! RNG4: the TRNG's registers, the state handles of the random number generator, the secure keys.
//!
//! Registers are at 0x600 of the CTRL page. The TRNG collects entropy in run mode only; program
//! mode, entered by RTMCTL.PRGM, is for setting its limits, and shows other registers at some of
//! the offsets. DECOs carry out RNG operations by calling [`Rng4::instantiate`] and its
//! neighbours.
//!
//! Sources: Linux `ctrl.c` and `regs.h` (`struct rng4tst`) for what a driver does; NXP's
//! `PERI_CAAM.h` for the fields; the comments of mcux-sdk `fsl_trng.c`, which drives the same TRNG
//! on parts without CAAM, for access rules and reset values; Linux `error.c` for the errors.
//!
//! No time passes here: in run mode there always is entropy, unless [`Rng4::set_entropy_ok`] says
//! otherwise, or a fault ([`Rng4::strike`]) for one use. Bytes come from a [`Source`] rather than from a DRBG (inferred to be as good: no
//! driver can tell), so personalisation strings and additional input change nothing.

mod registers;
#[cfg(test)]
mod tests;

pub use registers::*;

use super::registers::{self as pages, RegisterFile};
use crate::crypto::rng::{Seeded, Source, Stream};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Requests between seedings (mcux-sdk `fsl_caam.c`, `CAAM_RNG_GetDefaultConfig`).
const RESEED_INTERVAL: u32 = 10_000_000;
/// AAI of a secure key generation.
const AAI_SECURE_KEYS: u16 = 0x100;
/// AAI bits that name the state handle.
const AAI_HANDLE: u16 = 3;

/// Why an RNG operation fails: the error of CHA 5 in a CCB status (Linux `error.c`,
/// `rng_err_id_list`). Which of them a given misuse meets is inferred from their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[repr(u8)]
pub enum RngError {
    /// No such state handle.
    #[error("no such state handle")]
    Mode = 1,
    /// Instantiation of a state handle that is instantiated.
    #[error("the state handle is instantiated already")]
    Instantiated = 3,
    /// Use of a state handle that is not instantiated.
    #[error("the state handle is not instantiated")]
    NotInstantiated = 4,
    /// Use in test mode of a handle instantiated without, or the reverse.
    #[error("the state handle was instantiated in the other of normal and test mode")]
    TestMode = 5,
    /// Prediction resistance asked of a handle instantiated without.
    #[error("the state handle was instantiated without prediction resistance")]
    PredictionResistance = 6,
    /// Prediction resistance, for which a handle in test mode has no entropy.
    #[error("prediction resistance in test mode")]
    PredictionResistanceAndTest = 7,
    /// Uninstantiation of a state handle that is not instantiated.
    #[error("nothing to uninstantiate")]
    Uninstantiate = 8,
    /// Secure keys, for the second time since power-on.
    #[error("the secure keys exist already")]
    SecureKeys = 9,
    /// The TRNG has no entropy: its checks failed, or it is in program mode.
    #[error("no entropy")]
    Hardware = 0xb,
    /// Two values in a row were the same. Never happens by itself.
    #[error("continuous check failed")]
    ContinuousCheck = 0xc,
}

impl RngError {
    /// Bits 3:0 of the CCB status.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// What goes wrong on purpose at one use of the RNG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RngFaults {
    /// The entropy fails its checks.
    pub no_entropy: bool,
    /// All state handles are lost before.
    pub no_handles: bool,
}

/// What an RNG operation is about: fields of the OPERATION command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// State handle.
    pub handle: u8,
    /// Test mode (bit 0).
    pub test: bool,
    /// Prediction resistance (bit 1).
    pub prediction_resistance: bool,
}

impl Request {
    /// From the AAI field, and bits 1 and 0, of an OPERATION command.
    #[must_use]
    pub fn new(aai: u16, prediction_resistance: bool, test: bool) -> Self {
        Self { handle: (aai & AAI_HANDLE) as u8, test, prediction_resistance }
    }
}

/// Whether the AAI field of an OPERATION command asks for secure keys, in state 0, rather than
/// for random bytes.
#[must_use]
pub fn is_secure_keys(aai: u16) -> bool {
    aai & AAI_SECURE_KEYS != 0
}

/// The keys that black keys are wrapped with, and the signing key of trusted descriptors. They
/// last until power-off.
#[derive(Clone)]
pub struct SecureKeys {
    /// Job descriptor key encryption key (JDKEK).
    pub jdkek: Zeroizing<[u8; 32]>,
    /// Trusted descriptor key encryption key (TDKEK).
    pub tdkek: Zeroizing<[u8; 32]>,
    /// Trusted descriptor signing key (TDSK).
    pub tdsk: Zeroizing<[u8; 32]>,
    /// They come from a state handle in test mode.
    pub test: bool,
}

impl fmt::Debug for SecureKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureKeys").field("test", &self.test).finish_non_exhaustive()
    }
}

/// An instantiated state handle.
#[derive(Debug)]
struct Handle {
    prediction_resistance: bool,
    /// Test mode: bytes that are the same each time.
    test: Option<Seeded>,
    /// Requests before it is seeded anew.
    requests_left: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Rng4 {
    registers: RegisterFile,
    handles: Vec<Option<Handle>>,
    keys: Option<SecureKeys>,
    last_error: Option<RngError>,
    /// What RTENT shows, once it has been read.
    entropy: Option<Entropy>,
    entropy_ok: bool,
    /// Faults have been asked for about what RTENT shows or will show.
    judged: bool,
    /// What it had to show has failed its checks.
    collection_failed: bool,
    /// The operation being carried out finds no entropy.
    no_entropy: bool,
    /// RTMCTL.ERR
    trng_error: bool,
    source: Box<dyn Source>,
}

struct Entropy(Zeroizing<[u8; 64]>);

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

/// The name of the register at `offset` of the CTRL page, for logs.
#[must_use]
pub fn name(offset: u32) -> Option<&'static str> {
    pages::name(TABLE, offset)
}

impl Rng4 {
    /// RNG4 after power-on, with a number of state handles (2 in all known parts but the first)
    /// and its entropy.
    #[must_use]
    pub fn new(handles: usize, source: Box<dyn Source>) -> Self {
        Self {
            registers: RegisterFile::new(TABLE),
            handles: (0..handles).map(|_| None).collect(),
            keys: None,
            last_error: None,
            entropy: None,
            entropy_ok: true,
            judged: false,
            collection_failed: false,
            no_entropy: false,
            trng_error: false,
            source,
        }
    }

    /// Power-on reset: limits, handles and secure keys are gone. A software reset (MCFGR.SWRST)
    /// does not go that far: mcux-sdk `fsl_caam.c` expects handles and keys to survive it.
    pub fn power_on_reset(&mut self) {
        self.registers.reset();
        self.handles.iter_mut().for_each(|handle| *handle = None);
        self.keys = None;
        self.last_error = None;
        self.collect_anew();
        self.trng_error = false;
    }

    /// Whether the TRNG's entropy passes its checks, which it does unless somebody says otherwise.
    pub fn set_entropy_ok(&mut self, ok: bool) {
        self.entropy_ok = ok;
    }

    /// Whether reading the register at `offset` is the first look at what the TRNG has collected.
    /// Then it is the time for [`Self::strike_collection`].
    #[must_use]
    pub fn first_look(&self, offset: u32) -> bool {
        let entropy = offset == RTMCTL || (RTENT0..=RTENT15).contains(&offset);
        let wanted = self.stored(RTMCTL) & RTMCTL_ACC != 0;
        entropy && wanted && !self.program_mode() && !self.judged
    }

    /// What the TRNG has collected is as `faults` have it, until it collects anew: in program
    /// mode, after the last word was read, or after RTMCTL.ERR was cleared.
    pub fn strike_collection(&mut self, faults: RngFaults) {
        self.judged = true;
        self.lose(faults);
        if faults.no_entropy {
            self.collection_failed = true;
            self.trng_error = true;
        }
    }

    /// Carries out `operation` as `faults` have it. Test handles need no entropy.
    pub fn strike<T>(&mut self, faults: RngFaults, operation: impl FnOnce(&mut Self) -> T) -> T {
        self.lose(faults);
        self.no_entropy = faults.no_entropy;
        let result = operation(self);
        self.no_entropy = false;
        result
    }

    /// State handles may be lost. Secure keys are kept elsewhere, and stay.
    fn lose(&mut self, faults: RngFaults) {
        if faults.no_handles {
            self.handles.iter_mut().for_each(|handle| *handle = None);
        }
    }

    fn collect_anew(&mut self) {
        self.entropy = None;
        self.judged = false;
        self.collection_failed = false;
    }

    /// The entropy delay (RTSDCTL.ENT_DLY) set, for deciding whether it is long enough.
    #[must_use]
    pub fn entropy_delay(&self) -> u16 {
        (self.stored(RTSDCTL) >> 16) as u16
    }

    /// The secure keys, if they have been generated.
    #[must_use]
    pub fn secure_keys(&self) -> Option<&SecureKeys> {
        self.keys.as_ref()
    }

    fn stored(&self, offset: u32) -> u32 {
        self.registers.read(offset).unwrap_or(0)
    }

    fn program_mode(&self) -> bool {
        self.stored(RTMCTL) & RTMCTL_PRGM != 0
    }

    /// Reads the register at `offset` of the CTRL page. `None`: there is none.
    pub fn read(&mut self, offset: u32) -> Option<u32> {
        let stored = self.registers.read(offset)?;
        Some(match offset {
            RTMCTL => self.read_rtmctl(stored),
            RTENT0..=RTENT15 => self.read_entropy(((offset - RTENT0) / 4) as usize),
            RDSTA => self.status(),
            _ if offset >= RDINT0 => self.reseed_interval(offset),
            _ if self.program_mode() => stored,
            _ => self.read_in_run_mode(offset, stored),
        })
    }

    fn read_rtmctl(&self, stored: u32) -> u32 {
        let mut value = stored | RTMCTL_TSTOP_OK;
        if !self.program_mode() {
            value |= RTMCTL_FCT_VAL;
            if !self.checks_passed() {
                value |= RTMCTL_FCT_FAIL;
            } else if stored & RTMCTL_ACC != 0 {
                value |= RTMCTL_ENT_VAL;
            }
        }
        if self.trng_error { value | RTMCTL_ERR } else { value }
    }

    fn checks_passed(&self) -> bool {
        self.entropy_ok && !self.collection_failed
    }

    fn read_entropy(&mut self, word: usize) -> u32 {
        let valid = self.read_rtmctl(self.stored(RTMCTL)) & RTMCTL_ENT_VAL != 0;
        if !valid {
            return 0;
        }
        if self.entropy.is_none() {
            let mut bytes = Zeroizing::new([0; 64]);
            if self.source.fill(&mut *bytes).is_err() {
                self.trng_error = true;
                return 0;
            }
            self.entropy = Some(Entropy(bytes));
        }
        let value = self.entropy.as_ref().map_or(0, |entropy| {
            let (words, _) = entropy.0.as_chunks();
            u32::from_be_bytes(words[word])
        });
        if word == 15 {
            self.collect_anew();
        }
        value
    }

    /// Results of the checks, such as random bits would have them: counts half-way between the
    /// limits, and otherwise what is expected of so many samples (inferred). Limits read 0.
    fn read_in_run_mode(&self, offset: u32, stored: u32) -> u32 {
        let samples = self.stored(RTSDCTL) & 0xffff;
        match offset {
            RTPKRMAX => stored.saturating_sub(self.stored(RTPKRRNG) / 2),
            RTSBLIM => samples,
            // As many of the oscillator's periods as of the system's.
            RTFRQMAX => u32::from(self.entropy_delay()),
            RTSCML => (stored & 0xffff).saturating_sub((stored >> 16) / 2),
            0x624..=RTSCR6PL => {
                let count = (stored & 0x7fff).saturating_sub((stored >> 16) / 2);
                count << 16 | count
            }
            RTSTATUS => u32::from(!self.checks_passed()),
            // 16 values of four bits.
            RTPKRCNT10..=RTPKRCNTFE => {
                let count = samples / 64;
                count << 16 | count
            }
            _ => 0,
        }
    }

    /// RDSTA.
    #[must_use]
    pub fn status(&self) -> u32 {
        let mut status = 0;
        for (n, handle) in self.handles.iter().enumerate() {
            let Some(handle) = handle else { continue };
            status |= RDSTA_IF0 << n;
            if handle.prediction_resistance {
                status |= RDSTA_PR0 << n;
            }
            if handle.test.is_some() {
                status |= RDSTA_TF0 << n;
            }
        }
        if let Some(keys) = &self.keys {
            status |= if keys.test { RDSTA_SKVT } else { RDSTA_SKVN };
        }
        status | self.last_error.map_or(0, |e| u32::from(e.code())) << RDSTA_ERRCODE_SHIFT
    }

    fn reseed_interval(&self, offset: u32) -> u32 {
        let handle = match offset {
            RDINT0 => self.handles.first(),
            _ if offset == RDINT0 + 4 => self.handles.get(1),
            _ => None,
        };
        handle.and_then(Option::as_ref).map_or(0, |handle| handle.requests_left)
    }

    /// Writes the register at `offset` of the CTRL page. `None`: there is none.
    ///
    /// All but RTMCTL can be written in program mode only.
    pub fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        if offset == RTMCTL {
            self.write_rtmctl(value);
            return Some(());
        }
        self.registers.read(offset)?;
        if self.program_mode() {
            self.registers.write(offset, value);
        }
        Some(())
    }

    fn write_rtmctl(&mut self, value: u32) {
        if value & RTMCTL_ERR != 0 && self.trng_error {
            self.trng_error = false;
            self.collect_anew();
        }
        let before = self.stored(RTMCTL);
        let programming = (before | value) & RTMCTL_PRGM != 0;
        if programming && value & RTMCTL_RST_DEF != 0 {
            self.registers.reset();
        }
        let settings = if programming { value } else { before } & RTMCTL_SETTINGS;
        self.registers.write(RTMCTL, value & !RTMCTL_SETTINGS | settings);
        if value & RTMCTL_PRGM != 0 {
            self.collect_anew();
        } else if before & RTMCTL_PRGM != 0 && !self.entropy_ok {
            self.trng_error = true;
        }
    }

    /// Ends an operation: RDSTA shows its error.
    fn report<T>(&mut self, result: Result<T, RngError>) -> Result<T, RngError> {
        self.last_error = result.as_ref().err().copied();
        result
    }

    /// Entropy for a state handle: to be had in run mode only, if the checks pass.
    fn collect(&mut self) -> Result<(), RngError> {
        if self.program_mode() {
            return Err(RngError::Hardware);
        }
        if !self.entropy_ok || self.no_entropy {
            self.trng_error = true;
            return Err(RngError::Hardware);
        }
        Ok(())
    }

    /// Instantiates a state handle.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn instantiate(&mut self, request: Request) -> Result<(), RngError> {
        let result = self.try_instantiate(request);
        self.report(result)
    }

    fn try_instantiate(&mut self, request: Request) -> Result<(), RngError> {
        let Request { handle, test, prediction_resistance } = request;
        let slot = self.handles.get(usize::from(handle)).ok_or(RngError::Mode)?;
        if slot.is_some() {
            return Err(RngError::Instantiated);
        }
        if test && prediction_resistance {
            return Err(RngError::PredictionResistanceAndTest);
        }
        if !test {
            self.collect()?;
        }
        self.handles[usize::from(handle)] = Some(Handle {
            prediction_resistance,
            test: test.then(|| Seeded::new(u64::from(handle), Stream::TestHandle)),
            requests_left: RESEED_INTERVAL,
        });
        Ok(())
    }

    /// Uninstantiates a state handle. Secure keys stay.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn uninstantiate(&mut self, handle: u8) -> Result<(), RngError> {
        let result = match self.handles.get_mut(usize::from(handle)) {
            Some(slot) => slot.take().map(drop).ok_or(RngError::Uninstantiate),
            None => Err(RngError::Mode),
        };
        self.report(result)
    }

    /// Seeds an instantiated state handle anew.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn reseed(&mut self, request: Request) -> Result<(), RngError> {
        let result = self.check(request).and_then(|()| self.try_reseed(request));
        self.report(result)
    }

    fn try_reseed(&mut self, request: Request) -> Result<(), RngError> {
        if !request.test {
            self.collect()?;
        }
        if let Some(handle) = &mut self.handles[usize::from(request.handle)] {
            handle.requests_left = RESEED_INTERVAL;
        }
        Ok(())
    }

    /// Whether the handle is there and was instantiated for what is asked of it.
    fn check(&self, request: Request) -> Result<(), RngError> {
        let slot = self.handles.get(usize::from(request.handle)).ok_or(RngError::Mode)?;
        let handle = slot.as_ref().ok_or(RngError::NotInstantiated)?;
        if request.test && request.prediction_resistance {
            Err(RngError::PredictionResistanceAndTest)
        } else if request.test != handle.test.is_some() {
            Err(RngError::TestMode)
        } else if request.prediction_resistance && !handle.prediction_resistance {
            Err(RngError::PredictionResistance)
        } else {
            Ok(())
        }
    }

    /// Fills `bytes` from an instantiated state handle.
    ///
    /// # Errors
    /// [`RngError`], with any part of `bytes` overwritten.
    pub fn generate(&mut self, request: Request, bytes: &mut [u8]) -> Result<(), RngError> {
        let result = self.check(request).and_then(|()| self.try_generate(request, bytes));
        self.report(result)
    }

    fn try_generate(&mut self, request: Request, bytes: &mut [u8]) -> Result<(), RngError> {
        let index = usize::from(request.handle);
        let exhausted = self.handles[index].as_ref().is_some_and(|h| h.requests_left == 0);
        if request.prediction_resistance || exhausted {
            self.try_reseed(request)?;
        }
        let Some(handle) = &mut self.handles[index] else {
            return Err(RngError::NotInstantiated);
        };
        if self.no_entropy && handle.test.is_none() {
            self.trng_error = true;
            return Err(RngError::Hardware);
        }
        handle.requests_left = handle.requests_left.saturating_sub(1);
        let filled = match &mut handle.test {
            Some(test) => test.fill(bytes),
            None => self.source.fill(bytes),
        };
        filled.map_err(|_| RngError::Hardware)
    }

    /// Generates JDKEK, TDKEK and TDSK with state handle 0, once per power-on.
    ///
    /// # Errors
    /// [`RngError`].
    pub fn generate_secure_keys(&mut self) -> Result<&SecureKeys, RngError> {
        let result = self.try_secure_keys();
        let keys = self.report(result)?;
        Ok(self.keys.insert(keys))
    }

    fn try_secure_keys(&mut self) -> Result<SecureKeys, RngError> {
        if self.keys.is_some() {
            return Err(RngError::SecureKeys);
        }
        let handle = self.handles.first().ok_or(RngError::Mode)?;
        let test = handle.as_ref().ok_or(RngError::NotInstantiated)?.test.is_some();
        let request = Request { test, ..Request::default() };
        let mut keys = [(); 3].map(|()| Zeroizing::new([0; 32]));
        for key in &mut keys {
            self.try_generate(request, &mut **key)?;
        }
        let [jdkek, tdkek, tdsk] = keys;
        Ok(SecureKeys { jdkek, tdkek, tdsk, test })
    }
}
