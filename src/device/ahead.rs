//! Ring entries in memory that has to be asked for.
//!
//! The VMM whose memory it is may be waiting for a register access, and the thread that answers that
//! one for a ring's lock; QEMU, which holds its own big lock meanwhile, would then never answer.
//! So a DECO thread reads and writes such an entry *before* it takes the ring's lock ([`Ahead`]),
//! and under the lock finds that done. One thread a ring does so at a time, by the ring's `turn`,
//! which no register access takes. If the ring is reset meanwhile, nothing more is asked for: the memory
//! may be the next client's.

use super::dma::DmaSpace;
use super::jobs::Job;
use super::session::Session;
use super::{Device, Outcome, lock};
use crate::fault::kind::Site;
use crate::jobring::{Effects, JobResult, JobRing, TakenJob};
use crate::memory::{DmaError, GuestMemory, Purpose};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// An access that has been made.
#[derive(Debug)]
enum Made {
    Read { address: u64, length: usize, bytes: Vec<u8> },
    Write { address: u64, bytes: Vec<u8>, result: Result<(), DmaError> },
}

/// Guest memory that remembers what it has been asked for, and under a lock asks for nothing new.
#[derive(Debug)]
pub(super) struct Ahead<'a> {
    memory: &'a DmaSpace,
    /// Set when the ring is reset.
    gone: Arc<AtomicBool>,
    locked: Cell<bool>,
    made: RefCell<Vec<Made>>,
    /// Writes that came under the lock, none of which anything depends on.
    later: RefCell<Vec<(Purpose, u64, Vec<u8>)>>,
}

impl<'a> Ahead<'a> {
    /// For a ring until that is [`JobRing::gone`].
    pub(super) fn new(memory: &'a DmaSpace, gone: Arc<AtomicBool>) -> Self {
        Self {
            memory,
            gone,
            locked: Cell::new(false),
            made: RefCell::default(),
            later: RefCell::default(),
        }
    }

    /// From here on a lock is held.
    pub(super) fn lock(&self) -> &Self {
        self.locked.set(true);
        self
    }

    /// It no longer is: what had to wait is written.
    pub(super) fn unlock(&self) {
        self.locked.set(false);
        for (purpose, address, bytes) in self.later.take() {
            // It has been taken for written.
            if let Err(error) = self.access().write(purpose, address, &bytes)
                && !self.gone()
            {
                log::warn!(error:%; "late write");
            }
        }
    }

    /// Whether the ring has been reset.
    fn gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn access(&self) -> Session<'_> {
        Session::until(self.memory, &self.gone)
    }
}

impl GuestMemory for Ahead<'_> {
    fn read_available(&self, purpose: Purpose, wanted: u64, buf: &mut [u8]) -> usize {
        if !self.memory.waits(wanted, buf.len()) {
            return self.access().read_available(purpose, wanted, buf);
        }
        for made in self.made.borrow().iter() {
            if let Made::Read { address, length, bytes } = made
                && (*address, *length) == (wanted, buf.len())
            {
                buf[..bytes.len()].copy_from_slice(bytes);
                return bytes.len();
            }
        }
        if self.locked.get() {
            return 0;
        }
        let n = self.access().read_available(purpose, wanted, buf);
        let made = Made::Read { address: wanted, length: buf.len(), bytes: buf[..n].to_vec() };
        self.made.borrow_mut().push(made);
        n
    }

    fn write(&self, purpose: Purpose, wanted: u64, buf: &[u8]) -> Result<(), DmaError> {
        if !self.memory.waits(wanted, buf.len()) {
            return self.access().write(purpose, wanted, buf);
        }
        for made in self.made.borrow().iter() {
            if let Made::Write { address, bytes, result } = made
                && (*address, &bytes[..]) == (wanted, buf)
            {
                return *result;
            }
        }
        if self.locked.get() {
            self.later.borrow_mut().push((purpose, wanted, buf.to_vec()));
            return Ok(());
        }
        let result = self.access().write(purpose, wanted, buf);
        self.made.borrow_mut().push(Made::Write { address: wanted, bytes: buf.to_vec(), result });
        result
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.access().writable(purpose, address, length)
    }
}

/// A turn at a ring whose next input entry has been read.
pub(super) struct Turn<'a> {
    pub(super) memory: Ahead<'a>,
    /// Address and length of that entry, if it had to be waited for.
    pub(super) entry: Option<(u64, usize)>,
    _turn: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Whether it is no good any more: the ring has been reset.
    pub(super) fn over(&self) -> bool {
        self.memory.gone()
    }
}

impl Device {
    /// Reads ring `n`'s next input entry, and what fault rules ask about its job, if that has to
    /// be waited for.
    pub(super) fn turn(&self, n: usize) -> Option<Turn<'_>> {
        if !self.memory.asks() {
            return None;
        }
        let turn = lock(&self.rings[n].turn);
        let (next, gone) = {
            let ring = self.rings[n].lock();
            (ring.next_entry().filter(|_| !ring.draining()), ring.gone())
        };
        let entry = next?;
        let memory = Ahead::new(&self.memory, gone);
        // What cannot be read is found out again under the lock, and reported.
        memory.read_available(Purpose::InputRing, entry.0, &mut [0; 8][..entry.1]);
        if self.faults.armed(Site::Take) {
            let next = self.rings[n].lock().peek_next(memory.lock());
            memory.unlock();
            if let Some((number, descriptor)) = next {
                let _ = self.facts(&memory, Site::Take, number, descriptor);
            }
        }
        memory.lock();
        let entry = Some(entry).filter(|(at, length)| self.memory.waits(*at, *length));
        Some(Turn { memory, entry, _turn: turn })
    }

    /// [`JobRing::complete`], with the output entry written before if it has to be waited for.
    pub(super) fn complete_ahead(
        &self,
        n: usize,
        taken: &TakenJob,
        result: JobResult,
        now: Duration,
        count: impl FnOnce(),
    ) -> Outcome {
        let slot = &self.rings[n];
        let next = || {
            let ring = slot.lock();
            (ring.next_result(taken, &result), ring.gone())
        };
        let (entry, gone) = next();
        // There is no entry in a ring that has been reset, so if the job has one it is this ring's.
        let memory = Ahead::new(&self.memory, gone);
        let waits = entry.is_some_and(|e| self.memory.waits(e.address, e.bytes().len()));
        let _turn = waits.then(|| lock(&slot.turn));
        if waits && let (Some(entry), _) = next() {
            // A failure is found again under the lock, and reported.
            let _ = memory.write(Purpose::OutputRing, entry.address, entry.bytes());
        }
        let outcome = self.with_ring(n, now, |ring| {
            count();
            ring.complete(taken, result, memory.lock(), now)
        });
        memory.unlock();
        outcome
    }

    /// Gives back one of the jobs that a flush of ring `n` has found queued and had to leave. One: the
    /// guest may add more meanwhile, and this thread has signals and other rings' times to look after.
    fn drain(&self, n: usize, now: Duration) -> Outcome {
        let slot = &self.rings[n];
        let _turn = lock(&slot.turn);
        let (next, gone) = {
            let ring = slot.lock();
            (ring.next_entry().filter(|_| ring.draining()), ring.gone())
        };
        let Some((address, length)) = next else { return Outcome::default() };
        let memory = Ahead::new(&self.memory, gone);
        memory.read_available(Purpose::InputRing, address, &mut [0; 8][..length]);
        let entry = slot.lock().next_flushed(memory.lock());
        memory.unlock();
        if let Some(entry) = entry {
            let _ = memory.write(Purpose::OutputRing, entry.address, entry.bytes());
        }
        let outcome = self.with_ring(n, now, |ring| {
            if !memory.gone() {
                ring.drain_one(memory.lock(), now);
            }
            Effects::NONE
        });
        memory.unlock();
        outcome
    }

    /// Time has passed for ring `n`.
    pub(super) fn tick_ring(&self, n: usize, now: Duration) -> Outcome {
        let draining = self.rings[n].lock().draining();
        let drained = if draining { self.drain(n, now) } else { Outcome::default() };
        let mut memory = None;
        let outcome = self.with_ring(n, now, |ring: &mut JobRing| {
            let memory = memory.insert(Ahead::new(&self.memory, ring.gone()));
            ring.tick(memory.lock(), now)
        });
        if let Some(memory) = memory {
            memory.unlock();
        }
        outcome.merge(drained)
    }

    /// Held jobs of rings that have been flushed go back: now, or, where that may have to be
    /// waited for, when the main thread comes to it.
    pub(super) fn release_flushed(&self, now: Duration) -> Outcome {
        if !self.memory.asks() {
            return self.release_held(now, Job::stopped);
        }
        lock(&self.held).hurry(Job::stopped);
        Outcome { timer: true, ..Outcome::default() }
    }
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
