use super::*;
use log::kv::Value;
use proptest::prelude::*;

fn filter(text: &str) -> Filter {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn problem(text: &str) -> String {
    text.parse::<Filter>().expect_err(text).to_string()
}

fn passes(filter: &str, about: &[(&str, &str)]) -> bool {
    let about: Vec<_> = about.iter().map(|(key, value)| (*key, Value::from(*value))).collect();
    self::filter(filter).passes(&about.as_slice())
}

#[test]
fn without_conditions_all_pass() {
    assert!(passes("", &[("ring", "1"), ("job", "7"), ("status", "0x40000f08")]));
    assert!(passes("debug", &[]));
}

#[test]
fn a_condition_drops_what_has_the_key_with_another_value() {
    for (filter, about, expected) in [
        ("ring=1", ("ring", "1"), true),
        ("ring=1", ("ring", "0"), false),
        ("ring=0|2", ("ring", "2"), true),
        ("ring=0,ring=2", ("ring", "2"), true),
        ("ring=0|2", ("ring", "1"), false),
        ("job=100..200", ("job", "100"), true),
        ("job=100..200", ("job", "200"), true),
        ("job=100..200", ("job", "201"), false),
        ("job=..5|9..", ("job", "7"), false),
        ("job=..5|9..", ("job", "9"), true),
        ("status=failed", ("status", "0x40000f08"), true),
        ("status=failed", ("status", "0x00000000"), false),
        ("status=ok", ("status", "0x00000000"), true),
        ("status=ccb/aes/icv-check", ("status", "0x20000a1a"), true),
        ("status=ccb/aes/icv-check", ("status", "0x2800551a"), true),
        ("status=ccb/aes/icv-check", ("status", "0x20000a1b"), false),
        ("status=0x20000a1a", ("status", "0x20000a1a"), true),
        ("status=0x20000a1a", ("status", "0x20000b1a"), false),
        ("status=deco/watchdog|ok", ("status", "0x00000000"), true),
    ] {
        assert_eq!(passes(filter, &[about]), expected, "{filter} {about:?}");
        assert!(passes(filter, &[("address", "0x1000")]), "{filter}: lines without the key stay");
    }
    let job = [("ring", "1"), ("job", "5"), ("status", "0x40000f08")];
    assert!(passes("ring=1,job=5,status=failed", &job));
    assert!(!passes("ring=1,job=6,status=failed", &job), "all conditions must hold");
}

#[test]
fn numbers_are_compared_as_such() {
    let about: &[(&str, Value<'_>)] =
        &[("ring", Value::from(2_usize)), ("job", Value::from(7_u64))];
    assert!(filter("ring=2,job=7").passes(&about));
    assert!(!filter("ring=2,job=8").passes(&about));
}

#[test]
fn levels_and_targets() {
    let levels = |text: &str| filter(text).levels().collect::<Vec<_>>();
    assert_eq!(levels("")[0], (None, LevelFilter::Info));
    assert_eq!(levels("ring=1")[0], (None, LevelFilter::Info));
    assert_eq!(levels("job=1,debug")[0], (None, LevelFilter::Debug));
    assert_eq!(levels("off"), [(None, LevelFilter::Off)]);
    assert_eq!(
        levels("warn,registers=rng|jobring")[1..],
        [
            (Some("caam_emu::registers::rng"), LevelFilter::Trace),
            (Some("caam_emu::registers::jobring"), LevelFilter::Trace)
        ]
    );
    assert_eq!(levels("registers=all").len(), 1 + Class::ALL.len());
}

#[test]
fn what_is_wrong_is_said_with_the_nearest_word() {
    for (text, said) in [
        ("debgu", "did you mean 'debug'?"),
        ("verbose", "'verbose' is neither a level"),
        ("ring", "did you mean 'ring'?"),
        ("rnig=1", "no key 'rnig'; did you mean 'ring'?"),
        ("ring=one", "ring=one: expected a ring's number"),
        ("ring=1|", "ring=: expected"),
        ("job=9..5", "job=9..5: expected a job's number"),
        ("job=-1", "job=-1: expected"),
        ("status=fialed", "did you mean 'failed'?"),
        ("status=ccb/aes/icv", "expected failed, ok, a word"),
        ("status=0x100000000", "expected failed, ok, a word"),
        ("registers=jobrings", "did you mean 'jobring'?"),
        ("registers=", "expected one of jobring, rng, ctrl, deco, version, config, all"),
        ("info,debug", "two levels: 'debug' is the second"),
    ] {
        let problem = problem(text);
        assert!(problem.contains(said), "{text}: {problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}

#[test]
fn the_help_names_every_word_and_its_examples_are_filters() {
    let words = LEVELS.iter().map(|(name, _)| *name).chain(KEYS.iter().copied());
    for word in words.chain(Class::ALL.iter().map(|(_, name, _)| *name)) {
        assert!(HELP.contains(word), "{word}");
    }
    let examples = HELP.lines().filter_map(|line| line.trim().strip_prefix("--log "));
    let filters: Vec<_> = examples
        .map(|line| line.split_whitespace().next().unwrap_or("").trim_matches('\''))
        .collect();
    assert_eq!(filters.len(), 4);
    for text in filters {
        filter(text);
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z=|,.0-9x/ -]{0,40}") {
        let _ = text.parse::<Filter>();
    }
}
