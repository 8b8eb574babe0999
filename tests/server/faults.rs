//! Faults that are the shell's: a device that vanishes, and one that answers late.

use super::job::{Guest, PLAIN};
use super::support::*;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

/// IRJAR of ring 0.
const IRJAR: u64 = 0x101c;

/// A guest that gives the device a job, at which it vanishes.
fn lose(emulator: &Emulator) {
    let mut guest = Guest::new(emulator, 0, 8);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    guest.put(0, descriptor);
    // The connection may be closed before the reply is sent.
    let deadline = Instant::now() + DEADLINE;
    let mut there = guest.client.try_write(BAR0, IRJAR, &[1, 0, 0, 0]);
    while there {
        there = guest.client.try_write(BAR0, 0x10, &[0; 4]);
        assert!(Instant::now() < deadline, "the device is still there");
    }
}

#[test]
fn a_device_vanishes_and_comes_back_new() {
    let emulator = Emulator::start(&["--fault", "vanish:for=20ms,times=3"]);
    let measure = || {
        let mut raw = Raw::connect(&emulator.socket);
        raw.handshake();
        let (_, body) = raw.region_read(BAR0, 0x100c, 4);
        assert_eq!(body[16..], [0; 4], "IRSR: not set up");
        emulator.sockets()
    };
    let sockets = measure();
    for _ in 0..3 {
        lose(&emulator);
        assert_eq!(measure(), sockets);
    }
    // The fourth job is done.
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    guest.submit(0, 0, descriptor);
    guest.wait();
    assert_eq!(guest.read32(0x103c), 1, "ORSFR");
}

#[test]
fn a_device_that_is_away_serves_nobody_and_can_be_stopped() {
    let mut emulator = Emulator::start(&["--fault", "vanish:for=1000s"]);
    lose(&emulator);
    // It can connect, but nobody answers. Longer than this would only be more certain.
    let mut waiting = Raw::connect(&emulator.socket);
    waiting.post(GET_INFO, &words(&[16, 0, 0, 0]));
    waiting.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = waiting.stream.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    let ended = emulator.stop(libc::SIGTERM);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_slow_register_is_answered_late_and_the_others_are_not_forgotten() {
    const BY: Duration = Duration::from_millis(30);
    let emulator = Emulator::start(&["--fault", "mmio-slow:by=30ms,at=0x5c,times=3"]);
    let mut raw = Raw::connect(&emulator.socket);
    raw.handshake();
    let start = Instant::now();
    raw.region_post(BAR0, 0x5c, &[3, 0, 0, 0]);
    raw.region_post(BAR0, 0x5c, &[5, 0, 0, 0]);
    let (_, body) = raw.region_read(BAR0, 0x5c, 4);
    // Not sooner: a busy machine makes it later only.
    assert!(start.elapsed() >= 3 * BY);
    assert_eq!(body[16..], [5, 0, 0, 0]);
    let (_, body) = raw.region_read(BAR0, 0x5c, 4);
    assert_eq!(body[16..], [5, 0, 0, 0]);
}
