//! Flush, reset, park, resume: JRCR and JRINTR.HALT.

use super::*;
use crate::jobring::registers::{JRCR_PARK, JRCR_RESET};

const FLUSHED: u32 = 0x4000_001a;

#[test]
fn an_idle_ring_flushes_and_resets_at_once() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.write(JrcfgrLs, 1);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.read(Jrintr), 8);
    assert_eq!(bench.read(Irsr), 4, "a flush is no reset");
    bench.write(Jrcr, JRCR_RESET);
    for (_, register, name) in crate::jobring::registers::MAP {
        assert_eq!(bench.read(*register), 0, "{name}");
    }
}

#[test]
fn a_halt_alone_does_not_interrupt() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.halt(), 2);
    assert!(!bench.ring.line());
}

#[test]
fn a_flush_returns_queued_jobs_and_waits_for_running_ones() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 8);
    bench.add(0, &[0x1000, 0x2000, 0x3000, 0x4000]);
    let (first, second) = (bench.take().unwrap(), bench.take().unwrap());
    bench.write(Jrcr, JRCR_RESET);
    assert!(first.stop.load(Ordering::Relaxed) && second.stop.load(Ordering::Relaxed));
    assert_eq!(bench.halt(), 1);
    assert_eq!([bench.entry(0), bench.entry(1)], [(0x3000, FLUSHED), (0x4000, FLUSHED)]);
    assert_eq!((bench.read(Orsfr), bench.read(Irsar)), (2, 8));
    assert_eq!(bench.read(Jrstar), FLUSHED);
    assert!(bench.take().is_none(), "a ring that is being flushed takes nothing");
    bench.complete(&second, FLUSHED);
    assert_eq!(bench.halt(), 1);
    bench.complete(&first, 0);
    assert_eq!(bench.halt(), 2);
    assert_eq!([bench.entry(2), bench.entry(3)], [(0x2000, FLUSHED), (0x1000, 0)]);
    let stats = bench.ring.stats();
    assert_eq!((stats.succeeded, stats.failed, stats.flushed, stats.lost), (1, 3, 2, 0));
    // The results are there for the driver until it resets.
    bench.write(Orjrr, 4);
    assert_eq!(bench.error(), None);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.read(Jrintr), bench.read(Irsr)), (0, 0));
}

#[test]
fn a_reset_before_the_flush_is_complete_is_error_7() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    let job = bench.take().unwrap();
    bench.write(Jrcr, JRCR_RESET);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.error(), Some(7));
    assert_eq!(bench.halt(), 1, "the flush goes on");
    assert_eq!(bench.read(Irsr), 4, "nothing was reset");
    bench.complete(&job, FLUSHED);
    assert_eq!(bench.halt(), 2);
    assert_eq!(bench.entry(0), (0x1000, FLUSHED));
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.read(Jrintr), bench.read(Irsr)), (0, 0));
}

#[test]
fn jobs_may_be_added_to_a_ring_that_is_being_flushed_and_are_not_run() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    let job = bench.take().unwrap();
    bench.write(Jrcr, JRCR_RESET);
    bench.slot(1, 0x2000);
    bench.write(Irjar, 1);
    assert!(bench.take().is_none());
    bench.complete(&job, FLUSHED);
    assert!(bench.take().is_none());
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.ring.stats().lost, 1);
}

#[test]
fn mcux_resets_twice_without_looking() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    bench.write(Jrcr, JRCR_RESET);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.read(Jrintr), bench.read(Irsr)), (0, 0));
    assert_eq!([bench.entry(0), bench.entry(1)], [(0x1000, FLUSHED), (0x2000, FLUSHED)]);
    bench.set_up(4, 4);
    bench.add(0, &[0x3000]);
    bench.run_one(0);
    assert_eq!(bench.entry(0), (0x3000, 0));
}

#[test]
fn a_flush_interrupts_for_what_it_returns() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.read(Jrintr), 8 | 1);
    assert!(bench.ring.line());
}

#[test]
fn a_flush_drops_what_the_output_ring_has_no_room_for() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 2);
    bench.add(0, &[0x1000, 0x2000, 0x3000, 0x4000, 0x5000]);
    let job = bench.take().unwrap();
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.read(Orsfr), 1, "one slot is the running job's");
    assert_eq!(bench.entry(0), (0x2000, FLUSHED));
    bench.complete(&job, 0);
    assert_eq!(bench.entry(1), (0x1000, 0));
    let stats = bench.ring.stats();
    assert_eq!((stats.flushed, stats.failed, stats.succeeded, stats.lost), (1, 1, 1, 3));
    assert_eq!(bench.halt(), 2);
}

#[test]
fn a_flush_of_an_unreadable_ring_loses_its_jobs_and_counts_each_once() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 8);
    bench.add(0, &[0x1000, 0x2000, 0x3000]);
    bench.ram.readable.set(false);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.halt(), bench.error()), (2, Some(3)));
    assert_eq!(bench.read(Orsfr), 0);
    let stats = bench.ring.stats();
    assert_eq!((stats.lost, stats.flushed, stats.failed), (3, 0, 0));
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!(bench.ring.stats().lost, 3);
}

#[test]
fn a_flush_into_an_unwritable_ring_loses_its_jobs_and_counts_each_once() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 8);
    bench.add(0, &[0x1000, 0x2000, 0x3000]);
    bench.ram.writable.set(false);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.halt(), bench.error()), (2, Some(1)));
    let stats = bench.ring.stats();
    assert_eq!((stats.lost, stats.failed), (3, 0));
    assert_eq!(stats.flushed, 0, "none was given back");
}

#[test]
fn park_lets_running_jobs_end_and_keeps_the_queue() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000, 0x3000]);
    let job = bench.take().unwrap();
    bench.write(Jrcr, JRCR_PARK);
    assert_eq!(bench.halt(), 1);
    assert!(!job.stop.load(Ordering::Relaxed), "parking stops nobody");
    assert!(!bench.ring.ready() && bench.take().is_none());
    bench.complete(&job, 0);
    assert_eq!(bench.halt(), 2);
    assert_eq!((bench.read(Irsar), bench.read(Orsfr)), (2, 1), "two are still queued");
    assert!(bench.take().is_none());
    assert_eq!(bench.write(Jrcr, JRCR_PARK), Effects::NONE, "it is parked already");
    assert_eq!(bench.halt(), 2);
    // Acknowledging other bits does not resume.
    assert!(!bench.write(Jrintr, 3).doorbell);
    assert_eq!(bench.halt(), 2);
    assert!(bench.write(Jrintr, 8).doorbell, "the queue wants a DECO");
    assert_eq!(bench.halt(), 0);
    for descriptor in [0x2000, 0x3000] {
        let job = bench.take().unwrap();
        assert_eq!(job.descriptor, descriptor);
        assert!(!job.stop.load(Ordering::Relaxed));
        bench.complete(&job, 0);
    }
}

#[test]
fn an_idle_ring_parks_at_once() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.write(Jrcr, JRCR_PARK);
    assert_eq!(bench.halt(), 2);
    bench.add(0, &[0x1000]);
    assert!(bench.take().is_none());
    bench.write(Jrintr, 8);
    bench.run_one(0);
    assert_eq!(bench.entry(0), (0x1000, 0));
}

#[test]
fn only_a_complete_halt_can_be_ended() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    let job = bench.take().unwrap();
    bench.write(Jrcr, JRCR_PARK);
    assert!(!bench.write(Jrintr, 8).doorbell);
    assert_eq!(bench.halt(), 1);
    bench.complete(&job, 0);
    assert!(!bench.write(Jrintr, 4).doorbell, "4 is the in-progress value");
    assert_eq!(bench.halt(), 2);
}

#[test]
fn a_parked_ring_is_flushed_before_it_is_reset() {
    for in_flight in [false, true] {
        let mut bench = Bench::with_sizes(&NARROW, 4, 4);
        bench.add(0, &[0x1000, 0x2000]);
        let job = in_flight.then(|| bench.take().unwrap());
        bench.write(Jrcr, JRCR_PARK);
        bench.write(Jrcr, JRCR_RESET);
        assert_eq!(bench.error(), None);
        assert_eq!(bench.entry(0).1, FLUSHED);
        assert_eq!(bench.read(Irsr), 4, "the first RESET is a flush");
        if let Some(job) = job {
            assert_eq!(bench.halt(), 1);
            assert!(job.stop.load(Ordering::Relaxed));
            bench.complete(&job, FLUSHED);
        }
        assert_eq!((bench.halt(), bench.read(Orsfr)), (2, 2));
        bench.write(Jrcr, JRCR_RESET);
        assert_eq!((bench.read(Jrintr), bench.read(Irsr)), (0, 0));
    }
}

#[test]
fn a_flushed_ring_can_be_resumed_and_its_new_jobs_are_not_told_to_stop() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    bench.write(Jrcr, JRCR_RESET);
    bench.write(Orjrr, 1);
    bench.write(Jrintr, 8 | 1);
    assert_eq!(bench.read(Jrintr), 0);
    bench.add(1, &[0x2000]);
    let job = bench.take().unwrap();
    assert!(!job.stop.load(Ordering::Relaxed), "the flush is over");
    bench.complete(&job, 0);
    assert_eq!(bench.entry(1), (0x2000, 0));
    // And the next RESET flushes again.
    bench.add(2, &[0x3000]);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.halt(), bench.entry(2)), (2, (0x3000, FLUSHED)));
}

#[test]
fn a_flush_of_memory_that_is_asked_for_takes_no_job_that_comes_later() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 8);
    bench.ram.asked.set(true);
    bench.add(0, &[0x1000, 0x2000]);
    bench.write(Jrcr, JRCR_RESET);
    assert_eq!((bench.halt(), bench.ring.draining()), (1, true));
    for _ in 0..2 {
        bench.ring.drain_one(&bench.ram, bench.now);
    }
    assert_eq!((bench.halt(), bench.ring.draining()), (2, false));
    bench.slot(2, 0x3000);
    bench.write(Irjar, 1);
    assert!(!bench.ring.draining(), "it came behind the flush");
    bench.write(Jrintr, 8);
    assert!(!bench.ring.draining());
    bench.run_one(0);
    assert_eq!(bench.entry(2), (0x3000, 0));
    assert_eq!(bench.ring.stats().flushed, 2);
}

#[test]
fn a_flush_of_a_broken_ring_ends_even_in_memory_that_is_asked_for() {
    for asked in [false, true] {
        let mut bench = Bench::with_sizes(&NARROW, 8, 8);
        bench.add(0, &[0x1000, 0x2000, 0x3000]);
        bench.ram.readable.set(false);
        assert!(bench.take().is_none() && bench.error().is_some());
        bench.ram.asked.set(asked);
        bench.write(Jrcr, JRCR_RESET);
        assert_eq!((bench.halt(), bench.ring.draining()), (2, false));
        assert_eq!((bench.ring.stats().lost, bench.read(Irsar)), (3, 8));
        bench.write(Jrcr, JRCR_RESET);
        assert_eq!(bench.read(Jrintr), 0);
    }
}

#[test]
fn a_halted_ring_can_be_set_up_anew_and_what_was_queued_counts_as_lost() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000, 0x3000]);
    bench.run_one(0);
    bench.write(Jrcr, JRCR_PARK);
    assert_eq!(bench.halt(), 2);
    bench.set_up(8, 8);
    assert_eq!(bench.error(), None, "errors 5 and 6 are for rings that are not halted");
    assert_eq!((bench.read(Irsar), bench.read(Orsfr)), (8, 0));
    assert_eq!(bench.ring.stats().lost, 2);
    bench.write(Jrintr, 1);
    assert_eq!(bench.read(Jrintr), 8, "no result is left to interrupt for");
    bench.write(Jrintr, 8);
    bench.add(0, &[0x5000]);
    bench.run_one(0);
    assert_eq!(bench.entry(0), (0x5000, 0));
}

#[test]
fn an_output_ring_set_up_anew_takes_its_pending_interrupt_along() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    bench.run_one(0);
    bench.write(Jrintr, 1); // set again, because a result waits
    bench.write(Jrcr, JRCR_PARK);
    bench.write(Orsr, 4);
    assert_eq!(bench.read(Jrintr), 8);
    assert!(!bench.ring.line());
}

#[test]
fn reset_wins_over_park() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    bench.write(Jrcr, JRCR_RESET | JRCR_PARK);
    assert_eq!((bench.halt(), bench.entry(0)), (2, (0x1000, FLUSHED)));
}

#[test]
fn other_bits_of_jrcr_do_nothing() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.write(Jrcr, !3);
    bench.write(Jrcr, 0);
    assert_eq!((bench.read(Jrintr), bench.read(Jrcr)), (0, 0));
    assert_eq!(bench.read(Irsr), 4);
}

#[test]
fn linux_initialises_from_any_state_without_jobs_in_flight() {
    let dirty: [fn(&mut Bench); 6] = [
        |_| {},
        |b| b.set_up(4, 4),
        |b| {
            b.set_up(4, 4);
            b.add(0, &[0x1000]);
        },
        |b| {
            b.set_up(4, 4);
            b.add(0, &[0x1000]);
            b.run_one(0);
        },
        |b| {
            b.set_up(4, 4);
            b.write(Jrcr, JRCR_PARK);
        },
        |b| {
            b.set_up(4, 4);
            b.write(Irjar, 77);
        },
    ];
    for (n, make) in dirty.into_iter().enumerate() {
        let mut bench = Bench::new(&NARROW);
        make(&mut bench);
        let mut driver = FakeDriver::new(Kind::Linux, &NARROW, 16, INPUT, OUTPUT);
        driver.initialise(&mut bench);
        assert_eq!(bench.error(), None, "state {n}");
        let job = driver.enqueue(&mut bench).unwrap();
        bench.run_one(0);
        let line = bench.ring.line();
        driver.service(&mut bench, line, 99);
        assert_eq!(driver.finished, [(job, 0)], "state {n}");
    }
}
