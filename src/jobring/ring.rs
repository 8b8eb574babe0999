//! The ring itself: input slots, jobs in flight, output entries, flush and reset.

use super::faults::RingFaults;
use super::halt::HaltFaults;
use super::interrupt::{Halt, Interrupt, RingError};
use super::job::{JobResult, TakenJob};
use super::line::Line;
use super::meter::{LastJob, Level, Meter};
use super::registers::{JRCFGR_LS_BITS, JRCR_RESET, Register};
use super::view::{RingStats, RingView};
use super::{Effects, MAX_ENTRIES};
use crate::descriptors::status::JobStatus;
use crate::device::Lines;
use crate::device::soc::SocProfile;
use crate::logging::line::Hex;
use crate::memory::{Access, DmaError, GuestMemory, Purpose};
use crate::trace::{RingEvent, Tap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub struct JobRing {
    pub(super) number: usize,
    pub(super) soc: &'static SocProfile,
    pub(super) base_in: [u32; 2],
    pub(super) base_out: [u32; 2],
    pub(super) size_in: u32,
    pub(super) size_out: u32,
    /// Added and not yet fetched.
    pub(super) pending: u32,
    /// Read and write index, in entries.
    read: u32,
    pub(super) write: u32,
    /// Taken and not completed; each has an output slot reserved.
    pub(super) in_flight: u32,
    /// ORSF: completed and not removed.
    pub(super) waiting: u32,
    last_status: JobStatus,
    pub(super) config_ms: u32,
    pub(super) interrupt: Interrupt,
    pub(super) line: Line,
    /// An error has made the rings unusable until they are reset.
    pub(super) broken: bool,
    /// A flush is running: what is still queued goes back unexecuted.
    pub(super) flushing: bool,
    /// What is queued goes back when somebody can wait for its entries.
    pub(super) draining: bool,
    pub(super) halt_faults: HaltFaults,
    /// What other faults do to it.
    pub(super) faults: RingFaults,
    /// Changes whenever results of jobs in flight must no longer be written.
    epoch: u32,
    /// Set by a reset.
    gone: Arc<AtomicBool>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) stats: RingStats,
    meter: Meter,
    pub(super) tap: Tap,
    pub(super) said: Said,
}

/// What a guest can have logged as often as it likes, and so is not, even across resets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    cut: Lines,
    unreadable: Lines,
    unwritable: Lines,
    pub(super) dropped: Lines,
}

impl JobRing {
    /// Ring `number` (0..4) in its reset state.
    #[must_use]
    pub fn new(number: usize, soc: &'static SocProfile) -> Self {
        Self {
            number,
            soc,
            base_in: [0; 2],
            base_out: [0; 2],
            size_in: 0,
            size_out: 0,
            pending: 0,
            read: 0,
            write: 0,
            in_flight: 0,
            waiting: 0,
            last_status: JobStatus::OK,
            config_ms: 0,
            interrupt: Interrupt::default(),
            line: Line::default(),
            broken: false,
            flushing: false,
            draining: false,
            faults: RingFaults::default(),
            halt_faults: HaltFaults::default(),
            epoch: 0,
            gone: Arc::default(),
            stop: Arc::new(AtomicBool::new(false)),
            stats: RingStats::default(),
            meter: Meter::default(),
            tap: Tap::default(),
            said: Said::default(),
        }
    }

    /// That tells what happens to it.
    #[must_use]
    pub fn with_tap(self, tap: Tap) -> Self {
        Self { tap, ..self }
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> RingStats {
        self.stats
    }

    /// Measurements.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Where its jobs are, and what state it is in.
    #[must_use]
    pub fn view(&self) -> RingView {
        RingView {
            size_in: self.size_in,
            size_out: self.size_out,
            pending: self.pending,
            in_flight: self.in_flight,
            waiting: self.waiting,
            halt: self.interrupt.halt,
            broken: self.broken,
        }
    }

    /// Jobs in the ring now: added, and not yet removed from the output ring.
    #[must_use]
    pub fn occupancy(&self) -> u32 {
        self.pending + self.in_flight + self.waiting
    }

    /// Whether the interrupt line is asserted.
    #[must_use]
    pub fn line(&self) -> bool {
        self.line.level(&self.interrupt)
    }

    /// When [`Self::tick`] has something to do, or [`Self::drain_one`]: that at once.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let deadlines = [
            self.draining().then_some(Duration::ZERO),
            self.interrupt.deadline(),
            self.line.deadline(),
            self.halt_faults.deadline(),
            self.faults.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn tick<M: GuestMemory>(&mut self, memory: &M, now: Duration) -> Effects {
        self.interrupt.tick(self.waiting, now);
        self.tick_halt(now);
        let effects = self.tick_faults(memory, now);
        self.measure(now);
        effects
    }

    /// Input slots that are free, as IRSAR says.
    pub(super) fn slots(&self) -> u32 {
        self.size_in.saturating_sub(self.pending)
    }

    /// Whether the driver could add no more: IRSAR would read 0, or its own ring is full, of
    /// which Linux always leaves one slot empty (`jr.c`, CIRC_SPACE).
    #[must_use]
    pub fn full(&self) -> bool {
        self.size_in > 0
            && (self.reported_slots() == 0 || self.occupancy() >= (self.size_in - 1).max(1))
    }

    /// Something has changed.
    pub(super) fn measure(&mut self, now: Duration) {
        self.line.follow(&self.interrupt, self.waiting, now);
        let level = Level {
            set_up: self.size_in > 0,
            occupancy: self.occupancy(),
            full: self.full(),
            line: self.line(),
        };
        self.meter.level(level, now);
        self.tell_settled(now);
    }

    /// Reads a register.
    #[must_use]
    pub fn read_register(&self, register: Register) -> u32 {
        self.meter.register_read();
        match register {
            Register::Irbar0 => self.base_in[0],
            Register::Irbar4 => self.base_in[1],
            Register::Irsr => self.size_in,
            // Computed at read time from what has been added and fetched, so it can never be
            // stale: Linux caches it and re-reads it only when its cache is used up, and a 0
            // read then, with slots free, would stop it for good (docs: the IRSA trap).
            Register::Irsar => {
                let free = self.faults.answer(self.reported_slots(), self.slots());
                self.meter.slots_read(free);
                free
            }
            Register::Orbar0 => self.base_out[0],
            Register::Orbar4 => self.base_out[1],
            Register::Orsr => self.size_out,
            Register::Orsfr => self.waiting,
            Register::Jrstar => self.last_status.0,
            Register::Jrintr => self.interrupt.read(),
            Register::JrcfgrMs => self.config_ms,
            Register::JrcfgrLs => self.interrupt.config,
            Register::Irrir => self.read * self.entry_in(),
            Register::Orwir => self.write * self.entry_out(),
            // Done by the time it could be read, unless faults make it last.
            Register::Jrcr if self.halt_faults.resetting() => JRCR_RESET,
            Register::Jrcr => 0,
            // Write-only counts.
            Register::Irjar | Register::Orjrr => 0,
        }
    }

    pub(super) fn error(&mut self, error: RingError) {
        if crate::device::worth_a_line(self.stats.errors) {
            log::warn!(ring = self.number, error:?; "ring error");
        }
        self.stats.errors += 1;
        self.interrupt.raise(error, self.write);
        if self.tap.on() {
            self.tap.error(error as u8);
        }
    }

    fn idle(&self) -> bool {
        self.interrupt.halt == Halt::Complete || (self.pending == 0 && self.in_flight == 0)
    }

    /// Whether the output ring's set-up may be changed.
    fn output_idle(&self) -> bool {
        self.interrupt.halt == Halt::Complete || (self.idle() && self.waiting == 0)
    }

    /// Writes a register.
    pub fn write_register<M: GuestMemory>(
        &mut self,
        register: Register,
        value: u32,
        memory: &M,
        now: Duration,
    ) -> Effects {
        self.meter.writes += 1;
        let effects = self.write(register, value, memory, now);
        self.measure(now);
        effects
    }

    fn write<M: GuestMemory>(
        &mut self,
        register: Register,
        value: u32,
        memory: &M,
        now: Duration,
    ) -> Effects {
        match register {
            // A ring in reset takes nothing.
            _ if self.halt_faults.resetting() => {}
            Register::Irbar0 | Register::Irbar4 if !self.idle() => {
                self.error(RingError::InputInvalidWrite);
            }
            Register::Irbar0 => self.set_base_in(0, value),
            Register::Irbar4 => self.set_base_in(1, value),
            Register::Orbar0 | Register::Orbar4 if !self.output_idle() => {
                self.error(RingError::OutputInvalidWrite);
            }
            Register::Orbar0 => self.set_base_out(0, value),
            Register::Orbar4 => self.set_base_out(1, value),
            Register::Irsr if !self.idle() => self.error(RingError::InputInvalidWrite),
            Register::Irsr => {
                self.size_in = self.clamp_size(value);
                self.read = 0;
                self.faults.new_ring();
                // A halted ring may still have a queue.
                self.stats.lost += u64::from(self.pending);
                self.pending = 0;
                self.tell(now, RingEvent::Resized);
            }
            Register::Orsr if !self.output_idle() => self.error(RingError::OutputInvalidWrite),
            Register::Orsr => {
                self.size_out = self.clamp_size(value);
                self.write = 0;
                self.waiting = 0;
                self.interrupt.removed(0);
                self.tell(now, RingEvent::Resized);
            }
            Register::Irjar => return self.add(value, now),
            Register::Orjrr => return self.remove(value, now),
            Register::Jrintr => {
                let clock = self.soc.clock_hz;
                let resumed = self.interrupt.acknowledge(value, self.waiting, now, clock);
                if resumed && self.flushing {
                    self.flushing = false;
                    self.stop = Arc::new(AtomicBool::new(false));
                }
                return Effects { doorbell: resumed, timer: self.deadline().is_some() };
            }
            Register::JrcfgrMs => self.config_ms = value,
            Register::JrcfgrLs => {
                self.interrupt.config = value & JRCFGR_LS_BITS;
            }
            Register::Jrcr => return self.command(value, memory, now),
            Register::Irsar => self.write_while_active(RingError::WriteIrsa),
            Register::Irrir => self.write_while_active(RingError::WriteIrri),
            Register::Orsfr => self.write_while_active(RingError::WriteOrsf),
            Register::Orwir => self.write_while_active(RingError::WriteOrwi),
            Register::Jrstar => {}
        }
        Effects::NONE
    }

    /// Registers the hardware keeps itself. Before the ring is in use a write does nothing;
    /// tamago, for one, writes the ring size to ORSFR.
    fn write_while_active(&mut self, error: RingError) {
        if self.occupancy() > 0 {
            self.error(error);
        }
    }

    fn clamp_size(&mut self, value: u32) -> u32 {
        if value > MAX_ENTRIES && self.said.cut.is_worth_a_line() {
            log::warn!(ring = self.number, size = value, most = MAX_ENTRIES; "ring size cut");
        }
        value.min(MAX_ENTRIES)
    }

    /// The half of a 64-bit base that holds its low word. Halves are stored independently:
    /// drivers write them in either order, or only the low one.
    fn low_half(&self) -> usize {
        usize::from(self.soc.high_word_first)
    }

    fn set_base_in(&mut self, half: usize, value: u32) {
        if half == self.low_half() && !value.is_multiple_of(4) {
            self.error(RingError::BadInputBase);
        } else {
            self.base_in[half] = value;
        }
    }

    fn set_base_out(&mut self, half: usize, value: u32) {
        if half == self.low_half() && !value.is_multiple_of(4) {
            self.error(RingError::BadOutputBase);
        } else {
            self.base_out[half] = value;
        }
    }

    fn add(&mut self, count: u32, now: Duration) -> Effects {
        if count > self.size_in - self.pending.min(self.size_in) {
            self.error(RingError::AddOverflow);
            return Effects::NONE;
        }
        self.meter.added(self.read + self.pending, count, self.size_in, now);
        self.pending += count;
        self.stats.added += u64::from(count);
        self.stats.max_occupancy = self.stats.max_occupancy.max(self.occupancy());
        self.faults.added(count);
        self.release_if_full();
        self.tell(now, RingEvent::Added { count });
        Effects::DOORBELL
    }

    fn remove(&mut self, count: u32, now: Duration) -> Effects {
        if count > self.waiting {
            self.error(RingError::RemoveOverflow);
            return Effects::NONE;
        }
        self.waiting -= count;
        self.interrupt.removed(self.waiting);
        self.tell(now, RingEvent::Removed { count });
        // A full output ring may have held jobs back.
        if self.pending > 0 { Effects::DOORBELL } else { Effects::NONE }
    }

    /// Back to the reset state. Results of jobs still in flight will be dropped.
    pub fn reset(&mut self, now: Duration) {
        self.stop.store(true, Ordering::Relaxed);
        self.gone.store(true, Ordering::Relaxed);
        *self = Self {
            meter: std::mem::take(&mut self.meter),
            tap: std::mem::take(&mut self.tap),
            said: self.said,
            stats: RingStats {
                lost: self.stats.lost + u64::from(self.in_flight + self.pending),
                ..self.stats
            },
            epoch: self.epoch.wrapping_add(1),
            ..Self::new(self.number, self.soc)
        };
        self.tell(now, RingEvent::Reset);
        self.measure(now);
    }

    /// Set when the ring is reset: for who reads or writes its entries without its lock.
    #[must_use]
    pub fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }

    /// Whether [`Self::take`] would have a job. The output slot is reserved before a job is
    /// taken, so a full output ring stops the input ring, as when all DECOs wait to write.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.pending > 0
            && self.interrupt.halt == Halt::None
            && !self.broken
            && !self.faults.stalled()
            && self.waiting + self.in_flight < self.size_out
    }

    /// Takes the next job, if one is ready.
    pub fn take<M: GuestMemory>(&mut self, memory: &M, now: Duration) -> Option<TakenJob> {
        if !self.ready() {
            return None;
        }
        let slot = self.read;
        let fetched = self.fetch(memory);
        if fetched.is_some() {
            self.in_flight += 1;
            self.stats.taken += 1;
            self.meter.taken(slot, now);
        }
        if let Some(descriptor) = fetched {
            self.tell(now, RingEvent::Taken { job: self.stats.taken, descriptor });
        }
        self.measure(now);
        let (number, stop, epoch) = (self.stats.taken, Arc::clone(&self.stop), self.epoch);
        let (occupancy, full) = (self.occupancy(), self.full());
        fetched.map(|descriptor| TakenJob {
            descriptor,
            number,
            stop,
            slot,
            taken: now,
            occupancy,
            full,
            epoch,
        })
    }

    /// Where the next input entry is.
    pub(super) fn next_input(&self) -> u64 {
        self.base(self.base_in).wrapping_add(u64::from(self.read * self.entry_in()))
    }

    /// Reads the next input entry and frees its slot.
    pub(super) fn fetch<M: GuestMemory>(&mut self, memory: &M) -> Option<u64> {
        let entry = match self.faults.take_input_error() {
            true => Err(DmaError {
                purpose: Purpose::InputRing,
                address: self.next_input(),
                length: self.entry_in() as usize,
                access: Access::Read,
            }),
            false => self.peek(memory),
        };
        match entry {
            Ok(descriptor) => {
                self.pending -= 1;
                self.read = if self.read + 1 >= self.size_in { 0 } else { self.read + 1 };
                Some(descriptor)
            }
            Err(e) => {
                if self.said.unreadable.is_worth_a_line() {
                    log::warn!(ring = self.number, error:% = e; "cannot read the input ring; the ring stops until it is reset");
                }
                self.broken = true;
                self.error(RingError::BadInputBase);
                None
            }
        }
    }

    /// Whether the ring has not been reset since the job was taken.
    pub(super) fn is_current(&self, job: &TakenJob) -> bool {
        job.epoch == self.epoch
    }

    /// A taken job has ended. Its output entry is written, unless the ring was reset since.
    pub fn complete<M: GuestMemory>(
        &mut self,
        job: &TakenJob,
        result: JobResult,
        memory: &M,
        now: Duration,
    ) -> Effects {
        if !self.is_current(job) {
            log::debug!(
                ring = self.number, job = job.number, descriptor:% = Hex(job.descriptor);
                "the result came after a reset"
            );
            return Effects::NONE;
        }
        self.in_flight -= 1;
        if self.publish(memory, job.descriptor, result, now) {
            self.meter.served(job.taken, now);
            self.tell_written(Some(job.number), job.descriptor, result.status, now);
        } else {
            self.tell(now, RingEvent::Lost { job: job.number });
        }
        if let Some(error) = result.error {
            self.error(error);
        }
        self.settle();
        self.measure(now);
        if self.deadline().is_some() { Effects::TIMER } else { Effects::NONE }
    }

    /// Writes one output entry, then counts it, then considers the interrupt: in this order the
    /// driver must see them. `false`: it could not be written, and the job is lost.
    pub(super) fn publish<M: GuestMemory>(
        &mut self,
        memory: &M,
        descriptor: u64,
        result: JobResult,
        now: Duration,
    ) -> bool {
        let status = result.status;
        let entry = self.entry(descriptor, &result);
        self.faults.shown(descriptor);
        self.last_status = status;
        if let Err(e) = self.write_entry(memory, entry.address, entry.bytes(), &result.entry, now) {
            if self.said.unwritable.is_worth_a_line() {
                log::warn!(ring = self.number, error:% = e; "cannot write the output ring; the ring stops until it is reset");
            }
            self.broken = true;
            self.stats.lost += 1;
            self.error(RingError::OutputWrite);
            return false;
        }
        self.write = if self.write + 1 >= self.size_out { 0 } else { self.write + 1 };
        self.waiting += 1;
        if status.is_ok() {
            self.stats.succeeded += 1;
        } else {
            self.stats.failed += 1;
        }
        self.meter.last_job = Some(LastJob { descriptor, status: status.0, at: now });
        let before = self.interrupt.pending();
        self.interrupt.results(self.waiting, now, self.soc.clock_hz);
        self.line.result();
        self.meter.merged += u64::from(before || !self.interrupt.pending());
        true
    }

    pub(super) fn base(&self, halves: [u32; 2]) -> u64 {
        match self.soc.pointer {
            crate::device::soc::PointerSize::Bits32 => u64::from(halves[self.low_half()]),
            crate::device::soc::PointerSize::Bits64 => self.soc.join(halves[0], halves[1]),
        }
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
