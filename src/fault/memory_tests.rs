//! Faulty memory, access by access.

use super::super::engine::Facts;
use super::super::grammar::Fields;
use super::*;
use crate::descriptors::status::JobStatus;
use crate::memory::flat::FlatMemory;
use Purpose::{Descriptor, Input, Output, Table};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use std::time::Duration;

const BASE: u64 = 0x1000;
const SIZE: usize = 0x100;
const END: u64 = BASE + SIZE as u64;

fn job(data: Vec<DataFault>, dma: Vec<(Purpose, u32)>) -> JobFaults {
    JobFaults { data, dma, ..JobFaults::default() }
}

fn flip(bits: u32, number: u64) -> DataFault {
    DataFault::Flip(bits, Stream::of(1, "flip", number))
}

/// What stands in memory after a job has written each of `writes`, with `data` done to it.
fn written(data: Vec<DataFault>, writes: &[(u64, &[u8])]) -> Vec<u8> {
    let memory = FlatMemory::new(BASE, SIZE);
    let faults = job(data, vec![]);
    let faulty = FaultyMemory::new(&memory, Some(&faults), None);
    for (address, bytes) in writes {
        faulty.write(Output, *address, bytes).expect("RAM");
    }
    let report = Report::of_status(JobStatus::OK);
    assert_eq!(faulty.finish(report), report);
    memory.peek(BASE, SIZE)
}

fn error(purpose: Purpose, address: u64, length: usize) -> DmaError {
    let access = if purpose == Output { Access::Write } else { Access::Read };
    DmaError { purpose, address, length, access }
}

#[test]
fn the_nth_access_of_a_purpose_fails() {
    let memory = FlatMemory::new(BASE, SIZE);
    memory.poke(BASE, &[5; SIZE]);
    let faults = job(vec![], vec![(Input, 2), (Output, 1), (Output, 3)]);
    let faulty = FaultyMemory::new(&memory, Some(&faults), None);
    let read = |purpose, address| faulty.read(purpose, address, &mut [0; 8]);
    assert_eq!(read(Descriptor, BASE), Ok(()));
    assert_eq!(read(Input, BASE), Ok(()));
    assert_eq!(read(Table, BASE), Ok(()));
    assert_eq!(read(Input, BASE + 8), Err(error(Input, BASE + 8, 8)));
    assert_eq!(read(Input, BASE + 8), Ok(()));
    let write = || faulty.write(Output, BASE, &[9]);
    assert_eq!(write(), Err(error(Output, BASE, 1)));
    assert_eq!(memory.peek(BASE, 1), [5]);
    assert_eq!(write(), Ok(()));
    assert_eq!(memory.peek(BASE, 1), [9], "not held back");
    assert_eq!(write(), Err(error(Output, BASE, 1)));
    // What really fails counts, too, and fails as it does.
    assert_eq!(read(Input, END), Err(error(Input, END, 8)));
}

#[test]
fn a_prefetch_that_fails_is_one_access_with_the_read_that_asks_why() {
    let memory = FlatMemory::new(BASE, SIZE);
    let faults = job(vec![], vec![(Table, 2), (Table, 4)]);
    let faulty = FaultyMemory::new(&memory, Some(&faults), None);
    let fetch = |address| faulty.read_available(Table, address, &mut [0; 64]);
    assert_eq!((fetch(BASE), fetch(BASE + 64)), (64, 0));
    let read = |address| faulty.read(Table, address, &mut [0; 16]);
    assert_eq!(read(BASE + 64), Err(error(Table, BASE + 64, 16)));
    // The third, and the fourth.
    assert_eq!(read(BASE + 64), Ok(()));
    assert_eq!(fetch(BASE), 0);
    // Another place was not asked for.
    assert_eq!(read(BASE + 64), Ok(()));
    assert_eq!(fetch(END - 8), 8);
}

#[test]
fn flips_are_as_many_as_asked_for_and_anywhere_in_the_output() {
    let writes: [(u64, &[u8]); 3] = [(BASE, &[0; 5]), (BASE + 0x40, &[0; 1]), (BASE + 9, &[0; 2])];
    let bits = |bytes: &[u8]| bytes.iter().map(|b| b.count_ones()).sum::<u32>();
    let mut ever = vec![0; SIZE];
    for n in 0..400 {
        let memory = written(vec![flip(3, n)], &writes);
        assert_eq!(bits(&memory), 3);
        for (ever, now) in ever.iter_mut().zip(memory) {
            *ever |= now;
        }
    }
    let all = written(vec![], &writes.map(|(at, bytes)| (at, &[0xff; 5][..bytes.len()])));
    assert_eq!(ever, all, "each bit at one time or another, and no other");
    // All there are.
    assert_eq!(written(vec![flip(64, 1)], &writes), all);
    assert_eq!(bits(&written(vec![flip(63, 1)], &writes)), 63);
    assert_eq!(bits(&written(vec![flip(3, 1)], &[])), 0);
}

#[test]
fn the_end_of_the_output_is_its_last_bytes_as_written() {
    let writes: [(u64, &[u8]); 3] = [(BASE + 8, b"abcd"), (BASE, b"efg"), (BASE + 16, b"h")];
    for (cut, expected) in [
        (0, *b"efg\0\0\0\0\0abcd\0\0\0\0h"),
        (1, *b"efg\0\0\0\0\0abcd\0\0\0\0\0"),
        (2, *b"ef\0\0\0\0\0\0abcd\0\0\0\0\0"),
        (4, *b"\0\0\0\0\0\0\0\0abcd\0\0\0\0\0"),
        (7, *b"\0\0\0\0\0\0\0\0a\0\0\0\0\0\0\0\0"),
        (8, [0; 17]),
        (u64::MAX, [0; 17]),
    ] {
        assert_eq!(written(vec![DataFault::Truncate(cut)], &writes)[..17], expected, "{cut}");
    }
    assert_eq!(written(vec![DataFault::Skip], &writes), [0; SIZE]);
}

#[test]
fn several_data_faults_come_one_after_the_other() {
    let writes: [(u64, &[u8]); 1] = [(BASE, &[0; 4])];
    let cut = || DataFault::Truncate(3);
    assert_eq!(written(vec![cut(), flip(8, 1)], &writes)[..4], [0xff, 0, 0, 0]);
    assert_eq!(written(vec![flip(32, 1), cut()], &writes)[..4], [0xff, 0, 0, 0]);
    assert_eq!(written(vec![DataFault::Skip, flip(8, 1)], &writes)[..4], [0; 4]);
}

#[test]
fn held_output_is_seen_by_the_job_alone() {
    let memory = FlatMemory::new(BASE, SIZE);
    memory.poke(BASE, b"................");
    let faults = job(vec![DataFault::Truncate(1)], vec![]);
    let faulty = FaultyMemory::new(&memory, Some(&faults), None);
    for (at, bytes) in [(4, "abcd"), (6, "XY"), (12, "zz"), (0, "")] {
        faulty.write(Output, BASE + at, bytes.as_bytes()).expect("RAM");
    }
    let mut buf = [0; 16];
    faulty.read(Input, BASE, &mut buf).expect("RAM");
    assert_eq!(&buf, b"....abXY....zz..");
    assert_eq!(faulty.read_available(Descriptor, BASE + 5, &mut buf[..2]), 2);
    assert_eq!(&buf[..2], b"bX");
    assert_eq!(memory.peek(BASE, 16), b"................");
    let _ = faulty.finish(Report::of_status(JobStatus::OK));
    assert_eq!(memory.peek(BASE, 16), b"....abXY....z...");
}

#[test]
fn held_output_that_cannot_be_written_fails_when_it_is_written() {
    let memory = FlatMemory::new(BASE, SIZE);
    let faults = job(vec![DataFault::Skip], vec![]);
    let faulty = FaultyMemory::new(&memory, Some(&faults), None);
    assert_eq!(faulty.write(Output, END - 4, &[1; 8]), Err(error(Output, END - 4, 8)));
    assert_eq!(faulty.write(Output, END - 8, &[1; 8]), Ok(()));
    // and a place that was taken away since, in the end
    let gone = FlatMemory::new(BASE, 8);
    let faults = job(vec![DataFault::Truncate(0)], vec![]);
    let report = |status| {
        let faulty = FaultyMemory::new(&gone, Some(&faults), None);
        *faulty.held.borrow_mut() = Some(Held { bytes: vec![1; 4], writes: vec![(END, 4)] });
        faulty.finish(Report { table_overreads: 2, ..Report::of_status(status) })
    };
    let ended = report(JobStatus::OK);
    assert_eq!((ended.status.0, ended.dma_error), (0x4000_0016, Some(error(Output, END, 4))));
    assert_eq!(ended.table_overreads, 2);
    let ended = report(JobStatus(0x2000_001a));
    assert_eq!((ended.status.0, ended.dma_error), (0x2000_001a, None), "the first error stays");
}

#[test]
fn a_huge_output_stays_whole() {
    let memory = FlatMemory::new(BASE, 1 << 20);
    let faults = job(vec![DataFault::Skip], vec![]);
    let faulty = FaultyMemory::new(&memory, Some(&faults), None);
    let piece = vec![7; 1 << 20];
    for _ in 0..64 {
        faulty.write(Output, BASE, &piece).expect("RAM");
    }
    assert_eq!(memory.peek(BASE, 4), [0; 4]);
    faulty.write(Output, BASE, &[8]).expect("RAM");
    assert_eq!(memory.peek(BASE, 4), [8, 7, 7, 7]);
    let _ = faulty.finish(Report::of_status(JobStatus::OK));
    assert_eq!(memory.peek(BASE, 4), [8, 7, 7, 7]);
}

#[test]
fn table_rules_report_or_fail() {
    let faults = Faults::new(0, 1);
    let add = |rule| faults.add(&Fields::from_text(rule)).map_err(|(problem, _)| problem);
    add("table-overread:nth=3,action=fail").expect("a rule");
    add("table-overread:descriptor=0x40").expect("a rule");
    add("data-skip").expect("a rule");
    let memory = FlatMemory::new(BASE, SIZE);
    let overread = TableOverread { table: 0x1fc0, last: 0x1fe0, page: 0x2000, length: 16 };
    let ask = |descriptor| {
        let facts = Facts { descriptor, ..Facts::default() };
        let (ring, now) = (Some(0), Duration::ZERO);
        let event = Event { now, ring, job: Some(&facts), ..Event::default() };
        let rules = TableRules::new(&faults, event);
        FaultyMemory::new(&memory, None, Some(rules)).table_overread(&overread)
    };
    assert_eq!([ask(0x40), ask(0x80)], [Ok(()); 2]);
    assert_eq!(ask(0x80), Err(error(Table, 0x2000, 16)));
    assert_eq!(ask(0x40), Ok(()));
    let counts: Vec<_> = faults.list().iter().map(|r| (r.matched, r.fired)).collect();
    assert_eq!(counts, [(4, 1), (2, 2), (0, 0)]);
    let faulty = FaultyMemory::new(&memory, None, None);
    assert_eq!(faulty.table_overread(&overread), Ok(()), "no rules");
}

#[derive(Debug, Clone)]
enum Step {
    Read(u64, usize),
    Fetch(u64, usize),
    Write(u64, Vec<u8>),
    Writable(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = BASE - 8..END + 8;
    let bytes = prop::collection::vec(any::<u8>(), 0..48);
    let step = prop_oneof![
        (at.clone(), 0..64_usize).prop_map(|(at, n)| Step::Read(at, n)),
        (at.clone(), 0..64_usize).prop_map(|(at, n)| Step::Fetch(at, n)),
        (at.clone(), bytes).prop_map(|(at, bytes)| Step::Write(at, bytes)),
        (at, 0..64_usize).prop_map(|(at, n)| Step::Writable(at, n)),
    ];
    prop::collection::vec(step, 0..40)
}

/// What each step gives, and what was read.
fn take(memory: &impl GuestMemory, steps: &[Step]) -> Vec<(Result<usize, DmaError>, Vec<u8>)> {
    let each = |step: &Step| match step {
        Step::Read(at, n) => {
            let mut buf = vec![0; *n];
            let result = memory.read(Input, *at, &mut buf);
            // After an error they may be anything.
            (result.map(|()| *n), if result.is_ok() { buf } else { vec![] })
        }
        Step::Fetch(at, n) => {
            let mut buf = vec![0; *n];
            (Ok(memory.read_available(Table, *at, &mut buf)), buf)
        }
        Step::Write(at, bytes) => (memory.write(Output, *at, bytes).map(|()| 0), vec![]),
        Step::Writable(at, n) => (memory.writable(Output, *at, *n).map(|()| 0), vec![]),
    };
    steps.iter().map(each).collect()
}

proptest! {
    #![proptest_config(Config {
        cases: 1000,
        rng_seed: RngSeed::Fixed(0xcaa0),
        failure_persistence: None,
        ..Config::default()
    })]

    /// Without faults, and with one that changes nothing but holds the output back, a job sees
    /// and does the same as with plain memory.
    #[test]
    fn without_faults_nothing_changes(steps in steps(), hold in any::<bool>()) {
        let pattern: Vec<u8> = (0..SIZE).map(|i| (i * 7) as u8).collect();
        let (plain, inner) = (FlatMemory::new(BASE, SIZE), FlatMemory::new(BASE, SIZE));
        plain.poke(BASE, &pattern);
        inner.poke(BASE, &pattern);
        let faults = job(vec![DataFault::Truncate(0)], vec![(Descriptor, 1), (Input, 41)]);
        let faulty = FaultyMemory::new(&inner, hold.then_some(&faults), None);
        prop_assert_eq!(take(&faulty, &steps), take(&plain, &steps));
        let report = Report::of_status(JobStatus::OK);
        prop_assert_eq!(faulty.finish(report), report);
        prop_assert_eq!(inner.peek(BASE, SIZE), plain.peek(BASE, SIZE));
    }
}
