use super::*;
use proptest::prelude::*;

fn faults(rules: &[&str]) -> Faults {
    let faults = Faults::new(7, 4);
    for rule in rules {
        faults.add(&Fields::from_text(rule)).unwrap_or_else(|(e, _)| panic!("{rule}: {e}"));
    }
    faults
}

fn job(number: u64) -> Facts {
    Facts { number, descriptor: 0x1000 + number * 0x100, ..Facts::default() }
}

/// The numbers of the events, of `count` jobs on ring 0, at which something fires.
fn firing(faults: &Faults, count: u64) -> Vec<u64> {
    let fires = |n: &u64| {
        let facts = job(*n);
        let event = Event { ring: Some(0), job: Some(&facts), ..Event::default() };
        !faults.at(Site::Job, &event).is_empty()
    };
    (1..=count).filter(fires).collect()
}

#[test]
fn when() {
    for (rule, expected) in [
        ("data-skip", vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("data-skip:after=7", vec![8, 9, 10]),
        ("data-skip:every=4", vec![4, 8]),
        ("data-skip:after=2,every=3", vec![5, 8]),
        ("data-skip:every=2,times=3", vec![2, 4, 6]),
        ("data-skip:nth=5", vec![5]),
        ("data-skip:once", vec![1]),
        ("data-skip:job=3..4", vec![3, 4]),
        ("data-skip:job=3..,every=2", vec![4, 6, 8, 10]),
        ("data-skip:descriptor=0x1500", vec![5]),
        ("data-skip:ring=1", vec![]),
    ] {
        assert_eq!(firing(&faults(&[rule]), 10), expected, "{rule}");
    }
}

#[test]
fn matches_count_what_the_gates_let_through() {
    let faults = faults(&["data-skip:from=1s,until=2s,occupancy=4,every=2"]);
    let facts = job(1);
    let at = |ms, occupancy| {
        let now = Duration::from_millis(ms);
        let event = Event { now, ring: Some(0), occupancy, full: false, job: Some(&facts) };
        !faults.at(Site::Job, &event).is_empty()
    };
    let fired = [at(999, 9), at(1000, 3), at(1000, 4), at(1999, 5), at(2000, 9), at(1500, 4)];
    assert_eq!(fired, [false, false, false, true, false, false]);
    let report = &faults.list()[0];
    assert_eq!((report.matched, report.fired, report.remaining), (3, 1, None));
}

#[test]
fn a_full_ring_and_facts() {
    let faults = faults(&[
        "data-skip:occupancy=full,name=full",
        "data-skip:alg=aes-xts,dir=encrypt,length=..512,shared=5,name=facts",
    ]);
    assert!(faults.needs_facts(Site::Job));
    assert!(!faults.needs_facts(Site::Take));
    let mut facts = job(1);
    facts.algorithms = [None, Some(Work::AesXts)];
    facts.direction = Some(Direction::Encrypt);
    facts.length = 512;
    facts.shared = Some(5);
    let names = |full, facts: &Facts| {
        let event = Event { ring: Some(0), full, job: Some(facts), ..Event::default() };
        faults.at(Site::Job, &event).len()
    };
    assert_eq!(names(false, &facts), 1);
    assert_eq!(names(true, &facts), 2);
    facts.length = 513;
    assert_eq!(names(false, &facts), 0);
}

#[test]
fn a_rule_waits_for_another() {
    let faults = faults(&["status:value=jr/1,name=a,every=3", "data-skip:after-rule=a:2,times=2"]);
    let kinds = |n| {
        let facts = job(n);
        let event = Event { ring: Some(0), job: Some(&facts), ..Event::default() };
        faults.at(Site::Job, &event).iter().any(|f| f.kind == Kind::DataSkip)
    };
    // The event at which it fires the second time opens the gate for the rules behind it.
    assert_eq!((1..=9).filter(|&n| kinds(n)).collect::<Vec<_>>(), [6, 7]);
    assert_eq!(faults.list()[1].remaining, Some(0));
}

#[test]
fn rules_come_and_go() {
    let faults = faults(&["data-skip", "data-skip"]);
    assert!(faults.armed(Site::Job) && !faults.armed(Site::Take));
    let names: Vec<_> = faults.list().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["data-skip-1", "data-skip-2"]);
    assert_eq!(faults.clear(Some("data-skip-2")), Ok(1));
    let why = faults.clear(Some("data-skip-2")).expect_err("gone");
    assert!(why.contains("did you mean 'data-skip-1'?"), "{why}");
    // A name is not used again, so that counts of an old rule are not taken for a new one's.
    assert_eq!(faults.add(&Fields::from_text("data-skip")), Ok("data-skip-3".to_owned()));
    let twice = faults.add(&Fields::from_text("data-skip:name=data-skip-3"));
    assert!(twice.expect_err("taken").0.to_string().contains("a rule of that name exists"));
    assert_eq!(
        faults.add(&Fields::from_text("stall:for=1ms,after-rule=data-skip-3")).map(|_| ()),
        Ok(())
    );
    let why = faults.clear(Some("data-skip-3")).expect_err("waited for");
    assert!(why.contains("waits for it"), "{why}");
    assert_eq!(faults.clear(None), Ok(3));
    assert!(!faults.armed(Site::Job) && faults.list().is_empty());
}

#[test]
fn rings_that_are_not_there_never_match() {
    let faults = Faults::new(0, 2);
    let (problem, key) =
        faults.add(&Fields::from_text("stall:for=1ms,ring=2")).expect_err("ring 2");
    assert!(problem.to_string().contains("the device has 2 job rings"), "{problem}");
    assert_eq!(key.as_deref(), Some("ring"));
}

#[test]
fn there_is_a_limit() {
    let faults = Faults::new(0, 4);
    for _ in 0..MAX_RULES {
        faults.add(&Fields::from_text("irq-lost:once")).expect("room");
    }
    assert!(faults.add(&Fields::from_text("irq-lost:once")).is_err());
}

#[test]
fn chance_depends_on_the_seed_and_comes_out_about_right() {
    let fired = |seed| {
        let faults = Faults::new(seed, 4);
        faults.add(&Fields::from_text("data-skip:probability=0.2")).expect("a rule");
        firing(&faults, 5000)
    };
    assert_eq!(fired(1), fired(1));
    assert_ne!(fired(1), fired(2));
    assert!((900..1100).contains(&fired(1).len()), "{}", fired(1).len());
}

proptest! {
    #[test]
    fn counts_are_predicted_from_the_seed(
        seed: u64,
        after in 0_u64..20,
        every in 1_u64..5,
        probability in 1_u32..=100,
        times in 1_u64..50,
        count in 0_u64..300,
    ) {
        let p = f64::from(probability) / 100.0;
        let text = format!("data-skip:after={after},every={every},probability={p},times={times}");
        let faults = Faults::new(seed, 4);
        faults.add(&Fields::from_text(&text)).expect("a rule");
        let fired = firing(&faults, count).len() as u64;
        let rule = text.parse().expect("the rule");
        prop_assert_eq!(fired, predict(&rule, seed, count));
        let report = &faults.list()[0];
        prop_assert_eq!((report.matched, report.fired), (count, fired));
    }
}
