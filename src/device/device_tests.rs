//! The PCI function: BAR accesses and register pages here; rings, interrupts, configuration
//! space and reset in the submodules.

#[path = "device_tests/direct.rs"]
mod deco0;
#[path = "device_tests/faults.rs"]
mod faults;
#[path = "device_tests/function.rs"]
mod function;
#[path = "device_tests/rings.rs"]
mod rings;

use super::*;

use crate::descriptors::deco::Report;
use crate::descriptors::status::JobStatus;
use crate::jobring::fake_driver::{NARROW, Port, WIDE, WIDE_HIGH_FIRST};
use crate::jobring::registers::{MAP, Register};
use crate::jobring::{Effects, TakenJob};
use crate::memory::{Access, DmaError, Purpose};
use soc::SocProfile;
use std::fs::File;
use std::os::unix::fs::FileExt;

impl Job {
    /// The ring a ring job came from.
    fn ring(&self) -> usize {
        match self {
            Self::Ring { ring, .. } => *ring,
            Self::Direct(_) => panic!("a ring job expected"),
        }
    }

    fn taken(&self) -> &TakenJob {
        match self {
            Self::Ring { taken, .. } => taken,
            Self::Direct(_) => panic!("a ring job expected"),
        }
    }
}

const BAR: u64 = pci::BAR0_BYTES;
/// Guest memory of a [`Rig`]: 1 MiB.
const RAM: u64 = 0x4000_0000;
const RAM_BYTES: u64 = 0x10_0000;

/// A device with bus mastering on and guest memory.
pub(super) struct Rig {
    pub device: Device,
    file: File,
    pub now: Duration,
}

impl Rig {
    pub fn new(soc: &'static SocProfile, rings: usize) -> Self {
        let device = Device::new(
            Setup { soc, rings, decos: 2, fault_seed: 0 },
            Secrets { seed: Some(1), master_key: None },
        )
        .expect("a seeded device needs no entropy");
        let file = tempfile::tempfile().unwrap();
        file.set_len(RAM_BYTES).unwrap();
        let rig = Self { device, file, now: Duration::ZERO };
        rig.map();
        rig.enable();
        rig
    }

    fn map(&self) {
        let file = (self.file.try_clone().unwrap(), 0);
        self.device.memory.map(RAM, RAM_BYTES, true, true, Some(file)).unwrap();
    }

    /// COMMAND: memory space and bus master.
    fn enable(&self) {
        self.device.write_config(4, &[6, 0]).unwrap();
    }

    pub fn read32(&self, offset: u64) -> u32 {
        let mut word = [0; 4];
        self.device.read_bar(offset, &mut word, self.now).unwrap();
        u32::from_le_bytes(word)
    }

    fn read64(&self, offset: u64) -> u64 {
        let mut word = [0; 8];
        self.device.read_bar(offset, &mut word, self.now).unwrap();
        u64::from_le_bytes(word)
    }

    fn write32(&self, offset: u64, value: u32) -> Outcome {
        self.device.write_bar(offset, &value.to_le_bytes(), self.now).unwrap()
    }

    fn write64(&self, offset: u64, value: u64) -> Outcome {
        self.device.write_bar(offset, &value.to_le_bytes(), self.now).unwrap()
    }

    fn image(&self) -> Vec<u8> {
        let mut image = vec![0xee; BAR as usize];
        self.device.read_bar(0, &mut image, self.now).unwrap();
        image
    }

    pub fn ring(&self, n: usize) -> RingPort<'_> {
        RingPort { rig: self, n }
    }

    /// Ends a job with this status.
    pub fn complete(&self, job: &Job, status: u32) -> Outcome {
        self.complete_with(job, &report(status))
    }

    pub fn complete_with(&self, job: &Job, report: &Report) -> Outcome {
        self.device.complete_job(job.clone(), *report, self.now)
    }
}

pub(super) fn report(status: u32) -> Report {
    Report::of_status(JobStatus(status))
}

/// One ring as its driver sees it, through the BAR and the file.
pub(super) struct RingPort<'a> {
    rig: &'a Rig,
    n: usize,
}

/// Offset of a ring's register in the BAR.
fn at(ring: usize, register: Register) -> u64 {
    let (offset, ..) = MAP.iter().find(|(_, r, _)| *r == register).unwrap();
    0x1000 * (ring as u64 + 1) + u64::from(*offset)
}

impl RingPort<'_> {
    fn outcome(&self, register: Register, value: u32) -> Outcome {
        self.rig.write32(at(self.n, register), value)
    }
    pub fn input(&self) -> u64 {
        RAM + self.n as u64 * 0x1_0000
    }
    pub fn output(&self) -> u64 {
        self.input() + 0x8000
    }
    /// Bases and sizes.
    pub fn set_up(&mut self, size: u32) {
        let soc = self.rig.device.setup().soc;
        for (register, base) in
            [(Register::Irbar0, self.input()), (Register::Orbar0, self.output())]
        {
            let (at0, at4) = soc.split(base);
            self.rig.write64(at(self.n, register), u64::from(at4) << 32 | u64::from(at0));
        }
        self.write(Register::Irsr, size);
        self.write(Register::Orsr, size);
    }
    /// Adds `count` jobs in the first slots; their addresses are 4, 8, ...
    pub fn add(&mut self, count: u32) -> Outcome {
        for i in 0..count {
            self.poke(self.input() + u64::from(i) * 4, &(4 * (i + 1)).to_le_bytes());
        }
        self.outcome(Register::Irjar, count)
    }
}

impl Port for RingPort<'_> {
    fn read(&self, register: Register) -> u32 {
        self.rig.read32(at(self.n, register))
    }
    fn write(&mut self, register: Register, value: u32) -> Effects {
        let outcome = self.outcome(register, value);
        Effects { doorbell: outcome.doorbell, timer: outcome.timer }
    }
    fn peek(&self, address: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.rig.file.read_exact_at(&mut bytes, address - RAM).unwrap();
        bytes
    }
    fn poke(&mut self, address: u64, bytes: &[u8]) {
        self.rig.file.write_all_at(bytes, address - RAM).unwrap();
    }
}

#[test]
fn the_bar_has_bounds() {
    let rig = Rig::new(&NARROW, 4);
    for (offset, length, inside) in [
        (0, 0, true),
        (0, 1, true),
        (0, 0x1_0000, true),
        (BAR - 1, 1, true),
        (BAR - 8, 8, true),
        (BAR, 0, true),
        (BAR, 1, false),
        (BAR - 1, 2, false),
        (BAR - 4, 8, false),
        (0, 0x1_0001, false),
        (BAR + 1, 0, false),
        (1 << 32, 4, false),
        (u64::MAX, 0, false),
        (u64::MAX, 1, false),
        (u64::MAX - 3, 4, false),
        (u64::MAX - 2, 4, false),
    ] {
        let expected = OutOfBounds { offset, length, size: BAR };
        let read = rig.device.read_bar(offset, &mut vec![0; length], rig.now).map(|_| ());
        let write = rig.device.write_bar(offset, &vec![0; length], rig.now).map(|_| ());
        assert_eq!(read.is_ok(), inside, "{offset:#x}+{length}");
        assert_eq!(write.is_ok(), inside, "{offset:#x}+{length}");
        if !inside {
            assert_eq!((read.unwrap_err(), write.unwrap_err()), (expected, expected));
        }
    }
}

#[test]
fn reads_of_any_width_and_alignment_are_the_bytes_of_the_words() {
    let rig = Rig::new(&NARROW, 2);
    rig.ring(0).set_up(80);
    rig.ring(1).set_up(16);
    rig.write32(0x010, 0x1234_5678);
    rig.device.counters.dequeued(0);
    let image = rig.image();
    for offset in (0..BAR).step_by(4) {
        let word = u32::from_le_bytes(image[offset as usize..][..4].try_into().unwrap());
        assert_eq!(rig.read32(offset), word, "{offset:#x}");
    }
    for (start, end) in [(0, 0x130), (0xe70, 0x1080), (0x1e80, 0x2010), (0xfe00, 0x1_0000)] {
        for offset in start..end {
            for length in [1, 2, 3, 4, 5, 7, 8, 12, 16, 31] {
                if offset + length > BAR as usize {
                    continue;
                }
                let mut data = vec![0xee; length];
                rig.device.read_bar(offset as u64, &mut data, rig.now).unwrap();
                assert_eq!(data, image[offset..offset + length], "{offset:#x}+{length}");
            }
        }
    }
}

#[test]
fn reading_changes_nothing() {
    let rig = Rig::new(&NARROW, 2);
    let mut ring = rig.ring(0);
    ring.set_up(8);
    ring.add(2);
    let (job, _) = rig.device.take_job(rig.now);
    rig.complete(&job.unwrap(), 7);
    assert_eq!(rig.image(), rig.image());
}

#[test]
fn writes_that_are_not_aligned_words_are_ignored() {
    let rig = Rig::new(&NARROW, 2);
    rig.ring(0).set_up(8);
    let before = rig.image();
    for start in [0x008, 0x010, 0x1000, 0x1008, 0x1018, 0x1050] {
        for skew in 0..8 {
            for length in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 32] {
                let at = start + skew;
                let aligned = (length == 4 && at % 4 == 0) || (length == 8 && at % 8 == 0);
                if aligned {
                    continue;
                }
                let outcome = rig.device.write_bar(at, &vec![0xff; length], rig.now).unwrap();
                assert_eq!(outcome, Outcome::default());
            }
            assert!(rig.image() == before, "{start:#x}+{skew}");
        }
    }
}

#[test]
fn an_8_byte_write_is_two_words() {
    let rig = Rig::new(&NARROW, 2);
    rig.write64(0x010, 0x1111_2222_3333_4444);
    assert_eq!((rig.read32(0x010), rig.read32(0x014)), (0x3333_4444, 0x1111_2222));
    assert_eq!(rig.read64(0x010), 0x1111_2222_3333_4444);
    // The word in front of IRSR is a gap.
    rig.write64(0x1008, 7 << 32 | 0xffff);
    assert_eq!((rig.read32(0x1008), rig.read32(0x100c)), (0, 7));
}

#[test]
fn ring_bases_are_written_at_once_or_in_halves_in_either_order() {
    for soc in [&NARROW, &WIDE, &WIDE_HIGH_FIRST] {
        let base = 0x12_3456_7890;
        let (at0, at4) = soc.split(base);
        let both = u64::from(at4) << 32 | u64::from(at0);
        for register in [Register::Irbar0, Register::Orbar0] {
            let offset = at(0, register);
            let ways: [fn(&Rig, u64, u32, u32); 3] = [
                |rig, offset, at0, at4| {
                    rig.write64(offset, u64::from(at4) << 32 | u64::from(at0));
                },
                |rig, offset, at0, at4| {
                    rig.write32(offset, at0);
                    rig.write32(offset + 4, at4);
                },
                |rig, offset, at0, at4| {
                    rig.write32(offset + 4, at4);
                    rig.write32(offset, at0);
                },
            ];
            for write in ways {
                let rig = Rig::new(soc, 1);
                write(&rig, offset, at0, at4);
                assert_eq!(rig.read64(offset), both);
                assert_eq!((rig.read32(offset), rig.read32(offset + 4)), (at0, at4));
                assert_eq!(rig.ring(0).read(Register::Jrintr), 0);
            }
        }
    }
}

#[test]
fn counters_are_read_at_once_or_in_halves_on_every_page() {
    let rig = Rig::new(&NARROW, 2);
    let bytes = 0x5_0000_0007;
    rig.device.counters.dequeued(0);
    let work = crate::descriptors::ccb::work::Work::AesCbc;
    let operations = [Some((work, crate::crypto::Direction::Encrypt, bytes)), None];
    rig.device.counters.finished(Some(0), &Report { operations, ..report(0) });
    for page in [0, 1, 2, 3, 4, 6, 7, 8, 15] {
        let base = page * 0x1000;
        assert_eq!(rig.read64(base + 0xf00), 1);
        assert_eq!(rig.read64(base + 0xf18), bytes);
        assert_eq!((rig.read32(base + 0xf18), rig.read32(base + 0xf1c)), (7, 5));
    }
}

#[test]
fn the_version_window_is_in_every_page_of_caam() {
    for rings in 1..=4 {
        let rig = Rig::new(&NARROW, rings);
        let image = rig.image();
        let window = |page: usize| &image[page * 0x1000 + 0xe80..(page + 1) * 0x1000];
        assert_ne!(window(0), [0; 0x180]);
        for page in (1..16).filter(|page| *page != 5) {
            assert!(window(page) == window(0), "page {page} of a device with {rings} rings");
        }
        assert_eq!(image[0x5000..0x6000], [0; 0x1000], "there is no block 5");
        // Linux reads CHANUM_LS through jr[0], whose ring may be another world's.
        assert_eq!(rig.read32(0x4ff4), rig.read32(0xff4));
    }
}

#[test]
fn absent_rings_have_no_registers() {
    let rig = Rig::new(&NARROW, 2);
    let before = rig.image();
    for ring in 2..4 {
        for (_, register, name) in MAP {
            assert_eq!(rig.write32(at(ring, *register), 4), Outcome::default());
            assert_eq!(rig.read32(at(ring, *register)), 0, "{name}");
        }
    }
    assert_eq!(rig.image(), before);
}

#[test]
fn writes_where_nothing_can_be_written_change_nothing() {
    let rig = Rig::new(&NARROW, 2);
    let before = rig.image();
    let known = |offset: u64| {
        let within = (offset % 0x1000) as u32;
        match offset / 0x1000 {
            0 => [ctrl::TABLE, rng4::TABLE].iter().any(|t| t.iter().any(|d| d.offset == within)),
            1 | 2 => jobring::registers::at(within).is_some(),
            _ => false,
        }
    };
    for offset in (0..BAR).step_by(4).filter(|o| !known(*o)) {
        assert_eq!(rig.write32(offset, u32::MAX), Outcome::default());
    }
    assert!(rig.image() == before);
}

#[test]
fn ctrl_registers_hold_their_writable_bits() {
    for definition in ctrl::TABLE {
        // These have behaviour, and tests, of their own.
        if [ctrl::MCFGR, ctrl::SCFGR, ctrl::DECORSR, ctrl::DECORR].contains(&definition.offset) {
            continue;
        }
        let rig = Rig::new(&NARROW, 1);
        let at = u64::from(definition.offset);
        assert_eq!(rig.read32(at), definition.reset, "{}", definition.name);
        rig.write32(at, u32::MAX);
        let ones = definition.reset | definition.writable;
        assert_eq!(rig.read32(at), ones, "{}", definition.name);
        rig.write32(at, 0);
        assert_eq!(rig.read32(at), definition.reset & !definition.writable, "{}", definition.name);
    }
}

#[test]
fn jrstart_takes_what_linux_and_u_boot_write() {
    let rig = Rig::new(&NARROW, 4);
    for value in [0xf, 1, 8, 0] {
        rig.write32(0x5c, value);
        assert_eq!(rig.read32(0x5c), value);
    }
    rig.write32(0x5c, u32::MAX);
    assert_eq!(rig.read32(0x5c), 0xf);
}

#[test]
fn mcfgr_keeps_what_drivers_set_and_its_reset_bits_clear_themselves() {
    let rig = Rig::new(&NARROW, 1);
    let at = u64::from(ctrl::MCFGR);
    assert_eq!(rig.read32(at), 0x0008_2300);
    // Linux: WDE, LARGE_BURST, AWCACHE = 3.
    let value = 1 << 30 | 1 << 2 | 3 << 8;
    rig.write32(at, value);
    assert_eq!(rig.read32(at), value);
    // DMA_RST: U-Boot polls until it reads 0.
    rig.write32(at, value | ctrl::MCFGR_DMA_RST);
    assert_eq!(rig.read32(at), value);
    // PS is fixed: pointers have 32 bits here.
    rig.write32(at, value | 1 << 16);
    assert_eq!(rig.read32(at), value);
    rig.write32(at, value | ctrl::MCFGR_SWRST);
    assert_eq!(rig.read32(at), 0x0008_2300);
}

#[test]
fn who_has_read_why_is_given_time_to_lower_the_line() {
    let mut rig = Rig::new(&NARROW, 2);
    let raised = |rig: &Rig| rig.device.statistics(rig.now).interrupts.raised;
    for n in 0..2 {
        rig.ring(n).set_up(8);
        rig.ring(n).add(1);
    }
    for _ in 0..2 {
        let (job, _) = rig.device.take_job(rig.now);
        rig.complete(&job.unwrap(), 0);
    }
    assert_eq!(raised(&rig), 1, "both rings by one pin");
    // The handler of ring 0 reads JRINTR; ring 1's has not been called yet.
    assert_eq!(rig.ring(0).read(Register::Jrintr), 1);
    assert!(rig.device.unmask_interrupt(rig.now).interrupt, "ring 1's comes at once");
    assert_eq!(rig.ring(1).read(Register::Jrintr), 1);
    assert!(!rig.device.unmask_interrupt(rig.now).interrupt, "both are at work");
    let due = rig.now + intx::PATIENCE;
    assert_eq!(rig.device.interrupt_due(), Some(due));
    rig.ring(1).write(Register::Jrintr, 1);
    rig.ring(1).write(Register::Orjrr, 1);
    assert_eq!(rig.device.interrupt_due(), Some(due), "ring 0's line is up");
    rig.now = due;
    assert!(rig.device.unmask_interrupt(rig.now).interrupt, "it has had its time");
    // A JRINTR of 0 tells nobody of an interrupt.
    assert_eq!(rig.ring(1).read(Register::Jrintr), 0);
    assert!(rig.device.unmask_interrupt(rig.now).interrupt);
    assert_eq!(raised(&rig), 4);
}

#[test]
fn swrst_resets_the_core_and_not_the_function() {
    let rig = Rig::new(&NARROW, 2);
    rig.write32(u64::from(ctrl::SCFGR), 3);
    rig.write32(0x010, 99);
    for n in 0..2 {
        rig.ring(n).set_up(8);
        rig.ring(n).add(2);
    }
    let (job, _) = rig.device.take_job(rig.now);
    let job = job.unwrap();
    let (other, _) = rig.device.take_job(rig.now);
    let (purpose, access) = (Purpose::Input, Access::Read);
    let error = DmaError { purpose, address: 0xbad, length: 4, access };
    rig.complete_with(&other.unwrap(), &Report { dma_error: Some(error), ..report(1) });
    assert_ne!(rig.read32(0xfcc), 0);
    assert!(rig.device.statistics(rig.now).interrupts.raised == 1);
    rig.write32(u64::from(ctrl::MCFGR), ctrl::MCFGR_SWRST);
    assert_eq!((rig.read32(0x00c), rig.read32(0x010)), (0, 0));
    assert_eq!((rig.read32(0xfc0), rig.read32(0xfcc)), (0, 0), "the fault is forgotten");
    for n in 0..2 {
        for (_, register, name) in MAP {
            assert_eq!(rig.ring(n).read(*register), 0, "{name}");
        }
    }
    let mut config = [0; 8];
    rig.device.read_config(0, &mut config).unwrap();
    assert_eq!(config[4..6], [6, 0], "COMMAND stays");
    assert_eq!(config[6], 0, "no ring asserts the pin any more");
    assert_eq!(rig.device.memory.len(), 1, "memory stays mapped");
    // The job that was running has nowhere to go, and the ring works again.
    rig.complete(&job, 0);
    assert_eq!(rig.ring(job.ring()).read(Register::Orsfr), 0);
    rig.ring(0).set_up(8);
    rig.ring(0).add(1);
    let (job, _) = rig.device.take_job(rig.now);
    rig.complete(&job.unwrap(), 0);
    assert_eq!(rig.ring(0).read(Register::Orsfr), 1);
}

#[test]
fn scfgr_bits_stay_where_they_are_sticky() {
    let rig = Rig::new(&NARROW, 1);
    let at = u64::from(ctrl::SCFGR);
    rig.write32(at, 1);
    rig.write32(at, 0);
    assert_eq!(rig.read32(at), 1, "PRIBLOB can be set, not cleared");
    rig.write32(at, 1 << 10 | 2);
    assert_eq!(rig.read32(at), 1 << 10 | 3, "RDB, which Linux sets");
    rig.write32(at, 0);
    assert_eq!(rig.read32(at), 3, "RDB is an ordinary bit");
    rig.write32(at, 1 << 9);
    rig.write32(at, 0);
    assert_eq!(rig.read32(at), 1 << 9 | 3, "RNGSH0 is sticky");
    rig.write32(u64::from(ctrl::MCFGR), ctrl::MCFGR_SWRST);
    assert_eq!(rig.read32(at), 0);
}

/// Linux `ctrl.c`, `run_descriptor_deco0`: both registers are polled, then given back with
/// read-modify-writes.
#[test]
fn deco_0_is_requested_and_released_as_linux_does_it() {
    let rig = Rig::new(&NARROW, 1);
    let (rsr, rr) = (u64::from(ctrl::DECORSR), u64::from(ctrl::DECORR));
    let set = |at, bit: u32| rig.write32(at, rig.read32(at) | bit);
    let clear = |at, bit: u32| rig.write32(at, rig.read32(at) & !bit);
    for _ in 0..3 {
        assert_eq!((rig.read32(rsr), rig.read32(rr)), (0, 0));
        set(rsr, 1);
        assert_eq!(rig.read32(rsr), 1 | ctrl::DECORSR_VALID);
        set(rr, ctrl::DECORR_RQD0);
        assert_eq!(rig.read32(rr), ctrl::DECORR_RQD0 | ctrl::DECORR_DEN0);
        clear(rr, ctrl::DECORR_RQD0);
        assert_eq!(rig.read32(rr), 0);
        clear(rsr, 1);
    }
    // VALID and DEN0 are the hardware's.
    rig.write32(rsr, ctrl::DECORSR_VALID);
    rig.write32(rr, ctrl::DECORR_DEN0);
    assert_eq!((rig.read32(rsr), rig.read32(rr)), (0, 0));
}

#[test]
fn linux_s_endianness_probe_finds_a_little_endian_part() {
    let rig = Rig::new(&NARROW, 1);
    // `caam_probe`: reads CSTA little-endian; either bit would mean big-endian.
    let csta = rig.read32(0xfd4);
    assert_eq!(csta & (1 << 10 | 1 << 18), 0);
    assert_eq!(csta & 3, 2, "idle");
    rig.ring(0).set_up(4);
    rig.ring(0).add(1);
    assert_eq!(rig.read32(0xfd4) & 3, 2, "added, not running");
    let (job, _) = rig.device.take_job(rig.now);
    assert_eq!(rig.read32(0xfd4) & 3, 1, "busy");
    assert_eq!(rig.read32(0x8fd4) & 3, 1, "in the DECO's page too");
    rig.complete(&job.unwrap(), 0);
    assert_eq!(rig.read32(0xfd4) & 3, 2);
}

#[test]
fn the_first_lines_of_a_kind_are_logged_and_then_ever_fewer() {
    assert!((0..32).all(worth_a_line));
    let logged = (32..1 << 20).filter(|n| worth_a_line(*n)).count();
    assert_eq!(logged, 15, "the powers of two from 32 on");
    assert!(!worth_a_line(33) && worth_a_line(1 << 63) && !worth_a_line(u64::MAX));
}

#[test]
fn impossible_setups_panic() {
    for (rings, decos) in [(0, 1), (5, 1), (1, 0), (1, 16)] {
        let made = std::panic::catch_unwind(|| {
            Device::new(Setup { soc: &NARROW, rings, decos, fault_seed: 0 }, Secrets::default())
        });
        assert!(made.is_err(), "{rings} rings, {decos} DECOs");
    }
}
