//! What a DECO keeps from job to job - decoded commands, expanded keys, whatever else - must not be
//! seen: jobs one after the other, with guest memory rewritten between them and while they run, on
//! a DECO that keeps all of it and on one that knows nothing.
#![no_main]

use caam_emu::descriptors::deco::{self, Report};
use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::{Platform, Secrets};
use caam_emu::device::soc::{PointerSize, SocProfile, VIRT_ERA9, VIRT_ERA10};
use caam_emu::memory::flat::FlatMemory;
use caam_emu::memory::{DmaError, GuestMemory, Purpose};
use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use std::sync::atomic::AtomicBool;

/// As in `tests/fuzz_seeds.rs`.
const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;
const BUDGET: Budget = Budget { commands: 500, entries: 500, bytes: 1 << 18 };
/// Bytes of a step, and most steps.
const STEP: usize = 8;
const STEPS: usize = 24;

/// Guest memory in which a word changes when a job writes its data for the first time: behind
/// what it has read already, before what it will read.
struct Restless<'a> {
    memory: &'a FlatMemory,
    change: Cell<Option<(u64, [u8; 4])>>,
}

impl GuestMemory for Restless<'_> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        self.memory.read(purpose, address, buf)
    }

    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        if let Some((at, bytes)) = self.change.take() {
            self.memory.poke(at, &bytes);
        }
        self.memory.write(purpose, address, buf)
    }

    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        self.memory.read_available(purpose, address, buf)
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.memory.writable(purpose, address, length)
    }
}

/// A device with memory of its own.
struct World<'a> {
    platform: Platform,
    memory: FlatMemory,
    image: &'a [u8],
}

impl<'a> World<'a> {
    fn new(soc: &'a SocProfile, image: &'a [u8]) -> Self {
        // The same random bytes in all.
        let secrets = Secrets { seed: Some(1), master_key: None };
        let platform = Platform::new(soc, secrets).expect("a seed always has bytes");
        let memory = FlatMemory::new(BASE, SIZE);
        memory.poke(BASE, image);
        Self { platform, memory, image }
    }

    fn run(&self, job: u64, scratch: &mut Scratch, change: Option<(u64, [u8; 4])>) -> Report {
        let memory = Restless { memory: &self.memory, change: Cell::new(change) };
        let stop = AtomicBool::new(false);
        deco::run(&memory, &self.platform, job, scratch, BUDGET, &stop)
    }

    /// What the guest does between two jobs, and the job.
    fn step(&self, step: &[u8; STEP], scratch: &mut Scratch) -> Report {
        let [what, low, high, a, b, c, d, job] = *step;
        let offset = usize::from(u16::from_le_bytes([low, high])) % (SIZE - 3);
        // Mostly words of descriptors: they are at the beginning.
        let offset = if what & 8 == 0 { offset % 0x400 & !3 } else { offset };
        let at = BASE + offset as u64;
        let mut bytes = [a, b, c, d];
        let mut change = None;
        match what & 7 {
            0 => {}
            1 => self.memory.poke(at, &bytes),
            // A bit or a few of what is there.
            2 | 3 => {
                let old = self.memory.peek(at, 4);
                bytes = [0, 1, 2, 3].map(|n| old[n] ^ if what & 1 == 0 { bytes[n] } else { 0 });
                bytes[usize::from(a & 3)] ^= 1 << (b & 7);
                self.memory.poke(at, &bytes);
            }
            4 => self.memory.poke(BASE, self.image),
            5 => scratch.forget_keys(),
            _ => change = Some((at, bytes)),
        }
        let job = if job < 0xe0 { BASE } else { BASE + u64::from(job & 0x1f) * 64 };
        self.run(job, scratch, change)
    }
}

// The first byte: the profile. The second: so many steps; they come before the memory, which has a
// job descriptor at its start.
fuzz_target!(|data: &[u8]| {
    let [flags, count, rest @ ..] = data else { return };
    let pointer = if flags & 1 != 0 { PointerSize::Bits64 } else { PointerSize::Bits32 };
    let era = if flags & 4 != 0 { VIRT_ERA10 } else { VIRT_ERA9 };
    let soc = SocProfile { pointer, high_word_first: flags & 2 != 0, ..era };
    let count = (1 + usize::from(*count) % STEPS).min(rest.len() / STEP);
    let (steps, image) = rest.split_at(count * STEP);
    let image = &image[..image.len().min(SIZE)];
    let [worn, fresh] = [0, 1].map(|_| World::new(&soc, image));
    let mut scratch = Scratch::default();
    for (n, step) in steps.as_chunks().0.iter().enumerate() {
        let kept = worn.step(step, &mut scratch);
        let plain = fresh.step(step, &mut Scratch::default());
        assert_eq!(kept, plain, "job {n}");
        let [kept, plain] = [&worn, &fresh].map(|world| world.memory.peek(BASE, SIZE));
        assert!(kept == plain, "memory behind job {n}");
    }
});
