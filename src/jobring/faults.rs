//! What faults do to a ring: fewer slots than it has, a stall, wrong or late output entries.
//!
//! The slots deserve care. Linux since 5.2 (`jr.c`, `caam_jr_enqueue`) counts free slots itself and
//! reads IRSAR only when its count has come to 0; a 0 read then stops it for good, although all
//! its jobs finish, because nothing makes it read again. Real hardware never shows that 0: the
//! driver keeps one slot empty. Linux before that, and OP-TEE, read IRSAR before every job, and a
//! 0 makes them refuse, or try again. So a ring that reports fewer slots than it has may show 0
//! only to a driver of the second sort, and they can be told apart for certain: whoever reads
//! before every job has, at any read, read at least as often as jobs were added; whoever caches
//! has added as many jobs as the ring has slots before the first read, and at least one more
//! before each further one. See `docs/ring-depth.md`.

use super::ring::JobRing;
use super::{Effects, JobResult, MAX_ENTRIES};
use crate::fault::job::EntryFault;
use crate::fault::kind::{EntryAddress, Release};
use crate::memory::{DmaError, GuestMemory, Purpose};
use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of the largest output entry.
const ENTRY: usize = 16;

/// A stall that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// It ends then at the latest.
    pub until: Option<Duration>,
    /// It ends when the ring is full.
    pub when_full: bool,
}

#[derive(Debug)]
struct LateEntry {
    due: Duration,
    address: u64,
    bytes: [u8; ENTRY],
    length: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub struct RingFaults {
    /// Slots to report, of the last rule that said.
    depth: Option<u32>,
    /// Since the ring was set up: reads of IRSAR, and jobs added.
    reads: Cell<u64>,
    added: u64,
    stall: Option<Stall>,
    /// The number of the job that rules have been asked about before taking it.
    asked: u64,
    /// The next input entry cannot be read.
    input_error: bool,
    /// The address in the output entry before.
    previous: u64,
    late: VecDeque<LateEntry>,
}

impl RingFaults {
    /// The ring has been given a size: its slots and the driver's habits are new.
    pub fn new_ring(&mut self) {
        self.reads.set(0);
        self.added = 0;
    }

    /// Jobs were added.
    pub fn added(&mut self, count: u32) {
        self.added += u64::from(count);
    }

    /// What IRSAR answers, of `reported` slots where in truth `free` are: see the module.
    pub fn answer(&self, reported: u32, free: u32) -> u32 {
        let before = self.reads.get();
        self.reads.set(before + 1);
        let caches = before < self.added;
        if reported == 0 && free > 0 && caches { 1 } else { reported }
    }

    /// Whether the ring gives no jobs.
    #[must_use]
    pub fn stalled(&self) -> bool {
        self.stall.is_some()
    }

    /// Ends a stall. `true`: there was one.
    pub fn release(&mut self) -> bool {
        self.stall.take().is_some()
    }

    /// When [`JobRing::tick`] has something to do for a fault.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.stall.is_none() && self.late.is_empty() {
            return None;
        }
        let late = self.late.iter().map(|entry| entry.due).min();
        [self.stall.and_then(|stall| stall.until), late].into_iter().flatten().min()
    }

    /// Whether the next input entry is to be unreadable; once.
    pub fn take_input_error(&mut self) -> bool {
        std::mem::take(&mut self.input_error)
    }

    /// The entry of `descriptor` has been made.
    pub fn shown(&mut self, descriptor: u64) {
        self.previous = descriptor;
    }

    /// The address that stands in the output entry of `descriptor`.
    pub fn shown_address(&self, fault: Option<EntryAddress>, descriptor: u64) -> u64 {
        match fault {
            // Descriptors are aligned to words: no job has that address.
            Some(EntryAddress::Wrong) => descriptor.wrapping_add(1),
            Some(EntryAddress::Zero) => 0,
            Some(EntryAddress::Duplicate) => self.previous,
            Some(EntryAddress::Missing) | None => descriptor,
        }
    }
}

impl JobRing {
    /// Slots to report from the next read of IRSAR on; `None`: as many as there are.
    pub fn set_depth(&mut self, depth: Option<u32>) {
        self.faults.depth = depth;
    }

    /// Free slots, as if the ring had no more than the depth that was set.
    pub(super) fn reported_slots(&self) -> u32 {
        let depth = self.faults.depth.unwrap_or(u32::MAX);
        self.slots().min(depth.saturating_sub(self.pending))
    }

    /// The number of the job that [`JobRing::take`] would take, and its descriptor's address, if
    /// one is ready and rules have not been asked about it yet. They have then.
    pub fn ask_about_next<M: GuestMemory>(&mut self, memory: &M) -> Option<(u64, u64)> {
        let number = self.stats().taken + 1;
        if !self.ready() || self.faults.asked == number {
            return None;
        }
        self.faults.asked = number;
        // What cannot be read has no address; taking it will tell.
        Some((number, self.peek(memory).unwrap_or(0)))
    }

    /// The ring gives no jobs until [`Release`] says so. A stall that goes on stays as it is.
    pub fn stall(&mut self, release: Release, now: Duration) {
        let until = release.after.map(|after| now.saturating_add(after));
        let when_full = release.when_full;
        self.faults.stall.get_or_insert(Stall { until, when_full });
        self.release_if_full();
    }

    /// The stall that goes on, if one does.
    #[must_use]
    pub fn stalled(&self) -> Option<Stall> {
        self.faults.stall
    }

    /// Ends a stall. `None`: there was none.
    pub fn resume(&mut self) -> Option<Effects> {
        self.faults.release().then_some(Effects::DOORBELL)
    }

    pub(super) fn release_if_full(&mut self) {
        if self.faults.stall.is_some_and(|stall| stall.when_full) && self.full() {
            log::debug!(ring = self.number; "full, the stall ends");
            self.faults.release();
        }
    }

    /// The next input entry will not be readable.
    pub fn spoil_next_input(&mut self) {
        self.faults.input_error = true;
    }

    /// Writes an output entry, or does not, or later, or fails.
    pub(super) fn write_entry<M: GuestMemory>(
        &mut self,
        memory: &M,
        address: u64,
        bytes: &[u8],
        fault: &EntryFault,
        now: Duration,
    ) -> Result<(), DmaError> {
        if fault.unwritable {
            let access = crate::memory::Access::Write;
            let (purpose, length) = (Purpose::OutputRing, bytes.len());
            return Err(DmaError { purpose, address, length, access });
        }
        if fault.address == Some(EntryAddress::Missing) {
            return Ok(());
        }
        match fault.late {
            Some(late) => {
                let mut entry = [0; ENTRY];
                let length = bytes.len().min(ENTRY);
                entry[..length].copy_from_slice(&bytes[..length]);
                let due = now.saturating_add(late);
                // The driver may go on without them for ever: the oldest makes room.
                if self.faults.late.len() >= MAX_ENTRIES as usize
                    && let Some(oldest) = self.faults.late.pop_front()
                {
                    memory.write(
                        Purpose::OutputRing,
                        oldest.address,
                        &oldest.bytes[..oldest.length],
                    )?;
                }
                self.faults.late.push_back(LateEntry { due, address, bytes: entry, length });
                Ok(())
            }
            None => memory.write(Purpose::OutputRing, address, bytes),
        }
    }

    /// What faults do when time has passed.
    pub(super) fn tick_faults<M: GuestMemory>(&mut self, memory: &M, now: Duration) -> Effects {
        let number = self.number;
        self.faults.late.retain(|entry| {
            if entry.due > now {
                return true;
            }
            // Too late to be reported any other way.
            if let Err(e) =
                memory.write(Purpose::OutputRing, entry.address, &entry.bytes[..entry.length])
            {
                log::warn!(ring = number, error:% = e; "cannot write the late output entry");
            }
            false
        });
        let over =
            self.faults.stall.and_then(|stall| stall.until).is_some_and(|until| until <= now);
        if over {
            self.faults.release();
            return Effects { doorbell: true, timer: true };
        }
        Effects::NONE
    }
}

impl JobResult {
    /// With what `faults` do to the entry.
    #[must_use]
    pub fn with_faults(self, faults: &crate::fault::job::JobFaults) -> Self {
        Self { entry: faults.entry, error: faults.ring_error, ..self }
    }
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
