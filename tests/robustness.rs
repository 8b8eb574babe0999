//! Whatever a guest puts into its memory: a job ends, without a panic, within its budget, and
//! writes only where it may.

mod common;

use caam_emu::descriptors::deco::Report;
use caam_emu::descriptors::flow::Budget;
use caam_emu::device::soc::{PointerSize, SocProfile, VIRT_ERA9};
use caam_emu::fault::job::{DataFault, JobFaults};
use caam_emu::fault::memory::FaultyMemory;
use caam_emu::memory::flat::FlatMemory;
use caam_emu::memory::{DmaError, GuestMemory, Purpose};
use common::{Fixture, Kind, fixtures};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::cell::Cell;

/// Less than the default, so that endless jobs end soon in a debug build, too.
const BUDGET: Budget = Budget { commands: 400, entries: 400, bytes: 1 << 20 };

const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;

/// Counts what crosses the bus.
struct Counting<'a, M>(&'a M, Cell<u64>);

impl<M> Counting<'_, M> {
    fn add(&self, n: usize) {
        self.1.set(self.1.get() + n as u64);
    }
}

impl<M: GuestMemory> GuestMemory for Counting<'_, M> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        self.add(buf.len());
        self.0.read(purpose, address, buf)
    }
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        self.add(buf.len());
        self.0.write(purpose, address, buf)
    }
    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        self.add(buf.len());
        self.0.read_available(purpose, address, buf)
    }
    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.0.writable(purpose, address, length)
    }
}

/// Runs a job and checks what must be true of any.
fn run(memory: &impl GuestMemory, soc: &SocProfile, job: u64) -> Report {
    let memory = Counting(memory, Cell::new(0));
    // A platform lives as long as its device; these few bytes may as well.
    let soc = Box::leak(Box::new(soc.clone()));
    let report = common::run(&memory, soc, job, BUDGET);
    // Data is in the budget up to the piece that exceeds it; tables cost a group of four each
    // entry at most; non-local JUMPs fetch a descriptor each.
    let most = BUDGET.bytes
        + 2 * 64 * 1024
        + 64 * u64::from(BUDGET.entries + 64)
        + 2 * 260 * u64::from(BUDGET.commands + 1);
    assert!(memory.1.get() <= most, "{} bytes crossed the bus", memory.1.get());
    check_status(&report);
    report
}

/// A status the drivers know: source 0, CCB, user halt, DECO or conditional halt.
fn check_status(report: &Report) {
    let status = report.status.0;
    match status >> 28 {
        0 => assert_eq!(status, 0),
        2 => assert!((1..=0xf).contains(&(status & 0xf)), "{status:#x}"),
        3 | 7 => {}
        4 => {
            let known = [
                0x01, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10,
                0x12, 0x13, 0x15, 0x16, 0x1c, 0x22, 0x24, 0x80, 0x81, 0x82, 0x89, 0xc1, 0xc4,
            ];
            assert!(known.contains(&(status & 0xff)), "{status:#x}");
        }
        other => panic!("source {other}: {status:#x}"),
    }
    if status & 0xf000_00ff == 0x4000_0016 {
        assert!(report.dma_error.is_some(), "{status:#x}");
    }
}

fn config(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(0xcaa0);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

fn soc() -> impl Strategy<Value = SocProfile> {
    (any::<bool>(), any::<bool>()).prop_map(|(wide, high_word_first)| {
        let pointer = if wide { PointerSize::Bits64 } else { PointerSize::Bits32 };
        SocProfile { pointer, high_word_first, ..VIRT_ERA9 }
    })
}

/// A command word that means something, followed by what it might take.
fn command() -> impl Strategy<Value = Vec<u32>> {
    let opcode = prop::sample::select(
        &[0, 1, 2, 3, 4, 5, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x10, 0x14, 0x15, 0x1d, 0x1e, 0x1f_u32][..],
    );
    let likely = prop::sample::select(
        &[
            0x0280_0010, // KEY class 1, 16 bytes
            0x8210_0105,
            0x8210_0205,
            0x8210_0005,
            0x8210_050d,
            0x8210_090e,
            0x8210_090d,
            0x2b12_0000,
            0x6930_0000,
            0x2b31_0000,
            0x2a3a_0010,
            0x2800_0008,
            0x683f_0008,
            0xa808_0a04,
            0xa808_0b04, // VSIL, VSOL
            0x7892_0000,
            0x7892_0100,
            0x1a20_0010,
            0x5a20_0010,
            0x2f36_0000,
            0xa200_0001,
            0xf0a0_0010,
        ][..],
    );
    let word = prop_oneof![
        (opcode, any::<u32>()).prop_map(|(opcode, rest)| opcode << 27 | rest & 0x07ff_ffff),
        likely,
    ];
    let address = (0..SIZE as u32).prop_map(|offset| BASE as u32 + offset);
    let tail = prop::collection::vec(prop_oneof![address, 0..0x100_u32, any::<u32>()], 0..3);
    (word, tail).prop_map(|(word, tail)| [vec![word], tail].concat())
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn random_memory(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        header in prop::option::of((any::<u32>(), 0..65_u32)),
        soc in soc(),
    ) {
        let memory = FlatMemory::new(BASE, SIZE);
        memory.poke(BASE, &bytes);
        if let Some((bits, length)) = header {
            memory.poke_words(BASE, &[0xb080_0000 | bits & 0x0100_0f00 | length]);
        }
        run(&memory, &soc, BASE);
    }

    #[test]
    fn random_commands(
        commands in prop::collection::vec(command(), 1..24),
        shared in prop::collection::vec(command(), 1..12),
        with_shared in any::<bool>(),
        table in prop::collection::vec((0..SIZE as u32, 0..0x200_u32, 0..16_u8), 0..8),
        soc in soc(),
    ) {
        let memory = FlatMemory::new(BASE, SIZE);
        let shared_at = BASE + 0x400;
        let mut shared: Vec<u32> = shared.concat();
        shared.truncate(24);
        shared.insert(0, 0xb880_0200 | (shared.len() as u32 + 1));
        memory.poke_words(shared_at, &shared);
        let mut job = vec![0xb080_0000];
        if with_shared {
            job[0] |= 0x1800 | (shared.len() as u32) << 16;
            match soc.pointer {
                PointerSize::Bits32 => job.push(shared_at as u32),
                PointerSize::Bits64 => {
                    let (at0, at4) = soc.split(shared_at);
                    job.extend([at0, at4]);
                }
            }
        }
        job.extend(commands.concat());
        job.truncate(39);
        job[0] |= job.len() as u32;
        memory.poke_words(BASE, &job);
        // Tables, somewhere in the middle of what addresses may point to.
        for (i, (offset, length, kind)) in table.into_iter().enumerate() {
            let flags = match kind { 0 => 1 << 31, 1 => 1 << 30, _ => 0 };
            let entry = [BASE as u32 + offset, 0, length | flags, 0];
            memory.poke_words(BASE + 0x800 + 16 * i as u64, &entry);
        }
        let copy = FlatMemory::new(BASE, SIZE);
        copy.poke(BASE, &memory.peek(BASE, SIZE));
        let report = run(&memory, &soc, BASE);
        // Whether its output is held back up to its end makes no difference to a job.
        let faults = JobFaults { data: vec![DataFault::Truncate(0)], ..JobFaults::default() };
        let faulty = FaultyMemory::new(&copy, Some(&faults), None);
        let held = run(&faulty, &soc, BASE);
        prop_assert_eq!(faulty.finish(held), report);
        prop_assert_eq!(copy.peek(BASE, SIZE), memory.peek(BASE, SIZE));
    }
}

/// One change to a fixture.
#[derive(Debug, Clone, Copy)]
enum Change {
    Flip { section: u8, bit: u16 },
    Word { section: u8, word: u8, value: u32 },
    Swap { section: u8, a: u8, b: u8 },
}

fn change() -> impl Strategy<Value = Change> {
    let small = prop_oneof![0..70_u32, any::<u32>()];
    prop_oneof![
        4 => (any::<u8>(), any::<u16>()).prop_map(|(section, bit)| Change::Flip { section, bit }),
        2 => (any::<u8>(), any::<u8>(), small)
            .prop_map(|(section, word, value)| Change::Word { section, word, value }),
        1 => (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(section, a, b)| Change::Swap { section, a, b }),
    ]
}

fn apply(fixture: &mut Fixture, kinds: &[Kind], change: Change) {
    let mut sections: Vec<_> =
        fixture.sections.iter_mut().filter(|s| kinds.contains(&s.kind)).collect();
    let (Change::Flip { section, .. }
    | Change::Word { section, .. }
    | Change::Swap { section, .. }) = change;
    let n = sections.len();
    if n == 0 {
        return;
    }
    let bytes = &mut sections[usize::from(section) % n].bytes;
    match change {
        Change::Flip { bit, .. } => {
            let bit = usize::from(bit) % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        Change::Word { word, value, .. } => {
            let words = bytes.len() / 4;
            if let Some(at) = (words > 0).then(|| usize::from(word) % words * 4) {
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
        Change::Swap { a, b, .. } => {
            let words = bytes.len() / 4;
            if words > 0 {
                let (a, b) = (usize::from(a) % words * 4, usize::from(b) % words * 4);
                for i in 0..4 {
                    bytes.swap(a + i, b + i);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(2000))]

    /// The driver's jobs with something wrong in descriptors and tables.
    #[test]
    fn corrupted_jobs(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        thread_local!(static ALL: Vec<Fixture> = fixtures());
        let mut fixture = ALL.with(|all| which.get(all).clone());
        for change in changes {
            apply(&mut fixture, &[Kind::Words, Kind::Table], change);
        }
        let memory = fixture.memory();
        run(&memory, fixture.soc, fixture.job);
    }

    /// With other data: it succeeds, or the ICV is wrong, or RSA's numbers are; and only outputs
    /// have changed.
    #[test]
    fn corrupted_data(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        thread_local!(static ALL: Vec<Fixture> = fixtures());
        let mut fixture = ALL.with(|all| which.get(all).clone());
        for change in changes {
            apply(&mut fixture, &[Kind::Input], change);
        }
        let (memory, before) = (fixture.memory(), fixture.memory().all());
        let report = run(&memory, fixture.soc, fixture.job);
        let status = report.status.0 & 0xf000_00ff;
        let icv = status & 0xf000_000f == 0x2000_000a;
        let of_rsa = fixture.name.starts_with("rsa")
            && (status & 0xf000_00f0 == 0x2000_0080 || status == 0x4000_0089);
        prop_assert!(status == 0 || icv || of_rsa, "{}: {status:x}", fixture.name);
        for (address, byte) in memory.all() {
            let output = |s: &common::Section| s.is_result() && s.contains(address);
            prop_assert!(byte == before[&address] || fixture.sections.iter().any(output));
        }
    }
}
