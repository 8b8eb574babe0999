//! What the process gives up before it serves, seen from outside. (What can still be done inside
//! is tested beside the code.)

use super::control::with_control;
use super::support::*;
use std::process::Command;

/// A field of /proc/PID/status of every thread.
fn of_threads(emulator: &Emulator, field: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", emulator.child.id())).unwrap();
    let status = tasks.map(|t| std::fs::read_to_string(t.unwrap().path().join("status")).unwrap());
    let value = |status: String| {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    status.map(value).collect()
}

/// seccomp's mode 2: a filter.
const FILTERED: &str = "2";
/// `CAP_DAC_OVERRIDE`, the only one that may be left.
const KEPT: u64 = 1 << 1;

#[test]
fn every_thread_is_confined() {
    let control = tempfile::tempdir().unwrap();
    let path = control.path().join("ctl").to_string_lossy().into_owned();
    let emulator = Emulator::start(&["--decos", "3", "--control", &path]);
    let client = emulator.client();
    let modes = of_threads(&emulator, "Seccomp:");
    assert!(modes.len() >= 6, "main, control, client and three DECOs: {modes:?}");
    assert!(modes.iter().all(|mode| mode == FILTERED), "{modes:?}");
    assert!(of_threads(&emulator, "NoNewPrivs:").iter().all(|on| on == "1"));
    for field in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
        for capabilities in of_threads(&emulator, field) {
            let left = u64::from_str_radix(&capabilities, 16).unwrap();
            assert_eq!(left & !KEPT, 0, "{field} {capabilities}");
        }
    }
    drop(client);
    emulator.check();
}

#[test]
fn no_sandbox_means_none() {
    let emulator = Emulator::start(&["--no-sandbox"]);
    // What the test itself runs under is inherited.
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let own = own.lines().find(|line| line.starts_with("Seccomp_filters:")).unwrap();
    let own = own.split_whitespace().nth(1).unwrap().to_owned();
    assert!(of_threads(&emulator, "Seccomp_filters:").iter().all(|count| *count == own));
    emulator.check();
}

#[test]
fn ctl_may_have_files_made_where_the_command_line_says() {
    let (emulator, control) = with_control(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let start = |folder: &std::path::Path| {
        let mut ctl = Command::new(env!("CARGO_BIN_EXE_caam-emu"));
        ctl.arg("ctl").arg("--control").arg(&control).args(["trace", "start"]);
        run(ctl.arg(folder.join("t.json")))
    };
    let refused = start(elsewhere.path());
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--trace-dir"), "{}", refused.stderr);
    assert!(!elsewhere.path().join("t.json").exists());
    assert_eq!(start(emulator.directory.path()).code, Some(0));
    emulator.check();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let arguments = ["--socket-path", "/nowhere/s", "--trace-dir", "/nowhere/at/all"];
    let ended = run(&mut serve(arguments));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--trace-dir /nowhere/at/all: not a folder"), "{}", ended.stderr);
}
