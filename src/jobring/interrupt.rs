//! JRINTR and the ring's interrupt line: conditions, coalescing, acknowledge.
//!
//! Without coalescing JRI is set by every output ring entry, and again by an acknowledge that
//! leaves finished jobs behind. A JRI set by an acknowledge goes away with the last of those jobs
//! (inferred: Linux acknowledges before it removes, and would otherwise take a second, empty
//! interrupt for every one). With coalescing it is set when ICDCT jobs are waiting or when the
//! timer, ICTT x 64 CAAM clocks, has run out with one waiting. A count of 0 acts as 1, a timer
//! of 0 as no coalescing (NXP job ring driver, `FSL_SEC_INTERRUPT_COALESCING_*`).

use super::registers::{JRCFGR_ICEN, JRCFGR_IMSK};
use std::time::Duration;

/// What JRE stands for (JRINTR 12:8; Linux `regs.h`, `JRINT_ERR_TYPE_*`, and `PERI_CAAM.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RingError {
    /// An output ring entry could not be written.
    OutputWrite = 0x01,
    /// Input ring base not usable: not aligned to 4 bytes, or not readable.
    BadInputBase = 0x03,
    /// Output ring base not aligned to 4 bytes.
    BadOutputBase = 0x04,
    /// IRBAR or IRSR written with jobs pending and the ring not halted.
    InputInvalidWrite = 0x05,
    /// ORBAR or ORSR written with jobs pending or results waiting and the ring not halted.
    OutputInvalidWrite = 0x06,
    /// Reset requested before the flush was complete.
    EarlyReset = 0x07,
    /// More jobs removed than are waiting.
    RemoveOverflow = 0x08,
    /// More jobs added than there are slots.
    AddOverflow = 0x09,
    /// ORSFR above ORSR. This device does not let it come to that; faults do.
    OrsfTooLarge = 0x0a,
    /// IRSAR above IRSR; as above.
    IrsaTooLarge = 0x0b,
    /// ORWIR outside the ring; as above.
    OrwiInvalid = 0x0c,
    /// IRRIR outside the ring; as above.
    IrriInvalid = 0x0d,
    /// IRSAR written while the ring is active.
    WriteIrsa = 0x0e,
    /// IRRIR written while the ring is active.
    WriteIrri = 0x0f,
    /// ORSFR written while the ring is active.
    WriteOrsf = 0x10,
    /// ORWIR written while the ring is active.
    WriteOrwi = 0x11,
}

/// The halt field, JRINTR 3:2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Halt {
    /// Running.
    #[default]
    None,
    /// A flush or park is waiting for running jobs.
    InProgress,
    /// Halted.
    Complete,
}

/// The JRI bit, and what it hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Jri {
    #[default]
    Clear,
    /// Set by a completed job or the timer: stays until acknowledged.
    Latched,
    /// Set again by an acknowledge: stays while results wait.
    WhileWaiting,
}

/// State of JRINTR, of the coalescing timer, and of the configuration they depend on.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    jri: Jri,
    /// Times JRI was set when it was clear.
    episodes: u64,
    error: Option<(RingError, u32)>,
    /// HALT.
    pub halt: Halt,
    /// JRCFGR_LS.
    pub config: u32,
    /// When the coalescing timer runs out.
    deadline: Option<Duration>,
}

impl Interrupt {
    fn coalescing(&self) -> bool {
        self.config & JRCFGR_ICEN != 0 && self.config >> 16 != 0
    }

    fn count_threshold(&self) -> u32 {
        (self.config >> 8 & 0xff).max(1)
    }

    fn timeout(&self, clock_hz: u64) -> Duration {
        let clocks = u64::from(self.config >> 16) * 64;
        Duration::from_nanos(clocks * 1_000_000_000 / clock_hz.max(1))
    }

    /// JRINTR as read.
    #[must_use]
    pub fn read(&self) -> u32 {
        let halt = match self.halt {
            Halt::None => 0,
            Halt::InProgress => 1 << 2,
            Halt::Complete => 2 << 2,
        };
        let error = self
            .error
            .map_or(0, |(e, index)| 1 << 1 | u32::from(e as u8) << 8 | (index & 0x3fff) << 16);
        u32::from(self.pending()) | error | halt
    }

    /// JRI.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.jri != Jri::Clear
    }

    /// A number for the time from JRI being set to it being cleared, if it is set.
    #[must_use]
    pub fn episode(&self) -> Option<u64> {
        self.pending().then_some(self.episodes)
    }

    /// JRE.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// IMSK.
    #[must_use]
    pub fn masked(&self) -> bool {
        self.config & JRCFGR_IMSK != 0
    }

    /// Whether the line is asserted: JRI or JRE, unless masked. A halt alone interrupts nobody.
    /// Faults may have it otherwise: [`super::line`].
    #[must_use]
    pub fn line(&self) -> bool {
        (self.pending() || self.failed()) && !self.masked()
    }

    fn set(&mut self, jri: Jri) {
        if self.jri == Jri::Clear {
            self.episodes = self.episodes.wrapping_add(1);
        }
        self.jri = jri;
    }

    /// A ring error. The first stays until it is acknowledged.
    pub fn raise(&mut self, error: RingError, output_index: u32) {
        self.error.get_or_insert((error, output_index));
    }

    /// The number of waiting results changed upwards, or the configuration did.
    pub fn results(&mut self, waiting: u32, now: Duration, clock_hz: u64) {
        if waiting == 0 {
            return;
        }
        if !self.coalescing() || waiting >= self.count_threshold() {
            self.set(Jri::Latched);
            self.deadline = None;
        } else if self.jri == Jri::Clear && self.deadline.is_none() {
            self.deadline = Some(now.saturating_add(self.timeout(clock_hz)));
        }
    }

    /// Results were removed. Without any there is nothing to wait for.
    pub fn removed(&mut self, waiting: u32) {
        if waiting == 0 {
            self.deadline = None;
            if self.jri == Jri::WhileWaiting {
                self.jri = Jri::Clear;
            }
        }
    }

    /// JRINTR written: ones clear JRI and the error, and HALT = complete ends the halt.
    /// Says whether a halt was ended.
    pub fn acknowledge(&mut self, value: u32, waiting: u32, now: Duration, clock_hz: u64) -> bool {
        if value & 1 << 1 != 0 {
            self.error = None;
        }
        if value & 1 != 0 {
            self.jri = Jri::Clear;
            self.results(waiting, now, clock_hz);
            if self.jri == Jri::Latched {
                self.jri = Jri::WhileWaiting;
            }
        }
        let resumed = value & 2 << 2 != 0 && self.halt == Halt::Complete;
        if resumed {
            self.halt = Halt::None;
        }
        resumed
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Time has passed.
    pub fn tick(&mut self, waiting: u32, now: Duration) {
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            if waiting > 0 {
                self.set(Jri::Latched);
            }
        }
    }
}

#[cfg(test)]
#[path = "interrupt_tests.rs"]
mod tests;
