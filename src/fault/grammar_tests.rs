use super::super::rule::Rule;
use super::super::table::TABLE;
use super::*;
use proptest::prelude::*;

fn rule(text: &str) -> Rule {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn problem(text: &str) -> String {
    text.parse::<Rule>().expect_err(text).to_string()
}

#[test]
fn every_kind_has_an_example_that_is_of_that_kind() {
    for info in TABLE {
        let rule = rule(info.example);
        assert_eq!(rule.kind.info().name, info.name);
        assert_eq!(rule.to_string().parse::<Rule>().as_ref(), Ok(&rule), "{rule}");
    }
}

#[test]
fn every_key_of_every_kind_is_known_to_the_grammar() {
    for info in TABLE {
        for key in info.keys {
            // A value that no key takes: the complaint must be about it.
            let mut fields = Fields::from_text(info.example);
            fields.pairs.retain(|(name, _)| name != key.name);
            fields.pairs.push((key.name.to_owned(), "?".to_owned()));
            let (problem, at) = fields.rule("x").expect_err(key.name);
            assert!(problem.to_string().starts_with(&format!("{}=?: ", key.name)), "{problem}");
            assert_eq!(at.as_deref(), Some(key.name));
        }
    }
}

#[test]
fn every_common_key_works_together() {
    let text = "latency:fixed=1ms,name=x,ring=1,job=5..9,alg=aes-xts,dir=encrypt,length=1K..4K,\
                descriptor=0x1000,shared=0xabcd,from=1s,until=2s,occupancy=16,after-rule=y:3,after=2,\
                every=3,probability=0.25,times=7";
    let read = rule(text);
    assert_eq!(rule(&read.to_string()), read);
    assert_eq!(read.when.occupancy, Some(Occupancy::AtLeast(16)));
    assert_eq!(rule("stall:for=1ms,occupancy=full").when.occupancy, Some(Occupancy::Full));
    assert_eq!(rule("irq-lost:nth=3").when, When { after: 2, times: Some(1), ..When::default() });
    assert_eq!(rule("irq-lost:once").when, When { times: Some(1), ..When::default() });
}

#[test]
fn unknown_words_are_named_with_the_nearest_known_one() {
    assert!(problem("stal:for=1ms").contains("did you mean 'stall'?"));
    assert!(problem("stall:four=1ms").contains("stall has no key 'four'; did you mean 'for'?"));
    assert!(problem("data-skip:alg=aes-xtc").contains("did you mean 'aes-xts'?"));
    assert!(problem("jr-error:type=output-writ").contains("did you mean 'output-write'?"));
    assert!(!problem("zzzzzzzzzz").contains("did you mean"));
    assert!(problem("").contains("the kinds are: ring-depth, stall"));
}

#[test]
fn rules_that_can_never_match_are_refused() {
    for (text, why) in [
        ("irq-lost:alg=aes-xts", "has no 'alg'"),
        ("ring-depth:slots=4,job=7", "has no 'job'"),
        ("decos:count=1,ring=0", "has no 'ring'"),
        ("mmio-slow:by=1ms,occupancy=full", "has no 'occupancy'"),
        ("data-skip:job=9..5", "is empty"),
        ("data-skip:job=0", "numbered from 1"),
        ("data-skip:from=2s,until=1s", "'until' is not after 'from'"),
        ("dma-error:of=output-ring,access=2", "one entry"),
        ("mmio-slow:by=1ms,at=0x10000", "ends before"),
    ] {
        let problem = problem(text);
        assert!(problem.contains("never match") && problem.contains(why), "{text}: {problem}");
    }
    // These are ranges of values, not of events: another message, as clear.
    for text in
        ["data-skip:times=0", "data-skip:every=0", "data-skip:probability=0", "data-skip:nth=0"]
    {
        assert!(problem(text).contains("expected"), "{text}");
    }
}

#[test]
fn contradictions_and_gaps_are_told() {
    for (text, why) in [
        ("stall", "stall needs for=DURATION, release=full or release=manual, as in stall:"),
        ("stall:for=1ms,release=manual", "no time ends it"),
        ("stall:for=0ms", "above 0"),
        ("latency", "latency needs"),
        ("latency:uniform=2ms..1ms", "the shorter first"),
        ("status:value=0", "other than 0"),
        ("status:value=ccb/aes/icv", "expected a status word"),
        ("status:value=0x100000000", "expected a status word"),
        ("jr-error:type=0x02", "expected one of"),
        ("flush:outcome=slow", "by=DURATION"),
        ("flush:outcome=fail,by=1ms", "outcome=slow only"),
        ("reset-ring:outcome=fail", "expected one of slow, never"),
        ("mmio-slow:by=5s", "at most 4s"),
        ("output-entry", "entry=... or late=DURATION"),
        ("data-skip:once,times=3", "the same as times"),
        ("data-skip:nth=3,every=2", "the same as after, every"),
        ("data-skip:once=false", "expected no value"),
        ("data-skip:ring=4", "from 0 to 3"),
        ("data-skip:ring=1,ring=2", "'ring' stands twice"),
        ("data-skip:name=a b", "letters, digits"),
    ] {
        let problem = problem(text);
        assert!(problem.contains(why), "{text}: {problem}");
    }
}

#[test]
fn numbers_name_ring_errors_too() {
    assert_eq!(rule("jr-error:type=0x1").kind, rule("jr-error:type=output-write").kind);
    assert_eq!(rule("jr-error:type=17").kind, rule("jr-error:type=write-orwi").kind);
}

#[test]
fn the_problem_is_with_a_key() {
    let fields = Fields::from_text("stall:for=1ms,every=0");
    assert_eq!(fields.rule("x").expect_err("every=0").1.as_deref(), Some("every"));
    let fields = Fields::from_text("stall:for=1ms,color=blue");
    assert_eq!(fields.rule("x").expect_err("color").1.as_deref(), Some("color"));
    let fields = Fields::from_text("irq-lost:job=1");
    assert_eq!(fields.rule("x").expect_err("job").1.as_deref(), Some("job"));
}

proptest! {
    #[test]
    fn nothing_panics(text in ".{0,80}") {
        let _ = text.parse::<Rule>();
    }

    #[test]
    fn what_is_read_is_shown_and_read_again(
        kind in proptest::sample::select(TABLE),
        keys in proptest::collection::vec(proptest::sample::select(vec![
            "ring=1", "job=3..", "alg=aes-gcm", "dir=decrypt", "length=16", "after=3", "every=2",
            "times=9", "probability=0.5", "from=10ms", "until=1s", "occupancy=full", "name=z",
        ]), 0..6),
    ) {
        let separator = if kind.example.contains(':') { ',' } else { ':' };
        let text = format!("{}{separator}{}", kind.example, keys.join(","));
        if let Ok(rule) = text.parse::<Rule>() {
            prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
        }
    }
}
