//! Class 2 from the DECO's side: what clears it, and where a wrong ICV shows.

use super::errors::fails;
use super::*;
use crate::device::soc::VIRT_ERA10;

/// OPERATION class 2 SHA-256 init+final; FIFO LOAD class 2 message LAST2; STORE class 2 context.
const SHA256: u32 = 0x8443_000d;
const LOAD_LAST2: u32 = 0x2414_0000;
const STORE_CONTEXT2: u32 = 0x5420_0000;
const KEY2: u32 = 0x0400_0000;
/// LOAD CLRW and CCTRL, 4 bytes immediate.
const CLRW: u32 = 0x1088_0004;
const CCTRL: u32 = 0x1086_0004;

#[test]
fn a_second_operation_after_a_reset_hashes_anew() {
    let alone = good(|d| {
        d.words(&[SHA256]).by_pointer(LOAD_LAST2, IN, 50).by_pointer(STORE_CONTEXT2, OUT, 32);
    });
    for (register, bits) in [(CLRW, 1 << 16), (CLRW, 1 << 28), (CCTRL, 1), (CCTRL, 1 << 7)] {
        let memory = good(|d| {
            d.words(&[SHA256]).by_pointer(LOAD_LAST2, IN + 0x100, 9);
            d.by_pointer(STORE_CONTEXT2, OUT + 0x100, 32).words(&[register, bits, SHA256]);
            d.by_pointer(LOAD_LAST2, IN, 50).by_pointer(STORE_CONTEXT2, OUT, 32);
        });
        assert_eq!(memory.peek(OUT, 32), alone.peek(OUT, 32), "{register:x} {bits:x}");
    }
}

#[test]
fn clearing_takes_away_context_and_key() {
    // CLRW 21: the context
    let memory = good(|d| {
        d.by_pointer(0x1420_0000, IN, 40).words(&[CLRW, 1 << 21]);
        d.by_pointer(STORE_CONTEXT2, OUT, 40);
    });
    assert_eq!(memory.peek(OUT, 40), [0; 40]);
    // CLRW 5 is class 1's
    let memory = good(|d| {
        d.by_pointer(0x1420_0000, IN, 40).words(&[CLRW, 1 << 5]);
        d.by_pointer(STORE_CONTEXT2, OUT, 40);
    });
    assert_eq!(memory.peek(OUT, 40), memory.peek(IN, 40));
    // CLRW 22: the key, without which there is no split key
    fails(0x2000_0043, |d| {
        d.immediate(KEY2, &[1; 64]).words(&[CLRW, 1 << 22, 0x8443_004d]);
        d.by_pointer(LOAD_LAST2, IN, 50);
        errors::last(d, 2)
    });
}

#[test]
fn a_context_store_or_load_past_its_end() {
    for word in [0x1420_0049_u32, 0x1420_4809] {
        fails(0x4000_0015, |d| {
            let at = d.here();
            d.words(&[word, IN as u32]);
            at
        });
    }
    fails(0x4000_0015, |d| {
        let at = d.here();
        d.words(&[0x5420_4701, OUT as u32]).words(&[0x5420_4801, OUT as u32]);
        at + 2
    });
}

#[test]
fn a_wrong_icv_shows_at_the_command_that_brings_it() {
    fails(0x2000_004a, |d| {
        d.immediate(KEY2, &[1; 64]).words(&[0x8443_004e]);
        d.by_pointer(0x2410_0000, IN, 50);
        d.by_pointer(0x243c_0000, IN + 0x100, 16);
        errors::last(d, 2)
    });
}

/// MDHA takes a running state and its length as they are, whatever they are.
#[test]
fn any_context_will_do() {
    let digest = |length: u64| {
        let memory = good(|d| {
            d.immediate(0x1420_0000, &[&[7; 32][..], &length.to_be_bytes()].concat());
            d.words(&[0x8443_0009]).by_pointer(LOAD_LAST2, IN, 5);
            d.by_pointer(STORE_CONTEXT2, OUT, 32);
        });
        memory.peek(OUT, 32)
    };
    assert_ne!(digest(63), digest(64));
    assert_ne!(digest(u64::MAX), digest(64));
}

/// From Era 10 on, the version registers' MISC bits say what Linux asks of them: AESA bit 9 GCM,
/// PKHA bit 15 no private keys.
#[test]
fn era_10_says_what_it_can_do() {
    let secrets = Secrets { seed: Some(1), master_key: None };
    let setup = crate::device::Setup { soc: &VIRT_ERA10, rings: 1, decos: 1, fault_seed: 0 };
    let device = crate::device::Device::new(setup, secrets).expect("seeded");
    let read = |at: u64| {
        let mut word = [0; 4];
        device.read_bar(at, &mut word, std::time::Duration::ZERO).expect("a register");
        u32::from_le_bytes(word)
    };
    // Linux regs.h, struct version_regs at 0xe80: AESA is at 0xe90 (as version.rs has it)
    assert_ne!(read(0xe90) & 1 << 9, 0, "GCM");
    assert_ne!(read(0xe90) & 0xff, 0, "an AESA");
}
