//! Flushes and resets that last, fail or never end. How they are by themselves is tested with
//! the ring.

use super::super::fake_driver::{Bench, NARROW, Port};
use super::super::registers::Register::*;
use super::*;
use HaltOutcome::{Fail, Never, Slow};

const FLUSHED: u32 = 0x4000_001a;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn bench() -> Bench {
    Bench::with_sizes(&NARROW, 4, 4)
}

/// Writes JRCR.RESET, with an outcome.
fn reset(bench: &mut Bench, outcome: Option<HaltOutcome>) -> Effects {
    bench.ring.set_halt_outcome(outcome);
    bench.write(Jrcr, JRCR_RESET)
}

fn at(bench: &mut Bench, time: Duration) {
    bench.now = time;
    let _ = bench.ring.tick(&bench.ram, time);
}

#[test]
fn rules_are_asked_where_jrcr_does_something() {
    let mut bench = bench();
    assert_eq!(bench.ring.halt_site(JRCR_PARK), None);
    assert_eq!(bench.ring.halt_site(JRCR_RESET), Some(Site::Flush));
    reset(&mut bench, Some(Slow(ms(1))));
    assert_eq!(bench.ring.halt_site(JRCR_RESET), None, "error 7");
    at(&mut bench, ms(1));
    assert_eq!(bench.ring.halt_site(JRCR_RESET), Some(Site::Reset));
    reset(&mut bench, Some(Never));
    assert_eq!(bench.ring.halt_site(JRCR_RESET), None);
}

#[test]
fn a_slow_flush_is_in_progress_until_its_time() {
    let mut bench = bench();
    bench.add(0, &[0x1000, 0x2000]);
    let job = bench.take().unwrap();
    reset(&mut bench, Some(Slow(ms(5))));
    assert_eq!(bench.entry(0), (0x2000, FLUSHED), "queued jobs come back at once");
    bench.complete(&job, 0);
    assert_eq!(bench.halt(), 1);
    assert_eq!(bench.ring.deadline(), Some(ms(5)));
    at(&mut bench, ms(4));
    assert_eq!(bench.halt(), 1);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.halt(), bench.error()), (1, Some(7)), "not yet complete");
    at(&mut bench, ms(5));
    assert_eq!((bench.halt(), bench.ring.deadline()), (2, None));
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.read(Jrintr), bench.read(Irsr)), (0, 0));
}

#[test]
fn a_slow_flush_waits_for_jobs_that_are_slower() {
    let mut bench = bench();
    bench.add(0, &[0x1000]);
    let job = bench.take().unwrap();
    reset(&mut bench, Some(Slow(ms(5))));
    at(&mut bench, ms(6));
    assert_eq!((bench.halt(), bench.ring.deadline()), (1, None));
    bench.complete(&job, 0);
    assert_eq!(bench.halt(), 2);
}

#[test]
fn a_flush_that_never_ends_is_ended_by_the_device_only() {
    let mut bench = bench();
    reset(&mut bench, Some(Never));
    for time in [1, 1000, 1_000_000_000] {
        at(&mut bench, ms(time));
        bench.write(Jrintr, 8);
        assert_eq!((bench.halt(), bench.ring.deadline()), (1, None));
    }
    bench.ring.reset(bench.now);
    assert_eq!(bench.halt(), 0);
    bench.set_up(4, 4);
    bench.add(0, &[0x1000]);
    bench.run_one(0);
    assert_eq!(bench.entry(0), (0x1000, 0));
}

#[test]
fn after_a_flush_that_failed_the_ring_goes_on() {
    let mut bench = bench();
    bench.add(0, &[0x1000, 0x2000]);
    let job = bench.take().unwrap();
    assert!(reset(&mut bench, Some(Fail)).doorbell);
    assert_eq!((bench.halt(), bench.error()), (0, None));
    assert!(!job.stop.load(Ordering::Relaxed), "nobody stops it");
    bench.complete(&job, 0);
    bench.run_one(0);
    assert_eq!([bench.entry(0), bench.entry(1)], [(0x1000, 0), (0x2000, 0)]);
    assert_eq!(bench.ring.stats().flushed, 0);
    reset(&mut bench, None);
    assert_eq!(bench.halt(), 2, "the next one works");
}

#[test]
fn a_failed_flush_sets_a_parked_ring_going() {
    let mut bench = bench();
    bench.write(Jrcr, JRCR_PARK);
    bench.slot(0, 0x1000);
    bench.write(Irjar, 1);
    assert_eq!(bench.halt(), 2);
    assert!(reset(&mut bench, Some(Fail)).doorbell);
    assert_eq!(bench.halt(), 0);
    assert!(bench.take().is_some());
}

#[test]
fn a_slow_reset_shows_and_takes_nothing_meanwhile() {
    let mut bench = bench();
    reset(&mut bench, None);
    reset(&mut bench, Some(Slow(ms(5))));
    assert_eq!(bench.read(Jrcr), JRCR_RESET);
    // Whatever is written now.
    bench.write(Jrintr, 8);
    bench.write(Irsr, 2);
    bench.write(Jrcr, JRCR_RESET);
    bench.write(Irjar, 1);
    assert_eq!((bench.halt(), bench.error(), bench.read(Irsr)), (2, None, 4));
    assert!(bench.take().is_none());
    assert_eq!(bench.ring.deadline(), Some(ms(5)));
    at(&mut bench, ms(4));
    assert_eq!(bench.read(Jrcr), JRCR_RESET);
    at(&mut bench, ms(5));
    for (_, register, name) in super::super::registers::MAP {
        assert_eq!(bench.read(*register), 0, "{name}");
    }
    assert_eq!(bench.ring.deadline(), None);
}

#[test]
fn a_reset_that_never_ends_is_ended_by_the_device_only() {
    let mut bench = bench();
    reset(&mut bench, None);
    reset(&mut bench, Some(Never));
    at(&mut bench, ms(1_000_000_000));
    assert_eq!((bench.read(Jrcr), bench.ring.deadline()), (JRCR_RESET, None));
    bench.ring.reset(bench.now);
    assert_eq!(bench.read(Jrcr), 0);
    bench.set_up(4, 4);
    assert_eq!(bench.read(Irsr), 4);
}

#[test]
fn an_outcome_is_for_one_write() {
    let mut bench = bench();
    bench.ring.set_halt_outcome(Some(Fail));
    bench.write(Jrcr, JRCR_PARK);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.halt(), 2);
}
