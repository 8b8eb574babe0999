//! A driver for tests: keeps its own indices and counts as the real ones do, and asserts what
//! they would die of.
//!
//! The rules are those of Linux 6.1 `jr.c` ([`Kind::Linux`]), of the 2015 driver, Linux 4.1
//! ([`Kind::Linux2015`]), U-Boot `jr.c`, OP-TEE `caam_jr.c`, DPDK `caam_jr` and mcux
//! `fsl_caam.c`. It reaches the ring through [`Port`], so that it drives a bare
//! [`JobRing`](super::JobRing) as well as a whole device.

use super::registers::{
    JRCFGR_IMSK, JRCR_RESET,
    Register::{self, *},
};
use super::{Effects, JobResult, JobRing, TakenJob};
use crate::descriptors::status::JobStatus;
use crate::device::soc::{PointerSize, SocProfile, VIRT_ERA9};
use crate::memory::flat::FlatMemory;
use crate::memory::{Access, DmaError, GuestMemory, Purpose};
use std::cell::Cell;
use std::time::Duration;

/// Where the tests' RAM begins; 256 KiB.
pub const RAM: u64 = 0x4000_0000;
/// The input ring of a [`Bench`].
pub const INPUT: u64 = RAM;
/// The output ring of a [`Bench`].
pub const OUTPUT: u64 = RAM + 0x1_0000;
/// Descriptor addresses begin there. Nobody reads them.
pub const DESCRIPTORS: u64 = 0x1000;

/// 64-bit pointers, low word first, as on Layerscape.
pub static WIDE: SocProfile = SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA9 };
/// 64-bit pointers, high word first, as on i.MX.
pub static WIDE_HIGH_FIRST: SocProfile = SocProfile { high_word_first: true, ..WIDE };
/// The default profile, as a static.
pub static NARROW: SocProfile = VIRT_ERA9;

/// RAM that can be taken away.
#[derive(Debug)]
pub struct Ram {
    /// The bytes.
    pub flat: FlatMemory,
    /// Whether reads reach it.
    pub readable: Cell<bool>,
    /// Whether writes reach it.
    pub writable: Cell<bool>,
    /// Writes that reached it.
    pub writes: Cell<u64>,
    /// Whether somebody has to be asked for it.
    pub asked: Cell<bool>,
}

impl Ram {
    pub fn new() -> Self {
        Self {
            flat: FlatMemory::new(RAM, 0x4_0000),
            readable: Cell::new(true),
            writable: Cell::new(true),
            writes: Cell::new(0),
            asked: Cell::new(false),
        }
    }
}

impl GuestMemory for Ram {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        if !self.readable.get() {
            let (length, access) = (buf.len(), Access::Read);
            return Err(DmaError { purpose, address, length, access });
        }
        self.flat.read(purpose, address, buf)
    }
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        self.writable(purpose, address, buf.len())?;
        self.writes.set(self.writes.get() + 1);
        self.flat.write(purpose, address, buf)
    }
    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        if self.readable.get() { self.flat.read_available(purpose, address, buf) } else { 0 }
    }
    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        if !self.writable.get() {
            return Err(DmaError { purpose, address, length, access: Access::Write });
        }
        self.flat.writable(purpose, address, length)
    }
    fn waits(&self, _: u64, _: usize) -> bool {
        self.asked.get()
    }
}

/// How a driver reaches its ring and its RAM.
pub trait Port {
    fn read(&self, register: Register) -> u32;
    fn write(&mut self, register: Register, value: u32) -> Effects;
    fn peek(&self, address: u64, len: usize) -> Vec<u8>;
    fn poke(&mut self, address: u64, bytes: &[u8]);
}

/// A ring alone, with RAM and a clock.
#[derive(Debug)]
pub struct Bench {
    pub ring: JobRing,
    pub ram: Ram,
    pub now: Duration,
    pub soc: &'static SocProfile,
}

impl Bench {
    /// In the reset state.
    pub fn new(soc: &'static SocProfile) -> Self {
        Self { ring: JobRing::new(0, soc), ram: Ram::new(), now: Duration::ZERO, soc }
    }

    /// Set up with rings of these sizes.
    pub fn with_sizes(soc: &'static SocProfile, input: u32, output: u32) -> Self {
        let mut bench = Self::new(soc);
        bench.set_up(input, output);
        bench
    }

    /// Programs bases and sizes as Linux `caam_jr_init` does.
    pub fn set_up(&mut self, input: u32, output: u32) {
        let soc = self.soc;
        let (at0, at4) = soc.split(INPUT);
        self.write(Irbar0, at0);
        self.write(Irbar4, at4);
        let (at0, at4) = soc.split(OUTPUT);
        self.write(Orbar0, at0);
        self.write(Orbar4, at4);
        self.write(Irsr, input);
        self.write(Orsr, output);
    }

    /// Puts a descriptor address in an input slot.
    pub fn slot(&mut self, index: u32, descriptor: u64) {
        let size = self.soc.pointer.bytes();
        let (at0, at4) = self.soc.split(descriptor);
        let words = if size == 4 { [descriptor as u32, 0] } else { [at0, at4] };
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).take(size).collect();
        self.ram.flat.poke(INPUT + u64::from(index) * size as u64, &bytes);
    }

    /// Adds jobs `descriptors` from input slot `first` on, each with an IRJAR of its own.
    pub fn add(&mut self, first: u32, descriptors: &[u64]) {
        for (i, d) in descriptors.iter().enumerate() {
            self.slot(first + i as u32, *d);
            assert!(self.write(Irjar, 1).doorbell);
        }
    }

    pub fn take(&mut self) -> Option<TakenJob> {
        self.ring.take(&self.ram, self.now)
    }

    pub fn complete(&mut self, job: &TakenJob, status: u32) -> Effects {
        let result = JobResult::new(JobStatus(status), 0);
        self.ring.complete(job, result, &self.ram, self.now)
    }

    /// Takes and completes one job.
    pub fn run_one(&mut self, status: u32) {
        let job = self.take().expect("a job is ready");
        self.complete(&job, status);
    }

    /// Descriptor and status of the output entry `index`.
    pub fn entry(&self, index: u32) -> (u64, u32) {
        let pointer = self.soc.pointer.bytes();
        let bytes = self.ram.flat.peek(OUTPUT + u64::from(index) * (pointer as u64 + 4), 12);
        let status = bytes[pointer..pointer + 4].try_into().unwrap();
        (self.soc.pointer_from_bytes(&bytes), u32::from_le_bytes(status))
    }

    /// JRINTR's error type, and whether JRE is set.
    pub fn error(&self) -> Option<u32> {
        let jrintr = self.read(Jrintr);
        (jrintr & 2 != 0).then_some(jrintr >> 8 & 0x1f)
    }

    /// JRINTR's halt field.
    pub fn halt(&self) -> u32 {
        self.read(Jrintr) >> 2 & 3
    }
}

impl Port for Bench {
    fn read(&self, register: Register) -> u32 {
        self.ring.read_register(register)
    }
    fn write(&mut self, register: Register, value: u32) -> Effects {
        self.ring.write_register(register, value, &self.ram, self.now)
    }
    fn peek(&self, address: u64, len: usize) -> Vec<u8> {
        self.ram.flat.peek(address, len)
    }
    fn poke(&mut self, address: u64, bytes: &[u8]) {
        self.ram.flat.poke(address, bytes);
    }
}

/// Whose habits a [`FakeDriver`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 6.1: IRSAR cached, read again when the cache is used up.
    Linux,
    /// 4.1: IRSAR read at every enqueue.
    Linux2015,
    /// Never reads IRSAR, polls ORSFR.
    UBoot,
    /// Waits for IRSAR before it adds, acknowledges JRI after it polled.
    OpTee,
    /// Removes what it found with one ORJRR.
    Dpdk,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Linux, Self::Linux2015, Self::UBoot, Self::OpTee, Self::Dpdk];

    fn takes_interrupts(self) -> bool {
        matches!(self, Self::Linux | Self::Linux2015)
    }
}

/// Why an enqueue was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The driver's own ring has no room: Linux says -ENOSPC, the 2015 driver -EBUSY.
    OwnRing,
    /// The device said, or is believed to have said, that no input slot is free.
    NoSlot,
}

/// See the module.
#[derive(Debug)]
pub struct FakeDriver {
    kind: Kind,
    soc: &'static SocProfile,
    depth: u32,
    input: u64,
    output: u64,
    /// Software's ring of jobs: `head` is where the next goes, `tail` the oldest not finished.
    head: u32,
    tail: u32,
    /// Descriptor addresses; 0: finished, out of order.
    jobs: Vec<u64>,
    /// `inpring_avail` of Linux.
    free_slots: u32,
    read_index: u32,
    next: u64,
    /// Jobs finished, with their status.
    pub finished: Vec<(u64, u32)>,
    /// Jobs accepted.
    pub accepted: u64,
    /// What IRSAR said whenever it was read.
    pub slots_seen: Vec<u32>,
}

impl FakeDriver {
    /// With rings of `depth` entries at `input` and `output`; the device's side is set up by
    /// [`Self::initialise`].
    pub fn new(kind: Kind, soc: &'static SocProfile, depth: u32, input: u64, output: u64) -> Self {
        Self {
            kind,
            soc,
            depth,
            input,
            output,
            head: 0,
            tail: 0,
            jobs: vec![0; depth as usize],
            free_slots: depth,
            read_index: 0,
            next: DESCRIPTORS,
            finished: Vec::new(),
            accepted: 0,
            slots_seen: Vec::new(),
        }
    }

    /// Flush, reset, and set-up, as `caam_reset_hw_jr` and `caam_jr_init`. Asserts that both
    /// steps end at once, which they do when no job is in flight.
    pub fn initialise(&mut self, port: &mut impl Port) {
        let mask = port.read(JrcfgrLs) | JRCFGR_IMSK;
        port.write(JrcfgrLs, mask);
        port.write(Jrcr, JRCR_RESET);
        assert_eq!(port.read(Jrintr) & 0xc, 8, "failed to flush job ring");
        port.write(Jrcr, JRCR_RESET);
        assert_eq!(port.read(Jrcr) & JRCR_RESET, 0, "failed to reset job ring");
        port.write(JrcfgrLs, 0);
        let (at0, at4) = self.soc.split(self.input);
        port.write(Irbar0, at0);
        port.write(Irbar4, at4);
        let (at0, at4) = self.soc.split(self.output);
        port.write(Orbar0, at0);
        port.write(Orbar4, at4);
        port.write(Irsr, self.depth);
        port.write(Orsr, self.depth);
        (self.head, self.tail, self.read_index) = (0, 0, 0);
        self.jobs.fill(0);
        self.free_slots = self.depth;
    }

    /// Jobs between tail and head.
    pub fn outstanding(&self) -> u32 {
        (self.head + self.depth - self.tail) % self.depth
    }

    fn irsar(&mut self, port: &impl Port) -> u32 {
        let free = port.read(Irsar);
        self.slots_seen.push(free);
        free
    }

    fn entry_in(&self) -> u64 {
        self.soc.pointer.bytes() as u64
    }

    /// Adds a job; its descriptor address is made up.
    pub fn enqueue(&mut self, port: &mut impl Port) -> Result<u64, Refused> {
        // CIRC_SPACE keeps one entry free.
        let room = self.outstanding() + 1 < self.depth;
        let free = match self.kind {
            Kind::Linux => self.free_slots,
            Kind::Linux2015 | Kind::OpTee => self.irsar(port),
            Kind::UBoot | Kind::Dpdk => 1,
        };
        if free == 0 {
            return Err(Refused::NoSlot);
        }
        if !room {
            return Err(Refused::OwnRing);
        }
        let descriptor = self.next;
        self.next += 64;
        self.jobs[self.head as usize] = descriptor;
        let (at0, at4) = self.soc.split(descriptor);
        let at = self.input + u64::from(self.head) * self.entry_in();
        if self.entry_in() == 4 {
            port.poke(at, &(descriptor as u32).to_le_bytes());
        } else {
            port.poke(at, &at0.to_le_bytes());
            port.poke(at + 4, &at4.to_le_bytes());
        }
        self.head = (self.head + 1) % self.depth;
        port.write(Irjar, 1);
        self.accepted += 1;
        if self.kind == Kind::Linux {
            self.free_slots -= 1;
            if self.free_slots == 0 {
                self.free_slots = self.irsar(port);
            }
        }
        Ok(descriptor)
    }

    /// Takes one output entry and finishes its job.
    fn finish_one(&mut self, port: &impl Port) {
        let pointer = self.entry_in() as usize;
        let at = self.output + u64::from(self.read_index) * (pointer as u64 + 4);
        let entry = port.peek(at, pointer + 4);
        let descriptor = self.soc.pointer_from_bytes(&entry);
        let status = u32::from_le_bytes(entry[pointer..].try_into().unwrap());
        let found = (0..self.outstanding())
            .map(|i| (self.tail + i) % self.depth)
            .find(|i| self.jobs[*i as usize] == descriptor);
        let index = found.expect("BUG: an output entry that no job of ours is waiting for");
        assert_ne!(descriptor, 0, "BUG: an output entry that was never written");
        self.jobs[index as usize] = 0;
        self.finished.push((descriptor, status));
        self.read_index = (self.read_index + 1) % self.depth;
        while self.outstanding() > 0 && self.jobs[self.tail as usize] == 0 {
            self.tail = (self.tail + 1) % self.depth;
        }
    }

    /// Dequeues until ORSFR says 0, at most `limit` jobs.
    pub fn dequeue(&mut self, port: &mut impl Port, limit: usize) {
        let mut left = limit;
        loop {
            let waiting = (port.read(Orsfr) as usize).min(left);
            if waiting == 0 {
                return;
            }
            left -= waiting;
            for _ in 0..waiting {
                self.finish_one(port);
                if self.kind != Kind::Dpdk {
                    port.write(Orjrr, 1);
                }
            }
            if self.kind == Kind::Dpdk {
                port.write(Orjrr, waiting as u32);
            }
            if self.kind == Kind::OpTee && port.read(Jrintr) & 1 != 0 {
                port.write(Jrintr, 1);
            }
        }
    }

    /// What the driver does when it may: on an interrupt for Linux, whenever for the others.
    pub fn service(&mut self, port: &mut impl Port, line: bool, limit: usize) {
        if !self.kind.takes_interrupts() {
            return self.dequeue(port, limit);
        }
        if !line {
            return;
        }
        // caam_jr_interrupt
        let state = port.read(Jrintr);
        assert_ne!(state & 3, 0, "the line is up and JRINTR says nothing: IRQ_NONE");
        assert_eq!(state & 2, 0, "BUG: job ring error {state:#x}");
        let config = port.read(JrcfgrLs);
        port.write(JrcfgrLs, config | JRCFGR_IMSK);
        port.write(Jrintr, state);
        // caam_jr_dequeue
        self.dequeue(port, limit);
        port.write(JrcfgrLs, config & !JRCFGR_IMSK);
    }
}
