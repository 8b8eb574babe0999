use super::super::fake_driver::{Bench, NARROW, Port};
use super::super::registers::Register::{Irjar, Irsar, Irsr, Jrcr, Jrintr, Orjrr, Orsfr};
use super::super::{Effects, JobResult};
use super::*;
use crate::descriptors::status::JobStatus;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn bench(entries: u32) -> Bench {
    let mut bench = Bench::with_sizes(&NARROW, entries, entries);
    for slot in 0..entries {
        bench.slot(slot, 0x1000 + u64::from(slot) * 0x100);
    }
    bench
}

#[test]
fn a_driver_that_reads_before_every_job_sees_the_depth() {
    let mut bench = bench(16);
    bench.ring.set_depth(Some(3));
    let mut accepted = 0;
    for _ in 0..10 {
        if bench.read(Irsar) > 0 {
            bench.write(Irjar, 1);
            accepted += 1;
        }
    }
    assert_eq!(accepted, 3);
    assert!(bench.ring.full());
    // A slot is free as soon as its job is taken, as ever.
    let _job = bench.take().expect("a job");
    assert_eq!(bench.read(Irsar), 1);
    // The next rule, or none, counts from the next read on.
    bench.ring.set_depth(None);
    assert_eq!(bench.read(Irsar), 14);
}

/// What Linux since 5.2 does: slots are counted in the driver; IRSAR is read when none is left.
/// Jobs are added as long as the driver's own ring, with one slot kept empty, has room.
fn caching_driver(size: u32, depth: u32, steps: &[bool]) -> u32 {
    let mut bench = bench(size);
    bench.ring.set_depth(Some(depth));
    let (mut cached, mut outstanding, mut done) = (size, 0, 0);
    let mut running = Vec::new();
    for &add in steps {
        if add && outstanding < size - 1 {
            assert!(cached > 0, "stopped for good: size {size}, depth {depth}");
            bench.write(Irjar, 1);
            assert_eq!(bench.read(Jrintr) & 2, 0, "no ring error");
            outstanding += 1;
            cached -= 1;
            if cached == 0 {
                cached = bench.read(Irsar);
            }
        } else {
            running.extend(bench.take());
            if let Some(job) = running.pop() {
                bench.complete(&job, 0);
                bench.write(Orjrr, 1);
                outstanding -= 1;
                done += 1;
            }
        }
    }
    done
}

proptest! {
    #[test]
    fn a_driver_that_caches_never_sees_0(
        size in prop::sample::select(vec![4_u32, 8, 16, 64]),
        depth in 1_u32..20,
        steps in prop::collection::vec(any::<bool>(), 0..400),
    ) {
        caching_driver(size, depth, &steps);
    }
}

#[test]
fn a_driver_that_caches_goes_on_under_pressure() {
    // All jobs that fit first, then one by one: the worst case for the cache.
    let mut steps = vec![true; 64];
    steps.extend([false, true].repeat(500));
    assert!(caching_driver(16, 2, &steps) >= 500);
}

#[test]
fn a_new_ring_makes_a_new_acquaintance() {
    let mut bench = bench(4);
    bench.ring.set_depth(Some(1));
    bench.write(Irjar, 1);
    assert_eq!(bench.read(Irsar), 1, "it added before it read: it caches");
    let job = bench.take().expect("a job");
    bench.complete(&job, 0);
    bench.write(Irsr, 4);
    assert_eq!(bench.read(Irsar), 1);
    bench.write(Irjar, 1);
    assert_eq!(bench.read(Irsar), 0, "it read first: it refuses, and asks again");
}

#[test]
fn a_stall_ends_in_time() {
    let mut bench = bench(8);
    bench.write(Irjar, 1);
    bench.now = 5 * MS;
    bench.ring.stall(Release { after: Some(20 * MS), when_full: false }, bench.now);
    assert!(bench.take().is_none() && !bench.ring.ready());
    assert_eq!(bench.ring.deadline(), Some(25 * MS));
    assert_eq!(bench.ring.tick(&bench.ram, 25 * MS - Duration::from_nanos(1)), Effects::NONE);
    assert!(!bench.ring.ready());
    assert!(bench.ring.tick(&bench.ram, 25 * MS).doorbell);
    assert!(bench.take().is_some());
    assert_eq!(bench.ring.deadline(), None);
}

#[test]
fn a_stall_ends_when_the_ring_is_full_and_not_before() {
    // Linux leaves one slot empty: 7 jobs fill 8 slots.
    let mut bench = bench(8);
    bench.write(Irjar, 1);
    bench.ring.stall(Release { after: None, when_full: true }, bench.now);
    for _ in 0..5 {
        bench.write(Irjar, 1);
        assert!(bench.take().is_none());
    }
    bench.write(Irjar, 1);
    assert!(bench.take().is_some());
}

#[test]
fn a_stall_of_a_shallow_ring_ends_when_that_is_full() {
    let mut bench = bench(64);
    bench.ring.set_depth(Some(2));
    assert_eq!(bench.read(Irsar), 2);
    bench.write(Irjar, 1);
    bench.ring.stall(Release { after: None, when_full: true }, bench.now);
    assert_eq!(bench.read(Irsar), 1);
    assert!(bench.take().is_none());
    bench.write(Irjar, 1);
    assert!(bench.take().is_some());
}

#[test]
fn a_stall_ends_by_hand_by_a_flush_and_by_a_reset() {
    let forever = Release { after: None, when_full: false };
    let mut bench = bench(8);
    bench.write(Irjar, 1);
    assert_eq!(bench.ring.resume(), None);
    bench.ring.stall(forever, bench.now);
    // The one that goes on stays.
    bench.ring.stall(Release { after: Some(MS), when_full: false }, bench.now);
    assert_eq!(bench.ring.deadline(), None);
    assert_eq!(bench.ring.resume(), Some(Effects::DOORBELL));
    assert!(bench.ring.ready());
    bench.ring.stall(forever, bench.now);
    bench.write(Jrcr, 1);
    assert_eq!(bench.ring.stalled(), None);
    bench.ring.stall(forever, bench.now);
    bench.ring.reset(bench.now);
    assert_eq!(bench.ring.stalled(), None);
}

#[test]
fn rules_are_asked_once_about_each_job() {
    let mut bench = bench(8);
    assert_eq!(bench.ring.ask_about_next(&bench.ram), None);
    bench.write(Irjar, 2);
    assert_eq!(bench.ring.ask_about_next(&bench.ram).map(|(number, _)| number), Some(1));
    assert_eq!(bench.ring.ask_about_next(&bench.ram), None);
    let job = bench.take().expect("a job");
    assert_eq!(job.number, 1);
    let next = bench.ring.ask_about_next(&bench.ram);
    assert_eq!(next.map(|(number, _)| number), Some(2));
    assert_eq!(bench.take().map(|job| (job.number, job.descriptor)), next);
}

#[test]
fn an_unreadable_input_entry_stops_the_ring() {
    let mut bench = bench(8);
    bench.write(Irjar, 1);
    bench.ring.spoil_next_input();
    assert!(bench.take().is_none());
    assert_eq!(bench.read(Jrintr) & 0x1f02, 0x302);
    assert!(!bench.ring.ready());
}

/// The output entry, address and status, that a job gets with this fault. The job before it has
/// the address 0x1000, it itself 0x1100.
fn entry(fault: EntryFault) -> (Bench, (u64, u32)) {
    let mut bench = bench(8);
    bench.write(Irjar, 2);
    bench.run_one(0);
    let second = bench.take().expect("a job");
    let result = JobResult { entry: fault, ..JobResult::new(JobStatus(0x55), 0) };
    let _ = bench.ring.complete(&second, result, &bench.ram, bench.now);
    let entry = bench.entry(1);
    (bench, entry)
}

#[test]
fn output_entries_have_the_address_that_the_fault_says() {
    let with = |address| entry(EntryFault { address, ..EntryFault::default() });
    assert_eq!(with(None).1, (0x1100, 0x55));
    assert_eq!(with(Some(EntryAddress::Zero)).1, (0, 0x55));
    assert_eq!(with(Some(EntryAddress::Duplicate)).1, (0x1000, 0x55));
    let (wrong, status) = with(Some(EntryAddress::Wrong)).1;
    assert!(!wrong.is_multiple_of(4) && status == 0x55);
    // Nothing is written, but it counts.
    let (bench, missing) = with(Some(EntryAddress::Missing));
    assert_eq!((missing, bench.read(Orsfr)), ((0, 0), 2));
}

#[test]
fn a_late_entry_is_written_after_it_was_counted() {
    let (mut bench, early) = entry(EntryFault { late: Some(MS), ..EntryFault::default() });
    assert_eq!((early, bench.read(Orsfr), bench.read(Jrintr)), ((0, 0), 2, 1));
    assert_eq!(bench.ring.deadline(), Some(MS));
    let _ = bench.ring.tick(&bench.ram, MS);
    assert_eq!(bench.entry(1), (0x1100, 0x55));
    assert_eq!(bench.ring.deadline(), None);
}

#[test]
fn late_entries_do_not_pile_up() {
    let mut bench = bench(8);
    let late = EntryFault { late: Some(MS), ..EntryFault::default() };
    for _ in 0..MAX_ENTRIES + 5 {
        bench.write(Irjar, 1);
        let job = bench.take().expect("a job");
        let result = JobResult { entry: late, ..JobResult::new(JobStatus::OK, 0) };
        let _ = bench.ring.complete(&job, result, &bench.ram, bench.now);
        bench.write(Orjrr, 1);
    }
    assert_eq!(bench.ring.faults.late.len(), MAX_ENTRIES as usize);
    bench.ring.reset(bench.now);
    assert_eq!(bench.ring.deadline(), None);
}

#[test]
fn an_unwritable_entry_is_a_ring_error() {
    let (bench, _) = entry(EntryFault { unwritable: true, ..EntryFault::default() });
    assert_eq!(bench.read(Jrintr) & 0x1f02, 0x102);
    assert_eq!(bench.ring.stats().lost, 1);
}

#[test]
fn a_ring_error_follows_the_entry() {
    let mut bench = bench(8);
    bench.write(Irjar, 1);
    let job = bench.take().expect("a job");
    let error = Some(crate::jobring::interrupt::RingError::WriteIrsa);
    let result = JobResult { error, ..JobResult::new(JobStatus::OK, 0) };
    let _ = bench.ring.complete(&job, result, &bench.ram, bench.now);
    assert_eq!(bench.entry(0), (0x1000, 0));
    assert_eq!(bench.error(), Some(0xe));
}
