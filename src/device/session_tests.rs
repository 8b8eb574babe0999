//! A job's accesses, and somebody who unmaps meanwhile.

use super::super::dma::PIECE;
use super::*;
use Purpose::{Input, Output};
use proptest::prelude::*;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const RAM: u64 = 0x8000_0000;
const PAGE: u64 = 0x1000;

/// Two mappings of a page each, with a gap of one between them.
fn space() -> (DmaSpace, File) {
    let (space, file) = (DmaSpace::default(), tempfile::tempfile().unwrap());
    file.set_len(2 * PAGE).unwrap();
    space.set_master(true);
    for n in 0..2 {
        let part = Some((file.try_clone().unwrap(), n * PAGE));
        space.map(RAM + 2 * n * PAGE, PAGE, true, true, part).unwrap();
    }
    (space, file)
}

#[test]
fn a_session_reaches_what_single_accesses_reach() {
    let (space, _file) = space();
    let session = Session::new(&space);
    // from one region to the other and back, and to neither
    for at in [RAM, RAM + 2 * PAGE, RAM + 8, RAM + PAGE, RAM - 1, RAM + 2 * PAGE + 1, RAM + 4] {
        let length = 16;
        let data: Vec<u8> = (0..length).map(|i| i ^ at as u8).collect();
        assert_eq!(session.writable(Output, at, 16), space.writable(Output, at, 16));
        let written = session.write(Output, at, &data);
        assert_eq!(written, space.write(Output, at, &data), "{at:#x}");
        let (mut ours, mut others) = ([0; 16], [1; 16]);
        assert_eq!(session.read(Input, at, &mut ours), space.read(Input, at, &mut others));
        assert_eq!(written.is_ok(), ours == others && ours[..] == data[..]);
        let n = session.read_available(Input, at, &mut ours);
        assert_eq!(n, space.read_available(Input, at, &mut others));
    }
}

/// What a job does, and what happens to the mappings meanwhile.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read(u64, usize),
    Prefetch(u64, usize),
    Write(u64, usize, u8),
    Check(u64, usize),
    Pause,
    /// The page at this number: mapped, readable, writable, or unmapped.
    Map(u64, Option<(bool, bool)>),
    Master(bool),
    Stop(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // around the edges of four pages, and anywhere
    let near =
        (0..5_u64, -9..9_i64).prop_map(|(page, by)| (RAM + page * PAGE).wrapping_add_signed(by));
    let at = prop_oneof![near, RAM - 16..RAM + 4 * PAGE + 16, any::<u64>()].boxed();
    let long = prop_oneof![3 => 0..40_usize, 1 => 0..3 * PAGE as usize, 1 => Just(PIECE + 1)];
    let place = (at, long);
    let step = prop_oneof![
        4 => place.clone().prop_map(|(at, n)| Step::Read(at, n)),
        3 => place.clone().prop_map(|(at, n)| Step::Prefetch(at, n)),
        4 => (place.clone(), any::<u8>()).prop_map(|((at, n), byte)| Step::Write(at, n, byte)),
        2 => place.prop_map(|(at, n)| Step::Check(at, n)),
        1 => Just(Step::Pause),
        2 => (0..4_u64, any::<Option<(bool, bool)>>()).prop_map(|(page, how)| Step::Map(page, how)),
        1 => prop::bool::weighted(0.8).prop_map(Step::Master),
        1 => prop::bool::weighted(0.3).prop_map(Step::Stop),
    ];
    prop::collection::vec(step, 1..60)
}

fn pattern(length: usize, first: u8) -> Vec<u8> {
    (0..length).map(|i| first.wrapping_add(i as u8)).collect()
}

proptest! {
    /// One session for many accesses, which mostly finds its place at once, beside a session for
    /// each, which never does.
    #[test]
    fn what_is_at_hand_is_what_a_walk_finds(steps in steps()) {
        let files = [0, 1].map(|_| tempfile::tempfile().unwrap());
        let spaces = [0, 1].map(|_| DmaSpace::default());
        for (space, file) in spaces.iter().zip(&files) {
            file.set_len(4 * PAGE).unwrap();
            space.set_master(true);
        }
        let [one, other] = &spaces;
        let stop = AtomicBool::new(false);
        let session = Session::of(one, JOB, &stop);
        for step in steps {
            let other = Session::of(other, JOB, &stop);
            match step {
                Step::Read(at, n) => {
                    let (mut ours, mut others) = (vec![0; n], vec![0; n]);
                    let done = session.read(Input, at, &mut ours);
                    prop_assert_eq!(done, other.read(Input, at, &mut others));
                    prop_assert_eq!(ours, others);
                }
                Step::Prefetch(at, n) => {
                    let (mut ours, mut others) = (vec![0; n], vec![0; n]);
                    let there = session.read_available(Input, at, &mut ours);
                    prop_assert_eq!(there, other.read_available(Input, at, &mut others));
                    prop_assert_eq!(ours, others);
                }
                Step::Write(at, n, byte) => {
                    let bytes = pattern(n, byte);
                    let done = session.write(Output, at, &bytes);
                    prop_assert_eq!(done, other.write(Output, at, &bytes));
                }
                Step::Check(at, n) => {
                    prop_assert_eq!(session.writable(Output, at, n), other.writable(Output, at, n));
                }
                Step::Pause => session.pause(),
                Step::Map(page, how) => {
                    // or this thread would wait for itself
                    session.pause();
                    for (space, file) in spaces.iter().zip(&files) {
                        let at = RAM + page * PAGE;
                        let _ = space.unmap(at, PAGE);
                        if let Some((readable, writable)) = how {
                            let part = Some((file.try_clone().unwrap(), page * PAGE));
                            space.map(at, PAGE, readable, writable, part).unwrap();
                        }
                    }
                }
                Step::Master(on) => spaces.iter().for_each(|space| space.set_master(on)),
                Step::Stop(yes) => stop.store(yes, Ordering::Relaxed),
            }
        }
        let [ours, others] = files.map(|file| {
            let mut bytes = vec![0; 4 * PAGE as usize];
            file.read_exact_at(&mut bytes, 0).unwrap();
            bytes
        });
        prop_assert!(ours == others, "the same has been written");
    }
}

#[test]
fn a_job_that_goes_on_does_not_keep_the_client_waiting() {
    let (space, file) = space();
    let (started, unmapped) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let session = Session::new(&space);
            // One session: only its looking for others lets the unmap through.
            loop {
                let late = unmapped.load(Ordering::SeqCst);
                if session.write(Output, RAM, b"job").is_err() {
                    break;
                }
                assert!(!late, "written after the unmap");
                started.store(true, Ordering::SeqCst);
            }
            assert!(session.write(Output, RAM + 2 * PAGE, b"job").is_ok(), "the other is there");
        });
        while !started.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        space.unmap(RAM, PAGE).unwrap();
        // What is written from now on would be seen in the file.
        file.write_all_at(b"own", 0).unwrap();
        unmapped.store(true, Ordering::SeqCst);
    });
    let mut bytes = [0; 3];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"own");
}

#[test]
fn a_pause_lets_go() {
    let (space, _file) = space();
    let session = Session::new(&space);
    session.read(Input, RAM, &mut [0; 4]).unwrap();
    session.pause();
    // would wait for ever otherwise
    space.unmap(RAM, PAGE).unwrap();
    assert!(session.read(Input, RAM, &mut [0; 4]).is_err());
}

const JOB: Key = Key { ring: Some(0), number: 1 };

#[test]
fn a_job_that_was_told_to_stop_reaches_memory_no_more() {
    let (space, file) = space();
    let stop = AtomicBool::new(false);
    let session = Session::of(&space, JOB, &stop);
    assert!(session.write(Output, RAM, b"job").is_ok());
    stop.store(true, Ordering::Relaxed);
    let access = DmaError { purpose: Output, address: RAM, length: 4, access: Access::Write };
    assert_eq!(session.write(Output, RAM, b"late"), Err(access));
    assert_eq!(session.writable(Output, RAM, 4), Err(access));
    assert_eq!(session.read_available(Input, RAM, &mut [0; 4]), 0);
    assert!(session.read(Input, RAM, &mut [0; 4]).is_err());
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"job\0");
}

/// As a reset does it: tell, wait for the copy that is under way, and go on.
#[test]
fn nothing_is_written_by_a_job_that_was_told_to_stop_and_waited_for() {
    let (space, file) = space();
    let (started, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let session = Session::of(&space, JOB, &stop);
            while session.write(Output, RAM, b"job").is_ok() {
                started.store(true, Ordering::SeqCst);
            }
        });
        while !started.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        space.settle();
        // What is written from now on would be seen in the file.
        file.write_all_at(b"own", 0).unwrap();
    });
    let mut bytes = [0; 3];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"own");
}
