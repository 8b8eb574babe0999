//! `caam-emu ctl`, from outside.

use super::control::with_control;
use super::job::{Guest, PLAIN};
use super::support::*;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn ctl(control: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caam-emu"));
    command.args(["ctl", "--control", control.to_str().unwrap()]).args(arguments);
    command.stdin(Stdio::null());
    command
}

/// What it prints when all is well.
fn succeeds(control: &Path, arguments: &[&str]) -> String {
    let ended = run(&mut ctl(control, arguments));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    ended.stdout
}

/// It ends with 1 and one line that has these words.
fn fails(control: &Path, arguments: &[&str], words: &[&str]) {
    let ended = run(&mut ctl(control, arguments));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word} is not in: {}", ended.stderr);
    }
}

#[test]
fn statistics_are_a_table_or_json() {
    let (_emulator, control) = with_control(&["--job-rings", "2"]);
    let table = succeeds(&control, &["stats"]);
    assert!(table.starts_with("virt-era9, 1 DECO, up "), "{table}");
    assert!(table.contains("jr1") && !table.contains("jr2"), "{table}");
    assert!(!table.contains('\x1b'), "no colours in a file");
    let json = succeeds(&control, &["--json", "stats"]);
    assert_eq!(json.lines().count(), 1);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rings"].as_array().unwrap().len(), 2);
}

#[test]
fn statistics_are_what_prometheus_reads_with_a_job_that_failed() {
    let (emulator, control) = with_control(&["--job-rings", "2", "--stall", "for=1ms,name=a"]);
    let mut guest = Guest::new(&emulator, 1, 8);
    guest.shared_descriptor();
    let good = guest.job(0, &PLAIN);
    for (n, descriptor) in [good, 0x4000_0000].into_iter().enumerate() {
        guest.submit(1, n as u64, descriptor);
        guest.wait();
        // Or the line stays up for it, and the next wait is over at once.
        guest.write32(0x2034, 1);
        guest.write32(0x204c, 1);
        guest.unmask();
    }
    let text = succeeds(&control, &["stats", "--prometheus"]);
    for line in [
        "caam_ring_jobs_succeeded_total{ring=\"1\"} 1",
        "caam_ring_jobs_failed_total{ring=\"1\"} 1",
        "caam_ring_jobs_failed_total{ring=\"0\"} 0",
        "caam_ring_service_time_seconds_bucket{ring=\"1\",le=\"+Inf\"} 2",
        "caam_operation_bytes_total{ring=\"1\",alg=\"aes-cbc\",direction=\"encrypt\"} 64",
        "caam_fault_fired_total{rule=\"a\",kind=\"stall\"} 2",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in:\n{text}");
    }
    let json: Value = serde_json::from_str(&succeeds(&control, &["--json", "stats"])).unwrap();
    let failures = json["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1);
    for (key, value) in [("descriptor", "0x40000000"), ("meaning", "deco/dma")] {
        assert_eq!(failures[0][key], value);
    }
    assert_eq!((&failures[0]["ring"], &failures[0]["job"]), (&1.into(), &2.into()));
    let both = run(&mut ctl(&control, &["--json", "stats", "--prometheus"]));
    assert_eq!(both.code, Some(2));
}

#[test]
fn watch_looks_again_until_it_has_seen_enough() {
    let (_emulator, control) = with_control(&[]);
    let text = succeeds(&control, &["watch", "--interval", "0.01", "--count", "3"]);
    assert_eq!(text.matches("virt-era9, ").count(), 3);
    assert_eq!(text.matches("\n  a second").count(), 2, "rates, from the second on: {text}");
    let lines = succeeds(&control, &["watch", "--json", "--interval", "0.01", "--count", "4"]);
    let uptimes: Vec<_> = lines
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["uptime_ns"].as_u64().unwrap())
        .collect();
    assert!(uptimes.len() == 4 && uptimes.is_sorted(), "{uptimes:?}");
}

/// A terminal of 80 by 24: the end to read from, and the one for a program.
fn terminal() -> (File, File) {
    let (mut ours, mut theirs) = (-1, -1);
    let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: openpty writes the two descriptors, reads the size, and takes null for the rest.
    let done = unsafe {
        libc::openpty(
            &raw mut ours,
            &raw mut theirs,
            std::ptr::null_mut(),
            std::ptr::null(),
            &raw const size,
        )
    };
    assert_eq!(done, 0, "openpty: {}", std::io::Error::last_os_error());
    // SAFETY: the call above returned descriptors nobody else owns.
    let file = |fd| unsafe { File::from_raw_fd(fd) };
    (file(ours), file(theirs))
}

/// Whether the terminal hands on whole lines, as a shell wants it.
fn is_cooked(terminal: &File) -> bool {
    let mut settings = std::mem::MaybeUninit::uninit();
    // SAFETY: tcgetattr writes the settings of an open descriptor.
    assert_eq!(unsafe { libc::tcgetattr(terminal.as_raw_fd(), settings.as_mut_ptr()) }, 0);
    // SAFETY: written by the call above.
    let settings: libc::termios = unsafe { settings.assume_init() };
    settings.c_lflag & libc::ICANON != 0
}

#[test]
fn watch_on_a_terminal_is_a_view_and_sets_the_terminal_back_whatever_ends_it() {
    type End<'a> = &'a dyn Fn(&mut Emulator, &Child, &mut File);
    let ends: [(&str, End<'_>); 5] = [
        ("q", &|_, _, terminal| terminal.write_all(b"q").unwrap()),
        ("Ctrl-C", &|_, _, terminal| terminal.write_all(b"\x03").unwrap()),
        ("SIGTERM", &|_, child, _| signal(child, libc::SIGTERM)),
        ("SIGHUP", &|_, child, _| signal(child, libc::SIGHUP)),
        ("the emulator's end", &|emulator, _, _| drop(emulator.stop(libc::SIGTERM))),
    ];
    for (what, end) in ends {
        let (mut emulator, control) = with_control(&["--job-rings", "2"]);
        let (mut ours, theirs) = terminal();
        let mut command = ctl(&control, &["watch", "--interval", "0.05"]);
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (mut seen, mut buffer) = (String::new(), [0; 4096]);
        let mut read = |ours: &mut File, seen: &mut String| {
            let count = ours.read(&mut buffer).unwrap();
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        };
        while !seen.contains("q quit") || !seen.contains("jr1") {
            wait_readable(ours.as_raw_fd());
            read(&mut ours, &mut seen);
        }
        assert!(seen.contains("\x1b[?1049h") && !is_cooked(&theirs), "{what}: {seen:?}");
        end(&mut emulator, &child, &mut ours);
        while !seen.contains("\x1b[?1049l") {
            wait_readable(ours.as_raw_fd());
            read(&mut ours, &mut seen);
        }
        assert_eq!(wait(&mut child).code(), Some(0), "{what}");
        assert!(is_cooked(&theirs), "{what}");
    }
}

#[test]
fn watch_ends_with_the_emulator_and_with_its_reader() {
    let (mut emulator, control) = with_control(&[]);
    let watch = || {
        let mut command = ctl(&control, &["watch", "--interval", "0.01"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.starts_with("virt-era9"), "{line}");
        (child, stdout)
    };
    let (mut child, stdout) = watch();
    drop(stdout);
    assert_eq!(wait(&mut child).code(), Some(0), "nobody reads any more");
    let (mut child, mut stdout) = watch();
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    assert_eq!(wait(&mut child).code(), Some(0));
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(stderr.contains("the emulator has ended"), "{stderr}");
}

#[test]
fn faults_and_stalls_have_names_and_counts() {
    let (_emulator, control) = with_control(&[]);
    assert_eq!(succeeds(&control, &["fault", "list"]), "no fault rules\n");
    assert_eq!(succeeds(&control, &["stall", "for=20ms,every=100"]), "stall-1\n");
    assert_eq!(succeeds(&control, &["stall"]), "stall-2\n");
    assert_eq!(succeeds(&control, &["fault", "add", "irq-lost:name=gone"]), "gone\n");
    let list = succeeds(&control, &["fault", "list"]);
    assert!(list.contains("irq-lost:name=gone") && list.contains("stall:"), "{list}");
    let json: Value =
        serde_json::from_str(&succeeds(&control, &["--json", "fault", "list"])).unwrap();
    assert_eq!(json["rules"].as_array().unwrap().len(), 3);
    assert_eq!(succeeds(&control, &["fault", "clear", "gone"]), "1 rule removed\n");
    fails(&control, &["fault", "clear", "gone"], &["no rule 'gone'"]);
    fails(&control, &["fault", "add", "stal:for=1ms"], &["did you mean 'stall'"]);
    fails(&control, &["stall", "for=1"], &["for=1"]);
    assert_eq!(succeeds(&control, &["resume"]), "0 stalls ended\n");
    fails(&control, &["resume", "--ring", "4"], &["4 job rings"]);
    assert_eq!(succeeds(&control, &["fault", "clear", "--all"]), "2 rules removed\n");
}

#[test]
fn a_reset_says_so() {
    let (emulator, control) = with_control(&[]);
    assert_eq!(succeeds(&control, &["reset"]), "the device has been reset\n");
    assert_eq!(succeeds(&control, &["--json", "reset"]), "{}\n");
    emulator.check();
}

#[test]
fn wrong_usage_ends_with_2() {
    let binary = env!("CARGO_BIN_EXE_caam-emu");
    for arguments in [
        &["ctl"][..],
        &["ctl", "stats"],
        &["ctl", "--control", "a"],
        &["ctl", "--control", "a", "explode"],
        &["ctl", "--control", "a", "watch", "--interval", "0"],
        &["ctl", "--control", "a", "watch", "--count", "0"],
        &["ctl", "--control", "a", "fault"],
        &["ctl", "--control", "a", "fault", "add"],
        &["ctl", "--control", "a", "fault", "clear"],
        &["ctl", "--control", "a", "fault", "clear", "b", "--all"],
    ] {
        let ended = run(Command::new(binary).args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_emulator_that_cannot_be_reached_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("nowhere");
    fails(&nowhere, &["stats"], &["cannot connect", "nowhere", "serve --control"]);
}

/// Something else that listens there, and what it says to whoever asks.
fn foreign(answer: &'static [u8], words: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            stream.write_all(answer).unwrap();
        });
        fails(&path, &["stats"], words);
    });
}

#[test]
fn answers_that_are_none_are_told_from_others() {
    foreign(b"", &["the emulator has ended"]);
    foreign(b"220 mail\r\n", &["not an answer of caam-emu"]);
    foreign(b"{\"v\":2,\"id\":1,\"ok\":true,\"result\":{}}\n", &["version 2"]);
    foreign(b"{\"v\":1,\"id\":1,\"ok\":true}\n", &["neither a result nor an error"]);
    foreign(b"{\"v\":1,\"id\":1,\"ok\":true,\"result\":{}}\n", &["not understood", "--json"]);
    foreign(b"{\"v\":1,\"id\":1,\"ok\":false,\"error\":\"no, thanks\"}\n", &["no, thanks"]);
}

#[test]
fn a_job_that_failed_has_an_autopsy_that_hides_its_key() {
    let faults = ["--fault", "dma-error:of=output,job=2,name=a", "--autopsy", "failed,ring=1"];
    let (mut emulator, control) = with_control(&faults);
    fails(&control, &["job"], &["no job has had an autopsy yet"]);
    let mut guest = Guest::new(&emulator, 1, 8);
    guest.shared_descriptor();
    for n in 0..2 {
        let descriptor = guest.job(n, &PLAIN);
        guest.submit(1, n, descriptor);
        guest.wait();
        guest.write32(0x204c, 1);
        guest.unmask();
    }
    let list = succeeds(&control, &["job", "list"]);
    assert_eq!(list.lines().count(), 1, "{list}");
    assert!(list.contains("jr1 job 2") && list.contains("deco/dma"), "{list}");
    let text = succeeds(&control, &["job", "last"]);
    for part in [
        "alg=AES aai=CBC",
        "(16 bytes, hidden)",
        "the last command was that of word",
        "a fault rule did this: access 1 of sort \"output\" fails",
        "<- not possible",
        "-EINVAL",
        "SOL ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("16157e2b"), "the key is in\n{text}");
    let json: Value = serde_json::from_str(&succeeds(&control, &["--json", "job", "1"])).unwrap();
    assert_eq!(
        (&json["ring"], &json["job"], &json["redacted"]),
        (&1.into(), &2.into(), &true.into())
    );
    fails(&control, &["job", "2"], &["there are 1 to 1"]);
    let ended = run(&mut ctl(&control, &["job", "lats"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("did you mean 'last'"), "{}", ended.stderr);
    let log = emulator.stop(libc::SIGTERM).stderr;
    assert!(log.contains("autopsy=1"), "{log}");
}
