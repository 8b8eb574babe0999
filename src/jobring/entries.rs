//! Where a ring's next entries are, and what they hold.
//!
//! For memory that has to be waited for ([`GuestMemory::waits`]): it is read and written before the
//! ring's lock is taken for what follows, so it must be known before what that will be. A flush
//! that would have to wait only begins; the thread of the timer gives back what is queued, one job after
//! the other: it needs no DECO, which may all be in other rings' jobs.

use super::registers::JRCFGR_INCL_SEQ_OUT;
use super::{JobResult, JobRing, TakenJob};
use crate::descriptors::status::JobStatus;
use crate::fault::kind::EntryAddress;
use crate::memory::{DmaError, GuestMemory, Purpose};
use std::time::Duration;

/// An entry of the output ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputEntry {
    /// Bus address.
    pub address: u64,
    bytes: [u8; 16],
    length: usize,
}

impl OutputEntry {
    /// What is to be written there.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl JobRing {
    /// Bytes of an input entry: a pointer.
    pub(super) fn entry_in(&self) -> u32 {
        self.soc.pointer.bytes() as u32
    }

    /// Pointer, status, and with INCL_SEQ_OUT the output sequence's length.
    pub(super) fn entry_out(&self) -> u32 {
        let count = if self.config_ms & JRCFGR_INCL_SEQ_OUT != 0 { 4 } else { 0 };
        self.soc.pointer.bytes() as u32 + 4 + count
    }

    /// The output entry of a job with that descriptor, if it is the next.
    pub(super) fn entry(&self, descriptor: u64, result: &JobResult) -> OutputEntry {
        let pointer = self.soc.pointer.bytes();
        let length = self.entry_out() as usize;
        let mut bytes = [0; 16];
        let shown = self.faults.shown_address(result.entry.address, descriptor);
        let (at0, at4) = self.soc.split(shown);
        if pointer == 4 {
            bytes[..4].copy_from_slice(&self.soc.word_bytes(shown as u32));
        } else {
            bytes[..4].copy_from_slice(&self.soc.word_bytes(at0));
            bytes[4..8].copy_from_slice(&self.soc.word_bytes(at4));
        }
        bytes[pointer..pointer + 4].copy_from_slice(&self.soc.word_bytes(result.status.0));
        // Behind the end of the entry unless INCL_SEQ_OUT makes it part of it.
        bytes[pointer + 4..pointer + 8].copy_from_slice(&self.soc.word_bytes(result.sequence_out));
        let at = u64::from(self.write) * length as u64;
        OutputEntry { address: self.base(self.base_out).wrapping_add(at), bytes, length }
    }

    /// Address and length of the entry that [`Self::take`], or a flush, would read next.
    #[must_use]
    pub fn next_entry(&self) -> Option<(u64, usize)> {
        let wanted = self.ready() || self.draining();
        wanted.then(|| (self.next_input(), self.entry_in() as usize))
    }

    /// The number of the job that [`Self::take`] would take, and its descriptor's address.
    #[must_use]
    pub fn peek_next<M: GuestMemory>(&self, memory: &M) -> Option<(u64, u64)> {
        self.ready().then(|| (self.stats().taken + 1, self.peek(memory).unwrap_or(0)))
    }

    /// The entry that [`Self::complete`] would write now; `None`: none, or not like that.
    #[must_use]
    pub fn next_result(&self, job: &TakenJob, result: &JobResult) -> Option<OutputEntry> {
        let fault = &result.entry;
        let odd = fault.unwritable
            || fault.late.is_some()
            || fault.address == Some(EntryAddress::Missing);
        (self.is_current(job) && !odd).then(|| self.entry(job.descriptor, result))
    }

    /// Whether a flush has jobs to give back, and could not do so at once.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining && self.pending > 0 && !self.broken
    }

    /// The entry that [`Self::drain_one`] would write for the job whose input entry `memory` has.
    #[must_use]
    pub fn next_flushed<M: GuestMemory>(&self, memory: &M) -> Option<OutputEntry> {
        let room = self.waiting + self.in_flight < self.size_out;
        let descriptor = self.peek(memory).ok()?;
        (self.draining() && room).then(|| self.entry(descriptor, &JobResult::FLUSHED))
    }

    /// Gives back one of the jobs that a flush has found queued.
    pub fn drain_one<M: GuestMemory>(&mut self, memory: &M, now: Duration) {
        if !self.draining() {
            return;
        }
        let dropped = self.flush_one(memory, now);
        // The next one is a job again once the ring goes on.
        self.draining = self.draining();
        if dropped > 0 {
            log::debug!(ring = self.number, dropped; "flush dropped jobs that had no output slot");
        }
        self.settle();
        self.measure(now);
    }

    /// Whether giving back the jobs that are queued would have to wait.
    pub(super) fn flush_waits<M: GuestMemory>(&self, memory: &M) -> bool {
        let place = |base, entry: u32, entries: u32| (self.base(base), (entry * entries) as usize);
        let (input, length_in) = place(self.base_in, self.entry_in(), self.size_in);
        let (output, length_out) = place(self.base_out, self.entry_out(), self.size_out);
        let waits = memory.waits(input, length_in) || memory.waits(output, length_out);
        // The jobs of a broken ring are lost without a look at them.
        self.pending > 0 && !self.broken && waits
    }

    /// One queued job goes to the output ring unexecuted; how many are lost instead.
    pub(super) fn flush_one<M: GuestMemory>(&mut self, memory: &M, now: Duration) -> u32 {
        let mut dropped = 0;
        match self.fetch(memory) {
            Some(descriptor) if self.waiting + self.in_flight < self.size_out => {
                let given_back = self.publish(memory, descriptor, JobResult::FLUSHED, now);
                self.stats.flushed += u64::from(given_back);
                if given_back {
                    self.tell_written(None, descriptor, JobStatus::FLUSHED, now);
                }
            }
            Some(_) => dropped += 1,
            // Counted below, with those behind it.
            None => {}
        }
        if self.broken {
            dropped += self.pending;
            self.pending = 0;
        }
        self.stats.lost += u64::from(dropped);
        dropped
    }

    /// The descriptor address in the next input entry, which stays where it is.
    pub(super) fn peek<M: GuestMemory>(&self, memory: &M) -> Result<u64, DmaError> {
        let mut entry = [0; 8];
        let entry = &mut entry[..self.entry_in() as usize];
        memory.read(Purpose::InputRing, self.next_input(), entry)?;
        Ok(self.soc.pointer_from_bytes(entry))
    }
}
