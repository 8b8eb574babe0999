//! Files that cannot be written any more. (A limit on the size of files stands in for a full disk:
//! for root, too, and without one to fill.)

use crate::machine::*;
use crate::support::*;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes of a file in such a world.
const ROOM: u64 = 200_000;

/// Lets a command's process write no file longer than `bytes`.
fn limit(command: &mut Command, bytes: u64) {
    let limit = move || {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: a plain structure that lives over the call, which may be made here.
        if unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: no handler is installed. The call then fails, as on a full disk.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(limit) };
}

fn program(arguments: &[&str]) -> Ended {
    run(Command::new(env!("CARGO_BIN_EXE_caam-emu")).args(arguments).stdin(Stdio::null()))
}

/// With room for so many bytes in each of its files.
fn short_of_disk(bytes: u64, arguments: &[OsString]) -> (Emulator, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let control = directory.path().join("control.sock");
    let mut all: Vec<OsString> = vec!["--socket-path".into(), socket.clone().into()];
    all.extend(["--control".into(), control.clone().into()]);
    all.extend(["--trace-dir".into(), directory.path().into()]);
    all.extend_from_slice(arguments);
    let mut command = serve(all);
    command.env("RUST_LOG", "warn");
    limit(&mut command, bytes);
    (Emulator::spawn(command, directory, socket), control)
}

/// Has jobs done until the emulator says that it cannot write, and then some more.
fn fill(emulator: &Emulator, control: &Path) {
    let mut machine = Machine::new(&emulator.socket, 16, false);
    let mut draw = Draw::new(1);
    until("a file that cannot be written", || {
        machine.works(&mut draw);
        emulator.log().contains("cannot be written")
    });
    machine.works(&mut draw);
    machine.settle(control);
}

/// Ends it: by its status it says that a file is not whole, and which.
fn ends(mut emulator: Emulator, file: &Path) {
    let ended = emulator.stop(libc::SIGTERM);
    let lines = |word: &str| ended.stderr.lines().filter(|line| line.contains(word)).count();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(lines("cannot be written"), 1, "once: {}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.contains("is cut short: File too large"), "{last}");
    assert!(last.contains(file.to_str().unwrap()), "{last}");
}

#[test]
fn a_trace_or_recording_ends_there_and_the_device_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for (option, name) in [("--trace", "t.json"), ("--trace", "t.jsonl"), ("--record", "t.rec")] {
        let file = folder.path().join(name);
        let (emulator, control) = short_of_disk(ROOM, &[option.into(), file.clone().into()]);
        fill(&emulator, &control);
        ends(emulator, &file);
        let length = fs::metadata(&file).unwrap().len();
        assert!(length > ROOM / 2 && length <= ROOM, "{name}: {length} bytes");
        // What is there can be read: to the end, which says why it is one, or, if there was no
        // room for that in a trace, to where it is cut.
        let path = file.to_str().unwrap();
        let (ended, reason) = match option {
            "--record" => (program(&["replay", path]), "the file could not be written"),
            _ => (program(&["trace", "check", path]), "File too large"),
        };
        let Ended { code, stdout, stderr } = &ended;
        match *code {
            Some(0) => assert!(stdout.contains(reason) && stderr.is_empty(), "{name}: {stdout}"),
            _ => {
                assert_ne!(option, "--record", "{stderr}");
                assert!(*code == Some(2) && stderr.contains("cut short"), "{name}: {stderr}");
            }
        }
        assert!(stdout.contains(" jobs"), "{name}: {stdout}");
    }
}

#[test]
fn a_trace_that_ctl_has_begun_ends_too_and_ctl_is_told() {
    let (emulator, control) = short_of_disk(ROOM, &[]);
    let file = emulator.directory.path().join("by-ctl.json");
    let ctl = |arguments: &[&str]| {
        let mut all = vec!["ctl", "--control", control.to_str().unwrap(), "trace"];
        all.extend(arguments);
        program(&all)
    };
    assert_eq!(ctl(&["start", file.to_str().unwrap()]).code, Some(0));
    fill(&emulator, &control);
    let status = ctl(&["status"]);
    assert!(status.stdout.contains("File too large"), "{}", status.stdout);
    // There is room elsewhere, and a new one begins.
    let next = emulator.directory.path().join("next.json");
    assert_eq!(ctl(&["start", next.to_str().unwrap()]).code, Some(0));
    assert_eq!(ctl(&["stop"]).code, Some(0));
    ends(emulator, &file);
}

#[test]
fn statistics_are_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stats.json");
    // For the line that says so, but not for the numbers.
    let (mut emulator, control) = short_of_disk(1000, &["--stats".into(), file.clone().into()]);
    let mut machine = Machine::new(&emulator.socket, 16, false);
    machine.works(&mut Draw::new(1));
    signal(&emulator.child, libc::SIGUSR1);
    until("a complaint", || emulator.log().contains("cannot write statistics"));
    machine.works(&mut Draw::new(2));
    machine.settle(&control);
    let ended = emulator.stop(libc::SIGTERM);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.contains("cannot write statistics to"), "{last}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "not a part of them either");
}

#[test]
fn a_log_that_nobody_can_write_costs_its_lines_only() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("caam.sock");
    let mut command = serve(["--socket-path", socket.to_str().unwrap(), "--log", "trace"]);
    let mut child = command.stdout(Stdio::piped()).stderr(full()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "{line}");
    let mut machine = Machine::new(&socket, 16, false);
    machine.works(&mut Draw::new(1));
    drop(machine);
    signal(&child, libc::SIGTERM);
    assert_eq!(wait(&mut child).code(), Some(0));
    // An error that cannot be said is one all the same, and no panic.
    let mut command = serve(["--socket-path", "/nowhere/at/all"]);
    let mut child = command.stdout(Stdio::null()).stderr(full()).spawn().unwrap();
    assert_eq!(wait(&mut child).code(), Some(1));
}
