use super::*;
use crate::fault::Faults;
use crate::fault::kind::{Kind, Release};
use crate::fault::plan::{self, Plan};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn drawn(seed: u64, number: u64) -> Vec<Rule> {
    plan(seed, number, "").expect("a plan")
}

#[test]
fn only_kinds_that_a_driver_can_live_with_are_for_random_plans() {
    for info in TABLE {
        let lives = matches!(info.toll, Toll::Time | Toll::Job);
        assert!(lives || info.random.is_empty(), "{}", info.name);
    }
}

#[test]
fn every_template_gives_rules_of_its_kind_at_both_ends_and_between() {
    for info in TABLE {
        for template in info.random {
            let texts: BTreeSet<_> = (0..200)
                .map(|n| format!("{}:{}", info.name, expand(template, &mut Stream::of(1, "x", n))))
                .collect();
            assert!(!template.contains('{') || texts.len() > 1, "{template}: always the same");
            for text in texts {
                let rule: Rule = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
                assert_eq!(rule.kind.info().name, info.name);
            }
        }
    }
}

/// What would hold the load for ever is no fault that a driver could live with.
#[test]
fn nothing_is_held_without_end() {
    for number in 0..2000 {
        for rule in drawn(3, number) {
            match rule.kind {
                Kind::Stall { release: Release { after, .. }, .. } => assert!(after.is_some()),
                Kind::DecoHang { length } => assert!(length.is_some()),
                _ => {}
            }
        }
    }
}

#[test]
fn all_kinds_meant_for_it_come_up_and_half_of_the_plans_cost_time_alone() {
    let plans: Vec<_> = (1..=1000).map(|number| drawn(7, number)).collect();
    let seen: BTreeSet<_> = plans.iter().flatten().map(|rule| rule.kind.info().name).collect();
    let meant = TABLE.iter().filter(|info| !info.random.is_empty()).map(|info| info.name);
    assert_eq!(seen, meant.collect());
    let calm = plans.iter().filter(|p| p.iter().all(|r| r.kind.info().toll == Toll::Time)).count();
    assert!((500..700).contains(&calm), "{calm}");
}

#[test]
fn values_are_between_their_ends_and_reach_them() {
    let mut seen = BTreeSet::new();
    for n in 0..2000 {
        let value = between(4, 19, &mut Stream::of(1, "x", n));
        assert!((4..=19).contains(&value));
        seen.insert(value);
    }
    assert_eq!(seen.len(), 16);
    for n in 0..200 {
        let value = choose("0.0001..0.002", &mut Stream::of(1, "x", n));
        let value: f64 = value.parse().expect("a number");
        assert!((0.0001..=0.002).contains(&value));
        assert_eq!(choose("5..5", &mut Stream::of(1, "x", n)), "5");
    }
    assert_eq!([short(0), short(9), short(12), short(123), short(98_765)], [0, 9, 12, 120, 98_000]);
}

#[test]
fn rules_about_jobs_are_about_the_jobs_that_were_named() {
    let plans = (0..100).flat_map(|number| plan(1, number, "alg=aes-cbc").expect("a plan"));
    for rule in plans {
        assert_eq!(rule.matching.algorithm.is_some(), rule.kind.site().has_job(), "{rule}");
    }
    let problem = plan(1, 1, "alg=aes-xtc").expect_err("no algorithm").to_string();
    assert!(problem.contains("did you mean 'aes-xts'?"), "{problem}");
    assert!(plan(1, 1, "by=1ms").is_err());
}

/// Who has a seed and a number in an old report must get that plan again. If this fails because the
/// table of kinds has changed, take the new text, and say in the changelog that old seeds are void.
#[test]
fn a_plan_stays_what_it_is() {
    let rules: Vec<_> = drawn(7, 1).iter().map(ToString::to_string).collect();
    assert_eq!(rules, PLAN_7_1);
}

const PLAN_7_1: &[&str] = &[
    "reorder:window=4,within=19ms,name=p1-reorder,probability=0.13",
    "stall:for=290ms,release=full,name=p1-stall,probability=0.00062,times=13",
    "table-overread:action=fail,name=p1-table-overread",
    "decos:count=3,name=p1-decos,probability=0.11",
];

proptest! {
    #[test]
    fn plans_are_repeatable_legal_and_survive_being_written(
        seed in 0..i64::MAX as u64, number: u64,
    ) {
        let rules = drawn(seed, number);
        prop_assert_eq!(&rules, &drawn(seed, number));
        prop_assert!((1..=MOST_RULES).contains(&rules.len()));
        let text = plan::write(seed, &rules);
        let read = Plan::parse(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        prop_assert_eq!(read.seed, Some(seed));
        let fields: Vec<_> = read.rules.iter().map(|entry| entry.fields.clone()).collect();
        let faults = Faults::new(seed, 1);
        prop_assert!(faults.add_all(&fields).is_ok(), "{}", text);
        let listed: Vec<_> = faults.list().into_iter().map(|report| report.rule).collect();
        prop_assert_eq!(listed, rules.iter().map(ToString::to_string).collect::<Vec<_>>());
    }

    #[test]
    fn templates_of_any_text_do_not_panic(
        template in r"([a-z0-9.{}|,=]{0,20}|\{[0-9]{1,3}(ms|us|s)?\.\.[0-9]{1,3}(ms|us|s)?\}){0,4}",
        seed: u64,
    ) {
        let _ = expand(&template, &mut Stream::of(seed, "x", 1));
    }
}
