//! Faults of interrupts, flushes, resets, the RNG and register accesses, by their rules.

use super::*;
use crate::fault::grammar::Fields;
use crate::jobring::registers::{JRCFGR_IMSK, JRCR_RESET};

/// A rig with rings of 16 entries, and rules.
fn rig(rings: usize, rules: &[&str]) -> Rig {
    let rig = Rig::new(&NARROW, rings);
    for rule in rules {
        add(&rig, rule);
    }
    for n in 0..rings {
        rig.ring(n).set_up(16);
    }
    rig
}

fn add(rig: &Rig, rule: &str) {
    let added = rig.device.faults.add(&Fields::from_text(rule));
    added.unwrap_or_else(|(e, _)| panic!("{rule}: {e}"));
}

/// How often each rule has matched and fired.
fn counts(rig: &Rig) -> Vec<(u64, u64)> {
    rig.device.faults.list().iter().map(|rule| (rule.matched, rule.fired)).collect()
}

/// One job comes to ring `n` and ends.
fn job(rig: &Rig, n: usize) -> Outcome {
    rig.ring(n).add(1);
    let job = rig.device.take_job(rig.now).0.expect("a job");
    rig.complete(&job, 0)
}

/// Linux' handler and tasklet, and what the client does when the guest has been at the device.
/// Whether there was something to do, and whether the client is signalled once more.
fn serve(rig: &Rig, n: usize) -> (bool, bool) {
    let mut ring = rig.ring(n);
    let pending = ring.read(Register::Jrintr);
    if pending != 0 {
        ring.write(Register::JrcfgrLs, JRCFGR_IMSK);
        ring.write(Register::Jrintr, pending);
        while ring.read(Register::Orsfr) > 0 {
            ring.write(Register::Orjrr, 1);
        }
        ring.write(Register::JrcfgrLs, 0);
    }
    (pending != 0, rig.device.unmask_interrupt(rig.now).interrupt)
}

#[test]
fn every_third_interrupt_is_lost_and_the_next_job_finds_it() {
    let rig = rig(1, &["irq-lost:every=3"]);
    let mut signals = Vec::new();
    for _ in 0..8 {
        let signalled = job(&rig, 0).interrupt;
        signals.push(signalled);
        if signalled {
            assert_eq!(serve(&rig, 0), (true, false));
        }
    }
    assert_eq!(signals, [true, true, false, true, true, false, true, true]);
    assert_eq!(counts(&rig), [(8, 2)]);
    assert_eq!(rig.ring(0).read(Register::Orsfr), 0);
}

#[test]
fn a_late_interrupt_sets_the_timer_and_comes_by_it() {
    let mut rig = rig(2, &["irq-delay:by=5ms,ring=1"]);
    assert!(job(&rig, 0).interrupt, "the other ring's is not late");
    assert_eq!(serve(&rig, 0), (true, false));
    let outcome = job(&rig, 1);
    assert_eq!((outcome.interrupt, outcome.timer), (false, true));
    assert_eq!(rig.device.deadline(), Some(Duration::from_millis(5)));
    rig.now = Duration::from_millis(5);
    assert!(rig.device.tick(rig.now).interrupt);
    assert_eq!(rig.device.deadline(), None);
    assert_eq!(counts(&rig), [(1, 1)]);
}

#[test]
fn interrupts_are_coalesced_by_count_or_time() {
    let mut rig = rig(1, &["irq-coalesce:count=4,within=1ms"]);
    let signals: Vec<_> = (0..4).map(|_| job(&rig, 0).interrupt).collect();
    assert_eq!(signals, [false, false, false, true]);
    assert_eq!(serve(&rig, 0), (true, false));
    assert!(job(&rig, 0).timer);
    rig.now = Duration::from_millis(1);
    assert!(rig.device.tick(rig.now).interrupt);
    assert_eq!(counts(&rig), [(2, 2)], "two interrupts for five jobs");
}

#[test]
fn a_spurious_interrupt_signals_the_client_once_more() {
    let rig = rig(1, &["irq-spurious:once"]);
    assert!(job(&rig, 0).interrupt);
    assert_eq!(serve(&rig, 0), (true, true));
    assert_eq!(serve(&rig, 0), (false, false));
    assert!(job(&rig, 0).interrupt);
    assert_eq!(serve(&rig, 0), (true, false));
    assert_eq!(counts(&rig), [(2, 1)]);
}

#[test]
fn a_stuck_line_signals_at_every_unmask_until_its_time() {
    let mut rig = rig(1, &["irq-stuck:for=2ms,once"]);
    assert!(job(&rig, 0).interrupt);
    assert_eq!(serve(&rig, 0), (true, true));
    for _ in 0..100 {
        assert_eq!(serve(&rig, 0), (false, true));
    }
    assert_eq!(rig.device.deadline(), Some(Duration::from_millis(2)));
    rig.now = Duration::from_millis(2);
    assert!(!rig.device.tick(rig.now).interrupt);
    assert_eq!(serve(&rig, 0), (false, false));
}

#[test]
fn a_reset_of_the_device_lets_go_of_the_line() {
    for rule in ["irq-stuck:for=2s", "irq-spurious", "irq-delay:by=1s", "irq-lost"] {
        for how in 0..3 {
            let rig = rig(1, &[rule]);
            if job(&rig, 0).interrupt {
                serve(&rig, 0);
            }
            match how {
                0 => drop(rig.write32(4, 1 << 31)),
                1 => drop(rig.device.reset(rig.now)),
                _ => drop(rig.device.disconnect(rig.now)),
            }
            assert_eq!(rig.device.deadline(), None, "{rule}");
            assert!(!rig.device.unmask_interrupt(rig.now).interrupt, "{rule}");
        }
    }
}

#[test]
fn a_flush_is_slow_then_fails_then_works() {
    let mut rig = rig(1, &["flush:outcome=slow,by=3ms,once", "flush:outcome=fail,nth=2"]);
    let halt = |rig: &Rig| rig.ring(0).read(Register::Jrintr) >> 2 & 3;
    let outcome = rig.ring(0).outcome(Register::Jrcr, JRCR_RESET);
    assert_eq!((halt(&rig), outcome.timer), (1, true));
    rig.now = Duration::from_millis(3);
    let _ = rig.device.tick(rig.now);
    assert_eq!(halt(&rig), 2);
    rig.ring(0).write(Register::Jrcr, JRCR_RESET);
    assert_eq!(halt(&rig), 0, "reset");
    rig.ring(0).write(Register::Jrcr, JRCR_RESET);
    assert_eq!(halt(&rig), 0, "failed");
    rig.ring(0).write(Register::Jrcr, JRCR_RESET);
    assert_eq!(halt(&rig), 2);
    assert_eq!(counts(&rig), [(3, 1), (3, 1)], "the reset is no flush");
}

#[test]
fn a_reset_of_one_ring_never_ends_until_the_device_is_reset() {
    for how in 0..3 {
        let rig = rig(2, &["reset-ring:outcome=never,ring=1,once"]);
        for n in [0, 1] {
            rig.ring(n).write(Register::Jrcr, JRCR_RESET);
            rig.ring(n).write(Register::Jrcr, JRCR_RESET);
        }
        let jrcr = |n| rig.ring(n).read(Register::Jrcr);
        assert_eq!((jrcr(0), jrcr(1)), (0, JRCR_RESET));
        match how {
            0 => drop(rig.write32(4, 1 << 31)),
            1 => drop(rig.device.reset(rig.now)),
            _ => drop(rig.device.disconnect(rig.now)),
        }
        assert_eq!(jrcr(1), 0);
        assert_eq!(counts(&rig), [(1, 1)]);
    }
}

#[test]
fn accesses_to_slow_registers_are_answered_late() {
    let mut rig =
        rig(1, &["mmio-slow:by=2ms,at=0x1044..0x104f,every=2", "mmio-slow:by=1ms,at=0x4"]);
    let mut read = |offset, length, now| {
        let mut bytes = vec![0; length];
        rig.now = now;
        rig.device.read_bar(offset, &mut bytes, now).unwrap().delay.as_millis()
    };
    let zero = Duration::ZERO;
    assert_eq!([read(0x1040, 4, zero), read(0x1050, 4, zero), read(0x1044, 0, zero)], [0; 3]);
    assert_eq!([1, 2, 3, 4].map(|_| read(0x104c, 4, zero)), [0, 2, 0, 2]);
    assert_eq!([1, 2].map(|_| read(0x1040, 8, zero)), [0, 2], "one access of two registers");
    assert_eq!(read(0, 0x2000, zero), 1);
    assert_eq!(read(0, 0x2000, zero), 3, "delays add up");
    assert_eq!(rig.write32(4, 0).delay, Duration::from_millis(1));
    // Ignored, but an access.
    assert_eq!(rig.device.write_bar(5, &[0], rig.now).unwrap().delay, Duration::from_millis(1));
    assert_eq!(counts(&rig), [(8, 4), (4, 4)]);
    add(&rig, "mmio-slow:by=5ms,from=1s,until=2s");
    let delays = [0, 1, 2].map(|s| {
        let outcome = rig.device.read_bar(8, &mut [0; 4], Duration::from_secs(s)).unwrap();
        outcome.delay.as_millis()
    });
    assert_eq!(delays, [0, 5, 0]);
}

#[test]
fn a_ring_error_comes_with_its_job_and_is_never_lost() {
    let rig = rig(1, &["jr-error:type=irsa-too-large,nth=2", "irq-lost"]);
    assert!(!job(&rig, 0).interrupt);
    assert_eq!(rig.ring(0).read(Register::Jrintr), 1);
    assert!(job(&rig, 0).interrupt);
    // ERR_ORWI: the second entry has been written.
    assert_eq!(rig.ring(0).read(Register::Jrintr), 2 << 16 | 0xb << 8 | 2 | 1);
    assert_eq!(rig.ring(0).read(Register::Orsfr), 2);
    assert_eq!(counts(&rig), [(2, 1), (2, 2)]);
}
