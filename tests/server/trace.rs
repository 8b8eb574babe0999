//! Traces of a running emulator: `serve --trace`, `ctl trace`, `trace check`.

use super::control::with_control;
use super::job::Guest;
use super::support::*;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

const JOBS: u64 = 300;

fn program(arguments: &[&str]) -> Ended {
    run(Command::new(env!("CARGO_BIN_EXE_caam-emu")).args(arguments).stdin(Stdio::null()))
}

fn check(file: &Path) -> Ended {
    program(&["trace", "check", file.to_str().unwrap()])
}

/// The check's words for a trace that is whole.
fn good(file: &Path) -> String {
    let ended = check(file);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    ended.stdout
}

fn ctl(control: &Path, arguments: &[&str]) -> Ended {
    let mut all = vec!["ctl", "--control", control.to_str().unwrap(), "trace"];
    all.extend(arguments);
    program(&all)
}

#[test]
fn from_beginning_to_end_in_both_formats() {
    let directory = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("run.json", &[][..]),
        ("run.jsonl", &["--trace-registers"]),
        ("odd.txt", &["--trace-format", "jsonl"]),
    ] {
        let file = directory.path().join(name);
        fs::write(&file, "what was there before").unwrap();
        let mut all = vec!["--decos", "2", "--trace", file.to_str().unwrap()];
        all.extend(arguments);
        let mut emulator = Emulator::start(&all);
        let mut guest = Guest::new(&emulator, 1, 16);
        guest.work(1, JOBS);
        drop(guest);
        assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0), "{}", emulator.log());
        let said = good(&file);
        // Whoever could read what was there before.
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(
            said.contains(&format!("jr1: {JOBS} jobs: {JOBS} removed by the driver")),
            "{said}"
        );
        assert!(said.contains("ended: stopped; 0 events dropped"), "{said}");
        let text = fs::read_to_string(&file).unwrap();
        if name == "run.json" {
            let events: Vec<Value> = serde_json::from_str(&text).expect("JSON");
            let begun = events.iter().filter(|e| e["ph"] == "b" && e["name"] == "job").count();
            assert_eq!(begun as u64, JOBS);
        } else {
            text.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
        }
        assert_eq!(text.contains("\"event\":\"register\""), name == "run.jsonl");
    }
}

#[test]
fn started_and_stopped_while_jobs_run() {
    let (emulator, control) = with_control(&[]);
    let file = emulator.directory.path().join("part.json");
    let path = file.to_str().unwrap();
    assert_eq!(ctl(&control, &["status"]).stdout, "no trace\n");
    let none = ctl(&control, &["stop"]);
    assert_eq!((none.code, none.stderr.contains("no trace is being written")), (Some(1), true));
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.work(0, 20);
    fs::write(&file, "what was there before").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let begun = ctl(&control, &["start", path]);
    assert_eq!(begun.code, Some(0), "{}", begun.stderr);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let twice = ctl(&control, &["start", path]);
    assert_eq!((twice.code, twice.stderr.contains("stop it first")), (Some(1), true));
    guest.work(0, 40);
    assert!(ctl(&control, &["status"]).stdout.contains("being written"));
    let ended = ctl(&control, &["stop"]);
    assert!(ended.stdout.contains("stopped") && ended.stdout.contains(" 0 dropped"));
    assert!(good(&file).contains("jr0: 40 jobs"), "{}", good(&file));
    let size = fs::metadata(&file).unwrap().len();
    assert!(ended.stdout.contains(&format!("{size} bytes")), "{}", ended.stdout);
    // What happens now is in no file, and the next trace is a new one.
    guest.work(0, 10);
    assert_eq!(fs::metadata(&file).unwrap().len(), size);
    let lines = emulator.directory.path().join("next.jsonl");
    ctl(&control, &["start", lines.to_str().unwrap(), "--registers"]);
    guest.work(0, 10);
    drop(guest);
    ctl(&control, &["stop"]);
    assert!(good(&lines).contains("jr0: 10 jobs"));
}

#[test]
fn a_limit_ends_the_trace_and_nothing_else() {
    let (emulator, control) = with_control(&[]);
    for name in ["small.json", "small.jsonl"] {
        let file = emulator.directory.path().join(name);
        ctl(&control, &["start", file.to_str().unwrap(), "--limit", "64K"]);
        let mut guest = Guest::new(&emulator, 0, 16);
        guest.work(0, 400);
        let status = ctl(&control, &["stop"]);
        assert!(status.stdout.contains("reached its limit"), "{}", status.stdout);
        assert!(fs::metadata(&file).unwrap().len() <= 64 << 10);
        assert!(good(&file).contains("reached its limit"));
    }
    let file = emulator.directory.path().join("tiny.json");
    let refused = ctl(&control, &["start", file.to_str().unwrap(), "--limit", "5"]);
    assert_eq!((refused.code, refused.stderr.contains("at least 64K")), (Some(2), true));
}

#[test]
fn what_is_left_by_a_kill_is_readable_and_called_cut_short() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["killed.json", "killed.jsonl"] {
        let file = directory.path().join(name);
        let mut emulator = Emulator::start(&["--trace", file.to_str().unwrap()]);
        let mut guest = Guest::new(&emulator, 0, 16);
        guest.work(0, JOBS);
        // The last removal has been told, and an idle queue is written.
        let whole = |text: &str| text.matches("interrupt").count() > 0 && text.ends_with('}');
        let told = format!("\"job\":{JOBS}");
        let start = std::time::Instant::now();
        loop {
            let text = fs::read_to_string(&file).unwrap();
            if whole(text.trim_end()) && text.contains(&told) {
                break;
            }
            assert!(start.elapsed() < DEADLINE, "{text}");
        }
        emulator.stop(libc::SIGKILL);
        let ended = check(&file);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("cut short behind"), "{}", ended.stderr);
        assert!(ended.stdout.contains(&format!("jr0: {JOBS} jobs")), "{}", ended.stdout);
        // Perfetto's reader does without the bracket.
        let text = fs::read_to_string(&file).unwrap();
        if name == "killed.json" {
            serde_json::from_str::<Vec<Value>>(&(text + "]")).expect("JSON but for its end");
        }
    }
}

#[test]
fn a_full_disk_ends_the_trace_and_the_device_lives_on() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let control = directory.path().join("control.sock");
    let file = directory.path().join("full.json");
    let [socket_path, control_path, path] =
        [&socket, &control, &file].map(|path| path.to_str().unwrap());
    let mut command = serve(["--socket-path", socket_path, "--control", control_path]);
    command.args(["--trace", path]);
    let limit = || {
        let limit = libc::rlimit { rlim_cur: 100_000, rlim_max: 100_000 };
        // SAFETY: both calls take plain values or a struct that lives over the call, and may be
        // made between fork and exec.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
        // SAFETY: as above; a signal that is ignored stays ignored.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(limit) };
    let emulator = Emulator::spawn(command, directory, socket);
    let mut guest = Guest::new(&emulator, 0, 16);
    guest.work(0, 1000);
    let status = ctl(&control, &["status"]).stdout;
    assert!(status.contains("File too large"), "{status}");
    assert_eq!(emulator.log().matches("File too large").count(), 2, "{}", emulator.log());
    guest.work(0, 20);
    drop(guest);
    // What was written before the disk was full, and an end, for which there is room again; if the
    // piece that did not fit was not shorter than that.
    let ended = check(&file);
    match ended.code {
        Some(0) => assert!(ended.stdout.contains("File too large"), "{}", ended.stdout),
        code => assert!(code == Some(2) && ended.stderr.contains("cut short"), "{}", ended.stderr),
    }
    assert!(ended.stdout.contains("jr0: "), "{}", ended.stdout);
    emulator.check();
}

#[test]
fn files_that_are_no_traces_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    for (text, words) in [
        ("", "it is empty"),
        ("caam", "not a trace"),
        ("[]", "not of ours"),
        ("[{\"ph\":\"M\"", "cut short"),
        ("[{\"ph\":7}]", "line 1, column 9"),
        ("{\"a\":1}\n", "first line is not ours"),
        (
            "{\"caam_emu_trace\":9,\"version\":\"\",\"soc\":\"\",\"rings\":1,\"decos\":1,\
          \"fault_seed\":0,\"registers\":false}\n",
            "version 9",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let ended = check(&path);
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{text}");
        assert!(ended.stderr.contains(words), "{text}: {}", ended.stderr);
    }
    // Numbers that are none of a ring's, in traces that begin well.
    let ring = |sequence: u64, pending: u64| {
        format!(
            r#"{{"ns":1,"event":"ring","ring":0,"sequence":{sequence},"what":"seen","pending":{pending},"in_flight":0,"waiting":0,"states":[]}}"#
        )
    };
    let lines = "{\"caam_emu_trace\":1,\"version\":\"\",\"soc\":\"\",\"rings\":1,\"decos\":1,\
                 \"fault_seed\":0,\"registers\":false}\n";
    let counter = "{\"ph\":\"C\",\"name\":\"jobs\",\"pid\":1,\"tid\":0,\"ts\":1,\"args\":{\"pending\":\
                   18446744073709551615,\"in flight\":1,\"waiting\":0,\"occupancy\":0}}";
    let slice = "{\"ph\":\"B\",\"name\":\"x\",\"pid\":1,\"tid\":1,\"ts\":0},{\"ph\":\"E\",\"name\":\"x\",\
                 \"pid\":1,\"tid\":1,\"ts\":1e300}";
    for (text, code, words) in [
        (format!("{lines}{}\n", ring(1, u32::MAX.into())), 1, "jobs in it"),
        (format!("{lines}{}\n{}\n", ring(u64::MAX, 0), ring(1, 0)), 2, "cut short"),
        (format!("[{counter}]"), 1, "the jobs make"),
        (format!("[{slice},{slice}]"), 2, "not of ours"),
    ] {
        fs::write(&path, &text).unwrap();
        let ended = check(&path);
        assert_eq!(
            (ended.code, ended.stderr.lines().count()),
            (Some(code), 1),
            "{text}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains(words), "{text}: {}", ended.stderr);
    }
    let ended = check(&directory.path().join("missing"));
    assert_eq!((ended.code, ended.stderr.contains("missing")), (Some(2), true));
    // Nor are places where none can be written.
    let mut fails = serve(["--socket-path", path.with_extension("sock").to_str().unwrap()]);
    let ended = run(fails.args(["--trace", "/nowhere/trace.json"]));
    assert_eq!((ended.code, ended.stderr.contains("/nowhere/trace.json")), (Some(1), true));
    let mut fails = serve(["--socket-path", path.with_extension("sock").to_str().unwrap()]);
    let ended = run(fails.args(["--trace", "/dev/null"]));
    assert_eq!((ended.code, ended.stderr.contains("not a regular file")), (Some(1), true));
}
