//! The PCI function as the VMM sees it: configuration space, BAR 0, interrupt, DMA, reset.
//!
//! [`Device`] is shared by the thread that answers the client and the DECOs. Each job ring has a
//! lock of its own, held only for register accesses and for the copying of one ring entry (at
//! most a ring of them, during a flush) or, for a fault rule, of one descriptor; no lock is held
//! while a job runs. Lock order: held jobs or a ring's turn, a ring, the
//! pin, the fault rules.

mod ahead;
mod ask;
pub mod direct;
pub mod dma;
mod held;
pub mod intx;
mod jobs;
mod logging;
pub mod pci;
pub mod platform;
pub mod registers;
pub mod rng4;
mod session;
mod slot;
pub mod soc;
mod taped;
mod tell;

use crate::control::autopsy::Autopsies;
use crate::control::counters::{Counters, OperationCount};
use crate::control::stats;
use crate::crypto::rng::Unavailable;
use crate::fault::Faults;
use crate::fault::kind::Site;
use crate::jobring::registers::{JRINTR_JRE, JRINTR_JRI, Register};
use crate::jobring::{self, JobRing};
use crate::logging::line::Hex;
use crate::record::Tape;
use crate::trace::{Tap, Tracer, What};
use direct::Direct;
use dma::DmaSpace;
use held::Held;
use intx::Intx;
use logging::Failure;
use pci::ConfigSpace;
use platform::{Platform, Secrets};
use registers::{RegisterFile, ctrl, version};
use slot::Slot;
use soc::SocProfile;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;

pub use jobs::Job;

/// Bytes of a register page.
const PAGE: u32 = 0x1000;
/// Most job rings a CAAM has.
pub const MAX_RINGS: usize = 4;
/// Most DECOs: CHANUM has four bits for them.
pub const MAX_DECOS: usize = 15;

/// What the shell has to do after an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Wake a DECO: jobs may be ready.
    pub doorbell: bool,
    /// There may be an earlier deadline than before: see [`Device::deadline`].
    pub timer: bool,
    /// Signal the client's INTx eventfd.
    pub interrupt: bool,
    /// Close the client's connection, and accept none for that long.
    pub vanish: Option<Duration>,
    /// Wait so long before answering the client. No other thread is to wait.
    pub delay: Duration,
}

impl Outcome {
    fn merge(self, other: Self) -> Self {
        Self {
            doorbell: self.doorbell || other.doorbell,
            timer: self.timer || other.timer,
            interrupt: self.interrupt || other.interrupt,
            vanish: self.vanish.or(other.vanish),
            delay: self.delay.saturating_add(other.delay),
        }
    }
}

/// An access outside the region it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{length} bytes at {offset:#x} are not inside the region's {size:#x}")]
pub struct OutOfBounds {
    /// Byte offset.
    pub offset: u64,
    /// Bytes.
    pub length: usize,
    /// The region's size.
    pub size: u64,
}

/// How the device is built.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// SoC profile.
    pub soc: &'static SocProfile,
    /// Job rings, 1 to [`MAX_RINGS`].
    pub rings: usize,
    /// DECOs, 1 to [`MAX_DECOS`].
    pub decos: usize,
    /// Makes faults repeatable.
    pub fault_seed: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Device {
    setup: Setup,
    config: Mutex<ConfigSpace>,
    ctrl: Mutex<RegisterFile>,
    rings: Vec<Slot>,
    pin: Mutex<Intx>,
    /// The ring lines that the pin was told of last, one bit a ring. A ring's bit changes under
    /// that ring's lock, and all under the pin's.
    told: AtomicU32,
    fault: Mutex<version::Fault>,
    direct: Mutex<Direct>,
    /// Whether DECO 0 has been given a descriptor by software: what `direct` says.
    direct_ready: AtomicBool,
    platform: Platform,
    /// Guest memory.
    pub memory: DmaSpace,
    /// Jobs and bytes.
    pub counters: Counters,
    /// What is left of jobs that failed.
    pub autopsies: Autopsies,
    /// What goes wrong on purpose.
    pub faults: Arc<Faults>,
    /// Tells what happens, if anybody listens.
    pub trace: Arc<Tracer>,
    /// Where what reaches the device is written down, or comes from.
    pub tape: Arc<Tape>,
    /// Jobs that have been run, and are given back later.
    held: Mutex<Held>,
    /// Whether jobs wait in a window of `held`.
    windows_used: AtomicBool,
    /// Jobs that occupy a DECO.
    running: AtomicU32,
    /// DECOs that may work: all, unless a fault says otherwise.
    decos: AtomicU32,
    next_ring: AtomicUsize,
    failures: AtomicU64,
    /// The last jobs that failed.
    recent: Mutex<VecDeque<Failure>>,
    odd_accesses: AtomicU64,
}

/// Whether the `n`-th event of a kind deserves a log line: the first few, then ever fewer, so
/// that a guest cannot fill the disk.
#[must_use]
pub fn worth_a_line(n: u64) -> bool {
    n < 32 || n.is_power_of_two()
}

/// Counts events of a kind, to say which of them deserve a log line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines(u64);

impl Lines {
    /// Counts one more: is it worth a line?
    pub fn is_worth_a_line(&mut self) -> bool {
        self.0 += 1;
        worth_a_line(self.0 - 1)
    }
}

/// A register page.
enum Page {
    Ctrl,
    Ring(usize),
    /// DECO 0, under software's control while DECORR grants it.
    Deco0,
    /// A block that only has the version window: RTIC, QI, other DECOs, absent job rings.
    VersionOnly,
    Nothing,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code under these locks leaves a state that the next user could not go on from.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// A device after power-on, with no memory mapped.
    ///
    /// # Errors
    /// [`Unavailable`] if the operating system has no random bytes for its keys.
    ///
    /// # Panics
    /// If the numbers of rings or DECOs are out of range; the command line checks them.
    pub fn new(setup: Setup, secrets: Secrets) -> Result<Self, Unavailable> {
        assert!((1..=MAX_RINGS).contains(&setup.rings), "1 to {MAX_RINGS} job rings");
        assert!((1..=MAX_DECOS).contains(&setup.decos), "1 to {MAX_DECOS} DECOs");
        let trace = Arc::new(Tracer::default());
        let tape = Arc::new(Tape::default());
        let faults = Faults::new(setup.fault_seed, setup.rings).with_tracer(Arc::clone(&trace));
        let faults = Arc::new(faults);
        let platform = Platform::new(setup.soc, secrets)?.with_faults(Arc::clone(&faults));
        let rings = (0..setup.rings).map(|n| {
            let tap = Tap::new(Arc::clone(&trace), n);
            Slot::new(JobRing::new(n, setup.soc).with_tap(tap))
        });
        Ok(Self {
            setup,
            config: Mutex::new(ConfigSpace::new()),
            ctrl: Mutex::new(RegisterFile::new(ctrl::TABLE)),
            rings: rings.collect(),
            pin: Mutex::new(Intx::default()),
            told: AtomicU32::new(0),
            fault: Mutex::new(version::Fault::default()),
            direct: Mutex::new(Direct::new()),
            direct_ready: AtomicBool::new(false),
            platform,
            memory: DmaSpace::new(Arc::clone(&tape)),
            counters: Counters::default(),
            autopsies: Autopsies::default(),
            faults,
            trace: Arc::clone(&trace),
            tape,
            held: Mutex::new(Held::new(setup.rings)),
            windows_used: AtomicBool::new(false),
            running: AtomicU32::new(0),
            decos: AtomicU32::new(setup.decos as u32),
            next_ring: AtomicUsize::new(0),
            failures: AtomicU64::new(0),
            recent: Mutex::default(),
            odd_accesses: AtomicU64::new(0),
        })
    }

    /// How the device was built.
    #[must_use]
    pub fn setup(&self) -> Setup {
        self.setup
    }

    fn page(&self, offset: u32) -> Page {
        match offset / PAGE {
            0 => Page::Ctrl,
            n @ 1..=4 if (n as usize) <= self.rings.len() => Page::Ring(n as usize - 1),
            8 => Page::Deco0,
            1..=4 | 6.. => Page::VersionOnly,
            _ => Page::Nothing,
        }
    }

    fn read_word(&self, offset: u32, now: Duration, outcome: &mut Outcome) -> u32 {
        let page = self.page(offset);
        let within = offset % PAGE;
        if within >= version::START && !matches!(page, Page::Nothing) {
            let state = version::State {
                counters: &self.counters,
                fault: *lock(&self.fault),
                busy: self.running.load(Ordering::Relaxed) > 0,
                rings: self.rings.len(),
                decos: self.setup.decos,
            };
            return version::read(within, self.setup.soc, &state).unwrap_or(0);
        }
        match page {
            Page::Ctrl if (rng4::START..rng4::END).contains(&within) => {
                self.platform.set_time(now);
                self.platform.read_rng(within).unwrap_or(0)
            }
            Page::Ctrl => lock(&self.ctrl).read(within).unwrap_or(0),
            Page::Deco0 => lock(&self.direct).read(within, self.setup.soc.era).unwrap_or(0),
            Page::Ring(n) => match jobring::registers::at(within) {
                Some(register) => self.read_ring(n, register, now, outcome),
                None => 0,
            },
            Page::VersionOnly | Page::Nothing => 0,
        }
    }

    fn read_ring(&self, n: usize, register: Register, now: Duration, outcome: &mut Outcome) -> u32 {
        if register != Register::Jrintr {
            let mut ring = self.rings[n].lock();
            if register == Register::Irsar {
                self.set_ring_depth(n, &mut ring, now);
            }
            return ring.read_register(register);
        }
        let mut value = 0;
        *outcome = outcome.merge(self.with_ring(n, now, |ring| {
            value = ring.read_register(register);
            ring.interrupt_seen(now);
            jobring::Effects::NONE
        }));
        if value & (JRINTR_JRI | JRINTR_JRE) != 0 && self.told.load(Ordering::Relaxed) & 1 << n != 0
        {
            lock(&self.pin).seen(n);
        }
        value
    }

    fn write_word(&self, offset: u32, value: u32, now: Duration) -> Outcome {
        let within = offset % PAGE;
        match self.page(offset) {
            Page::Ctrl if (rng4::START..rng4::END).contains(&within) => {
                match self.platform.rng().write(within, value) {
                    Some(()) => Outcome::default(),
                    None => self.ignored(offset, "no register there"),
                }
            }
            Page::Ctrl => self.write_ctrl(within, value, now),
            Page::Deco0 => self.write_deco0(offset, value),
            Page::Ring(n) => match jobring::registers::at(within) {
                Some(register) => {
                    let outcome = self.with_ring(n, now, |ring| {
                        if register == Register::Jrcr {
                            self.decide_halt(n, ring, value, now);
                        }
                        ring.write_register(register, value, &self.memory, now)
                    });
                    // A flush ends jobs that are held, too.
                    if register == Register::Jrcr {
                        outcome.merge(self.release_flushed(now))
                    } else {
                        outcome
                    }
                }
                None => self.ignored(offset, "no register there"),
            },
            Page::VersionOnly | Page::Nothing => self.ignored(offset, "no register there"),
        }
    }

    /// Runs `f` on a ring and passes its line on to the pin.
    fn with_ring(
        &self,
        n: usize,
        now: Duration,
        f: impl FnOnce(&mut JobRing) -> jobring::Effects,
    ) -> Outcome {
        let slot = &self.rings[n];
        let mut ring = slot.lock();
        let before = ring.deadline();
        ring.ask_before_raising(self.faults.armed(Site::Interrupt));
        let effects = f(&mut ring);
        self.decide_line(n, &mut ring, now);
        ring.tell_settled(now);
        let deadline = ring.deadline();
        let timer = effects.timer || (deadline.is_some() && deadline != before);
        slot.note(&ring);
        let interrupt = self.tell_pin(n, ring.line());
        Outcome { doorbell: effects.doorbell, timer, interrupt, ..Outcome::default() }
    }

    /// Passes a ring's line on to the pin, if the pin does not know it. The ring's lock is held.
    fn tell_pin(&self, n: usize, line: bool) -> bool {
        let (bit, bits) = (1 << n, u32::from(line) << n);
        if self.told.load(Ordering::Relaxed) & bit == bits {
            return false;
        }
        let mut pin = lock(&self.pin);
        let told = self.told.load(Ordering::Relaxed);
        self.told.store(told & !bit | bits, Ordering::Relaxed);
        pin.set(n, line)
    }

    /// Uses DECO 0's registers.
    fn with_direct<T>(&self, f: impl FnOnce(&mut Direct) -> T) -> T {
        let mut direct = lock(&self.direct);
        let result = f(&mut direct);
        // A DECO thread announces its sleep, then looks here; who rings for it looks for the
        // announcement afterwards.
        self.direct_ready.store(direct.ready(), Ordering::SeqCst);
        result
    }

    fn ignored(&self, offset: u32, why: &str) -> Outcome {
        if worth_a_line(self.odd_accesses.fetch_add(1, Ordering::Relaxed)) {
            log::info!(offset:% = Hex(offset.into()), cause = why; "write to BAR 0 ignored");
        }
        Outcome::default()
    }

    fn write_ctrl(&self, offset: u32, value: u32, now: Duration) -> Outcome {
        let mut ctrl = lock(&self.ctrl);
        match offset {
            ctrl::MCFGR if value & ctrl::MCFGR_SWRST != 0 => {
                drop(ctrl);
                return self.reset_core(now);
            }
            ctrl::SCFGR => {
                let sticky = ctrl::SCFGR_PRIBLOB | ctrl::SCFGR_RNGSH0;
                let sticky = ctrl.read(offset).unwrap_or(0) & sticky;
                ctrl.write(offset, value | sticky);
            }
            ctrl::DECORSR => {
                ctrl.write(offset, value);
                // The named job ring becomes the source at once.
                let source = ctrl.read(offset).unwrap_or(0) & !ctrl::DECORSR_VALID;
                let valid = if source != 0 { ctrl::DECORSR_VALID } else { 0 };
                ctrl.set(offset, source | valid);
            }
            ctrl::DECORR => {
                // A request is granted at once: jobs are not bound to DECO 0.
                let requested = value & ctrl::DECORR_RQD0;
                let granted = if requested != 0 { ctrl::DECORR_DEN0 } else { 0 };
                ctrl.set(offset, requested | granted);
                if granted == 0 {
                    self.with_direct(Direct::release);
                }
            }
            _ => {
                if ctrl.write(offset, value).is_none() {
                    drop(ctrl);
                    return self.ignored(offset, "no register there");
                }
            }
        }
        Outcome::default()
    }

    fn write_deco0(&self, offset: u32, value: u32) -> Outcome {
        if lock(&self.ctrl).read(ctrl::DECORR).unwrap_or(0) & ctrl::DECORR_DEN0 == 0 {
            return self.ignored(offset, "DECO 0 has not been requested (DECORR)");
        }
        match self.with_direct(|direct| direct.write(offset % PAGE, value)) {
            Some(doorbell) => Outcome { doorbell, ..Outcome::default() },
            None => self.ignored(offset, "no register there"),
        }
    }

    /// MCFGR.SWRST: everything but the PCI function itself.
    fn reset_core(&self, now: Duration) -> Outcome {
        lock(&self.ctrl).reset();
        *lock(&self.fault) = version::Fault::default();
        self.with_direct(Direct::release);
        let outcome = (0..self.rings.len())
            .map(|n| {
                self.with_ring(n, now, |ring| {
                    ring.reset(now);
                    jobring::Effects::NONE
                })
            })
            .fold(Outcome::default(), Outcome::merge);
        // Jobs that still run have been told to stop; none of them writes behind our back.
        self.memory.settle();
        outcome.merge(self.release_held(now, Job::stopped))
    }

    fn do_reset(&self, now: Duration) -> Outcome {
        if self.trace.on() {
            self.trace.tell(now, What::Reset);
        }
        let outcome = self.reset_core(now);
        // A power-on for the RNG too: its handles and keys are gone. The master key is not.
        self.platform.rng().power_on_reset();
        *lock(&self.config) = ConfigSpace::new();
        self.memory.set_master(false);
        let mut pin = lock(&self.pin);
        pin.reset();
        self.told.store(0, Ordering::Relaxed);
        drop(pin);
        Outcome { interrupt: false, ..outcome }
    }

    fn do_disconnect(&self, now: Duration) -> Outcome {
        let outcome = self.do_reset(now);
        self.memory.unmap_all();
        outcome
    }

    fn do_read_bar(
        &self,
        offset: u64,
        data: &mut [u8],
        now: Duration,
    ) -> Result<Outcome, OutOfBounds> {
        check(offset, data.len(), pci::BAR0_BYTES)?;
        let mut outcome = self.slow_answer(offset, data.len(), now);
        let mut at = offset as u32;
        let mut rest = data;
        while !rest.is_empty() {
            let skip = (at % 4) as usize;
            let n = rest.len().min(4 - skip);
            let (bytes, later) = rest.split_at_mut(n);
            let word = self.read_word(at & !3, now, &mut outcome);
            self.log_access("register read", at & !3, word);
            if self.trace.registers() {
                self.tell_register(false, at & !3, word, now);
            }
            bytes.copy_from_slice(&word.to_le_bytes()[skip..skip + n]);
            at += n as u32;
            rest = later;
        }
        Ok(outcome)
    }

    fn do_write_bar(
        &self,
        offset: u64,
        data: &[u8],
        now: Duration,
    ) -> Result<Outcome, OutOfBounds> {
        check(offset, data.len(), pci::BAR0_BYTES)?;
        let mut outcome = self.slow_answer(offset, data.len(), now);
        let at = offset as u32;
        let aligned = matches!(data.len(), 4 | 8) && at.is_multiple_of(data.len() as u32);
        if !aligned {
            return Ok(outcome.merge(self.ignored(at, "not an aligned 32- or 64-bit access")));
        }
        for (i, chunk) in data.chunks_exact(4).enumerate() {
            let word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            let at = at + i as u32 * 4;
            self.log_access("register written", at, word);
            if self.trace.registers() {
                self.tell_register(true, at, word, now);
            }
            outcome = outcome.merge(self.write_word(at, word, now));
        }
        Ok(outcome)
    }

    fn do_read_config(&self, offset: u64, data: &mut [u8]) -> Result<(), OutOfBounds> {
        check(offset, data.len(), pci::CONFIG_BYTES as u64)?;
        let level = lock(&self.pin).level();
        lock(&self.config).read(offset as usize, data, level);
        logging::config("configuration space read", offset, data);
        Ok(())
    }

    fn do_write_config(&self, offset: u64, data: &[u8]) -> Result<Outcome, OutOfBounds> {
        check(offset, data.len(), pci::CONFIG_BYTES as u64)?;
        logging::config("configuration space written", offset, data);
        let mut config = lock(&self.config);
        config.write(offset as usize, data);
        let command = config.command();
        drop(config);
        self.memory.set_master(command & pci::COMMAND_MASTER != 0);
        let disabled = command & pci::COMMAND_INTX_DISABLE != 0;
        let interrupt = lock(&self.pin).disable(disabled);
        Ok(Outcome { interrupt, ..Outcome::default() })
    }

    fn do_mask_interrupt(&self) {
        lock(&self.pin).mask();
    }

    fn do_unmask_interrupt(&self, now: Duration) -> Outcome {
        Outcome { interrupt: lock(&self.pin).unmask(now), ..Outcome::default() }
    }

    /// When to call [`Self::unmask_interrupt`] once more, if nothing happens: the level of an
    /// interrupt that a handler knows of has to be signalled again then ([`intx::PATIENCE`]).
    #[must_use]
    pub fn interrupt_due(&self) -> Option<Duration> {
        lock(&self.pin).due()
    }

    /// The earliest time at which [`Self::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let rings = self.rings.iter().filter_map(|ring| ring.lock().deadline());
        rings.chain(lock(&self.held).deadline()).min()
    }

    fn do_tick(&self, now: Duration) -> Outcome {
        let outcome = self.release_held(now, |_| false);
        (0..self.rings.len()).map(|n| self.tick_ring(n, now)).fold(outcome, Outcome::merge)
    }

    /// A snapshot of all counters.
    #[must_use]
    pub fn statistics(&self, now: Duration) -> stats::Statistics {
        // Each source once, the last are DECO 0's own jobs: so the sum is that of its parts while
        // jobs go on ending.
        let counts: Vec<Vec<OperationCount>> =
            (0..=MAX_RINGS).map(|source| self.counters.of_ring(source).collect()).collect();
        let all = counts[0].iter().enumerate().map(|(at, first)| OperationCount {
            jobs: counts.iter().map(|of| of[at].jobs).sum(),
            bytes: counts.iter().map(|of| of[at].bytes).sum(),
            ..*first
        });
        let rings = self.rings.iter().enumerate().map(|(n, ring)| {
            let operations = stats::operations(counts[n].iter().copied());
            stats::Ring::new(n, &ring.lock(), operations, now)
        });
        let (events, dropped) = self.trace.counts();
        stats::Statistics {
            version: stats::VERSION,
            soc: self.setup.soc.name.into(),
            decos: self.setup.decos,
            decos_busy: self.running.load(Ordering::Relaxed) as usize,
            uptime_ns: stats::nanoseconds(now),
            rings: rings.collect(),
            operations: stats::operations(all),
            interrupts: stats::Interrupts { raised: lock(&self.pin).raised },
            faults: stats::FaultList::new(&self.faults),
            failures: lock(&self.recent).iter().map(Failure::shown).collect(),
            trace: stats::Trace { on: self.trace.on(), events, dropped },
        }
    }
}

fn check(offset: u64, length: usize, size: u64) -> Result<(), OutOfBounds> {
    match offset.checked_add(length as u64) {
        Some(end) if end <= size => Ok(()),
        _ => Err(OutOfBounds { offset, length, size }),
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
