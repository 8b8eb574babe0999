//! The log: `--log`, its lines, and what must not be in them.

use super::job::{Guest, PLAIN};
use super::support::*;
use std::process::Command;

/// A good job and one whose descriptor is nowhere, then the end.
fn log_of(arguments: &[&str], rust_log: Option<&str>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let mut command = serve(["--socket-path", socket.to_str().unwrap()]);
    command.args(arguments);
    if let Some(filter) = rust_log {
        command.env("RUST_LOG", filter);
    }
    let mut emulator = Emulator::spawn(command, directory, socket);
    let mut guest = Guest::new(&emulator, 1, 8);
    guest.shared_descriptor();
    let good = guest.job(0, &PLAIN);
    for (n, descriptor) in [good, 0x4000_0000].into_iter().enumerate() {
        guest.submit(1, n as u64, descriptor);
        guest.wait();
        guest.write32(0x204c, 1);
        guest.write32(0x2034, 1);
        guest.unmask();
    }
    guest.write32(0x0614, 7); // RTSBLIM
    // DECO 0's descriptor buffer, which may hold a key.
    guest.write32(0x009c, 1);
    guest.write32(0x8a00, 0x5ec2_e7ed);
    guest.read32(0x8a00);
    let ended = emulator.stop(libc::SIGTERM);
    assert_eq!(ended.code, Some(0));
    ended.stderr
}

/// Behind the time and the level: the text and the pairs.
fn parse(line: &str) -> (String, Vec<(String, String)>) {
    let (head, rest) = line.split_once("] ").unwrap_or_else(|| panic!("{line}"));
    assert!(head.starts_with('[') && head.contains("Z "), "{line}");
    // What stands before the first word with a '=' is the text.
    let words: Vec<_> = rest.split(' ').collect();
    let text = words.iter().take_while(|word| !word.contains('=')).copied().collect::<Vec<_>>();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for word in &words[text.len()..] {
        match (word.split_once('='), pairs.last_mut()) {
            // Inside quotes.
            (_, Some((_, value))) if value.starts_with('"') && !closed(value) => {
                value.push(' ');
                value.push_str(word);
            }
            (Some((key, value)), _) => pairs.push((key.into(), value.into())),
            (None, _) => panic!("neither text nor a pair: {word:?} in {line}"),
        }
    }
    (text.join(" "), pairs)
}

fn closed(value: &str) -> bool {
    value.len() > 1 && value.ends_with('"') && !value.ends_with("\\\"")
}

fn lines<'a>(log: &'a str, text: &'a str) -> impl Iterator<Item = Vec<(String, String)>> + 'a {
    log.lines().map(parse).filter(move |(said, _)| said == text).map(|(_, pairs)| pairs)
}

fn value<'a>(pairs: &'a [(String, String)], key: &str) -> &'a str {
    let found = pairs.iter().find(|(k, _)| k == key);
    found.map_or_else(|| panic!("no {key} in {pairs:?}"), |(_, value)| value)
}

#[test]
fn a_job_is_a_line_with_keys_that_a_rule_understands() {
    let log = log_of(&["--log", "debug"], None);
    let ended: Vec<_> = lines(&log, "job ended").collect();
    assert_eq!(ended.len(), 1, "{log}");
    assert_eq!(value(&ended[0], "status"), "0x00000000");
    let failed: Vec<_> = lines(&log, "job failed").collect();
    assert_eq!(failed.len(), 1, "{log}");
    for (key, expected) in [
        ("ring", "1"),
        ("job", "2"),
        ("descriptor", "0x40000000"),
        ("status", "0x40000016"),
        ("meaning", "deco/dma"),
    ] {
        assert_eq!(value(&failed[0], key), expected);
    }
    let mut rule = "data-skip:".to_owned();
    for key in ["ring", "job", "descriptor", "alg", "dir", "length", "shared"] {
        rule += &format!("{key}={},", value(&ended[0], key));
    }
    let mut faults = Command::new(env!("CARGO_BIN_EXE_caam-emu"));
    let said = run(faults.args(["faults", "--seed", "1", "--matched", "9", "--predict", &rule]));
    assert_eq!((said.stdout.as_str(), said.code), ("9\n", Some(0)), "{rule}: {}", said.stderr);
}

#[test]
fn conditions_drop_the_lines_of_others() {
    let jobs = |filter: &str| {
        let log = log_of(&["--log", filter], None);
        (lines(&log, "job ended").count(), lines(&log, "job failed").count())
    };
    assert_eq!(jobs("debug,status=failed"), (0, 1));
    assert_eq!(jobs("debug,status=ok"), (1, 0));
    assert_eq!(jobs("debug,job=1"), (1, 0));
    assert_eq!(jobs("debug,ring=0|2"), (0, 0));
    assert_eq!(jobs("info"), (0, 1));
    assert_eq!(jobs("off"), (0, 0));
}

#[test]
fn registers_are_logged_by_class() {
    let log = log_of(&["--log", "registers=rng"], None);
    let written: Vec<_> = lines(&log, "register written").collect();
    assert_eq!(written.len(), 1, "{log}");
    assert_eq!(value(&written[0], "register"), "RTSBLIM/RTTOTSAM");
    assert_eq!(value(&written[0], "value"), "0x00000007");
    let log = log_of(&["--log", "off,registers=jobring|config"], None);
    let accesses: Vec<_> = log.lines().map(parse).collect();
    assert!(accesses.iter().any(|(text, _)| text == "configuration space written"), "{log}");
    let added = accesses.iter().filter(|(text, pairs)| {
        text == "register written" && pairs.iter().any(|(_, value)| value == "IRJAR")
    });
    assert_eq!(added.count(), 2, "{log}");
    assert!(!log.contains("MCFGR") && !log.contains("job failed"), "{log}");
    let log = log_of(&["--log", "off,ring=0,registers=jobring"], None);
    assert_eq!(log, "", "all of it was about ring 1");
}

#[test]
fn every_line_is_an_event_and_none_tells_a_secret() {
    let log = log_of(&["--log", "trace"], None);
    assert!(log.lines().count() > 20, "{log}");
    log.lines().map(parse).for_each(drop);
    let hidden: Vec<_> = log.lines().filter(|line| line.contains("D0DESB")).collect();
    assert_eq!(hidden.len(), 2, "{log}");
    // The key of `Guest::shared_descriptor`, the plaintext, and what was written into DECO 0.
    for secret in ["2b7e", "7e2b", "6bc1", "c16b", "5ec2e7ed"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn rust_log_is_heard_where_there_is_no_filter() {
    let log = log_of(&[], Some("caam_emu::registers::jobring=trace"));
    assert!(lines(&log, "register written").count() > 0 && !log.contains("job failed"), "{log}");
    let log = log_of(&["--log", "error"], Some("trace"));
    assert_eq!(log, "");
    let log = log_of(&[], None);
    assert_eq!(lines(&log, "job failed").count(), 1, "{log}");
    assert_eq!(lines(&log, "job ended").count(), 0, "{log}");
}

#[test]
fn a_filter_that_is_none_is_said_with_the_nearest_word() {
    let ended = run(&mut serve(["--fd", "3", "--log", "rnig=1"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("did you mean 'ring'?"), "{}", ended.stderr);
}
