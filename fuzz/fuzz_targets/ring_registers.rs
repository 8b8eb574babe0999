//! A guest's life in steps of seven bytes: registers and configuration space read and written,
//! memory changed, mapped and unmapped, time passing, jobs run, faults.
#![no_main]

use caam_emu::descriptors::flow::Budget;
use caam_emu_fuzz::guest::{Guest, SETUP};
use libfuzzer_sys::fuzz_target;

const BUDGET: Budget = Budget { commands: 200, entries: 200, bytes: 1 << 16 };

fuzz_target!(|data: &[u8]| {
    let mut guest = Guest::new(BUDGET, |_| {});
    guest.live(data);
    // Whatever happened, the statistics can be had, and rings do not hold more than they can.
    let _ = guest.device.statistics(guest.now);
    for ring in 0..SETUP.rings {
        let irsr = guest.ring_register(ring, 0x0c);
        assert!(irsr <= 1024, "IRSR is {irsr}");
    }
});
