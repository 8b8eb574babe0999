//! A job's accesses, and somebody who unmaps meanwhile.

use super::*;
use Purpose::{Input, Output};
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
