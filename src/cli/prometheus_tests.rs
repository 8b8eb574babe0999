//! The document is read back by a strict reader of the format.

use super::*;
use crate::control::stats::{Band, Interrupts};
use crate::device::platform::Secrets;
use crate::device::soc::VIRT_ERA9;
use crate::device::{Device, Setup};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A sample's labels, in the order of their names.
type Key = Vec<(String, String)>;

/// A metric as read: its type, and the value of each sample by name and labels.
struct Metric {
    kind: String,
    samples: Vec<(String, Key, f64)>,
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Labels between braces, and what stands behind them.
fn labels(mut text: &str) -> (Key, &str) {
    let mut key = Key::new();
    loop {
        let (name, rest) = text.split_once("=\"").expect("NAME=\"");
        assert!(is_name(name) && !name.starts_with("__"), "{name}");
        let (mut value, mut chars) = (String::new(), rest.char_indices());
        let end = loop {
            match chars.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().expect("an escape").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("no escape: {c}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(key.iter().all(|(n, _)| n != name), "{name} twice");
        key.push((name.to_owned(), value));
        text = &rest[end + 1..];
        match text.split_at(1) {
            (",", rest) => text = rest,
            ("}", rest) => {
                key.sort();
                return (key, rest);
            }
            _ => panic!("neither , nor }}: {text}"),
        }
    }
}

/// Reads a document; panics at what is not exactly right.
fn read(text: &str) -> BTreeMap<String, Metric> {
    assert!(text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'));
    let mut metrics = BTreeMap::new();
    let mut current = String::new();
    let mut helped = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(is_name(name) && !help.is_empty() && help.ends_with('.'), "{line}");
            helped = Some(name.to_owned());
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(helped.as_deref(), Some(name), "HELP and TYPE belong together");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            let metric = Metric { kind: kind.to_owned(), samples: Vec::new() };
            assert!(metrics.insert(name.to_owned(), metric).is_none(), "{name} twice");
            current = name.to_owned();
            continue;
        }
        let end = line.find(['{', ' ']).expect("a value");
        let (name, rest) = line.split_at(end);
        let (key, value) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest),
            None => (Key::new(), rest),
        };
        let value: f64 = value.strip_prefix(' ').expect("a blank").parse().expect("a number");
        let metric = metrics.get_mut(&current).expect("a type before the first sample");
        let suffix = name.strip_prefix(&current).expect("samples stand with their metric");
        match metric.kind.as_str() {
            "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
            _ => assert_eq!(suffix, "", "{line}"),
        }
        metric.samples.push((name.to_owned(), key, value));
    }
    for (name, metric) in &metrics {
        let keys: BTreeSet<_> = metric.samples.iter().map(|(name, key, _)| (name, key)).collect();
        assert_eq!(keys.len(), metric.samples.len(), "{name}: a sample twice");
        assert!(metric.samples.iter().all(|(_, _, value)| *value >= 0.0), "{name}");
        if metric.kind == "histogram" {
            check_histogram(name, metric);
        }
    }
    metrics
}

/// Buckets ascend, count up, end with +Inf, and that is the count.
fn check_histogram(name: &str, metric: &Metric) {
    let mut series: BTreeMap<Key, Vec<(f64, f64)>> = BTreeMap::new();
    for (_, key, value) in metric.samples.iter().filter(|(n, _, _)| n.ends_with("_bucket")) {
        let (le, others): (Key, Key) = key.iter().cloned().partition(|(label, _)| label == "le");
        let bound = le[0].1.replace("+Inf", "inf").parse().expect("a bound");
        series.entry(others).or_default().push((bound, *value));
    }
    assert!(!series.is_empty(), "{name} has no buckets");
    for (key, buckets) in series {
        assert!(buckets.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1), "{name} {key:?}");
        let (bound, last) = buckets[buckets.len() - 1];
        assert_eq!(bound, f64::INFINITY);
        let find = |suffix: &str| {
            let name = format!("{name}_{suffix}");
            let found = metric.samples.iter().find(|(n, k, _)| *n == name && *k == key);
            found.unwrap_or_else(|| panic!("no {name} {key:?}")).2
        };
        assert_eq!(find("count"), last);
        assert!(find("sum") >= 0.0);
    }
}

/// Of a device that nobody has touched.
fn fresh(rings: usize) -> Statistics {
    let setup = Setup { soc: &VIRT_ERA9, rings, decos: 3, fault_seed: 1 };
    let secrets = Secrets { seed: Some(1), master_key: None };
    Device::new(setup, secrets).unwrap().statistics(Duration::from_millis(1500))
}

fn value(metrics: &BTreeMap<String, Metric>, name: &str, wanted: &[(&str, &str)]) -> f64 {
    let metric = name.trim_end_matches("_bucket").trim_end_matches("_sum");
    let has = |key: &Key| {
        wanted.iter().all(|(n, v)| key.iter().any(|(a, b)| (a, b) == (&(*n).into(), &(*v).into())))
    };
    let mut found = metrics[metric].samples.iter().filter(|(n, key, _)| n == name && has(key));
    let sample = found.next().unwrap_or_else(|| panic!("no {name} {wanted:?}"));
    assert!(found.next().is_none(), "{name} {wanted:?} is more than one");
    sample.2
}

#[test]
fn a_fresh_device_is_a_document() {
    let metrics = read(&statistics(&fresh(4)));
    assert_eq!(value(&metrics, "caam_info", &[("soc", "virt-era9")]), 1.0);
    assert_eq!(value(&metrics, "caam_decos", &[]), 3.0);
    assert_eq!(value(&metrics, "caam_uptime_seconds", &[]), 1.5);
    assert_eq!(metrics["caam_ring_state"].samples.len(), 4 * STATES.len());
    let state = [("ring", "3"), ("state", "not-set-up")];
    assert_eq!(value(&metrics, "caam_ring_state", &state), 1.0);
    assert!(metrics["caam_operation_jobs_total"].samples.is_empty());
}

#[test]
fn counters_stand_where_they_belong() {
    let mut stats = fresh(2);
    let operation = |jobs, bytes| Operation {
        name: "aes-xts".into(),
        direction: "encrypt".into(),
        jobs,
        bytes,
    };
    stats.rings[1].jobs = 12;
    stats.rings[1].full_ns = 20_000_001;
    stats.rings[1].state = State::Stalled;
    stats.rings[1].operations = vec![operation(10, 5120)];
    stats.operations = vec![operation(11, 5184)];
    stats.rings[0].occupancy_time = vec![Band { from: 2, to: 3, ns: 250 }];
    stats.interrupts = Interrupts { raised: 7 };
    let times = &mut stats.rings[1].queue_wait;
    (times.count, times.sum_ns) = (6, 3_000_000_000);
    (times.buckets[0], times.buckets[2], times.buckets[12]) = (1, 2, 1);
    let metrics = read(&statistics(&stats));
    let get = |name: &str, labels: &[(&str, &str)]| value(&metrics, name, labels);
    assert_eq!(get("caam_interrupts_total", &[]), 7.0);
    assert_eq!(get("caam_ring_jobs_taken_total", &[("ring", "1")]), 12.0);
    assert_eq!(get("caam_ring_jobs_taken_total", &[("ring", "0")]), 0.0);
    assert_eq!(get("caam_ring_full_seconds_total", &[("ring", "1")]), 0.020_000_001);
    assert_eq!(get("caam_ring_state", &[("ring", "1"), ("state", "stalled")]), 1.0);
    assert_eq!(get("caam_ring_state", &[("ring", "1"), ("state", "running")]), 0.0);
    let aes = |ring| [("ring", ring), ("alg", "aes-xts"), ("direction", "encrypt")];
    assert_eq!(get("caam_operation_jobs_total", &aes("1")), 10.0);
    assert_eq!(get("caam_operation_jobs_total", &aes("none")), 1.0);
    assert_eq!(get("caam_operation_bytes_total", &aes("none")), 64.0);
    let band = [("ring", "0"), ("from", "2"), ("to", "3")];
    assert_eq!(get("caam_ring_occupancy_seconds_total", &band), 2.5e-7);
    let bucket = |le| get("caam_ring_queue_wait_seconds_bucket", &[("ring", "1"), ("le", le)]);
    assert_eq!(bucket("0.000001023"), 1.0);
    assert_eq!(bucket("0.000004095"), 1.0);
    assert_eq!(bucket("0.000016383"), 3.0);
    assert_eq!(bucket("17.179869183"), 4.0);
    assert_eq!(bucket("+Inf"), 6.0, "two were longer than all bounds");
    assert_eq!(get("caam_ring_queue_wait_seconds_sum", &[("ring", "1")]), 3.0);
}

#[test]
fn rules_are_labels_whatever_is_in_them() {
    let mut stats = fresh(1);
    stats.faults.rules = vec![crate::fault::RuleReport {
        name: "a \"b\\c\nd".into(),
        rule: "irq-lost:name=x".into(),
        toll: crate::fault::table::Toll::Device,
        matched: 8,
        fired: 3,
        remaining: None,
    }];
    let metrics = read(&statistics(&stats));
    let rule = [("rule", "a \"b\\c\nd"), ("kind", "irq-lost")];
    assert_eq!(value(&metrics, "caam_fault_matched_total", &rule), 8.0);
    assert_eq!(value(&metrics, "caam_fault_fired_total", &rule), 3.0);
}

#[test]
fn every_metric_is_documented() {
    let page = include_str!("../../docs/statistics.md");
    for name in read(&statistics(&fresh(1))).keys() {
        assert!(page.contains(&format!("`{name}`")), "docs/statistics.md: {name}");
    }
}

#[test]
fn seconds_are_exact() {
    for (ns, text) in [
        (0, "0"),
        (1, "0.000000001"),
        (1_500_000_000, "1.5"),
        (3_000_000_000, "3"),
        (u64::MAX, "18446744073.709551615"),
    ] {
        assert_eq!(seconds(ns), text);
    }
}
