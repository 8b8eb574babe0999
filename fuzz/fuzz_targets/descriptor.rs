//! Jobs: the input is guest memory, with a job descriptor at its start. The first byte selects
//! the profile. Must end, without a panic, within the budget.
#![no_main]

use caam_emu::descriptors::deco;
use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::{Platform, Secrets};
use caam_emu::device::rng4::RTMCTL;
use caam_emu::device::soc::{PointerSize, SocProfile, VIRT_ERA9, VIRT_ERA10};
use caam_emu::memory::flat::FlatMemory;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::sync::atomic::AtomicBool;

/// As in `tests/fuzz_seeds.rs`.
const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;
const BUDGET: Budget = Budget { commands: 1000, entries: 1000, bytes: 1 << 20 };

thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());

/// What the driver does first: instantiates state handle 0, and makes the keys for black keys.
fn start_rng(platform: &Platform, scratch: &mut Scratch) {
    // out of program mode: the TRNG runs
    platform.rng().write(RTMCTL, 0).expect("a register");
    for operation in [0x8250_0006, 0x8250_1000] {
        let memory = FlatMemory::new(BASE, 16);
        memory.poke_words(BASE, &[0xb080_0002, operation]);
        let stop = AtomicBool::new(false);
        let report = deco::run(&memory, platform, BASE, scratch, BUDGET, &stop);
        assert!(report.status.is_ok(), "{}", report.status);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((flags, image)) = data.split_first() else { return };
    let pointer = if flags & 1 != 0 { PointerSize::Bits64 } else { PointerSize::Bits32 };
    let era = if flags & 8 != 0 { VIRT_ERA10 } else { VIRT_ERA9 };
    let mut soc = SocProfile { pointer, high_word_first: flags & 2 != 0, ..era };
    if flags & 4 != 0 {
        soc.aes.version -= 1;
    }
    let image = &image[..image.len().min(SIZE)];
    let run = |scratch: &mut Scratch| {
        let memory = FlatMemory::new(BASE, SIZE);
        memory.poke(BASE, image);
        // The same random bytes each time.
        let secrets = Secrets { seed: Some(1), master_key: None };
        let platform = Platform::new(&soc, secrets).expect("a seed always has bytes");
        if flags & 16 != 0 {
            start_rng(&platform, scratch);
        }
        let stop = AtomicBool::new(false);
        let report = deco::run(&memory, &platform, BASE, scratch, BUDGET, &stop);
        (report, memory.peek(BASE, SIZE))
    };
    let (report, memory) = SCRATCH.with_borrow_mut(run);
    let dma = report.status.0 & 0xf000_00ff == 0x4000_0016;
    assert_eq!(report.dma_error.is_some(), dma, "{report:?}");
    // What jobs before this one left behind must not matter.
    let (again, fresh) = run(&mut Scratch::default());
    assert_eq!(report, again);
    assert!(memory == fresh, "a job's output depends on the jobs before it");
});
