//! Flush, park and reset of a ring: JRCR and JRINTR.HALT.
//!
//! By themselves a flush lasts as long as the jobs that run, and a reset no time at all. Faults
//! ([`HaltOutcome`]) make them last, or a flush fail. The reset of the whole device always works.

use super::Effects;
use super::interrupt::{Halt, RingError};
use super::registers::{JRCR_PARK, JRCR_RESET};
use super::ring::JobRing;
use crate::fault::kind::{HaltOutcome, Site};
use crate::memory::GuestMemory;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a flush or reset lasts on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Until(Duration),
    Forever,
}

impl Wait {
    fn new(outcome: Option<HaltOutcome>, now: Duration) -> Option<Self> {
        match outcome? {
            HaltOutcome::Slow(by) => Some(Self::Until(now.saturating_add(by))),
            HaltOutcome::Never => Some(Self::Forever),
            HaltOutcome::Fail => None,
        }
    }

    fn deadline(self) -> Option<Duration> {
        match self {
            Self::Until(at) => Some(at),
            Self::Forever => None,
        }
    }
}

/// What faults do to a ring's flush and reset.
#[derive(Debug, Clone, Default)]
pub struct HaltFaults {
    /// Of the next write to JRCR.
    next: Option<HaltOutcome>,
    /// The flush is not complete before.
    flush: Option<Wait>,
    /// JRCR.RESET reads 1 until then.
    reset: Option<Wait>,
}

impl HaltFaults {
    /// A reset has begun and is not done.
    #[must_use]
    pub fn resetting(&self) -> bool {
        self.reset.is_some()
    }

    /// When [`JobRing::tick`] has something to do for them.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let deadlines = [self.flush, self.reset].map(|wait| wait.and_then(Wait::deadline));
        deadlines.into_iter().flatten().min()
    }
}

impl JobRing {
    /// What writing `value` to JRCR is, for the rules: a flush, a reset, or nothing of that kind.
    #[must_use]
    pub fn halt_site(&self, value: u32) -> Option<Site> {
        if value & JRCR_RESET == 0 || self.halt_faults.resetting() {
            return None;
        }
        match (self.interrupt.halt, self.flushing) {
            (Halt::Complete, true) => Some(Site::Reset),
            (Halt::InProgress, true) => None,
            _ => Some(Site::Flush),
        }
    }

    /// What becomes of the flush or reset that the next write to JRCR asks for.
    pub fn set_halt_outcome(&mut self, outcome: Option<HaltOutcome>) {
        self.halt_faults.next = outcome;
    }

    /// JRCR. RESET flushes a running ring and resets a flushed one.
    pub(super) fn command<M: GuestMemory>(
        &mut self,
        value: u32,
        memory: &M,
        now: Duration,
    ) -> Effects {
        let outcome = self.halt_faults.next.take();
        match self.halt_site(value) {
            Some(Site::Reset) => {
                self.halt_faults.reset = Wait::new(outcome, now);
                if !self.halt_faults.resetting() {
                    self.reset(now);
                }
            }
            Some(_) if outcome == Some(HaltOutcome::Fail) => {
                // Running, parking or parked, it goes on.
                log::info!(ring = self.number; "the flush fails on purpose");
                self.interrupt.halt = Halt::None;
                return Effects::DOORBELL;
            }
            // Running, parking or parked: what is queued must be given back first.
            Some(_) => {
                self.halt_faults.flush = Wait::new(outcome, now);
                self.flush(memory, now);
                if self.draining() {
                    return Effects::TIMER;
                }
            }
            None if value & JRCR_RESET != 0 => self.error(RingError::EarlyReset),
            None if value & JRCR_PARK != 0 && self.interrupt.halt == Halt::None => {
                self.interrupt.halt = Halt::InProgress;
                self.settle();
            }
            None => {}
        }
        Effects::NONE
    }

    /// Running jobs are told to stop, queued ones go to the output ring unexecuted: now, or when
    /// somebody can wait for that.
    fn flush<M: GuestMemory>(&mut self, memory: &M, now: Duration) {
        self.interrupt.halt = Halt::InProgress;
        self.flushing = true;
        self.faults.release();
        self.stop.store(true, Ordering::Relaxed);
        self.draining = self.flush_waits(memory);
        if self.draining {
            return;
        }
        let mut dropped = 0;
        while self.pending > 0 {
            dropped += self.flush_one(memory, now);
        }
        if dropped > 0 && self.said.dropped.is_worth_a_line() {
            log::info!(ring = self.number, dropped; "flush dropped jobs that had no output slot");
        }
        self.settle();
    }

    /// A halt is complete when no job runs any more, and a flush when none is queued.
    pub(super) fn settle(&mut self) {
        let held = self.halt_faults.flush.is_some();
        if self.interrupt.halt == Halt::InProgress
            && self.in_flight == 0
            && !held
            && !self.draining()
        {
            self.interrupt.halt = Halt::Complete;
        }
    }

    /// What lasts on purpose ends.
    pub(super) fn tick_halt(&mut self, now: Duration) {
        let over = |wait: &mut Wait| wait.deadline().is_some_and(|at| at <= now);
        if self.halt_faults.flush.take_if(over).is_some() {
            self.settle();
        }
        if self.halt_faults.reset.take_if(over).is_some() {
            self.reset(now);
        }
    }
}

#[cfg(test)]
#[path = "halt_tests.rs"]
mod tests;
