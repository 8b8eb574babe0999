use super::*;
use crate::device::platform::Secrets;
use crate::device::soc::VIRT_ERA9;
use crate::device::{Device, Setup};
use std::time::Duration;

/// Of a device that nobody has touched.
fn fresh(rings: usize) -> Statistics {
    let setup = Setup { soc: &VIRT_ERA9, rings, decos: 1, fault_seed: 1 };
    let secrets = Secrets { seed: Some(1), master_key: None };
    Device::new(setup, secrets).unwrap().statistics(Duration::from_millis(1500))
}

fn aes(jobs: u64, bytes: u64) -> Operation {
    Operation { name: "aes-xts".into(), direction: "encrypt".into(), jobs, bytes }
}

fn line<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines()
        .find(|l| l.trim_start().starts_with(name))
        .unwrap_or_else(|| panic!("{name}:\n{text}"))
}

#[test]
fn three_digits_and_a_unit() {
    let shown = [0, 7, 999, 1000, 9_994, 9_995, 999_499, 999_500, 1_500_000_000, 8_123_000_000_000];
    let expected = [
        "0 ns", "7 ns", "999 ns", "1.00 us", "9.99 us", "10.0 us", "999 us", "1.00 ms", "1.50 s",
        "8123 s",
    ];
    for (value, text) in shown.into_iter().zip(expected) {
        assert_eq!(time(value), text, "{value}");
    }
    assert_eq!(bytes(u64::MAX), "18446744 TB");
}

#[test]
fn rates_do_not_overflow_and_never_divide_by_zero() {
    assert_eq!(rate(1000, 500, 500_000_000), 1000);
    assert_eq!(rate(5, 9, 1_000_000_000), 0);
    assert_eq!(rate(u64::MAX, 0, 0), u64::MAX);
}

#[test]
fn a_fresh_device_has_a_table() {
    let text = statistics(&fresh(2), None, true);
    assert!(text.starts_with("virt-era9, 1 DECO, up 1.50 s, interrupt signalled 0 times\n"));
    assert!(!text.contains('\x1b'), "nothing stands out: {text}");
    assert_eq!(line(&text, "state").split_whitespace().count(), 1 + 2 * 3, "not set up, twice");
    assert!(!text.contains("share of the time") && !text.contains("algorithm"), "{text}");
    assert!(text.lines().all(|l| l.trim_end() == l), "no blanks at the ends of lines");
}

#[test]
fn columns_stand_under_their_ring() {
    let mut stats = fresh(3);
    stats.rings[1].jobs = 123_456_789;
    stats.rings[2].doorbells = 7;
    let text = statistics(&stats, None, false);
    let heading = text.lines().find(|l| l.contains("jr0")).unwrap();
    for ring in 0..3 {
        let end = heading.find(&format!("jr{ring}")).unwrap() + 3;
        for name in ["jobs taken", "doorbells", "IRSAR read", "state"] {
            let row = line(&text, name);
            let (before, after) = (row.as_bytes()[end - 1], row.as_bytes().get(end));
            assert!(before != b' ' && after.is_none_or(|b| *b == b' '), "{ring} {name}:\n{text}");
        }
    }
}

#[test]
fn what_went_wrong_stands_out_on_a_terminal_only() {
    let mut stats = fresh(1);
    stats.rings[0].failed = 3;
    stats.rings[0].state = State::Halted;
    let plain = statistics(&stats, None, false);
    assert!(!plain.contains('\x1b'));
    let coloured = statistics(&stats, None, true);
    assert!(line(&coloured, "failed").contains("\x1b[31m3\x1b[0m"), "{coloured}");
    assert!(line(&coloured, "state").contains("\x1b[33mhalted\x1b[0m"), "{coloured}");
    let stripped = ["\x1b[31m", "\x1b[33m", "\x1b[0m"]
        .iter()
        .fold(coloured, |text, sequence| text.replace(sequence, ""));
    assert_eq!(stripped, plain, "colours move nothing");
}

#[test]
fn shares_are_of_the_time_the_ring_was_set_up() {
    let mut stats = fresh(2);
    stats.rings[0].occupancy_time =
        vec![Band { from: 0, to: 0, ns: 750 }, Band { from: 2, to: 3, ns: 250 }];
    stats.rings[1].occupancy_time = vec![Band { from: 2, to: 3, ns: 9 }];
    let text = statistics(&stats, None, false);
    let (_, shares) = text.split_once("share of the time").unwrap();
    let mut lines = shares.lines().skip(1);
    assert_eq!(
        lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["0", "75.0", "%", "-"]
    );
    let second: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(second, ["2", "to", "3", "25.0", "%", "100.0", "%"]);
}

#[test]
fn fault_rules_stand_with_their_counts() {
    let mut stats = fresh(1);
    assert!(!statistics(&stats, None, false).contains("fault"));
    let report = |name: &str, fired, remaining| crate::fault::RuleReport {
        name: name.into(),
        rule: format!("irq-lost:name={name}"),
        toll: crate::fault::table::Toll::Device,
        matched: 1234,
        fired,
        remaining,
    };
    stats.faults.rules = vec![report("a", 7, None), report("longer", 8, Some(3))];
    let text = statistics(&stats, None, false);
    assert!(line(&text, "fault rules, seed 1").ends_with("matched  fired  left"), "{text}");
    let words: Vec<_> = line(&text, "irq-lost:name=a").split_whitespace().collect();
    assert_eq!(words, ["irq-lost:name=a", "1234", "7", "any"]);
    assert!(line(&text, "irq-lost:name=longer").ends_with("3"), "{text}");
    assert!(text.ends_with(&faults(&stats.faults)), "the same as in fault list");
    assert_eq!(faults(&fresh(1).faults), "no fault rules\n");
}

#[test]
fn rates_are_since_the_last_look() {
    let mut before = fresh(1);
    before.rings[0].jobs = 100;
    before.rings[0].operations = vec![aes(100, 51_200)];
    let mut now = before.clone();
    now.uptime_ns += 500_000_000;
    now.rings[0].jobs = 600;
    now.rings[0].operations = vec![aes(600, 2_051_200)];
    let text = statistics(&now, Some(&before), false);
    assert!(line(&text, "a second").ends_with(" 1000"), "{text}");
    assert!(line(&text, "message bytes a second").ends_with(" 4.00 MB"), "{text}");
    assert!(line(&text, "jr0 aes-xts encrypt").ends_with("600  2.05 MB"), "{text}");
    assert!(!statistics(&now, None, false).contains("a second"));
}
