//! DECO 0 under software's control, end to end: what Linux' `run_descriptor_deco0` does with the
//! registers, a DECO's thread, and what RDSTA shows afterwards.

use super::*;
use crate::descriptors::flow::{Budget, Scratch};
use crate::device::rng4::{RDSTA, RDSTA_IF0, RDSTA_PR0, RDSTA_SKVN, RTMCTL};
use crate::device::soc::{VIRT_ERA9, VIRT_ERA10};

/// DECO 0's page.
const DECO0: u64 = 0x8000;
const JQCR: u64 = 0x800;
const DOPSTA: u64 = 0x810;
const DESCBUF: u64 = 0xa00;
const DDDR: u64 = 0xe04;
const DER: u64 = 0xe3c;
const WHL: u32 = 1 << 29;
const VALID: u32 = 1 << 31;
const INSTANTIATE: u32 = 0x8250_0006;
const HALT: u32 = 0xa280_0000;
const WITH_KEYS: [u32; 7] =
    [0xb080_0007, INSTANTIATE, 0xa200_0001, 0x1088_0004, 1, 0x8250_1000, HALT];

/// A DECO's thread, until there is nothing to do.
fn work(rig: &Rig) -> usize {
    let mut scratch = Scratch::default();
    let mut done = 0;
    while let (Some(job), _) = rig.device.take_job(rig.now) {
        let report = rig.device.run_job(&job, &mut scratch, Budget::default());
        let _ = rig.device.complete_job(job, report, rig.now);
        done += 1;
    }
    done
}

/// The driver's steps, in its order. Status as the driver masks it.
fn run_descriptor_deco0(rig: &Rig, era: u8, descriptor: &[u32]) -> u32 {
    let (rsr, rr) = (u64::from(ctrl::DECORSR), u64::from(ctrl::DECORR));
    rig.write32(rsr, rig.read32(rsr) | 1);
    assert_ne!(rig.read32(rsr) & ctrl::DECORSR_VALID, 0);
    rig.write32(rr, rig.read32(rr) | ctrl::DECORR_RQD0);
    assert_ne!(rig.read32(rr) & ctrl::DECORR_DEN0, 0);
    for (i, word) in descriptor.iter().enumerate() {
        rig.write32(DECO0 + DESCBUF + 4 * i as u64, *word);
    }
    let four = if descriptor.len() >= 4 { 1 << 28 } else { 0 };
    let outcome = rig.write32(DECO0 + JQCR, rig.read32(DECO0 + JQCR) | WHL | four);
    assert!(outcome.doorbell, "a DECO is woken");
    assert_ne!(rig.read32(DECO0 + DDDR) & VALID, 0, "at work");
    assert_eq!(work(rig), 1);
    let debug = rig.read32(DECO0 + DDDR);
    assert_eq!(debug & VALID, 0, "at its end");
    let state = if era < 10 { debug >> 20 } else { rig.read32(DECO0 + DER) >> 16 } & 0xf;
    let status = rig.read32(DECO0 + DOPSTA) & 0xf000_00ff;
    assert_eq!(state == 0xd, matches!(status >> 28, 2 | 4), "the error state goes with {status:x}");
    rig.write32(rsr, rig.read32(rsr) & !1);
    rig.write32(rr, rig.read32(rr) & !ctrl::DECORR_RQD0);
    assert_eq!((rig.read32(rsr), rig.read32(rr)), (0, 0));
    status
}

#[test]
fn linux_instantiates_and_uninstantiates_the_rng() {
    for soc in [&VIRT_ERA9, &VIRT_ERA10] {
        let rig = Rig::new(soc, 1);
        let run = |descriptor: &[u32]| run_descriptor_deco0(&rig, soc.era, descriptor);
        let (rdsta, rtmctl) = (u64::from(RDSTA), u64::from(RTMCTL));
        let handles = || rig.read32(rdsta) & (3 | 3 << 4);
        assert_eq!(rig.read32(rdsta), 0);
        // Still in program mode: no entropy. RDSTA says so, too.
        rig.write32(rtmctl, 1 << 16);
        assert_eq!(run(&WITH_KEYS), 0x2000_005b);
        assert_eq!(handles(), 0);
        rig.write32(rtmctl, 0);
        assert_eq!(run(&WITH_KEYS), 0x7000_0000);
        assert_eq!(handles(), RDSTA_IF0 | RDSTA_PR0);
        assert_ne!(rig.read32(rdsta) & RDSTA_SKVN, 0);
        // Again: it is instantiated already.
        assert_eq!(run(&WITH_KEYS), 0x2000_0053);
        assert_eq!(run(&[0xb080_0003, INSTANTIATE | 1 << 4, HALT]), 0x7000_0000);
        assert_eq!(handles(), (RDSTA_IF0 | RDSTA_PR0) | (RDSTA_IF0 | RDSTA_PR0) << 1);
        for handle in [0, 1] {
            assert_eq!(run(&[0xb080_0003, 0x8250_000c | handle << 4, HALT]), 0x7000_0000);
        }
        assert_eq!(handles(), 0);
        assert_ne!(rig.read32(rdsta) & RDSTA_SKVN, 0, "the keys stay until power-off");
        rig.device.reset(rig.now).interrupt.then(|| panic!("no interrupt"));
        assert_eq!(rig.read32(rdsta) & RDSTA_SKVN, 0);
    }
}

#[test]
fn a_descriptor_that_is_none_ends_with_a_deco_error() {
    let rig = Rig::new(&VIRT_ERA9, 1);
    assert_eq!(run_descriptor_deco0(&rig, 9, &[0]), 0x4000_0013);
    assert_eq!(run_descriptor_deco0(&rig, 9, &[0xb080_0002, 0xffff_ffff]) >> 28, 4);
    // and a good one afterwards
    assert_eq!(run_descriptor_deco0(&rig, 9, &[0xb080_0001]), 0);
}

#[test]
fn the_page_is_closed_while_deco_0_is_not_software_s() {
    let rig = Rig::new(&VIRT_ERA9, 1);
    rig.write32(DECO0 + DESCBUF, 0xb080_0001);
    assert!(!rig.write32(DECO0 + JQCR, WHL).doorbell);
    assert_eq!(work(&rig), 0);
    // Given back before it has run: it does not run.
    rig.write32(u64::from(ctrl::DECORR), ctrl::DECORR_RQD0);
    rig.write32(DECO0 + DESCBUF, 0xb080_0001);
    assert!(rig.write32(DECO0 + JQCR, WHL).doorbell);
    rig.write32(u64::from(ctrl::DECORR), 0);
    assert_eq!(work(&rig), 0);
    // A reset while it runs: what it ends with is nobody's.
    rig.write32(u64::from(ctrl::DECORR), ctrl::DECORR_RQD0);
    rig.write32(DECO0 + DESCBUF, 0);
    assert!(rig.write32(DECO0 + JQCR, WHL).doorbell);
    let (job, _) = rig.device.take_job(rig.now);
    let job = job.expect("a job");
    rig.write32(u64::from(ctrl::MCFGR), ctrl::MCFGR_SWRST);
    let report = rig.device.run_job(&job, &mut Scratch::default(), Budget::default());
    let _ = rig.device.complete_job(job, report, rig.now);
    rig.write32(u64::from(ctrl::DECORR), ctrl::DECORR_RQD0);
    assert_eq!(rig.read32(DECO0 + DOPSTA), 0);
}

/// Ring jobs and direct ones side by side.
#[test]
fn rings_go_on_while_software_has_deco_0() {
    let rig = Rig::new(&VIRT_ERA9, 1);
    rig.ring(0).set_up(4);
    rig.ring(0).add(1);
    rig.write32(u64::from(ctrl::DECORR), ctrl::DECORR_RQD0);
    rig.write32(DECO0 + DESCBUF, 0xb080_0001);
    rig.write32(DECO0 + JQCR, WHL);
    assert_eq!(work(&rig), 2);
    assert_eq!(rig.read32(DECO0 + DDDR) & VALID, 0);
}

/// Rules of the RNG are asked at each use of it, and fire in the order of the driver's steps.
#[test]
fn faults_of_the_rng_by_their_rules() {
    let rig = Rig::new(&VIRT_ERA9, 1);
    for rule in ["rng-entropy:times=2", "rng-handle:nth=5", "rng-entropy:from=1s"] {
        rig.device.faults.add(&crate::fault::grammar::Fields::from_text(rule)).unwrap();
    }
    let run = |descriptor: &[u32]| run_descriptor_deco0(&rig, 9, descriptor);
    let handles = || rig.read32(u64::from(RDSTA)) & 3;
    // RNGSTORE to memory.
    let generate = |length: u32| run(&[0xb080_0004, 0x8250_0000, 0x6034_0000 | length, RAM as u32]);
    rig.write32(u64::from(RTMCTL), 0);
    let instantiate = [0xb080_0003, INSTANTIATE, HALT];
    assert_eq!([0; 3].map(|_| run(&instantiate)), [0x2000_005b, 0x2000_005b, 0x7000_0000]);
    assert_eq!(handles(), 1);
    let reports = rig.device.faults.list();
    assert_eq!((reports[0].fired, reports[1].matched, reports[2].matched), (2, 3, 0));
    // However many bytes it makes, it is one use.
    assert_eq!(generate(0xfff), 0);
    let mut bytes = [0; 0x1000];
    rig.file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes[..0xfff].chunks(16).all(|part| part.iter().any(|b| *b != 0)), "all written");
    assert_eq!(rig.device.faults.list()[1].matched, 4);
    assert_eq!(generate(8), 0x2000_0054, "not instantiated");
    assert_eq!(handles(), 0);
    assert_eq!(run(&instantiate), 0x7000_0000);
}
