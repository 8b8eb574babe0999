//! Recordings of a running emulator, run again.

use super::control::with_control;
use super::job::Guest;
use super::support::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

fn program(arguments: &[&str]) -> Ended {
    run(Command::new(env!("CARGO_BIN_EXE_caam-emu")).args(arguments).stdin(Stdio::null()))
}

fn replay(file: &Path) -> Ended {
    program(&["replay", file.to_str().unwrap()])
}

/// A recording of jobs, of an emulator with these arguments.
fn record(directory: &Path, arguments: &[&str], jobs: u64) -> std::path::PathBuf {
    let file = directory.join("run.rec");
    fs::write(&file, "what was there before").unwrap();
    let mut all = vec!["--record", file.to_str().unwrap()];
    all.extend(arguments);
    let mut emulator = Emulator::start(&all);
    let mut guest = Guest::new(&emulator, 1, 16);
    guest.work(1, jobs);
    drop(guest);
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0), "{}", emulator.log());
    file
}

#[test]
fn jobs_of_several_decos_come_out_the_same() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["--decos", "4"],
        &["--decos", "2", "--fault", "latency:uniform=0us..200us", "--seed", "3"],
        &["--fault", "stall:for=1ms,every=7", "--fault", "irq-delay:by=100us,every=3"],
        &["--decos", "3", "--fault", "reorder:window=4,within=1ms"],
    ] {
        let file = record(directory.path(), arguments, 60);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let ended = replay(&file);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(ended.stdout.contains("; 60 jobs, "), "{}", ended.stdout);
        assert!(ended.stdout.contains("all the same; the recording ends: stopped"));
    }
}

#[test]
fn a_job_is_shown_without_its_bytes_unless_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = record(directory.path(), &[], 3);
    let file = file.to_str().unwrap();
    let shown = program(&["replay", file, "--job", "1:2"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    // The key is in the shared descriptor.
    let key = "2b7e151628aed2a6abf7158809cf4f3c";
    assert!(shown.stdout.contains("jr1:2: descriptor") && !shown.stdout.contains(key));
    assert!(shown.stdout.contains("(shared descriptor)"), "{}", shown.stdout);
    let all = program(&["replay", file, "--job", "1:2", "--show-secrets"]);
    assert!(all.stdout.contains(key), "{}", all.stdout);
    let golden = program(&["replay", file, "--job", "1:2", "--golden"]);
    for part in
        ["soc virt-era9\n", "job ", "words ", "table ", "input ", "output ", "status 00000000"]
    {
        assert!(golden.stdout.contains(part), "{part}: {}", golden.stdout);
    }
    // Nothing but the descriptors is in it, of all that was fetched at once.
    let fixture = directory.path().join("fixture.txt");
    fs::write(&fixture, &golden.stdout).unwrap();
    let shown = program(&["disasm", fixture.to_str().unwrap()]);
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""), "{}", shown.stdout);
    assert!(shown.stdout.contains("OPERATION"), "{}", shown.stdout);
    let none = program(&["replay", file, "--job", "1:99"]);
    assert_eq!((none.code, none.stderr.contains("no job jr1:99")), (Some(2), true));
}

#[test]
fn differences_damage_and_truncation_are_said_with_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = record(directory.path(), &["--seed", "1"], 5);
    let good = fs::read(&file).unwrap();
    let changed = directory.path().join("changed.rec");
    let with = |bytes: &[u8]| {
        fs::write(&changed, bytes).unwrap();
        replay(&changed)
    };
    // Every cut, some of them: the place is said, and nothing panics.
    for cut in [0, 5, 12, 13, good.len() / 3, good.len() / 2, good.len() - 1] {
        let ended = with(&good[..cut]);
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
        let word = if cut < 15 { "not a recording" } else { "cut short at entry " };
        assert!(ended.stderr.contains(word) || cut == 13, "{cut}: {}", ended.stderr);
    }
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x10;
    let ended = with(&flipped);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("damaged at entry") || ended.stderr.contains("cut short"));
    let mut other = good.clone();
    other[8] = 9;
    assert!(with(&other).stderr.contains("a recording of version 9"));
    assert!(with(b"[]").stderr.contains("not a recording"));
    assert_eq!(replay(&directory.path().join("missing")).code, Some(2));
    // A byte of a message, with a checksum that fits: the output is another.
    let plain = super::job::PLAIN;
    let at = good.windows(64).position(|w| w == plain).expect("the message is there");
    let mut other = good.clone();
    other[at] ^= 1;
    let mut start = 12;
    while start < other.len() {
        let length = u32::from_le_bytes(other[start..start + 4].try_into().unwrap()) as usize;
        let crc = crc32fast::hash(&other[start + 8..start + 8 + length]);
        other[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
        start += 8 + length;
    }
    let ended = with(&other);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("different at entry "), "{}", ended.stderr);
    assert!(ended.stderr.contains("(output): byte 0 was"), "{}", ended.stderr);
}

#[test]
fn what_ctl_does_is_recorded_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.rec");
    let (mut emulator, control) = with_control(&["--record", file.to_str().unwrap()]);
    let ctl = |arguments: &[&str]| {
        let mut all = vec!["ctl", "--control", control.to_str().unwrap()];
        all.extend(arguments);
        program(&all)
    };
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.work(0, 10);
    assert_eq!(ctl(&["fault", "add", "latency:fixed=1ms,times=3,name=slow"]).code, Some(0));
    guest.work(0, 10);
    assert_eq!(ctl(&["fault", "clear", "slow"]).code, Some(0));
    assert_eq!(ctl(&["fault", "clear", "slow"]).code, Some(1));
    guest.work(0, 10);
    ctl(&["reset"]);
    drop(guest);
    emulator.stop(libc::SIGINT);
    let ended = replay(&file);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("; 30 jobs, "), "{}", ended.stdout);
}

#[test]
fn a_limit_ends_the_recording_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = record(directory.path(), &["--record-limit", "64K"], 300);
    assert!(fs::metadata(&file).unwrap().len() <= 64 << 10);
    let ended = replay(&file);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("reached its limit"), "{}", ended.stdout);
}
